// SPDX-License-Identifier: Apache-2.0
// JSONValue, JSONWriter and JSONPointer.

import JSON
import Testing

@Suite struct ValueTests {
    @Test func keepsSpellingAndOrder() throws {
        let json = #"{"b":1.00,"a":[1e5,-0,{}],"a":"\u00e9","":null}"#
        let value = try JSONValue(parsing: json)
        #expect(value.description == #"{"b":1.00,"a":[1e5,-0,{}],"a":"é","":null}"#)
        #expect(value["a"]?[0] == .number("1e5"))
        #expect(value["a"]?[3] == nil)
        #expect(value["c"] == nil)
    }

    @Test func isBuiltFromLiterals() {
        let value: JSONValue = ["a": [1, 2.5, true, nil, "x"], "b": [:]]
        #expect(value.description == #"{"a":[1,2.5,true,null,"x"],"b":{}}"#)
        #expect(value["a"]?[4]?.string == "x")
        #expect(value["a"]?[2]?.bool == true)
        #expect(value["a"]?[3]?.isNull == true)
        #expect(value["a"]?.array?.count == 5)
        #expect(value["b"]?.object?.isEmpty == true)
        #expect(JSONValue(Double.infinity) == .null)
    }

    @Test func setsAndRemovesMembers() {
        var value: JSONValue = ["a": 1, "b": 2]
        value["b"] = 3
        value["c"] = [4]
        value["a"] = nil as JSONValue?
        #expect(value.description == #"{"b":3,"c":[4]}"#)
        var scalar: JSONValue = 1
        scalar["a"] = 2
        #expect(scalar == 1)
    }

    @Test func printsForPeople() throws {
        let value: JSONValue = ["a": [], "b": [1, ["c": "d"]], "e": [:]]
        #expect(
            value.pretty() == """
                {
                  "a": [],
                  "b": [
                    1,
                    {
                      "c": "d"
                    }
                  ],
                  "e": {}
                }
                """)
        #expect(try JSONValue(parsing: value.pretty()) == value)
    }

    @Test func comparesByValue() throws {
        func equal(_ left: String, _ right: String) throws -> Bool {
            try JSONValue(parsing: left).isEqual(to: JSONValue(parsing: right))
        }
        for (left, right) in [
            ("1", "1.0"), ("100", "1e2"), ("0.00", "-0"), ("1e-2", "0.01"),
            (#"{"a":1,"b":2}"#, #"{"b":2.0,"a":1}"#),
            (#""\u00e9""#, "\"é\""), ("12345678901234567890123", "12345678901234567890123.0"),
        ] { #expect(try equal(left, right), "\(left) \(right)") }
        for (left, right) in [
            ("1", "2"), ("1", "\"1\""), ("0", "false"), ("[1,2]", "[2,1]"), ("null", "0"), ("1", "-1"),
            ("12345678901234567890123", "12345678901234567890124"), (#""é""#, "\"e\u{301}\""), ("[[]]", "[]"),
        ] { #expect(try !equal(left, right), "\(left) \(right)") }
    }
}

@Suite struct WriterTests {
    @Test func putsCommas() throws {
        var writer = JSONWriter()
        writer.beginObject()
        writer.key("a")
        writer.value(1)
        writer.key("list")
        writer.beginArray()
        writer.value("x")
        writer.value(nil)
        writer.value(true)
        writer.value(2.5)
        writer.beginObject()
        writer.endObject()
        writer.beginArray()
        writer.endArray()
        writer.raw(Array("[0]".utf8))
        writer.value(["k": 1] as JSONValue)
        writer.endArray()
        let name = "dynamic\n"
        writer.key(name)
        writer.value(name)
        writer.key("node")
        try JSONText(" { \"z\" : 1 } ").withRoot { writer.value($0) }
        writer.endObject()
        #expect(
            String(decoding: writer.bytes, as: UTF8.self)
                == #"{"a":1,"list":["x",null,true,2.5,{},[],[0],{"k":1}],"#
                + #""dynamic\n":"dynamic\n","node":{ "z" : 1 }}"#
        )
        #expect(parseError(writer.bytes) == nil)
    }

    @Test func writesNumbers() throws {
        var writer = JSONWriter(capacity: 64)
        writer.beginArray()
        writer.value(Int.min)
        writer.value(Int.max)
        writer.value(UInt64.max)
        writer.value(Int8(-128))
        writer.value(0)
        writer.value(-0.0)
        writer.value(1e300)
        writer.value(Double.leastNonzeroMagnitude)
        writer.value(Double.nan)
        writer.endArray()
        #expect(
            String(decoding: writer.bytes, as: UTF8.self)
                == "[-9223372036854775808,9223372036854775807,18446744073709551615,-128,0,-0.0,"
                + "1e+300,5e-324,null]"
        )
        #expect(parseError(writer.bytes) == nil)
    }

    @Test func quotesEveryByte() throws {
        for scalar in (0..<0x800).compactMap({ Unicode.Scalar($0) }) + ["\u{2028}", "\u{fffd}", "😀"] {
            for front in [0, 15, 16, 40] {
                let original = String(repeating: "x", count: front) + String(scalar) + "y"
                let quoted = JSONWriter.quoted(original)
                #expect(try JSONValue(parsing: quoted).string == original)
            }
        }
        #expect(
            String(decoding: JSONWriter.quoted("a\"b\\\u{1}\u{1f}\n/é"), as: UTF8.self)
                == #""a\"b\\\u0001\u001f\n/é""#)
        #expect(JSONWriter.quoted("") == Array("\"\"".utf8))
    }

    @Test func repairsMalformedUTF8() throws {
        var out: [UInt8] = []
        ([0x61, 0xFF, 0x62, 0xC3] as [UInt8]).withUnsafeBytes { JSONWriter.appendQuoted($0, to: &out) }
        #expect(try JSONValue(parsing: out).string == "a\u{fffd}b\u{fffd}")
    }

    @Test func goesOnBehindOtherBytes() {
        var writer = JSONWriter(appendingTo: Array("data: ".utf8))
        writer.beginArray()
        writer.endArray()
        #expect(writer.bytes == Array("data: []".utf8))
    }
}

@Suite struct PointerTests {
    static let document = #"""
        {"foo":["bar","baz"],"":0,"a/b":1,"c%d":2,"e^f":3,"g|h":4,"i\\j":5,
        "k\"l":6," ":7,"m~n":8,"o":{"1":[[9]]}}
        """#

    /// The examples of RFC 6901 section 5, and some.
    static let found: [(pointer: String, value: String)] = [
        ("/foo", #"["bar","baz"]"#), ("/foo/0", #""bar""#), ("/foo/1", #""baz""#), ("/", "0"), ("/a~1b", "1"),
        ("/c%d", "2"), ("/e^f", "3"), ("/g|h", "4"), (#"/i\j"#, "5"), (#"/k"l"#, "6"), ("/ ", "7"),
        ("/m~0n", "8"),
        ("/o/1/0/0", "9"),
    ]

    @Test(arguments: found) func finds(_ pointer: String, _ expected: String) throws {
        let parsed = try #require(JSONPointer(pointer))
        #expect(parsed.description == pointer)
        let owned = try JSONText(Self.document)
        owned.withRoot { #expect(parsed.find(in: $0).map { text($0.raw) } == expected) }
        #expect(parsed.find(in: try JSONValue(parsing: Self.document))?.description == expected)
    }

    @Test(arguments: [
        "/foo/2", "/foo/-", "/foo/00", "/foo/01", "/foo/bar", "/nope", "/foo/0/x", "/foo/+1", "/o/1/0/0/0",
    ])
    func findsNothing(_ pointer: String) throws {
        let parsed = try #require(JSONPointer(pointer))
        try JSONText(Self.document).withRoot { #expect(parsed.find(in: $0) == nil) }
        #expect(parsed.find(in: try JSONValue(parsing: Self.document)) == nil)
    }

    @Test func namesTheWhole() throws {
        try JSONText("[1]").withRoot { #expect(JSONPointer("")?.find(in: $0)?.count == 1) }
    }

    @Test(arguments: ["foo", "#/foo", "/~", "/~2", "/a~"]) func refuses(_ pointer: String) {
        #expect(JSONPointer(pointer) == nil)
    }
}
