// SPDX-License-Identifier: Apache-2.0
// Method: every name of every revision, and what is known about the methods.

import MCP
import Testing

@Suite("Method") struct MethodTests {
    /// The method names in the schemas of the five revisions and of the tasks extension.
    static let names: [(name: String, method: Method)] = [
        ("initialize", .initialize), ("ping", .ping), ("server/discover", .discover),
        ("tools/list", .toolsList), ("tools/call", .toolsCall),
        ("resources/list", .resourcesList), ("resources/templates/list", .resourcesTemplatesList),
        ("resources/read", .resourcesRead), ("resources/subscribe", .resourcesSubscribe),
        ("resources/unsubscribe", .resourcesUnsubscribe),
        ("prompts/list", .promptsList), ("prompts/get", .promptsGet),
        ("completion/complete", .completionComplete), ("logging/setLevel", .loggingSetLevel),
        ("subscriptions/listen", .subscriptionsListen),
        ("tasks/get", .tasksGet), ("tasks/update", .tasksUpdate), ("tasks/cancel", .tasksCancel),
        ("tasks/result", .tasksResult), ("tasks/list", .tasksList),
        ("sampling/createMessage", .samplingCreateMessage), ("elicitation/create", .elicitationCreate),
        ("roots/list", .rootsList),
        ("notifications/initialized", .initialized), ("notifications/cancelled", .cancelled),
        ("notifications/progress", .progress), ("notifications/message", .message),
        ("notifications/tools/list_changed", .toolsListChanged),
        ("notifications/resources/list_changed", .resourcesListChanged),
        ("notifications/prompts/list_changed", .promptsListChanged),
        ("notifications/resources/updated", .resourcesUpdated),
        ("notifications/roots/list_changed", .rootsListChanged),
        ("notifications/subscriptions/acknowledged", .subscriptionsAcknowledged),
        ("notifications/tasks", .tasksNotification), ("notifications/tasks/status", .tasksStatus),
        ("notifications/elicitation/complete", .elicitationComplete),
    ]

    @Test("every name is recognised and written back", arguments: names)
    func roundTrips(_ name: String, _ method: Method) {
        #expect(withBytes(name) { Method($0) } == method)
        #expect("\(method.name)" == name)
    }

    @Test func noMethodIsLeftOutOfTheTable() {
        var raw: UInt8 = 1
        while Method(rawValue: raw) != nil { raw += 1 }
        #expect(Int(raw) - 1 == Self.names.count)
        #expect(Set(Self.names.map(\.method.rawValue)).count == Self.names.count)
    }

    @Test(
        "what is not exactly a method's name is unknown",
        arguments: [
            "", "tools", "tools/cal", "tools/call ", " tools/call", "tools/calls", "Tools/Call",
            "tools/\u{0}all",
            "notifications/", "notifications/tasks/", "rpc.discover", "tools/çall",
            String(repeating: "a", count: 5000),
        ])
    func unknown(_ name: String) {
        #expect(withBytes(name) { Method($0) } == .unknown)
    }

    @Test func requestsOfTheModernEraAreExactlyThoseOfItsSchema() {
        let modern: Set<String> = [
            "server/discover", "tools/list", "tools/call", "resources/list", "resources/templates/list",
            "resources/read", "prompts/list", "prompts/get", "completion/complete", "subscriptions/listen",
        ]
        for (name, method) in Self.names {
            #expect(method.isModernRequest == modern.contains(name), "\(name)")
        }
        #expect(!Method.unknown.isModernRequest)
    }

    @Test func mirroredNamesAreThoseOfTheHTTPBinding() {
        let mirrored = [
            "tools/call": "name", "prompts/get": "name", "resources/read": "uri", "tasks/get": "taskId",
            "tasks/update": "taskId", "tasks/cancel": "taskId",
        ]
        for (name, method) in Self.names {
            #expect(method.mirroredName.map { "\($0)" } == mirrored[name], "\(name)")
        }
    }
}
