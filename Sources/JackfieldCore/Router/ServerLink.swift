// SPDX-License-Identifier: Apache-2.0
// One lane's side of a server: its channels, and the strategy that picks among the endpoints.

import CJackfield
import JSON
import MCP
import Synchronization

/// Belongs to its lane.
final class ServerLink {
    let server: Server
    /// By endpoint; opened when first needed.
    var channels: [Channel?]
    /// By endpoint: sessions beside the first, for clients that can be asked; made when first needed.
    var pools: [UpstreamPool?]
    var openCalls = 0
    /// The server left the configuration; channels close when the last call ends.
    var isRetired = false

    private unowned let lane: Lane
    private let routing: PluginInstance?
    private var routingHandle: jf_ref = 0
    /// What the strategy sees, at fixed addresses; and the array of pointers passed to `pick`.
    private let records: UnsafeMutablePointer<jf_endpoint>
    private let eligible: UnsafeMutablePointer<UnsafePointer<jf_endpoint>?>
    private let eligibleIndexes: UnsafeMutablePointer<Int>
    /// The endpoints' names, which the records point to.
    private let names: [ReadyBytes]

    init(_ server: Server, lane: Lane) {
        self.server = server
        self.lane = lane
        let count = server.endpoints.count
        channels = Array(repeating: nil, count: count)
        pools = Array(repeating: nil, count: count)
        records = .allocate(capacity: count)
        eligible = .allocate(capacity: count)
        eligibleIndexes = .allocate(capacity: count)
        names = server.endpoints.map { endpoint in
            // A replica is known by its URL; what has none, by its server.
            let url = (try? JSONValue(parsing: endpoint.plan.options))?["url"]?.string
            return ReadyBytes(Array((url ?? server.name).utf8))
        }
        for (at, endpoint) in server.endpoints.enumerated() {
            (records + at).initialize(
                to: jf_endpoint(
                    size: UInt32(MemoryLayout<jf_endpoint>.size), flags: 0, id: endpoint.id,
                    weight: UInt32(clamping: endpoint.plan.weight), in_flight: 0, latency_ns: 0,
                    name: jf_view(names[at].bytes)))
        }
        // With one endpoint there is nothing to pick: no strategy is asked.
        routing = count > 1 ? lane.gateway.strategy(server.plan.strategy, on: lane) : nil
        attachRouting()
    }

    deinit {
        records.deallocate()
        eligible.deallocate()
        eligibleIndexes.deallocate()
    }

    func pool(_ endpoint: Endpoint) -> UpstreamPool {
        if let pool = pools[endpoint.index] { return pool }
        let pool = UpstreamPool(server, endpoint, lane: lane)
        pools[endpoint.index] = pool
        return pool
    }

    private func attachRouting() {
        guard let routing, let attach = routing.routing?.attach else { return }
        var fault = jf_fault.empty()
        let status = withView(server.name) { name in
            withView(server.plan.strategyOptions) { attach(routing.own, name, $0, &routingHandle, &fault) }
        }
        if status != JF_OK {
            lane.log.write(
                .error, "routing strategy refused the server; its first healthy endpoint is used",
                [.init("server", server.name), .init("plugin", routing.id), .init("why", fault.message)])
            routingHandle = 0
        }
    }

    func detachRouting() {
        if let routing, routingHandle != 0 { routing.routing?.detach?(routing.own, routingHandle) }
        routingHandle = 0
    }

    /// The endpoint for a call; nil when none is up, or the strategy refuses them all.
    func pick(_ statuses: [EndpointStatus], for call: Call, name: UnsafeRawBufferPointer, params: JSONNode?)
        -> Int?
    {
        if server.endpoints.count == 1 { return statuses[0].state == .up ? 0 : nil }
        var count = 0
        for (at, endpoint) in server.endpoints.enumerated() where statuses[at].state == .up {
            records[at].in_flight = UInt32(clamping: endpoint.inFlight.load(ordering: .relaxed))
            records[at].latency_ns = endpoint.latency.load(ordering: .relaxed)
            eligible[count] = UnsafePointer(records + at)
            eligibleIndexes[count] = at
            count += 1
        }
        guard count > 0 else { return nil }
        guard count > 1, let routing, routingHandle != 0, let pick = routing.routing?.pick else {
            return eligibleIndexes[0]
        }
        var request = jf_pick()
        request.size = UInt32(MemoryLayout<jf_pick>.size)
        request.attempt = call.attempt
        request.deadline_ns = call.deadline
        request.method = jf_view(call.method.name)
        request.name = jf_view(name)
        if let params { request.params = jf_view(params.raw) }
        var chosen: UInt32 = 0
        var fault = jf_fault.empty()
        let status: Int32
        if let session = call.session {
            status = session.text.withUnsafeBytes { text in
                request.session = jf_view(text)
                return pick(routing.own, routingHandle, &request, eligible, UInt64(count), &chosen, &fault)
            }
        } else {
            status = pick(routing.own, routingHandle, &request, eligible, UInt64(count), &chosen, &fault)
        }
        guard status == JF_OK, Int(chosen) < count else { return nil }
        return eligibleIndexes[Int(chosen)]
    }

    /// Tells the strategy how a call ended.
    func observe(_ endpoint: Endpoint, status: Int32, latency: UInt64) {
        guard let routing, routingHandle != 0, let observe = routing.routing?.observe else { return }
        var outcome = jf_outcome(
            size: UInt32(MemoryLayout<jf_outcome>.size), status: status, endpoint: endpoint.id,
            latency_ns: latency)
        observe(routing.own, routingHandle, &outcome)
    }
}
