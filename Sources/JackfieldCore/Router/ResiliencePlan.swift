// SPDX-License-Identifier: Apache-2.0
// What is asked of a server's breaker, its retries and its room, as plain values.

/// When an endpoint gets no calls for a while (circuit breaker; Nygard, "Release It!", 2007).
public struct BreakerPlan: Sendable, Equatable {
    public var isEnabled = true
    /// Failures in a row that open it.
    public var failures = 5
    /// Percentage of the last ten seconds' calls that open it, from `minimumCalls` on; 100: never by rate.
    public var errorRate = 50
    public var minimumCalls = 20
    /// An answer that takes longer counts towards the rate, in nanoseconds; 0: none does.
    public var latency: UInt64 = 0
    /// How long it stays open the first time, in nanoseconds; twice as long each further time in a row.
    public var openFor: UInt64 = 2_000_000_000
    public var longest: UInt64 = 60_000_000_000
    /// How long an endpoint that came back takes to get its full share, in nanoseconds; 0: at once.
    public var slowStart: UInt64 = 10_000_000_000

    public init() {}
}

/// When a call is made once more. Only where it is known to be safe: the server has not begun, or the tool says that a
/// repetition does no harm.
public struct RetryPlan: Sendable, Equatable {
    /// Tries of one call in all; 1: none is repeated.
    public var attempts = 3
    /// The first pause at most, in nanoseconds; each further one at most twice as long. The pause is drawn from the whole
    /// span ("full jitter").
    public var backOff: UInt64 = 50_000_000
    public var longest: UInt64 = 2_000_000_000
    /// Retries as a percentage of calls, over time.
    public var budget = 20

    public init() {}
}

/// How many calls a server is given at once, and what becomes of the others (bulkhead).
public struct RoomPlan: Sendable, Equatable {
    /// Nil: the general bound.
    public var calls: Int?
    /// Calls that wait for room, on each event loop; 0: none does.
    public var queue = 0
    /// How long one waits, in nanoseconds.
    public var wait: UInt64 = 5_000_000_000
    /// Calls of one tool, prompt or resource at once; nil: as many as the server takes.
    public var perTool: Int?
    /// Calls of one client at once; nil: as many as the server takes.
    public var perClient: Int?

    public init() {}
}

/// What an endpoint that is up is asked now and then.
public struct HealthPlan: Sendable, Equatable {
    /// A call of one of its tools.
    public struct Call: Sendable, Equatable {
        public var tool: String
        /// JSON text.
        public var arguments: String
        /// What a text of the answer must contain; nil: any answer will do.
        public var expect: String?

        public init(tool: String, arguments: String = "{}", expect: String? = nil) {
            self.tool = tool
            self.arguments = arguments
            self.expect = expect
        }
    }

    /// Between two questions, in nanoseconds; 0: none is asked.
    public var interval: UInt64 = 30_000_000_000
    public var timeout: UInt64 = 5_000_000_000
    /// Failures in a row that take it down.
    public var failures = 3
    /// Nil: `server/discover`, or `ping` in older revisions.
    public var call: Call?
    /// Tools that it must list.
    public var expectedTools: [String] = []

    public init() {}
}

/// What was promised of a server.
public struct ObjectivePlan: Sendable, Equatable {
    /// The share of calls that are good, below 1.
    public var availability = 0.999
    /// How long a good call takes at most, in nanoseconds; nil: any time.
    public var latency: UInt64?

    public init() {}
}
