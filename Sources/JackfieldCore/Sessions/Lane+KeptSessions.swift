// SPDX-License-Identifier: Apache-2.0
// Where requests meet sessions in the store: they wait until it has what they changed, or has said whether it knows them.

import CJackfield
import JSON
import MCP
import Synchronization

/// A session that is looked for, and the requests that came with it.
final class SessionQuestion {
    var requests: [(request: WaitingRequest, caller: Principal)] = []
}

extension Lane {
    // MARK: Requests of sessions that are not known here

    /// Looks for a request's session in the store. True: the request was taken; it is delivered again, or refused.
    func seekSession(_ caller: Principal, _ client: Client, _ message: jf_message) -> Bool {
        guard let keeping, !client.isShared, let text = message.session.present, let key = SessionKey(text),
            // Somebody else's, or of another path.
            sessions.find(text) == nil
        else { return false }
        let claim = SessionClaim(key: key, caller: caller.id)
        guard !keeping.unknown.contains(claim, now: loop.now) else { return false }
        let known = keeping.questions[claim]
        guard keeping.waiting < SessionKeeping.mostWaiting, keeping.waitingBytes < SessionKeeping.mostBytes,
            known != nil || keeping.questions.count < SessionKeeping.mostSearches
        else {
            refuseSeeker(client, message, "too many requests wait for their sessions; try again", 0)
            return true
        }
        let request = WaitingRequest(client, message)
        keeping.waiting += 1
        keeping.waitingBytes += request.bytes
        let question = known ?? SessionQuestion()
        question.requests.append((request, caller))
        guard known == nil else { return true }
        keeping.questions[claim] = question
        let home = keeper(of: key)
        let search = SessionSearch(caller: caller, address: client.address) { [self] finding in
            loop.post { [self] in sessionFound(claim, finding) }
        }
        home.loop.post { home.keeping?.find(key, search) }
        return true
    }

    private func sessionFound(_ claim: SessionClaim, _ finding: SessionFinding) {
        guard let keeping, let question = keeping.questions.removeValue(forKey: claim) else { return }
        if case .unknown = finding { keeping.unknown.insert(claim, now: loop.now) }
        for (request, caller) in question.requests {
            keeping.waiting -= 1
            keeping.waitingBytes -= request.bytes
            guard let client = clients[request.client] else { continue }
            request.lend { message in
                switch finding {
                case .known, .unknown: take(message, of: client, for: caller)
                case .unavailable(let retry):
                    refuseSeeker(
                        client, message, "the store that knows this session does not answer; try again later",
                        retry)
                case .full:
                    refuse(
                        client, message, id: nil, .internalError,
                        "the gateway holds its limit of \(limits.sessions) sessions; try again later",
                        status: JF_STATUS_OVERLOADED, retryAfter: 5000)
                }
            }
        }
    }

    /// Not 404: clients would throw their sessions away.
    private func refuseSeeker(_ client: Client, _ message: jf_message, _ text: String, _ retry: UInt32) {
        refuse(
            client, message, id: nil, .internalError, text, data: "{\"reason\":\"unavailable\"}",
            status: JF_STATUS_UNAVAILABLE, retryAfter: max(1000, retry))
    }

    // MARK: Sessions of this gateway

    /// Answers `initialize` once the store has the session, or does not take it.
    func openKept(
        _ session: Session, _ caller: Principal, _ client: Client, _ message: jf_message,
        id: UnsafeRawBufferPointer?, _ result: [UInt8]
    ) {
        let id = id.map { [UInt8]($0) } ?? []
        let exchange = message.exchange
        let handle = client.handle
        let address = client.address
        let answer: @Sendable () -> Void = { [self] in
            guard let client = clients[handle] else { return }
            reply.reset()
            result.withUnsafeBytes { result in
                id.withUnsafeBytes { Answers.result(id: $0, result, into: reply) }
                session.text.withUnsafeBytes { text in
                    _ = send(client, exchange: exchange, reply.finish(), final: true, session: text)
                }
            }
        }
        let home = keeper(of: session.key)
        home.loop.post { [self] in
            guard let keeping = home.keeping else { return loop.post(answer) }
            keeping.open(session, caller, address) { _ in self.loop.post(answer) }
        }
    }

    /// Holds an answer back until the store has what the request changed.
    func whenKept(
        _ session: Session, _ answer: @escaping @Sendable (InterestRefusal?) -> Void
    ) -> @Sendable (InterestRefusal?) -> Void {
        guard keeping != nil else { return answer }
        let home = keeper(of: session.key)
        let key = session.key
        return { refusal in
            guard refusal == nil else { return answer(refusal) }
            home.loop.post {
                guard let keeping = home.keeping else { return answer(nil) }
                keeping.change(key) { _ in answer(nil) }
            }
        }
    }

    /// A session is used: the store hears of that now and then.
    @inline(__always)
    func renewIfDue(_ session: Session) {
        if session.keepAt.load(ordering: .relaxed) <= loop.now { renew(session) }
    }

    @inline(never)
    private func renew(_ session: Session) {
        session.keepAt.store(.max, ordering: .relaxed)
        let home = keeper(of: session.key)
        let key = session.key
        home.loop.post { home.keeping?.change(key) }
    }

    /// Answers a DELETE once every gateway can know of it. 503: it ended here, and others may still go on with it.
    func endKept(_ session: Session, _ client: Client, _ message: jf_message) {
        let exchange = message.exchange
        let handle = client.handle
        let key = session.key
        let answer: @Sendable (Bool) -> Void = { [self] isKnown in
            guard let client = clients[handle] else { return }
            guard !isKnown else {
                send(client, exchange: exchange, UnsafeBufferPointer(start: nil, count: 0), final: true)
                return
            }
            var message = jf_message()
            message.exchange = exchange
            refuseSeeker(
                client, message, "the session ended here, but the store does not answer; end it again later",
                0)
        }
        let home = keeper(of: key)
        home.loop.post { [self] in
            guard let keeping = home.keeping else { return loop.post { answer(true) } }
            keeping.end(key) { isKnown in self.loop.post { answer(isKnown) } }
        }
    }

    /// An event id that another gateway gave out: what it stood for is lost, and a new stream begins.
    func isOfElsewhere(_ id: jf_view, _ session: Session) -> Bool {
        guard keeping != nil, let log = session.replay, let id = id.present.flatMap({ EventId($0) }) else {
            return false
        }
        return !log.hasOpened(id.stream)
    }
}

extension SessionKeeping {
    /// Requests whose client left.
    func drop(where isGone: (WaitingRequest) -> Bool) {
        guard !questions.isEmpty else { return }
        for question in questions.values {
            question.requests.removeAll { request, _ in
                guard isGone(request) else { return false }
                waiting -= 1
                waitingBytes -= request.bytes
                return true
            }
        }
    }
}
