// SPDX-License-Identifier: Apache-2.0
// What requests, tools and capabilities say about tasks, and requests that ask a legacy server for one.

import JSON
import MCP
import Testing

@Suite("Task requests") struct TaskRequestTests {
    @Test(
        "a legacy call may want to be a task",
        arguments: [
            ("{}", nil), (#"{"task":null}"#, nil), (#"{"task":{}}"#, TaskWish()),
            (#"{"task":{"ttl":null,"x":1}}"#, TaskWish()), (#"{"task":{"ttl":60000}}"#, TaskWish(ttl: 60000)),
            (#"{"t\u0061sk":{"ttl":0}}"#, TaskWish(ttl: 0)), (#"{"task":{"ttl":6e4}}"#, TaskWish(ttl: 60000)),
            (#"{"task":{"ttl":1e300}}"#, TaskWish(ttl: 9_007_199_254_740_991)),
        ] as [(String, TaskWish?)])
    func wishes(_ params: String, _ wish: TaskWish?) throws {
        #expect(try withRoot(params) { try TaskWish.read($0) } == wish)
    }

    @Test func noParamsWantNothing() throws { #expect(try TaskWish.read(nil) == nil) }

    @Test(
        "a malformed wish is refused",
        arguments: [
            #"{"task":true}"#, #"{"task":[]}"#, #"{"task":"now"}"#, #"{"task":{"ttl":-1}}"#,
            #"{"task":{"ttl":"60000"}}"#, #"{"task":{"ttl":[1]}}"#, #"{"task":{"ttl":-1e300}}"#,
            #"{"task":{"ttl":true}}"#, #"{"task":{"ttl":1e999}}"#,
        ])
    func malformedWishes(_ params: String) throws {
        try withRoot(params) { root in
            do throws(ProtocolRefusal) {
                _ = try TaskWish.read(root)
                Issue.record("was taken")
            } catch {
                #expect(error.code == .invalidParams)
                #expect(error.message.contains("params.task"))
            }
        }
    }

    @Test func taskMethodsNameTheirTask() throws {
        #expect(try withRoot(#"{"taskId":"a\u0062"}"#) { try TaskRequest.id($0) } == "ab")
        for params in ["{}", #"{"taskId":7}"#, #"{"taskId":""}"#, #"{"taskId":null}"#] {
            try withRoot(params) { root in
                _ = #expect(throws: ProtocolRefusal.self) { try TaskRequest.id(root) }
            }
        }
        #expect(throws: ProtocolRefusal.self) { try TaskRequest.id(nil) }
    }

    @Test(
        "a subscription names tasks",
        arguments: [
            ("{}", []), (#"{"notifications":{}}"#, []), (#"{"notifications":{"taskIds":null}}"#, []),
            (#"{"notifications":{"taskIds":[]}}"#, []),
            (#"{"notifications":{"taskIds":["b","a","b","\u0061"]}}"#, ["b", "a"]),
        ] as [(String, [String])])
    func watched(_ params: String, _ ids: [String]) throws {
        #expect(try withRoot(params) { try TaskRequest.watched($0) } == ids)
    }

    @Test("malformed subscriptions are refused", arguments: ["{}", #""a""#, "[1]", #"["a",null]"#, "true"])
    func malformedWatched(_ ids: String) throws {
        try withRoot(#"{"notifications":{"taskIds":\#(ids)}}"#) { root in
            _ = #expect(throws: ProtocolRefusal.self) { try TaskRequest.watched(root) }
        }
    }

    @Test(
        "tools say whether they run as tasks",
        arguments: [
            ("{}", .forbidden), (#"{"execution":{}}"#, .forbidden), (#"{"execution":null}"#, .forbidden),
            (#"{"execution":{"taskSupport":"forbidden"}}"#, .forbidden),
            (#"{"execution":{"taskSupport":"optional"}}"#, .optional),
            (#"{"execution":{"taskSupport":"r\u0065quired"}}"#, .required),
            (#"{"execution":{"taskSupport":"Required"}}"#, .forbidden),
            (#"{"execution":{"taskSupport":true}}"#, .forbidden),
            (#"{"taskSupport":"required"}"#, .forbidden),
        ] as [(String, TaskSupport)])
    func support(_ tool: String, _ support: TaskSupport) throws {
        try withRoot(tool) { #expect(TaskSupport(tool: $0) == support) }
    }

    @Test(
        "servers say what they do with tasks",
        arguments: [
            (
                #"{"tasks":{"list":{},"cancel":{},"requests":{"tools":{"call":{}}}}}"#, [],
                ["call", "list", "cancel"]
            ),
            (#"{"tasks":{"requests":{"tools":{"call":{}}}}}"#, [], ["call"]), (#"{"tasks":{}}"#, [], []),
            (#"{"tasks":{"requests":{"sampling":{"createMessage":{}}}}}"#, [], []),
            (#"{"tasks":{"list":true,"cancel":1,"requests":{"tools":{"call":true}}}}"#, [], []),
            (#"{"extensions":{"io.modelcontextprotocol/tasks":{}}}"#, ["call", "cancel"], []),
            (#"{"extensions":{"io.modelcontextprotocol/tasks":{"x":1},"a/b":{}}}"#, ["call", "cancel"], []),
            (#"{"extensions":{"io.modelcontextprotocol/tasks":true}}"#, [], []),
            (#"{"extensions":[]}"#, [], []),
            ("{}", [], []), ("[]", [], []),
        ] as [(String, [String], [String])])
    func abilities(_ capabilities: String, _ modern: [String], _ legacy: [String]) throws {
        try withRoot(capabilities) { root in
            for (isModern, names) in [(true, modern), (false, legacy)] {
                let found = TaskAbilities(root, serverIsModern: isModern)
                #expect(found.toolCalls == names.contains("call"))
                #expect(found.list == names.contains("list"))
                #expect(found.cancel == names.contains("cancel"))
            }
        }
        #expect(TaskAbilities(nil, serverIsModern: true) == TaskAbilities())
    }

    @Test func ourOwnCapabilityIsThatOfAServer() throws {
        let text = String(describing: TaskNames.legacyCapability)
        try withRoot(#"{"tasks":\#(text)}"#) { root in
            let found = TaskAbilities(root, serverIsModern: false)
            #expect(found.toolCalls && found.list && found.cancel)
        }
        try withRoot(String(describing: TaskNames.requiredCapabilities)) { root in
            let capabilities = root.member("requiredCapabilities")
            #expect(TaskAbilities(capabilities, serverIsModern: true).toolCalls)
            #expect(Abilities(modern: capabilities) == .tasks)
        }
    }

    // MARK: Requests to servers

    static func params(
        _ params: String, _ method: Method = .toolsCall, to revision: Revision, task: TaskWish? = nil
    ) throws -> JSONValue {
        try withRoot(params) { root in
            let out = MessageBuilder()
            var request = OutgoingRequest(id: 5, method: method, params: root, meta: RequestMeta(root))
            request.task = task
            RequestEdit.write(request, for: revision, identity: identity, into: out)
            var built = try #require(value(out)["params"])
            built["_meta"] = JSONValue?.none
            return built
        }
    }

    @Test("the client's own task never goes along", arguments: Revision.allCases)
    func ownTask(_ revision: Revision) throws {
        for text in [
            #"{"task":{"ttl":5},"name":"t","arguments":{"task":1}}"#,
            #"{"name":"t","t\u0061sk":{},"arguments":{"task":1},"task":7}"#,
            #"{"name":"t","arguments":{"task":1},"task":null,"_meta":{}}"#,
        ] {
            #expect(try Self.params(text, to: revision) == ["name": "t", "arguments": ["task": 1]])
        }
        // Elsewhere it is no word of the protocol.
        #expect(try Self.params(#"{"task":1}"#, .promptsGet, to: revision) == ["task": 1])
    }

    @Test("a legacy server is asked for a task", arguments: Revision.allCases)
    func askedForTask(_ revision: Revision) throws {
        for (wish, wanted) in [(TaskWish(), "{}"), (TaskWish(ttl: 60000), #"{"ttl":60000}"#)] {
            let wanted = try JSONValue(parsing: wanted)
            for text in [#"{"name":"t","task":{"ttl":1}}"#, #"{"_meta":{"a/b":1},"name":"t"}"#] {
                var expected: JSONValue = ["name": "t"]
                if !revision.isModern { expected["task"] = wanted }
                let built = try Self.params(text, to: revision, task: wish)
                #expect(built.isEqual(to: expected), "\(built)")
            }
        }
    }

    @Test func theExtensionHasThreeRequests() {
        let requests = [
            Method.tasksGet, .tasksUpdate, .tasksCancel, .tasksResult, .tasksList, .toolsCall, .unknown,
        ]
        #expect(requests.filter(\.isTaskRequest) == [.tasksGet, .tasksUpdate, .tasksCancel])
    }
}
