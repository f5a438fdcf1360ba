// SPDX-License-Identifier: Apache-2.0
// The builds of one plugin that this process has loaded, and how far each has come.

import Synchronization

/// One build of a plugin in this process. Its image stays mapped for good; its instances come and go. Any thread.
final class PluginGeneration: Sendable {
    enum State: String, Sendable {
        /// Its instances are made and its servers proved; nothing is sent to it.
        case loading
        /// New calls go to it; its predecessor stands ready.
        case trial
        case current
        /// Nothing new goes to it; what is under way may end.
        case draining
        /// No instance is left.
        case retired
    }

    /// Counts up from 1 for each plugin.
    let number: Int
    let library: PluginLibrary
    private let held: Mutex<(state: State, reason: String)>
    /// That it is slow was dealt with, one way or the other.
    let isSlowKnown = Atomic<Bool>(false)

    init(_ library: PluginLibrary, number: Int = 1, state: State = .current) {
        self.library = library
        self.number = number
        held = Mutex((state, ""))
    }

    var id: String { library.manifest.id }
    var state: State { held.withLock { $0.state } }
    /// Why it is in this state, where that is not plain; one clause.
    var reason: String { held.withLock { $0.reason } }

    func become(_ state: State, _ reason: String = "") { held.withLock { $0 = (state, reason) } }
}

/// What an instance was given to do and how it ended. Belongs to a lane; sums travel as values.
struct PluginTally: Sendable, Equatable {
    var calls: UInt64 = 0
    var failures: UInt64 = 0

    /// 0 to 1; nothing done is no failure.
    var failureRate: Double { calls == 0 ? 0 : Double(failures) / Double(calls) }

    static func + (a: PluginTally, b: PluginTally) -> PluginTally {
        PluginTally(calls: a.calls + b.calls, failures: a.failures + b.failures)
    }
}

/// How much worse than its predecessor a new generation may be.
public struct ErrorBudget: Sendable, Equatable {
    /// Fewer calls than this say nothing.
    public var calls: UInt64 = 10
    /// Percentage points by which its failure rate may exceed the old one's.
    public var excess = 5

    public init() {}

    func isSpent(_ new: PluginTally, before old: PluginTally) -> Bool {
        new.calls >= calls && new.failureRate > old.failureRate + Double(excess) / 100
    }
}

/// How plugins are replaced while the gateway runs.
public struct SwapPlan: Sendable, Equatable {
    /// How long the old generation stands ready after the switch, in nanoseconds.
    public var trial: UInt64 = 30_000_000_000
    public var budget = ErrorBudget()
    /// Images of one plugin that may be mapped.
    public var generations = 4

    public init() {}
}

/// What becomes known of a swap on its way.
public struct SwapReport: Sendable {
    public enum Step: String, Sendable {
        case loaded, probed, trial, done
        case rolledBack = "rolled-back"
        /// Nothing was begun.
        case refused
    }

    public let step: Step
    public let plugin: String
    /// The new generation; 0 before it has a number.
    public let generation: Int
    /// One sentence.
    public let text: String

    public var isFinal: Bool { step == .done || step == .rolledBack || step == .refused }
}

/// Why a swap is not begun; one sentence with what to do.
public struct SwapProblem: Error, Sendable, CustomStringConvertible {
    public let description: String
    public init(_ description: String) { self.description = description }
}

/// A generation as operators see it.
public struct GenerationSummary: Sendable {
    public let plugin: String
    public let number: Int
    public let version: String
    public let digest: String
    public let path: String
    public let state: String
    public let reason: String
    public let placement: String
    /// Loops on which it has an instance.
    public let instances: Int
    public let openCalls: Int
    public let channels: Int
    public let clients: Int
    public let calls: UInt64
    public let failures: UInt64
    /// One for each instance that runs in a cell.
    public let cells: [CellSummary]
}
