// SPDX-License-Identifier: Apache-2.0
// RFC 8259, text by text: what is JSON and what is not, with the code that says why.

import JSON
import Testing

@Suite struct GrammarTests {
    static let accepted: [String] = [
        // Top-level scalars and white space.
        "null", "true", "false", "0", "-0", "1", "\"\"", "\"a\"", " null ", "\n\r\t 7 \t\r\n", "[]", "{}",
        "[ ]",
        "{ }", "[\n]", "\t[\t]\t", "{\r\n}",
        // Numbers.
        "10", "123456789012345678901234567890", "-1", "-10", "0.0", "0.1", "-0.1", "10.01", "1e1", "1E1",
        "1e+1",
        "1e-1", "0e0", "0E+00", "-0e-0", "1.5e10", "1.5E-10", "123.456e789", "1e00001", "[0]", "[-0]",
        "[1e5]",
        "[1.5 ]", "[ 0 , 1 ]",
        // Strings.
        #""\"""#, #""\\""#, #""\/""#, #""\b\f\n\r\t""#, #""\u0000""#, #""\u00e9\u00E9""#, #""\ud83d\ude00""#,
        #""\ud800""#, #""\udc00\ud800""#, #""\uFFFF""#, #""\\\\\"""#, #""\\u""#, "\" \"", "\"/\"",
        "\"\u{7f}\"",
        "\"é\"", "\"日本語\"", "\"😀\"", "\"\u{2028}\"", "\"[,:]{}\"", "\"\u{feff}\"", "\"//\"", #""\\"   "#,
        #""a\\""#, #""aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\\""#,
        // Arrays and objects.
        "[1]", "[1,2]", "[null,true,false]", "[[]]", "[[],[]]", "[{}]", "[{},{}]", "[\"a\",\"b\"]",
        "[[[[[1]]]]]",
        #"{"a":1}"#, #"{"a":1,"b":2}"#, #"{"":0}"#, #"{"a":{}}"#, #"{"a":[]}"#, #"{"a":[{"b":[]}]}"#,
        #"{"a":1,"a":2}"#, #"{ "a" : 1 , "b" : [ ] }"#, #"{"\u0061":1}"#, #"{"a":"b"}"#, #"{"{":"}"}"#,
        "{\"a\"\n:\n1\n}", #"{"\"":1}"#, #"{"a\\":1}"#, #"[[1,[2,[3,{"a":[4]}]]],5]"#,
    ]

    @Test(arguments: accepted) func accepts(_ json: String) {
        for padding in [[0], Array("0".utf8), Array("\"]}".utf8), [0xFF]] as [[UInt8]] {
            #expect(parseError(Array(json.utf8), padding: padding) == nil)
        }
    }

    typealias Refusal = (json: String, code: JSONError.Code, offset: Int)
    static let refused: [Refusal] = [
        ("", .empty, 0), (" ", .empty, 1), ("\n\t \r", .empty, 4),
        // Structure.
        ("[", .truncated, 1), ("{", .truncated, 1), ("]", .syntax, 0), ("}", .syntax, 0), (",", .syntax, 0),
        (":", .syntax, 0), ("[1", .truncated, 2), ("[1,", .truncated, 3), ("[,]", .syntax, 1),
        ("[1,]", .syntax, 3),
        ("[,1]", .syntax, 1), ("[1,,2]", .syntax, 3), ("[1 2]", .syntax, 3), ("[1:2]", .syntax, 2),
        ("[1}", .syntax, 2), ("{]", .syntax, 1), (#"{"a"}"#, .syntax, 4), (#"{"a":}"#, .syntax, 5),
        (#"{"a":1,}"#, .syntax, 7), (#"{,"a":1}"#, .syntax, 1), (#"{"a" 1}"#, .syntax, 5),
        ("{1:2}", .syntax, 1),
        ("{null:1}", .syntax, 1), (#"{"a":1 "b":2}"#, .syntax, 7), (#"{"a":1,,"b":2}"#, .syntax, 7),
        (#"{"a"::1}"#, .syntax, 5), (#"{"a","b"}"#, .syntax, 4), (#"{"a":1]"#, .syntax, 6),
        ("[{]}", .syntax, 2),
        (#"{"a":"#, .truncated, 5), (#"{"a""#, .truncated, 4), (#"{"a":1"#, .truncated, 6),
        ("[[]", .truncated, 3),
        (#"{"a":{}"#, .truncated, 7), ("[\"a\"", .truncated, 4), ("{a:1}", .syntax, 1),
        ("{'a':1}", .syntax, 1),
        ("['a']", .syntax, 1), (#"["a" "b"]"#, .syntax, 5), (#"["a""b"]"#, .syntax, 4),
        ("[\"a\"1]", .syntax, 4),
        // Something behind the value.
        ("1 2", .trailing, 2), ("{}{}", .trailing, 2), ("[] []", .trailing, 3), ("null,", .trailing, 4),
        ("[]]", .trailing, 2), ("{}}", .trailing, 2), (#""a" "b""#, .trailing, 4), ("[]x", .trailing, 2),
        ("\"a\"x", .trailing, 3), ("1\n2", .trailing, 2), ("[1]//", .trailing, 3), ("{} #", .trailing, 3),
        // Numbers.
        ("-", .number, 1), ("+1", .syntax, 0), ("01", .number, 1), ("-01", .number, 2), ("00", .number, 1),
        ("1.", .number, 2), (".5", .syntax, 0), ("-.5", .number, 1), ("1.e5", .number, 2), ("1e", .number, 2),
        ("1e+", .number, 3), ("1e-", .number, 3), ("1e1.5", .number, 3), ("1ee1", .number, 2),
        ("--1", .number, 1),
        ("1-2", .number, 1), ("0x1", .number, 1), ("1a", .number, 1), ("1_000", .number, 1),
        ("1\u{0}", .number, 1),
        ("[1.]", .number, 3), ("[-]", .number, 2), ("[1e]", .number, 3), ("[01]", .number, 2),
        ("[1\"a\"]", .number, 2),
        ("12\"a\"", .number, 2), ("0.1.2", .number, 3), ("1é", .number, 1), ("1\\n", .number, 1),
        ("-a", .number, 1),
        ("[- 1]", .number, 2), ("-Infinity", .number, 1),
        // Literals.
        ("nul", .literal, 0), ("nulll", .literal, 0), ("tru", .literal, 0), ("truee", .literal, 0),
        ("fals", .literal, 0), ("falsey", .literal, 0), ("NULL", .syntax, 0), ("True", .syntax, 0),
        ("[nan]", .literal, 1), ("NaN", .syntax, 0), ("Infinity", .syntax, 0), ("undefined", .syntax, 0),
        ("true1", .literal, 0), ("tru\"e\"", .literal, 0), ("true\"\"", .literal, 0), ("n", .literal, 0),
        ("[true false]", .syntax, 6), ("[truefalse]", .literal, 1), ("null\u{0}", .literal, 0),
        // Strings and escapes.
        ("\"", .string, 0), ("\"a", .string, 0), ("[\"a]", .string, 1), (#""\"#, .string, 0),
        (#""\""#, .string, 0),
        (#""a\\\""#, .string, 0), ("\"a\tb\"", .string, 2), ("\"a\nb\"", .string, 2),
        ("\"\u{0}\"", .string, 1),
        ("\"\u{1f}\"", .string, 1), (#""\a""#, .escape, 1), (#""\'""#, .escape, 1), (#""\ ""#, .escape, 1),
        (#""\u""#, .escape, 1), (#""\u0""#, .escape, 1), (#""\u00""#, .escape, 1), (#""\u000""#, .escape, 1),
        (#""\u000g""#, .escape, 1), (#""\U0041""#, .escape, 1), (#""\x41""#, .escape, 1),
        (#""\0""#, .escape, 1),
        (#""ok\n\q""#, .escape, 5), (#"{"\q":1}"#, .escape, 2), (#"["\n","\v"]"#, .escape, 7),
        (#""\ud83d\u00""#, .escape, 7), (#""\é""#, .escape, 1), ("\\n", .syntax, 0),
        ("[\\\"a\"]", .syntax, 1),
        // Not JSON at all.
        ("\u{feff}[]", .syntax, 0), ("/* */ 1", .syntax, 0), ("# x", .syntax, 0), ("<a/>", .syntax, 0),
        ("é", .syntax, 0), ("[é]", .syntax, 1), ("\u{a0}1", .syntax, 0), ("\u{0}", .syntax, 0),
        ("'a'", .syntax, 0),
        ("\u{1a}", .syntax, 0), ("[\u{c}1]", .syntax, 1), ("{\"a\"\u{1a}1}", .syntax, 4),
        ("[\"a\"\u{c}\"b\"]", .syntax, 4), ("*", .syntax, 0), ("[*]", .syntax, 1), ("(1)", .syntax, 0),
    ]

    @Test(arguments: refused) func refuses(_ refusal: Refusal) {
        let expected = JSONError(code: refusal.code, offset: refusal.offset)
        for padding in [[0], Array("1".utf8), Array("\"]}".utf8), Array("e,1".utf8)] as [[UInt8]] {
            #expect(parseError(Array(refusal.json.utf8), padding: padding) == expected)
        }
    }

    /// Which token a form feed spoils is for simdjson's kernel to say; where it stands is not.
    @Test(arguments: [
        ("1\u{c}", 1), ("[1\u{c}]", 2), ("{\"a\":null\u{c}}", 9), ("\u{c}1", 0), ("true\u{1a}", 4),
    ])
    func refusesControlCharactersBetweenTokens(_ json: String, _ offset: Int) throws {
        let error = try #require(parseError(Array(json.utf8)))
        #expect(error.offset == offset || error.code == .literal)
    }

    static let malformed: [(bytes: [UInt8], offset: Int)] = [
        ([0x80], 0), ([0xC0, 0x80], 0), ([0xC1, 0xBF], 0), ([0xC3], 0), ([0xC3, 0x28], 0),
        ([0xE0, 0x80, 0x80], 0),
        ([0xE2, 0x82], 0), ([0xED, 0xA0, 0x80], 0), ([0xED, 0xBF, 0xBF], 0), ([0xF0, 0x80, 0x80, 0x80], 0),
        ([0xF0, 0x9F, 0x98], 0), ([0xF4, 0x90, 0x80, 0x80], 0), ([0xF5, 0x80, 0x80, 0x80], 0), ([0xFE], 0),
        ([0xFF], 0), ([0x61, 0xE9], 1), ([0xC3, 0xA9, 0xA9], 2), ([0x61, 0x62, 0xE2, 0x28, 0xA1], 2),
    ]

    @Test(arguments: malformed) func refusesMalformedUTF8(_ bytes: [UInt8], _ offset: Int) {
        let quote = UInt8(ascii: "\"")
        let expected = JSONError(code: .utf8, offset: offset + 1)
        #expect(parseError([quote] + bytes + [quote]) == expected)
        // Far enough in for every kernel's blocks, and at a block's end.
        for front in [30, 62, 63, 64, 127, 200] {
            let text = [quote] + [UInt8](repeating: 0x78, count: front) + bytes + [quote]
            #expect(parseError(text) == JSONError(code: .utf8, offset: offset + 1 + front))
        }
    }

    @Test func describesErrorsInSentences() {
        for code in 1...13 {
            let text = JSONError(code: .init(rawValue: Int32(code)), offset: 7).description
            #expect(text.hasSuffix("."))
            #expect(text.contains(" "))
        }
        #expect(
            parseError(Array("[1,]".utf8))?.description == "Unexpected character in the JSON text at byte 3.")
    }
}
