// SPDX-License-Identifier: Apache-2.0
// How calls end early: refused, failed, cancelled, out of time.

import CJackfield
import CLinux
import JSON
import MCP

/// The timer of a call's deadline.
func callTimedOut(_ user: UnsafeMutableRawPointer?) {
    guard let user else { return }
    let call = Unmanaged<Call>.fromOpaque(user).takeUnretainedValue()
    call.timer = 0
    if call.stretch != nil, call.lane.isStretched(call) { return }
    call.lane.timedOut(call)
}

extension Lane {
    /// Ends a call with an error of the gateway's own.
    func fail(
        _ call: Call, _ code: ErrorCode, _ text: String, data: String? = nil, status: Int = JF_STATUS_OK,
        retryAfter: UInt32 = 0, outcome: Int32 = Int32(JF_E_FAULT)
    ) {
        if call.audit.isOpen { noteOutcome(call, code, text) }
        if call.dialogue?.isParked == true { return failParked(call, code, text) }
        switch call.origin {
        case .client:
            reply.reset()
            Answers.error(id: call.clientId, code, text, data: data ?? serverData(call), into: reply)
            conclude(call, status: outcome, reply.finish(), http: status, retryAfter: retryAfter)
        case .plugin:
            observe(call, outcome)
            failPlugin(call, code, text, outcome)
        case .supervision:
            let handler = call.handler
            finish(call)
            handler?(.failed(text, retry: 0))
        case .task: failTask(call, code, text, data: data ?? serverData(call))
        case .shared:
            failShared(
                call,
                SharedFailure(
                    code: code, text: text, data: data ?? serverData(call), status: status,
                    retryAfter: retryAfter, outcome: outcome))
        case .relay:
            relayFail(
                call, code, text, data: data ?? serverData(call), status: status, retryAfter: retryAfter,
                outcome: outcome)
        case .hedge: hedgeFailed(call, outcome)
        case .none: break
        }
    }

    /// A failure that is the server's: named, so that people know where to look.
    /// - Parameters:
    ///   - begun: the server may have begun to work on it.
    ///   - isUnanswered: its endpoint gave no answer at all.
    func serverFailed(_ call: Call, _ why: String, begun: Bool = true, isUnanswered: Bool = false) {
        call.isUnanswered = isUnanswered
        let name = call.server?.name ?? "?"
        if call.origin == .relay { call.isUntouched = !begun }
        if tryAgain(call, begun: begun, outcome: Int32(JF_E_GONE), why) { return }
        fail(call, .internalError, "server \(name): \(why)", outcome: Int32(JF_E_GONE))
    }

    private func serverData(_ call: Call) -> String? {
        guard let name = call.server?.name else { return nil }
        return "{\"server\":\(String(decoding: JSONWriter.quoted(name), as: UTF8.self))}"
    }

    func timedOut(_ call: Call) {
        if call.dialogue?.isWaiting == true || call.dialogue?.isParked == true {
            return questionsExpired(call)
        }
        if call.isQueued { return roomTimedOut(call) }
        if call.admission != nil { return admissionTimedOut(call) }
        if let goOn = call.passing?.keeping { return goOn() }
        if let passing = call.passing, passing.operation != 0 { return filterTimedOut(call, passing) }
        let name = call.server?.name ?? "?"
        let seconds = Double((loop.now &- call.startedAt) / 1_000_000) / 1000
        operations.abandon(call.handle, timedOut: true)
        stopServer(call, reason: "the call ran out of time")
        if call.origin == .supervision {
            let handler = call.handler
            finish(call)
            handler?(.timedOut)
            return
        }
        call.isUnanswered = true
        fail(
            call, .internalError, "server \(name) gave no answer within \(seconds) s; the call was cancelled",
            data:
                "{\"server\":\(String(decoding: JSONWriter.quoted(name), as: UTF8.self)),\"reason\":\"timeout\"}",
            outcome: Int32(JF_E_TIMEOUT))
    }

    // MARK: Cancellation

    /// Cancels a call: the server is told, the client gets an error if it still listens.
    func cancel(_ call: Call, reason: StaticString) {
        call.isGivenUp = true
        // First: else the server could go on with a question that was refused, and be done before it hears the rest.
        stopServer(call, reason: reason)
        refuseOpen(call, .cancelled)
        fail(call, .cancelled, "the request was cancelled", data: nil, outcome: Int32(JF_E_GONE))
    }

    /// Tells the server side that nobody waits any more.
    func stopServer(_ call: Call, reason: StaticString) {
        if call.upstreamTask != nil { cancelServerTask(call) }
        if call.home != nil { return relayCancel(call, reason) }
        guard let channel = call.channel else { return }
        if channel.isToolset {
            if operations.state(call.handle) == JF_OK { operations.abandon(call.handle, timedOut: false) }
            channel.instance.toolset?.cancel?(channel.instance.own, call.handle)
            return
        }
        guard call.phase == .sent else { return }
        let isLegacy = !call.serverIsModern
        if channel.isShared || isLegacy, call.method != .initialize, call.method != .discover {
            reply.reset()
            Answers.cancelled(call.handle, reason: reason, into: reply)
            respond(channel, call)
        }
        call.upstream?.spoil()
        if channel.isShared { return }
        let handle = call.handle
        guard isLegacy, call.origin != .supervision else {
            // 2026-07-28: closing the response stream is the cancellation.
            channel.instance.connector?.cancel?(channel.instance.own, channel.remote, handle)
            return
        }
        // Before, it is not: released servers break when the stream goes before their answer to the cancellation. They get
        // time to end it themselves.
        loop.after(5_000_000_000) { [weak self] in
            guard let self, self.channels[channel.handle] === channel, !channel.isClosing else { return }
            channel.instance.connector?.cancel?(channel.instance.own, channel.remote, handle)
        }
    }

    /// `notifications/cancelled` on a shared channel.
    func cancelNamed(_ client: Client, _ envelope: Envelope) {
        guard let id = envelope.params?.member("requestId")?.raw else { return }
        if endListen(client, id) { return }
        dropWaiting { $0.client == client.handle && heldId($0)?.elementsEqual(id) == true }
        var next = client.firstCall
        while let call = next {
            next = call.next
            if call.clientId.equals(id) {
                // The sender wants no answer any more.
                call.clientIsGone = true
                return cancel(call, reason: "the client cancelled")
            }
        }
    }

    private func heldId(_ request: WaitingRequest) -> [UInt8]? {
        (try? JSONText(request.body))?.withRoot { root in root.member("id").map { [UInt8]($0.raw) } } ?? nil
    }

    /// `notifications/cancelled` of a legacy HTTP client: it comes on a connection, perhaps a lane, of its own.
    func cancelEverywhere(_ session: Session, _ envelope: Envelope) {
        guard let id = envelope.params?.member("requestId")?.raw else { return }
        let wanted = [UInt8](id)
        let key = session.key
        gateway.onEveryLane { $0.cancelInSession(key, wanted) }
    }

    func cancelInSession(_ key: SessionKey, _ id: [UInt8]) {
        var found: [Call] = []
        calls.forEach { _, call in
            if call.origin == .client, call.session?.key == key, call.clientId.elementsEqual(id) {
                found.append(call)
            }
        }
        for call in found { cancel(call, reason: "the client cancelled") }
    }
}
