// SPDX-License-Identifier: Apache-2.0
// TaskEdit: tasks as clients of both eras get them.

import JSON
import MCP
import Testing

@Suite("Task edit") struct TaskEditTests {
    static let task = TaskFields(
        status: .working, statusMessage: "half \"way\"", createdAt: "2026-01-02T03:04:05Z",
        lastUpdatedAt: "2026-01-02T03:04:06+01:00", ttl: 60000, pollInterval: 5000)
    static let bare = TaskFields(status: .working, createdAt: "c", lastUpdatedAt: "u", ttl: nil)

    static let modernMembers =
        #""taskId":"our\"s","status":"working","statusMessage":"half \"way\"","createdAt":"2026-01-02T03:04:05Z","lastUpdatedAt":"2026-01-02T03:04:06+01:00","ttlMs":60000,"pollIntervalMs":5000"#
    static let legacyMembers =
        #""taskId":"our\"s","status":"working","statusMessage":"half \"way\"","createdAt":"2026-01-02T03:04:05Z","lastUpdatedAt":"2026-01-02T03:04:06+01:00","ttl":60000,"pollInterval":5000"#
    static let meta = #""_meta":{"io.modelcontextprotocol/serverInfo":\#(identityText)}"#

    /// Builds one answer and takes its result out.
    static func result(_ build: (UnsafeRawBufferPointer, MessageBuilder) throws -> Void) throws -> JSONValue {
        let out = MessageBuilder()
        try withBytes(#""\u0069d""#) { try build($0, out) }
        let message = try value(out)
        #expect(message["jsonrpc"] == "2.0")
        #expect(message["id"] == "id")
        #expect(message.object?.count == 3)
        return try #require(message["result"])
    }

    static func state(
        _ task: TaskFields, _ payload: TaskPayload = .none, to client: Revision = .newest
    ) throws -> JSONValue {
        try result {
            try TaskEdit.writeState(
                $0, task, payload, id: "our\"s", client: client, identity: identity, into: $1)
        }
    }

    static func form(from server: Revision, to client: Revision = .newest) -> ResultForm {
        ResultForm(method: .toolsCall, serverIsModern: server.isModern, client: client, identity: identity)
    }

    @Test func aModernClientGetsATaskInsteadOfAResult() throws {
        let result = try Self.result {
            TaskEdit.writeCreated(
                $0, Self.task, id: "our\"s", client: .newest, identity: identity, into: $1)
        }
        try expectSame(result, #"{"resultType":"task",\#(Self.meta),\#(Self.modernMembers)}"#)
    }

    @Test func aLegacyClientGetsATaskInsteadOfAResult() throws {
        let result = try Self.result {
            TaskEdit.writeCreated(
                $0, Self.task, id: "our\"s", client: .v2025_11_25, identity: identity, into: $1)
        }
        try expectSame(result, #"{"task":{\#(Self.legacyMembers)}}"#)
    }

    @Test func whatIsNotSaidIsNotMadeUp() throws {
        try expectSame(
            Self.state(Self.bare),
            #"{"resultType":"complete",\#(Self.meta),"taskId":"our\"s","status":"working","createdAt":"c","lastUpdatedAt":"u","ttlMs":null}"#
        )
        try expectSame(
            Self.state(Self.bare, to: .v2025_11_25),
            #"{"taskId":"our\"s","status":"working","createdAt":"c","lastUpdatedAt":"u","ttl":null}"#)
    }

    @Test func aPollIsAnsweredInTheClientsShape() throws {
        try expectSame(
            Self.state(Self.task), #"{"resultType":"complete",\#(Self.meta),\#(Self.modernMembers)}"#)
        try expectSame(Self.state(Self.task, to: .v2025_11_25), "{\(Self.legacyMembers)}")
    }

    @Test func acknowledgementsAreEmpty() throws {
        let result = try Self.result { TaskEdit.writeAcknowledgement($0, identity: identity, into: $1) }
        try expectSame(result, #"{"resultType":"complete",\#(Self.meta)}"#)
    }

    @Test func listsAreForLegacyClients() throws {
        let two = try Self.result {
            TaskEdit.writeList($0, [("our\"s", Self.task), ("b", Self.bare)], nextCursor: "c\"", into: $1)
        }
        try expectSame(
            two,
            #"{"tasks":[{\#(Self.legacyMembers)},{"taskId":"b","status":"working","createdAt":"c","lastUpdatedAt":"u","ttl":null}],"nextCursor":"c\""}"#
        )
        let none = try Self.result { TaskEdit.writeList($0, [], nextCursor: nil, into: $1) }
        try expectSame(none, #"{"tasks":[]}"#)
    }

    // MARK: Payloads

    /// A modern task's state and payload members.
    static func shown(_ status: TaskStatus, _ payload: TaskPayload) throws -> JSONValue {
        var task = bare
        task.status = status
        let built = try state(task, payload).object ?? []
        return .object(
            built.filter { ["status", "inputRequests", "result", "error"].contains($0.key) })
    }

    @Test func readyPayloadsAreInlined() throws {
        try withBytes(#"{"a":[1.50]}"#) { bytes in
            for status in TaskStatus.allCases {
                try expectSame(
                    Self.shown(status, .questions(bytes)),
                    #"{"status":"input_required","inputRequests":{"a":[1.50]}}"#)
                try expectSame(
                    Self.shown(status, .result(bytes)), #"{"status":"completed","result":{"a":[1.50]}}"#)
                try expectSame(
                    Self.shown(status, .error(bytes)), #"{"status":"failed","error":{"a":[1.50]}}"#)
                try expectSame(
                    Self.shown(status, .failure(.cancelled, "no \"more\"")),
                    #"{"status":"failed","error":{"code":-32800,"message":"no \"more\""}}"#)
            }
        }
    }

    @Test(
        "a state that comes with a payload is not shown without",
        arguments: [
            (.working, "working"), (.inputRequired, "working"), (.completed, "working"), (.failed, "working"),
            (.cancelled, "cancelled"),
        ] as [(TaskStatus, String)])
    func withoutPayload(_ status: TaskStatus, _ shown: String) throws {
        try expectSame(Self.shown(status, .none), #"{"status":"\#(shown)"}"#)
        // The legacy era asks for it with another method.
        var task = Self.bare
        task.status = status
        #expect(try Self.state(task, to: .v2025_11_25)["status"]?.string == "\(status.text)")
    }

    @Test(
        "a server's result is put in the client's words",
        arguments: [Revision.v2025_11_25, .v2026_07_28], [true, false])
    func serverResults(_ server: Revision, _ isError: Bool) throws {
        try withRoot(#"{"content":[],"structuredContent":{"a":1.50},"isError":\#(isError)}"#) { node in
            for status in [TaskStatus.completed, .failed] {
                try expectSame(
                    Self.shown(status, .serverResult(node, Self.form(from: server))),
                    #"{"status":"completed","result":{"resultType":"complete",\#(Self.meta),"content":[],"structuredContent":{"a":1.50},"isError":\#(isError)}}"#
                )
            }
            // There a tool's own error makes the task failed, and the result is told elsewhere.
            var task = Self.bare
            task.status = .completed
            let legacy = try Self.state(
                task, .serverResult(node, Self.form(from: server, to: .v2025_11_25)), to: .v2025_11_25)
            #expect(legacy["status"] == (isError ? "failed" : "completed"))
            #expect(legacy["result"] == nil)
        }
    }

    @Test func aServersErrorHasTheCodeOfTheClientsEra() throws {
        try withRoot(#"{"code":-32042,"message":"m","data":{"x":1.0}}"#) { node in
            try expectSame(
                Self.shown(.failed, .serverError(node, Self.form(from: .v2025_11_25))),
                #"{"status":"failed","error":{"code":-32603,"message":"m","data":{"x":1.0}}}"#)
        }
    }

    @Test("a result that is none is refused", arguments: ["null", "[]", "1"])
    func badResult(_ text: String) throws {
        try withRoot(text) { node in
            _ = #expect(throws: ResultProblem.self) {
                try Self.shown(.completed, .serverResult(node, Self.form(from: .newest)))
            }
        }
    }

    // MARK: Bridges

    @Test func fromOneEraToTheOther() throws {
        let modern = #"{"resultType":"task",\#(TaskViewTests.modern)}"#
        let shown = TaskEditTests.legacyMembers
        try withRoot(modern) { root in
            let view = try TaskView.created(root, serverIsModern: true)
            try expectSame(Self.state(view.fields, to: .v2025_11_25), "{\(shown)}")
        }
        try withRoot("{\(TaskViewTests.legacy)}") { root in
            let view = try TaskView.state(root, serverIsModern: false)
            let payload = view.payload(Self.form(from: .v2025_11_25))
            try expectSame(
                Self.state(view.fields, payload),
                #"{"resultType":"complete",\#(Self.meta),\#(Self.modernMembers)}"#)
        }
    }

    // MARK: Notifications

    @Test func notificationsCarryTheWholeTask() throws {
        let out = MessageBuilder()
        try withBytes(#"{"content":[]}"#) { result in
            try withBytes(#""s\u0031""#) { subscription in
                try TaskEdit.writeNotification(
                    Self.task, .result(result), id: "our\"s", client: .newest, subscription: subscription,
                    into: out)
            }
        }
        var members = try JSONValue(parsing: "{\(Self.modernMembers)}")
        members["status"] = "completed"
        members["result"] = ["content": []]
        members["_meta"] = ["io.modelcontextprotocol/subscriptionId": "s1"]
        try expectSame(
            value(out), #"{"jsonrpc":"2.0","method":"notifications/tasks","params":\#(members)}"#)
    }

    @Test func legacyNotificationsCarryTheStatus() throws {
        let out = MessageBuilder()
        try TaskEdit.writeNotification(Self.task, id: "our\"s", client: .v2025_11_25, into: out)
        try expectSame(
            value(out),
            #"{"jsonrpc":"2.0","method":"notifications/tasks/status","params":{\#(Self.legacyMembers)}}"#)
        out.reset()
        try TaskEdit.writeNotification(Self.bare, id: "b", client: .newest, into: out)
        #expect(try value(out)["params"]?["_meta"] == nil)
    }

    // MARK: Related tasks

    @Test(
        "the related task goes into any object",
        arguments: [
            (nil, ""), ("null", ""), ("{}", ""), (#"{"a":1.50,"b":{}}"#, #","a":1.50,"b":{}"#),
            (#"{"_meta":null,"a":1}"#, #","a":1"#),
        ] as [(String?, String)])
    func related(_ object: String?, _ rest: String) throws {
        let out = MessageBuilder()
        if let object {
            try withRoot(object) { RelatedTask.write($0, "our\"s", into: out) }
        } else {
            RelatedTask.write(nil, "our\"s", into: out)
        }
        try expectSame(
            value(out),
            #"{"_meta":{"io.modelcontextprotocol/related-task":{"taskId":"our\"s"}}\#(rest)}"#)
    }

    @Test func theRelatedTaskReplacesTheirs() throws {
        let out = MessageBuilder()
        let theirs = #""io.modelcontextprotocol\/related-task":{"taskId":"theirs"}"#
        try withRoot(#"{"x":[1],"_meta":{"progressToken":1,\#(theirs),"a/b":{"c":2}}}"#) { root in
            #expect(RelatedTask.id(root) == "theirs")
            RelatedTask.write(root, "ours", into: out)
        }
        try expectSame(
            value(out),
            #"{"_meta":{"io.modelcontextprotocol/related-task":{"taskId":"ours"},"progressToken":1,"a/b":{"c":2}},"x":[1]}"#
        )
    }

    @Test(
        "no related task",
        arguments: [
            "{}", #"{"_meta":5}"#, #"{"_meta":{"io.modelcontextprotocol/related-task":"t"}}"#,
            #"{"_meta":{"io.modelcontextprotocol/related-task":{"taskId":7}}}"#,
            #"{"_meta":{"io.modelcontextprotocol/related-task":{"taskId":""}}}"#, "[]",
        ])
    func unrelated(_ text: String) throws {
        try withRoot(text) { #expect(RelatedTask.id($0) == nil) }
        #expect(RelatedTask.id(nil) == nil)
    }
}
