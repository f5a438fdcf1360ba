// SPDX-License-Identifier: Apache-2.0
// OutputSchema: schemas of any value, shown to clients that know objects only.

import JSON
import MCP
import Testing

@testable import JackfieldCore

@Suite("Output schema") struct OutputSchemaTests {
    static func wrapped(_ schema: String) throws -> JSONValue {
        try JSONText(schema).withRoot { root in
            var out: [UInt8] = []
            OutputSchema.appendWrapped(root, to: &out)
            return try JSONValue(parsing: out)
        }
    }

    static func kind(_ schema: String) throws -> OutputSchema {
        try JSONText(schema).withRoot { OutputSchema($0) }
    }

    @Test func resultsAreShownAsTheirSchemasAre() {
        let shapes = [OutputSchema.none, .object, .wrappable, .other].map(\.structured)
        #expect(shapes == [.asIs, .asIs, .wrapped, .dropped])
        #expect(OutputSchema(nil) == .none)
    }

    @Test(
        "a schema becomes that of one property",
        arguments: [
            (
                #"{"type":"array","items":{"minimum":1.50}}"#, #"{"type":"array","items":{"minimum":1.50}}"#,
                ""
            ),
            ("true", "true", ""), ("{}", "{}", ""),
            (
                #"{"$schema":"https://json-schema.org/draft/2020-12/schema","type":"string"}"#,
                #"{"type":"string"}"#, #","$schema":"https://json-schema.org/draft/2020-12/schema""#
            ),
            (
                ##"{"$defs":{"n":{"items":{"$ref":"#/$defs/n"}}},"$ref":"#/$defs/n"}"##,
                ##"{"$ref":"#/$defs/n"}"##, ##","$defs":{"n":{"items":{"$ref":"#/$defs/n"}}}"##
            ),
            (
                ##"{"anyOf":[{"$ref":"#/definitions/a\u0062"}],"d\u0065finitions":{"ab":{}}}"##,
                ##"{"anyOf":[{"$ref":"#/definitions/ab"}]}"##, #","definitions":{"ab":{}}"#
            ),
            // An identifier of its own: its references stay inside wherever it stands.
            (
                ##"{"$id":"https://a.example/s","$schema":"x:y","items":{"$ref":"#"},"$defs":{"n":1}}"##,
                ##"{"$id":"https://a.example/s","$schema":"x:y","items":{"$ref":"#"},"$defs":{"n":1}}"##,
                #","$schema":"x:y""#
            ),
        ])
    func wrapping(_ schema: String, _ inner: String, _ more: String) throws {
        #expect(try Self.kind(schema) == .wrappable)
        let wanted = try JSONValue(
            parsing: #"{"type":"object","properties":{"result":\#(inner)},"required":["result"]\#(more)}"#)
        let built = try Self.wrapped(schema)
        #expect(built.isEqual(to: wanted), "\(built)")
    }

    @Test(
        "references that a wrapper would lead astray",
        arguments: [
            (##""#""##, false), (##""#/""##, false), (##""#/properties/x""##, false),
            (##""#/$defs""##, false),
            (##""#/%24defs/x""##, false), (##""#%2F$defs%2Fx""##, false), (#""""#, false),
            (##""\u0023""##, false), (##""#/$defs/x""##, true), (##""#/definitions/x/items/0""##, true),
            (##""#anchor""##, true), (#""other.json#/a""#, true), (#""https://a.example/s""#, true),
            ("7", true),
        ])
    func references(_ reference: String, _ survives: Bool) throws {
        for schema in [
            #"{"$ref":\#(reference)}"#, #"{"anyOf":[{},{"items":{"$ref":\#(reference)}}]}"#,
            #"{"$defs":{"x":{"$r\u0065f":\#(reference)}},"type":"array"}"#,
            #"{"items":{"$dynamicRef":\#(reference)}}"#,
        ] {
            #expect(try Self.kind(schema) == (survives ? .wrappable : .other), "\(schema)")
        }
        // An object is shown as it is, whatever it refers to.
        #expect(try Self.kind(#"{"type":"object","properties":{"x":{"$ref":\#(reference)}}}"#) == .object)
    }

    @Test func recursionToTheRootOfADraft() throws {
        #expect(try Self.kind(##"{"items":{"$recursiveRef":"#"}}"##) == .other)
        #expect(try Self.kind(##"{"$id":"#old-anchor","items":{"$ref":"#"}}"##) == .other)
        #expect(try Self.kind(##"{"$id":"","items":{"$ref":"#"}}"##) == .other)
    }

    @Test("a wrapped schema takes exactly the wrapped values")
    func agreement() throws {
        for (schema, good, bad) in [
            (#"{"type":"array","items":{"type":"integer"}}"#, ["[]", "[1,2]"], ["{}", #"["x"]"#, "null"]),
            (#"{"type":["string","null"]}"#, [#""x""#, "null"], ["1", "[]"]),
            (
                #"{"anyOf":[{"type":"object","required":["a"]},{"type":"number"}]}"#, [#"{"a":1}"#, "2.5"],
                ["{}", "true"]
            ),
            (
                ##"{"$ref":"#/$defs/tree","$defs":{"tree":{"type":"array","items":{"$ref":"#/$defs/tree"}}}}"##,
                ["[]", "[[],[[]]]"], ["[1]", "{}"]
            ),
        ] {
            let own = try JSONSchema(JSONValue(parsing: schema))
            let shown = try JSONSchema(Self.wrapped(schema))
            for (values, isGood) in [(good, true), (bad, false)] {
                for value in values {
                    #expect(
                        try own.validate(JSONValue(parsing: value)).isEmpty == isGood, "\(schema) \(value)")
                    let wrapped = try JSONValue(parsing: #"{"result":\#(value)}"#)
                    #expect(shown.validate(wrapped).isEmpty == isGood, "\(schema) \(value)")
                }
            }
        }
    }
}
