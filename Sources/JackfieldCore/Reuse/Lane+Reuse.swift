// SPDX-License-Identifier: Apache-2.0
// Calls that ask the same as others: answered from what is kept, or waiting for one call that is made for all of them.

import CJackfield
import CLinux
import JSON
import MCP

extension Lane {
    /// Answers a call from what its server's answers have left, or has it wait for a call like it. False: it goes its own
    /// way. On its caller's lane, before it takes a place at the server.
    func shares(
        _ call: Call, _ target: Target, _ envelope: Envelope, _ meta: RequestMeta,
        _ body: UnsafeRawBufferPointer, _ reuse: ServerReuse
    ) -> Bool {
        guard call.origin == .client || call.origin == .plugin else { return false }
        if reuse.isCleared(by: call.method, target.name) {
            reuse.clear()
            call.clearsAnswers = true
            return false
        }
        let use = reuse.use(call.method, target.name, target.traits)
        guard use != .none, body.count <= Self.largestKept, call.taskWish == nil, call.urlRounds == 0,
            target.taskSupport != .required,
            let key = CallKey(
                call.method, name: target.name, params: envelope.params,
                principal: reuse.principal(of: call, use))
        else { return false }
        let uri = call.method == .resourcesRead ? target.name : nil
        switch reuse.begin(
            key, use, by: RelayKey(lane: index, handle: call.handle), principal: call.principal, uri: uri,
            now: loop.now)
        {
        case .kept(let answer):
            counters.add(.responseCacheHits)
            call.shownCache = answer.shown(reuse.cachePolicy(of: call), at: loop.now)
            handOver(answer, to: call)
        case .joined(let flight):
            counters.add(.callsCoalesced)
            wait(call, for: flight, target, body)
        case .led(let flight):
            if use == .keep { counters.add(.responseCacheMisses) }
            wait(call, for: flight, target, body)
            launch(flight, reuse, for: call, target, envelope, meta)
        }
        return true
    }

    private func wait(_ call: Call, for flight: Flight, _ target: Target, _ body: UnsafeRawBufferPointer) {
        call.flight = flight
        call.phase = .sent
        // Should the answer be for one caller alone, it makes the call itself.
        if call.request.isEmpty { keep(call, target, body) }
        call.timer = loop.arm(at: call.deadline, callTimedOut, Unmanaged.passUnretained(call).toOpaque())
        armPromotion(call)
    }

    /// Makes the one call. The server learns of it what is in its key and nothing of those who wait: no abilities, no
    /// further `_meta`. So its answer cannot depend on which of them came first.
    private func launch(
        _ flight: Flight, _ reuse: ServerReuse, for first: Call, _ target: Target, _ envelope: Envelope,
        _ meta: RequestMeta
    ) {
        guard let call = takeCall(.shared) else {
            return land(
                flight, reuse,
                .failure(
                    SharedFailure(
                        code: .internalError,
                        text: "the gateway has \(limits.calls) calls under way, its limit",
                        data: "{\"reason\":\"overload\"}", status: JF_STATUS_OVERLOADED, retryAfter: 1000,
                        outcome: Int32(JF_E_BUSY))))
        }
        reuse.place(flight, at: RelayKey(lane: index, handle: call.handle))
        call.flight = flight
        call.server = first.server
        call.method = first.method
        call.revision = .newest
        call.caller = first.caller
        call.logLevel = first.logLevel
        // Any token asks the server for progress; each caller's own is put in for it.
        if !first.progressToken.isEmpty { call.progressToken = [48] }
        guard let text = try? JSONText(request(first.method, envelope.params)) else {
            return fail(call, .invalidRequest, "the message is not a request")
        }
        text.withRoot { root in
            guard let envelope = try? Envelope.read(root) else {
                return fail(call, .invalidRequest, "the message is not a request")
            }
            dispatch(call, target, envelope, RequestMeta(envelope.params), text.bytes)
        }
    }

    /// A request's parameters as they came; of its `_meta` the trace and what plugins of the gateway tell each other.
    private func request(_ method: Method, _ params: JSONNode?) -> [UInt8] {
        var out = Array("{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"\(method.name)\",\"params\":{".utf8)
        func append(_ members: some Sequence<JSONMember>, where isWanted: (JSONMember) -> Bool) {
            for member in members where isWanted(member) {
                if out.last != 123 { out.append(44) }
                out.append(34)
                out.append(contentsOf: member.key)
                out.append(contentsOf: [34, 58])
                out.append(contentsOf: member.value.raw)
            }
        }
        guard let params else { return out + [125, 125] }
        append(params.members) { !$0.keyEquals("_meta") }
        if let meta = params.member("_meta") {
            out.append(contentsOf: ",\"_meta\":{".utf8)
            append(meta.members) { isTrace($0) || CallKey.isOfTheChain($0) }
            out.append(125)
        }
        return out + [125, 125]
    }

    /// A `traceparent` (W3C Trace Context): of a form in which nothing else can be said.
    private func isTrace(_ member: JSONMember) -> Bool {
        member.keyEquals("traceparent") && member.value.content.count == 55
            && member.value.content.allSatisfy { $0 == 45 || $0 >= 48 && $0 <= 57 || $0 >= 97 && $0 <= 102 }
    }

    // MARK: Those who wait

    /// A call is over, or waits no more. On its lane.
    func leaveFlight(_ call: Call) {
        guard let flight = call.flight, let reuse = call.server?.reuse else { return }
        if call.origin == .shared {
            // However it ended: nobody is left waiting.
            guard !reuse.waiters(of: flight).isEmpty else { return }
            return land(
                flight, reuse,
                .failure(
                    SharedFailure(
                        code: .internalError, text: "the call was given up", data: nil,
                        status: JF_STATUS_OK, retryAfter: 0, outcome: Int32(JF_E_GONE))))
        }
        guard let place = reuse.leave(flight, RelayKey(lane: index, handle: call.handle)) else { return }
        let lane = gateway.lane(place.lane)
        lane.loop.post { lane.abandon(place.handle, flight) }
    }

    /// Nobody waits for a shared call any more.
    private func abandon(_ handle: UInt64, _ flight: Flight) {
        guard let call = calls[handle], call.flight === flight else { return }
        // Who waited had the same time as the call, and his timer was the first: it is the server that was too slow.
        if jf_monotonic_ns() &+ 50_000_000 >= call.deadline, call.phase == .sent { return timedOut(call) }
        cancel(call, reason: "nobody waits for it any more")
    }

    /// A call that waits became a task, which has more time: the call that it waits for gets as much.
    func prolongFlight(_ call: Call) {
        guard let flight = call.flight, let place = call.server?.reuse?.place(of: flight) else { return }
        let lane = gateway.lane(place.lane)
        lane.loop.post {
            guard let call = lane.calls[place.handle], call.flight === flight, !call.isQueued else { return }
            lane.extendDeadline(call)
            guard let home = call.home else { return }
            let key = RelayKey(lane: lane.index, handle: call.handle)
            home.loop.post {
                if let handle = home.relays[key], let relayed = home.calls[handle] {
                    home.extendDeadline(relayed)
                }
            }
        }
    }

    /// What a shared call came to, for those of this lane who wait for it.
    func landed(_ flight: Flight, _ handles: [UInt64], _ landing: Landing) {
        for handle in handles {
            guard let call = calls[handle], call.flight === flight else { continue }
            call.flight = nil
            switch landing {
            case .answer(let answer):
                if answer.isPrivate, !call.caller.owns(flight.principal) {
                    goAlone(call)
                } else {
                    handOver(answer, to: call)
                }
            case .failure(let failure):
                fail(
                    call, failure.code, failure.text, data: failure.data, status: failure.status,
                    retryAfter: failure.retryAfter, outcome: failure.outcome)
            case .each: goAlone(call)
            }
        }
    }

    /// Answers a call with a server's answer that came for another one, as if it had come for this.
    private func handOver(_ answer: KeptAnswer, to call: Call) {
        call.serverIsModern = answer.serverIsModern
        call.phase = .answered
        answer.body.withUnsafeBytes { padded in
            let bytes = UnsafeRawBufferPointer(rebasing: padded.dropLast(JSONParser.padding))
            guard let document = try? sharedParser.parse(bytes, recordDepth: 5),
                let envelope = try? Envelope.read(document.root)
            else { return fail(call, .internalError, "a kept answer cannot be read") }
            switch call.origin {
            case .plugin: answerPlugin(call, envelope)
            case .task: taskAnswered(call, envelope)
            default: answerClient(call, envelope)
            }
        }
    }

    /// Makes a call that waited for another one after all, with all that its caller can do.
    private func goAlone(_ call: Call) {
        guard let target = call.target, let link = call.link, let server = call.server,
            let statuses = catalog.index(of: server).map({ catalog.statuses[$0] }) ?? link.lastStatuses
        else { return serverFailed(call, "it was removed from the configuration") }
        if call.timer != 0 { loop.cancelTimer(call.timer) }
        call.timer = 0
        call.phase = .idle
        call.request.withUnsafeBytes { padded in
            let bytes = UnsafeRawBufferPointer(rebasing: padded.dropLast(JSONParser.padding))
            guard let document = try? requestParser.parse(bytes, recordDepth: 6),
                let envelope = try? Envelope.read(document.root)
            else { return fail(call, .invalidRequest, "the message is not a request") }
            guard enter(call, target, link, bytes) else { return }
            place(call, target, statuses, link, envelope, RequestMeta(envelope.params), bytes)
        }
    }

    /// A message of the server on the way to an answer, for those of this lane who wait for it and asked for such.
    func told(_ flight: Flight, _ handles: [UInt64], _ padded: [UInt8]) {
        for handle in handles {
            guard let call = calls[handle], call.flight === flight else { continue }
            padded.withUnsafeBytes { padded in
                let bytes = UnsafeRawBufferPointer(rebasing: padded.dropLast(JSONParser.padding))
                guard let document = try? sharedParser.parse(bytes, recordDepth: 5),
                    let envelope = try? Envelope.read(document.root), let params = envelope.params
                else { return }
                switch envelope.method {
                case .progress:
                    if call.stretch != nil { progressed(call, params.member("progress")?.double) }
                    guard call.origin == .client, !call.progressToken.isEmpty, canStream(call) else { return }
                    writeProgress(call, params)
                    stream(call, reply.finish(), .note)
                case .message:
                    guard call.origin == .client, let wanted = call.logLevel,
                        let level = LogLevel(params.member("level")), level >= wanted
                    else { return }
                    forward(call, bytes)
                default: break
                }
            }
        }
    }
}
