// SPDX-License-Identifier: Apache-2.0
// Envelope: what is a JSON-RPC message, what is refused and why, and which ids can be answered.

import JSON
import MCP
import Testing

@Suite("Envelope") struct EnvelopeTests {
    @Test func readsARequest() throws {
        try withRoot(#"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"a"},"extra":[1]}"#) {
            root in
            let envelope = try Envelope.read(root)
            #expect(envelope.kind == .request)
            #expect(envelope.method == .toolsCall)
            #expect(envelope.methodName?.string() == "tools/call")
            #expect(envelope.id?.int64 == 7)
            #expect(envelope.params?.member("name")?.string() == "a")
            #expect(envelope.outcome == nil)
        }
    }

    @Test func readsANotificationARequestOfAnUnknownMethodAndMembersInAnyOrder() throws {
        try withRoot(#"{"method":"notifications/cancelled","jsonrpc":"2.0"}"#) { root in
            let envelope = try Envelope.read(root)
            #expect(envelope.kind == .notification)
            #expect(envelope.method == .cancelled)
            #expect(envelope.id == nil)
            #expect(envelope.params == nil)
        }
        try withRoot(#"{"params":{},"method":"x/y","id":"q","jsonrpc":"2.0"}"#) { root in
            let envelope = try Envelope.read(root)
            #expect(envelope.kind == .request)
            #expect(envelope.method == .unknown)
            #expect(envelope.methodName?.string() == "x/y")
            #expect(envelope.params?.kind == .object)
        }
    }

    @Test func readsAnswers() throws {
        try withRoot(#"{"jsonrpc":"2.0","id":"a","result":{"x":1}}"#) { root in
            let envelope = try Envelope.read(root)
            #expect(envelope.kind == .result)
            #expect(envelope.id?.string() == "a")
            #expect(envelope.outcome?.member("x")?.int64 == 1)
        }
        try withRoot(#"{"jsonrpc":"2.0","id":3,"error":{"code":-32600,"message":"no"}}"#) { root in
            let envelope = try Envelope.read(root)
            #expect(envelope.kind == .error)
            #expect(envelope.id?.int64 == 3)
            #expect(envelope.outcome?.member("code")?.int64 == -32600)
        }
    }

    @Test(
        "an error answer may lack a usable id",
        arguments: [
            #"{"jsonrpc":"2.0","error":{"code":1}}"#, #"{"jsonrpc":"2.0","id":null,"error":{"code":1}}"#,
            #"{"jsonrpc":"2.0","id":1.5,"error":{"code":1}}"#,
        ])
    func errorWithoutId(_ message: String) throws {
        try withRoot(message) { root in
            let envelope = try Envelope.read(root)
            #expect(envelope.kind == .error)
            #expect(envelope.id == nil)
        }
    }

    struct Refusal: Sendable, CustomTestStringConvertible {
        let message: String
        let why: String
        /// The raw id that the refusal can be answered with.
        var id: String?
        var testDescription: String { message }
    }

    static let refusals = [
        Refusal(message: "[]", why: "one JSON object"),
        Refusal(message: #"[{"jsonrpc":"2.0","id":1,"method":"ping"}]"#, why: "one JSON object"),
        Refusal(message: #""2.0""#, why: "one JSON object"),
        Refusal(message: "null", why: "one JSON object"),
        Refusal(message: "{}", why: "jsonrpc"),
        Refusal(message: #"{"id":4,"method":"ping"}"#, why: "jsonrpc", id: "4"),
        Refusal(message: #"{"jsonrpc":2.0,"id":4,"method":"ping"}"#, why: "jsonrpc", id: "4"),
        Refusal(message: #"{"jsonrpc":"1.0","id":"x","method":"ping"}"#, why: "jsonrpc", id: #""x""#),
        Refusal(message: #"{"jsonrpc":"2.00","id":4,"method":"ping"}"#, why: "jsonrpc", id: "4"),
        Refusal(message: #"{"jsonrpc":null,"method":"ping"}"#, why: "jsonrpc"),
        Refusal(message: #"{"jsonrpc":"2.0","id":5,"method":7}"#, why: "method", id: "5"),
        Refusal(message: #"{"jsonrpc":"2.0","id":5,"method":null}"#, why: "method", id: "5"),
        Refusal(
            message: #"{"jsonrpc":"2.0","id":5,"method":"ping","result":{}}"#, why: "request carries no",
            id: "5"),
        Refusal(
            message: #"{"jsonrpc":"2.0","id":5,"method":"ping","error":{}}"#, why: "request carries no",
            id: "5"),
        Refusal(message: #"{"jsonrpc":"2.0","id":5,"method":"ping","params":[]}"#, why: "params", id: "5"),
        Refusal(message: #"{"jsonrpc":"2.0","id":5,"method":"ping","params":null}"#, why: "params", id: "5"),
        Refusal(message: #"{"jsonrpc":"2.0","method":"ping","params":"x"}"#, why: "params"),
        Refusal(message: #"{"jsonrpc":"2.0","result":{}}"#, why: "needs the \"id\""),
        Refusal(message: #"{"jsonrpc":"2.0","id":null,"result":{}}"#, why: "needs the \"id\""),
        Refusal(message: #"{"jsonrpc":"2.0","id":6,"error":"bad"}"#, why: "error", id: "6"),
        Refusal(message: #"{"jsonrpc":"2.0","id":6,"error":null}"#, why: "error", id: "6"),
        Refusal(message: #"{"jsonrpc":"2.0","id":6,"result":{},"error":{}}"#, why: "neither", id: "6"),
        Refusal(message: #"{"jsonrpc":"2.0","id":6}"#, why: "neither", id: "6"),
        Refusal(message: #"{"jsonrpc":"2.0"}"#, why: "neither"),
        Refusal(
            message: #"{"jsonrpc":"2.0","jsonrpc":"2.0","id":6,"method":"ping"}"#, why: "repeated", id: "6"),
        Refusal(message: #"{"jsonrpc":"2.0","id":6,"id":7,"method":"ping"}"#, why: "repeated"),
        Refusal(
            message: #"{"jsonrpc":"2.0","id":6,"method":"ping","method":"ping"}"#, why: "repeated", id: "6"),
        Refusal(
            message: #"{"jsonrpc":"2.0","id":6,"method":"a","params":{},"params":{}}"#, why: "repeated",
            id: "6"),
        Refusal(message: #"{"jsonrpc":"2.0","id":6,"result":{},"result":{}}"#, why: "repeated", id: "6"),
        Refusal(message: #"{"jsonrpc":"2.0","id":6,"error":{},"error":{}}"#, why: "repeated", id: "6"),
        Refusal(
            message: #"{"jsonrpc":"2.0","id":6,"method":"a","m\u0065thod":"b"}"#, why: "repeated", id: "6"),
    ]

    @Test("what is no message is refused with its reason", arguments: refusals)
    func refuses(_ refusal: Refusal) throws {
        try withRoot(refusal.message) { root in
            do throws(EnvelopeError) {
                _ = try Envelope.read(root)
                Issue.record("was read")
            } catch {
                #expect("\(error.message)".contains(refusal.why), "\(error.message)")
                guard refusal.why != "repeated" || refusal.id != nil else { return }
                let id = error.id.map {
                    String(Array(refusal.message.utf8)[$0].map { Character(Unicode.Scalar($0)) })
                }
                #expect(id == refusal.id)
            }
        }
    }

    /// Raw ids, and whether a request may carry them (JSON-RPC 2.0 section 4; MCP forbids null).
    static let ids: [(raw: String, isUsable: Bool)] = [
        ("0", true), ("-1", true), ("9223372036854775807", true), ("-9223372036854775808", true),
        (#""""#, true), (#""a\"b""#, true), (#""\u0041""#, true), (#""ü😀""#, true),
        ("\"" + String(repeating: "x", count: 512) + "\"", true),
        ("\"" + String(repeating: "x", count: 513) + "\"", false),
        ("9223372036854775808", false), ("123456789012345678901234567890", false),
        ("1.0", false), ("1.5", false), ("1e2", false), ("null", false), ("true", false), ("[1]", false),
        ("{}", false),
    ]

    @Test("ids are strings and integers of bounded size", arguments: ids)
    func readsIds(_ raw: String, _ isUsable: Bool) throws {
        try withRoot(#"{"jsonrpc":"2.0","id":\#(raw),"method":"ping"}"#) { root in
            do throws(EnvelopeError) {
                let envelope = try Envelope.read(root)
                #expect(isUsable, "\(raw) was taken")
                #expect(envelope.kind == .request)
                // The spelling is kept: it goes back to the sender as it came.
                #expect(envelope.id.map { String(decoding: $0.raw, as: UTF8.self) } == raw)
            } catch {
                #expect(!isUsable, "\(raw): \(error.message)")
                #expect(error.id == nil)
            }
        }
        try withRoot(#"{"jsonrpc":"2.0","id":\#(raw),"result":{}}"#) { root in
            let read = try? Envelope.read(root)
            #expect((read != nil) == isUsable)
        }
    }

    @Test func escapedKeysAreTheirDecodedSelves() throws {
        let message =
            #"{"\u006asonrpc":"2.0","\u0069d":1,"m\u0065thod":"tools/call","p\u0061rams":{"n\u0061me":"x"}}"#
        try withRoot(message) { root in
            let envelope = try Envelope.read(root)
            #expect(envelope.kind == .request)
            #expect(envelope.method == .toolsCall)
            #expect(envelope.params?.member("name")?.string() == "x")
        }
    }

    @Test(
        "a method spelled with escapes is the same method",
        arguments: [#"tools\/call"#, #"tools\u002fcall"#, #"\u0074ools\/call"#])
    func escapedMethod(_ spelled: String) throws {
        // RFC 8259 section 7 allows `\/`, and several widespread encoders write it.
        try withRoot(#"{"jsonrpc":"2.0","id":1,"method":"\#(spelled)"}"#) { root in
            let envelope = try Envelope.read(root)
            #expect(envelope.methodName?.string() == "tools/call")
            #expect(envelope.method == .toolsCall)
        }
    }

    @Test(
        "a repeated parameter that decides about the call is noticed",
        arguments: [
            (#"{"name":"a","name":"a"}"#, true), (#"{"name":"a","n\u0061me":"b"}"#, true),
            (#"{"arguments":{},"x":1,"arguments":{}}"#, true), (#"{"_meta":{},"_meta":{}}"#, true),
            (#"{"uri":"a","uri":"b"}"#, true), (#"{"ref":{},"ref":{}}"#, true), ("{}", false),
            (#"{"name":"a","arguments":{"name":"b"},"_meta":{"name":"c"},"uri":"d","ref":{}}"#, false),
            (#"{"x":1,"x":2}"#, false),
        ])
    func repeatedParameter(_ params: String, _ isRepeated: Bool) throws {
        try withRoot(#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":\#(params)}"#) { root in
            let envelope = try Envelope.read(root)
            #expect(envelope.repeatsParameter == isRepeated)
        }
        try withRoot(#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#) { root in
            let envelope = try Envelope.read(root)
            #expect(!envelope.repeatsParameter)
        }
    }
}
