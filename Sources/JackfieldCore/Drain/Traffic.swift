// SPDX-License-Identifier: Apache-2.0
// What operators asked for about servers' calls, beside the configuration.

/// Replicas of one server that get no new calls.
struct Drain: Sendable, Equatable {
    /// The replicas that it was said of: it ends when they change.
    let replicas: [EndpointPlan]
    var indexes: Set<Int> = []
}

/// Belongs to the control loop.
final class Traffic {
    /// By server.
    private(set) var drains: [String: Drain] = [:] {
        didSet { if drains != oldValue { kept?.write(drains) } }
    }
    /// Where they outlast the process; nil: nowhere.
    private var kept: KeptDrains?
    var fits = FitCache()
    var versionRecords = LogBudget()

    func keep(_ kept: KeptDrains, _ servers: [ServerPlan]) {
        drains = kept.read(servers)
        self.kept = kept
    }

    func drain(_ plan: ServerPlan, _ indexes: Set<Int>) {
        var drain = holding(plan) ?? Drain(replicas: plan.endpoints)
        drain.indexes.formUnion(indexes)
        drains[plan.name] = drain
    }

    func undrain(_ plan: ServerPlan, _ indexes: Set<Int>) {
        guard var drain = holding(plan) else { return }
        drain.indexes.subtract(indexes)
        drains[plan.name] = drain.indexes.isEmpty ? nil : drain
    }

    /// What holds for a server of this plan; nil: nothing.
    func holding(_ plan: ServerPlan) -> Drain? {
        guard let drain = drains[plan.name], drain.replicas == plan.endpoints else { return nil }
        return drain
    }

    /// A server has other replicas now, or is gone: what was said of those before is over. Returns whether there was
    /// something.
    func forget(_ name: String) -> Bool { drains.removeValue(forKey: name) != nil }

    /// The states of a server's endpoints as calls see them.
    func shown(_ record: ServerRecord) -> [EndpointStatus] {
        guard !drains.isEmpty, let drain = holding(record.server.plan) else { return record.statuses }
        return record.statuses.enumerated().map { at, status in
            guard status.state == .up, drain.indexes.contains(at) else { return status }
            var drained = status
            drained.state = .draining
            drained.reason = "drained by command; 'jackfield undrain' ends it"
            return drained
        }
    }
}
