// SPDX-License-Identifier: Apache-2.0
// Hedged calls: when a call that is late is sent to a second replica as well, and what its two tries know of each other.
// After J. Dean, L. A. Barroso, "The Tail at Scale", Communications of the ACM 56(2), 2013.

import MCP
import Synchronization

/// When a call is made at a second endpoint beside the first. Only where it is safe to make it twice.
public struct HedgePlan: Sendable, Equatable {
    /// How long the first try may take until then, in nanoseconds.
    public enum Delay: Sendable, Equatable {
        case fixed(UInt64)
        /// What so many per cent of the server's calls took lately, and never less than `atLeast`.
        case percentile(Int, atLeast: UInt64)
    }

    public var delay: Delay
    /// Patterns for the server's own names of tools; empty: all. Resources, prompts and completions always are.
    public var tools: [String] = []
    /// Second tries as a percentage of calls, over time.
    public var budget = 10

    public init(delay: Delay) { self.delay = delay }
}

/// What a server's hedges go by, on all loops. Any thread.
final class ServerHedge: Sendable {
    /// The percentile is found anew after so many calls.
    private static let stride = 16

    let plan: HedgePlan
    let budget: RetryBudget
    private let patterns: [Pattern]
    private let estimate = Mutex(LatencyEstimate())
    /// The percentile as it was last found; 0: not yet.
    private let learnt = Atomic<UInt64>(0)

    init(_ plan: HedgePlan) {
        self.plan = plan
        budget = RetryBudget(percent: plan.budget)
        patterns = plan.tools.map { Pattern($0) }
    }

    /// How long a first try may take; nil while that is not known.
    var delay: UInt64? {
        switch plan.delay {
        case .fixed(let delay): return delay
        case .percentile(_, let floor):
            let known = learnt.load(ordering: .relaxed)
            return known == 0 ? nil : max(known, floor)
        }
    }

    func covers(_ method: Method, _ name: String) -> Bool {
        method != .toolsCall || patterns.isEmpty || patterns.contains { $0.matches(name) }
    }

    /// Takes the latency of a first try, or how long it was waited for.
    func observe(_ latency: UInt64, _ now: UInt64) {
        guard case .percentile(let percent, _) = plan.delay else { return }
        let found = estimate.withLock { estimate -> UInt64? in
            estimate.add(latency, now)
            return estimate.total % Self.stride == 0 || learnt.load(ordering: .relaxed) == 0
                ? estimate.percentile(percent) : nil
        }
        if let found { learnt.store(found, ordering: .relaxed) }
    }
}

/// A call and its hedge, made when the hedge is. Belongs to their lane.
final class Hedging {
    /// How the call's own try ended, where its hedge has yet to.
    enum Own {
        /// Nothing came; `isWhole`: `why` names the server already.
        case failed(begun: Bool, outcome: Int32, why: String, isWhole: Bool)
        /// An error, padded, and the transport's status.
        case refused([UInt8], Int32)
    }

    /// Handles: the call's, and its hedge's, 0 once that is over.
    let parent: UInt64
    var hedge: UInt64
    var own: Own?
    /// The hedge answered first: what came of it is the call's.
    var isWon = false

    init(parent: UInt64, hedge: UInt64) {
        self.parent = parent
        self.hedge = hedge
    }
}
