// SPDX-License-Identifier: Apache-2.0
// The compatibility rule: what a caller who knows one definition may send to a server with another.

import JSON
import Testing

@testable import JackfieldCore

@Suite struct DefinitionFitTests {
    private func definition(_ members: String) throws -> ToolDefinition {
        try #require(ToolDefinition(try JSONValue(parsing: #"{"name":"t",\#(members)}"#)))
    }

    private func problem(_ known: String, _ served: String) throws -> String? {
        DefinitionFit.problem(known: try definition(known), served: try definition(served))
    }

    private func input(_ known: String, _ served: String) throws -> String? {
        try problem(#""inputSchema":\#(known)"#, #""inputSchema":\#(served)"#)
    }

    private func output(_ known: String, _ served: String) throws -> String? {
        let schema = #""inputSchema":{"type":"object"},"outputSchema":"#
        return try problem(schema + known, schema + served)
    }

    private func object(_ properties: String, _ more: String = "") -> String {
        #"{"type":"object","properties":{\#(properties)}\#(more)}"#
    }

    // ---- Arguments ----

    @Test func additionsThatNobodyMustUseAreFine() throws {
        let path = #""path":{"type":"string"}"#
        #expect(try input(object(path), object(path + #","depth":{"type":"integer"}"#)) == nil)
        #expect(try input(object(path, #","required":["path"]"#), object(path)) == nil, "no longer required")
        #expect(
            try input(
                object(path),
                #"{"type":"object","title":"T","properties":{"path":{"type":"string","description":"d","default":"x"}}}"#
            ) == nil)
    }

    @Test(arguments: [
        (
            #""a":{"type":"string"}"#, #""a":{"type":"string"}"#, "", #","required":["a"]"#,
            #"inputSchema.required: "a" is required now"#
        ),
        (#""a":{}"#, "", "", "", "inputSchema.properties.a: it was removed"),
        (
            #""a":{"type":["string","null"]}"#, #""a":{"type":"string"}"#, "", "",
            #"inputSchema.properties.a.type: "null" is not taken any more"#
        ),
        (
            #""a":{"type":"number"}"#, #""a":{"type":"integer"}"#, "", "",
            #"inputSchema.properties.a.type: "number" is not taken any more"#
        ),
        (
            #""a":{}"#, #""a":{"type":"string"}"#, "", "",
            #"inputSchema.properties.a.type: it was open and is "string""#
        ),
        (
            #""a":{"enum":["x","y"]}"#, #""a":{"enum":["x"]}"#, "", "",
            #"inputSchema.properties.a.enum: "y" is not taken any more"#
        ),
        (
            #""a":{"type":"string"}"#, #""a":{"type":"string","enum":["x"]}"#, "", "",
            "inputSchema.properties.a.enum: it was open and is a list"
        ),
        (
            #""a":{"type":"string"}"#, #""a":{"type":"string","maxLength":9}"#, "", "",
            "inputSchema.properties.a.maxLength: it is new"
        ),
        (#""a":{"minimum":1}"#, #""a":{"minimum":2}"#, "", "", "inputSchema.properties.a.minimum: 1 → 2"),
        (
            #""a":{"type":"array"}"#, #""a":{"type":"array","items":{"type":"string"}}"#, "", "",
            #"inputSchema.properties.a.items.type: it was open and is "string""#
        ),
        (
            "", "", "", #","additionalProperties":false"#,
            "inputSchema.additionalProperties: others are not taken any more"
        ),
        (
            "", #""a":{"type":"string"}"#, #","additionalProperties":{"type":"integer"}"#, "",
            #"inputSchema.properties.a.type: "integer" is not taken any more"#
        ),
        (
            #""a":{"pattern":"^x"}"#, #""a":{"pattern":"^y"}"#, "", "",
            #"inputSchema.properties.a.pattern: "^x" → "^y""#
        ),
        (
            #""a":{"x-mcp-header":"A"}"#, #""a":{}"#, "", "",
            "inputSchema.properties.a.x-mcp-header: it is missing on one side"
        ),
        (
            #""a":{}"#, #""a":{"oneOf":[{"type":"string"}]}"#, "", "",
            "inputSchema.properties.a.oneOf: it is only on one side"
        ),
    ])
    func whatIsTakenAwayIsNot(
        _ known: String, _ served: String, _ moreKnown: String, _ moreServed: String, _ expected: String
    ) throws {
        #expect(try input(object(known, moreKnown), object(served, moreServed)) == expected)
    }

    @Test func whatIsGivenBackIs() throws {
        for (known, served) in [
            (#"{"type":"integer"}"#, #"{"type":"number"}"#),
            (#"{"type":"string"}"#, #"{"type":["string","null"]}"#),
            (#"{"enum":["x"]}"#, #"{"type":"string"}"#), (#"{"const":"x"}"#, #"{"enum":["y","x"]}"#),
            (#"{"enum":[1.0]}"#, #"{"enum":[1]}"#), (#"{"maxLength":5,"pattern":"x"}"#, #"{"maxLength":6}"#),
            (#"{"type":"string"}"#, #"{"anyOf":[{"type":"string"},{"type":"null"}]}"#),
            (
                #"{"anyOf":[{"type":"integer"},{"type":"null"}]}"#,
                #"{"anyOf":[{"type":"null"},{"type":"number"}]}"#
            ),
            (#"{"anyOf":[{"type":"integer"},{"type":"null"}]}"#, #"{"type":["integer","null","string"]}"#),
            (#"{"type":"array","items":{"type":"string"}}"#, #"{"type":"array"}"#),
            (#"false"#, #"{"type":"string"}"#),
            (#"{"type":"string"}"#, "true"), (#"{"oneOf":[{"type":"string"}]}"#, "{}"),
        ] {
            #expect(
                try input(object(#""a":\#(known)"#), object(#""a":\#(served)"#)) == nil,
                "\(known) → \(served)")
        }
    }

    @Test func alternativesAreHeldAgainstEachOther() throws {
        let known = #""a":{"anyOf":[{"type":"integer"},{"type":"string"}]}"#
        let found = try input(object(known), object(#""a":{"anyOf":[{"type":"integer"},{"type":"null"}]}"#))
        #expect(found == "inputSchema.properties.a.anyOf[1]: none of the alternatives takes it")
        #expect(try input(object(known), object(#""a":{"type":"integer"}"#)) != nil)
    }

    @Test func aPropertyMayBeCalledLikeAKeyword() throws {
        #expect(
            try input(object(#""title":{"type":"string"}"#), object(""))
                == "inputSchema.properties.title: it was removed")
        #expect(try input(object(#""required":{}"#), object(#""required":{}"#)) == nil)
    }

    // ---- References ----

    private func referring(_ node: String) -> String {
        ##"{"type":"object","properties":{"tree":{"$ref":"#/$defs/node"}},"$defs":{"node":\##(node)}}"##
    }

    @Test func referencesAreFollowed() throws {
        let leaf = #"{"type":"object","properties":{"v":{"type":"string"}}}"#
        let more = #"{"type":"object","properties":{"v":{"type":"string"},"w":{"type":"string"}}}"#
        #expect(try input(referring(leaf), referring(more)) == nil)
        #expect(
            try input(referring(more), referring(leaf))
                == "inputSchema.properties.tree.properties.w: it was removed")
        let inline = #"{"type":"object","properties":{"tree":\#(more)}}"#
        #expect(try input(referring(leaf), inline) == nil)
    }

    @Test func recursiveSchemasEnd() throws {
        let node = ##"{"type":"object","properties":{"v":{"type":"TYPE"},"next":{"$ref":"#/$defs/node"}}}"##
        let integers = node.split(separator: "TYPE").joined(separator: "integer")
        let numbers = node.split(separator: "TYPE").joined(separator: "number")
        #expect(try input(referring(integers), referring(numbers)) == nil)
        #expect(try input(referring(numbers), referring(integers)) != nil)
    }

    @Test func referencesThatLeadNowhereAreRefused() throws {
        for bad in [
            #"{"$ref":"https://x/y"}"#, ##"{"$ref":"#/$defs/none"}"##,
            ##"{"$ref":"#/$defs/node","type":"string"}"##, #"{"$ref":7}"#,
        ] {
            #expect(try input(object(#""a":\#(bad)"#), object(#""a":\#(bad),"b":{}"#)) != nil, "\(bad)")
        }
        // Two that name each other and nothing else.
        let circle =
            ##"{"type":"object","properties":{"a":{"$ref":"#/$defs/x"}},"$defs":{"x":{"$ref":"#/$defs/y"},"y":{"$ref":"#/$defs/x"}}}"##
        _ = try input(circle, circle.dropLast() + #","title":"t"}"#)
    }

    @Test func unknownKeywordsWithReferencesAreHeldAgainstWhatTheyName() throws {
        func with(_ type: String) -> String {
            ##"{"type":"object","properties":{"a":{"oneOf":[{"$ref":"#/$defs/x"}]}},"$defs":{"x":{"type":"\##(type)"}}}"##
        }
        #expect(try input(with("string"), with("string")) == nil)
        #expect(try input(with("string"), with("integer")) != nil)
    }

    // ---- Results ----

    @Test func resultsMayGrowNotShrink() throws {
        let a = #""a":{"type":"integer"}"#
        #expect(
            try output(object(a, #","required":["a"]"#), object(a + #","b":{}"#, #","required":["a","b"]"#))
                == nil)
        #expect(
            try output(object(a, #","required":["a"]"#), object(a))
                == #"outputSchema.required: "a" is not promised any more"#)
        #expect(
            try output(object(a), object(#""a":{"type":"number"}"#))
                == #"outputSchema.properties.a.type: "number" is new"#)
        #expect(
            try output(object(#""a":{"enum":["x"]}"#), object(#""a":{"enum":["x","y"]}"#))
                == #"outputSchema.properties.a.enum: "y" is new"#)
        #expect(try output(object(a), object("")) == nil, "an optional one may be missing")
        #expect(
            try output(
                object(a, #","additionalProperties":false"#),
                object(a + #","b":{}"#, #","additionalProperties":false"#)) != nil)
    }

    @Test func aSchemaMayComeNotGo() throws {
        let bare = #""inputSchema":{"type":"object"}"#
        #expect(try problem(bare, bare + #","outputSchema":{"type":"object"}"#) == nil)
        #expect(
            try problem(bare + #","outputSchema":{"type":"object"}"#, bare) == "outputSchema: it was removed")
    }

    // ---- Hints ----

    @Test(arguments: [
        (#"{"readOnlyHint":true}"#, #"{"readOnlyHint":true,"title":"x"}"#, true),
        (#"{}"#, #"{"readOnlyHint":true}"#, true),
        (#"{"readOnlyHint":true}"#, #"{}"#, false),
        (#"{"readOnlyHint":true}"#, #"{"readOnlyHint":false}"#, false),
        (#"{"destructiveHint":false}"#, #"{"destructiveHint":true}"#, false),
        (#"{"destructiveHint":false}"#, #"{}"#, false),
        (#"{}"#, #"{"destructiveHint":false}"#, true),
        (#"{"idempotentHint":true}"#, #"{}"#, false),
        (#"{"idempotentHint":true}"#, #"{"readOnlyHint":true}"#, true),
        (#"{"openWorldHint":false}"#, #"{"openWorldHint":true}"#, true),
    ])
    func hintsMayNotBecomeWorse(_ known: String, _ served: String, _ isGood: Bool) throws {
        let head = #""inputSchema":{"type":"object"},"annotations":"#
        #expect((try problem(head + known, head + served) == nil) == isGood, "\(known) → \(served)")
    }

    @Test func tasksThatClientsRelyOnStay() throws {
        func with(_ support: String) -> String {
            #""inputSchema":{"type":"object"},"execution":{"taskSupport":"\#(support)"}"#
        }
        #expect(try problem(with("forbidden"), #""inputSchema":{"type":"object"},"title":"t""#) == nil)
        #expect(try problem(with("required"), with("optional")) == nil)
        #expect(try problem(with("optional"), with("forbidden")) != nil)
        #expect(try problem(with("optional"), with("required")) != nil)
    }

    // ---- Bad input ----

    @Test func hostileSchemasAreRefusedSoon() throws {
        #expect(try input(object(#""a":{},"a":{}"#), object(#""a":{}"#)) != nil, "a member twice")
        #expect(try input(object(#""a":7"#), object(#""a":8"#)) != nil)
        #expect(try input(object(#""a":{"type":{}}"#), object(#""a":{"type":[]}"#)) != nil)
        let deep = String(repeating: #"{"items":"#, count: 100) + "{}" + String(repeating: "}", count: 100)
        #expect(try input(object(#""a":\#(deep)"#), object(#""a":\#(deep),"b":{}"#)) != nil)
        // Alternatives in alternatives: more than anybody compares.
        var bush = #"{"type":"string"}"#
        for _ in 0..<12 { bush = #"{"anyOf":[\#(bush),\#(bush),{"type":"null"}]}"# }
        let other = bush.split(separator: "string", omittingEmptySubsequences: false).joined(
            separator: "integer")
        #expect(try input(object(#""a":\#(bush)"#), object(#""a":\#(other)"#)) != nil)
    }
}
