// SPDX-License-Identifier: Apache-2.0
// Driving a routing strategy.

import CJackfield
import CMockHost
import JackfieldPlugin

/// An endpoint to choose from.
public struct MockEndpoint: Sendable {
    /// Its id.
    public var id: EndpointID
    /// As configured.
    public var weight: UInt32
    /// Calls open on it.
    public var inFlight: UInt32
    /// Moving average of answered calls.
    public var latencyNanoseconds: UInt64
    /// The server's name, or its URL.
    public var name: String

    /// An endpoint; all but its id has a default.
    public init(
        _ id: UInt64, weight: UInt32 = 1, inFlight: UInt32 = 0, latencyNanoseconds: UInt64 = 0,
        name: String = "endpoint"
    ) {
        self.id = EndpointID(id)
        self.weight = weight
        self.inFlight = inFlight
        self.latencyNanoseconds = latencyNanoseconds
        self.name = name
    }
}

extension MockHost {
    /// Begins to route for a server.
    /// - Throws: ``MockFailure`` with what the plugin says.
    public func attachRouting(_ server: String = "test", _ options: JSONValue = [:]) throws -> MockRouting {
        guard let table = jf_mock_routing(mock)?.pointee else {
            throw MockFailure(description: "the plugin has no facet jf.routing/1")
        }
        let own = jf_mock_self(mock)
        var handle: jf_ref = 0
        let status = withView(server) { server in
            withView(options.json) { table.attach(own, server, $0, &handle, jf_mock_fault(mock)) }
        }
        guard status == JF_OK else { throw MockFailure(description: why) }
        return MockRouting(host: self, table: table, handle: handle)
    }
}

/// A server that the strategy serves.
public struct MockRouting {
    let host: MockHost
    let table: jf_routing_1
    /// The plugin's handle.
    public let handle: UInt64

    /// What the strategy answered.
    public struct Choice: Equatable, Sendable {
        /// ``MockStatus/ok``, ``MockStatus/absent`` when it refused them all, or an error.
        public let status: MockStatus
        /// The index; nil: none.
        public let index: Int?

        /// What a test expects.
        public init(status: MockStatus, index: Int?) {
            self.status = status
            self.index = index
        }
    }

    /// Places a call. The strings are the caller's for the call only, as with a gateway.
    public func pick(
        _ name: String, among endpoints: [MockEndpoint], method: String = "tools/call", params: String = "{}",
        principal: String? = nil, session: String? = nil, attempt: UInt32 = 0
    ) -> Choice {
        withEndpoints(endpoints[...], []) { pointers in
            withView(name) { name in
                withView(method) { method in
                    withView(params) { params in
                        withOptionalView(principal) { principal in
                            withOptionalView(session) { session in
                                var call = jf_pick()
                                call.size = UInt32(MemoryLayout<jf_pick>.size)
                                call.attempt = attempt
                                call.method = method
                                call.name = name
                                call.params = params
                                call.principal = principal
                                call.session = session
                                call.total = UInt32(pointers.count)
                                return pick(&call, pointers)
                            }
                        }
                    }
                }
            }
        }
    }

    private func pick(_ call: inout jf_pick, _ pointers: [UnsafePointer<jf_endpoint>?]) -> Choice {
        var chosen = UInt32.max
        let status = pointers.withUnsafeBufferPointer {
            call.all = $0.baseAddress
            return table.pick(
                jf_mock_self(host.mock), handle, &call, $0.baseAddress, UInt64($0.count), &chosen,
                jf_mock_fault(host.mock))
        }
        return Choice(status: MockStatus(status), index: status == JF_OK ? Int(chosen) : nil)
    }

    /// Tells how a call ended; `status` 0 is a success.
    public func observe(_ endpoint: UInt64, status: Int32, latencyNanoseconds: UInt64 = 0) {
        var outcome = jf_outcome()
        outcome.size = UInt32(MemoryLayout<jf_outcome>.size)
        outcome.status = status
        outcome.endpoint = endpoint
        outcome.latency_ns = latencyNanoseconds
        table.observe?(jf_mock_self(host.mock), handle, &outcome)
    }

    /// What the strategy learnt.
    /// - Throws: ``MockFailure`` when it exports nothing.
    public func exportState() throws -> String {
        var blob = jf_blob()
        guard let export = table.export_state else {
            throw MockFailure(description: "the strategy exports nothing")
        }
        let status = export(jf_mock_self(host.mock), handle, &blob, jf_mock_fault(host.mock))
        guard status == JF_OK, let text = take(jf_mock_take(&blob)) else {
            throw MockFailure(description: host.why)
        }
        return text
    }

    /// Hands over what another generation learnt, and returns what the strategy answers.
    public func importState(_ state: String) -> MockStatus {
        guard let importState = table.import_state else { return .unsupported }
        return MockStatus(
            withView(state) { importState(jf_mock_self(host.mock), handle, $0, jf_mock_fault(host.mock)) })
    }

    /// The server is taken away.
    public func detach() { table.detach(jf_mock_self(host.mock), handle) }
}

private func withEndpoints<Answer>(
    _ endpoints: ArraySlice<MockEndpoint>, _ done: [UnsafePointer<jf_endpoint>?],
    _ body: ([UnsafePointer<jf_endpoint>?]) -> Answer
) -> Answer {
    guard let first = endpoints.first else { return body(done) }
    return withView(first.name) { name in
        var native = jf_endpoint()
        native.size = UInt32(MemoryLayout<jf_endpoint>.size)
        native.id = first.id.rawValue
        native.weight = first.weight
        native.in_flight = first.inFlight
        native.latency_ns = first.latencyNanoseconds
        native.name = name
        native.ready = 1000
        return withUnsafePointer(to: native) { withEndpoints(endpoints.dropFirst(), done + [$0], body) }
    }
}

/// Lends the text's bytes for the call.
private func withView<Answer>(_ text: String, _ body: (jf_view) -> Answer) -> Answer {
    var text = text
    return text.withUTF8 { bytes in
        body(jf_view(ptr: bytes.baseAddress ?? UnsafePointer(bitPattern: 1), len: UInt64(bytes.count)))
    }
}

private func withOptionalView<Answer>(_ text: String?, _ body: (jf_view) -> Answer) -> Answer {
    if let text { return withView(text, body) }
    return body(jf_view(ptr: nil, len: 0))
}
