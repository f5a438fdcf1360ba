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
    /// Nil: there is nothing to pick, or the strategy refused the server.
    private(set) var routing: RoutingBinding?
    /// What a newer generation of the strategy took over from; ready to pick again while that one is on trial.
    private var replaced: RoutingBinding?
    /// The endpoints' states when the server left the catalogue: calls that still wait for a session go by them.
    var lastStatuses: [EndpointStatus]?
    /// What the strategy sees, at fixed addresses; and the array of pointers passed to `pick`.
    private let records: UnsafeMutablePointer<jf_endpoint>
    private let eligible: UnsafeMutablePointer<UnsafePointer<jf_endpoint>?>
    private let eligibleIndexes: UnsafeMutablePointer<Int>
    /// The endpoints' names, which the records point to.
    private let names: [ReadyBytes]

    /// Whether there is anything to pick.
    var hasChoice: Bool { server.endpoints.count > 1 }

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
        if count > 1, let instance = server.strategyPlugin.flatMap({ lane.instance($0) }) {
            do {
                routing = try RoutingBinding(instance, server)
            } catch {
                lane.log.write(
                    .error, "routing strategy refused the server; its first healthy endpoint is used",
                    [
                        .init("server", server.name), .init("plugin", error.plugin),
                        .init("why", error.message),
                    ]
                )
            }
        }
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

    func detachRouting() {
        routing?.leave()
        replaced?.leave()
        routing = nil
        replaced = nil
    }

    /// Lets a newer generation pick from now on; the old one is kept for a way back. Outcomes of calls that it picked
    /// still go to it.
    func repoint(_ new: RoutingBinding) {
        replaced?.leave()
        replaced = routing
        routing = new
    }

    /// The newer generation failed: the one before picks again.
    func repointBack() {
        routing?.leave()
        routing = replaced
        replaced = nil
    }

    /// The newer generation stays.
    func forgetReplaced() {
        replaced?.leave()
        replaced = nil
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
        guard count > 1, let routing, let pick = routing.instance.routing?.pick else {
            return eligibleIndexes[0]
        }
        let own = routing.instance.own
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
                return pick(own, routing.handle, &request, eligible, UInt64(count), &chosen, &fault)
            }
        } else {
            status = pick(own, routing.handle, &request, eligible, UInt64(count), &chosen, &fault)
        }
        guard status == JF_OK, Int(chosen) < count else {
            // To refuse them all is an answer; anything else is the strategy's failure.
            routing.instance.tally.calls &+= 1
            if status != JF_ABSENT { routing.instance.tally.failures &+= 1 }
            return nil
        }
        call.picked(by: routing)
        return eligibleIndexes[Int(chosen)]
    }
}
