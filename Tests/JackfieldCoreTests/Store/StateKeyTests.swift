// SPDX-License-Identifier: Apache-2.0
// Plugins' keys in the one store: what stands in front of them, and what is taken off again.

import CJackfield
import Testing

@testable import JackfieldCore

@Suite struct StateKeyTests {
    private func own(_ keys: StateKeys, _ id: String, _ key: String) -> String? {
        withView(key) { keys.key(id, $0)?.string }
    }

    @Test func theIdStandsInFront() {
        let keys = StateKeys()
        #expect(own(keys, "filter-x", "a/b") == "filter-x/a/b")
        #expect(own(keys, "filter-x", "") == "filter-x/")
        // No plugin gets at another's by its own id.
        #expect(own(keys, "a", "b/c") != own(keys, "a-b", "c"))
    }

    @Test func keysAreBoundedWithWhatStandsInFront() {
        let keys = StateKeys()
        #expect(own(keys, "p", String(repeating: "k", count: 1022))?.utf8.count == 1024)
        #expect(own(keys, "p", String(repeating: "k", count: 1023)) == nil)
        #expect(keys.key("p", jf_view(ptr: nil, len: .max)) == nil)
    }

    @Test func allKeysOfATakeHaveRoom() {
        let keys = StateKeys()
        let long = String(repeating: "k", count: 1020)
        for round in 0..<3 {
            keys.reset()
            var asked = withView(long) { key in
                (0..<Int(JF_STORE_TAKE_MOST)).map { at in
                    jf_store_limit(
                        key: key, kind: UInt32(at % 3), reserved: 0, burst: 0, rate: UInt64(at), period_ms: 1,
                        cost: 7)
                }
            }
            var text = long
            text.withUTF8 { bytes in
                for at in asked.indices { asked[at].key = jf_view(UnsafeRawBufferPointer(bytes)) }
                let made = keys.limits("p\(round)", asked, asked.count)
                #expect(made != nil)
                for at in asked.indices {
                    #expect(made?[at].key.string == "p\(round)/" + long && made?[at].rate == UInt64(at))
                }
            }
        }
    }

    @Test func limitsWithoutAKeyAreRefused() {
        let keys = StateKeys()
        var limit = jf_store_limit()
        limit.key = .absent
        #expect(keys.limits("p", [limit], 1) == nil)
        limit.key = jf_view("")
        #expect(keys.limits("p", [limit], 1) == nil)
    }

    // MARK: Answers

    private func entry(_ key: String, _ value: String, claimedKey: Int? = nil, claimedValue: Int? = nil)
        -> [UInt8]
    {
        var head = jf_store_entry()
        head.revision = 7
        head.expires_ms = 8
        head.key_len = UInt32(claimedKey ?? key.utf8.count)
        head.value_len = UInt32(claimedValue ?? value.utf8.count)
        var bytes = withUnsafeBytes(of: &head) { [UInt8]($0) } + Array((key + value).utf8)
        while bytes.count % 8 != 0 { bytes.append(0) }
        return bytes
    }

    private func stripped(_ bytes: [UInt8], _ id: String = "p") -> [UInt8]? {
        bytes.withUnsafeBytes { StateKeys.entries($0, of: id) }
    }

    @Test func theIdIsTakenOffAgain() {
        #expect(stripped([]) == [])
        #expect(stripped(entry("p/a", "value")) == entry("a", "value"))
        #expect(stripped(entry("p/", "")) == entry("", ""))
        #expect(
            stripped(entry("p/a", "1") + entry("p/bcdefghi", "22") + entry("p/z", ""))
                == entry("a", "1") + entry("bcdefghi", "22") + entry("z", ""))
    }

    @Test func whatIsNotThePluginsIsNotShown() {
        #expect(stripped(entry("q/a", "v")) == nil)
        #expect(stripped(entry("p/a", "v") + entry("q/a", "v")) == nil)
        #expect(stripped(entry("pp/a", "v")) == nil)
        #expect(stripped(entry("", "v")) == nil)
        #expect(stripped(entry("p", "/")) == nil)
    }

    @Test func whatIsNoAnswerIsSeen() {
        let good = entry("p/a", "value")
        for length in 1..<good.count { #expect(stripped(Array(good.prefix(length))) == nil) }
        #expect(stripped(entry("p/a", "v", claimedKey: Int(UInt32.max))) == nil)
        #expect(stripped(entry("p/a", "v", claimedValue: Int(UInt32.max))) == nil)
        #expect(stripped(good + [0]) == nil)
    }
}
