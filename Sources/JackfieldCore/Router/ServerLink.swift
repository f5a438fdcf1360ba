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
    /// Calls that wait for room, in the order in which they came.
    var queue: [UInt64] = []
    /// The server left the configuration; channels close when the last call ends.
    var isRetired = false

    private unowned let lane: Lane
    /// Nil: there is nothing to pick, or the strategy refused the server.
    private(set) var routing: RoutingBinding?
    /// What a newer generation of the strategy took over from; ready to pick again while that one is on trial.
    private var replaced: RoutingBinding?
    /// The endpoints' states when the server left the catalogue: calls that still wait for a session go by them.
    var lastStatuses: [EndpointStatus]?
    /// What the strategy sees.
    private let view: EndpointRecords
    /// What policies see of the server.
    private(set) lazy var labels = ServerLabels(server)

    /// Whether there is anything to pick.
    var hasChoice: Bool { server.endpoints.count > 1 }

    init(_ server: Server, lane: Lane) {
        self.server = server
        self.lane = lane
        let count = server.endpoints.count
        channels = Array(repeating: nil, count: count)
        pools = Array(repeating: nil, count: count)
        view = EndpointRecords(server, zone: lane.gateway.zone, region: lane.gateway.region)
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

    /// Where a call goes.
    enum Choice: Equatable {
        case endpoint(Int)
        /// Every endpoint that is up has its breaker open; the first one is tried at this time, in nanoseconds.
        case open(until: UInt64)
        /// None is up, or the strategy refuses them all.
        case none
    }

    /// The endpoint for a call.
    /// - Parameter fit: endpoints that do for the call's tool; nil: all.
    func pick(
        _ statuses: [EndpointStatus], for call: Call, name: UnsafeRawBufferPointer, params: JSONNode?,
        fit: EndpointFit? = nil
    ) -> Choice {
        let now = lane.loop.now
        if server.endpoints.count == 1 {
            return statuses[0].state == .up ? admit(call, 0, now) : .none
        }
        view.refreshRecents(now)
        let rollout = server.rollout
        let region = lane.modules.tenants?.region(of: call.caller)
        let filter = rollout == nil && fit == nil && region == nil ? nil : filter(call, fit, rollout, region)
        let isThinned = routing?.ignoresReadiness == true
        var (count, earliest) = collect(statuses, call, filter, now, isThinned: isThinned)
        if count == 0, isThinned { (count, earliest) = collect(statuses, call, filter, now) }
        if count == 0, let rollout, !rollout.isClosed {
            // None of its group takes the call.
            (count, earliest) = collect(statuses, call, self.filter(call, fit, nil, region), now)
        }
        guard count > 0 else { return earliest == .max ? .none : .open(until: earliest) }
        guard count > 1, let routing, let pick = routing.instance.routing?.pick else {
            return admit(call, view.eligibleIndexes[0], now)
        }
        let own = routing.instance.own
        var request = jf_pick()
        request.size = UInt32(MemoryLayout<jf_pick>.size)
        request.attempt = call.attempt
        request.deadline_ns = call.deadline
        request.method = jf_view(call.method.name)
        request.name = jf_view(name)
        request.traits = call.traits.rawValue | (call.origin == .hedge ? UInt32(JF_PICK_HEDGE) : 0)
        request.now_ns = now
        request.total = UInt32(clamping: server.endpoints.count)
        request.all = UnsafePointer(view.all)
        request.headers = lane.pickHeaders.baseAddress
        request.header_count = UInt64(lane.pickHeaders.count)
        if let params {
            request.params = jf_view(params.raw)
            if let arguments = params.member("arguments") { request.arguments = jf_view(arguments.raw) }
        }
        var chosen: UInt32 = 0
        var fault = jf_fault.empty()
        // Texts are lent for the call; most calls have neither.
        func ask() -> Int32 {
            pick(own, routing.handle, &request, view.eligible, UInt64(count), &chosen, &fault)
        }
        let caller = call.caller
        if !caller.isNobody {
            request.principal = caller.lent.pointee.key
            if caller.lent.pointee.tenant.len > 0 { request.tenant = caller.lent.pointee.tenant }
        }
        let status =
            call.session.map { session in
                session.text.withUnsafeBytes { text in
                    request.session = jf_view(text)
                    return ask()
                }
            } ?? ask()
        guard status == JF_OK, Int(chosen) < count else {
            // To refuse them all is an answer; anything else is the strategy's failure.
            routing.instance.tally.calls &+= 1
            if status != JF_ABSENT { routing.instance.tally.failures &+= 1 }
            return .none
        }
        call.picked(by: routing)
        return admit(call, view.eligibleIndexes[Int(chosen)], now)
    }

    /// Gathers the endpoints that may take a call now; where there are none, when the first breaker lets one pass.
    /// - Parameter isThinned: for strategies that do not look at `ready`, an endpoint that has just come back is left out of
    ///   as many picks as it cannot bear.
    private func collect(
        _ statuses: [EndpointStatus], _ call: Call, _ filter: EndpointFilter?, _ now: UInt64,
        isThinned: Bool = false
    ) -> (count: Int, earliest: UInt64) {
        var count = 0
        var earliest = UInt64.max
        let isHedge = call.origin == .hedge
        for (at, endpoint) in server.endpoints.enumerated() where statuses[at].state == .up {
            if let filter, !filter.admits(at) { continue }
            guard endpoint.health.isAvailable(now) else {
                earliest = min(earliest, endpoint.health.state(now).until)
                continue
            }
            view.refresh(at, endpoint, tried: call.tried, now)
            // A hedge is for speed: it goes where nobody was yet, and finds out nothing about anybody.
            if isHedge, at == call.endpointIndex || view.isTried(at) || endpoint.health.isTrying { continue }
            if isThinned, !view.bears(at, lane.nextSpan) { continue }
            view.eligible[count] = view.all[at]
            view.eligibleIndexes[count] = at
            count += 1
        }
        return (count, earliest)
    }

    private func filter(
        _ call: Call, _ fit: EndpointFit?, _ rollout: Rollout?, _ region: String?
    ) -> EndpointFilter {
        var filter = EndpointFilter(fit: fit)
        if let region { filter.isNear = server.endpoints.map { $0.region == region } }
        guard let rollout else { return filter }
        filter.isNew = rollout.isNew
        filter.tried = rollout.isClosed ? 0 : call.tried
        func takes(_ session: UnsafeRawBufferPointer?) -> Bool {
            rollout.takes(principal: call.principal, session: session, chance: lane.nextSpan())
        }
        filter.wantsNew = call.session.map { $0.text.withUnsafeBytes { takes($0) } } ?? takes(nil)
        return filter
    }

    /// Asks the endpoint's breaker. Another loop may have taken the trial meanwhile.
    private func admit(_ call: Call, _ at: Int, _ now: UInt64) -> Choice {
        switch server.endpoints[at].health.admits(now) {
        case .yes: return .endpoint(at)
        case .trial:
            call.isTrial = true
            return .endpoint(at)
        case .no(let until): return .open(until: until)
        }
    }
}
