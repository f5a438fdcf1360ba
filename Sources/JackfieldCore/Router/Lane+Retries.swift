// SPDX-License-Identifier: Apache-2.0
// A call's further tries: whether one is safe and paid for, when it is made, and what each try says of its endpoint.

import CJackfield
import CLinux
import JSON
import MCP
import Synchronization

extension Lane {
    /// Larger requests are not kept for a second try, which would cost every first one a copy.
    static let largestKept = 64 << 10

    /// Whether a call may be tried again at all, as far as that is known before its first try.
    func mayRetry(_ call: Call, _ server: Server, bytes: Int) -> Bool {
        server.plan.retry.attempts > 1 && bytes <= Self.largestKept
            && (call.origin == .client || call.origin == .plugin || call.origin == .task
                || call.origin == .shared)
    }

    /// Makes a failed call once more, after a pause, where that is safe, worth it and within the server's budget. False:
    /// the failure stands.
    /// - Parameter begun: the server may have begun to work on it.
    func tryAgain(_ call: Call, begun: Bool, outcome: Int32, _ why: String) -> Bool {
        if let hedging = call.hedging {
            if hedging.isWon { return false }
            if isOutlived(call, begun: begun, outcome: outcome, why) { return true }
        }
        guard let server = call.server, !call.request.isEmpty, call.target != nil,
            mayRetry(call, server, bytes: 0), !call.isGivenUp, !call.clientIsGone, !gateway.isDraining,
            !begun || call.traits.mayRepeat, call.dialogue == nil, call.upstreamTask == nil,
            Int(call.attempt) + 1 < server.plan.retry.attempts
        else { return false }
        let pause = retryPause(server.plan.retry, call.attempt)
        guard jf_monotonic_ns() &+ pause < call.deadline, server.retryBudget.withdraw() else { return false }
        log.write(
            .debug, "a call is tried again",
            [
                .init("server", server.name), .init("why", why), .init("try", String(call.attempt + 2)),
                .init("in_ms", String(pause / 1_000_000)),
            ])
        gateway.counters.add(.retries)
        observe(call, outcome)
        leaveEndpoint(call)
        call.attempt += 1
        let handle = call.handle
        loop.after(pause) { [weak self] in
            guard let self, let call = self.calls[handle], call.phase == .idle, call.endpoint == nil else {
                return
            }
            self.placeAgain(call)
        }
        return true
    }

    /// Full jitter (Brooker, "Exponential Backoff And Jitter", 2015): drawn from the whole span, which doubles.
    private func retryPause(_ plan: RetryPlan, _ attempt: UInt32) -> UInt64 {
        let span = min(plan.backOff << UInt64(min(attempt, 16)), plan.longest)
        return span == 0 ? 0 : nextSpan() % span
    }

    /// Takes a call off the endpoint that failed it; its place at the server stays.
    func leaveEndpoint(_ call: Call) {
        call.stretch?.begins()
        call.tried |= 1 << UInt64(min(call.endpointIndex, 63))
        if call.isOnChannel { call.channel?.inFlight -= 1 }
        call.isOnChannel = false
        call.upstream?.release(call)
        call.upstream = nil
        call.endpoint?.inFlight.subtract(1, ordering: .relaxed)
        call.endpoint = nil
        call.channel = nil
        call.home = nil
        call.picked(by: nil)
        call.isTrial = false
        call.isLevelled = false
        call.isUnanswered = false
        call.isRenewed = false
        call.phase = .idle
    }

    /// Picks an endpoint for a call that was kept, and sends it there.
    func placeAgain(_ call: Call) {
        guard let server = call.server, let target = call.target, let link = call.link,
            let statuses = catalog.index(of: server).map({ catalog.statuses[$0] }) ?? link.lastStatuses
        else { return serverFailed(call, "it was removed from the configuration") }
        call.request.withUnsafeBytes { padded in
            let bytes = UnsafeRawBufferPointer(rebasing: padded.dropLast(JSONParser.padding))
            guard let document = try? requestParser.parse(bytes, recordDepth: 6),
                let envelope = try? Envelope.read(document.root)
            else { return fail(call, .invalidRequest, "the message is not a request") }
            place(call, target, statuses, link, envelope, RequestMeta(envelope.params), bytes)
        }
    }

    /// Picks an endpoint for a call and sends it there, or fails it.
    func place(
        _ call: Call, _ target: Target, _ statuses: [EndpointStatus], _ link: ServerLink,
        _ envelope: Envelope, _ meta: RequestMeta, _ body: UnsafeRawBufferPointer, endpoint pinned: Int? = nil
    ) {
        let server = link.server
        var name = target.name
        let choice: ServerLink.Choice
        if let pinned {
            let isThere = statuses.indices.contains(pinned) && statuses[pinned].isWell
            choice = isThere ? .endpoint(pinned) : .none
        } else {
            choice = name.withUTF8 {
                link.pick(
                    statuses, for: call, name: UnsafeRawBufferPointer($0), params: envelope.params,
                    fit: target.fit)
            }
        }
        switch choice {
        case .endpoint(let picked):
            let endpoint = server.endpoints[picked]
            call.endpoint = endpoint
            call.endpointIndex = picked
            endpoint.inFlight.add(1, ordering: .relaxed)
            call.triedAt = call.attempt == 0 ? 0 : jf_monotonic_ns()
            if call.timer == 0 {
                call.timer = loop.arm(
                    at: call.deadline, callTimedOut, Unmanaged.passUnretained(call).toOpaque())
            }
            if let hedge = server.hedge, call.hedgeTimer == 0, pinned == nil {
                armHedge(call, target, hedge, body)
            }
            send(call, target, statuses[picked], envelope, meta, body)
        case .open(let until):
            let now = jf_monotonic_ns()
            countRefused(server)
            let wait = max(1, (until > now ? until - now : 0) / 1_000_000)
            fail(
                call, .internalError,
                "server \(server.name) gets no calls for a while, since too many failed (circuit breaker); "
                    + "the next try is in \(Double(wait) / 1000) s",
                data: "{\"server\":\(String(decoding: JSONWriter.quoted(server.name), as: UTF8.self)),"
                    + "\"reason\":\"breaker_open\"}",
                status: JF_STATUS_UNAVAILABLE, retryAfter: UInt32(clamping: wait))
        case .none: failUnplaced(call, target, server, statuses)
        }
    }

    /// A call that a breaker refused failed for whoever serves the endpoint: a build on trial does not get away with
    /// failing so fast that nobody calls it any more.
    private func countRefused(_ server: Server) {
        for endpoint in server.endpoints {
            guard let generation = endpoint.plugin, let instance = instance(of: generation) else { continue }
            instance.tally.calls &+= 1
            instance.tally.failures &+= 1
            return
        }
    }

    // MARK: What a try says of its endpoint

    /// Takes a call's end into its endpoint's record. Only what the endpoint itself failed at counts: no answer, or none
    /// in time. A tool's own failure is an answer.
    func judge(_ call: Call, _ endpoint: Endpoint, _ status: Int32, _ now: UInt64) {
        if call.isGivenUp { return }
        let isTrial = call.isTrial
        call.isTrial = false
        let isLost = status == JF_E_GONE || status == JF_E_TIMEOUT
        if call.origin != .hedge {
            call.server?.objective?.count(failed: isLost, latency: now &- call.startedAt, now)
        }
        let failed = call.isUnanswered
        if isLost, !failed {
            // Neither well nor ill, as far as can be seen from here.
            if isTrial { endpoint.health.withdrawn(now) }
            return
        }
        if let rollout = call.server?.rollout { count(call, rollout, unanswered: failed, now) }
        if !failed, call.attempt == 0 { call.server?.retryBudget.deposit() }
        let limit = endpoint.health.plan.latency
        // A call that its user was asked about takes as long as the user.
        let isSlow =
            limit != 0 && !failed && call.dialogue == nil
            && now &- (call.triedAt != 0 ? call.triedAt : call.startedAt) > limit
        guard let change = endpoint.health.ended(failed: failed, isSlow: isSlow, now) else { return }
        let name = call.server?.name ?? "?"
        switch change {
        case .opened(let pause, let why):
            gateway.counters.add(.breakersOpened)
            log.write(
                .warning, "circuit breaker opened: the endpoint gets no calls for a while",
                [
                    .init("server", name), .init("endpoint", String(endpoint.index)), .init("why", why),
                    .init("for_ms", String(pause / 1_000_000)),
                ])
        case .closed:
            log.write(
                .info, "circuit breaker closed: the endpoint gets calls again",
                [.init("server", name), .init("endpoint", String(endpoint.index))])
        }
    }
}
