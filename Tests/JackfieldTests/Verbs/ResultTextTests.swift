// SPDX-License-Identifier: Apache-2.0
// MCP results as text.

import JSON
import JackfieldCore
import Testing

@testable import jackfield

@Suite struct ResultTextTests {
    @Test(arguments: [
        ("{\"type\":\"text\",\"text\":\"hello\"}", "hello"),
        ("{\"type\":\"image\",\"mimeType\":\"image/png\",\"data\":\"AAECAw==\"}", "[image/png, 4 bytes]"),
        ("{\"type\":\"audio\",\"mimeType\":\"audio/wav\",\"data\":\"AAEC\"}", "[audio/wav, 3 bytes]"),
        ("{\"type\":\"resource_link\",\"uri\":\"a:b\",\"name\":\"n\"}", "[a:b: n]"),
        ("{\"type\":\"resource\",\"resource\":{\"uri\":\"a:b\",\"text\":\"t\"}}", "t"),
        (
            "{\"type\":\"resource\",\"resource\":{\"uri\":\"a:b\",\"mimeType\":\"x/y\",\"blob\":\"AA==\"}}",
            "[x/y, 1 bytes, a:b]"
        ),
        ("{\"type\":\"new\",\"a\":1}", "{\"type\":\"new\",\"a\":1}"),
    ])
    func showsContent(_ block: String, _ text: String) throws {
        #expect(contentText(try JSONValue(parsing: block)) == text)
    }

    @Test func showsStructuredContentWithoutText() throws {
        let both = try JSONValue(
            parsing: "{\"content\":[{\"type\":\"text\",\"text\":\"4\"}],\"structuredContent\":{\"sum\":4}}")
        #expect(toolResultText(both) == "4")
        let only = try JSONValue(parsing: "{\"content\":[],\"structuredContent\":{\"sum\":4}}")
        #expect(toolResultText(only) == "{\n  \"sum\": 4\n}")
    }

    @Test func showsErrors() {
        let error = Array("{\"code\":-32602,\"message\":\"no such thing\",\"data\":{\"a\":1}}".utf8)
        #expect(errorText(error) == "no such thing (-32602): {\"a\":1}")
    }

    @Test(
        arguments: [("", []), ("AA==", [0]), ("AAE=", [0, 1]), ("_-8", [255, 239]), ("/+8=", [255, 239])]
            as [(String, [UInt8])])
    func decodesBase64(_ text: String, _ bytes: [UInt8]) {
        #expect(base64Bytes(text) == bytes)
        #expect(base64Size(text) == bytes.count)
    }

    @Test(arguments: ["A", "A=A=", "*"]) func refusesOtherText(_ text: String) {
        #expect(base64Bytes(text) == nil)
    }

    @Test func listsTools() {
        let tools: [JSONValue] = [
            [
                "name": "echo", "description": "\n  Answers.\nMore.",
                "inputSchema": ["required": ["text"], "properties": ["text": ["type": "string"]]],
            ], ["name": "bare"],
        ]
        #expect(
            toolTable(tools, width: nil, style: Style(isOn: false)) == """
                TOOL  ARGUMENTS     DESCRIPTION
                echo  text*:string  Answers.
                bare  -

                """)
    }

    @Test func findsServersBehindAGateway() {
        let names = ["a__echo", "a__x__y", "b.c__z", "plain", "__odd"]
        #expect(
            serverCandidates(names, "d: Says things.\n\nnot a name here: x\na: again") == ["a", "b.c", "d"])
    }

    @Test func readsReadiness() {
        let body = Array("{\"status\":\"ok\",\"servers\":{\"up\":1,\"configured\":2}}\n".utf8)
        #expect(Readiness(body)?.up == 1)
        #expect(Readiness(body)?.configured == 2)
        #expect(Readiness(Array("<html>".utf8)) == nil)
    }

    @Test func keepsAWindowOfRoundTrips() {
        var window = RoundTrips()
        #expect(window.median == nil)
        for value in 1...100 { window.add(UInt64(value)) }
        #expect(window.nanoseconds.count == RoundTrips.limit)
        #expect(window.median == 70)
        #expect(window.longest == 100)
        #expect(milliseconds(1_234_567) == "1.23 ms")
        #expect(milliseconds(999) == "0.00 ms")
    }
}
