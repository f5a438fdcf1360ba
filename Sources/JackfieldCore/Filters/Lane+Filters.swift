// SPDX-License-Identifier: Apache-2.0
// Filters: what looks at requests on their way out and at results on their way back.

import CJackfield
import MCP

extension Lane {
    /// Shows a filter the request of a call.
    func filterRequest(
        _ call: Call, _ filter: FilterBinding, _ target: Target, _ envelope: Envelope,
        _ body: UnsafeRawBufferPointer, at path: String
    ) -> AdmissionStep {
        .passed
    }
}
