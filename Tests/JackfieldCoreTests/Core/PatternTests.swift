// SPDX-License-Identifier: Apache-2.0
// Pattern: cases, a recursive model, no explosion; selections made of patterns.

import Testing

@testable import JackfieldCore

@Suite("Pattern") struct PatternTests {
    @Test(
        "matches whole names",
        arguments: [
            ("", "", true), ("", "a", false), ("*", "", true), ("*", "anything", true), ("a", "a", true),
            ("a", "A", false),
            ("a", "ab", false), ("a*", "ab", true), ("*b", "ab", true), ("*b", "abc", false),
            ("a*c", "abbbc", true),
            ("a*c", "ac", true), ("a*b*c", "a-b-b-c", true), ("a*b*c", "a-c-b", false), ("?", "", false),
            ("?", "x", true),
            ("?", "xy", false), ("a?c", "abc", true), ("a?c", "ac", false), ("*?", "", false),
            ("*?", "x", true),
            ("**", "", true), ("***a***", "bab", true), ("git_*", "git_status", true),
            ("git_*", "agit_status", false),
            ("file://*", "file:///a/b", true), ("[a]", "[a]", true), ("[a]", "a", false),
            ("a.c", "abc", false),
            ("*.md", "x.md.md", true), ("a*", "é", false), ("*é", "aé", true),
        ])
    func matches(_ pattern: String, _ name: String, _ wanted: Bool) {
        #expect(Pattern(pattern).matches(name) == wanted)
    }

    @Test("`?` stands for one character, whatever its bytes", arguments: ["é", "日", "😀"])
    func questionMarkIsACharacter(_ character: String) {
        #expect(Pattern("a?c").matches("a\(character)c"))
        #expect(!Pattern("a??c").matches("a\(character)c"))
    }

    /// What a pattern means, spelled out.
    static func model(_ pattern: ArraySlice<UInt8>, _ name: ArraySlice<UInt8>) -> Bool {
        guard let first = pattern.first else { return name.isEmpty }
        let rest = pattern.dropFirst()
        if first == UInt8(ascii: "*") {
            return (name.startIndex...name.endIndex).contains { model(rest, name[$0...]) }
        }
        guard let next = name.first, first == UInt8(ascii: "?") || first == next else { return false }
        return model(rest, name.dropFirst())
    }

    @Test func agreesWithTheModelOnShortTexts() {
        var random = Generator(state: 11)
        var hits = 0
        for _ in 0..<20_000 {
            let pattern = (0..<Int.random(in: 0...6, using: &random)).map { _ in
                Array("ab*?*".utf8).randomElement(using: &random) ?? 97
            }
            let name = (0..<Int.random(in: 0...7, using: &random)).map { _ in
                Array("ab".utf8).randomElement(using: &random) ?? 97
            }
            let wanted = Self.model(pattern[...], name[...])
            let actual = Pattern(String(decoding: pattern, as: UTF8.self)).matches(
                String(decoding: name, as: UTF8.self))
            #expect(actual == wanted, "\(pattern) \(name)")
            if wanted { hits += 1 }
        }
        #expect(hits > 2_000)
    }

    @Test func aHostilePatternTakesNoExponentialTime() {
        // A backtracking matcher would not come back from this.
        let pattern = Pattern(String(repeating: "a*", count: 50) + "b")
        #expect(!pattern.matches(String(repeating: "a", count: 5_000)))
    }

    @Test(
        "a selection shows what is allowed and not denied",
        arguments: [
            ([], [], "x", true), (["x"], [], "x", true), (["y"], [], "x", false),
            (["y", "x*"], [], "x1", true),
            ([], ["x"], "x", false), ([], ["y"], "x", true), (["*"], ["x"], "x", false),
            (["x"], ["*"], "x", false),
            (["read_*"], ["*_secret"], "read_secret", false), (["read_*"], ["*_secret"], "read_file", true),
        ] as [([String], [String], String, Bool)])
    func selection(_ allow: [String], _ deny: [String], _ name: String, _ wanted: Bool) {
        var plan = SelectionPlan()
        plan.allow = allow
        plan.deny = deny
        #expect(plan.shows(name) == wanted)
    }
}
