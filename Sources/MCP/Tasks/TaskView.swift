// SPDX-License-Identifier: Apache-2.0
// A server's task, read from any of the shapes in which servers send one.

import JSON

/// One task as its server describes it. Nodes point into the message that it was read from.
public struct TaskView {
    /// Longer ids are refused: ours are made from them and travel in a header.
    public static let longestId = 1024

    /// The server's own id, decoded.
    public let id: String
    public let fields: TaskFields
    /// Modern servers: the open questions, while the status is `input_required`.
    public let inputRequests: JSONNode?
    /// Modern servers: the result of the call, when it completed.
    public let result: JSONNode?
    /// Modern servers: the JSON-RPC error of the call, when it failed.
    public let error: JSONNode?

    /// Whether an answer to `tools/call` hands out a task instead of a result. A legacy server does so only where the
    /// request asked for it with `params.task`.
    public static func isCreated(_ result: JSONNode, serverIsModern: Bool) -> Bool {
        if serverIsModern { return result.member("resultType")?.equals("task") == true }
        return result.member("task")?.kind == .object
    }

    /// Reads the answer to `tools/call` that hands out a task: flat from a modern server, `{"task":{…}}` from a legacy one.
    /// - Throws: what is missing or malformed.
    public static func created(_ result: JSONNode, serverIsModern: Bool) throws(ResultProblem) -> TaskView {
        guard !serverIsModern else { return try TaskView(result, isModern: true, hasPayload: false) }
        guard let task = result.member("task") else { throw ResultProblem(message: "its answer has no task") }
        return try TaskView(task, isModern: false, hasPayload: false)
    }

    /// Reads the answer to `tasks/get`, a legacy answer to `tasks/cancel`, an element of a legacy `tasks/list`, or the
    /// params of a task notification.
    /// - Throws: what is missing or malformed; a completed task of a modern server without its result among it.
    public static func state(_ node: JSONNode, serverIsModern: Bool) throws(ResultProblem) -> TaskView {
        try TaskView(node, isModern: serverIsModern, hasPayload: serverIsModern)
    }

    private init(_ node: JSONNode, isModern: Bool, hasPayload: Bool) throws(ResultProblem) {
        guard node.kind == .object else { throw ResultProblem(message: "its task is not an object") }
        guard let id = node.member("taskId")?.string(), !id.isEmpty else {
            throw ResultProblem(message: "its task has no taskId")
        }
        guard id.utf8.count <= TaskView.longestId else {
            throw ResultProblem(message: "its taskId is longer than \(TaskView.longestId) bytes")
        }
        guard let status = TaskStatus(node.member("status")) else {
            throw ResultProblem(message: "its task has no status that is known")
        }
        guard let createdAt = node.member("createdAt")?.string() else {
            throw ResultProblem(message: "its task has no createdAt")
        }
        self.id = id
        fields = TaskFields(
            status: status, statusMessage: node.member("statusMessage")?.string(), createdAt: createdAt,
            // The first drafts of 2025-11-25 had none.
            lastUpdatedAt: node.member("lastUpdatedAt")?.string() ?? createdAt,
            ttl: TaskView.milliseconds(node.member(isModern ? "ttlMs" : "ttl")),
            pollInterval: TaskView.milliseconds(node.member(isModern ? "pollIntervalMs" : "pollInterval")))
        let questions = node.member("inputRequests")
        inputRequests =
            hasPayload && status == .inputRequired && questions?.kind == .object ? questions : nil
        let result = node.member("result")
        self.result = hasPayload && status == .completed && result?.kind == .object ? result : nil
        let error = node.member("error")
        self.error = hasPayload && status == .failed && error?.kind == .object ? error : nil
        if hasPayload, status == .completed, self.result == nil {
            throw ResultProblem(message: "its task completed without a result")
        }
    }

    /// What the task has come to, for a client: `form` says how the call's result is to be shown. A legacy server tells
    /// that in answer to `tasks/result` only.
    public func payload(_ form: ResultForm) -> TaskPayload {
        if let inputRequests { return .questions(inputRequests.raw) }
        if let result { return .serverResult(result, form) }
        if let error { return .serverError(error, form) }
        return fields.status == .failed && form.serverIsModern
            ? .failure(.internalError, "the task failed; its server gave no reason") : .none
    }

    /// A span of time: an integer, or a number that means one. Nil for null, absent and anything else; below zero counts
    /// as none left.
    static func milliseconds(_ node: JSONNode?) -> UInt64? {
        guard let node, node.kind == .number else { return nil }
        if let whole = node.int64 { return min(UInt64(max(0, whole)), longestSpan) }
        guard let number = node.double else { return longestSpan }
        return number <= 0 ? 0 : number >= Double(longestSpan) ? longestSpan : UInt64(number)
    }

    /// The largest integer that every JSON parser reads exactly.
    static let longestSpan: UInt64 = 9_007_199_254_740_991
}
