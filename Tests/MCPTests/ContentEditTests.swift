// SPDX-License-Identifier: Apache-2.0
// Content that older clients do not know, said in their words.

import JSON
import MCP
import Testing

@Suite("Content for older clients") struct ContentEditTests {
    static let text = #"{"type":"text","text":"\u00e9"}"#
    static let image = #"{"type":"image","data":"AA==","mimeType":"image/png"}"#
    static let embedded = #"{"type":"resource","resource":{"uri":"a://1","text":"t"}}"#
    static let link = #"{"type":"resource_link","uri":"a://2\/x","name":"two","description":"d"}"#
    static let titled = #"{"title":"The \"third\"","name":"three","uri":"a://3","type":"resource_link"}"#
    static let audio = #"{"type":"audio","data":"BB==","mimeType":"audio/wav"}"#

    static let linkText = #"{"type":"text","text":"two: a://2/x"}"#
    static let titledText = #"{"type":"text","text":"The \"third\": a://3"}"#
    static let audioBlob =
        #"{"type":"resource","resource":{"uri":"audio:inline","mimeType":"audio/wav","blob":"BB=="}}"#

    static func shown(_ block: String, to client: Revision) -> String {
        switch block {
        case link where client < .v2025_06_18: linkText
        case titled where client < .v2025_06_18: titledText
        case audio where client < .v2025_03_26: audioBlob
        default: block
        }
    }

    static let blocks = [text, image, embedded, link, titled, audio]

    static func list(_ blocks: [String]) -> String { "[" + blocks.joined(separator: ",") + "]" }

    @Test("a tool's content", arguments: Revision.allCases, [Revision.v2025_11_25, .v2026_07_28])
    func toolContent(_ client: Revision, _ server: Revision) throws {
        let type = server.isModern ? #""resultType":"complete","# : ""
        let result = try ResultEditTests.edit(
            #"{\#(type)"isError":true,"content":\#(Self.list(Self.blocks)),"x":1}"#, .toolsCall, from: server,
            to: client)
        try expectSame(#require(result["content"]), Self.list(Self.blocks.map { Self.shown($0, to: client) }))
        #expect(result["isError"] == true)
        #expect(result["x"] == 1)
        #expect((result["resultType"] != nil) == client.isModern)
    }

    @Test("a prompt's messages", arguments: Revision.allCases)
    func promptMessages(_ client: Revision) throws {
        let messages = { (block: (String) -> String) in
            Self.list(Self.blocks.map { #"{"role":"user","content":\#(block($0)),"_meta":{"k":1}}"# })
        }
        let result = try ResultEditTests.edit(
            #"{"description":"d","messages":\#(messages { $0 })}"#, .promptsGet, from: .v2025_11_25,
            to: client)
        try expectSame(#require(result["messages"]), messages { Self.shown($0, to: client) })
        #expect(result["description"] == "d")
    }

    // MARK: Renamed resources

    static let names = ["a://1": "s+a://1", "a://2/x": "s+a://2/\"x\""]

    @Test("content names resources as the client knows them", arguments: Revision.allCases)
    func renamed(_ client: Revision) throws {
        for server in [Revision.v2025_11_25, .v2026_07_28] {
            let other = #"{"type":"resource","resource":{"uri":"a://9","text":"t"},"annotations":{}}"#
            let odd = #"{"type":"resource","resource":5}"#
            let blocks = [Self.text, Self.embedded, Self.link, Self.titled, other, odd]
            let shown = [
                Self.text, #"{"type":"resource","resource":{"uri":"s+a://1","text":"t"}}"#,
                client < .v2025_06_18
                    ? #"{"type":"text","text":"two: s+a://2/\"x\""}"#
                    : #"{"type":"resource_link","uri":"s+a://2/\"x\"","name":"two","description":"d"}"#,
                Self.shown(Self.titled, to: client), other, odd,
            ]
            let called = try ResultEditTests.edit(
                #"{"content":\#(Self.list(blocks)),"x":1}"#, .toolsCall, from: server, to: client
            ) { $0.shownURIs = Self.names }
            try expectSame(#require(called["content"]), Self.list(shown))
            #expect(called["x"] == 1)
            let messages = { (blocks: [String]) in
                Self.list(blocks.map { #"{"role":"user","content":\#($0)}"# })
            }
            let prompted = try ResultEditTests.edit(
                #"{"messages":\#(messages(blocks))}"#, .promptsGet, from: server, to: client
            ) { $0.shownURIs = Self.names }
            try expectSame(#require(prompted["messages"]), messages(shown))
        }
    }

    @Test(
        "parts of a renamed resource have the names that they are listed under", arguments: Revision.allCases)
    func renamedParts(_ client: Revision) throws {
        let result = try ResultEditTests.edit(
            #"{"contents":[{"uri":"a://1","text":""},{"uri":"a://1/p","text":""},{"uri":"a://2","text":""}]}"#,
            .resourcesRead, from: .v2025_11_25, to: client, shownURI: "s+a://1"
        ) { $0.shownURIs = ["a://1": "s+a://1", "a://2": "s2+a://2"] }
        #expect(
            result["contents"]?.array?.compactMap { $0["uri"]?.string } == [
                "s+a://1", "s+a://1/p", "s2+a://2",
            ])
    }

    @Test(
        "what is no content passes as it is",
        arguments: [
            "[]", "[1,null,{}]", #"[{"type":5}]"#, #"[{"type":"later","resource_link":1}]"#, #""text""#,
            "null",
        ])
    func oddContent(_ content: String) throws {
        for (method, key) in [(Method.toolsCall, "content"), (.promptsGet, "messages")] {
            let result = try ResultEditTests.edit(
                #"{"\#(key)":\#(content)}"#, method, from: .v2025_11_25, to: .v2024_11_05)
            #expect(try result[key] == JSONValue(parsing: content))
        }
    }

    @Test(
        "incomplete blocks still become whole ones",
        arguments: [
            (#"{"type":"resource_link"}"#, #"{"type":"text","text":""}"#),
            (#"{"type":"resource_link","uri":"a://1"}"#, #"{"type":"text","text":"a://1"}"#),
            (#"{"type":"audio"}"#, #"{"type":"resource","resource":{"uri":"audio:inline","blob":""}}"#),
        ])
    func incomplete(_ block: String, _ wanted: String) throws {
        let result = try ResultEditTests.edit(
            #"{"content":[\#(block)]}"#, from: .v2026_07_28, to: .v2024_11_05)
        try expectSame(#require(result["content"]?[0]), wanted)
    }
}
