// SPDX-License-Identifier: Apache-2.0
// Kept answers: found by key, gone when their time is over, the longest unused giving way to new ones.

import MCP

/// A server's answer, whole, with the padding that a scanner needs. Immutable, shared by all loops.
final class KeptAnswer: Sendable {
    let body: [UInt8]
    let serverIsModern: Bool
    /// It is for the principal alone whose call it answered.
    let isPrivate: Bool
    /// How long it might be taken as it is when it came, in milliseconds; nil: nothing was said of that.
    let freshFor: UInt64?
    /// In nanoseconds.
    let arrivedAt: UInt64

    init(
        _ body: [UInt8], serverIsModern: Bool, isPrivate: Bool = false, freshFor: UInt64? = nil,
        arrivedAt: UInt64
    ) {
        self.body = body
        self.serverIsModern = serverIsModern
        self.isPrivate = isPrivate
        self.freshFor = freshFor
        self.arrivedAt = arrivedAt
    }

    /// The cache fields that a client gets now: what is left of its time.
    func shown(_ policy: CachePolicy, at now: UInt64) -> CachePolicy {
        guard let freshFor else { return policy }
        let age = now > arrivedAt ? (now - arrivedAt + 999_999) / 1_000_000 : 0
        return CachePolicy(ttl: freshFor > age ? freshFor - age : 0, isPublic: policy.isPublic)
    }
}

/// Answers by key: a bounded number of bytes, the least recently used given up first. A plain value; its owner locks.
struct ResponseStore {
    /// Charged for each answer beside its bytes and twice its key's, which stand in the index too.
    static let overhead = 256

    private struct Entry {
        var key: CallKey
        var answer: KeptAnswer
        var until: UInt64
        var uri: String?
        var cost: Int
        /// Towards the more and the less recently used; -1: none.
        var newer: Int32
        var older: Int32
    }

    let maxBytes: Int
    let maxEntry: Int
    private(set) var bytes = 0
    private var places: [CallKey: Int32] = [:]
    private var entries: [Entry?] = []
    private var free: [Int32] = []
    private var newest: Int32 = -1
    private var oldest: Int32 = -1
    /// Of resources, by the server's own URI.
    private var byURI: [String: Set<Int32>] = [:]

    init(maxBytes: Int, maxEntry: Int) {
        self.maxBytes = maxBytes
        self.maxEntry = maxEntry
    }

    var count: Int { places.count }

    /// What is kept for a key; nil when there is nothing, or its time is over. `now` is monotonic, in nanoseconds.
    mutating func find(_ key: CallKey, now: UInt64) -> KeptAnswer? {
        guard let place = places[key], let entry = entries[Int(place)] else { return nil }
        guard now < entry.until else {
            remove(place)
            return nil
        }
        if place != newest {
            unlink(place)
            link(place)
        }
        return entry.answer
    }

    /// Keeps an answer instead of what was kept before. False: it is too large, or its time is over already.
    @discardableResult
    mutating func keep(
        _ answer: KeptAnswer, for key: CallKey, until: UInt64, uri: String? = nil, now: UInt64
    ) -> Bool {
        if let old = places[key] { remove(old) }
        let cost = answer.body.count + 2 * key.bytes.count + Self.overhead
        guard now < until, answer.body.count <= maxEntry, cost <= maxBytes else { return false }
        while bytes + cost > maxBytes, oldest >= 0 { remove(oldest) }
        let entry = Entry(
            key: key, answer: answer, until: until, uri: uri, cost: cost, newer: -1, older: -1)
        let place: Int32
        if let last = free.popLast() {
            place = last
            entries[Int(place)] = entry
        } else {
            place = Int32(entries.count)
            entries.append(entry)
        }
        places[key] = place
        bytes += cost
        if let uri { byURI[uri, default: []].insert(place) }
        link(place)
        return true
    }

    /// Gives up everything, which is handed to the caller.
    mutating func takeAll() -> ResponseStore {
        let all = self
        self = ResponseStore(maxBytes: maxBytes, maxEntry: maxEntry)
        return all
    }

    /// Gives up what is kept of a resource that changed, and of those that it is a part of.
    mutating func remove(changed uri: String) {
        guard !byURI.isEmpty else { return }
        for covering in ResourcePath.covering(uri, isSubscribed: { byURI[$0] != nil }) {
            for place in byURI[covering] ?? [] { remove(place) }
        }
    }

    private mutating func remove(_ place: Int32) {
        guard let entry = entries[Int(place)] else { return }
        unlink(place)
        places[entry.key] = nil
        entries[Int(place)] = nil
        free.append(place)
        bytes -= entry.cost
        if let uri = entry.uri {
            byURI[uri]?.remove(place)
            if byURI[uri]?.isEmpty == true { byURI[uri] = nil }
        }
    }

    // MARK: Order of use

    private mutating func link(_ place: Int32) {
        entries[Int(place)]?.newer = -1
        entries[Int(place)]?.older = newest
        if newest >= 0 { entries[Int(newest)]?.newer = place }
        newest = place
        if oldest < 0 { oldest = place }
    }

    private mutating func unlink(_ place: Int32) {
        guard let entry = entries[Int(place)] else { return }
        if entry.newer >= 0 { entries[Int(entry.newer)]?.older = entry.older } else { newest = entry.older }
        if entry.older >= 0 { entries[Int(entry.older)]?.newer = entry.newer } else { oldest = entry.newer }
    }
}
