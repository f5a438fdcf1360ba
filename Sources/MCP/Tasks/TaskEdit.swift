// SPDX-License-Identifier: Apache-2.0
// Writes tasks to clients of both eras: under our own ids, in the members and with the payloads that the era has.

import JSON

/// Each function writes one whole JSON-RPC message.
public enum TaskEdit {
    /// The answer to a `tools/call` that became a task: flat with `resultType` for a modern client that declared the
    /// extension, `{"task":{…}}` for a legacy one that sent `params.task`.
    /// - Parameters:
    ///   - request: the client's id of its request, raw JSON.
    ///   - id: our id of the task.
    ///   - identity: raw JSON of our Implementation object.
    public static func writeCreated(
        _ request: UnsafeRawBufferPointer, _ task: TaskFields, id: String, client: Revision,
        identity: StaticString, into out: MessageBuilder
    ) {
        begin(request, out)
        if client.isModern {
            out.literal("{\"resultType\":\"task\",")
            writeServerInfo(identity, out)
            out.byte(44)
            writeFields(task, id, isModern: true, out)
            out.literal("}}")
        } else {
            out.literal("{\"task\":{")
            writeFields(task, id, isModern: false, out)
            out.literal("}}}")
        }
    }

    /// The answer to `tasks/get`; for a legacy client also to `tasks/cancel`. Modern tasks hold what they have come to,
    /// legacy ones tell it in answer to `tasks/result` only.
    /// - Throws: why a server's result in `payload` cannot be shown; what was written must then be dropped.
    public static func writeState(
        _ request: UnsafeRawBufferPointer, _ task: TaskFields, _ payload: TaskPayload = .none, id: String,
        client: Revision, identity: StaticString, into out: MessageBuilder
    ) throws(ResultProblem) {
        begin(request, out)
        if client.isModern {
            out.literal("{\"resultType\":\"complete\",")
            writeServerInfo(identity, out)
            out.byte(44)
            try writeDetailed(task, payload, id, out)
        } else {
            out.byte(123)
            writeFields(shown(task, to: payload), id, isModern: false, out)
        }
        out.literal("}}")
    }

    /// The answer of a modern `tasks/update` or `tasks/cancel`: it was heard.
    public static func writeAcknowledgement(
        _ request: UnsafeRawBufferPointer, identity: StaticString, into out: MessageBuilder
    ) {
        begin(request, out)
        out.literal("{\"resultType\":\"complete\",")
        writeServerInfo(identity, out)
        out.literal("}}")
    }

    /// The answer of a legacy `tasks/list`.
    /// - Parameter nextCursor: nil on the last page.
    public static func writeList(
        _ request: UnsafeRawBufferPointer, _ tasks: [(id: String, task: TaskFields)], nextCursor: String?,
        into out: MessageBuilder
    ) {
        begin(request, out)
        out.literal("{\"tasks\":[")
        for (at, entry) in tasks.enumerated() {
            out.literal(at == 0 ? "{" : ",{")
            writeFields(entry.task, entry.id, isModern: false, out)
            out.byte(125)
        }
        out.byte(93)
        if let nextCursor {
            out.literal(",\"nextCursor\":")
            out.quoted(nextCursor)
        }
        out.literal("}}")
    }

    /// `notifications/tasks` for a modern client that listens, `notifications/tasks/status` for a legacy one.
    /// - Parameter subscription: the id of the modern client's `subscriptions/listen`, raw JSON.
    /// - Throws: why a server's result in `payload` cannot be shown; what was written must then be dropped.
    public static func writeNotification(
        _ task: TaskFields, _ payload: TaskPayload = .none, id: String, client: Revision,
        subscription: UnsafeRawBufferPointer? = nil, into out: MessageBuilder
    ) throws(ResultProblem) {
        out.literal("{\"jsonrpc\":\"2.0\",\"method\":\"")
        out.literal(client.isModern ? Method.tasksNotification.name : Method.tasksStatus.name)
        out.literal("\",\"params\":{")
        if client.isModern {
            if let subscription {
                out.literal("\"_meta\":{\"io.modelcontextprotocol/subscriptionId\":")
                out.bytes(subscription)
                out.literal("},")
            }
            try writeDetailed(task, payload, id, out)
        } else {
            writeFields(shown(task, to: payload), id, isModern: false, out)
        }
        out.literal("}}")
    }

    // MARK: Parts

    private static func begin(_ request: UnsafeRawBufferPointer, _ out: MessageBuilder) {
        out.literal("{\"jsonrpc\":\"2.0\",\"id\":")
        out.bytes(request)
        out.literal(",\"result\":")
    }

    private static func writeServerInfo(_ identity: StaticString, _ out: MessageBuilder) {
        out.literal("\"_meta\":{\"io.modelcontextprotocol/serverInfo\":")
        out.literal(identity)
        out.byte(125)
    }

    /// The members of a task, without braces.
    private static func writeFields(
        _ task: TaskFields, _ id: String, isModern: Bool, _ out: MessageBuilder
    ) {
        out.literal("\"taskId\":")
        out.quoted(id)
        out.literal(",\"status\":\"")
        out.literal(task.status.text)
        out.byte(34)
        if let message = task.statusMessage {
            out.literal(",\"statusMessage\":")
            out.quoted(message)
        }
        out.literal(",\"createdAt\":")
        out.quoted(task.createdAt)
        out.literal(",\"lastUpdatedAt\":")
        out.quoted(task.lastUpdatedAt)
        out.literal(isModern ? ",\"ttlMs\":" : ",\"ttl\":")
        if let ttl = task.ttl { out.integer(ttl) } else { out.literal("null") }
        if let interval = task.pollInterval {
            out.literal(isModern ? ",\"pollIntervalMs\":" : ",\"pollInterval\":")
            out.integer(interval)
        }
    }

    /// A modern task with its payload. The payload decides the state that is shown: each of `input_required`, `completed`
    /// and `failed` comes with one, and without it the task is still working as far as this client can tell.
    private static func writeDetailed(
        _ task: TaskFields, _ payload: TaskPayload, _ id: String, _ out: MessageBuilder
    ) throws(ResultProblem) {
        var shown = task
        switch payload {
        case .none: if task.status != .cancelled { shown.status = .working }
        case .questions: shown.status = .inputRequired
        // Also with `isError`: failed means a JSON-RPC error here.
        case .result, .serverResult: shown.status = .completed
        case .error, .serverError, .failure: shown.status = .failed
        }
        writeFields(shown, id, isModern: true, out)
        switch payload {
        case .none: break
        case .questions(let questions):
            out.literal(",\"inputRequests\":")
            out.bytes(questions)
        case .result(let result):
            out.literal(",\"result\":")
            out.bytes(result)
        case .serverResult(let result, let form):
            out.literal(",\"result\":")
            try ResultEdit.writeBody(result, form, into: out)
        case .error(let error):
            out.literal(",\"error\":")
            out.bytes(error)
        case .serverError(let error, let form):
            out.literal(",\"error\":")
            _ = ResultEdit.writeErrorBody(error, form, into: out)
        case .failure(let code, let message):
            out.literal(",\"error\":{\"code\":")
            out.integer(code.rawValue)
            out.literal(",\"message\":")
            out.quoted(message)
            out.byte(125)
        }
    }

    /// A task as a legacy client sees it: there a tool's own error makes it failed (2025-11-25, "Task status").
    private static func shown(_ task: TaskFields, to payload: TaskPayload) -> TaskFields {
        guard task.status == .completed, case .serverResult(let result, _) = payload,
            result.member("isError")?.bool == true
        else { return task }
        var task = task
        task.status = .failed
        return task
    }
}
