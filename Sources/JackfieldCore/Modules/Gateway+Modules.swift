// SPDX-License-Identifier: Apache-2.0
// A reload's new providers, policies and filters: attached on every loop before any of them counts.

import CJackfield
import Synchronization

extension Gateway {
    /// Attaches what the plan at start names, before the loops run.
    func attachModules() throws(PluginFailure) {
        noteExchanges(plan)
        for lane in lanes { lane.adopt(try lane.attached(plan)) }
    }

    private func noteExchanges(_ plan: GatewayPlan) {
        exchanges.store(
            plan.servers.contains { server in
                server.credentials.flatMap { choice.module(.credentials, $0.kind)?.modules[.credentials] }?
                    .exchanges == true
            }, ordering: .relaxed)
    }

    /// Attaches what a new plan names on every loop, then leads everything there; where a plugin refuses, nothing changes.
    /// - Parameter then: on the control loop, once everything is attached and before it counts.
    func attachModules(_ new: GatewayPlan, then: @escaping @Sendable () -> Void) {
        noteExchanges(new)
        guard
            new.auth != plan.auth || new.policies != plan.policies || new.filters != plan.filters
                || new.tenants != plan.tenants
        else { return then() }
        let round = AttachRound(lanes.count)
        onEveryLane { lane in
            var refusal: String?
            do throws(PluginFailure) { lane.nextModules = try lane.attached(new) } catch {
                refusal = error.description
            }
            let why = refusal
            self.control.post {
                guard let refusals = round.ended(why) else { return }
                guard let first = refusals.first else {
                    then()
                    return self.onEveryLane { $0.adoptNext() }
                }
                self.log.write(.error, "reload changed nothing: \(first)")
                self.reloadEnded(refusals)
                self.onEveryLane { $0.dropNext() }
            }
        }
    }
}

/// Counts lanes that have attached; on the control loop.
private final class AttachRound: @unchecked Sendable {
    private var left: Int
    private var refusals: [String] = []

    init(_ lanes: Int) { left = lanes }

    /// - Returns: all refusals once the last lane has ended; nil before.
    func ended(_ refusal: String?) -> [String]? {
        if let refusal { refusals.append(refusal) }
        left -= 1
        return left == 0 ? refusals : nil
    }
}

extension Lane {
    fileprivate func adoptNext() {
        guard let new = nextModules else { return }
        nextModules = nil
        adopt(new)
    }

    fileprivate func dropNext() {
        guard let new = nextModules else { return }
        nextModules = nil
        for binding in new.all where !modules.all.contains(where: { $0 === binding }) { binding.leave() }
    }
}
