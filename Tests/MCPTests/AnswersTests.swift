// SPDX-License-Identifier: Apache-2.0
// Answers: the messages that the gateway writes itself.

import JSON
import MCP
import Testing

@Suite("Answers") struct AnswersTests {
    @Test("an error repeats the id as it was spelled", arguments: ["1", "-7", #""a\u0022b""#, #""ü""#])
    func errorWithId(_ id: String) throws {
        let out = MessageBuilder()
        withBytes(id) { Answers.error(id: $0, .methodNotFound, "no \"such\"\nmethod", into: out) }
        #expect(text(out).contains("\"id\":\(id),"))
        let raw = #"{"jsonrpc":"2.0","id":\#(id),"error":{"code":-32601,"message":"no \"such\"\nmethod"}}"#
        try expectSame(value(out), raw)
    }

    @Test func anErrorWithoutReadableIdHasNone() throws {
        let out = MessageBuilder()
        Answers.error(id: nil, .parse, "bad", into: out)
        try expectSame(value(out), #"{"jsonrpc":"2.0","error":{"code":-32700,"message":"bad"}}"#)
        out.reset()
        Answers.error(id: UnsafeRawBufferPointer(start: nil, count: 0), .parse, "bad", into: out)
        try expectSame(value(out), #"{"jsonrpc":"2.0","error":{"code":-32700,"message":"bad"}}"#)
    }

    @Test func anErrorCarriesItsDataAsJSON() throws {
        let out = MessageBuilder()
        withBytes("3") {
            Answers.error(
                id: $0, .unsupportedVersion, "v", data: #"{"supported":["2026-07-28"],"requested":"x"}"#,
                into: out)
        }
        try expectSame(
            value(out),
            """
            {"jsonrpc":"2.0","id":3,"error":{"code":-32022,"message":"v",
            "data":{"supported":["2026-07-28"],"requested":"x"}}}
            """)
    }

    @Test(
        "a result is handed on as it is",
        arguments: ["{}", #"{"a":[1,2.50]}"#, String(repeating: " ", count: 5000) + "{}"])
    func result(_ body: String) throws {
        let out = MessageBuilder()
        try withBytes(body) { body in
            withBytes("\"i\"") { Answers.result(id: $0, body, into: out) }
            let built = try value(out)
            #expect(built["id"] == "i")
            #expect(built["jsonrpc"] == "2.0")
            #expect(try built["result"] == JSONValue(parsing: body))
        }
    }

    @Test func notificationsNameTheirSubscriptionWhereThereIsOne() throws {
        let out = MessageBuilder()
        Answers.notification(.toolsListChanged, subscription: nil, into: out)
        try expectSame(value(out), #"{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}"#)
        for id in ["9", #""s1""#] {
            out.reset()
            withBytes(id) { Answers.notification(.promptsListChanged, subscription: $0, into: out) }
            try expectSame(
                value(out),
                """
                {"jsonrpc":"2.0","method":"notifications/prompts/list_changed",
                "params":{"_meta":{"io.modelcontextprotocol/subscriptionId":\(id)}}}
                """)
        }
    }

    @Test("a cancellation names our own request", arguments: [0, 1, UInt64.max])
    func cancelled(_ id: UInt64) throws {
        let out = MessageBuilder()
        Answers.cancelled(id, reason: "the client left", into: out)
        try expectSame(
            value(out),
            """
            {"jsonrpc":"2.0","method":"notifications/cancelled",
            "params":{"requestId":\(id),"reason":"the client left"}}
            """)
    }
}
