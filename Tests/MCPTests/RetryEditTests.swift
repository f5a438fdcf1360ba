// SPDX-License-Identifier: Apache-2.0
// Requests repeated with answers, and the bytes by which a retry is told from another request.

import JSON
import MCP
import Testing

@Suite("Retry edit") struct RetryEditTests {
    static func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

    static func retry(
        _ body: String, _ responses: [(String, String)] = [], state: String? = nil, depth: Int = 200
    ) throws -> String {
        try withShallow(body, depth: depth) { node in
            let out = MessageBuilder()
            RetryEdit.writeBody(
                original: node, responses: responses.map { (key: bytes($0.0), value: bytes($0.1)) },
                requestState: state.map(bytes), into: out)
            _ = try value(out)
            return text(out)
        }
    }

    static func body(_ params: String) -> String {
        #"{"jsonrpc":"2.0", "id":"\u0037" ,"method":"tools/call","params":\#(params),"x":1.0}"#
    }

    @Test("answers and state are added, all else stays as it is spelled", arguments: [1, 2, 200])
    func added(_ depth: Int) throws {
        let params = #"{"name":"\u0061", "arguments":{"x":1.0,"inputResponses":{}},"_meta":{"k":[1]}}"#
        let inner = params.dropLast()
        let answers = [(#""\u0071""#, #"{"action":"accept"}"#), (#""r""#, #"{"roots":[]}"#)]
        let written = #""inputResponses":{"\u0071":{"action":"accept"},"r":{"roots":[]}}"#
        let rows: [(String, [(String, String)], String?)] = [
            (params, [], nil),
            ("\(inner),\(written)}", answers, nil),
            (#"\#(inner),"requestState":"s\u0041"}"#, [], #""s\u0041""#),
            (#"\#(inner),\#(written),"requestState":""}"#, answers, #""""#),
        ]
        for (wanted, responses, state) in rows {
            #expect(
                try Self.retry(Self.body(params), responses, state: state, depth: depth) == Self.body(wanted))
        }
    }

    @Test("an earlier round is replaced, however it is spelled")
    func replaced() throws {
        let params = """
            {"inputResponses":{"old":1},"name":"a","request\\u0053tate":"old","arguments":{},"requestState":"older",
            "input\\u0052esponses":{}}
            """
        #expect(
            try Self.retry(Self.body(params), [(#""q""#, "1")], state: #""new""#)
                == Self.body(
                    #"{"name":"a","arguments":{},"inputResponses":{"q":1},"requestState":"new"}"#))
        #expect(try Self.retry(Self.body(params)) == Self.body(#"{"name":"a","arguments":{}}"#))
        #expect(try Self.retry(Self.body("{}"), state: #""s""#) == Self.body(#"{"requestState":"s"}"#))
    }

    @Test("a request without params gets some")
    func bare() throws {
        #expect(try Self.retry(#"{"id":1}"#, state: #""s""#) == #"{"id":1,"params":{"requestState":"s"}}"#)
        let out = MessageBuilder()
        RetryEdit.writeParams(original: nil, responses: [], requestState: nil, into: out)
        #expect(text(out) == "{}")
    }

    @Test("params alone")
    func params() throws {
        let out = MessageBuilder()
        try withShallow(#"{"name":"a","requestState":"old"}"#, depth: 0) { node in
            RetryEdit.writeParams(
                original: node, responses: [(key: Self.bytes(#""q""#), value: Self.bytes("{}"))],
                requestState: nil, into: out)
        }
        #expect(text(out) == #"{"name":"a","inputResponses":{"q":{}}}"#)
    }

    @Test("a large request outlives its document")
    func large() throws {
        let long = String(repeating: "x", count: 100_000)
        let params = #"{"name":"a","arguments":{"t":"\#(long)"}}"#
        let out = MessageBuilder()
        try withRoot(Self.body(params)) { node in
            RetryEdit.writeBody(original: node, responses: [], requestState: nil, into: out)
        }
        #expect(text(out) == Self.body(params))
    }

    // MARK: The digest

    static func canonical(_ params: String?, _ method: MCP.Method = .toolsCall, depth: Int = 200) throws
        -> String
    {
        try withShallow(params ?? "null", depth: depth) { node in
            String(
                decoding: RequestDigest.canonical(method, params == nil ? nil : node), as: UTF8.self)
        }
    }

    @Test("the canonical form", arguments: [0, 1, 200])
    func form(_ depth: Int) throws {
        #expect(
            try Self.canonical(#"{"name":"a","_meta":{},"arguments":{"b":1, "a":2}}"#, depth: depth)
                == #"{"method":"tools/call","params":{"arguments":{"b":1, "a":2},"name":"a"}}"#)
        #expect(try Self.canonical(nil, .promptsGet) == #"{"method":"prompts/get","params":{}}"#)
        #expect(try Self.canonical("[1]") == #"{"method":"tools/call","params":{}}"#)
    }

    static let first = #"{"name":"a","arguments":{"x":1}}"#

    @Test(
        "what a retry may change",
        arguments: [
            first, #"{"arguments":{"x":1},"name":"a"}"#, #"{ "name" : "a" , "arguments" : {"x":1} }"#,
            #"{"n\u0061me":"a","arguments":{"x":1}}"#,
            #"{"name":"a","_meta":{"progressToken":1},"arguments":{"x":1}}"#,
            #"{"inputResponses":{"q":{}},"name":"a","arguments":{"x":1},"requestState":"s"}"#,
            #"{"input\u0052esponses":1,"name":"a","\u005fmeta":2,"arguments":{"x":1},"request\u0053tate":3}"#,
        ])
    func same(_ params: String) throws {
        #expect(try Self.canonical(params) == Self.canonical(Self.first))
    }

    @Test(
        "what makes another request",
        arguments: [
            #"{"name":"b","arguments":{"x":1}}"#, #"{"name":"a","arguments":{"x":2}}"#, #"{"name":"a"}"#,
            #"{"name":"a","arguments":{"x":1.0}}"#, #"{"name":"a","arguments":{"x":1},"y":1}"#,
            #"{"name":"a","arguments":{"x":1},"arguments":{"x":1}}"#, "{}",
            #"{"name":"a","arguments":{"x":1,"requestState":"s"}}"#,
            #"{"name\u0000":"a","arguments":{"x":1}}"#, #"{"name":"a,\"arguments\":{\"x\":1}"}"#,
        ])
    func different(_ params: String) throws {
        #expect(try Self.canonical(params) != Self.canonical(Self.first))
    }

    @Test("a repeated name keeps its order; the method counts")
    func order() throws {
        #expect(
            try Self.canonical(#"{"name":"b","x":1,"n\u0061me":"a"}"#)
                == #"{"method":"tools/call","params":{"name":"b","name":"a","x":1}}"#)
        #expect(try Self.canonical(Self.first) != Self.canonical(Self.first, .promptsGet))
    }

    @Test("many members are sorted in time")
    func wide() throws {
        let names = (0..<50_000).map { #""k\#($0)":1"# }
        let forward = try Self.canonical("{\(names.joined(separator: ","))}")
        #expect(try forward == Self.canonical("{\(names.reversed().joined(separator: ","))}"))
    }
}
