// SPDX-License-Identifier: Apache-2.0
// Forms for clients of 2025-06-18, and their answers on the way back.

import JSON
import MCP
import Testing

@Suite("Form edit") struct FormEditTests {
    static func form(_ schema: String) throws -> Question {
        try asked(.elicitationCreate, #"{"message":"m","requestedSchema":\#(schema)}"#)
    }

    static func form(properties: String, required: String = "[]") throws -> Question {
        try form(#"{"type":"object","properties":{\#(properties)},"required":\#(required)}"#)
    }

    /// The schema that a client of 2025-06-18 gets, and the way back.
    static func old(_ question: Question) throws -> (schema: JSONValue, plan: AnswerPlan) {
        let (params, plan) = try put(question, to: .v2025_06_18, .form)
        return (try #require(JSONValue(parsing: params)["requestedSchema"]), plan)
    }

    /// What becomes of an accepted content, raw.
    static func back(_ content: String, _ plan: AnswerPlan) throws -> String {
        let bytes = try withRoot(#"{"action":"accept","content":\#(content)}"#) {
            try AnswerEdit.neutral($0, of: .elicitationCreate, plan: plan)
        }
        let text = String(decoding: bytes, as: UTF8.self)
        let head = #"{"action":"accept","content":"#
        #expect(text.hasPrefix(head) && text.hasSuffix("}"))
        return String(text.dropFirst(head.count).dropLast())
    }

    /// A property as it was asked, and as a client of 2025-06-18 gets it.
    static let single: [(String, String)] = [
        (
            #"{"type":"string","title":"T","minLength":1,"default":"d"}"#,
            #"{"type":"string","title":"T","minLength":1}"#
        ),
        (#"{"type":"string","format":"email"}"#, #"{"type":"string","format":"email"}"#),
        (#"{"type":"integer","minimum":1.0,"default":2}"#, #"{"type":"integer","minimum":1.0}"#),
        (#"{"type":"number","d\u0065fault":2.5}"#, #"{"type":"number"}"#),
        (#"{"type":"boolean","default":true}"#, #"{"type":"boolean","default":true}"#),
        (
            #"{"type":"string","enum":["a","b"],"default":"a","x":1}"#,
            #"{"type":"string","enum":["a","b"],"x":1}"#
        ),
        (
            #"{"type":"string","enum":["a"],"enumNames":["A"]}"#,
            #"{"type":"string","enum":["a"],"enumNames":["A"]}"#
        ),
        (
            #"{"type":"string","oneOf":[{"const":"\u0061","title":"A\u0041"},{"const":"b"},{"const":"c","title":7}],"title":"T","default":"b"}"#,
            #"{"type":"string","title":"T","enum":["\u0061","b","c"],"enumNames":["A\u0041","b","c"]}"#
        ),
        (#"{"type":"string","oneOf":[]}"#, #"{"type":"string","enum":[],"enumNames":[]}"#),
        (#"{"x":1}"#, #"{"x":1}"#),
    ]

    @Test("fields of one value")
    func fields() throws {
        for (given, wanted) in Self.single {
            let question = try Self.form(properties: #""a":\#(given)"#)
            let (params, plan) = try put(question, to: .v2025_06_18, .form)
            #expect(plan.isAsIs)
            let schema = #"{"type":"object","properties":{"a":\#(wanted)},"required":[]}"#
            #expect(params == #"{"message":"m","requestedSchema":\#(schema)}"#)
            #expect(try put(question).params == question.text)
        }
    }

    @Test("$schema goes, other members of the schema stay")
    func members() throws {
        let question = try Self.form(#"{"$schema":"s","type":"object","x":1.0,"properties":{}}"#)
        #expect(
            try put(question, to: .v2025_06_18, .form).params
                == #"{"message":"m","requestedSchema":{"type":"object","x":1.0,"properties":{}}}"#)
        try expectSame(Self.old(Self.form("{}")).schema, "{}")
    }

    static let titled = #"{"anyOf":[{"const":"r","title":"Red"},{"const":"\u0067","title":"Green"}]}"#
    static let plain = #"{"type":"string","enum":["r","\u0067"]}"#

    @Test("a field of several choices becomes one check box per choice")
    func multiple() throws {
        let question = try Self.form(
            properties: """
                "n":{"type":"string"},"c":{"type":"array","title":"Colours","description":"All that fit","minItems":1,
                "maxItems":2,"items":\(Self.titled),"default":["g"]},"p":{"type":"array","items":\(Self.plain)}
                """, required: #"["n","\u0063"]"#)
        let (schema, plan) = try Self.old(question)
        try expectSame(
            schema,
            """
            {"type":"object","required":["n"],"properties":{"n":{"type":"string"},
            "c_1":{"type":"boolean","title":"Colours: Red","default":false,
            "description":"All that fit (Choose 1 to 2.)"},
            "c_2":{"type":"boolean","title":"Colours: Green","default":true},
            "p_1":{"type":"boolean","title":"p: r"},"p_2":{"type":"boolean","title":"p: g"}}}
            """)
        #expect(!plan.isAsIs)
        let rows: [(String, String)] = [
            (
                #"{"n":"x","c_1":true,"c_2":true,"p_1":false,"p_2":false}"#,
                #"{"n":"x","c":["r","\u0067"],"p":[]}"#
            ),
            (#"{"c_\u0032":true,"n":"\u0078","y":1.0}"#, #"{"n":"\u0078","y":1.0,"c":["\u0067"]}"#),
            (#"{"p_2":true,"p_1":true}"#, #"{"c":[],"p":["r","\u0067"]}"#),
            (#"{}"#, #"{"c":[]}"#),
            (#"{"c_1":1,"c_2":"true","p_1":null}"#, #"{"c":[],"p":[]}"#),
            // A value under a name that the client was not shown is not the user's.
            (#"{"c":["evil"],"p":"evil","c_1":true}"#, #"{"c":["r"]}"#),
        ]
        for (given, wanted) in rows { #expect(try Self.back(given, plan) == wanted) }
        #expect(throws: QuestionProblem.self) { try Self.back(#"{"c_1":true,"c_\u0031":false}"#, plan) }
    }

    @Test("an optional field left alone is absent where nothing may not be chosen")
    func optional() throws {
        let question = try Self.form(
            properties: #""c":{"type":"array","minItems":1,"items":\#(Self.plain)}"#)
        let (schema, plan) = try Self.old(question)
        #expect(schema["properties"]?["c_1"]?["description"]?.string == "Choose at least 1.")
        #expect(try Self.back(#"{"c_1":false,"c_2":false}"#, plan) == "{}")
        #expect(try Self.back(#"{"c_2":true}"#, plan) == #"{"c":["\u0067"]}"#)
    }

    @Test("declined forms are not put together", arguments: ["decline", "cancel"])
    func declined(_ action: String) throws {
        let (_, plan) = try Self.old(Self.form(properties: #""c":{"type":"array","items":\#(Self.plain)}"#))
        let bytes = try withRoot(#"{"action":"\#(action)","content":{"c_1":true}}"#) {
            try AnswerEdit.neutral($0, of: .elicitationCreate, plan: plan)
        }
        #expect(String(decoding: bytes, as: UTF8.self) == #"{"action":"\#(action)"}"#)
    }

    @Test("check boxes get names that are free")
    func names() throws {
        let question = try Self.form(
            properties: """
                "c_1":{"type":"string"},"c":{"type":"array","items":\(Self.plain)},"c\\u005f_1":{"type":"number"},
                "c_":{"type":"array","items":{"enum":["z"]}}
                """)
        let (schema, plan) = try Self.old(question)
        #expect(
            schema["properties"]?.object?.map(\.key) == ["c_1", "c___1", "c_2", "c__1", "c____1"])
        #expect(
            try Self.back(#"{"c_1":"s","c___1":true,"c__1":3,"c____1":true}"#, plan)
                == #"{"c_1":"s","c__1":3,"c":["r"],"c_":["z"]}"#)
    }

    static let inexpressible = [
        #""a":{"type":"array"}"#, #""a":{"type":"array","items":[]}"#,
        #""a":{"type":"array","items":{"type":"string"}}"#,
        #""a":{"type":"\u0061rray","items":{"enum":[1]}}"#, #""a":{"type":"array","items":{"enum":{}}}"#,
        #""a":{"type":"array","items":{"anyOf":{}}}"#, #""a":{"type":"array","items":{"anyOf":[{}]}}"#,
        #""a":{"type":"string","oneOf":[{"title":"t"}]}"#, #""a":{"type":"string","oneOf":7}"#,
        #""a":{"type":"string","oneOf":[1]}"#, #""a":7"#, #""a":null"#,
    ]

    @Test("what 2025-06-18 cannot express is refused there, and only there", arguments: inexpressible)
    func refused(_ properties: String) throws {
        let question = try Self.form(properties: properties)
        let problem = #expect(throws: QuestionProblem.self) { try Self.old(question) }
        #expect(problem?.message.isEmpty == false)
        #expect(try put(question).params == question.text)
    }

    @Test(
        "a repeated member of the schema, or a repeated property, is refused",
        arguments: [
            #"{"properties":{},"propert\u0069es":{"a":{"type":"string"}}}"#,
            #"{"properties":{"a":{"type":"string"},"\u0061":{"type":"boolean"}}}"#,
        ])
    func repeated(_ schema: String) throws {
        let question = try Self.form(schema)
        let out = MessageBuilder()
        #expect(throws: QuestionProblem.self) {
            try QuestionEdit.writeParams(
                question, for: .v2025_06_18, .form, serverName: nil, elicitationId: nil, into: out)
        }
        #expect(out.joined().isEmpty)
    }

    @Test("forms that would grow out of hand are refused")
    func hostile() throws {
        func choices(_ count: Int) -> String { (0..<count).map { "\"\($0)\"" }.joined(separator: ",") }
        func list(_ count: Int, title: String = "t") -> String {
            #"{"type":"array","title":"\#(title)","items":{"enum":[\#(choices(count))]}}"#
        }
        #expect(throws: Never.self) { try Self.old(Self.form(properties: #""a":\#(list(128))"#)) }
        for properties in [
            #""a":\#(list(129))"#, #""a":\#(list(100)),"b":\#(list(29))"#,
            (0..<129).map { #""a\#($0)":\#(list(0))"# }.joined(separator: ","),
            #""\#(String(repeating: "n", count: 257))":\#(list(1))"#,
            #""a":\#(list(1)),"#
                + (1...8).map { "\"a\(String(repeating: "_", count: $0))1\":{}" }
                .joined(separator: ","),
        ] {
            #expect(throws: QuestionProblem.self) { try Self.old(Self.form(properties: properties)) }
        }
        // A long title is not repeated per choice.
        let long = String(repeating: "t", count: 50_000)
        let (schema, _) = try Self.old(Self.form(properties: #""a":\#(list(100, title: long))"#))
        #expect(schema.serialized().count < 20_000)
    }

    @Test("many fields of one value are fine")
    func wide() throws {
        let fields = (0..<20_000).map { #""k\#($0)":{"type":"string","default":"d"}"# }.joined(separator: ",")
        let names = (0..<20_000).map { "\"k\($0)\"" }.joined(separator: ",")
        let (schema, plan) = try Self.old(Self.form(properties: fields, required: "[\(names)]"))
        #expect(schema["properties"]?.object?.count == 20_000)
        #expect(plan.isAsIs)
    }
}
