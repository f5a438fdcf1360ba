// SPDX-License-Identifier: Apache-2.0
// Kept answers: found while their time lasts, bounded in bytes, the longest unused given up first.

import JSON
import MCP
import Testing

@testable import JackfieldCore

/// The store behind a reference: what an expectation looks at may not change a value.
private final class Shelf {
    private var store: ResponseStore

    init(maxBytes: Int, maxEntry: Int) { store = ResponseStore(maxBytes: maxBytes, maxEntry: maxEntry) }

    var count: Int { store.count }
    var bytes: Int { store.bytes }

    func find(_ key: CallKey, now: UInt64) -> KeptAnswer? { store.find(key, now: now) }

    @discardableResult
    func keep(_ answer: KeptAnswer, for key: CallKey, until: UInt64, uri: String? = nil, now: UInt64) -> Bool
    {
        store.keep(answer, for: key, until: until, uri: uri, now: now)
    }

    func remove(changed uri: String) { store.remove(changed: uri) }

    func takeAll() -> ResponseStore { store.takeAll() }
}

@Suite struct ResponseStoreTests {
    private func key(_ number: Int) throws -> CallKey {
        try JSONText("{\"name\":\"t\",\"arguments\":\(number)}").withRoot {
            try #require(CallKey(.toolsCall, name: "t", params: $0, principal: ""))
        }
    }

    private func answer(_ bytes: Int = 100, at now: UInt64 = 0) -> KeptAnswer {
        KeptAnswer([UInt8](repeating: 32, count: bytes), serverIsModern: true, arrivedAt: now)
    }

    private func cost(_ key: CallKey, _ bytes: Int = 100) -> Int {
        bytes + 2 * key.bytes.count + ResponseStore.overhead
    }

    @Test func keptUntilItsTimeIsOver() throws {
        let store = Shelf(maxBytes: 10_000, maxEntry: 1000)
        let one = try key(1)
        let kept = answer()
        #expect(store.keep(kept, for: one, until: 50, now: 10))
        #expect(store.find(one, now: 49) === kept)
        #expect(try store.find(key(2), now: 49) == nil)
        #expect(store.find(one, now: 50) == nil)
        #expect(store.count == 0 && store.bytes == 0)
        #expect(!store.keep(kept, for: one, until: 50, now: 50))
    }

    @Test func theLongestUnusedGivesWay() throws {
        let one = try key(1)
        let store = Shelf(maxBytes: 3 * cost(one), maxEntry: 1000)
        for number in 1...3 { store.keep(answer(), for: try key(number), until: .max, now: 0) }
        #expect(store.find(one, now: 0) != nil)
        store.keep(answer(), for: try key(4), until: .max, now: 0)
        #expect(
            try [1, 2, 3, 4].map { try store.find(key($0), now: 0) != nil } == [true, false, true, true])
        #expect(store.bytes == 3 * cost(one))
    }

    @Test func oneAnswerMayCostSeveral() throws {
        let one = try key(1)
        let store = Shelf(maxBytes: 4 * cost(one), maxEntry: 1000)
        for number in 1...4 { store.keep(answer(), for: try key(number), until: .max, now: 0) }
        #expect(store.keep(answer(100 + cost(one)), for: try key(5), until: .max, now: 0))
        #expect(store.count == 3 && store.bytes == 4 * cost(one))
    }

    @Test func whatIsTooLargeIsNotKept() throws {
        let store = Shelf(maxBytes: 1000, maxEntry: 500)
        let one = try key(1)
        store.keep(answer(), for: one, until: .max, now: 0)
        #expect(!store.keep(answer(501), for: one, until: .max, now: 0))
        // The older answer is no longer the last word either.
        #expect(store.find(one, now: 0) == nil)
        let tiny = Shelf(maxBytes: 300, maxEntry: 300)
        #expect(!tiny.keep(answer(200), for: one, until: .max, now: 0))
    }

    @Test func aNewAnswerTakesThePlaceOfTheOld() throws {
        let store = Shelf(maxBytes: 10_000, maxEntry: 1000)
        let one = try key(1)
        store.keep(answer(), for: one, until: .max, now: 0)
        let newer = answer(200)
        store.keep(newer, for: one, until: .max, now: 0)
        #expect(store.find(one, now: 0) === newer)
        #expect(store.count == 1 && store.bytes == cost(one, 200))
    }

    @Test func changedResourcesGo() throws {
        let store = Shelf(maxBytes: 10_000, maxEntry: 1000)
        let uris = ["file:///a", "file:///a/b", "file:///c", "file:///a"]
        for (number, uri) in uris.enumerated() {
            store.keep(answer(), for: try key(number), until: .max, uri: uri, now: 0)
        }
        store.keep(answer(), for: try key(9), until: .max, now: 0)
        store.remove(changed: "file:///x")
        #expect(store.count == 5)
        // An update may name a part of what was read.
        store.remove(changed: "file:///a/b/c")
        #expect(
            try [0, 1, 2, 3, 9].map { try store.find(key($0), now: 0) != nil } == [
                false, false, true, false, true,
            ])
        #expect(store.takeAll().count == 2)
        #expect(store.count == 0 && store.bytes == 0)
    }

    /// Against a plain list, in any order of what may happen.
    @Test func countsAndOrderHold() throws {
        let store = Shelf(maxBytes: 5000, maxEntry: 1000)
        var model: [(number: Int, bytes: Int, until: UInt64)] = []
        var random = Generator(state: 7)
        let keys = try (0..<40).map { try key($0) }
        for now in UInt64(0)..<20_000 {
            let number = Int.random(in: 0..<40, using: &random)
            if Bool.random(using: &random) {
                let bytes = Int.random(in: 1...1100, using: &random)
                let until = now + UInt64.random(in: 0...60, using: &random)
                let isKept = store.keep(answer(bytes), for: keys[number], until: until, now: now)
                #expect(isKept == (bytes <= 1000 && until > now))
                model.removeAll { $0.number == number }
                guard isKept else { continue }
                model.append((number, bytes, until))
                while model.map({ cost(keys[$0.number], $0.bytes) }).reduce(0, +) > 5000 {
                    model.removeFirst()
                }
            } else {
                let at = model.firstIndex { $0.number == number }
                let isThere = at.map { model[$0].until > now } ?? false
                #expect((store.find(keys[number], now: now) != nil) == isThere)
                if let at {
                    let entry = model.remove(at: at)
                    if isThere { model.append(entry) }
                }
            }
            #expect(store.count == model.count)
            #expect(store.bytes == model.map { cost(keys[$0.number], $0.bytes) }.reduce(0, +))
            if store.count != model.count { break }
        }
    }

    @Test func whatIsShownGetsOlder() {
        let kept = KeptAnswer(
            [], serverIsModern: true, freshFor: 1000, arrivedAt: 5_000_000_000)
        func ttl(_ now: UInt64) -> UInt64? { kept.shown(CachePolicy(isPublic: true), at: now).ttl }
        #expect(ttl(4_000_000_000) == 1000)
        #expect(ttl(5_000_000_001) == 999)
        #expect(ttl(5_400_000_000) == 600)
        #expect(ttl(9_000_000_000) == 0)
        #expect(kept.shown(CachePolicy(isPublic: true), at: 0).isPublic == true)
        let silent = KeptAnswer([], serverIsModern: false, arrivedAt: 0)
        #expect(silent.shown(CachePolicy(), at: 9_000_000_000) == CachePolicy())
    }
}
