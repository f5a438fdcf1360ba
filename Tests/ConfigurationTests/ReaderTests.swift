// SPDX-License-Identifier: Apache-2.0
// The tree that files are read into, and the words of durations, sizes and spellings.

import Testing

@testable import Configuration

@Suite struct ReaderTests {
    private func read(_ text: String, _ file: String = "a.yaml") -> ConfigurationNode? {
        ConfigurationNode.read(Array(text.utf8), file: file).node
    }

    @Test(arguments: [
        #"{"a":[1,-2.5e+10,true,false,null,"x"],"b":{}}"#,
        #"{"a":"\"\\/\b\f\n\r\t\u00e9\ud83d\ude00"}"#,
        "{\t\"a\"\t:\t1\t,\r\n\"b\":[ ]\r}",
        "[]", "\"x\"", "1", "{\"\":{\"\":\"\"}}",
        "{\"a\":\"\u{7F}\u{85}\u{2028}\"}",
        #"{"a":1e400,"b":123456789012345678901234567890,"c":0.1e-999}"#,
    ])
    func validJSONIsReadAsYAMLWouldReadIt(_ text: String) throws {
        let node = try #require(read(text, "a.json"))
        let again = try #require(read(node.description, "a.json"))
        #expect(again.isEquivalent(to: node))
    }

    @Test func keysOfAnyLengthInJSON() throws {
        let key = String(repeating: "k", count: 3000)
        #expect(read("{\"\(key)\":\n 1}", "a.json")?[key]?.kind == .number)
    }

    @Test(arguments: [
        "", " ", "{", "{\"a\"}", "[1 2]", "{'a':1}", "tru", "01", "1.", "- 1", "\"\\u12\"", "// x", "{,}",
        "[,]", "nan",
    ])
    func invalidJSONIsRefused(_ text: String) { #expect(read(text, "a.json") == nil) }

    @Test func positionsAreThoseOfTheFile() throws {
        for file in ["a.yaml", "a.json"] {
            let node = try #require(read("{\"é😀\": [\n  1,\r\n\t{\"b\": \"x\"}]}", file))
            guard case .mapping(let top) = node.content, case .sequence(let items) = top[0].value.content,
                case .mapping(let inner) = items[1].content
            else {
                Issue.record("not the tree of the text")
                return
            }
            #expect(node.position == .init(line: 1, column: 1))
            #expect(top[0].keyPosition == .init(line: 1, column: 2))
            #expect(top[0].value.position == .init(line: 1, column: 8))
            #expect(items[0].position == .init(line: 2, column: 3))
            #expect(items[1].position == .init(line: 3, column: 2))
            #expect(inner[0].value.position == .init(line: 3, column: 8))
        }
    }

    @Test func kindsOfScalars() throws {
        let node = try #require(
            read(
                "{a: 1, b: '1', c: true, d: yes, e: ~, f: , g: t, h: !!str 1, i: !!int '1', j: ! x, k: TRUE}"
            ))
        let kinds = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k"].map { node[$0]?.kind }
        #expect(
            kinds == [
                .number, .string, .boolean, .string, .null, .null, .string, .string, .number, .string,
                .string,
            ])
        #expect(node["a"]?.scalar?.style == .plain)
        #expect(node["b"]?.scalar?.style == .quoted)
    }
}

@Suite struct WordTests {
    @Test(
        arguments: [
            ("30s", 30_000_000_000), ("250ms", 250_000_000), ("5m", 300_000_000_000),
            ("1h30m", 5_400_000_000_000),
            ("1m1s1ms", 61_001_000_000), ("0s", 0), ("007s", 7_000_000_000),
        ] as [(String, UInt64)])
    func durations(_ text: String, _ nanoseconds: UInt64) {
        #expect(durationNanoseconds(text) == nanoseconds)
    }

    @Test(arguments: [
        "", "s", "30", "1.5s", "-1s", "1 s", "1S", "1s1m", "1s1s", "1d", "99999999999999999999s", "9999999h",
        "1s ",
    ])
    func noDurations(_ text: String) { #expect(durationNanoseconds(text) == nil) }

    @Test(arguments: [
        ("30", "30s"), ("90", "90s"), ("60000", "1m"), ("1.5s", "1500ms"), ("30 seconds", "30s"),
        ("5min", "5m"), ("2D", "48h"),
        ("10MS", "10ms"),
    ])
    func durationSuggestions(_ text: String, _ expected: String) {
        #expect(durationSuggestion(for: text) == expected)
    }

    @Test func noDurationSuggestions() {
        for text in ["", "soon", "-5", "1e9s", "9e999", "0", "5 fortnights"] {
            #expect(durationSuggestion(for: text) == nil)
        }
    }

    @Test(arguments: [
        ("4MiB", 4 << 20), ("64KiB", 64 << 10), ("1GiB", 1 << 30), ("1000000", 1_000_000), ("0", 0),
    ])
    func sizes(_ text: String, _ bytes: Int) { #expect(byteSize(text) == bytes) }

    @Test(arguments: ["", "4MB", "4 MiB", "MiB", "-1", "1.5MiB", "01", "99999999999GiB"])
    func noSizes(_ text: String) { #expect(byteSize(text) == nil) }

    @Test(arguments: [
        ("4MB", "4MiB"), ("4 MiB", "4MiB"), ("1.5mb", "1536KiB"), ("64k", "64KiB"), ("100b", "100"),
    ])
    func sizeSuggestions(_ text: String, _ expected: String) {
        #expect(byteSizeSuggestion(for: text) == expected)
    }

    @Test(
        arguments: [
            ("listner", "listeners"), ("lsiteners", "listeners"), ("Servers", "servers"),
            ("drainTimeout", "drain_timeout"),
            ("sevrers", "servers"), ("log-level", nil), ("x", nil), ("", nil), ("servers", nil),
        ] as [(String, String?)])
    func nearestSpellings(_ word: String, _ expected: String?) {
        #expect(nearest(to: word, in: ["listeners", "servers", "drain_timeout", "log"]) == expected)
    }

    @Test func swapsCountOnce() {
        #expect(editDistance(Array("abcd".utf8), Array("acbd".utf8)) == 1)
        #expect(editDistance(Array("".utf8), Array("abc".utf8)) == 3)
        #expect(editDistance(Array("kitten".utf8), Array("sitting".utf8)) == 3)
    }

    @Test(arguments: ["0", "-0", "1.5", "1e5", "1E+5", "-1.25e-10", "123456789012345678901234567890"])
    func numbers(_ text: String) { #expect(isJSONNumber(text)) }

    @Test(arguments: ["", "-", "01", "1.", ".5", "+1", "1e", "0x1", "1_0", " 1", "1 ", "NaN", "Infinity"])
    func noNumbers(_ text: String) { #expect(!isJSONNumber(text)) }
}
