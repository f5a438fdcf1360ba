// SPDX-License-Identifier: Apache-2.0
// Who asks: the providers' answer for what a request brought with it.

import CJackfield
import MCP

extension Lane {
    /// Whom a request is made for; nil: it was refused, or is held until a provider answers.
    func identify(_ client: Client, _ message: jf_message, _ envelope: Envelope, _ view: View) -> Principal? {
        .nobody
    }
}
