// SPDX-License-Identifier: Apache-2.0
// The methods of every revision, recognised from bytes without allocating.

import JSON

/// A JSON-RPC method of MCP. `unknown` stands for everything else.
public enum Method: UInt8, Sendable {
    case unknown = 0
    case initialize, ping, discover
    case toolsList, toolsCall
    case resourcesList, resourcesTemplatesList, resourcesRead, resourcesSubscribe, resourcesUnsubscribe
    case promptsList, promptsGet
    case completionComplete
    case loggingSetLevel
    case subscriptionsListen
    case tasksGet, tasksUpdate, tasksCancel, tasksResult, tasksList
    case samplingCreateMessage, elicitationCreate, rootsList
    case initialized, cancelled, progress, message
    case toolsListChanged, resourcesListChanged, promptsListChanged, resourcesUpdated, rootsListChanged
    case subscriptionsAcknowledged, tasksNotification, tasksStatus, elicitationComplete

    public var name: StaticString {
        switch self {
        case .unknown: ""
        case .initialize: "initialize"
        case .ping: "ping"
        case .discover: "server/discover"
        case .toolsList: "tools/list"
        case .toolsCall: "tools/call"
        case .resourcesList: "resources/list"
        case .resourcesTemplatesList: "resources/templates/list"
        case .resourcesRead: "resources/read"
        case .resourcesSubscribe: "resources/subscribe"
        case .resourcesUnsubscribe: "resources/unsubscribe"
        case .promptsList: "prompts/list"
        case .promptsGet: "prompts/get"
        case .completionComplete: "completion/complete"
        case .loggingSetLevel: "logging/setLevel"
        case .subscriptionsListen: "subscriptions/listen"
        case .tasksGet: "tasks/get"
        case .tasksUpdate: "tasks/update"
        case .tasksCancel: "tasks/cancel"
        case .tasksResult: "tasks/result"
        case .tasksList: "tasks/list"
        case .samplingCreateMessage: "sampling/createMessage"
        case .elicitationCreate: "elicitation/create"
        case .rootsList: "roots/list"
        case .initialized: "notifications/initialized"
        case .cancelled: "notifications/cancelled"
        case .progress: "notifications/progress"
        case .message: "notifications/message"
        case .toolsListChanged: "notifications/tools/list_changed"
        case .resourcesListChanged: "notifications/resources/list_changed"
        case .promptsListChanged: "notifications/prompts/list_changed"
        case .resourcesUpdated: "notifications/resources/updated"
        case .rootsListChanged: "notifications/roots/list_changed"
        case .subscriptionsAcknowledged: "notifications/subscriptions/acknowledged"
        case .tasksNotification: "notifications/tasks"
        case .tasksStatus: "notifications/tasks/status"
        case .elicitationComplete: "notifications/elicitation/complete"
        }
    }

    /// Recognises a method name. The call that clients make most is tried first; lengths tell most others apart.
    public init(_ bytes: UnsafeRawBufferPointer) {
        self = bytes.equals("tools/call") ? .toolsCall : Method.search(bytes)
    }

    /// As `init(_: UnsafeRawBufferPointer)`, for a string of a message: escapes (`tools\/call`) count decoded.
    public init(_ node: JSONNode) {
        guard node.hasEscapes else {
            self.init(node.content)
            return
        }
        var bytes: [UInt8] = []
        _ = node.appendString(to: &bytes)
        self = bytes.withUnsafeBytes { Method($0) }
    }

    private static func search(_ bytes: UnsafeRawBufferPointer) -> Method {
        var raw: UInt8 = 1
        while let method = Method(rawValue: raw) {
            if bytes.equals(method.name) { return method }
            raw += 1
        }
        return .unknown
    }

    /// Methods that modern clients may call (MCP 2026-07-28); tasks are an extension and answered as such.
    public var isModernRequest: Bool {
        switch self {
        case .discover, .toolsList, .toolsCall, .resourcesList, .resourcesTemplatesList, .resourcesRead,
            .promptsList, .promptsGet, .completionComplete, .subscriptionsListen:
            true
        default: false
        }
    }

    /// Methods of the tasks extension: only with the capability declared (MCP Tasks, "Capability Negotiation").
    public var isTaskRequest: Bool { self == .tasksGet || self == .tasksUpdate || self == .tasksCancel }

    /// Which member of `params` the `Mcp-Name` header mirrors (MCP 2026-07-28, Streamable HTTP), if any.
    public var mirroredName: StaticString? {
        switch self {
        case .toolsCall, .promptsGet: "name"
        case .resourcesRead: "uri"
        case .tasksGet, .tasksUpdate, .tasksCancel: "taskId"
        default: nil
        }
    }
}
