// SPDX-License-Identifier: Apache-2.0
// How long a list may be taken as it is, and by whom (MCP 2026-07-28, "Caching").

import MCP

/// The freshness of one list, or of several merged into one.
struct Freshness: Sendable, Equatable {
    /// Milliseconds, counted from each answer of ours.
    var ttl: UInt64
    /// When it ends for good, on the loops' clock in nanoseconds; nil: never, since changes are announced to us.
    var end: UInt64?
    var isPublic: Bool

    /// Nothing is promised.
    static let stale = Freshness(ttl: 0, end: nil, isPublic: false)

    /// What a server said of a list that came at `now`.
    static func received(ttl: UInt64, isPublic: Bool, now: UInt64) -> Freshness {
        let (span, tooLong) = ttl.multipliedReportingOverflow(by: 1_000_000)
        let (end, tooLate) = now.addingReportingOverflow(span)
        return Freshness(ttl: ttl, end: tooLong || tooLate ? nil : end, isPublic: isPublic)
    }

    /// Milliseconds that are left.
    func remaining(at now: UInt64) -> UInt64 {
        guard let end else { return ttl }
        return end > now ? min(ttl, (end - now) / 1_000_000) : 0
    }

    /// No fresher than either, private if one is.
    func merged(with other: Freshness) -> Freshness {
        Freshness(
            ttl: min(ttl, other.ttl), end: [end, other.end].compactMap { $0 }.min(),
            isPublic: isPublic && other.isPublic)
    }

    /// What the operator says of a server counts for more than what it says itself. A span of the operator's is counted
    /// from each answer.
    func governed(by policy: CachePolicy) -> Freshness {
        Freshness(
            ttl: policy.ttl ?? ttl, end: policy.ttl == nil ? end : nil,
            isPublic: policy.isPublic ?? isPublic)
    }
}

extension ServerPlan {
    /// What the operator says of the server's cache fields; counts for more than what it says itself.
    var cache: CachePolicy {
        CachePolicy(ttl: cacheTTL, isPublic: cacheScope == .auto ? nil : cacheScope == .public)
    }
}
