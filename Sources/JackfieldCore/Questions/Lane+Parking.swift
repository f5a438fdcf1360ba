// SPDX-License-Identifier: Apache-2.0
// Parked calls: a legacy server asks in the middle of a modern client's call. The client gets `input_required` and a
// sealed state, the upstream call stays open, and the client's retry takes it up again.

import CJackfield
import CLinux
import JSON
import MCP

extension Lane {
    /// Parks the call at the end of this batch of events, so that questions that come together travel together.
    func parkSoon(_ call: Call) {
        guard let dialogue = call.dialogue, !dialogue.isParkingSoon, !dialogue.isParked else { return }
        dialogue.isParkingSoon = true
        let handle = call.handle
        loop.later { [self] in
            guard let call = calls[handle], let dialogue = call.dialogue else { return }
            dialogue.isParkingSoon = false
            if dialogue.isWaiting, !dialogue.isParked { park(call, dialogue) }
        }
    }

    /// Answers the client with the open questions and lets go of it; the upstream call stays.
    private func park(_ call: Call, _ dialogue: Dialogue) {
        dialogue.rounds += 1
        guard let sealed = sealState(call, dialogue) else {
            refuseOpen(call, .cancelled)
            stopServer(call, reason: "its question could not be put to the client")
            return fail(
                call, .internalError,
                "server \(call.server?.name ?? "?") asks this client something, and the gateway cannot seal the state for it; "
                    + "see the gateway's log")
        }
        guard admit(call, dialogue) else {
            refuseOpen(call, .cancelled)
            stopServer(call, reason: "its question could not be put to the client")
            return fail(
                call, .internalError,
                "the gateway cannot keep a call that waits for its client: its limit of \(limits.parkedCalls) such calls or "
                    + "\(limits.parkedBytes) bytes is reached",
                data: "{\"reason\":\"overload\"}", status: JF_STATUS_OVERLOADED, retryAfter: 5000)
        }
        counters.add(.parked)
        let name = call.namesServer ? call.server?.name : nil
        reply.reset()
        if call.origin == .client {
            InputRequiredWriter.begin(id: call.clientId, identity: Product.identity, into: reply)
        } else {
            StaticString("0").withUTF8Buffer {
                InputRequiredWriter.begin(
                    id: UnsafeRawBufferPointer($0), identity: Product.identity, into: reply)
            }
        }
        for asked in dialogue.asked where asked.answer == nil {
            InputRequiredWriter.entry(key: asked.key, asked.question, serverName: name, into: reply)
        }
        sealed.withUnsafeBytes { InputRequiredWriter.end(requestState: $0, into: reply) }
        dialogue.isParked = true
        dialogue.isOwned = true
        pauseDeadline(call)
        detach(call)
    }

    private func sealState(_ call: Call, _ dialogue: Dialogue) -> [UInt8]? {
        if dialogue.digest == nil {
            guard let request = keptRequest(call) else { return nil }
            dialogue.digest = request.withRoot { digest(call.method, $0.member("params")) }
        }
        guard let digest = dialogue.digest else { return nil }
        var state = RequestState()
        state.instance = gateway.identity
        state.lane = UInt32(index)
        state.call = call.handle
        state.round = UInt32(clamping: dialogue.rounds)
        // Whole seconds, rounded up: the call's own timer is the precise one.
        state.expiry = (jf_realtime_ns() + limits.parkedAge) / 1_000_000_000 + 1
        state.digest = digest.bytes
        return seal(state.bytes, for: call.principal)
    }

    /// Counts the call and what it holds; false at a limit.
    private func admit(_ call: Call, _ dialogue: Dialogue) -> Bool {
        var bytes = 0
        for asked in dialogue.asked where asked.held == 0 {
            asked.held = asked.question.params.count + 256
            bytes += asked.held
        }
        if dialogue.bytes > 0 {
            // It has its place from an earlier round.
            guard gateway.parking.grow(by: bytes) else { return false }
            dialogue.bytes += bytes
            return true
        }
        // The digest stands for the request: nothing sends it again.
        call.request = []
        bytes += 1024
        guard gateway.parking.take(bytes: bytes) else { return false }
        dialogue.bytes = bytes
        return true
    }

    /// Sends what stands in `reply` as the end of the exchange; the call lives on without a client.
    private func detach(_ call: Call) {
        if call.origin == .relay {
            relaySend(call, reply.joined())
            forgetAsker(call)
            return
        }
        if let client = call.client, !call.clientIsGone {
            send(client, exchange: call.exchange, reply.finish(), final: true)
        }
        call.client?.unlink(call)
        call.client = nil
        call.exchange = 0
        call.isStreaming = false
        call.isStalled = false
        call.clientIsGone = false
        call.progressToken.removeAll(keepingCapacity: true)
    }

    /// Keeps a message of the server for the retry; true when the call is parked.
    func keepForRetry(_ call: Call, _ body: UnsafeRawBufferPointer) -> Bool {
        guard let dialogue = call.dialogue, dialogue.isParked else { return false }
        guard dialogue.outcome == nil else { return true }
        // The server went on without the answers: its questions are over.
        dialogue.asked = []
        call.phase = .answered
        call.upstream?.release(call)
        let extra = body.count + JSONParser.padding
        if gateway.parking.grow(by: extra) {
            dialogue.bytes += extra
            dialogue.outcome = paddedCopy(body)
        } else {
            let text =
                "{\"jsonrpc\":\"2.0\",\"id\":0,\"error\":{\"code\":-32603,\"message\":"
                + "\"the gateway could not keep the result until it was fetched\"}}"
            dialogue.outcome = Array(text.utf8) + [UInt8](repeating: 32, count: JSONParser.padding)
        }
        return true
    }

    // MARK: The retry

    /// A request of a modern client for a legacy server, perhaps with `requestState` or `inputResponses`. Nil when that was
    /// dealt with; else it is to be made as a new call, after so many rounds.
    func resume(_ asking: Asking, _ target: Target) -> Int? {
        let params = asking.envelope.params
        let responses = params?.member("inputResponses")
        guard let node = params?.member("requestState") else {
            guard responses != nil else { return 0 }
            refuseState(asking, "inputResponses came without the requestState that they answer")
            return nil
        }
        let digest = digest(asking.envelope.method, params)
        guard let state = requestState(node, digest, asking.principal) else {
            counters.add(.statesRefused)
            refuseState(asking, "requestState is invalid or has expired; send the request again without it")
            return nil
        }
        guard responses == nil || responses?.kind == .object else {
            refuseState(asking, "inputResponses must be an object")
            return nil
        }
        // Answers are small next to their depth: a whole index of their own.
        let answers = responses.flatMap { try? JSONText(copying: $0.raw) }
        if state.kind == .repeated { return repeated(asking, state, answers) }
        let retry = Retry(
            round: state.round, answers: answers, progress: asking.meta.progressToken.map { [UInt8]($0.raw) },
            logLevel: LogLevel(asking.meta.logLevel))
        if Int(state.lane) == index {
            guard let call = calls[state.call], let problem = check(call, retry) else {
                attach(asking, state.call, retry)
                return nil
            }
            counters.add(.statesRefused)
            refuseState(asking, problem)
        } else {
            resumeElsewhere(asking, target, state, retry)
        }
        return nil
    }

    func refuseState(_ asking: Asking, _ text: String) {
        refuse(
            asking.client, asking.message, id: asking.id, .invalidParams, text, status: JF_STATUS_BAD_REQUEST)
    }

    /// Why a retry may not take up this call; nil when it may.
    func check(_ call: Call, _ retry: Retry) -> String? {
        guard let dialogue = call.dialogue, dialogue.isParked, dialogue.rounds == Int(retry.round) else {
            return "requestState was used already, or its call is over"
        }
        for asked in dialogue.asked {
            do throws(QuestionProblem) {
                try retry.withAnswer(asked.key) { value throws(QuestionProblem) in
                    try AnswerEdit.check(value, of: asked.question.method)
                }
            } catch { return "inputResponses.\(asked.key): \(error.message)" }
        }
        return nil
    }

    private func attach(_ asking: Asking, _ handle: UInt64, _ retry: Retry) {
        guard let call = calls[handle] else {
            counters.add(.statesRefused)
            return refuseState(asking, "requestState was used already, or its call is over")
        }
        guard asking.client.inFlight < limits.callsPerClient else {
            return refuseOverload(
                asking, "this client has \(limits.callsPerClient) calls under way, its limit")
        }
        call.origin = .client
        call.client = asking.client
        asking.client.link(call)
        call.exchange = asking.message.exchange
        call.setClientId(asking.id)
        call.acceptsStream = asking.message.flags & UInt32(JF_MSG_ACCEPTS_STREAM) != 0
        if let token = retry.progress { call.progressToken.append(contentsOf: token) }
        goOn(call, retry)
    }

    /// A client is attached again: its answers go to the server, what the server sent meanwhile goes to the client.
    func goOn(_ call: Call, _ retry: Retry) {
        guard let dialogue = call.dialogue else { return }
        dialogue.isParked = false
        call.logLevel = retry.logLevel
        if let outcome = dialogue.outcome {
            dialogue.outcome = nil
            return deliverKept(call, outcome)
        }
        resumeDeadline(call)
        armPromotion(call)
        let handle = call.handle
        for asked in dialogue.asked {
            // The text outlives the walk: `settle` may write to the server at once.
            let value = retry.withAnswer(asked.key) { [UInt8]($0.raw) }
            guard let value else { continue }
            settle(asked, .value(value))
            guard calls[handle] === call else { return }
        }
        // What was left out is asked again.
        if dialogue.isWaiting { parkSoon(call) }
    }

    private func deliverKept(_ call: Call, _ padded: [UInt8]) {
        padded.withUnsafeBytes { bytes in
            let body = UnsafeRawBufferPointer(rebasing: bytes.dropLast(JSONParser.padding))
            guard call.origin == .client else {
                call.phase = .answered
                return relayBack(call, body)
            }
            // Not the lanes' own scanner: it holds the retry's document.
            guard let text = try? JSONText(copying: body) else { return }
            text.withRoot { root in
                guard let envelope = try? Envelope.read(root) else { return }
                answerClient(call, envelope)
            }
        }
    }
}

/// What a client sends with a retry.
struct Retry: Sendable {
    let round: UInt32
    /// The `inputResponses` object.
    let answers: JSONText?
    /// Its progress token, raw JSON.
    let progress: [UInt8]?
    let logLevel: LogLevel?

    /// Lends the answer under a key; nil when there is none.
    func withAnswer<R, E: Error>(_ key: String, _ body: (JSONNode) throws(E) -> R) throws(E) -> R? {
        guard let answers else { return nil }
        var result: Result<R, E>?
        answers.withRoot { root in
            guard let value = root.member(named: key) else { return }
            do throws(E) { result = .success(try body(value)) } catch { result = .failure(error) }
        }
        return try result?.get()
    }
}

extension Lane {
    /// A parked call ended by the gateway itself: the error waits for the retry.
    func failParked(_ call: Call, _ code: ErrorCode, _ text: String) {
        var writer = JSONWriter()
        writer.value(text)
        let message = String(decoding: writer.bytes, as: UTF8.self)
        let body = Array(
            "{\"jsonrpc\":\"2.0\",\"id\":0,\"error\":{\"code\":\(code.rawValue),\"message\":\(message)}}".utf8
        )
        body.withUnsafeBytes { _ = keepForRetry(call, $0) }
    }

    /// Whether a server speaks a revision with sessions.
    func isLegacy(_ target: Target) -> Bool {
        catalog.statuses[target.server].contains { $0.revision.map { !$0.isModern } ?? false }
    }
}

extension View {
    /// It shows several servers: whatever reaches the user must say which one it comes from.
    var isShared: Bool { servers.count > 1 }
}

extension Lane {
    /// The gateway stops: nobody can come back for a parked call.
    func endParked() {
        var parked: [Call] = []
        calls.forEach { _, call in if call.dialogue?.isParked == true { parked.append(call) } }
        for call in parked { questionsExpired(call) }
    }
}
