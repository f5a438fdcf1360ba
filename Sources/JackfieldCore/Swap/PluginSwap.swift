// SPDX-License-Identifier: Apache-2.0
// One swap under way: what it replaces, how far it is, what has to be true before it goes on.

/// Belongs to the control loop, and is only named elsewhere (`@unchecked Sendable`).
final class PluginSwap: @unchecked Sendable {
    enum Phase: String { case loading, creating, proving, switching, trial, ending }

    let id: String
    let file: String
    let old: PluginGeneration
    let report: @Sendable (SwapReport) -> Void
    var new: PluginGeneration?
    var phase = Phase.loading
    /// What the configuration looks like with the new build's defaults, and as it was.
    var plan: GatewayPlan?
    var choice: PluginChoice?
    var oldPlan: GatewayPlan?
    var oldChoice: PluginChoice?
    /// Servers on the new generation that have to prove themselves, by name.
    var proving: [String: ServerRecord] = [:]
    /// Those that were up before, and thus have to come up.
    var mustProve: Set<String> = []
    /// How the old generation did until the switch.
    var before = PluginTally()
    /// When the trial is over, in monotonic nanoseconds.
    var trialEnds: UInt64 = 0

    init(
        _ id: String, _ file: String, old: PluginGeneration, report: @escaping @Sendable (SwapReport) -> Void
    ) {
        self.id = id
        self.file = file
        self.old = old
        self.report = report
    }

    /// Whether all servers that must have come up, and the others have had their chance.
    var isProved: Bool {
        proving.allSatisfy { name, record in
            mustProve.contains(name)
                ? record.isUp && record.listing != nil
                : record.isUp && record.listing != nil || record.isDown
        }
    }

    /// A server that was up and is not with the new generation: its name and why.
    var failure: (server: String, why: String)? {
        for (name, record) in proving where mustProve.contains(name) && record.isDown {
            return (name, record.statuses.first?.reason ?? "it is down")
        }
        return nil
    }
}

extension ServerRecord {
    /// No endpoint works, and each has had its chance.
    var isDown: Bool { statuses.allSatisfy { $0.state == .down } }

    func uses(_ generation: PluginGeneration) -> Bool {
        server.endpoints.contains { $0.plugin === generation }
    }
}
