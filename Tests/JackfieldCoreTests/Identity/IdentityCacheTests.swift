// SPDX-License-Identifier: Apache-2.0
// Who is remembered, for how long, who gives way, and what a million of them take.

import CJackfield
import CLinux
import Testing

@testable import JackfieldCore

@Suite struct IdentityCacheTests {
    private func key(_ number: UInt64) -> IdentityKey { IdentityKey((number, number)) }

    /// As evenly spread as a keyed hash is.
    private func spread(_ number: UInt64) -> IdentityKey {
        func mix(_ seed: UInt64) -> UInt64 {
            var word = (seed ^ (seed >> 30)) &* 0xbf58_476d_1ce4_e5b9
            word = (word ^ (word >> 27)) &* 0x94d0_49bb_1331_11eb
            return word ^ (word >> 31)
        }
        return IdentityKey((mix(number &* 0x9e37_79b9_7f4a_7c15 &+ 1), mix(number &+ 0x7f4a_7c15)))
    }

    private func principal(_ subject: String, credential: String = "") -> Principal {
        var text = PrincipalText()
        text.subject = subject
        text.credential = credential
        return Principal(text, provider: 0, name: "p")
    }

    @Test func itForgetsInTime() {
        let cache = IdentityCache(limit: 10)
        cache.insert(key(1), principal("a"), until: 1 << 20, plugin: "p")
        #expect(cache.find(key(1), now: 1 << 20 - 1)?.subject == "a")
        #expect(cache.find(key(1), now: 1 << 20) == nil)
        #expect(cache.count == 0)
        cache.insert(key(1), principal("a"), until: 1 << 20 + 255, plugin: "p")
        #expect(cache.find(key(1), now: 1 << 20 + 255) == nil, "never longer than that")
    }

    @Test func itIsBounded() {
        for limit in [1, 2, 7, 100, 3000] {
            let cache = IdentityCache(limit: limit)
            for number in 0..<10_000 {
                cache.insert(spread(UInt64(number)), principal("s"), until: .max, plugin: "p")
                #expect(cache.find(spread(UInt64(number)), now: 0) != nil)
            }
            #expect(cache.count <= limit && cache.count * 10 >= limit * 9)
        }
    }

    @Test func whatIsUsedStays() {
        let cache = IdentityCache(limit: 10)
        cache.insert(key(1), principal("a"), until: .max, plugin: "p")
        for number in 2..<100 {
            cache.insert(key(UInt64(number)), principal("s"), until: .max, plugin: "p")
            #expect(cache.find(key(1), now: 0) != nil)
        }
    }

    @Test func whatHasEndedGivesWay() {
        let cache = IdentityCache(limit: 2)
        cache.insert(key(1), principal("ended"), until: 1 << 20, plugin: "p")
        cache.insert(key(2), principal("good"), until: .max, plugin: "p")
        #expect(cache.find(key(1), now: 0) != nil && cache.find(key(2), now: 0) != nil)
        cache.insert(key(3), principal("new"), until: .max, plugin: "p")
        #expect(cache.find(key(1), now: 0) == nil)
        #expect(cache.find(key(2), now: 0) != nil && cache.find(key(3), now: 0) != nil)
    }

    @Test func aWithdrawnCredentialIsForgotten() {
        let cache = IdentityCache(limit: 10)
        cache.insert(key(1), principal("a", credential: "k1"), until: .max, plugin: "p")
        cache.insert(key(2), principal("b", credential: "k2"), until: .max, plugin: "p")
        cache.insert(key(3), principal("c", credential: "k1"), until: .max, plugin: "q")
        cache.forget(plugin: "p", credential: "k1")
        #expect(cache.find(key(1), now: 0) == nil)
        #expect(cache.find(key(2), now: 0) != nil)
        #expect(cache.find(key(3), now: 0) != nil)
        cache.forget(plugin: "p", credential: nil)
        #expect(cache.find(key(2), now: 0) == nil)
        #expect(cache.count == 1)
    }

    /// More plugins than there are numbers: what shares a number is forgotten together, never kept.
    @Test func manyPluginsShareTheLastNumber() {
        let cache = IdentityCache(limit: 1000)
        for number in 0..<200 {
            cache.insert(spread(UInt64(number)), principal("s"), until: .max, plugin: "p\(number)")
        }
        cache.forget(plugin: "p3", credential: nil)
        #expect(cache.count == 199 && cache.find(spread(3), now: 0) == nil)
        cache.forget(plugin: "p150", credential: nil)
        #expect(cache.find(spread(150), now: 0) == nil && cache.find(spread(4), now: 0) != nil)
        #expect(cache.count == 199 - (200 - 127))
    }

    /// Against a dictionary, with keys that collide as often as they can: what is removed never hides another.
    @Test func itFindsWhatADictionaryFinds() {
        for isSpread in [true, false] {
            let cache = IdentityCache(limit: 1000)
            var model: [UInt64: (subject: String, until: UInt64)] = [:]
            var random: UInt64 = 42
            for step in 0..<20_000 {
                random = random &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                let number = random >> 33 % 400
                let key =
                    isSpread ? spread(number) : IdentityKey(((number % 3) << 62 | 1 << 61, number))
                let now = UInt64(step) << 8
                if random >> 20 & 1 == 0 {
                    let until = now + (random >> 40 % 500) << 8
                    cache.insert(key, principal("\(step)"), until: until, plugin: "p")
                    model[number] = ("\(step)", until)
                } else {
                    let known = model[number].flatMap { now < $0.until ? $0.subject : nil }
                    #expect(cache.find(key, now: now)?.subject == known)
                }
            }
            #expect(cache.count <= 400)
        }
    }

    @Test func principalsAreLetGo() {
        weak var first: Principal?
        let cache = IdentityCache(limit: 10)
        do {
            let one = principal("a")
            first = one
            cache.insert(key(1), one, until: .max, plugin: "p")
        }
        #expect(first != nil)
        cache.insert(key(1), principal("b"), until: .max, plugin: "p")
        #expect(first == nil)
        weak let second = cache.find(key(1), now: 0)
        #expect(second != nil)
        cache.removeAll()
        #expect(second == nil && cache.count == 0 && cache.find(key(1), now: 0) == nil)
    }

    /// A million principals at most 400 bytes each, counted block by block as malloc hands them out (8 bytes before each).
    /// The limit is of one event loop: a principal takes this much on each loop that its requests come to.
    @Test(arguments: [false, true])
    func aMillionFit(_ hasTokenId: Bool) {
        // As many as keep the test short: the parts of the table grow as those of a million do.
        let count = 60_000
        let cache = IdentityCache(limit: 1_100_000)
        func block(_ address: UnsafeRawPointer) -> Int {
            malloc_usable_size(UnsafeMutableRawPointer(mutating: address)) + 8
        }
        var bytes = 0
        for number in 0..<count {
            let digits = String(number)
            var text = PrincipalText()
            text.subject =
                "01234567-89ab-cdef-0123-" + String(repeating: "0", count: 12 - digits.count) + digits
            text.tenant = "tenant-7"
            text.issuer = "https://login.example.com/acme"
            if hasTokenId { text.credential = String(text.subject.reversed()) }
            text.roles = ["reader", "writer"]
            text.scopes = ["mcp", "mcp:admin"]
            text.expires = 1_900_000_000_000
            let principal = Principal(text, provider: 0, name: "corporate")
            #expect(text.subject.utf8.count == 36 && text.issuer.utf8.count == 30)
            bytes += block(principal.lent) + block(Unmanaged.passUnretained(principal).toOpaque())
            cache.insert(spread(UInt64(number)), principal, until: .max, plugin: "auth-jwt")
        }
        #expect(cache.count == count)
        let each = Double(bytes + cache.tableBytes) / Double(count)
        #expect(
            each <= 400, "\(bytes / count) bytes for a principal, \(cache.tableBytes / count) for its place")
    }
}
