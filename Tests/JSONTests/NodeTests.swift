// SPDX-License-Identifier: Apache-2.0
// JSONNode: reading values in place.

import JSON
import Testing

@Suite struct NodeTests {
    @Test func givesRangesOfTheOriginalBytes() throws {
        let json = #" { "a" : [ 1 , "x" ] , "b\n" : { } , "c" : null } "#
        try parsing(Array(json.utf8)) { document in
            let bytes = document.bytes
            func slice(_ range: Range<Int>) -> String { text(UnsafeRawBufferPointer(rebasing: bytes[range])) }
            let root = document.root
            #expect(slice(root.range) == #"{ "a" : [ 1 , "x" ] , "b\n" : { } , "c" : null }"#)
            #expect(root.members.map { slice($0.keyRange) } == ["a", #"b\n"#, "c"])
            #expect(
                root.members.map { slice($0.range) } == [
                    #""a" : [ 1 , "x" ]"#, #""b\n" : { }"#, #""c" : null"#,
                ])
            #expect(root.members.map { text($0.value.raw) } == [#"[ 1 , "x" ]"#, "{ }", "null"])
            #expect(root.members.map { $0.keyString() } == ["a", "b\n", "c"])
            #expect(root.members.map(\.keyHasEscapes) == [false, true, false])
            #expect(root.member("a")?.elements.map { text($0.raw) } == ["1", #""x""#])
            #expect(root.depth == 0)
            #expect(root.member("a")?.elements.map(\.depth) == [2, 2])
        }
    }

    @Test func findsMembersByDecodedName() throws {
        let names: [(json: String, name: StaticString)] = [
            ("method", "method"), (#"\u006dethod"#, "method"), (#"meth\u006Fd"#, "method"), ("", ""),
            ("a", "a"),
            (#"\u0000"#, "\u{0}"), (#"\""#, "\""), (#"a\/b"#, "a/b"), ("é", "é"), (#"\u00e9"#, "é"),
            (#"\ud83d\ude00"#, "😀"),
            ("io.modelcontextprotocol/clientInfo", "io.modelcontextprotocol/clientInfo"),
            ("abcdefgh", "abcdefgh"), ("abcdefghi", "abcdefghi"), ("abcd", "abcd"), ("abc", "abc"),
            ("abcde", "abcde"),
        ]
        for (json, name) in names {
            // Neighbours that differ in one place only must not match.
            let body = #"{"\#(json)x":0,"x\#(json)":0,"\#(json)":1,"\#(json)":2}"#
            try parsing(Array(body.utf8)) { document in
                #expect(document.root.member(name)?.int64 == 1, "\(json)")
                #expect(document.root.member(named: name.description)?.int64 == 1, "\(json)")
                #expect(document.root.members.filter { $0.keyEquals(name) }.count == 2, "\(json)")
            }
        }
    }

    @Test func namesOfEqualLengthDiffer() throws {
        for length in 1...40 {
            let name = String(repeating: "a", count: length)
            for at in 0..<length {
                var other = Array(name.utf8)
                other[at] = UInt8(ascii: "b")
                let body = Array("{\"".utf8) + other + Array("\":1}".utf8)
                try parsing(body) { #expect($0.root.member(named: name) == nil) }
            }
        }
    }

    @Test func memberOfAnythingElseIsNil() throws {
        for json in ["1", "[]", #"["a"]"#, #""a""#, "null", "{}"] {
            try parsing(Array(json.utf8)) { #expect($0.root.member("a") == nil) }
        }
    }

    @Test func equalsDecodesEscapes() throws {
        for json in [#""tools/call""#, #""tools\/call""#, #""\u0074ools/cal\u006c""#] {
            try parsing(Array(json.utf8)) { document in
                #expect(document.root.equals("tools/call"))
                #expect(!document.root.equals("tools/cal"))
                #expect(!document.root.equals("tools/calls"))
                #expect(!document.root.equals(""))
                #expect(document.root.string() == "tools/call")
                #expect(document.root.hasEscapes == json.contains("\\"))
            }
        }
        try parsing(Array("[1]".utf8)) { #expect(!$0.root.equals("[1]")) }
    }

    @Test(
        arguments: [
            ("0", 0), ("-0", 0), ("7", 7), ("-1", -1), ("9223372036854775807", Int64.max),
            ("-9223372036854775808", Int64.min), ("9223372036854775808", nil), ("-9223372036854775809", nil),
            ("18446744073709551616", nil), ("99999999999999999999999", nil), ("1.0", nil), ("1e2", nil),
            ("\"1\"", nil),
            ("true", nil),
        ] as [(String, Int64?)])
    func readsInt64(_ json: String, _ expected: Int64?) throws {
        try parsing(Array(json.utf8)) { #expect($0.root.int64 == expected) }
        #expect(try JSONValue(parsing: json).int == expected.map(Int.init))
    }

    @Test(
        arguments: [
            ("0", 0), ("-0", 0), ("0.1", 0.1), ("1e2", 100), ("-1.5E-3", -0.0015),
            ("5e-324", .leastNonzeroMagnitude),
            ("1.7976931348623157e308", .greatestFiniteMagnitude), ("1e309", nil), ("-1e400", nil),
            ("1e-400", 0),
            ("0e999999999999", 0), ("1e999999999999999999999", nil), ("1e-999999999999999999999", 0),
            ("0.00000000000000000000000000001e-400", 0), ("9007199254740993", 9_007_199_254_740_992),
            ("null", nil),
        ] as [(String, Double?)])
    func readsDoubles(_ json: String, _ expected: Double?) throws {
        try parsing(Array(json.utf8)) { #expect($0.root.double == expected) }
        #expect(try JSONValue(parsing: json).double == expected)
    }

    @Test func readsBoolAndNull() throws {
        try parsing(Array("[true,false,null,0]".utf8)) { document in
            #expect(document.root.elements.map(\.bool) == [true, false, nil, nil])
            #expect(document.root.elements.map(\.isNull) == [false, false, true, false])
            #expect(document.root.elements.map(\.kind) == [.bool, .bool, .null, .number])
        }
    }

    @Test(
        arguments: [
            ("", ""), ("plain", "plain"), (#"\n\t\"\\\/\b\f\r"#, "\n\t\"\\/\u{8}\u{c}\r"), (#"\u0041"#, "A"),
            (#"\u00e9"#, "é"), (#"\u20AC"#, "€"), (#"\ud83d\ude00"#, "😀"), (#"a\uD83D\uDE00b"#, "a😀b"),
            (#"\ud800"#, "\u{fffd}"), (#"\udc00"#, "\u{fffd}"), (#"\ud800\ud800"#, "\u{fffd}\u{fffd}"),
            (#"\ud83dx"#, "\u{fffd}x"), (#"\ud83d\n"#, "\u{fffd}\n"), (#"\ud83d\u0041"#, "\u{fffd}A"),
            (#"\udc00\ud83d\ude00"#, "\u{fffd}😀"), (#"\\u0041"#, #"\u0041"#), (#"\u0000"#, "\u{0}"),
        ])
    func unescapes(_ raw: String, _ expected: String) throws {
        var out: [UInt8] = Array(">".utf8)
        #expect(Array(raw.utf8).withUnsafeBytes { jsonUnescape($0, into: &out) })
        #expect(String(decoding: out, as: UTF8.self) == ">" + expected)
        try parsing(Array("\"\(raw)\"".utf8)) { document in
            #expect(document.root.string() == expected)
            var appended: [UInt8] = []
            #expect(document.root.appendString(to: &appended))
            #expect(appended == Array(expected.utf8))
        }
    }

    @Test(arguments: [#"\"#, #"a\"#, #"\q"#, #"\u"#, #"\u12"#, #"\u12g4"#, #"ok\n\u00"#])
    func refusesToUnescape(_ raw: String) {
        var out: [UInt8] = [1]
        #expect(!Array(raw.utf8).withUnsafeBytes { jsonUnescape($0, into: &out) })
        #expect(out == [1])
    }

    @Test func checksEscapesAtEveryBlockPosition() {
        for front in 0..<140 {
            let plain = String(repeating: "x", count: front)
            for (escape, good) in [
                (#"\n"#, true), (#"\\"#, true), (#"\u00e9"#, true), (#"\q"#, false), (#"\u00"#, false),
            ] {
                for tail in ["", "y", String(repeating: "y", count: 70)] {
                    let error = parseError(Array("[\"\(plain)\(escape)\(tail)\",\"\\t\"]".utf8))
                    #expect((error == nil) == good)
                    if let error { #expect(error == JSONError(code: .escape, offset: front + 2)) }
                }
            }
        }
    }

    @Test func ownedTextOutlivesItsSource() throws {
        let texts = try (0..<50).map { try JSONText(#"{"n":\#($0),"s":"é\n"}"#) }
        for (position, text) in texts.enumerated() {
            text.withRoot { root in
                #expect(root.member("n")?.int64 == Int64(position))
                #expect(root.member("s")?.string() == "é\n")
            }
        }
        #expect(throws: JSONError(code: .truncated, offset: 1)) { try JSONText("[") }
        #expect(throws: JSONError(code: .empty, offset: 0)) { try JSONText([UInt8]()) }
    }
}
