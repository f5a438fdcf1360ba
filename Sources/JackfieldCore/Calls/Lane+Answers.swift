// SPDX-License-Identifier: Apache-2.0
// What servers send: answers to calls, progress on the way, and what nobody asked for.

import CJackfield
import CLinux
import JSON
import MCP

extension Lane {
    func channelReady(_ handle: UInt64, _ flags: UInt32) {
        guard let channel = channels[handle] else { return }
        channel.flags = flags
        channel.isReady = true
        channel.supervisor?.channelReady()
        channel.upstream?.channelReady()
    }

    /// One message of a server.
    func channelDelivered(_ handle: UInt64, _ pointer: UnsafePointer<jf_message>) -> Int32 {
        guard let channel = channels[handle] else { return Int32(JF_E_STALE) }
        let message = attach(UnsafeRawPointer(pointer), as: jf_message.self, empty: jf_message())
        let isFinal = message.flags & UInt32(JF_MSG_FINAL) != 0
        let owner = message.exchange == 0 ? nil : calls[message.exchange]
        // Cancelled or timed out meanwhile, or asked elsewhere by now.
        if message.exchange != 0, owner?.channel !== channel { return Int32(JF_OK) }
        if message.status != 0, isFinal, let call = owner, retriesAuthorized(call, message) {
            return Int32(JF_OK)
        }
        if message.body_count == 0 {
            if let call = owner, isFinal { exchangeEnded(call, message) }
            return Int32(JF_OK)
        }
        let body = paddedBody(message)
        do {
            let document = try answerParser.parse(body, recordDepth: 5)
            let envelope = try Envelope.read(document.root)
            serverSent(channel, owner, envelope, message, body)
        } catch {
            garbage(channel, owner, error, body, isFinal: isFinal)
        }
        return Int32(JF_OK)
    }

    private func garbage(
        _ channel: Channel, _ owner: Call?, _ error: any Error, _ body: UnsafeRawBufferPointer, isFinal: Bool
    ) {
        let why = (error as? EnvelopeError).map { "\($0.message)" } ?? "\(error)"
        let sample = String(decoding: body.prefix(60), as: UTF8.self)
        log.write(
            .warning, "server sent something that is not an MCP message",
            [.init("server", channel.server.name), .init("why", why), .init("begins", sample)])
        if let call = owner {
            // The exchange would stay open with nobody to read it.
            if !isFinal { stopServer(call, reason: "the answer could not be read") }
            serverFailed(call, "it sent something that is not an MCP message: \(why)")
        } else if let named = spoiltId(error, body), let call = calls[named], call.channel === channel {
            // On a shared channel the id still tells whose answer was spoilt.
            serverFailed(call, "it sent something that is not an MCP message: \(why)")
        }
    }

    /// The id of a message that is JSON but no proper envelope.
    private func spoiltId(_ error: any Error, _ body: UnsafeRawBufferPointer) -> UInt64? {
        guard let range = (error as? EnvelopeError)?.id else { return nil }
        return UInt64(String(decoding: body[range], as: UTF8.self))
    }

    private func serverSent(
        _ channel: Channel, _ owner: Call?, _ envelope: Envelope, _ message: jf_message,
        _ body: UnsafeRawBufferPointer
    ) {
        switch envelope.kind {
        case .result, .error:
            if let call = answered(channel, owner, envelope) { deliverAnswer(call, envelope, message, body) }
        case .notification: notified(channel, owner, envelope, body)
        case .request: serverAsked(channel, owner, envelope)
        }
    }

    /// The call that an answer belongs to: by exchange where the channel has them, and always by id.
    private func answered(_ channel: Channel, _ owner: Call?, _ envelope: Envelope) -> Call? {
        let named = envelope.id?.int64.map { UInt64(clamping: $0) }
        if let call = owner {
            if named == call.handle { return call }
            // Released servers answer an early refusal under an id of their own; anything else is a wrong answer.
            if envelope.kind == .error { return call }
            stopServer(call, reason: "the answer was for another request")
            serverFailed(call, "it answered another request's id")
            return nil
        }
        guard let named, let call = calls[named], call.channel === channel, call.phase == .sent else {
            log.write(.debug, "answer to no open request", [.init("server", channel.server.name)])
            return nil
        }
        return call
    }

    func deliverAnswer(
        _ call: Call, _ envelope: Envelope, _ message: jf_message, _ body: UnsafeRawBufferPointer
    ) {
        if envelope.kind == .error, !call.lacking.isEmpty, call.dialogue == nil {
            return fail(
                call, .missingCapability,
                "server \(call.server?.name ?? "?") could not do it without asking this client: "
                    + (envelope.outcome?.member("message")?.string() ?? "it gave no message"),
                data: "{\"requiredCapabilities\":\(String(decoding: call.lacking, as: UTF8.self))}",
                status: JF_STATUS_BAD_REQUEST)
        }
        if takeServerTask(call, envelope) || keepForRetry(call, body) { return }
        if call.origin == .relay, envelope.kind == .error, let error = envelope.outcome,
            lostSession(call, error, message.status)
        {
            return
        }
        if call.hedging != nil, isOutlived(call, envelope, message.status, body) { return }
        call.phase = .answered
        if call.server?.rollout != nil { noteAnswer(call, envelope) }
        switch call.origin {
        case .client: answerClient(call, envelope, message.status)
        case .supervision:
            let handler = call.handler
            // The handler may start the next step; the call is over before it does.
            finish(call)
            handler?(envelope.kind == .result ? .result(envelope, message) : .error(envelope, message))
        case .plugin: answerPlugin(call, envelope)
        case .relay where envelope.kind == .result && envelope.outcome.map { isNoResult(call, $0) } == true:
            // The lane that asked does not know of the task.
            serverFailed(call, "its task ended without a result")
        case .relay: relayBack(call, body)
        case .task: taskAnswered(call, envelope)
        case .shared:
            if envelope.kind == .error, let error = envelope.outcome {
                if lostSession(call, error, message.status) { return }
                doubtEra(call, error, message.status)
            }
            shareAnswer(call, envelope, body)
        case .hedge: hedgeAnswered(call, envelope, message.status, body)
        case .none: break
        }
    }

    /// The answer of a client's call, in the client's words.
    func answerClient(_ call: Call, _ envelope: Envelope, _ transport: Int32 = Int32(JF_STATUS_OK)) {
        guard let outcome = envelope.outcome else { return }
        if envelope.kind == .error {
            if lostSession(call, outcome, transport) { return }
            doubtEra(call, outcome, transport)
            if askForURLs(call, outcome) { return }
            if call.taskId != nil, outcome.member("code")?.int64 == -32602 {
                // The server's text may name its own id, which is nobody's business.
                return fail(
                    call, .invalidParams, "there is no such task, or its time is over",
                    status: JF_STATUS_BAD_REQUEST)
            }
        } else {
            if call.serverIsModern, takeModernTask(call, outcome) { return }
            if call.serverIsModern, !call.revision.isModern, beginRound(call, outcome) { return }
            if answerAboutTask(call, outcome) { return }
            if isNoResult(call, outcome) { return serverFailed(call, "its task ended without a result") }
        }
        if call.audit.isOpen { noteOutcome(call, envelope) }
        // The client wants a task, and the server answered at once: a task that is over already.
        if call.taskWish != nil, call.method == .toolsCall, becomeTask(call) {
            return settleTask(call, outcome, isError: envelope.kind == .error)
        }
        if call.dialogue != nil {
            withdrawQuestions(call)
            completeOpened(call)
        }
        if call.passing != nil, envelope.kind == .result, passesFilters(call, outcome) { return }
        reply.reset()
        var status = JF_STATUS_OK
        if envelope.kind == .result {
            do {
                if let named = namedQuestions(call, outcome) {
                    try named.withRoot { root throws(ResultProblem) in
                        try ResultEdit.write(
                            id: call.clientId, result: root, form: resultForm(call), into: reply)
                        conclude(call, status: Int32(JF_OK), reply.finish(), http: status)
                    }
                    return
                }
                try ResultEdit.write(id: call.clientId, result: outcome, form: resultForm(call), into: reply)
            } catch {
                reply.reset()
                return serverFailed(call, error.message)
            }
        } else {
            let code = ResultEdit.writeError(
                id: call.clientId, error: outcome, form: resultForm(call), into: reply)
            if call.revision.isModern {
                switch code {
                case .methodNotFound: status = JF_STATUS_NOT_FOUND
                case .missingCapability, .invalidParams: status = JF_STATUS_BAD_REQUEST
                default: break
                }
            }
        }
        conclude(call, status: Int32(JF_OK), reply.finish(), http: status)
    }

    /// Questions to a modern client of an endpoint that shows several servers, saying which one asks; nil for all else.
    private func namedQuestions(_ call: Call, _ result: JSONNode) -> JSONText? {
        guard call.namesServer, call.revision.isModern, let name = call.server?.name,
            result.member("resultType")?.equals("input_required") == true,
            let text = try? JSONText(copying: result.raw)
        else { return nil }
        return text.withRoot { InputRequiredEdit.named($0, serverName: name) }.flatMap { try? JSONText($0) }
    }

    /// How a server's result is to be written for the call's client.
    func resultForm(_ call: Call) -> ResultForm {
        if let form = call.passing?.form { return form }
        // A task's own requests are about its tool's result.
        let method = call.origin == .task ? .toolsCall : call.method
        var form = ResultForm(
            method: method, serverIsModern: call.serverIsModern, client: call.revision,
            identity: Product.identity)
        form.shownURI = call.shownURI
        form.shownURIs = call.shownURIs
        form.structured = call.structured
        // The server's own task id is nobody's business here.
        form.dropsReserved =
            call.upstreamTask != nil || call.home != nil && !call.serverIsModern && method == .toolsCall
        if method == .resourcesRead {
            form.cache =
                call.isRetry || call.dialogue != nil
                ? .never : call.shownCache ?? call.server?.plan.cache ?? CachePolicy()
            if modules.identity != nil { form.cache.isPublic = false }
            // What filters made of it for one caller is not for others.
            if call.passing?.seesResults == true { form.cache.isPublic = false }
            // Who may read it is decided here, for each caller: caches on the way cannot.
            if !modules.policies.isEmpty { form.cache.isPublic = false }
        }
        return form
    }

    /// The last message to a client, then the end of the call.
    func conclude(
        _ call: Call, status: Int32, _ parts: UnsafeBufferPointer<ByteSegment>, http: Int,
        retryAfter: UInt32 = 0
    ) {
        if call.audit.isOpen { noteBytes(call, parts) }
        observe(call, status)
        if call.replayStream != 0, emit(call, parts, .last) { return finish(call) }
        if !call.clientIsGone, let client = call.client {
            if call.neededScopes != nil, !call.isStreaming {
                withFields(answerFields(call)) {
                    _ = send(
                        client, exchange: call.exchange, parts, final: true, status: http,
                        retryAfter: retryAfter, fields: $0)
                }
            } else {
                send(
                    client, exchange: call.exchange, parts, final: true,
                    status: call.isStreaming ? JF_STATUS_OK : http,
                    retryAfter: retryAfter)
            }
        }
        finish(call)
    }

    func observe(_ call: Call, _ status: Int32) {
        // Before its caller hears of it and reads what it wrote.
        if call.clearsAnswers { call.server?.reuse?.clear() }
        if call.audit.isOpen { noteOutcome(call, status) }
        if let passing = call.passing, passing.endsTwice(status) { return }
        tally(call, status)
        guard let endpoint = call.endpoint, call.phase != .idle else { return }
        let now = jf_monotonic_ns()
        let latency = now &- (call.triedAt != 0 ? call.triedAt : call.startedAt)
        if status == JF_OK { endpoint.observe(latency) }
        if call.hedgeTimer != 0, status == JF_OK, call.attempt == 0, call.hedging?.isWon != true {
            call.server?.hedge?.observe(latency, now)
        }
        judge(call, endpoint, status, now)
        call.picker?.observe(call, endpoint, status: status, latency: latency, now)
    }

    /// Counts a call for the plugins that had a part in it.
    func tally(_ call: Call, _ status: Int32) {
        guard !call.isGivenUp else { return }
        let isFailure = status == JF_E_FAULT || status == JF_E_GONE || status == JF_E_TIMEOUT
        if let instance = call.channel?.instance {
            instance.tally.calls &+= 1
            if isFailure { instance.tally.failures &+= 1 }
        }
        if let instance = call.picker?.instance {
            instance.tally.calls &+= 1
            if isFailure { instance.tally.failures &+= 1 }
        }
    }

    // MARK: Notifications

    private func notified(
        _ channel: Channel, _ owner: Call?, _ envelope: Envelope, _ body: UnsafeRawBufferPointer
    ) {
        switch envelope.method {
        case .progress: relayProgress(channel, owner, envelope, body)
        case .message:
            // Without an exchange nobody can say whose log message it is.
            guard let call = owner?.origin == .supervision ? nil : owner ?? soleCall(channel) else { return }
            relayLog(call, envelope, body)
        case .tasksNotification: taskNotified(owner, envelope)
        case .elicitationComplete: elicitationCompleted(channel, owner, envelope, body)
        case .toolsListChanged: channelChanged(channel, .tools)
        case .resourcesListChanged: channelChanged(channel, .resources)
        case .promptsListChanged: channelChanged(channel, .prompts)
        case .resourcesUpdated: resourceUpdated(channel, owner, envelope)
        case .subscriptionsAcknowledged: acknowledged(channel, owner, envelope)
        default: break
        }
    }

    private func channelChanged(_ channel: Channel, _ kind: ItemKind) {
        if kind != .prompts { channel.server.reuse?.clear() }
        if let supervisor = channel.supervisor {
            supervisor.listChanged(kind)
        } else {
            gateway.listChanged(channel.server, channel.endpoint, kind)
        }
    }

    private func relayProgress(
        _ channel: Channel, _ owner: Call?, _ envelope: Envelope, _ body: UnsafeRawBufferPointer
    ) {
        guard let params = envelope.params, let token = params.member("progressToken")?.int64,
            let call = calls[UInt64(clamping: token)] ?? progressing[UInt64(clamping: token)],
            call.channel === channel, call.phase == .sent
        else { return }
        if call.stretch != nil { progressed(call, params.member("progress")?.double) }
        switch call.origin {
        case .client:
            guard !call.progressToken.isEmpty, canStream(call) else { return }
            writeProgress(call, params)
            stream(call, reply.finish(), .note)
        case .relay: relayBack(call, body)
        case .shared: shareNote(call, body)
        default: break
        }
    }

    /// `notifications/progress` of a server, under the client's own token.
    func writeProgress(_ call: Call, _ params: JSONNode) {
        reply.reset()
        reply.literal(
            "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":{\"progressToken\":")
        reply.copy(call.progressToken)
        for member in params.members where !member.keyEquals("progressToken") {
            reply.literal(",\"")
            reply.bytes(member.key)
            reply.literal("\":")
            reply.bytes(member.value.raw)
        }
        reply.literal("}}")
    }

    /// Whether a message ahead of the answer can still come to the client.
    func reaches(_ call: Call) -> Bool {
        (!call.clientIsGone || call.replayStream != 0)
            && (call.acceptsStream || call.client?.isShared == true)
    }

    /// The same for what may be left out: a slow reader is spared it.
    func canStream(_ call: Call) -> Bool {
        (!call.clientIsGone || call.replayStream != 0) && !call.isStalled
            && (call.acceptsStream || call.client?.isShared == true)
    }

    /// `notifications/message` for whoever wants it: at or above the level asked for; before a legacy client has named one,
    /// the server chooses (2025-11-25, Logging).
    private func relayLog(_ call: Call, _ envelope: Envelope, _ body: UnsafeRawBufferPointer) {
        if let wanted = call.logLevel {
            guard let level = LogLevel(envelope.params?.member("level")), level >= wanted else { return }
        } else if call.revision.isModern || call.serverIsModern {
            return
        }
        switch call.origin {
        case .client: forward(call, body)
        case .relay: relayBack(call, body)
        case .shared: shareNote(call, body)
        default: break
        }
    }

    /// On a shared channel a message without a token is nobody's, unless there is only one whose it can be.
    func soleCall(_ channel: Channel) -> Call? {
        guard channel.isShared, channel.inFlight == 1 else { return nil }
        var sole: Call?
        calls.forEach { _, call in
            if call.channel === channel, call.isOnChannel, call.phase == .sent { sole = call }
        }
        return sole
    }

    func forward(_ call: Call, _ body: UnsafeRawBufferPointer) {
        guard canStream(call) else { return }
        reply.reset()
        reply.bytes(body)
        stream(call, reply.finish(), .note)
    }

    /// A message ahead of the answer.
    func stream(
        _ call: Call, _ parts: UnsafeBufferPointer<ByteSegment>, _ weight: ReplayWeight = .needed
    ) {
        guard let client = call.client else { return }
        call.isStreaming = true
        if call.audit.isOpen { noteBytes(call, parts) }
        if emit(call, parts, weight) { return }
        if send(client, exchange: call.exchange, parts, final: false) == JF_E_BUSY { call.isStalled = true }
    }

    func endpointStatus(_ channel: Channel) -> EndpointStatus? {
        let known = catalog.index(of: channel.server).map { catalog.statuses[$0] }
        return (known ?? link(channel.server)?.lastStatuses)?[channel.endpoint.index]
    }

    // MARK: Ends without an answer

    /// An exchange ended and no answer came with it.
    private func exchangeEnded(_ call: Call, _ message: jf_message) {
        if call.origin == .supervision {
            let handler = call.handler
            finish(call)
            handler?(.status(message.status))
            return
        }
        // The answer came before, as an event, and is kept for a client that has yet to come for it.
        if call.phase == .asking || call.phase == .answered { return }
        if Int(message.status) == JF_STATUS_NOT_FOUND, replay(call) { return }
        let text =
            switch Int(message.status) {
            case JF_STATUS_OK, JF_STATUS_ACCEPTED: "it ended the exchange without an answer"
            case JF_STATUS_UNAUTHORIZED: "it asks for authorization (401)"
            case JF_STATUS_FORBIDDEN: "it refused access (403)"
            case JF_STATUS_OVERLOADED: "it is overloaded (429)"
            case JF_STATUS_UNAVAILABLE: "it is unavailable (503)"
            default: "it answered without an MCP message (\(statusText(message.status)))"
            }
        // Both statuses say that the request was not taken on (RFC 6585, section 4; RFC 9110, 15.6.4).
        let isRefused =
            Int(message.status) == JF_STATUS_OVERLOADED || Int(message.status) == JF_STATUS_UNAVAILABLE
        let isClosed =
            Int(message.status) == JF_STATUS_UNAUTHORIZED || Int(message.status) == JF_STATUS_FORBIDDEN
        serverFailed(call, text, begun: !isRefused, isUnanswered: !isClosed)
    }

    func statusText(_ status: Int32) -> String {
        let codes = [200, 202, 400, 401, 403, 404, 405, 406, 413, 429, 500, 503, 504]
        return codes.indices.contains(Int(status)) ? "HTTP \(codes[Int(status)])" : "status \(status)"
    }

    /// The channel reports that an exchange, or all of it, is lost.
    func channelFailed(_ handle: UInt64, _ exchange: UInt64, _ fault: jf_fault) {
        guard let channel = channels[handle] else { return }
        if exchange != 0 {
            if let call = calls[exchange], call.channel === channel { exchangeFailed(call, fault) }
            return
        }
        channel.isReady = false
        channel.upstream?.channelGoes()
        var lost: [Call] = []
        calls.forEach { _, call in if call.channel === channel { lost.append(call) } }
        for call in lost { exchangeFailed(call, fault, withChannel: true) }
        channel.supervisor?.channelLost(fault.message, retry: fault.retry_ms)
        channel.upstream?.channelLost(fault.message)
    }

    private func exchangeFailed(_ call: Call, _ fault: jf_fault, withChannel: Bool = false) {
        if call.origin == .supervision {
            let handler = call.handler
            finish(call)
            handler?(.failed(fault.message, retry: fault.retry_ms))
            return
        }
        // The server has answered already: it is the client's turn.
        if call.phase == .asking || call.phase == .answered { return }
        if let server = call.server {
            log.write(.warning, "a call failed", [.init("server", server.name), .init("why", fault.message)])
        }
        if let server = call.server, let endpoint = call.endpoint, Int(fault.code) != JF_E_INVALID,
            Int(fault.code) != JF_E_BUSY
        {
            gateway.endpointSuspect(server, endpoint, fault.message)
        }
        serverFailed(
            call, fault.publicMessage, begun: fault.flags & UInt32(JF_FAULT_NOT_STARTED) == 0,
            isUnanswered: !withChannel && Int(fault.code) != JF_E_BUSY && Int(fault.code) != JF_E_INVALID)
    }

    // MARK: Lost sessions

    /// A refusal that only a server of another era gives: find out again which one it speaks.
    private func doubtEra(_ call: Call, _ error: JSONNode, _ transport: Int32) {
        guard call.serverIsModern, Int(transport) == JF_STATUS_BAD_REQUEST, let server = call.server,
            let endpoint = call.endpoint, let code = error.member("code")?.int64,
            [-32600, -32000, -32020, -32022].contains(code)
        else { return }
        gateway.endpointSuspect(server, endpoint, "it refused a request of its revision")
    }

    /// Whether an error says that a legacy server forgot the session; then the call goes out again after a handshake.
    func lostSession(_ call: Call, _ error: JSONNode, _ transport: Int32) -> Bool {
        guard !call.serverIsModern, !call.request.isEmpty, !call.isRenewed else { return false }
        // 404 on a request that carried a session id has one meaning (2025-11-25, Session Management).
        if Int(transport) == JF_STATUS_NOT_FOUND { return replay(call) }
        // Some servers use another status: then the message text names the session, the code does not tell.
        guard error.member("code")?.int64 == -32600 || error.member("code")?.int64 == -32001 else {
            return false
        }
        let text = error.member("message")?.string()?.lowercased() ?? ""
        return text.contains("session") && replay(call)
    }

    /// Asks for a new session and sends the call again, once; it was not processed. False: no second try is due.
    private func replay(_ call: Call) -> Bool {
        // A call that another lane makes for this one is made again there.
        guard
            call.origin == .client || call.origin == .relay || call.origin == .shared
                || call.origin == .hedge,
            call.home == nil, !call.request.isEmpty, !call.isRenewed, call.upstreamTask == nil,
            let server = call.server, let endpoint = call.endpoint ?? call.channel?.endpoint
        else { return false }
        call.isRenewed = true
        call.phase = .idle
        if let upstream = call.upstream {
            upstream.release(call)
            upstream.close()
            resume(call, on: nil)
            return true
        }
        gateway.renewSession(server, endpoint, after: call.epoch, for: self, call: call.handle)
        return true
    }

    /// The new session is there (or is not): the call goes on.
    func sessionRenewed(_ handle: UInt64, _ status: EndpointStatus) {
        guard let call = calls[handle] else { return }
        guard status.state == .up else {
            return serverFailed(call, "its session ended and could not be renewed")
        }
        resend(call, status)
    }
}
