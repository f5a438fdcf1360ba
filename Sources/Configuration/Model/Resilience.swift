// SPDX-License-Identifier: Apache-2.0
// What a server's calls survive: `breaker`, `retry` and `bulkhead` of an entry of `servers`.

extension Configuration {
    /// When an endpoint gets no calls for a while (`breaker`; false: never).
    public struct Breaker: Sendable, Equatable {
        public var enabled = true
        /// Calls in a row that fail.
        public var failures = 5
        /// Percentage of the last ten seconds' calls that fail, from `minimumCalls` on; 100: the rate decides nothing.
        public var errorRate = 50
        public var minimumCalls = 20
        /// An answer that takes longer counts as a failure in that rate, in nanoseconds; 0: none does.
        public var latency: UInt64 = 0
        /// The first time, in nanoseconds; twice as long each further time in a row, up to `longest`.
        public var openFor: UInt64 = 2_000_000_000
        public var longest: UInt64 = 60_000_000_000
        /// How long an endpoint that came back takes to get its full share, in nanoseconds.
        public var slowStart: UInt64 = 10_000_000_000

        public init() {}
    }

    /// When a call is made once more (`retry`; false: never). Only where that is known to be safe.
    public struct Retry: Sendable, Equatable {
        /// Tries of one call in all.
        public var attempts = 3
        /// The first pause at most, in nanoseconds; each further one at most twice as long, up to `longest`.
        public var backOff: UInt64 = 50_000_000
        public var longest: UInt64 = 2_000_000_000
        /// Retries as a percentage of calls, over time.
        public var budget = 20

        public init() {}
    }

    /// How many calls a server is given at once (`bulkhead`).
    public struct Bulkhead: Sendable, Equatable {
        /// Nil: `limits.calls_per_server`.
        public var calls: Int?
        /// Calls that wait for room, on each event loop.
        public var queue = 0
        /// How long one waits, in nanoseconds.
        public var wait: UInt64 = 5_000_000_000
        /// Calls of one tool, prompt or resource at once; nil: no bound of its own.
        public var perTool: Int?
        /// Calls of one client at once; nil: no bound of its own.
        public var perClient: Int?

        public init() {}
    }

    /// When a call is made at a second replica beside the first (`hedge`). Only where that is known to be safe.
    public struct Hedge: Sendable, Equatable {
        /// How long the first try may take, in nanoseconds; nil: `percentile` says.
        public var after: UInt64?
        /// Percentage of the server's recent calls that were quicker.
        public var percentile: Int?
        /// With `percentile`: never before, in nanoseconds.
        public var atLeast: UInt64 = 10_000_000
        /// Patterns for the server's own names of tools; empty: all that are safe.
        public var tools: [String] = []
        /// Second tries as a percentage of calls, over time.
        public var budget = 10

        public init() {}
    }

    /// What an endpoint that is up is asked now and then (`health`; false: nothing).
    public struct Health: Sendable, Equatable {
        /// In nanoseconds; 0: nothing is asked.
        public var interval: UInt64 = 30_000_000_000
        public var timeout: UInt64 = 5_000_000_000
        /// Failures in a row that take it down.
        public var failures = 3
        /// A tool to call instead of the protocol's own question, its arguments as JSON text, and what the answer's text
        /// must contain.
        public var tool: String?
        public var arguments = "{}"
        public var expect: String?
        /// Tools that it must list.
        public var expectedTools: [String] = []

        public init() {}
    }

    /// What was promised of a server (`objective`).
    public struct Objective: Sendable, Equatable {
        /// Thousandths of a percent of calls that are good: 99.9 % is 99900.
        public var availability = 99_900
        /// How long a good call takes at most, in nanoseconds; nil: any time.
        public var latency: UInt64?

        public init() {}
    }
}

extension Configuration.Breaker {
    var line: String {
        guard enabled else { return "false" }
        return "{ failures: \(failures), error_rate: \(errorRate), minimum_calls: \(minimumCalls), "
            + (latency == 0 ? "" : "latency: \(durationText(nanoseconds: latency)), ")
            + "open_for: \(durationText(nanoseconds: openFor)), longest: \(durationText(nanoseconds: longest)), "
            + "slow_start: \(durationText(nanoseconds: slowStart)) }"
    }
}

extension Configuration.Retry {
    var line: String {
        if attempts == 1 { return "false" }
        return "{ attempts: \(attempts), back_off: \(durationText(nanoseconds: backOff)), "
            + "longest: \(durationText(nanoseconds: longest)), budget: \(budget) }"
    }
}

extension Configuration.Bulkhead {
    var line: String {
        let calls = calls.map { "calls: \($0), " } ?? ""
        let perTool = perTool.map { ", per_tool: \($0)" } ?? ""
        let perClient = perClient.map { ", per_client: \($0)" } ?? ""
        return "{ \(calls)queue: \(queue), wait: \(durationText(nanoseconds: wait))\(perTool)\(perClient) }"
    }
}

extension Configuration.Hedge {
    var line: String {
        let delay =
            after.map { "after: \(durationText(nanoseconds: $0))" }
            ?? "percentile: \(percentile ?? 0), at_least: \(durationText(nanoseconds: atLeast))"
        return "{ \(delay), tools: [\(tools.map(jsonString).joined(separator: ", "))], budget: \(budget) }"
    }
}

extension Configuration.Health {
    var line: String {
        if interval == 0, expectedTools.isEmpty { return "false" }
        let call = tool.map { "tool: \(jsonString($0)), arguments: \(arguments), " } ?? ""
        let answer = expect.map { "expect: \(jsonString($0)), " } ?? ""
        return "{ interval: \(interval == 0 ? "off" : durationText(nanoseconds: interval)), "
            + "timeout: \(durationText(nanoseconds: timeout)), failures: \(failures), \(call)\(answer)"
            + "expect_tools: [\(expectedTools.map(jsonString).joined(separator: ", "))] }"
    }
}

extension Configuration.Objective {
    var line: String {
        let latency = latency.map { ", latency: \(durationText(nanoseconds: $0))" } ?? ""
        let fraction = String(1000 + availability % 1000).dropFirst()
        return "{ availability: \(availability / 1000).\(fraction)\(latency) }"
    }
}

extension Configuration.Standing {
    /// What differs from the default, each followed by a comma.
    var line: String {
        var parts: [String] = []
        if priority != 0 { parts.append("priority: \(priority)") }
        if let zone { parts.append("zone: \(jsonString(zone))") }
        if let region { parts.append("region: \(jsonString(region))") }
        if let version { parts.append("version: \(jsonString(version))") }
        if !labels.isEmpty {
            let pairs = labels.map { "\(jsonString($0.name)): \(jsonString($0.value))" }
            parts.append("labels: { \(pairs.joined(separator: ", ")) }")
        }
        if !tags.isEmpty { parts.append("tags: [\(tags.map(jsonString).joined(separator: ", "))]") }
        if cost != 0 { parts.append("cost: \(Double(cost) / 1_000_000)") }
        return parts.map { $0 + ", " }.joined()
    }
}
