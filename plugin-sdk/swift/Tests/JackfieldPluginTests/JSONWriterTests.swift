// SPDX-License-Identifier: Apache-2.0
// Writing JSON.

import Testing

@testable import JackfieldPlugin

@Suite struct JSONWriterTests {
    @Test(
        arguments: [
            (.null, "null"), (true, "true"), (false, "false"), (0, "0"), (-42, "-42"),
            (.integer(.min), "-9223372036854775808"), ("", "\"\""), ([], "[]"), (.object([]), "{}"),
            ([1, [2, []], "x"], "[1,[2,[]],\"x\"]"),
            (["b": 1, "a": ["c": nil]], "{\"b\":1,\"a\":{\"c\":null}}"),
            (["ends like [": "and {", "x:": ":"], "{\"ends like [\":\"and {\",\"x:\":\":\"}"),
            ([.raw("{\"a\":1}"), .raw("2")], "[{\"a\":1},2]"),
        ] as [(JSONValue, String)])
    func writesValues(value: JSONValue, json: String) { #expect(value.json == json) }

    @Test(
        arguments: [
            (0.0, "0"), (3.0, "3"), (-3.0, "-3"), (0.1, "0.1"), (-2.5, "-2.5"), (1e300, "1e+300"),
            (.leastNonzeroMagnitude, "5e-324"), (9_007_199_254_740_991, "9007199254740991"),
            (9_007_199_254_740_992, "9007199254740992.0"), (-0.0, "-0.0"),
            (.nan, "null"), (.infinity, "null"), (-.infinity, "null"),
        ] as [(Double, String)])
    func writesNumbers(number: Double, json: String) { #expect(JSONValue.number(number).json == json) }

    @Test(arguments: [
        ("a\"b", "\"a\\\"b\""), ("a\\b", "\"a\\\\b\""), ("a/b", "\"a/b\""), ("\n\r\t", "\"\\n\\r\\t\""),
        ("\u{0}\u{8}\u{1f}", "\"\\u0000\\u0008\\u001f\""), ("\u{7f}ü€🐦\u{2028}", "\"\u{7f}ü€🐦\u{2028}\""),
    ])
    func escapesText(text: String, json: String) { #expect(JSONValue.text(text).json == json) }

    @Test func setsCommasAndColons() {
        var writer = JSONWriter()
        writer.object { writer in
            writer.member("none", ifPresent: nil as String?)
            writer.member("text", ifPresent: "x")
            writer.member("flag", ifPresent: nil as Bool?)
            writer.member("list") { writer in
                writer.array { writer in
                    writer.number(1)
                    writer.object { $0.member("a", 1.5) }
                    writer.string("[")
                    writer.array([])
                }
            }
            writer.member("last", nil)
        }
        #expect(writer.text == #"{"text":"x","list":[1,{"a":1.5},"[",[]],"last":null}"#)
    }

    @Test(arguments: [
        ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="),
        ("foobar", "Zm9vYmFy"),
    ])
    func encodesBytes(text: String, encoded: String) { #expect(base64(Array(text.utf8)) == encoded) }

    @Test func encodesEveryDigit() {
        let bytes = (0..<64).flatMap { $0 % 4 == 0 ? group($0) : [] }
        #expect(base64(bytes) == "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
    }

    /// Three bytes that hold the six-bit values from `first` to `first + 3`.
    private func group(_ first: Int) -> [UInt8] {
        let bits = (0..<4).reduce(0) { $0 << 6 | (first + $1) }
        return [UInt8(bits >> 16 & 255), UInt8(bits >> 8 & 255), UInt8(bits & 255)]
    }
}

@Suite struct FieldTests {
    @Test func makesAnObjectSchema() {
        let schema = JSONValue.object(fields: [
            .text("name", "A name.", choices: ["a", "b"], maxLength: 8),
            .integer("count", "How many.", in: 1...9, default: 2), .number("share", "A share.", in: 0...1),
            .flag("deep", "Deep?", required: false),
            .list("ids", "Ids.", of: ["type": "integer"], maxItems: 3),
        ])
        #expect(
            schema.json
                == #"{"type":"object","properties":{"name":{"type":"string","description":"A name.","#
                + #""enum":["a","b"],"maxLength":8},"count":{"type":"integer","#
                + #""description":"How many.","minimum":1,"maximum":9,"#
                + #""default":2},"share":{"type":"number","description":"A share.","minimum":0,"maximum":1},"#
                + #""deep":{"type":"boolean","description":"Deep?"},"ids":{"type":"array","#
                + #""description":"Ids.","items":{"type":"integer"},"maxItems":3}},"#
                + #""required":["name","share","ids"],"#
                + #""additionalProperties":false}"#)
    }

    @Test func leavesRequiredOutWhenNothingIs() {
        #expect(
            JSONValue.object(fields: []).json
                == #"{"type":"object","properties":{},"additionalProperties":false}"#)
    }
}
