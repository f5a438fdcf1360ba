// SPDX-License-Identifier: Apache-2.0
// Session ids that the store did not know a moment ago: whoever goes on inventing ids does not ask it again and again.

/// An id, and who came with it. What is unknown to one principal may be another's.
struct SessionClaim: Hashable, Sendable {
    let key: SessionKey
    /// `Principal.id`.
    let caller: UInt64
}

/// Of one lane. Bounded: of two halves, the older one gives way.
struct UnknownSessions {
    /// How long the store's word holds: 10 s.
    static let kept: UInt64 = 10_000_000_000

    private var young: [SessionClaim: UInt64] = [:]
    private var old: [SessionClaim: UInt64] = [:]
    private let half: Int

    init(limit: Int = 8192) { half = max(1, limit / 2) }

    func contains(_ claim: SessionClaim, now: UInt64) -> Bool {
        (young[claim] ?? old[claim]).map { now < $0 } ?? false
    }

    mutating func insert(_ claim: SessionClaim, now: UInt64) {
        if young.count >= half {
            old = young
            young = [:]
        }
        young[claim] = now &+ Self.kept
    }

    var count: Int { young.count + old.count }
}
