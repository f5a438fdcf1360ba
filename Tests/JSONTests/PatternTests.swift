// SPDX-License-Identifier: Apache-2.0
// JSONSchemaPattern and nearestSpelling.

import JSON
import Testing

@Suite struct PatternTests {
    typealias Case = (pattern: String, matching: [String], other: [String])
    static let cases: [Case] = [
        ("", ["", "x"], []),
        ("a", ["a", "bab"], ["", "b", "A"]),
        ("^a$", ["a"], ["", "aa", "ba", "a\n"]),
        ("^$", [""], ["x"]),
        ("a|b", ["a", "xb"], ["c"]),
        ("^(a|b)c$", ["ac", "bc"], ["c", "abc"]),
        ("^(?:ab)+$", ["ab", "abab"], ["", "aba"]),
        ("^a*$", ["", "aaaa"], ["ab"]),
        ("^a+?$", ["a", "aaa"], [""]),
        ("^a?b$", ["b", "ab"], ["aab"]),
        ("^a{3}$", ["aaa"], ["aa", "aaaa"]),
        ("^a{2,}$", ["aa", "aaaaa"], ["a"]),
        ("^a{1,3}$", ["a", "aa", "aaa"], ["", "aaaa"]),
        ("^a{0}b$", ["b"], ["ab"]),
        ("^a{,3}$", ["a{,3}"], ["aa"]),
        ("^{$", ["{"], ["}"]),
        ("^.$", ["a", "é", "😀"], ["", "ab", "\n", "\u{2028}"]),
        ("^\\d+$", ["0", "19"], ["", "a", "٣"]),
        ("^\\D$", ["a"], ["1"]),
        ("^\\w+$", ["aZ_9"], ["-", "é"]),
        ("^\\W$", ["-", "é"], ["a"]),
        ("^\\s$", [" ", "\t", "\u{a0}", "\u{feff}", "\u{2029}"], ["a", "\u{200b}"]),
        ("^\\S+$", ["abc"], ["a c"]),
        ("^[a-c]$", ["a", "b", "c"], ["d", "-", "A"]),
        ("^[^a-c]$", ["d", "\n"], ["a", "b", ""]),
        ("^[a-]$", ["a", "-"], ["b"]),
        ("^[-a]$", ["a", "-"], ["b"]),
        ("^[\\d-x]$", ["5", "-", "x"], ["a"]),
        ("^[\\w.-]+@[\\w-]+\\.[a-z]{2,}$", ["a.b@c.de"], ["a@b", "@c.de", "a b@c.de"]),
        ("^[^\\s/]+$", ["abc"], ["a/b", "a b", ""]),
        ("^[\\S]$", ["a"], [" "]),
        ("^[\\]\\\\^]$", ["]", "\\", "^"], ["["]),
        ("^[]$", [], ["", "]"]),
        ("^[^]$", ["]", "\n"], [""]),
        ("^\\x41\\u0042\\u{43}$", ["ABC"], ["abc"]),
        ("^\\ud83d\\ude00$", ["😀"], ["x"]),
        ("^\\$\\{\\}\\.\\*\\/$", ["${}.*/"], ["x"]),
        ("^\\t\\n\\r\\f\\v\\0$", ["\t\n\r\u{c}\u{b}\u{0}"], ["tnrfv0"]),
        ("^(a*)*$", ["", "aaaa"], ["b"]),
        ("^(a|a)*b$", ["aaaaaaaaaaaaaaab"], ["aaaaaaaaaaaaaaac"]),
        ("^(a|b|)c$", ["ac", "c"], ["dc"]),
        ("^x-", ["x-", "x-y"], ["ax-"]),
        ("-x$", ["a-x"], ["-xa"]),
        ("a^b", [], ["ab", "a^b"]),
        ("(^a|b$)", ["ac", "cb"], ["ca", "bc"]),
        (
            "^(\\([0-9]{3}\\))?[0-9]{3}-[0-9]{4}$", ["555-1212", "(888)555-1212"],
            ["(888)555-1212 ext. 532", "(800)FLOWERS"]
        ),
        ("^(()){3}(){0,5}$", [""], ["x"]),
    ]

    @Test(arguments: cases) func matches(_ example: Case) throws {
        let pattern = try JSONSchemaPattern(example.pattern)
        for text in example.matching { #expect(pattern.matches(text) == true, "\(text)") }
        for text in example.other { #expect(pattern.matches(text) == false, "\(text)") }
    }

    @Test(
        arguments: [
            "(", ")", "a)", "(a", "[a", "[", "*", "a**", "+a", "?", "a{2}{3}*", "(?=a)", "(?!a)", "(?<=a)",
            "(?<n>a)",
            "(?i)a", "\\1", "(a)\\1", "\\b", "\\B", "\\p{L}", "\\P{L}", "\\k<a>", "\\", "\\x4", "\\u12",
            "\\u{110000}",
            "\\u{}", "\\q", "[b-a]", "a{3,2}", "a{5000}", "{2}", "^*", "${2}", "a{2000}{2000}",
            "\\ud83d\\u0041",
        ])
    func refuses(_ pattern: String) {
        #expect(throws: JSONSchemaPatternError.self) { try JSONSchemaPattern(pattern) }
    }

    @Test func refusesWhatUnfoldsTooFar() {
        #expect(throws: JSONSchemaPatternError.self) { try JSONSchemaPattern("((a{100}){100}){100}") }
        #expect(throws: JSONSchemaPatternError.self) { try JSONSchemaPattern("((){2000}){2000}") }
        let deep = String(repeating: "(", count: 100) + String(repeating: ")", count: 100)
        #expect(throws: JSONSchemaPatternError.self) { try JSONSchemaPattern(deep) }
    }

    @Test func doesNotBacktrack() throws {
        let pattern = try JSONSchemaPattern("^(a+)+(a|aa)*(a?){20}$")
        #expect(pattern.matches(String(repeating: "a", count: 2_000) + "b") == false)
        #expect(pattern.matches(String(repeating: "a", count: JSONSchemaPattern.maxWork / 60)) == nil)
    }

    @Test(
        arguments: [
            ("adress", ["address", "port"], "address"), ("prot", ["port", "path"], "port"),
            ("Port", ["port"], "port"),
            ("max-depth", ["max_depth", "max_size"], "max_depth"), ("x", ["y", "port"], nil),
            ("", ["a"], nil),
            ("completely", ["different"], nil), ("servrs", ["servers", "server"], "servers"),
            ("a", ["ab"], "ab"),
            ("timeuot", ["timeout"], "timeout"), ("x", [], nil),
        ] as [(String, [String], String?)])
    func suggests(_ name: String, _ candidates: [String], _ expected: String?) {
        #expect(nearestSpelling(of: name, among: candidates) == expected)
    }
}
