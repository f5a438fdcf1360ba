// SPDX-License-Identifier: Apache-2.0
// How a server changes its version: `rollout` and `versions` of an entry of `servers`.

extension Configuration {
    /// How calls move to the replicas of a new version (`rollout`).
    public struct Rollout: Sendable, Equatable {
        /// What a call's group goes by.
        public enum Sticky: String, Sendable, CaseIterable { case principal, session, none }

        /// The `version` of the new replicas.
        public var version = ""
        /// Their share, step by step, in hundredths of a percent.
        public var steps = [500, 2500, 10000]
        /// How long a step lasts at least, in nanoseconds.
        public var every: UInt64 = 600_000_000_000
        public var sticky = Sticky.principal
        /// By how much the new version's error rate may exceed the old one's, in hundredths of a percentage point.
        public var errorRate = 200
        /// How many hundredths of the old version's 95th percentile the new one's may be; nil: latency decides nothing.
        public var latency: Int? = 150
        public var minimumCalls = 50
        /// Whether errors that servers answer with count.
        public var toolErrors = true

        public init() {}
    }

    /// How replicas of several versions are shown as one server (`versions`).
    public struct Versions: Sendable, Equatable {
        public enum Show: Sendable, Equatable {
            case newest, oldest
            case version(String)
        }

        /// Whose tools clients see.
        public var show = Show.oldest

        public init() {}
    }
}

extension Configuration.Rollout {
    var line: String {
        let steps = steps.map { "\(percent($0))%" }.joined(separator: ", ")
        return "{ version: \(jsonString(version)), steps: [\(steps)], "
            + "every: \(durationText(nanoseconds: every)), sticky: \(sticky.rawValue), "
            + "error_rate: \(percent(errorRate))%, latency: \(latency.map { percent($0) } ?? "off"), "
            + "minimum_calls: \(minimumCalls), tool_errors: \(toolErrors) }"
    }
}

extension Configuration.Versions {
    var line: String {
        switch show {
        case .newest: "{ show: newest }"
        case .oldest: "{ show: oldest }"
        case .version(let version): "{ show: \(jsonString(version)) }"
        }
    }
}

/// Hundredths as a decimal number.
private func percent(_ hundredths: Int) -> String {
    if hundredths % 100 == 0 { return String(hundredths / 100) }
    let fraction = String(100 + hundredths % 100).dropFirst()
    return "\(hundredths / 100).\(fraction.hasSuffix("0") ? fraction.dropLast() : fraction)"
}
