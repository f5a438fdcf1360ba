// SPDX-License-Identifier: Apache-2.0
// How far a rollout has come, and what each call's end makes of it. No clock, no lock, no I/O.

/// Calls of one version.
struct VersionCounts: Sendable {
    var calls = 0
    var failures = 0
    /// Of those that did not fail.
    var latencies = LatencyHistogram()

    mutating func count(failed: Bool, latency: UInt64) {
        calls += 1
        if failed { failures += 1 } else { latencies.count(latency) }
    }

    static func + (one: VersionCounts, other: VersionCounts) -> VersionCounts {
        var sum = one
        sum.calls += other.calls
        sum.failures += other.failures
        sum.latencies.add(other.latencies)
        return sum
    }
}

/// A rollout's state. Whoever calls its methods says what time it is, in nanoseconds.
struct RolloutTrack: Sendable {
    enum State: String, Sendable {
        case running, paused, complete
        case rolledBack = "rolled_back"
    }

    enum Event: Equatable, Sendable {
        case climbed(share: Int)
        case completed
        case rolledBack(why: String)
    }

    let plan: RolloutPlan
    private(set) var state = State.running
    /// Why it is as it is; empty while it runs by itself.
    private(set) var reason = ""
    /// Index into the plan's steps.
    private(set) var step = 0
    /// When the step's first call of the new version ended; nil: none has.
    private(set) var stepBegan: UInt64?
    /// Of this step.
    private(set) var new = VersionCounts()
    private(set) var old = VersionCounts()
    /// Of the old version in the step before, for a step that leaves it no calls.
    private var oldBefore = VersionCounts()
    /// Of the new version since the rollout began.
    private(set) var callsInAll = 0
    private(set) var failuresInAll = 0

    init(_ plan: RolloutPlan) { self.plan = plan }

    /// The new version's part of the calls, in hundredths of a percent.
    var share: Int {
        switch state {
        case .running, .paused: plan.steps[step]
        case .complete: 10000
        case .rolledBack: 0
        }
    }

    /// Takes a call's end. Returns what became of the rollout.
    mutating func ended(isNew: Bool, failed: Bool, latency: UInt64, now: UInt64) -> Event? {
        guard isNew else {
            old.count(failed: failed, latency: latency)
            return nil
        }
        callsInAll += 1
        if failed { failuresInAll += 1 }
        new.count(failed: failed, latency: latency)
        guard state == .running || state == .paused else { return nil }
        let began = stepBegan ?? now
        stepBegan = began
        if let why = excess {
            state = .rolledBack
            reason = why
            return .rolledBack(why: why)
        }
        guard state == .running, new.calls >= plan.minimumCalls, now &- began >= plan.every else {
            return nil
        }
        guard step + 1 < plan.steps.count else {
            state = .complete
            reason = "it kept to its budgets in all steps"
            return .completed
        }
        begin(step + 1)
        return .climbed(share: share)
    }

    /// What the old version did lately: in this step, or, where that is too little, in the one before as well.
    var reference: VersionCounts { old.calls >= plan.minimumCalls ? old : old + oldBefore }

    /// In what the new version exceeds its budgets; nil: it keeps to them.
    ///
    /// A rate is of `minimumCalls` at least. So a few failures among the first calls are enough as soon as even that many
    /// calls without a further one could not make up for them, and one unlucky first call is not.
    private var excess: String? {
        let old = reference
        let floor = plan.minimumCalls
        let newRate = Double(new.failures) / Double(max(new.calls, floor))
        let oldRate = Double(old.failures) / Double(max(old.calls, floor))
        if newRate > oldRate + Double(plan.errorRate) / 10000 {
            return
                "\(new.failures) of its \(new.calls) calls failed, \(old.failures) of the old version's \(old.calls)"
        }
        guard let factor = plan.latency, new.latencies.total >= floor, old.latencies.total >= floor,
            let slow = new.latencies.percentile(95), let usual = old.latencies.percentile(95)
        else { return nil }
        // Bounds of the two classes, so that their width decides nothing; and what nobody notices does not either.
        guard Double(slow.lowerBound) * 100 > Double(usual.upperBound) * Double(factor),
            slow.lowerBound > usual.upperBound + Self.noticeable
        else { return nil }
        return "95 % of its calls take up to \(milliseconds(slow.upperBound)) ms, the old version's "
            + "\(milliseconds(usual.upperBound)) ms"
    }

    /// Less than this, in nanoseconds, is not slower.
    private static let noticeable: UInt64 = 10_000_000

    private mutating func begin(_ next: Int) {
        step = next
        stepBegan = nil
        new = VersionCounts()
        oldBefore = old.calls >= plan.minimumCalls ? old : old + oldBefore
        old = VersionCounts()
    }

    // MARK: Commands. Each returns why it is refused; nil: it is done.

    mutating func promote() -> String? {
        guard state != .complete else { return "all calls go to version \(plan.version) already" }
        state = .complete
        reason = "by command"
        return nil
    }

    mutating func rollBack() -> String? {
        guard state != .rolledBack else { return "version \(plan.version) gets no calls already: \(reason)" }
        state = .rolledBack
        reason = "by command"
        return nil
    }

    mutating func pause() -> String? {
        guard state == .running else { return "it does not run: it is \(word)" }
        state = .paused
        reason = "by command"
        return nil
    }

    /// Goes on where it was paused; after a rollback, or at its end, begins anew.
    mutating func resume() -> String? {
        guard state != .running else { return "it runs" }
        if state != .paused {
            let counts = (callsInAll, failuresInAll)
            self = RolloutTrack(plan)
            (callsInAll, failuresInAll) = counts
        }
        state = .running
        reason = ""
        return nil
    }

    var word: String { state == .rolledBack ? "rolled back" : state.rawValue }
}

private func milliseconds(_ nanoseconds: UInt64) -> Double { Double(nanoseconds / 10_000) / 100 }

/// `12.5 %`, of hundredths of a percent.
func percentText(_ hundredths: Int) -> String {
    let text = hundredths % 100 == 0 ? String(hundredths / 100) : String(Double(hundredths) / 100)
    return text + " %"
}
