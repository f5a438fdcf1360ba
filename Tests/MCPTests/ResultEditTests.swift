// SPDX-License-Identifier: Apache-2.0
// ResultEdit: a server's result or error as a client of another era gets it.

import JSON
import MCP
import Testing

@Suite("Result edit") struct ResultEditTests {
    static let serverInfo = "io.modelcontextprotocol/serverInfo"

    /// The result member of the built answer.
    static func edit(
        _ result: String, _ method: Method = .toolsCall, from server: Revision, to client: Revision,
        shownURI: String? = nil, id: String = "1", _ change: (inout ResultForm) -> Void = { _ in }
    ) throws -> JSONValue {
        try withRoot(result) { root in
            let out = MessageBuilder()
            var form = ResultForm(
                method: method, serverIsModern: server.isModern, client: client, identity: identity)
            form.shownURI = shownURI
            change(&form)
            try withBytes(id) { try ResultEdit.write(id: $0, result: root, form: form, into: out) }
            let built = try value(out)
            #expect(built["jsonrpc"] == "2.0")
            #expect(try built["id"] == JSONValue(parsing: id))
            #expect(built.object?.count == 3)
            return try #require(built["result"])
        }
    }

    static let legacies = Revision.allCases.filter { !$0.isModern }
    static let body = #""content":[{"type":"text","text":"\u00e9 1.50"}],"isError":false,"x":{"y":[1.50]}"#
    static let text = #"{"content":[{"type":"text","text":"é 1.50"}],"isError":false,"x":{"y":[1.50]}"#

    // MARK: Eras

    @Test("a legacy client gets a legacy server's result as it is", arguments: legacies)
    func legacyToLegacy(_ client: Revision) throws {
        let result = try Self.edit(#"{\#(Self.body),"_meta":{"a":1}}"#, from: .v2025_11_25, to: client)
        try expectSame(result, Self.text + #","_meta":{"a":1}}"#)
    }

    @Test("a legacy client gets no members of the modern era", arguments: legacies)
    func modernToLegacy(_ client: Revision) throws {
        for members in [
            #""resultType":"complete",\#(Self.body),"ttlMs":5,"cacheScope":"public""#,
            #"\#(Self.body),"ttlMs":5,"cacheScope":"public","r\u0065sultType":"complete""#,
            Self.body,
        ] {
            let result = try Self.edit("{\(members)}", from: .v2026_07_28, to: client)
            try expectSame(result, Self.text + "}")
            #expect(result.object?.map(\.key) == ["content", "isError", "x"])
        }
    }

    @Test func nothingButModernMembersLeavesAnEmptyResult() throws {
        let all = #"{"resultType":"complete","ttlMs":0,"cacheScope":"private"}"#
        #expect(try Self.edit(all, from: .v2026_07_28, to: .v2025_06_18) == [:])
        #expect(try Self.edit("{}", from: .v2026_07_28, to: .v2025_06_18) == [:])
        #expect(try Self.edit("{}", from: .v2025_06_18, to: .v2025_06_18) == [:])
    }

    @Test func aLegacyClientDoesNotSeeTheServersReservedMetaKeys() throws {
        // Reserved keys are regenerated on each hop; the legacy era has none of them.
        let result = try Self.edit(
            #"{"content":[],"_meta":{"\#(Self.serverInfo)":{"name":"up","version":"3"},"com.example/k":1}}"#,
            from: .v2026_07_28, to: .v2025_11_25)
        #expect(result["_meta"] == ["com.example/k": 1])
    }

    @Test(
        "a modern client gets a modern result", arguments: [Revision.v2024_11_05, .v2025_11_25, .v2026_07_28])
    func toModern(_ server: Revision) throws {
        let type = server.isModern ? #""resultType":"complete","# : ""
        let result = try Self.edit("{\(type)\(Self.body)}", from: server, to: .v2026_07_28)
        try expectSame(
            result, Self.text + #","resultType":"complete","_meta":{"\#(Self.serverInfo)":\#(identityText)}}"#
        )
    }

    @Test func anEmptyResultBecomesAWholeModernOne() throws {
        let result = try Self.edit("{}", from: .v2025_11_25, to: .v2026_07_28)
        try expectSame(result, #"{"resultType":"complete","_meta":{"\#(Self.serverInfo)":\#(identityText)}}"#)
    }

    @Test(
        "serverInfo is ours, vendor keys stay",
        arguments: [
            #"{"a/b":[1.0]}"#, #"{"\#(serverInfo)":{"name":"up"},"a/b":[1.0]}"#,
            #"{"a/b":[1.0],"io.modelcontextprotocol\/serverInfo":{"name":"up"}}"#,
        ])
    func meta(_ meta: String) throws {
        for members in [#""_meta":\#(meta),"content":[]"#, #""content":[],"_meta":\#(meta)"#] {
            let result = try Self.edit("{\(members)}", from: .v2026_07_28, to: .v2026_07_28)
            try expectSame(
                #require(result["_meta"]), #"{"\#(Self.serverInfo)":\#(identityText),"a/b":[1.0]}"#)
            #expect(result["content"] == [])
        }
    }

    @Test func noOtherReservedKeyOfTheServersHopPasses() throws {
        let meta =
            #""io.modelcontextprotocol/related-task":{"taskId":"theirs"},"io.modelcontextprotocol/x":1,"k":2"#
        let result = try Self.edit(#"{"_meta":{\#(meta)}}"#, from: .v2025_11_25, to: .v2026_07_28)
        try expectSame(#require(result["_meta"]), #"{"\#(Self.serverInfo)":\#(identityText),"k":2}"#)
    }

    @Test("a _meta that is no object is replaced", arguments: ["null", "7", "[]"])
    func metaOfAWrongType(_ meta: String) throws {
        let result = try Self.edit(#"{"_meta":\#(meta)}"#, from: .v2025_11_25, to: .v2026_07_28)
        try expectSame(#require(result["_meta"]), #"{"\#(Self.serverInfo)":\#(identityText)}"#)
    }

    @Test("an answer goes to the id as the client spelled it", arguments: ["0", "-5", #""\u0061""#])
    func ids(_ id: String) throws {
        for client in [Revision.v2026_07_28, .v2025_06_18] {
            _ = try Self.edit("{}", from: .v2026_07_28, to: client, id: id)
        }
    }

    // MARK: Cache fields

    @Test func cacheFieldsAreThereOnReadResources() throws {
        let made = try Self.edit(#"{"contents":[]}"#, .resourcesRead, from: .v2025_11_25, to: .v2026_07_28)
        #expect(made["ttlMs"] == 0)
        #expect(made["cacheScope"] == "private")
        let kept = try Self.edit(
            #"{"contents":[],"ttlMs":70,"cacheScope":"public","resultType":"complete"}"#, .resourcesRead,
            from: .v2026_07_28, to: .v2026_07_28)
        #expect(kept["ttlMs"] == 70)
        #expect(kept["cacheScope"] == "public")
        let half = try Self.edit(
            #"{"ttlMs":70,"contents":[],"resultType":"complete"}"#, .resourcesRead, from: .v2026_07_28,
            to: .v2026_07_28)
        #expect(half["ttlMs"] == 70)
        #expect(half["cacheScope"] == "private")
    }

    @Test(
        "cache fields that a server says amiss mean stale and private",
        arguments: [
            (#""ttlMs":-5,"cacheScope":"shared""#, 0), (#""ttlMs":"9","cacheScope":null"#, 0),
            (#""ttlMs":1.5,"cacheScope":7"#, 0), (#""ttlMs":99999999999999999999"#, 0),
            (#""ttlMs":3,"ttlMs":4,"cacheScope":"private","cacheScope":"public""#, 3),
        ])
    func malformedCacheFields(_ fields: String, _ ttl: Int) throws {
        let result = try Self.edit(
            #"{\#(fields),"contents":[],"resultType":"complete"}"#, .resourcesRead, from: .v2026_07_28,
            to: .v2026_07_28)
        #expect(result["ttlMs"]?.int == ttl)
        #expect(result["cacheScope"] == "private")
    }

    @Test(
        "the operator's word counts for more than the server's",
        arguments: ["", #""ttlMs":70,"cacheScope":"public","#])
    func cachePolicy(_ fields: String) throws {
        func read(_ policy: CachePolicy) throws -> (Int?, String?) {
            let result = try Self.edit(
                #"{\#(fields)"contents":[]}"#, .resourcesRead, from: .v2026_07_28, to: .v2026_07_28
            ) { $0.cache = policy }
            return (result["ttlMs"]?.int, result["cacheScope"]?.string)
        }
        let isSaid = !fields.isEmpty
        #expect(try read(CachePolicy()) == (isSaid ? 70 : 0, isSaid ? "public" : "private"))
        #expect(try read(CachePolicy(ttl: 9)) == (9, isSaid ? "public" : "private"))
        #expect(try read(CachePolicy(isPublic: true)) == (isSaid ? 70 : 0, "public"))
        #expect(try read(CachePolicy(isPublic: false)) == (isSaid ? 70 : 0, "private"))
        #expect(try read(.never) == (0, "private"))
    }

    @Test func aQuestionIsNoCacheableResult() throws {
        let result = try Self.edit(
            #"{"resultType":"input_required","requestState":"s"}"#, .resourcesRead, from: .v2026_07_28,
            to: .v2026_07_28)
        #expect(result["ttlMs"] == nil)
        #expect(result["cacheScope"] == nil)
    }

    @Test(
        "other results get no cache fields", arguments: [Method.toolsCall, .promptsGet, .completionComplete])
    func noCacheFields(_ method: Method) throws {
        let result = try Self.edit("{}", method, from: .v2025_11_25, to: .v2026_07_28)
        #expect(result["ttlMs"] == nil)
        #expect(result["cacheScope"] == nil)
    }

    // MARK: Structured content

    @Test(
        "structured content reaches those who know it",
        arguments: Revision.allCases, [#"{"a":1}"#, "[1]", "5", #""x""#, "true", "null"])
    func structuredContent(_ client: Revision, _ content: String) throws {
        let result = try Self.edit(
            #"{"content":[],"structuredContent":\#(content),"resultType":"complete"}"#, from: .v2026_07_28,
            to: client)
        let value = try JSONValue(parsing: content)
        // What is not an object goes where legacy schemas can say it; null without a schema is no more than absence.
        let legacy: JSONValue? =
            value.object != nil ? value : value.isNull ? JSONValue?.none : ["result": value]
        let wanted = client.isModern ? value : client >= .v2025_06_18 ? legacy : nil
        #expect(result["structuredContent"] == wanted)
        #expect(result["content"] == [])
    }

    @Test(
        "structured content agrees with the schema that the client was shown",
        arguments: Revision.allCases, [#"{"a":1.50}"#, "[1]", #""\\u0041""#, "null"])
    func structuredShapes(_ client: Revision, _ content: String) throws {
        let value = try JSONValue(parsing: content)
        for server in [Revision.v2026_07_28, .v2025_11_25] {
            for (shape, legacy) in [
                (StructuredShape.wrapped, ["result": value] as JSONValue?), (.dropped, nil),
            ] {
                let result = try Self.edit(
                    #"{"structuredContent":\#(content),"content":[],"isError":true}"#, from: server,
                    to: client
                ) { $0.structured = shape }
                let wanted = client.isModern ? value : client >= .v2025_06_18 ? legacy : nil
                #expect(result["structuredContent"] == wanted)
                #expect(result["isError"] == true)
            }
        }
    }

    @Test func repeatedStructuredContentIsWrappedOnce() throws {
        let result = try Self.edit(
            #"{"structuredContent":[1],"structuredContent":[2],"content":[]}"#, from: .v2026_07_28,
            to: .v2025_06_18)
        #expect(result["structuredContent"] == ["result": [1]])
    }

    // MARK: Related tasks

    @Test("a legacy result names its task by our id", arguments: legacies)
    func relatedTask(_ client: Revision) throws {
        let theirs = #""io.modelcontextprotocol/related-task":{"taskId":"theirs"}"#
        for server in [Revision.v2026_07_28, .v2025_11_25] {
            for (meta, others) in [
                ("", ""), (#","_meta":{\#(theirs)}"#, ""), (#","_meta":{"a/b":1,\#(theirs)}"#, #","a/b":1"#),
                (#","_meta":7"#, ""),
            ] {
                let result = try Self.edit(#"{"content":[]\#(meta)}"#, from: server, to: client) {
                    $0.relatedTask = "our\"s"
                }
                try expectSame(
                    result,
                    #"{"content":[],"_meta":{"io.modelcontextprotocol/related-task":{"taskId":"our\"s"}\#(others)}}"#
                )
            }
        }
    }

    // MARK: Input required

    @Test("what a legacy client cannot be told is refused", arguments: legacies)
    func inputRequired(_ client: Revision) throws {
        for (type, why) in [("input_required", "input"), ("task", "resultType"), ("", "resultType")] {
            try withRoot(#"{"resultType":"\#(type)","requestState":"s"}"#) { root in
                let out = MessageBuilder()
                do throws(ResultProblem) {
                    try withBytesTyped("1") { id throws(ResultProblem) in
                        try ResultEdit.write(
                            id: id, result: root, method: .toolsCall, serverIsModern: true, client: client,
                            identity: identity, into: out)
                    }
                    Issue.record("\(type) was handed on")
                } catch {
                    #expect(error.message.contains(why), "\(error.message)")
                }
            }
        }
    }

    @Test func inputRequiredPassesToAModernClientUntouched() throws {
        let members =
            #""resultType":"input_required","requestState":"s\u0041","inputRequests":{"q":{"method":"roots/list"}}"#
        let result = try Self.edit("{\(members)}", from: .v2026_07_28, to: .v2026_07_28)
        try expectSame(result, #"{\#(members),"_meta":{"\#(Self.serverInfo)":\#(identityText)}}"#)
    }

    @Test("a result that is no object is refused", arguments: ["null", "[]", "1", #""x""#])
    func resultOfAWrongType(_ result: String) throws {
        for client in Revision.allCases {
            #expect(throws: ResultProblem.self) { try Self.edit(result, from: .v2026_07_28, to: client) }
            #expect(throws: ResultProblem.self) { try Self.edit(result, from: .v2025_06_18, to: client) }
        }
    }

    // MARK: URIs

    @Test(
        "contents are shown under the server's prefix, parts under their own URIs",
        arguments: Revision.allCases,
        Revision.allCases)
    func shownURI(_ server: Revision, _ client: Revision) throws {
        let type = server.isModern ? #""resultType":"complete","ttlMs":1,"cacheScope":"private","# : ""
        let result = try Self.edit(
            #"{\#(type)"x":1,"contents":[{"text":"a","u\u0072i":"own://r","mimeType":"t/p"},{"uri":"own://r/\"p\"","blob":""}]}"#,
            .resourcesRead, from: server, to: client, shownURI: "s+own://r")
        try expectSame(
            #require(result["contents"]),
            #"[{"uri":"s+own://r","text":"a","mimeType":"t/p"},{"uri":"s+own://r/\"p\"","blob":""}]"#)
        #expect(result["x"] == 1)
        #expect((result["resultType"] != nil) == client.isModern)
    }

    @Test("contents keep their URIs where nothing was renamed", arguments: Revision.allCases)
    func ownURI(_ client: Revision) throws {
        let contents = #"[{"uri":"a://1","text":"\u0041"},{"uri":"a://2","text":""}]"#
        let result = try Self.edit(
            #"{"contents":\#(contents)}"#, .resourcesRead, from: .v2025_11_25, to: client)
        #expect(try result["contents"] == JSONValue(parsing: contents))
    }

    @Test("odd contents do no harm", arguments: ["[]", "[1,null]", "[{}]"])
    func oddContents(_ contents: String) throws {
        for client in [Revision.v2026_07_28, .v2025_06_18] {
            let result = try Self.edit(
                #"{"contents":\#(contents)}"#, .resourcesRead, from: .v2025_11_25, to: client,
                shownURI: "s+a://1")
            #expect(result["contents"]?.array?.count == (try JSONValue(parsing: contents).array?.count))
        }
    }

    @Test func hugeResultsAreReferenced() throws {
        let content = #"[{"type":"text","text":"\#(String(repeating: "w", count: 200_000))"}]"#
        for (server, client) in [
            (Revision.v2025_06_18, Revision.v2025_06_18), (.v2026_07_28, .v2025_06_18),
            (.v2025_06_18, .v2026_07_28),
            (.v2026_07_28, .v2026_07_28),
        ] {
            let document = try JSONText(#"{"resultType":"complete","content":\#(content),"_meta":{}}"#)
            try document.withRoot { root in
                let out = MessageBuilder()
                try withBytes("1") { id in
                    try ResultEdit.write(
                        id: id, result: root, method: .toolsCall, serverIsModern: server.isModern,
                        client: client,
                        identity: identity, into: out)
                }
                let source = try #require(document.bytes.baseAddress)
                let copied = out.finish().filter { part in
                    guard let start = part.pointer else { return false }
                    return UnsafeRawPointer(start) < source
                        || UnsafeRawPointer(start) >= source + document.bytes.count
                }
                #expect(copied.reduce(0) { $0 + Int($1.count) } < 1000)
                #expect(try value(out)["result"]?["content"] == JSONValue(parsing: content))
            }
        }
    }

    // MARK: Errors

    struct ErrorRow: Sendable, CustomTestStringConvertible {
        let code: String
        let method: Method
        let client: Revision
        let shown: Int
        var testDescription: String { "\(code) on \(method.name) to \(client.text)" }
    }

    static let errorRows: [ErrorRow] =
        legacies.flatMap { legacy in
            [
                ErrorRow(code: "-32602", method: .resourcesRead, client: legacy, shown: -32002),
                ErrorRow(code: "-32002", method: .resourcesRead, client: legacy, shown: -32002),
                ErrorRow(code: "-32602", method: .toolsCall, client: legacy, shown: -32602),
                ErrorRow(code: "-32021", method: .toolsCall, client: legacy, shown: -32021),
                ErrorRow(code: "-32042", method: .toolsCall, client: legacy, shown: -32042),
                ErrorRow(code: "17", method: .toolsCall, client: legacy, shown: 17),
            ]
        } + [
            ErrorRow(code: "-32002", method: .resourcesRead, client: .v2026_07_28, shown: -32602),
            ErrorRow(code: "-32002", method: .promptsGet, client: .v2026_07_28, shown: -32602),
            ErrorRow(code: "-32602", method: .resourcesRead, client: .v2026_07_28, shown: -32602),
            ErrorRow(code: "-32042", method: .toolsCall, client: .v2026_07_28, shown: -32603),
            ErrorRow(code: "-32021", method: .toolsCall, client: .v2026_07_28, shown: -32021),
            ErrorRow(code: "-32020", method: .toolsCall, client: .v2026_07_28, shown: -32603),
            ErrorRow(code: "-32022", method: .toolsCall, client: .v2026_07_28, shown: -32603),
            ErrorRow(code: "-32601", method: .toolsCall, client: .v2026_07_28, shown: -32601),
            ErrorRow(code: "9223372036854775807", method: .toolsCall, client: .v2026_07_28, shown: Int.max),
            ErrorRow(code: "1.5", method: .toolsCall, client: .v2026_07_28, shown: -32603),
            ErrorRow(code: #""x""#, method: .toolsCall, client: .v2025_06_18, shown: -32603),
        ]

    @Test("error codes are those of the client's era", arguments: errorRows)
    func errorCodes(_ row: ErrorRow) throws {
        try withRoot(#"{"code":\#(row.code),"message":"it \u0041","data":{"uri":"a://b","n":1.0}}"#) { root in
            let out = MessageBuilder()
            let code = withBytes(#""i""#) {
                ResultEdit.writeError(id: $0, error: root, method: row.method, client: row.client, into: out)
            }
            #expect(code.rawValue == row.shown)
            try expectSame(
                value(out),
                """
                {"jsonrpc":"2.0","id":"i",
                "error":{"code":\(row.shown),"message":"it A","data":{"uri":"a://b","n":1.0}}}
                """)
        }
    }

    @Test("an error names the resource as the client knows it", arguments: Revision.allCases)
    func errorURI(_ client: Revision) throws {
        for (data, wanted) in [
            (#"{"uri":"a://b","n":1.0}"#, #"{"uri":"s+a://b","n":1.0}"#), (#"{"n":1}"#, #"{"n":1}"#),
            (#"{"uri":5}"#, #"{"uri":5}"#), (#""a://b""#, #""a://b""#),
        ] {
            try withRoot(#"{"code":-32002,"message":"m","data":\#(data)}"#) { root in
                let out = MessageBuilder()
                _ = withBytes("1") {
                    ResultEdit.writeError(
                        id: $0, error: root, method: .resourcesRead, serverIsModern: false, client: client,
                        shownURI: "s+a://b", into: out)
                }
                let error = try #require(value(out)["error"])
                try expectSame(#require(error["data"]), wanted)
                #expect(error["code"]?.int == (client.isModern ? -32602 : -32002))
            }
        }
    }

    @Test("a legacy server's refusal of params is no missing resource", arguments: legacies)
    func invalidParamsOfALegacyServer(_ client: Revision) throws {
        try withRoot(#"{"code":-32602,"message":"m"}"#) { root in
            let out = MessageBuilder()
            let code = withBytes("1") {
                ResultEdit.writeError(
                    id: $0, error: root, method: .resourcesRead, serverIsModern: false, client: client,
                    into: out)
            }
            #expect(code == .invalidParams)
        }
    }

    @Test(
        "an incomplete error still makes a whole answer",
        arguments: ["{}", #"{"message":5}"#, #"{"code":null}"#])
    func incompleteError(_ error: String) throws {
        try withRoot(error) { root in
            let out = MessageBuilder()
            let code = withBytes("1") {
                ResultEdit.writeError(
                    id: $0, error: root, method: .toolsCall, client: .v2025_06_18, into: out)
            }
            #expect(code == .internalError)
            let built = try value(out)
            #expect(built["error"]?["code"] == -32603)
            #expect(built["error"]?["message"]?.string?.isEmpty == false)
            #expect(built["error"]?["data"] == nil)
        }
    }
}

/// As `withBytes`, for a body with a typed error.
func withBytesTyped<Failure: Error>(
    _ text: String, _ body: (UnsafeRawBufferPointer) throws(Failure) -> Void
) throws(Failure) {
    let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: text.utf8.count, alignment: 1)
    defer { bytes.deallocate() }
    bytes.copyBytes(from: text.utf8)
    try body(UnsafeRawBufferPointer(bytes))
}
