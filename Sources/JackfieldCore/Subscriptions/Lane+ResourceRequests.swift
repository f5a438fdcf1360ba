// SPDX-License-Identifier: Apache-2.0
// `resources/subscribe` and `resources/unsubscribe` of legacy clients (up to MCP 2025-11-25): what a session subscribes
// to is kept on one lane, since its requests and streams may come to any.

import CJackfield
import JSON
import MCP

extension Lane {
    func subscribeResource(_ asking: Asking) {
        guard let session = asking.session, let uri = resourceURI(asking) else { return }
        guard let target = resourceTarget(uri, asking.view) else {
            if hold(asking.client, asking.message) { return }
            return answerLater(asking, session)(unknownResource(uri))
        }
        let server = catalog.servers[target.server]
        let offered = offersSubscriptions(target.server) ? nil : notOffered(server)
        let answer = whenKept(session, answerLater(asking, session))
        mayWatch(
            .resourcesSubscribe, target, uri, asking.caller, address: asking.client.address,
            at: asking.view.path
        ) { [self] refusal in
            if let refusal = refusal ?? offered { return answer(refusal) }
            let keeper = keeper(of: session.key)
            keeper.loop.post {
                keeper.join(session, server, target.name, shown: target.shownURI, as: uri, answer)
            }
        }
    }

    func unsubscribeResource(_ asking: Asking) {
        guard let session = asking.session, let uri = resourceURI(asking) else { return }
        let answer = whenKept(session, answerLater(asking, session))
        // A second time changes nothing; only a resource that nobody could ever subscribe to is an error. Who may not see
        // it any more may still leave it.
        func leave(otherwise: InterestRefusal?) {
            let keeper = keeper(of: session.key)
            keeper.loop.post { answer(keeper.leave(session, uri) ? nil : otherwise) }
        }
        guard let target = resourceTarget(uri, asking.view) else {
            return leave(otherwise: unknownResource(uri))
        }
        let offered = offersSubscriptions(target.server) ? nil : notOffered(catalog.servers[target.server])
        mayWatch(
            .resourcesUnsubscribe, target, uri, asking.caller, address: asking.client.address,
            at: asking.view.path
        ) { leave(otherwise: $0 ?? offered) }
    }

    private func resourceURI(_ asking: Asking) -> String? {
        if let uri = asking.envelope.params?.member("uri")?.string(),
            uri.utf8.count <= ListenFilter.longestURI
        {
            return uri
        }
        refuse(
            asking.client, asking.message, id: asking.id, .invalidParams,
            "params.uri must be a string of at most \(ListenFilter.longestURI) bytes",
            status: JF_STATUS_OK)
        return nil
    }

    private func unknownResource(_ uri: String) -> InterestRefusal { .unknownResource(uri) }

    private func notOffered(_ server: Server) -> InterestRefusal {
        InterestRefusal(
            code: ErrorCode.methodNotFound.rawValue,
            text: "server \(server.name) does not offer subscriptions to its resources")
    }

    /// The way to answer a request from whatever lane, later. Until then its id is taken.
    func answerLater(_ asking: Asking, _ session: Session) -> @Sendable (InterestRefusal?) -> Void {
        let id = [UInt8](asking.id)
        let client = asking.client.handle
        let exchange = asking.message.exchange
        session.begin(asking.id)
        return { [self] refusal in
            loop.post { [self] in
                id.withUnsafeBytes { id in
                    session.end(id)
                    guard let client = clients[client] else { return }
                    reply.reset()
                    if let refusal {
                        Answers.error(id: id, ErrorCode(rawValue: refusal.code), refusal.text, into: reply)
                    } else {
                        reply.literal("{\"jsonrpc\":\"2.0\",\"id\":")
                        reply.bytes(id)
                        reply.literal(",\"result\":{}}")
                    }
                    send(client, exchange: exchange, reply.finish(), final: true)
                }
            }
        }
    }

    // MARK: The lane that keeps a session's subscriptions

    func keeper(of session: SessionKey) -> Lane { gateway.lane(Int(session.low % UInt64(laneCount))) }

    func join(
        _ session: Session, _ server: Server, _ uri: String, shown: String?, as name: String,
        _ answer: @escaping @Sendable (InterestRefusal?) -> Void
    ) {
        let key = session.key
        let record: SessionRecord
        if let known = standing.sessions[key] {
            record = known
        } else {
            record = SessionRecord(session)
            standing.sessions[key] = record
            session.subscriptions.atEnd { [self] in loop.post { self.forgetSession(key) } }
        }
        if let at = record.places[name] {
            if record.resources[at].isConfirmed { return answer(nil) }
            _ = record.wait(name, answer)
            return
        }
        guard record.resources.count < limits.subscriptionsPerStream,
            streamTotal.takeResource(limit: resourceLimit)
        else {
            return answer(
                InterestRefusal(
                    code: ErrorCode.internalError.rawValue,
                    text:
                        "this session subscribes to \(record.resources.count) resources, and the gateway holds no more; "
                        + "unsubscribe from some first"))
        }
        standing.interests.join(record, server, uri, shown: shown)
        let at = record.resources.count - 1
        record.places[name] = at
        if record.resources[at].isConfirmed { return answer(nil) }
        let turn = record.wait(name, answer)
        tellHomesSoon()
        let serverName = server.name
        loop.after(Lane.confirmationWait) { [weak self, weak record] in
            guard let self, let record, record.waiting[name]?.turn == turn else { return }
            if let at = record.places.removeValue(forKey: name) { self.leave(record, at: at) }
            record.settle(
                name,
                InterestRefusal(
                    code: ErrorCode.internalError.rawValue,
                    text: "server \(serverName) did not confirm the subscription in time; try again"))
        }
    }

    /// False when the session has no such subscription.
    func leave(_ session: Session, _ name: String) -> Bool {
        session.subscriptions.forget(name)
        let wasAwaited = keeping?.forget(name, of: session.key) ?? false
        guard let record = standing.sessions[session.key],
            let at = record.places.removeValue(forKey: name)
        else { return wasAwaited }
        leave(record, at: at)
        record.settle(name, nil)
        return true
    }

    /// A session is over; so is everything it subscribed to.
    func forgetSession(_ key: SessionKey) {
        guard let record = standing.sessions.removeValue(forKey: key) else { return }
        leaveAll(record)
        let gone = InterestRefusal(code: ErrorCode.invalidRequest.rawValue, text: "the session ended")
        for name in Array(record.waiting.keys) { record.settle(name, gone) }
    }
}
