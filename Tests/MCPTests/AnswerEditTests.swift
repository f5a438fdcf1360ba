// SPDX-License-Identifier: Apache-2.0
// AnswerEdit: clients' answers made neutral, and given to legacy servers.

import JSON
import MCP
import Testing

@Suite("Answer edit") struct AnswerEditTests {
    static let legacy = Revision.allCases.filter { !$0.isModern }
    static let textBlock = #"{"type":"text","text":"a"}"#
    static let sampled = #"{"role":"assistant","content":\#(textBlock),"model":"m","stopReason":"endTurn"}"#

    static func neutral(_ answer: String, _ method: MCP.Method, depth: Int = 200) throws -> String {
        try withShallow(answer, depth: depth) { node in
            String(decoding: try AnswerEdit.neutral(node, of: method, plan: .asIs), as: UTF8.self)
        }
    }

    static func result(
        _ answer: String, _ method: MCP.Method, to revision: Revision = .v2025_11_25, depth: Int = 200
    ) throws -> String {
        try withShallow(answer, depth: depth) { node in
            let out = MessageBuilder()
            AnswerEdit.writeResult(node, of: method, for: revision, into: out)
            _ = try value(out)
            return text(out)
        }
    }

    static let sound: [(MCP.Method, String)] = [
        (.elicitationCreate, #"{"action":"accept","content":{"a":1.0,"b":["x"],"c":"\u0041"},"x":1e2}"#),
        (.elicitationCreate, #"{"action":"accept"}"#),
        (.elicitationCreate, #"{"action":"\u0064ecline"}"#),
        (.elicitationCreate, #"{"action":"cancel","_meta":{"a.example/k":1}}"#),
        (.samplingCreateMessage, sampled),
        (.samplingCreateMessage, #"{ "role":"user", "content":[\#(textBlock)] , "model":"m" }"#),
        (.samplingCreateMessage, #"{"role":"assistant","content":[],"model":""}"#),
        (.rootsList, #"{"roots":[]}"#),
        (.rootsList, #"{"roots":[{"uri":"file:\/\/\/a","name":"a","_meta":{"x":1}}],"y":2}"#),
    ]

    @Test("sound answers pass as they are spelled", arguments: [0, 1, 2, 200])
    func identity(_ depth: Int) throws {
        for (method, answer) in Self.sound {
            let first = try #require(answer.first == "{" ? answer.drop { $0 != "\"" } : nil)
            let neutral = try Self.neutral(answer, method, depth: depth)
            #expect(neutral == "{" + first.trimmingSpaces())
            #expect(try Self.result(neutral, method, depth: depth) == neutral)
            try withShallow(answer, depth: depth) { node in
                #expect(throws: Never.self) { try AnswerEdit.check(node, of: method) }
            }
        }
    }

    static let malformed: [(MCP.Method, String)] = [
        (.elicitationCreate, "[]"), (.elicitationCreate, "null"), (.elicitationCreate, "{}"),
        (.elicitationCreate, #"{"action":"ACCEPT"}"#), (.elicitationCreate, #"{"action":true}"#),
        (.elicitationCreate, #"{"action":"accept","content":[]}"#),
        (.elicitationCreate, #"{"action":"decline","content":"x"}"#),
        (.elicitationCreate, #"{"action":"decline","\u0061ction":"accept"}"#),
        (.elicitationCreate, #"{"action":"accept","content":{},"content":{"a":1}}"#),
        (.elicitationCreate, #"{"task":{"taskId":"1"}}"#),
        (.samplingCreateMessage, "{}"),
        (.samplingCreateMessage, #"{"role":"assistant","content":{"type":"text"}}"#),
        (.samplingCreateMessage, #"{"role":"system","content":{"type":"text"},"model":"m"}"#),
        (.samplingCreateMessage, #"{"role":"user","model":"m"}"#),
        (.samplingCreateMessage, #"{"role":"user","content":"text","model":"m"}"#),
        (.samplingCreateMessage, #"{"role":"user","content":["text"],"model":"m"}"#),
        (.samplingCreateMessage, #"{"role":"user","content":{},"model":"m"}"#),
        (.samplingCreateMessage, #"{"role":"user","content":{"type":"text"},"model":1}"#),
        (.rootsList, "{}"), (.rootsList, #"{"roots":{}}"#), (.rootsList, #"{"roots":[1]}"#),
        (.rootsList, #"{"roots":[{"uri":1}]}"#), (.rootsList, #"{"roots":[{"name":"a"}]}"#),
        (.rootsList, #"{"roots":[],"roots":[]}"#),
        (.toolsCall, "{}"), (.unknown, "{}"),
    ]

    @Test("malformed answers are refused", arguments: [0, 1, 200])
    func refusals(_ depth: Int) throws {
        for (method, answer) in Self.malformed {
            let problem = #expect(throws: QuestionProblem.self, "\(answer)") {
                _ = try Self.neutral(answer, method, depth: depth)
            }
            #expect(problem?.message.isEmpty == false)
            try withShallow(answer, depth: depth) { node in
                _ = #expect(throws: QuestionProblem.self) { try AnswerEdit.check(node, of: method) }
            }
        }
        let wide = (0..<100_000).map { #""k\#($0)":1"# }.joined(separator: ",")
        #expect(throws: QuestionProblem.self) { try Self.neutral(#"{"roots":[],\#(wide)}"#, .rootsList) }
    }

    @Test("what a user did not submit stays here; null content is none")
    func content() throws {
        for action in ["decline", "cancel"] {
            let answer = #"{"action":"\#(action)","c\u006fntent":{"secret":"s"}}"#
            #expect(try Self.neutral(answer, .elicitationCreate) == #"{"action":"\#(action)"}"#)
            #expect(try Self.result(answer, .elicitationCreate) == #"{"action":"\#(action)"}"#)
        }
        let null = #"{"action":"accept","content":null}"#
        #expect(try Self.neutral(null, .elicitationCreate) == #"{"action":"accept"}"#)
        #expect(try Self.result(null, .elicitationCreate) == #"{"action":"accept"}"#)
    }

    @Test("what belongs to the client's hop goes")
    func hop() throws {
        let answer = #"""
            {"result\u0054ype":"complete","roots":[],"_meta":{"io.modelcontextprotocol/x":1,"k":2,
            "\u0069o.modelcontextprotocol\/related-task":{}}}
            """#
        #expect(try Self.neutral(answer, .rootsList) == #"{"roots":[],"_meta":{"k":2}}"#)
        #expect(try Self.result(answer, .rootsList) == #"{"roots":[],"_meta":{"k":2}}"#)
        let bare = #"{"action":"accept","_meta":{"io.modelcontextprotocol/serverInfo":{}}}"#
        #expect(try Self.result(bare, .elicitationCreate) == #"{"action":"accept"}"#)
    }

    /// A sampled content array, and the one block that it is before 2025-11-25.
    static let arrays: [(String, String)] = [
        ("[\(textBlock)]", #"{"type":"text","text":"a"}"#),
        (
            #"[{"type":"text","text":"a"},{"type":"image"},{"t\u0079pe":"text","text":"\u0062\""}]"#,
            #"{"type":"text","text":"a\nb\""}"#
        ),
        (#"[{"type":"image","data":"AA=="},{"type":"audio"}]"#, #"{"type":"image","data":"AA=="}"#),
        (#"[{"type":"text"},{"type":"image"}]"#, #"{"type":"text"}"#),
        ("[]", #"{"type":"text","text":""}"#),
    ]

    @Test("servers before 2025-11-25 get one block", arguments: legacy)
    func blocks(_ revision: Revision) throws {
        for (array, single) in Self.arrays {
            let answer = #"{"resultType":"complete","model":"m","c\u006fntent":\#(array),"role":"assistant"}"#
            let shown = revision >= .v2025_11_25 ? array : single
            for depth in [0, 1, 200] {
                #expect(
                    try Self.result(answer, .samplingCreateMessage, to: revision, depth: depth)
                        == #"{"model":"m","c\u006fntent":\#(shown),"role":"assistant"}"#)
            }
        }
        #expect(try Self.result(Self.sampled, .samplingCreateMessage, to: revision) == Self.sampled)
    }

    @Test("a large answer outlives its document")
    func large() throws {
        let long = String(repeating: "x", count: 100_000)
        let answer = #"{"role":"user","content":{"type":"text","text":"\#(long)"},"model":"m"}"#
        let out = MessageBuilder()
        try withRoot(answer) { node in
            AnswerEdit.writeResult(node, of: .samplingCreateMessage, for: .v2024_11_05, into: out)
        }
        #expect(text(out) == answer)
    }

    // MARK: Refusals

    static func refusal(_ method: MCP.Method, _ why: Refusal, id: String = "7") throws -> JSONValue {
        let out = MessageBuilder()
        withBytes(id) { AnswerEdit.writeRefusal(id: $0, method, why, into: out) }
        return try value(out)
    }

    @Test("elicitations end in a result", arguments: Refusal.allCases)
    func refusedElicitation(_ why: Refusal) throws {
        let action = why == .undeclared ? "decline" : "cancel"
        try expectSame(
            Self.refusal(.elicitationCreate, why, id: #""a\u0062""#),
            #"{"jsonrpc":"2.0","id":"ab","result":{"action":"\#(action)"}}"#)
    }

    @Test("other questions end in an error", arguments: Refusal.allCases)
    func refusedOthers(_ why: Refusal) throws {
        let codes: [(MCP.Method, Int)] = [
            (.samplingCreateMessage, -1), (.rootsList, -32601), (.toolsCall, -32601), (.unknown, -32601),
        ]
        for (method, code) in codes {
            let built = try Self.refusal(method, why)
            #expect(built["id"]?.int == 7)
            #expect(built["error"]?["code"]?.int == code)
            #expect(built["error"]?["message"]?.string?.isEmpty == false)
            #expect(built["result"] == nil)
        }
    }
}

extension Substring {
    /// Without the spaces that stand before the last brace.
    fileprivate func trimmingSpaces() -> String {
        var inner = dropLast()
        while inner.last == " " { inner = inner.dropLast() }
        return inner + "}"
    }
}
