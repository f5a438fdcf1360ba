// SPDX-License-Identifier: Apache-2.0
// The canonical hash of a tool's definition, and how two definitions differ in words.

import JSON
import Testing

@testable import JackfieldCore

private func definition(_ text: String) throws -> ToolDefinition {
    try #require(ToolDefinition(JSONValue(parsing: text)))
}

@Suite struct DefinitionTests {
    private let plain = #"{"name":"a","description":"d","inputSchema":{"type":"object","x":1}}"#

    /// Computed independently: `printf '%s' TEXT | sha256sum`.
    @Test func theHashIsThatOfTheCanonicalText() throws {
        let text = #"{"description":"d","inputSchema":{"type":"object","x":1},"name":"a"}"#
        let made = try definition(plain)
        #expect(made.value.description == text)
        #expect(made.digest.hex == "33b6c601327a6e3267dadc35b78595471ddece3b627c798b6bea35606486e8f8")
        #expect(made.digest == SHA256.digest(of: text))
    }

    @Test(arguments: [
        #"{"inputSchema":{"x":1.0,"type":"object"},"description":"d","name":"a"}"#,
        #" { "name" : "\u0061", "description":"d", "inputSchema":{"type":"object","x":1e0} } "#,
        #"{"name":"a","description":"d","inputSchema":{"type":"object","x":1},"_meta":{"t":1},"icons":[]}"#,
    ])
    func spellingDoesNotCount(_ text: String) throws {
        #expect(try definition(text) == definition(plain))
    }

    @Test(arguments: [
        #"{"name":"b","description":"d","inputSchema":{"type":"object","x":1}}"#,
        #"{"name":"a","description":"d ","inputSchema":{"type":"object","x":1}}"#,
        #"{"name":"a","title":"d","description":"d","inputSchema":{"type":"object","x":1}}"#,
        #"{"name":"a","description":"d","inputSchema":{"type":"object","x":2}}"#,
        #"{"name":"a","description":"d","inputSchema":{"type":"object","x":1},"outputSchema":{}}"#,
        #"{"name":"a","description":"d","inputSchema":{"type":"object","x":1},"annotations":{}}"#,
        #"{"name":"a","description":"d","inputSchema":{"type":"object","x":1},"execution":{}}"#,
        #"{"name":"a","description":"d","description":"e","inputSchema":{"type":"object","x":1}}"#,
        #"{"name":"a","description":"d","inputSchema":{"type":"object","x":1,"x":1}}"#,
        #"{"name":"a","description":"d\u200b","inputSchema":{"type":"object","x":1}}"#,
    ])
    func everyMemberCounts(_ text: String) throws {
        #expect(try definition(text).digest != definition(plain).digest)
    }

    /// Swift takes the two spellings of é for equal; models need not.
    @Test func equivalentTextsOfOtherBytesDiffer() throws {
        let (one, other) = try (
            definition(#"{"name":"a","description":"\u00e9"}"#),
            definition(#"{"name":"a","description":"e\u0301"}"#)
        )
        #expect(one.digest != other.digest)
        #expect(DefinitionDifference(from: one.value, to: other.value).lines.count == 1)
    }

    @Test(arguments: ["[]", "1", "{}", #"{"name":1}"#, #"{"name":"a","name":"b"}"#])
    func whatIsNoToolHasNoDefinition(_ text: String) throws {
        #expect(try ToolDefinition(JSONValue(parsing: text)) == nil)
    }

    // MARK: Differences

    static let differences: [(String, String, [String])] = [
        (#"{"a":1}"#, #"{"a":1.0}"#, []),
        (#"{"a":1,"b":[1,{"c":2}]}"#, #"{"b":[1,{"c":2}],"a":1}"#, []),
        (#"{"a":1}"#, #"{"a":2}"#, ["a: 1 → 2"]),
        (#"{"a":{"b":true}}"#, #"{"a":{"c":true}}"#, ["a.b: removed (was true)", "a.c: added true"]),
        (#"{"a":"x"}"#, #"{"a":null}"#, [#"a: "x" → null"#]),
        (#"{"r":["a","b"]}"#, #"{"r":["b","c"]}"#, [#"r: removed "a""#, #"r: added "c""#]),
        (#"{"r":["a","b"]}"#, #"{"r":["b","a"]}"#, [#"r: ["a","b"] → ["b","a"]"#]),
        (#"{"r":[1]}"#, #"{"r":[1,1]}"#, [#"r: added 1"#]),
        (#"{"any":[{"t":1},{"t":2}]}"#, #"{"any":[{"t":1},{"t":3}]}"#, ["any[1].t: 2 → 3"]),
        (#"{"a b":{"":1}}"#, #"{"a b":{"":2}}"#, [#"["a b"][""]: 1 → 2"#]),
        (#"{"a":1,"a":2}"#, #"{"a":1,"a":3}"#, ["a: 2 → 3"]),
        (#"{"a":1,"a":2}"#, #"{"a":1}"#, ["a: removed (was 2)"]),
        ("[1]", "{}", ["definition: [1] → {}"]),
        (#"{"d":"It reads"}"#, #"{"d":"It writes"}"#, [#"d: "It reads" → "It writes""#]),
        (
            #"{"d":"A long beginning that is the same, then this, and the end"}"#,
            #"{"d":"A long beginning that is the same, then that, and the end"}"#,
            [#"d: …"hat is the same, then this, and the end" → …"hat is the same, then that, and the end""#]
        ),
        (
            #"{"d":"a"}"#, #"{"d":"a\u200b\u202e\udb40\udc41\u0007"}"#,
            [#"d: "a" → "a\u{200B}\u{202E}\u{E0041}\u0007""#]
        ),
    ]

    @Test(arguments: differences) func differencesAreReadable(
        _ old: String, _ new: String, _ expected: [String]
    ) throws {
        let difference = try DefinitionDifference(from: JSONValue(parsing: old), to: JSONValue(parsing: new))
        #expect(difference.lines == expected)
        #expect(difference.omitted == 0)
    }

    @Test func manyAndLongDifferencesAreCut() throws {
        let members = (0..<100).map {
            JSONMemberValue("m\($0)", .string(String(repeating: "x", count: 10_000)))
        }
        let difference = DefinitionDifference(from: .object([]), to: .object(members), limit: 5)
        #expect(difference.lines.count == 5 && difference.omitted == 95)
        #expect(difference.lines.allSatisfy { $0.utf8.count < 300 })
        #expect(difference.summary.hasSuffix("; and 95 more"))
        // One character for Swift, a hundred thousand for a log.
        let stacked = "e" + String(repeating: "\u{301}", count: 100_000)
        let other = DefinitionDifference(from: .string("e"), to: .string(stacked))
        #expect(other.lines.count == 1 && other.summary.utf8.count < 1000)
    }

    @Test func longListsAreComparedInReasonableTime() {
        let numbers = (0..<50_000).map { JSONValue($0) }
        let difference = DefinitionDifference(
            from: .array(numbers), to: .array(numbers.reversed().map { JSONValue(($0.int ?? 0) + 1) }))
        #expect(difference.lines == ["definition: removed 0", "definition: added 50000"])
    }
}
