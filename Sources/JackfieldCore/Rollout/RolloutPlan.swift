// SPDX-License-Identifier: Apache-2.0
// What is asked of a new version's rollout, as plain values.

/// How the calls of a server move to the replicas of a new version, and when they go back.
public struct RolloutPlan: Sendable, Equatable {
    /// What a call's group goes by.
    public enum Sticky: String, Sendable, CaseIterable {
        /// Whom it is made for, where that is known; else its session; else chance.
        case principal
        /// Its session, where it has one; else whom it is made for; else chance.
        case session
        case none
    }

    /// The `version` of the replicas that are new.
    public var version: String
    /// Their share, one step after the other, in hundredths of a percent; ascending, the last one 10000.
    public var steps = [500, 2500, 10000]
    /// How long a step lasts at least, in nanoseconds.
    public var every: UInt64 = 600_000_000_000
    public var sticky = Sticky.principal
    /// By how much the new version's error rate may exceed the old one's, in hundredths of a percentage point.
    public var errorRate = 200
    /// How many hundredths of the old version's 95th percentile the new one's may be; nil: latency decides nothing.
    public var latency: Int? = 150
    /// Fewer calls than this end no step, and rates are of at least so many.
    public var minimumCalls = 50
    /// Whether errors that a server answers with count, beside calls without an answer.
    public var countsToolErrors = true

    public init(version: String) { self.version = version }
}

/// How replicas of different versions are shown as one server.
public struct VersionsPlan: Sendable, Equatable {
    public enum Show: Sendable, Equatable {
        case newest, oldest
        case version(String)
    }

    /// Whose tools clients see.
    public var show = Show.oldest

    public init() {}
}
