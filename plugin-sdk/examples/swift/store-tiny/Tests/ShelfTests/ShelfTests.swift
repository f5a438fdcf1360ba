// SPDX-License-Identifier: Apache-2.0
// The plugin under the mock host, which looks for leaks and broken rules as it goes.

import JackfieldPlugin
import JackfieldPluginTesting
import Shelf
import Testing

@Suite(.serialized) struct ShelfTests {
    @Test func keepsEntries() throws {
        let host = try MockHost(entry)
        let store = host.store
        #expect(store.put("a", "1").answer.status == .ok)
        #expect(store.put("b", "2", ttlMilliseconds: 1000).answer.status == .ok)
        let first = try #require(store.entries(of: store.get("a")).first)
        #expect(first.value == Array("1".utf8) && first.expiresMilliseconds == nil)
        #expect(store.put("a", "3", condition: .create).answer.status == .stale)
        #expect(store.put("a", "3", condition: .match(first.revision)).answer.status == .ok)
        #expect(store.put("a", "4", condition: .match(first.revision)).answer.status == .stale)
        #expect(store.entries(of: store.list()).map(\.key) == [Array("a".utf8), Array("b".utf8)])
        host.advance(.milliseconds(1001))
        #expect(store.get("b").answer.status == .absent && store.remove("a").answer.status == .ok)
        #expect(store.list().answer.status == .absent && store.get("").answer.status == .invalid)
        #expect(host.end() == [])
    }

    @Test func counts() throws {
        let host = try MockHost(entry)
        #expect(host.store.entries(of: host.store.add("n", 5)).first?.counter == 5)
        #expect(host.store.entries(of: host.store.add("n", -7)).first?.counter == -2)
        #expect(host.end() == [])
    }

    @Test func limits() throws {
        let host = try MockHost(entry)
        func take() -> StoreVerdict? {
            host.store.verdict(of: host.store.take("alice", burst: 2, rate: 1, periodMilliseconds: 60_000))
        }
        #expect(take()?.fits == true && take()?.fits == true)
        let refused = try #require(take())
        #expect(!refused.fits && refused.retryMilliseconds > 50_000 && refused.retryMilliseconds <= 60_001)
        host.advance(.milliseconds(60_001))
        #expect(take()?.fits == true)
        #expect(host.end() == [])
    }
}
