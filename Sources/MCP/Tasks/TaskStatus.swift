// SPDX-License-Identifier: Apache-2.0
// The states of a task, and what the two eras call the parts of their task protocols.

import JSON

/// Names of the two task protocols: the extension of the modern era, and the experimental utility of 2025-11-25.
public enum TaskNames {
    /// The extension, as capabilities and `-32021` name it.
    public static let `extension`: StaticString = "io.modelcontextprotocol/tasks"
    /// The `_meta` key that ties a legacy message to its task.
    public static let related: StaticString = "io.modelcontextprotocol/related-task"
    /// What a 2025-11-25 server that serves every task method for tools puts under `capabilities.tasks`.
    public static let legacyCapability: StaticString =
        "{\"list\":{},\"cancel\":{},\"requests\":{\"tools\":{\"call\":{}}}}"
    /// `data` of error -32021 where the client did not declare the extension.
    public static let requiredCapabilities: StaticString =
        "{\"requiredCapabilities\":{\"extensions\":{\"io.modelcontextprotocol/tasks\":{}}}}"
}

/// The state of a task; both eras have the same five. The last three never change again.
public enum TaskStatus: UInt8, Sendable, CaseIterable {
    case working, inputRequired, completed, failed, cancelled

    public var text: StaticString {
        switch self {
        case .working: "working"
        case .inputRequired: "input_required"
        case .completed: "completed"
        case .failed: "failed"
        case .cancelled: "cancelled"
        }
    }

    public var isTerminal: Bool { self != .working && self != .inputRequired }

    /// The state that a string of a message names; nil for anything else.
    public init?(_ node: JSONNode?) {
        guard let node, node.kind == .string,
            let known = TaskStatus.allCases.first(where: { node.equals($0.text) })
        else { return nil }
        self = known
    }
}

/// Whether a listed tool may, must or must not be called as a task (2025-11-25, `execution.taskSupport`).
public enum TaskSupport: UInt8, Sendable {
    case forbidden, optional, required

    /// What a listed tool says; anything unknown is what absence means: forbidden.
    public init(tool: JSONNode) {
        let value = tool.member("execution")?.member("taskSupport")
        self =
            value?.equals("optional") == true
            ? .optional : value?.equals("required") == true ? .required : .forbidden
    }
}

/// What a server can do with tasks.
public struct TaskAbilities: Equatable, Sendable {
    /// Answers `tools/call` with tasks.
    public var toolCalls = false
    /// Serves `tasks/list`; never in the modern era.
    public var list = false
    public var cancel = false

    public init() {}

    /// Reads the capabilities of a server, from its `initialize` or its `server/discover` answer. The extension brings
    /// cancellation along. An `extensions` entry of a legacy server, or `tasks` of a modern one, means nothing.
    public init(_ capabilities: JSONNode?, serverIsModern: Bool) {
        if serverIsModern {
            let found = capabilities?.member("extensions")?.member(TaskNames.extension)
            toolCalls = found?.kind == .object
            cancel = toolCalls
        } else if let tasks = capabilities?.member("tasks"), tasks.kind == .object {
            toolCalls = tasks.member("requests")?.member("tools")?.member("call")?.kind == .object
            list = tasks.member("list")?.kind == .object
            cancel = tasks.member("cancel")?.kind == .object
        }
    }
}
