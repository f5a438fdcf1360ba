// SPDX-License-Identifier: Apache-2.0
// ParameterHeader: valid and invalid `x-mcp-header` annotations (MCP 2026-07-28), and header values.

import JSON
import Testing

@testable import JackfieldCore

@Suite("Parameter headers") struct ParameterHeaderTests {
    /// The annotations of an input schema as `name=path/of/properties`.
    static func headers(_ schema: String) throws -> [String] {
        try JSONText(schema).withRoot { root in
            try ParameterHeader.all(in: root).map { "\($0.name)=\($0.path.joined(separator: "/"))" }
        }
    }

    static func properties(_ members: String) -> String { #"{"type":"object","properties":{\#(members)}}"# }

    @Test(
        "valid annotations are found with their paths",
        arguments: [
            ("{}", []), (#"{"type":"object"}"#, []), (properties(#""a":{"type":"string"}"#), []),
            (properties(#""a":{"type":"string","x-mcp-header":"Region"}"#), ["Region=a"]),
            (properties(#""a":{"x-mcp-header":"R","type":"integer"}"#), ["R=a"]),
            (properties(#""a":{"type":"boolean","x-mcp-header":"R"}"#), ["R=a"]),
            (
                properties(#""a":{"type":"string","x-mcp-header":"!#$%&'*+-.^_`|~09Az"}"#),
                ["!#$%&'*+-.^_`|~09Az=a"]
            ),
            (
                properties(
                    #""a":{"type":"string","x-mcp-header":"One"},"b":{"type":"integer","x-mcp-header":"Two"}"#
                ),
                ["One=a", "Two=b"]
            ),
            (
                properties(
                    #""o":{"type":"object","properties":{"p":{"type":"string","x-mcp-header":"Deep"}}}"#),
                ["Deep=o/p"]
            ),
            (
                properties(
                    #""properties":{"type":"object","properties":{"properties":{"type":"string","x-mcp-header":"P"}}}"#
                ),
                ["P=properties/properties"]
            ),
            (properties(#""x-mcp-header":{"type":"string"}"#), []),
            (properties(#""x-mcp-header":{"type":"string","x-mcp-header":"Odd"}"#), ["Odd=x-mcp-header"]),
            (properties(#""a":{"description":"about x-mcp-header","type":"string"}"#), []),
            (properties(#""k\u0065y":{"type":"string","x-mcp-header":"E"}"#), ["E=key"]),
        ] as [(String, [String])])
    func valid(_ schema: String, _ wanted: [String]) throws {
        #expect(try Self.headers(schema) == wanted)
    }

    @Test(
        "an annotation spelled with escapes is one all the same",
        arguments: [
            #"x\u002dmcp-header"#, #"\u0078-mcp-header"#,
        ])
    func escaped(_ key: String) throws {
        #expect(try Self.headers(Self.properties(#""a":{"type":"string","\#(key)":"R"}"#)) == ["R=a"])
    }

    @Test(
        "invalid annotations keep the tool away",
        arguments: [
            properties(#""a":{"type":"string","x-mcp-header":""}"#),
            properties(#""a":{"type":"string","x-mcp-header":"a b"}"#),
            properties(#""a":{"type":"string","x-mcp-header":"a:b"}"#),
            properties(#""a":{"type":"string","x-mcp-header":"a\r\nb"}"#),
            properties(#""a":{"type":"string","x-mcp-header":"é"}"#),
            properties(#""a":{"type":"string","x-mcp-header":"a(b)"}"#),
            properties(#""a":{"type":"string","x-mcp-header":7}"#),
            properties(#""a":{"type":"string","x-mcp-header":true}"#),
            properties(#""a":{"type":"string","x-mcp-header":null}"#),
            properties(#""a":{"type":"number","x-mcp-header":"R"}"#),
            properties(#""a":{"type":"object","x-mcp-header":"R"}"#),
            properties(#""a":{"type":"array","x-mcp-header":"R"}"#),
            properties(#""a":{"type":"null","x-mcp-header":"R"}"#),
            properties(#""a":{"x-mcp-header":"R"}"#),
            properties(#""a":{"type":"string","x-mcp-header":"R"},"b":{"type":"string","x-mcp-header":"R"}"#),
            properties(
                #""a":{"type":"string","x-mcp-header":"Region"},"b":{"type":"string","x-mcp-header":"rEGION"}"#
            ),
            properties(
                #""a":{"type":"string","x-mcp-header":"R"},"#
                    + #""o":{"type":"object","properties":{"b":{"type":"string","x-mcp-header":"r"}}}"#),
            #"{"type":"object","x-mcp-header":"Root"}"#,
            properties(#""a":{"type":"array","items":{"type":"string","x-mcp-header":"R"}}"#),
            properties(
                #""a":{"type":"array","items":{"type":"object","properties":{"b":{"type":"string","x-mcp-header":"R"}}}}"#
            ),
            properties(#""a":{"anyOf":[{"type":"string","x-mcp-header":"R"}]}"#),
            properties(#""a":{"allOf":[{"properties":{"b":{"type":"string","x-mcp-header":"R"}}}]}"#),
            #"{"type":"object","oneOf":[{"properties":{"a":{"type":"string","x-mcp-header":"R"}}}]}"#,
            #"{"type":"object","if":{"properties":{"a":{"type":"string","x-mcp-header":"R"}}}}"#,
            #"{"type":"object","then":{"properties":{"a":{"type":"string","x-mcp-header":"R"}}}}"#,
            #"{"type":"object","$defs":{"d":{"type":"string","x-mcp-header":"R"}}}"#,
            #"{"type":"object","$defs":{"d":{"properties":{"a":{"type":"string","x-mcp-header":"R"}}}}}"#,
            #"{"type":"object","additionalProperties":{"type":"string","x-mcp-header":"R"}}"#,
            #"{"type":"object","patternProperties":{"^a":{"type":"string","x-mcp-header":"R"}}}"#,
            #"{"type":"object","dependentSchemas":{"a":{"properties":{"a":{"type":"string","x-mcp-header":"R"}}}}}"#,
        ])
    func invalid(_ schema: String) throws {
        #expect(throws: ListingProblem.self) { try Self.headers(schema) }
        #expect(throws: ListingProblem.self) { try listed(.tools, #"{"name":"t","inputSchema":\#(schema)}"#) }
    }

    @Test func anInvalidAnnotationIsNamedInTheReason() throws {
        do {
            _ = try Self.headers(Self.properties(#""a":{"type":"number","x-mcp-header":"Amount"}"#))
            Issue.record("was taken")
        } catch let problem as ListingProblem {
            #expect(problem.message.contains("Amount"))
        }
    }

    @Test func nestingIsBounded() {
        let deep = (0..<100).reduce(#"{"type":"string","x-mcp-header":"R"}"#) { inner, _ in
            #"{"type":"object","properties":{"p":\#(inner)}}"#
        }
        #expect(throws: (any Error).self) { try Self.headers(deep) }
    }

    @Test func aToolKeepsItsHeaders() throws {
        let schema = Self.properties(#""a":{"type":"string","x-mcp-header":"Region"}"#)
        let item = try listed(.tools, #"{"name":"t","inputSchema":\#(schema)}"#)
        #expect(item.parameterHeaders == [ParameterHeader(name: "Region", path: ["a"])])
    }

    @Test(
        "values are strings as they are, integers in decimal, booleans as words",
        arguments: [
            (#"{"a":"x y"}"#, "x y"), (#"{"a":"\u00e9"}"#, "é"), (#"{"a":""}"#, ""), (#"{"a":42}"#, "42"),
            (#"{"a":-7}"#, "-7"), (#"{"a":0}"#, "0"), (#"{"a":9007199254740991}"#, "9007199254740991"),
            (#"{"a":true}"#, "true"), (#"{"a":false}"#, "false"), (#"{"a":null}"#, nil), ("{}", nil),
            (#"{"b":1}"#, nil),
            (#"{"a":{}}"#, nil), (#"{"a":[1]}"#, nil), (#"{"a":1.5}"#, nil), ("[]", nil), ("null", nil),
        ] as [(String, String?)])
    func value(_ arguments: String, _ wanted: String?) throws {
        let header = ParameterHeader(name: "H", path: ["a"])
        #expect(try JSONText(arguments).withRoot { header.value(in: $0) } == wanted)
    }

    @Test func nestedValuesAreFoundByPath() throws {
        let header = ParameterHeader(name: "H", path: ["a", "b", "c"])
        for (arguments, wanted) in [
            (#"{"a":{"b":{"c":"x"}}}"#, "x"), (#"{"a":{"b":null}}"#, nil), (#"{"a":"b"}"#, nil),
            (#"{"a":{"b":{}}}"#, nil),
        ] as [(String, String?)] {
            #expect(try JSONText(arguments).withRoot { header.value(in: $0) } == wanted)
        }
    }
}
