// SPDX-License-Identifier: Apache-2.0
// Calls on a channel that only another lane has (a child process): the message crosses to the home lane and the answer
// comes back; everything about the client stays where it is.

import CJackfield
import JSON
import MCP
import Synchronization

/// What a call's home lane must know of its client.
struct Asker: Sendable {
    let revision: Revision
    let abilities: Abilities
    let logLevel: LogLevel?
    let caller: Principal
    let namesServer: Bool
    let taskWish: TaskWish?

    init(_ call: Call) {
        revision = call.revision
        abilities = call.abilities
        logLevel = call.logLevel
        caller = call.caller
        namesServer = call.namesServer
        taskWish = call.taskWish
    }
}

extension Lane {
    /// Sends a call to its server's home lane.
    func relay(_ call: Call, _ endpoint: Int, _ target: Target, _ body: UnsafeRawBufferPointer) {
        guard let server = call.server else { return }
        let home = gateway.lane(server.homeLane)
        call.home = home
        call.phase = .sent
        call.serverIsModern =
            catalog.index(of: server).map {
                catalog.statuses[$0][endpoint].revision?.isModern ?? true
            } ?? true
        let copy = paddedCopy(body)
        let from = RelayKey(lane: index, handle: call.handle)
        let method = call.method
        let deadline = call.latest
        let wantsProgress = !call.progressToken.isEmpty || call.stretch != nil
        let asker = Asker(call)
        home.loop.post { [self] in
            home.relayArrived(
                from, self, copy, method: method, server: server, endpoint: endpoint, target: target,
                deadline: deadline, wantsProgress: wantsProgress, asker: asker)
        }
    }

    /// A call from another lane; runs on the home lane.
    func relayArrived(
        _ from: RelayKey, _ origin: Lane, _ body: [UInt8], method: Method, server: Server,
        endpoint index: Int,
        target: Target, deadline: UInt64, wantsProgress: Bool, asker: Asker
    ) {
        guard let call = takeCall(.relay) else {
            counters.add(.overloads)
            let error =
                "{\"jsonrpc\":\"2.0\",\"id\":0,\"error\":{\"code\":-32603,\"message\":\"the gateway is overloaded\"}}"
            let padded = Array(error.utf8) + [UInt8](repeating: 32, count: JSONParser.padding)
            return origin.loop.post { origin.relayAnswered(from.handle, padded) }
        }
        call.asker = origin
        call.askerHandle = from.handle
        call.method = method
        call.revision = asker.revision
        call.abilities = asker.abilities
        call.logLevel = asker.logLevel
        call.caller = asker.caller
        call.namesServer = asker.namesServer
        call.taskWish = asker.taskWish
        call.deadline = deadline
        // Any non-empty token asks the server for progress; the client's own is put in on its lane.
        if wantsProgress { call.progressToken = [48] }
        relays[from] = call.handle
        // A reload may have replaced the server meanwhile: its successor of the same name takes the call.
        var server = server
        if catalog.index(of: server) == nil,
            let successor = catalog.servers.first(where: {
                $0.name == server.name && index < $0.endpoints.count
            })
        {
            server = successor
        }
        guard let position = catalog.index(of: server), let link = link(server) else {
            return fail(call, .internalError, "server \(server.name) was removed from the configuration")
        }
        let status = catalog.statuses[position][index]
        guard let channel = link.channels[index] else {
            return fail(call, .internalError, "server \(server.name) is not available; see the gateway's log")
        }
        call.server = server
        call.endpointIndex = index
        call.link = link
        link.openCalls += 1
        call.timer = loop.arm(at: deadline, callTimedOut, Unmanaged.passUnretained(call).toOpaque())
        body.withUnsafeBytes { padded in
            let bytes = UnsafeRawBufferPointer(rebasing: padded.dropLast(JSONParser.padding))
            guard let document = try? requestParser.parse(bytes, recordDepth: 6),
                let envelope = try? Envelope.read(document.root)
            else { return fail(call, .invalidRequest, "the message is not a request") }
            deliver(call, channel, status, target, envelope, RequestMeta(envelope.params), bytes)
        }
    }

    /// A copy for another lane, with the padding that its scanner needs.
    func paddedCopy(_ bytes: UnsafeRawBufferPointer) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: bytes.count + JSONParser.padding) { out, count in
            UnsafeMutableRawBufferPointer(out).copyMemory(from: bytes)
            UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(out)[bytes.count...])
                .initializeMemory(
                    as: UInt8.self, repeating: 32)
            count = bytes.count + JSONParser.padding
        }
    }

    /// Home lane: a message for the asking lane; the call goes on unless it was the answer.
    func relayBack(_ call: Call, _ body: UnsafeRawBufferPointer) {
        // A call that was parked here, and whose client came back on another lane.
        if call.phase == .answered, call.passing != nil, passesFilters(call, message: body) { return }
        relaySend(call, padded: paddedCopy(body))
        if call.phase == .answered {
            observe(call, Int32(JF_OK))
            finish(call)
        }
    }

    /// Home lane: an answer that the gateway wrote ends the call.
    func relayEnd(_ call: Call, _ body: [UInt8]) {
        tally(call, Int32(JF_OK))
        relaySend(call, body)
        finish(call)
    }

    /// Home lane: the call failed. The asking lane decides what becomes of it.
    func relayFail(
        _ call: Call, _ code: ErrorCode, _ text: String, data: String?, status: Int, retryAfter: UInt32,
        outcome: Int32
    ) {
        tally(call, outcome)
        let begun = !call.isUntouched
        let isUnanswered = call.isUnanswered
        if let origin = call.asker {
            let handle = call.askerHandle
            origin.loop.post {
                origin.relayFailed(
                    handle, code, text, data: data, status: status, retryAfter: retryAfter, outcome: outcome,
                    begun: begun, isUnanswered: isUnanswered)
            }
        }
        finish(call)
    }

    /// Asking lane: the home lane failed the call.
    private func relayFailed(
        _ handle: UInt64, _ code: ErrorCode, _ text: String, data: String?, status: Int, retryAfter: UInt32,
        outcome: Int32, begun: Bool, isUnanswered: Bool
    ) {
        guard let call = calls[handle], call.home != nil else { return }
        call.isUnanswered = isUnanswered
        if call.origin == .relay { call.isUntouched = !begun }
        if outcome == JF_E_GONE, tryAgain(call, begun: begun, outcome: outcome, text) { return }
        fail(call, code, text, data: data, status: status, retryAfter: retryAfter, outcome: outcome)
    }

    func relaySend(_ call: Call, _ body: [UInt8]) {
        relaySend(call, padded: body + [UInt8](repeating: 32, count: JSONParser.padding))
    }

    private func relaySend(_ call: Call, padded body: [UInt8]) {
        guard let origin = call.asker else { return }
        let handle = call.askerHandle
        origin.loop.post { origin.relayAnswered(handle, body) }
    }

    /// Asking lane: a message came back.
    func relayAnswered(_ handle: UInt64, _ body: [UInt8]) {
        guard let call = calls[handle], call.home != nil else { return }
        body.withUnsafeBytes { padded in
            let bytes = UnsafeRawBufferPointer(rebasing: padded.dropLast(JSONParser.padding))
            guard let document = try? answerParser.parse(bytes, recordDepth: 5),
                let envelope = try? Envelope.read(document.root)
            else { return }
            switch envelope.kind {
            case .result, .error:
                if keepForRetry(call, bytes) { return }
                if call.hedging != nil, isOutlived(call, envelope, Int32(JF_STATUS_OK), bytes) { return }
                call.phase = .answered
                if call.server?.rollout != nil { noteAnswer(call, envelope) }
                switch call.origin {
                case .hedge: hedgeAnswered(call, envelope, Int32(JF_STATUS_OK), bytes)
                case .plugin: answerPlugin(call, envelope)
                case .task: taskAnswered(call, envelope)
                // A parked call that was taken up from a third lane.
                case .relay: relayBack(call, bytes)
                case .shared: shareAnswer(call, envelope, bytes)
                default: answerClient(call, envelope)
                }
            case .notification where call.origin == .relay: relayBack(call, bytes)
            case .notification where call.origin == .shared: shareNote(call, bytes)
            case .notification where envelope.method == .progress:
                guard let params = envelope.params else { return }
                if call.stretch != nil { progressed(call, params.member("progress")?.double) }
                guard !call.progressToken.isEmpty, canStream(call) else { return }
                writeProgress(call, params)
                stream(call, reply.finish(), .note)
            case .notification:
                forward(call, bytes)
            case .request: break
            }
        }
    }

    /// Asking lane: nobody waits any more; the home lane tells the server.
    func relayCancel(_ call: Call, _ reason: StaticString) {
        guard let home = call.home else { return }
        let key = RelayKey(lane: index, handle: call.handle)
        home.loop.post {
            guard let handle = home.relays[key], let relayed = home.calls[handle] else { return }
            home.stopServer(relayed, reason: reason)
            home.refuseOpen(relayed, .cancelled)
            home.finish(relayed)
        }
    }
}
