// SPDX-License-Identifier: Apache-2.0
// Calling MCP methods through the router (jf.calls/1): workflows and bridges.

import CJackfield

/// An MCP request that the plugin makes, as any client would.
public struct OutgoingCall: Sendable {
    /// "tools/call", "tools/list", "resources/read", …
    public var method: String
    /// Its `params`, an object in the shape of MCP 2026-07-28.
    public var params: JSONValue
    /// "/mcp" for everything, "/mcp/servers/NAME" or "/mcp/bundles/NAME".
    public var target: String
    /// When to give up; nil: the target server's own.
    public var timeout: Duration?
    /// On whose behalf, see ``CallContext/principal``; nil: the plugin's own.
    public var principal: String?

    /// A request with any method.
    public init(
        _ method: String, params: JSONValue = [:], target: String = "/mcp", timeout: Duration? = nil,
        principal: String? = nil
    ) {
        self.method = method
        self.params = params
        self.target = target
        self.timeout = timeout
        self.principal = principal
    }

    /// A call of one tool, named as the target spells it.
    public static func tool(
        _ name: String, _ arguments: JSONValue = [:], target: String = "/mcp", timeout: Duration? = nil,
        principal: String? = nil
    ) -> OutgoingCall {
        OutgoingCall(
            "tools/call", params: ["name": .text(name), "arguments": arguments], target: target,
            timeout: timeout, principal: principal)
    }
}

/// How a call of the plugin's own ended.
public enum CallResult: Sendable {
    /// The result object. A tool's own failure is one too, with `isError`.
    case result(JSONReader)
    /// It failed; the JSON-RPC error object, where there is one.
    case failure(PluginError, JSONReader?)

    /// The result object.
    /// - Throws: the ``PluginError`` that ended the call.
    public func get() throws -> JSONReader {
        switch self {
        case .result(let json): return json
        case .failure(let error, _): throw error
        }
    }
}

/// A call under way. Confined to the lane.
public final class RunningCall: Lease {
    private let services: HostServices
    private var done: ((CallResult) -> Void)?
    fileprivate var handle: jf_ref = 0

    fileprivate init(_ services: HostServices, _ done: @escaping (CallResult) -> Void) {
        self.services = services
        self.done = done
    }

    /// Whether its result is still to come.
    public var isRunning: Bool { done != nil }

    /// Gives the call up; its closure is still called, with ``PluginError/Code/gone``. Harmless when it is
    /// over. [lane]
    public func cancel() {
        guard done != nil, services.isRunning, let calls = services.callsService else { return }
        calls.cancel?(calls.context, handle)
    }

    func end() {
        cancel()
        done = nil
    }

    fileprivate func finish(_ status: Int32, _ body: jf_view) {
        services.leases.removeValue(forKey: ObjectIdentifier(self))
        guard let done else { return }
        self.done = nil
        let json = body.ptr == nil ? nil : JSONReader(Array(body.bytes), services)
        if status == JF_OK, let json { return done(.result(json)) }
        let code: PluginError.Code = status < 0 ? .init(status: status) : .fault
        done(.failure(PluginError(code, json?["message"]?.text ?? "the call failed: status \(status)"), json))
    }
}

extension Host {
    /// Makes a request through the router; `done` is called once with its end, never from inside this. Not at
    /// all when the plugin stops before. The manifest must list `jf.calls/1`. [lane]
    /// - Throws: ``PluginError`` when the call cannot be begun; `done` is not called then.
    @discardableResult
    public func call(_ request: OutgoingCall, _ done: @escaping (CallResult) -> Void) throws -> RunningCall {
        guard let calls = services.callsService, let start = calls.start, services.isRunning else {
            throw PluginError(.unsupported, "the host offers no jf.calls/1")
        }
        var texts = JoinedTexts()
        for text in [request.target, request.method, request.params.json] { texts.append(text) }
        texts.append(request.principal)
        let running = RunningCall(services, done)
        let user = Unmanaged.passRetained(running)
        var fault = jf_fault.empty()
        let status = texts.withViews { views in
            var call = jf_call(
                size: UInt32(MemoryLayout<jf_call>.size), flags: 0,
                timeout_ns: request.timeout?.nanoseconds ?? 0, target: views[0], method: views[1],
                params: views[2], principal: views[3])
            return start(calls.context, &call, callDone, user.toOpaque(), &running.handle, &fault)
        }
        guard status == JF_OK else {
            user.release()
            throw PluginError(status, fault, "the call of \(request.method) could not be begun")
        }
        services.leases[ObjectIdentifier(running)] = running
        return running
    }
}

private func callDone(
    _ user: UnsafeMutableRawPointer?, _ call: jf_ref, _ result: UnsafePointer<jf_call_result>?
) {
    guard let user else { return }
    let running = Unmanaged<RunningCall>.fromOpaque(user).takeRetainedValue()
    let result = attach(UnsafeRawPointer(result), jf_call_result())
    running.finish(result?.status ?? Int32(JF_E_FAULT), result?.body ?? .absent)
}
