// SPDX-License-Identifier: Apache-2.0
// The lock in a running gateway: judged when a catalogue is built, and what servers list for those who write one.

extension Gateway {
    /// Judges the servers whose listings are new. Control loop only.
    func judgeListings() {
        for at in records.indices { records[at].ruling = drift.judge(records[at], now: control.now) }
    }

    /// What each server lists of tools, as it is shown; nil for one whose list did not come. Control loop only (see
    /// `perform`).
    public func listedTools() -> [(server: String, tools: [ToolDefinition]?)] {
        records.map { record in
            guard let listing = record.listing, !listing.failed.contains(.tools) else {
                return (record.server.name, nil)
            }
            let tools = listing[.tools].filter { record.server.plan.tools.shows($0.key) }
            return (record.server.name, tools.compactMap { ToolDefinition($0) })
        }
    }
}
