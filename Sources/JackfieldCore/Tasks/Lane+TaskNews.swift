// SPDX-License-Identifier: Apache-2.0
// Changes of tasks, for those who listen for them.

import MCP

extension Lane {
    func taskNews(_ id: String, _ handle: UInt64) {}
}
