// SPDX-License-Identifier: Apache-2.0
// Reading JSON through jf.config/1, served by the mock host.

import CJackfield
import CMockHost
import Testing

@testable import JackfieldPlugin

/// The services of a host that has nothing but the mock's JSON reader.
private func services(_ mock: OpaquePointer) throws -> HostServices {
    var offer = jf_offer(
        size: UInt32(MemoryLayout<jf_offer>.size), major: 1, minor: 0, host: mock, service: service)
    return try HostServices(&offer)
}

private nonisolated(unsafe) var loop = jf_loop_1(
    size: UInt32(MemoryLayout<jf_loop_1>.size), flags: 0, context: nil, watch: nil, unwatch: nil,
    timer: { _, _, _, _, _ in JF_E_BUSY_STATUS }, cancel: { _, _ in }, post: { _, _, _ in JF_E_BUSY_STATUS },
    now: nil,
    index: nil)
private nonisolated(unsafe) var ops = jf_ops_1(
    size: UInt32(MemoryLayout<jf_ops_1>.size), flags: 0, context: nil, finish: { _, _, _, _, _ in 0 },
    state: { _, _ in 0 }, progress: { _, _, _, _, _ in 0 })
private nonisolated(unsafe) var clock = jf_clock_1(
    size: UInt32(MemoryLayout<jf_clock_1>.size), flags: 0, context: nil, monotonic_ns: { _ in 1 },
    wall_ns: { _ in 2 })
private let JF_E_BUSY_STATUS: Int32 = -4

private func service(_ host: OpaquePointer?, _ id: UnsafePointer<CChar>?) -> UnsafeRawPointer? {
    switch id.map({ String(cString: $0) }) {
    case JF_CONFIG_1: UnsafeRawPointer(jf_mock_json(host))
    case JF_LOOP_1: withUnsafePointer(to: &loop) { UnsafeRawPointer($0) }
    case JF_OPS_1: withUnsafePointer(to: &ops) { UnsafeRawPointer($0) }
    case JF_CLOCK_1: withUnsafePointer(to: &clock) { UnsafeRawPointer($0) }
    default: nil
    }
}

/// Reads `json` and hands it to `body`; then every blob of the host's must be dropped.
private func reading(_ json: String, _ body: (JSONReader) throws -> Void) throws {
    let mock = try #require(jf_mock_new())
    try body(#require(JSONReader(Array(json.utf8), services(mock))))
    #expect(jf_mock_blobs(mock) == 0)
    #expect(jf_mock_free(mock) == 0)
}

@Suite(.serialized) struct JSONReaderTests {
    @Test func readsEveryKind() throws {
        try reading(#" {"n":null,"t":true,"f":false,"i":-7,"r":2.5,"s":"x","a":[1],"o":{}} "#) { json in
            #expect(json.kind == .object)
            #expect(json["n"]?.isNull == true && json["n"]?.kind == .null)
            #expect(json["t"]?.bool == true && json["f"]?.bool == false)
            #expect(json["i"]?.integer == -7 && json["i"]?.real == -7)
            #expect(json["r"]?.real == 2.5 && json["r"]?.integer == nil)
            #expect(json["s"]?.text == "x")
            #expect(json["a"]?.kind == .array && json["a"]?.raw == "[1]")
            #expect(json["o"]?.kind == .object && json["o"]?.raw == "{}")
            #expect(json["x"] == nil)
            // Nothing is converted.
            for name in ["n", "t", "i", "a", "o"] { #expect(json[name]?.text == nil) }
            for name in ["n", "t", "s", "a", "o"] {
                #expect(json[name]?.integer == nil && json[name]?.real == nil)
            }
            for name in ["n", "i", "s", "a", "o"] { #expect(json[name]?.bool == nil) }
        }
    }

    @Test(arguments: [
        (#""""#, ""), (#""a b""#, "a b"), (#""\"\\\/\b\f\n\r\t""#, "\"\\/\u{8}\u{c}\n\r\t"),
        (#""ü\u00fc🐦\ud83d\udc26""#, "üü🐦🐦"), (#""\ud83d""#, nil),
    ])
    func decodesText(json: String, text: String?) throws { try reading(json) { #expect($0.text == text) } }

    @Test func findsByPointerAndByName() throws {
        try reading(#"{"a/b":{"~c":[10,{"d":"e"}]},"":1,"a":{"":2}}"#) { json in
            #expect(json.find("/a~1b/~0c/1/d")?.text == "e")
            #expect(json["a/b"]?["~c"]?.elements.first?.integer == 10)
            #expect(json[""]?.integer == 1 && json["a"]?[""]?.integer == 2)
            #expect(json["a/b"]?.find("/~0c/0")?.integer == 10)
            #expect(json.find("")?.raw == json.raw)
            #expect(json.find("/a~1b/~0c/2") == nil && json.find("/a/b") == nil)
            #expect(json["a/b"]?["~c"]?["0"] == nil)
        }
    }

    @Test func walksArrays() throws {
        try reading(#"[ 1 , "a,]\"}" ,[ ["]"], {"x":[2]} ],{"k":"}"}, true,null , -2.5e3 ]"#) { json in
            let elements = json.elements
            #expect(elements.map(\.kind) == [.number, .text, .array, .object, .bool, .null, .number])
            #expect(elements[0].integer == 1 && elements[1].text == "a,]\"}" && elements[6].real == -2500)
            #expect(elements[2].elements[1]["x"]?.elements.first?.integer == 2)
            #expect(elements[3].members.first?.value.text == "}")
            #expect(json.members.isEmpty)
        }
        try reading("[]") { #expect($0.elements.isEmpty) }
        try reading("[[]]") { #expect($0.elements.first?.kind == .array) }
    }

    @Test func walksObjects() throws {
        try reading(#"{ "a" : 1 ,"\u0062":{"c":[{}]}, "d\"":"x:,y" , "" :[]}"#) { json in
            let members = json.members
            #expect(members.map(\.name) == ["a", "b", "d\"", ""])
            #expect(members.map(\.value.raw) == ["1", #"{"c":[{}]}"#, #""x:,y""#, "[]"])
            #expect(json.elements.isEmpty)
        }
    }

    @Test func walksLongArrays() throws {
        let count = 100_000
        try reading("[" + (0..<count).map { "[\($0)]" }.joined(separator: ",") + "]") { json in
            let elements = json.elements
            #expect(elements.count == count && elements.last?.raw == "[\(count - 1)]")
        }
    }

    @Test(arguments: ["", " ", "{", "[1,]", "nul", "1 2", "\"\u{1}\"", "{\"a\" 1}"])
    func refusesWhatIsNoJSON(text: String) throws {
        let mock = try #require(jf_mock_new())
        #expect(try JSONReader(Array(text.utf8), services(mock)) == nil)
        jf_mock_free(mock)
    }

    @Test func outlivesTheCallItCameWith() throws {
        let mock = try #require(jf_mock_new())
        let services = try services(mock)
        let kept = try #require(JSONReader(Array(#"{"a":"\u0041"}"#.utf8), services)?["a"])
        #expect(kept.text == "A")
        services.stop()
        // After the end the host is not asked any more.
        #expect(kept.text == nil && kept.raw == #""\u0041""#)
        jf_mock_free(mock)
    }

    @Test func readsArguments() throws {
        try reading(#"{"t":"x","n":null,"i":5,"r":0.5,"f":true,"l":["a","b"],"m":["a",1]}"#) {
            (json) throws in
            let arguments = Arguments(json: json)
            #expect(arguments.has("t") && !arguments.has("n") && !arguments.has("z"))
            #expect(try arguments.text("t") == "x")
            #expect(try arguments.text("n", default: "d") == "d")
            #expect(try arguments.integer("i", in: 5...5) == 5)
            #expect(try arguments.integer("z", default: 3) == 3)
            #expect(try arguments.number("r", in: 0...1) == 0.5)
            #expect(try arguments.number("i") == 5)
            #expect(try arguments.flag("f"))
            #expect(try !arguments.flag("n", default: false))
            #expect(try arguments.texts("l") == ["a", "b"])
            #expect(try arguments.texts("z") == [])
            func fails(_ text: String, _ read: () throws -> Any) {
                let error = #expect(throws: ToolArgumentError.self) { _ = try read() }
                #expect(error?.description == text)
            }
            fails("argument 'z' is missing; it must be a string") { try arguments.text("z") }
            fails("argument 'i' must be a string") { try arguments.text("i", default: "d") }
            fails("argument 't' must be one of a, b") { try arguments.text("t", of: ["a", "b"]) }
            fails("argument 'i' must be an integer from 6 to 9") { try arguments.integer("i", in: 6...9) }
            fails("argument 'r' must be an integer") { try arguments.integer("r", default: 1) }
            fails("argument 'i' must be a number from 0.0 to 1.0") { try arguments.number("i", in: 0...1) }
            fails("argument 't' must be true or false") { try arguments.flag("t", default: true) }
            fails("argument 'm' must be an array of strings") { try arguments.texts("m") }
            fails("argument 't' must be an array of strings") { try arguments.texts("t") }
        }
    }
}
