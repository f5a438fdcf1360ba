// SPDX-License-Identifier: Apache-2.0
// QuestionEdit: servers' questions made neutral, and put to clients of every revision.

import JSON
import MCP
import Testing

@Suite("Question edit") struct QuestionEditTests {
    static let legacy = Revision.allCases.filter { !$0.isModern }

    // MARK: From servers

    static let untouched: [(MCP.Method, String)] = [
        (.elicitationCreate, formText),
        (
            .elicitationCreate,
            #"{ "message":"\u0041\/é" , "requestedSchema" : {"properties":{} } , "x" : 1.50 }"#
        ),
        (.elicitationCreate, urlText),
        (.samplingCreateMessage, samplingText),
        (
            .samplingCreateMessage,
            #"{"maxTokens":1,"messages":[{"role":"user","content":[{"type":"text","text":"\u00e9"},{"type":"image"}]}],"tools":[{"name":"t"}],"toolChoice":{"mode":"auto"},"includeContext":"allServers","_meta":{"a.example/k":1,"traceparent":"t"}}"#
        ),
        (.rootsList, "{}"),
        (.rootsList, #"{"_meta":{},"x":{"y":[]}}"#),
    ]

    @Test("a question of 2025-11-25 reaches a client of 2025-11-25 as it was spelled")
    func identity() throws {
        for (method, params) in Self.untouched {
            let question = try asked(method, params)
            #expect(question.method == method)
            let members = try JSONValue(parsing: params)
            try #expect(JSONValue(parsing: question.params) == members)
            let (written, plan) = try put(question)
            #expect(written == question.text)
            #expect(plan == .asIs && plan.isAsIs)
            for member in try #require(members.object) {
                // The bytes of each value, not only what they mean.
                try withRoot(params) { node in
                    let raw = String(
                        decoding: try #require(node.member(named: member.key)).raw, as: UTF8.self)
                    #expect(written.contains(raw))
                }
            }
        }
    }

    @Test("what belongs to the server's hop goes")
    func hop() throws {
        let question = try asked(
            .elicitationCreate,
            """
            {"t\\u0061sk":{"ttl":1},"message":"m","_m\\u0065ta":{"progress\\u0054oken":1,"a":2,
            "io.modelcontextprotocol\\/related-task":{"taskId":"1"}},"requestedSchema":{}}
            """)
        #expect(question.text == #"{"message":"m","_m\u0065ta":{"a":2},"requestedSchema":{}}"#)
        let bare = try asked(.rootsList, #"{"_meta":{"progressToken":"p"}}"#)
        #expect(bare.text == "{}")
        #expect(try asked(.rootsList, #"{"_meta":7}"#).text == "{}")
        #expect(try asked(.rootsList, nil).text == "{}")
    }

    @Test("an entry of a modern server")
    func entries() throws {
        let read = try entry(#"{"method":"elicitation\/create","params":\#(urlText),"id":7}"#)
        #expect(read.method == .elicitationCreate)
        #expect(read.elicitationId == nil)
        try expectSame(
            JSONValue(parsing: read.params),
            #"{"mode":"url","message":"Go there","url":"https://a.example/x"}"#)
        #expect(try entry(#"{"method":"roots/list"}"#).text == "{}")
        let tasked = #"{"messages":[],"maxTokens":5,"task":{"ttl":1}}"#
        let sampling = try entry(#"{"method":"sampling/createMessage","params":\#(tasked)}"#)
        #expect(sampling.text == #"{"messages":[],"maxTokens":5}"#)
        #expect(try asked(.elicitationCreate, urlText).elicitationId == "e-1")
    }

    @Test("only the upper levels of a message have nodes", arguments: [0, 1, 2, 4])
    func shallow(_ depth: Int) throws {
        for (method, params) in Self.untouched {
            let whole = try asked(method, params)
            try withShallow(params, depth: depth) { node in
                try #expect(QuestionEdit.neutral(method, node, from: .v2025_11_25) == whole)
            }
            guard params != "{}" else { continue }
            try withShallow(#"{"method":"\#(method.name)","params":\#(whole.text)}"#, depth: depth) { node in
                let read = try QuestionEdit.neutral(entry: node)
                #expect(read.method == method)
            }
        }
    }

    static let malformed: [(MCP.Method, String?)] = [
        (.toolsCall, "{}"), (.unknown, nil), (.ping, nil),
        (.elicitationCreate, nil), (.samplingCreateMessage, nil),
        (.elicitationCreate, "[]"), (.rootsList, "[]"), (.rootsList, "null"),
        (.elicitationCreate, "{}"),
        (.elicitationCreate, #"{"requestedSchema":{}}"#),
        (.elicitationCreate, #"{"message":7,"requestedSchema":{}}"#),
        (.elicitationCreate, #"{"message":"m"}"#),
        (.elicitationCreate, #"{"message":"m","requestedSchema":[]}"#),
        (.elicitationCreate, #"{"message":"m","requestedSchema":{"properties":[]}}"#),
        (.elicitationCreate, #"{"mode":"face","message":"m","requestedSchema":{}}"#),
        (.elicitationCreate, #"{"mode":null,"message":"m","requestedSchema":{}}"#),
        (.elicitationCreate, #"{"mode":"url","message":"m","requestedSchema":{}}"#),
        (.elicitationCreate, #"{"mode":"url","message":"m","url":1}"#),
        (.elicitationCreate, #"{"mode":"url","message":"m","url":"u","elicitationId":1}"#),
        (
            .elicitationCreate,
            #"{"mode":"form","m\u006fde":"url","message":"m","url":"u","requestedSchema":{}}"#
        ),
        (.elicitationCreate, #"{"message":"m","message":"n","requestedSchema":{}}"#),
        (.samplingCreateMessage, #"{"messages":[]}"#),
        (.samplingCreateMessage, #"{"maxTokens":1}"#),
        (.samplingCreateMessage, #"{"messages":{},"maxTokens":1}"#),
        (.samplingCreateMessage, #"{"messages":[],"maxTokens":"1"}"#),
        (.samplingCreateMessage, #"{"messages":[],"maxTokens":1,"tools":{}}"#),
        (.samplingCreateMessage, #"{"messages":["m"],"maxTokens":1}"#),
        (
            .samplingCreateMessage,
            #"{"messages":[{"role":"system","content":{"type":"text"}}],"maxTokens":1}"#
        ),
        (.samplingCreateMessage, #"{"messages":[{"role":"user"}],"maxTokens":1}"#),
        (.samplingCreateMessage, #"{"messages":[{"role":"user","content":"hi"}],"maxTokens":1}"#),
        (.samplingCreateMessage, #"{"messages":[{"role":"user","content":[{}]}],"maxTokens":1}"#),
    ]

    @Test("malformed questions are refused, with a reason")
    func refusals() throws {
        for (method, params) in Self.malformed {
            let problem = #expect(throws: QuestionProblem.self, "\(method) \(params ?? "")") {
                _ = try asked(method, params)
            }
            #expect(problem?.message.isEmpty == false)
            let member = params.map { #","params":\#($0)"# } ?? ""
            #expect(throws: QuestionProblem.self) { try entry(#"{"method":"\#(method.name)"\#(member)}"#) }
        }
    }

    @Test(
        "malformed entries are refused",
        arguments: [
            "[]", "7", "{}", #"{"method":7}"#, #"{"params":{}}"#, #"{"method":"tools/call","params":{}}"#,
            #"{"method":"roots/list","m\u0065thod":"elicitation/create"}"#,
            #"{"method":"roots/list","params":{},"params":{}}"#,
        ])
    func badEntries(_ text: String) {
        #expect(throws: QuestionProblem.self) { try entry(text) }
    }

    @Test("more members than any question has are refused unread, at once")
    func wide() throws {
        let wide = (0..<200_000).map { #""k\#($0)":1"# }.joined(separator: ",")
        #expect(throws: QuestionProblem.self) { try asked(.rootsList, "{\(wide)}") }
        #expect(throws: QuestionProblem.self) { try entry(#"{"method":"roots/list",\#(wide)}"#) }
        let most = (0..<64).map { #""k\#($0)":1"# }.joined(separator: ",")
        #expect(try asked(.rootsList, "{\(most)}").text == "{\(most)}")
    }

    @Test("depth is the message's affair")
    func deep() throws {
        let deep = String(repeating: "[", count: 120) + String(repeating: "]", count: 120)
        let params = #"{"message":"m","requestedSchema":{},"x":\#(deep)}"#
        #expect(try put(asked(.elicitationCreate, params)).params == params)
    }

    @Test("revisions that lack a question are not asking it", arguments: legacy)
    func tooEarly(_ revision: Revision) throws {
        let form = try? asked(.elicitationCreate, formText, by: revision)
        #expect((form != nil) == (revision >= .v2025_06_18))
        let url = try? asked(.elicitationCreate, urlText, by: revision)
        #expect((url != nil) == (revision >= .v2025_11_25))
        #expect(throws: Never.self) { try asked(.samplingCreateMessage, samplingText, by: revision) }
        #expect(throws: Never.self) { try asked(.rootsList, nil, by: revision) }
    }

    // MARK: To modern clients

    @Test("modern clients get an entry without elicitationId")
    func modern() throws {
        #expect(
            try shown(asked(.elicitationCreate, urlText))
                == #"{"method":"elicitation/create","params":{"mode":"url","message":"Go there","url":"https:\/\/a.example\/x"}}"#
        )
        #expect(
            try shown(asked(.samplingCreateMessage, samplingText), serverName: "s")
                == #"{"method":"sampling/createMessage","params":\#(samplingText)}"#)
        #expect(try shown(asked(.rootsList, nil)) == #"{"method":"roots/list","params":{}}"#)
    }

    @Test("the server's name stands before an elicitation's message, as plain text")
    func serverName() throws {
        let question = try asked(.elicitationCreate, #"{"message":"\u0041\"","requestedSchema":{}}"#)
        let message = #""message":"[a\"b] \u0041\"""#
        #expect(
            try shown(question, serverName: #"a"b"#)
                == #"{"method":"elicitation/create","params":{\#(message),"requestedSchema":{}}}"#)
        for revision in [Revision.v2025_06_18, .v2025_11_25] {
            #expect(
                try put(question, to: revision, serverName: #"a"b"#).params
                    == #"{\#(message),"requestedSchema":{}}"#)
        }
        let empty = try asked(.elicitationCreate, #"{"message":"","requestedSchema":{}}"#)
        #expect(try put(empty, serverName: "s").params == #"{"message":"[s] ","requestedSchema":{}}"#)
    }

    @Test("large params outlive the call that wrote them")
    func large() throws {
        let long = String(repeating: "x", count: 100_000)
        let question = try asked(.elicitationCreate, #"{"message":"\#(long)","requestedSchema":{}}"#)
        let out = MessageBuilder()
        QuestionEdit.writeEntry(question, serverName: nil, into: out)
        _ = try QuestionEdit.writeParams(
            question, for: .v2025_11_25, .form, serverName: nil, elicitationId: nil, into: out)
        #expect(
            text(out) == #"{"method":"elicitation/create","params":\#(question.text)}"# + question.text)
    }

    // MARK: To legacy clients

    @Test("a question goes only to a client that can be asked", arguments: legacy)
    func undeclared(_ revision: Revision) throws {
        let questions = [
            try asked(.elicitationCreate, formText), try asked(.elicitationCreate, urlText),
            try asked(.samplingCreateMessage, samplingText),
            try asked(.samplingCreateMessage, #"{"messages":[],"maxTokens":1,"tools":[{}]}"#),
            try asked(.rootsList, nil),
        ]
        let first: [Revision] = [.v2025_06_18, .v2025_11_25, .v2024_11_05, .v2025_11_25, .v2024_11_05]
        for (question, first) in zip(questions, first) {
            for raw in 0...UInt16(63) {
                let abilities = Abilities(rawValue: raw)
                let out = MessageBuilder()
                let plan = try? QuestionEdit.writeParams(
                    question, for: revision, abilities, serverName: nil, elicitationId: "i", into: out)
                #expect((plan != nil) == (abilities.isSuperset(of: question.needs) && revision >= first))
                #expect((plan != nil) == !out.joined().isEmpty)
            }
        }
    }

    @Test("URL elicitations get an id where the server gave none")
    func elicitationId() throws {
        let bare = #"{"mode":"url","message":"m","url":"u"}"#
        let question = try entry(#"{"method":"elicitation/create","params":\#(bare)}"#)
        #expect(
            try put(question, elicitationId: #"a"1"#).params
                == #"{"mode":"url","message":"m","url":"u","elicitationId":"a\"1"}"#)
        #expect(throws: QuestionProblem.self) { try put(question, elicitationId: nil) }
        #expect(try put(asked(.elicitationCreate, urlText), elicitationId: "other").params == urlText)
        #expect(try put(asked(.elicitationCreate, formText)).params == formText)
    }

    @Test("mode is unknown before 2025-11-25")
    func mode() throws {
        #expect(
            try put(asked(.elicitationCreate, formText), to: .v2025_06_18).params
                == #"{"message":"Which?","requestedSchema":\#(schemaText)}"#)
    }
}
