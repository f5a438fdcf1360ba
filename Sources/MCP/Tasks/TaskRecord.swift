// SPDX-License-Identifier: Apache-2.0
// A task that the gateway runs itself: its states as a pure machine, without clock or I/O.

/// One task. Times are milliseconds since 1970. A step that its state does not allow changes nothing and says so.
public struct TaskRecord: Sendable {
    /// What the call came to: raw JSON in the words of the client's era.
    public enum Outcome: Equatable, Sendable {
        /// A result; `isError` as the tool said it.
        case result([UInt8], isError: Bool)
        /// A JSON-RPC error object.
        case error([UInt8])
    }

    /// A question that the client has not answered yet.
    public struct Question: Equatable, Sendable {
        /// Unique over the life of the task.
        public let key: String
        /// An entry of `inputRequests`: raw JSON of `{"method":…,"params":…}`.
        public let request: [UInt8]
    }

    public private(set) var status = TaskStatus.working
    public private(set) var statusMessage: String?
    public let createdAt: UInt64
    public private(set) var updatedAt: UInt64
    /// How long the task is kept, counted from its creation, in milliseconds; nil: without limit.
    public let ttl: UInt64?
    public let pollInterval: UInt64?
    /// There when the status is `completed` or `failed`.
    public private(set) var outcome: Outcome?
    /// In the order in which they were asked.
    public private(set) var questions: [Question] = []
    private var asked = 0

    public init(now: UInt64, ttl: UInt64?, pollInterval: UInt64?, statusMessage: String? = nil) {
        createdAt = now
        updatedAt = now
        self.ttl = ttl
        self.pollInterval = pollInterval
        self.statusMessage = statusMessage
    }

    // MARK: Steps

    /// Puts a question to the client. Its key, or nil where the task is over.
    public mutating func ask(_ request: [UInt8], now: UInt64) -> String? {
        guard step(to: .inputRequired, now) else { return nil }
        asked += 1
        let key = "q\(asked)"
        questions.append(Question(key: key, request: request))
        return key
    }

    /// Closes a question: it was answered, or is no longer asked. False for a key that is not open, which is no fault of
    /// the client's: answers may cross. With the last one the task goes on.
    @discardableResult
    public mutating func close(_ key: String, now: UInt64) -> Bool {
        guard let at = questions.firstIndex(where: { $0.key == key }) else { return false }
        questions.remove(at: at)
        return step(to: questions.isEmpty ? .working : .inputRequired, now)
    }

    /// Says something about the state, for people; nil takes it back.
    @discardableResult
    public mutating func say(_ message: String?, now: UInt64) -> Bool {
        guard step(to: status, now) else { return false }
        statusMessage = message
        return true
    }

    /// The call ended with a result, be it an error of the tool.
    @discardableResult
    public mutating func complete(_ result: [UInt8], isError: Bool, now: UInt64) -> Bool {
        end(.completed, .result(result, isError: isError), nil, now)
    }

    /// The call ended with a JSON-RPC error.
    @discardableResult
    public mutating func fail(_ error: [UInt8], message: String? = nil, now: UInt64) -> Bool {
        end(.failed, .error(error), message, now)
    }

    /// The client no longer wants it. What the call comes to after this is dropped.
    @discardableResult
    public mutating func cancel(message: String? = nil, now: UInt64) -> Bool {
        end(.cancelled, nil, message, now)
    }

    private mutating func end(
        _ status: TaskStatus, _ outcome: Outcome?, _ message: String?, _ now: UInt64
    ) -> Bool {
        guard step(to: status, now) else { return false }
        self.outcome = outcome
        statusMessage = message
        questions = []
        return true
    }

    private mutating func step(to next: TaskStatus, _ now: UInt64) -> Bool {
        guard !status.isTerminal else { return false }
        status = next
        // A clock that was set back does not turn the order of events round.
        updatedAt = max(updatedAt, now)
        return true
    }

    // MARK: What it shows

    /// When the task may be forgotten; nil: never by age.
    public var expiry: UInt64? {
        guard let ttl else { return nil }
        let (end, overflow) = createdAt.addingReportingOverflow(ttl)
        return overflow ? nil : end
    }

    public func isExpired(_ now: UInt64) -> Bool { expiry.map { now >= $0 } ?? false }

    /// The task for a client: to a legacy one a tool's own error makes it failed (2025-11-25, "Task status").
    public func fields(for client: Revision) -> TaskFields {
        var shown = status
        if !client.isModern, case .result(_, isError: true) = outcome { shown = .failed }
        return TaskFields(
            status: shown, statusMessage: statusMessage, createdAt: Timestamp.text(createdAt),
            lastUpdatedAt: Timestamp.text(updatedAt), ttl: ttl, pollInterval: pollInterval)
    }

    /// The open questions as the object `inputRequests`, raw JSON.
    public var inputRequests: [UInt8] {
        var out: [UInt8] = [123]
        for (at, question) in questions.enumerated() {
            if at > 0 { out.append(44) }
            out.append(contentsOf: "\"\(question.key)\":".utf8)
            out.append(contentsOf: question.request)
        }
        out.append(125)
        return out
    }

    /// Lends what the task has come to, for `TaskEdit`.
    public func withPayload<Value, Failure: Error>(
        _ body: (TaskPayload) throws(Failure) -> Value
    ) throws(Failure) -> Value {
        if status == .inputRequired {
            return try TaskRecord.lend(inputRequests) { (bytes) throws(Failure) in try body(.questions(bytes))
            }
        }
        switch outcome {
        case .none: return try body(.none)
        case .result(let result, _):
            return try TaskRecord.lend(result) { (bytes) throws(Failure) in try body(.result(bytes)) }
        case .error(let error):
            return try TaskRecord.lend(error) { (bytes) throws(Failure) in try body(.error(bytes)) }
        }
    }

    private static func lend<Value, Failure: Error>(
        _ bytes: [UInt8], _ body: (UnsafeRawBufferPointer) throws(Failure) -> Value
    ) throws(Failure) -> Value {
        let result = bytes.withUnsafeBytes { bytes in
            Result { () throws(Failure) in try body(bytes) }
        }
        return try result.get()
    }
}
