// SPDX-License-Identifier: Apache-2.0
// Why no endpoint takes a call, in words for whoever made it.

import CJackfield
import JSON
import MCP

extension Lane {
    /// Fails a call that no endpoint of its server takes.
    func failUnplaced(_ call: Call, _ target: Target, _ server: Server, _ statuses: [EndpointStatus]) {
        let name = server.name
        func failBusy(_ text: String, _ reason: String) {
            fail(
                call, .internalError, "server \(name) \(text)",
                data: "{\"server\":\(String(decoding: JSONWriter.quoted(name), as: UTF8.self)),"
                    + "\"reason\":\"\(reason)\"}",
                status: JF_STATUS_UNAVAILABLE, retryAfter: 5000)
        }
        func isUp(_ at: Int) -> Bool { statuses[at].state == .up }
        if statuses.indices.contains(where: isUp) {
            if let fit = target.fit, !statuses.indices.contains(where: { isUp($0) && fit.contains($0) }) {
                return failBusy(
                    "has no replica up at the moment whose definition of the tool is compatible with the one listed",
                    "version")
            }
            if let rollout = server.rollout, rollout.isClosed,
                !statuses.indices.contains(where: { isUp($0) && !rollout.isNew[$0] })
            {
                return failBusy(
                    "is not available: its version \(rollout.plan.version) was rolled back, and no replica of another version is up",
                    "rolled_back")
            }
        } else if statuses.contains(where: { $0.state == .draining }) {
            return failBusy("is being drained and takes no new calls for now; try again later", "draining")
        }
        let state = statuses.contains { $0.state == .connecting } ? "it is still starting" : "it is down"
        fail(call, .internalError, "server \(name) is not available: \(state); see the gateway's log")
    }
}
