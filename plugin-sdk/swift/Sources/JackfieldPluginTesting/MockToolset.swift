// SPDX-License-Identifier: Apache-2.0
// Driving a toolset.

import CJackfield
import CMockHost
import JackfieldPlugin

extension MockHost {
    /// Opens a configured server. The mock checks no schema and fills in no defaults.
    /// - Throws: ``MockFailure`` with what the plugin says.
    public func openSet(_ name: String = "test", _ configuration: JSONValue = [:]) throws -> MockSet {
        let handle = jf_mock_open_set(mock, name, configuration.json)
        guard handle != 0 else { throw MockFailure(description: why) }
        return MockSet(host: self, handle: handle)
    }

    /// Serves what the plugin calls through ``Host/call(_:_:)``. The answer arrives in a later batch of the
    /// loop. Without this every call is refused.
    public func onCall(_ answer: @escaping (_ method: String, _ params: String) -> MockCallAnswer) {
        let calls = MockCalls(answer)
        self.calls = calls
        jf_mock_on_call(mock, answerCall, Unmanaged.passUnretained(calls).toOpaque())
    }
}

/// How the mock answers a call of the plugin's.
public enum MockCallAnswer: Sendable {
    /// With a result object.
    case result(JSONValue)
    /// With a failure, and its JSON-RPC error object.
    case failure(MockStatus, JSONValue)
    /// Not at all until it is canceled.
    case never
    /// The call cannot be begun.
    case refused(MockStatus)
}

final class MockCalls {
    let answer: (String, String) -> MockCallAnswer

    init(_ answer: @escaping (String, String) -> MockCallAnswer) { self.answer = answer }
}

private func answerCall(
    _ user: UnsafeMutableRawPointer?, _ mock: OpaquePointer?, _ id: jf_ref, _ call: UnsafePointer<jf_call>?
) -> Int32 {
    guard let user, let mock, let call = call?.pointee else { return Int32(JF_E_FAULT) }
    func text(_ view: jf_view) -> String {
        let bytes = UnsafeBufferPointer(start: view.ptr, count: view.ptr == nil ? 0 : Int(clamping: view.len))
        return String(decoding: bytes, as: UTF8.self)
    }
    let calls = Unmanaged<MockCalls>.fromOpaque(user).takeUnretainedValue()
    switch calls.answer(text(call.method), text(call.params)) {
    case .result(let json): return jf_mock_answer(mock, id, Int32(JF_OK), json.json)
    case .failure(let status, let json): return jf_mock_answer(mock, id, status.rawValue, json.json)
    case .never: return Int32(JF_OK)
    case .refused(let status): return status.rawValue
    }
}

/// An open server of a toolset.
public struct MockSet {
    let host: MockHost
    /// The host's handle.
    public let handle: UInt64

    /// tools/call
    public func call(_ tool: String, _ arguments: JSONValue = [:]) -> MockRequest {
        request(JF_MOCK_CALL, tool, arguments)
    }

    /// resources/read
    public func read(_ uri: String) -> MockRequest { request(JF_MOCK_READ, uri, [:]) }

    /// prompts/get
    public func prompt(_ name: String, _ arguments: JSONValue = [:]) -> MockRequest {
        request(JF_MOCK_PROMPT, name, arguments)
    }

    /// completion/complete; `params` holds `ref`, `argument` and `context`.
    public func complete(_ name: String, _ params: JSONValue) -> MockRequest {
        request(JF_MOCK_COMPLETE, name, params)
    }

    private func request(_ slot: Int, _ name: String, _ arguments: JSONValue) -> MockRequest {
        MockRequest(
            host: host, handle: jf_mock_request(host.mock, handle, UInt32(slot), name, arguments.json))
    }

    /// What can be listed.
    public enum Kind: UInt32, Sendable {
        /// tools/list
        case tools = 0
        /// resources/list
        case resources
        /// resources/templates/list
        case templates
        /// prompts/list
        case prompts
    }

    /// The JSON array of everything of a kind; nil: there is nothing.
    public func list(_ kind: Kind) -> String? {
        take(jf_mock_list(host.mock, handle, kind.rawValue, nil))
    }

    /// Closes the server.
    public func close() { jf_mock_close_set(host.mock, handle) }
}

/// A request to a toolset.
public struct MockRequest {
    let host: MockHost
    /// The host's handle.
    public let handle: UInt64

    /// How it stands.
    public var answer: MockAnswer { MockAnswer(host, jf_mock_op_at(host.mock, handle)) }

    /// Runs the loop until it is answered, and returns the answer; still pending after `timeout`.
    public func wait(timeout: Duration = .seconds(5)) -> MockAnswer {
        _ = jf_mock_wait_op(host.mock, handle, milliseconds(timeout))
        return answer
    }

    /// The caller leaves, or runs out of time. The plugin still owes its answer.
    public func cancel(_ why: MockStatus = .gone) { jf_mock_cancel_op(host.mock, handle, why.rawValue) }
}

/// What became of a request.
public struct MockAnswer {
    private let host: MockHost
    /// ``MockStatus/pending`` while it is open.
    public let status: MockStatus
    /// The result object as JSON; nil: none.
    public let result: String?
    /// What the error says.
    public let why: String
    /// Whether the client may read that.
    public let isPublic: Bool
    /// Answered by the method itself, not later.
    public let isInline: Bool
    /// How often progress was reported.
    public let progress: Int
    /// When the error says to try again.
    public let retryAfter: Duration

    init(_ host: MockHost, _ op: jf_mock_op) {
        self.host = host
        status = MockStatus(op.status)
        result = op.result.map { String(cString: $0) }
        why = op.why.map { String(cString: $0) } ?? ""
        isPublic = op.fault.flags & UInt32(JF_FAULT_PUBLIC) != 0
        isInline = op.inline_result
        progress = Int(op.progress)
        retryAfter = .milliseconds(Int64(op.fault.retry_ms))
    }

    /// A value of the result by JSON Pointer: strings decoded, everything else as it stands.
    public func value(_ pointer: String) -> String? { result.flatMap { host.value(pointer, in: $0) } }

    /// The first text of a tool's result.
    public var text: String? { value("/content/0/text") }
}
