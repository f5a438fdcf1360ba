// SPDX-License-Identifier: Apache-2.0
// The gateway as a client library: one program asks its servers something and leaves (`jackfield call`, `tools`, …).

import JSON
import MCP

/// An answer to `Gateway.ask`: the result object, or the JSON-RPC error object, as JSON.
public struct AskedAnswer: Sendable {
    public let isError: Bool
    public let body: [UInt8]
}

/// A server as people want to see it.
public struct ServerSummary: Sendable {
    public let name: String
    /// connecting, up or down.
    public let state: String
    /// Why, when it is not up; one sentence.
    public let reason: String
    /// The protocol revision spoken with it; nil until known.
    public let revision: String?
    /// The server's own Implementation object, raw JSON.
    public let info: String?
    public let instructions: String?
    public let tools: Int
    public let resources: Int
    public let templates: Int
    public let prompts: Int
}

extension Gateway {
    /// Asks through the router, as a client of 2026-07-28 would, with the view at `path` (`/mcp`, `/mcp/servers/NAME`).
    /// Any thread, once the gateway runs; `completion` is called once, on a lane.
    public func ask(
        _ method: String, params: String, path: String, timeout: UInt64 = 0,
        completion: @escaping @Sendable (AskedAnswer) -> Void
    ) {
        let lane = lanes[0]
        lane.loop.post { lane.ask(method, params: params, path: path, timeout: timeout, completion) }
    }

    /// Every server's state. Control loop only (inside `onListening`, `onSettled` or `perform`).
    public func summaries() -> [ServerSummary] {
        records.map { record in
            // Of a server with versions, each replica has something of its own to say.
            let waits = record.server.plan.versions == nil ? nil : record.statuses.first { $0.state != .up }
            let status =
                waits ?? record.statuses.first { $0.state == .up } ?? record.statuses.first
                ?? EndpointStatus()
            func count(_ kind: ItemKind) -> Int { record.listing?[kind].count ?? 0 }
            return ServerSummary(
                name: record.server.name, state: status.state.rawValue, reason: status.reason,
                revision: status.revision.map { "\($0.text)" }, info: status.info,
                instructions: status.instructions,
                tools: count(.tools), resources: count(.resources), templates: count(.templates),
                prompts: count(.prompts))
        }
    }

    /// Runs `body` on the control loop. Any thread.
    public func perform(_ body: @escaping @Sendable (Gateway) -> Void) { control.post { body(self) } }

    /// Ends `run` with this exit status, after an orderly stop. Any thread.
    public func leave(_ status: Int32) {
        control.post { [self] in
            exitStatus(status)
            shutDown()
        }
    }
}

extension Lane {
    fileprivate func ask(
        _ method: String, params: String, path: String, timeout: UInt64,
        _ completion: @escaping @Sendable (AskedAnswer) -> Void
    ) {
        func refuse(_ message: String) {
            var writer = JSONWriter()
            writer.beginObject()
            writer.key("code")
            writer.value(ErrorCode.invalidParams.rawValue)
            writer.key("message")
            writer.value(message)
            writer.endObject()
            completion(AskedAnswer(isError: true, body: writer.bytes))
        }
        guard let view = catalog.view(path) else { return refuse("nothing is served at \(path)") }
        let quoted = String(decoding: JSONWriter.quoted(method), as: UTF8.self)
        let body = Array("{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\(quoted),\"params\":\(params)}".utf8)
        let text: JSONText
        do { text = try JSONText(body) } catch { return refuse("the arguments are not valid JSON: \(error)") }
        guard let call = takeCall(.plugin) else { return refuse("too many calls under way") }
        call.completion = completion
        var name = method
        call.method = name.withUTF8 { Method(UnsafeRawBufferPointer($0)) }
        if timeout > 0 { call.deadline = loop.now &+ timeout }
        text.withRoot { startPluginCall(call, $0, view, body) }
    }
}
