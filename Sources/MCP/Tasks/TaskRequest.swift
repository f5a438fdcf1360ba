// SPDX-License-Identifier: Apache-2.0
// What requests say about tasks: a legacy call that wants to be one, the id that a task method names.

import JSON

/// `params.task` of a 2025-11-25 request: its sender wants a task instead of a result.
public struct TaskWish: Equatable, Sendable {
    /// How long the sender would like the task to be kept, in milliseconds from its creation; nil: not said.
    public var ttl: UInt64?

    public init(ttl: UInt64? = nil) { self.ttl = ttl }

    /// Reads `params.task`; nil where the request has none.
    public static func read(_ params: JSONNode?) throws(ProtocolRefusal) -> TaskWish? {
        guard let task = params?.member("task"), !task.isNull else { return nil }
        guard task.kind == .object else {
            throw ProtocolRefusal(.invalidParams, "params.task must be an object")
        }
        guard let ttl = task.member("ttl"), !ttl.isNull else { return TaskWish() }
        guard ttl.kind == .number, let number = ttl.double, number >= 0 else {
            throw ProtocolRefusal(.invalidParams, "params.task.ttl must be a number of milliseconds")
        }
        return TaskWish(ttl: TaskView.milliseconds(ttl))
    }
}

public enum TaskRequest {
    /// The task that `tasks/get`, `tasks/update`, `tasks/cancel` or `tasks/result` names.
    public static func id(_ params: JSONNode?) throws(ProtocolRefusal) -> String {
        guard let id = params?.member("taskId")?.string(), !id.isEmpty else {
            throw ProtocolRefusal(.invalidParams, "params.taskId must be a string")
        }
        return id
    }

    /// The tasks that a `subscriptions/listen` wants to hear of (`params.notifications.taskIds`), in order, each once;
    /// none where it names none.
    public static func watched(_ params: JSONNode?) throws(ProtocolRefusal) -> [String] {
        guard let ids = params?.member("notifications")?.member("taskIds"), !ids.isNull else { return [] }
        guard ids.kind == .array else {
            throw ProtocolRefusal(.invalidParams, "params.notifications.taskIds must be an array of strings")
        }
        var seen: Set<String> = []
        var found: [String] = []
        for element in ids.elements {
            guard let id = element.string() else {
                throw ProtocolRefusal(
                    .invalidParams, "params.notifications.taskIds must be an array of strings")
            }
            if seen.insert(id).inserted { found.append(id) }
        }
        return found
    }
}
