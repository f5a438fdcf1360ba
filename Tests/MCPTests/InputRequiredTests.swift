// SPDX-License-Identifier: Apache-2.0
// `input_required` results, read and written, and error -32042.

import JSON
import MCP
import Testing

@Suite("Input required") struct InputRequiredTests {
    static let question = #"{"method":"roots/list"}"#

    static func result(_ members: String) -> String { #"{"resultType":"input_required",\#(members)}"# }

    @Test(
        "other results are not taken for it",
        arguments: [
            "{}", "[]", "null", #""input_required""#, #"{"resultType":"complete","inputRequests":{}}"#,
            #"{"resultType":null}"#, #"{"resultType":["input_required"]}"#, #"{"inputRequests":{}}"#,
            #"{"resultType":"complete","resultType":"input_required"}"#,
        ])
    func others(_ text: String) throws {
        try withRoot(text) { #expect(InputRequired($0) == nil) }
    }

    /// The members beside `resultType`, and how many questions they hold.
    static let sound: [(String, Int)] = [
        (#""requestState":"s""#, 0),
        (#""requestState":"","inputRequests":{}"#, 0),
        (#""requestState":"s","inputRequests":null"#, 0),
        (#""requestState":null,"inputRequests":{"a":\#(question)}"#, 1),
        (#""inputRequests":{"a":\#(question),"\u0062":{}},"x":{"a":1,"a":2}"#, 2),
        (#""request\u0053tate":"s","input\u0052equests":{"":\#(question)}"#, 1),
    ]

    @Test("sound results", arguments: [3, 5, 200])
    func soundResults(_ depth: Int) throws {
        for (members, count) in Self.sound {
            try withShallow(Self.result(members), depth: depth) { node in
                let read = try #require(InputRequired(node))
                #expect(!read.isMalformed, "\(members)")
                #expect(read.count == count)
                var keys: [String] = []
                read.forEachEntry { keys.append($0.keyString()) }
                #expect(keys.count == count)
                #expect((read.requestState == nil) == !members.contains(#"tate":""#))
            }
        }
    }

    static let malformed = [
        #""x":1"#, #""inputRequests":{}"#, #""inputRequests":null,"requestState":null"#,
        #""requestState":7"#, #""requestState":{"a":1}"#, #""inputRequests":[]"#, #""inputRequests":"a""#,
        #""inputRequests":{"a":7}"#, #""inputRequests":{"a":[]},"requestState":"s""#,
        #""inputRequests":{"a":\#(question),"\u0061":\#(question)}"#,
        #""inputRequests":{"a":\#(question)},"inputRequests":{}"#,
        #""requestState":"s","request\u0053tate":"t""#, #""requestState":"s","resultType":"complete""#,
        #""inputRequests":{\#((0..<65).map { "\"\($0)\":\(question)" }.joined(separator: ","))}"#,
        #""inputRequests":{\#((0..<100_000).map { "\"\($0)\":{}" }.joined(separator: ","))}"#,
    ]

    @Test("malformed results", arguments: [3, 200])
    func malformedResults(_ depth: Int) throws {
        for members in Self.malformed {
            try withShallow(Self.result(members), depth: depth) { node in
                let read = try #require(InputRequired(node))
                #expect(read.isMalformed, "\(members.prefix(100))")
            }
        }
    }

    @Test("as many questions as are allowed")
    func most() throws {
        let entries = (0..<InputRequired.maxEntries).map { "\"\($0)\":\(Self.question)" }
        try withRoot(Self.result(#""inputRequests":{\#(entries.joined(separator: ","))}"#)) { node in
            let read = try #require(InputRequired(node))
            #expect(!read.isMalformed && read.count == 64)
        }
    }

    @Test("entries without nodes are not taken for none")
    func tooShallow() throws {
        try withShallow(Self.result(#""inputRequests":{"a":\#(Self.question)},"requestState":"s""#), depth: 1)
        {
            let read = try #require(InputRequired($0))
            #expect(read.isMalformed)
        }
    }

    @Test("an error that a body throws comes through")
    func throwing() throws {
        try withRoot(Self.result(#""inputRequests":{"a":7}"#)) { node in
            let read = try #require(InputRequired(node))
            #expect(throws: QuestionProblem.self) {
                try read.forEachEntry { _ = try QuestionEdit.neutral(entry: $0.value) }
            }
        }
    }

    // MARK: Writing

    static func write(
        _ questions: [(key: String, question: Question)], state: String?, serverName: String? = nil
    ) throws -> JSONValue {
        let out = MessageBuilder()
        withBytes("7") { InputRequiredWriter.begin(id: $0, identity: identity, into: out) }
        for (key, question) in questions {
            InputRequiredWriter.entry(key: key, question, serverName: serverName, into: out)
        }
        if let state {
            withBytes(state) { InputRequiredWriter.end(requestState: $0, into: out) }
        } else {
            InputRequiredWriter.end(requestState: nil, into: out)
        }
        return try value(out)
    }

    static func answer(_ members: String) -> String {
        """
        {"jsonrpc":"2.0","id":7,"result":{"resultType":"input_required",
        "_meta":{"io.modelcontextprotocol/serverInfo":\(identityText)},\(members)}}
        """
    }

    @Test("any number of questions, with and without state")
    func written() throws {
        let roots = try asked(.rootsList, nil)
        let url = try asked(.elicitationCreate, urlText)
        let shownURL = #"{"mode":"url","message":"[s] Go there","url":"https://a.example/x"}"#
        try expectSame(
            Self.write([], state: "abc"), Self.answer(#""inputRequests":{},"requestState":"abc""#))
        try expectSame(
            Self.write([("q\"1", roots), ("", url), ("r1", roots)], state: "a\"b", serverName: "s"),
            Self.answer(
                """
                "inputRequests":{"q\\"1":{"method":"roots/list","params":{}},
                "":{"method":"elicitation/create","params":\(shownURL)},
                "r1":{"method":"roots/list","params":{}}},"requestState":"a\\"b"
                """))
        try expectSame(
            Self.write([("1", roots)], state: nil),
            Self.answer(#""inputRequests":{"1":{"method":"roots/list","params":{}}}"#))
    }

    @Test("large questions stand between small ones")
    func largeEntries() throws {
        let long = String(repeating: "x", count: 70_000)
        let large = try asked(.elicitationCreate, #"{"message":"\#(long)","requestedSchema":{}}"#)
        let small = try asked(.rootsList, nil)
        let built = try Self.write([("1", large), ("2", small), ("3", large), ("4", small)], state: "s")
        #expect(built["result"]?["inputRequests"]?.object?.map(\.key) == ["1", "2", "3", "4"])
        #expect(built["result"]?["inputRequests"]?["3"]?["params"]?["message"]?.string == long)
    }

    @Test("what is written reads back")
    func roundTrip() throws {
        let built = try Self.write([("a", asked(.elicitationCreate, formText))], state: "s")
        try withRoot(#require(built["result"]).description) { node in
            let read = try #require(InputRequired(node))
            #expect(!read.isMalformed)
            #expect(read.requestState?.equals("s") == true)
            try read.forEachEntry { member in
                let question = try QuestionEdit.neutral(entry: member.value)
                try expectSame(JSONValue(parsing: question.params), formText)
            }
        }
    }

    // MARK: -32042

    static func required(_ elicitations: String, code: String = "-32042") -> String {
        #"{"code":\#(code),"message":"m","data":{"elicitations":\#(elicitations),"x":1}}"#
    }

    @Test("URL elicitations of error -32042", arguments: [0, 1, 4, 200])
    func elicitations(_ depth: Int) throws {
        let second = #"{"mode":"url","message":"n","url":"u","elicitationId":"\u0062"}"#
        let third = #"{"mode":"url","message":"n","url":"u"}"#
        try withShallow(Self.required("[\(urlText),\(second),\(third)]"), depth: depth) { node in
            let questions = try #require(URLElicitationRequired.questions(node))
            #expect(questions.map(\.text) == [urlText, second, third])
            #expect(questions.allSatisfy { $0.method == .elicitationCreate && $0.needs == .url })
            #expect(URLElicitationRequired.elicitationIds(node) == ["e-1", "b", nil])
        }
    }

    static let otherErrors = [
        "{}", "null", "[]", #"{"code":-32042}"#, #"{"code":-32042,"data":[]}"#,
        required("[]"), required("{}"), required("[7]"), required("[\(urlText)]", code: "-32602"),
        required("[\(urlText)]", code: "\"-32042\""), required("[\(urlText)]", code: "-32042.0"),
        required("[\(urlText),\(formText)]"),
        required("[\([String](repeating: urlText, count: 65).joined(separator: ","))]"),
    ]

    @Test("other and malformed errors")
    func noElicitations() throws {
        for text in Self.otherErrors {
            try withRoot(text) { node in
                #expect(URLElicitationRequired.questions(node) == nil, "\(text.prefix(100))")
                #expect(URLElicitationRequired.elicitationIds(node) == nil)
            }
        }
    }
}
