// SPDX-License-Identifier: Apache-2.0
// Hedges: a shadow of a late call with a handle, an endpoint and a channel of its own. What answers first becomes the
// call's answer, the other try is cancelled at its server. A hedge has no client: all it can do is hand its answer over.

import CJackfield
import CLinux
import JSON
import MCP
import Synchronization

/// The timer of a call whose first try is late.
private func hedgeDue(_ user: UnsafeMutableRawPointer?) {
    guard let user else { return }
    let call = Unmanaged<Call>.fromOpaque(user).takeUnretainedValue()
    call.hedgeTimer = .max
    call.lane.hedge(call)
}

extension Lane {
    // MARK: Beginning

    /// Arms the moment at which a call that was placed is made at a second endpoint, if it may be.
    func armHedge(_ call: Call, _ target: Target, _ hedge: ServerHedge, _ body: UnsafeRawBufferPointer) {
        guard call.traits.mayRepeat, call.origin == .client || call.origin == .plugin,
            body.count <= Self.largestKept, !call.takesTasks, !call.isRetry, call.dialogue == nil,
            target.taskSupport != .required, hedge.covers(call.method, target.name)
        else { return }
        hedge.budget.deposit()
        call.triedAt = loop.now
        call.hedgeTimer = .max
        guard let delay = hedge.delay, delay < call.deadline &- min(loop.now, call.deadline) else { return }
        if call.request.isEmpty { keep(call, target, body) }
        call.hedgeTimer = loop.arm(after: delay, hedgeDue, Unmanaged.passUnretained(call).toOpaque())
    }

    /// Makes a call that is still unanswered at a second endpoint, if the budget has room and there is one.
    fileprivate func hedge(_ call: Call) {
        // What a server may ask its client, or keep for it, belongs to one try alone.
        guard call.phase == .sent, call.hedging == nil, call.dialogue == nil, call.upstream == nil,
            call.upstreamTask == nil, !call.wantsServerTask, call.promotion == 0, !call.isGivenUp,
            !call.clientIsGone, call.serverIsModern || !call.usesSession,
            call.home == nil || call.revision.isModern,
            let server = call.server, let hedge = server.hedge, let link = call.link,
            let target = call.target,
            let index = catalog.index(of: server), call.endpoint != nil, !gateway.isDraining,
            server.room.waiting.load(ordering: .relaxed) == 0, hedge.budget.withdraw()
        else { return }
        guard let shadow = takeCall(.hedge) else { return hedge.budget.giveBack() }
        shadow.method = call.method
        shadow.revision = call.revision
        shadow.abilities = call.abilities
        shadow.caller = call.caller
        shadow.namesServer = call.namesServer
        shadow.traits = call.traits
        shadow.attempt = call.attempt &+ 1
        shadow.tried = call.tried | 1 << UInt64(min(call.endpointIndex, 63))
        shadow.endpointIndex = call.endpointIndex
        shadow.deadline = call.latest
        shadow.target = target
        shadow.server = server
        shadow.link = link
        link.openCalls += 1
        let padded = call.request
        shadow.request = padded
        let isSent = padded.withUnsafeBytes { padded in
            send(shadow, of: call, target, link, catalog.statuses[index], padded)
        }
        guard !isSent else { return }
        hedge.budget.giveBack()
        finish(shadow)
    }

    /// False: there is no other endpoint for it, or no room.
    private func send(
        _ shadow: Call, of call: Call, _ target: Target, _ link: ServerLink, _ statuses: [EndpointStatus],
        _ padded: UnsafeRawBufferPointer
    ) -> Bool {
        let bytes = UnsafeRawBufferPointer(rebasing: padded.dropLast(JSONParser.padding))
        guard let document = try? requestParser.parse(bytes, recordDepth: 6),
            let envelope = try? Envelope.read(document.root)
        else { return false }
        var name = target.name
        // The strategy may go by the session, which counts this call once.
        shadow.session = call.session
        let choice = name.withUTF8 {
            link.pick(statuses, for: shadow, name: UnsafeRawBufferPointer($0), params: envelope.params)
        }
        shadow.session = nil
        guard case .endpoint(let picked) = choice else { return false }
        let server = link.server
        let endpoint = server.endpoints[picked]
        shadow.endpoint = endpoint
        shadow.endpointIndex = picked
        endpoint.inFlight.add(1, ordering: .relaxed)
        guard statuses[picked].revision?.isModern == true || !shadow.usesSession,
            server.room.take(server, target.name, nil) == nil
        else { return false }
        shadow.countsAtServer = true
        shadow.roomName = server.room.plan.perTool == nil ? nil : target.name
        let hedging = Hedging(parent: call.handle, hedge: shadow.handle)
        shadow.hedging = hedging
        call.hedging = hedging
        call.tried |= 1 << UInt64(min(picked, 63))
        counters.add(.hedges)
        log.write(
            .debug, "a call is late and made at a second endpoint",
            [.init("server", server.name), .init("endpoint", String(picked))])
        shadow.triedAt = jf_monotonic_ns()
        send(shadow, target, statuses[picked], envelope, RequestMeta(envelope.params), bytes)
        return true
    }

    // MARK: The call's own try

    /// The call's own try was answered while its hedge may be under way. True: the answer is an error, and the hedge is
    /// waited for.
    func isOutlived(
        _ call: Call, _ envelope: Envelope, _ transport: Int32, _ body: UnsafeRawBufferPointer
    ) -> Bool {
        guard call.origin != .hedge, let hedging = call.hedging, hedging.hedge != 0, hedging.own == nil else {
            return false
        }
        guard envelope.kind == .error else {
            dropHedge(call)
            return false
        }
        if call.home == nil, let error = envelope.outcome, lostSession(call, error, transport) { return true }
        hedging.own = .refused(paddedCopy(body), transport)
        observe(call, Int32(JF_OK))
        leaveEndpoint(call)
        return true
    }

    /// The same where no answer came.
    func isOutlived(_ call: Call, begun: Bool, outcome: Int32, _ why: String) -> Bool {
        guard call.origin != .hedge, let hedging = call.hedging, hedging.hedge != 0, hedging.own == nil else {
            return false
        }
        hedging.own = .failed(begun: begun, outcome: outcome, why: why, isWhole: call.home != nil)
        observe(call, outcome)
        leaveEndpoint(call)
        return true
    }

    /// A call is over, or goes on in a way that its hedge cannot follow.
    func dropHedge(_ call: Call) {
        if call.hedgeTimer != 0, call.hedgeTimer != .max {
            loop.cancelTimer(call.hedgeTimer)
            call.hedgeTimer = .max
        }
        guard call.origin != .hedge, let hedging = call.hedging, hedging.hedge != 0 else { return }
        let handle = hedging.hedge
        hedging.hedge = 0
        // Not from inside the delivery of the answer that ended the call.
        loop.later { [self] in
            guard let shadow = calls[handle], shadow.origin == .hedge else { return }
            shadow.isGivenUp = true
            stopServer(shadow, reason: "another replica answered first")
            observe(shadow, Int32(JF_E_GONE))
            finish(shadow)
        }
    }

    // MARK: The hedge

    /// A hedge's server answered.
    func hedgeAnswered(
        _ shadow: Call, _ envelope: Envelope, _ transport: Int32, _ body: UnsafeRawBufferPointer
    ) {
        guard let hedging = shadow.hedging, hedging.hedge == shadow.handle, let call = calls[hedging.parent]
        else {
            // Too late: it is about to be cancelled.
            observe(shadow, Int32(JF_OK))
            return finish(shadow)
        }
        // The other try's cancellation is written before the answer is: a plugin that is called must find no loan open.
        let kept = paddedCopy(body)
        if envelope.kind == .error {
            if shadow.home == nil, let error = envelope.outcome, lostSession(shadow, error, transport) {
                return
            }
            switch hedging.own {
            case .failed: break
            case nil, .refused:
                observe(shadow, Int32(JF_OK))
                return over(shadow, hedging, call)
            }
        } else {
            counters.add(.hedgesWon)
        }
        if hedging.own == nil { giveUpOwnTry(call) }
        adopt(shadow, call, hedging)
        deliver(call, kept, transport)
    }

    /// A hedge came to nothing.
    func hedgeFailed(_ shadow: Call, _ outcome: Int32) {
        observe(shadow, outcome)
        guard let hedging = shadow.hedging, hedging.hedge == shadow.handle, let call = calls[hedging.parent]
        else { return finish(shadow) }
        over(shadow, hedging, call)
    }

    /// Ends a hedge that brought no result. The call's own try decides, if it has not already.
    private func over(_ shadow: Call, _ hedging: Hedging, _ call: Call) {
        hedging.hedge = 0
        finish(shadow)
        switch hedging.own {
        case nil: return
        case .refused(let bytes, let transport): deliver(call, bytes, transport)
        case .failed(let begun, let outcome, let why, let isWhole):
            if tryAgain(call, begun: begun, outcome: outcome, why) { return }
            fail(
                call, .internalError, isWhole ? why : "server \(call.server?.name ?? "?"): \(why)",
                outcome: outcome)
        }
    }

    /// The hedge was first: the call's own try is cancelled, and says nothing of its endpoint.
    private func giveUpOwnTry(_ call: Call) {
        let now = jf_monotonic_ns()
        call.server?.hedge?.observe(now &- call.triedAt, now)
        call.isGivenUp = true
        stopServer(call, reason: "another replica answered first")
        observe(call, Int32(JF_E_GONE))
        if call.isTrial { call.endpoint?.health.withdrawn(now) }
        leaveEndpoint(call)
        call.isGivenUp = false
    }

    /// What was the hedge's is the call's from here on; the hedge is over.
    private func adopt(_ shadow: Call, _ call: Call, _ hedging: Hedging) {
        hedging.hedge = 0
        hedging.isWon = true
        call.endpoint = shadow.endpoint
        call.endpointIndex = shadow.endpointIndex
        call.channel = shadow.channel
        call.isOnChannel = shadow.isOnChannel
        call.home = shadow.home
        call.serverIsModern = shadow.serverIsModern
        call.epoch = shadow.epoch
        call.attempt = shadow.attempt
        call.triedAt = shadow.triedAt
        call.isTrial = shadow.isTrial
        call.phase = shadow.phase
        call.picked(by: shadow.picker)
        shadow.picked(by: nil)
        shadow.endpoint = nil
        shadow.channel = nil
        shadow.isOnChannel = false
        shadow.home = nil
        shadow.isTrial = false
        finish(shadow)
    }

    /// Answers a call with a message that was kept (padded).
    private func deliver(_ call: Call, _ padded: [UInt8], _ transport: Int32) {
        padded.withUnsafeBytes { padded in
            let bytes = UnsafeRawBufferPointer(rebasing: padded.dropLast(JSONParser.padding))
            guard let document = try? answerParser.parse(bytes, recordDepth: 5),
                let envelope = try? Envelope.read(document.root)
            else { return serverFailed(call, "its answer could not be read again") }
            call.phase = .answered
            if call.origin == .plugin { return answerPlugin(call, envelope) }
            answerClient(call, envelope, transport)
        }
    }
}
