// SPDX-License-Identifier: Apache-2.0
// What every shape of a task says, and what a task has come to.

import JSON

/// The members that both eras' tasks share, without the id: each side has its own. A value; outlives the message that it
/// was read from.
public struct TaskFields: Equatable, Sendable {
    public var status: TaskStatus
    /// For people; may describe any state.
    public var statusMessage: String?
    /// As the source spelled them (ISO 8601).
    public var createdAt: String
    public var lastUpdatedAt: String
    /// How long the task is kept, counted from its creation, in milliseconds; nil: without limit.
    public var ttl: UInt64?
    /// How long to wait between two polls, in milliseconds; nil: not said.
    public var pollInterval: UInt64?

    public init(
        status: TaskStatus, statusMessage: String? = nil, createdAt: String, lastUpdatedAt: String,
        ttl: UInt64?, pollInterval: UInt64? = nil
    ) {
        self.status = status
        self.statusMessage = statusMessage
        self.createdAt = createdAt
        self.lastUpdatedAt = lastUpdatedAt
        self.ttl = ttl
        self.pollInterval = pollInterval
    }
}

/// What a task has come to so far. Bytes and nodes are lent: they must stay valid until the message was handed over.
public enum TaskPayload {
    /// Nothing that could be shown.
    case none
    /// The open `inputRequests`: raw JSON of an object.
    case questions(UnsafeRawBufferPointer)
    /// The result of the call, raw JSON in the words of the client's era already.
    case result(UnsafeRawBufferPointer)
    /// The result of the call as its server sent it.
    case serverResult(JSONNode, ResultForm)
    /// The JSON-RPC error of the call, raw JSON in the words of the client's era already.
    case error(UnsafeRawBufferPointer)
    /// The JSON-RPC error of the call as its server sent it.
    case serverError(JSONNode, ResultForm)
    /// An error of our own.
    case failure(ErrorCode, String)
}
