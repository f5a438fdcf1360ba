// SPDX-License-Identifier: Apache-2.0
// Standing streams: how they open, hear of changed lists, fall behind, catch up, and end.

import CJackfield
import CLinux
import JSON
import MCP
import Synchronization

extension Lane {
    /// Streams and subscriptions of all lanes together.
    var streamTotal: StreamTotal { gateway.lane(0).standing.total }

    // MARK: Opening

    /// Enters the stream of a legacy client. Its shared channel is one as a whole.
    func subscribe(_ subscriber: Subscriber) {
        guard let session = subscriber.session else { return }
        if subscriber.exchange == 0 {
            // `initialize` again on the same channel: the older session is over.
            if let older = standing.streams.stream(subscriber.client, 0) { drop(older) }
        } else {
            session.streams.add(1, ordering: .relaxed)
        }
        // Where policies decide, what it missed is told once they have said what it sees.
        let missed = session.subscriptions.opened(on: index, listsDiffer ? [] : lists(at: subscriber.path))
        subscriber.turn = missed.turn
        if subscriber.exchange != 0 {
            // A session's newer stream replaces its older one, on whichever lane that is: each message goes to one.
            let key = session.key
            let turn = missed.turn
            closeStream(of: key, before: turn)
            let here = index
            if laneCount > 1 {
                gateway.onEveryLane { if $0.index != here { $0.closeStream(of: key, before: turn) } }
            }
        }
        _ = streamTotal.takeStream(limit: .max)
        _ = standing.streams.insert(subscriber)
        subscriber.held = missed.kinds
        if !missed.lists.isEmpty { subscriber.seen = SeenLists(missed.lists) }
        if listsDiffer { suspect(subscriber) }
        for uri in missed.uris { session.subscriptions.keep(uri) }
        // The stream begins with its head, which the caller writes.
        if !missed.kinds.isEmpty || !missed.uris.isEmpty {
            loop.later { [weak self] in self?.release(subscriber) }
        }
    }

    /// A legacy session's GET: its stand-alone stream, or a refusal at the gateway's limit.
    func openStream(_ client: Client, _ message: jf_message, _ session: Session, for caller: Principal) {
        guard streamTotal.openStreams < limits.streams else { return refuseStream(client, message, id: nil) }
        let subscriber = Subscriber(
            client: client.handle, exchange: message.exchange, subscription: nil, session: session,
            path: session.path, kinds: .all)
        subscribe(subscriber)
        bind(subscriber, to: caller)
        send(client, exchange: message.exchange, UnsafeBufferPointer(start: nil, count: 0), final: false)
    }

    func refuseStream(_ client: Client, _ message: jf_message, id: UnsafeRawBufferPointer?) {
        refuse(
            client, message, id: id, .internalError,
            "the gateway holds its limit of \(limits.streams) streams; close some, or try again later",
            data: "{\"reason\":\"overload\"}", status: JF_STATUS_OVERLOADED, retryAfter: 5000)
    }

    /// What tells whether lists at a path changed between two streams, where everybody sees the same.
    func lists(at path: String) -> [UInt64] { catalog.view(path)?.fingerprints ?? [] }

    // MARK: Telling

    /// Lists of these kinds changed: everybody who listens at the path hears of it, or whose own list is another.
    func notify(_ path: String, _ kinds: [ItemKind]) {
        let changed = ListKinds(kinds)
        if listsDiffer { return suspect(path, changed) }
        for kind in ListKinds.each where changed.contains(kind) {
            for subscriber in standing.streams.listeners(at: path, kind) { tell(subscriber, kind) }
        }
    }

    func tell(_ subscriber: Subscriber, _ kind: ListKinds) {
        guard !subscriber.isHeld else { return subscriber.held.formUnion(kind) }
        for method in kind.methods {
            reply.reset()
            if let subscription = subscriber.subscription {
                subscription.withUnsafeBytes { Answers.notification(method, subscription: $0, into: reply) }
            } else {
                Answers.notification(method, subscription: nil, into: reply)
            }
            if !push(subscriber) { subscriber.held.formUnion(kind) }
        }
    }

    /// Tells one stream that a resource changed. False: not now; the caller notes it for later.
    func tell(_ subscriber: Subscriber, resource uri: String) -> Bool {
        guard !subscriber.isHeld else { return false }
        reply.reset()
        reply.literal(
            "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/resources/updated\",\"params\":{\"uri\":")
        reply.quoted(uri)
        if let subscription = subscriber.subscription {
            reply.literal(",\"_meta\":{\"io.modelcontextprotocol/subscriptionId\":")
            reply.copy(subscription)
            reply.byte(125)
        }
        reply.literal("}}")
        return push(subscriber)
    }

    /// Sends what `reply` holds. False when it did not go out.
    func push(_ subscriber: Subscriber) -> Bool {
        guard let client = clients[subscriber.client] else { return false }
        let status = send(client, exchange: subscriber.exchange, reply.finish(), final: false)
        if status == JF_E_BUSY { subscriber.isStalled = true }
        return status == JF_OK || status == JF_E_BUSY
    }

    /// Tells a stream what had to wait. Each change counts once, however often it happened.
    func release(_ subscriber: Subscriber) {
        guard subscriber.isOpen, !subscriber.isHeld else { return }
        let kinds = subscriber.held
        subscriber.held = []
        for kind in ListKinds.each where kinds.contains(kind) { tell(subscriber, kind) }
        if let session = subscriber.session {
            for uri in session.subscriptions.takeChanged() where !tell(subscriber, resource: uri) {
                session.subscriptions.keep(uri)
            }
            return
        }
        for index in subscriber.takeChanged()
        where !tell(subscriber, resource: subscriber.resources[index].shownURI) {
            subscriber.hold(at: index)
        }
    }

    /// The transport takes more on an exchange whose reader was slow.
    func streamWritable(_ client: UInt64, _ exchange: jf_ref) {
        let streams =
            exchange == 0
            ? standing.streams.streams(of: client)
            : standing.streams.stream(client, exchange).map { [$0] } ?? []
        for subscriber in streams where subscriber.isStalled {
            subscriber.isStalled = false
            release(subscriber)
        }
    }

    // MARK: Ending

    /// The client stopped listening on one exchange.
    func streamGone(_ client: UInt64, _ exchange: jf_ref) {
        if let subscriber = standing.streams.stream(client, exchange) { drop(subscriber) }
    }

    /// The client's connection is gone.
    func streamsGone(of client: UInt64) {
        for subscriber in standing.streams.streams(of: client) { drop(subscriber) }
    }

    /// A shared channel's client gives up a listen request by its id. False when it has none of that id.
    func endListen(_ client: Client, _ id: UnsafeRawBufferPointer) -> Bool {
        guard let subscriber = standing.streams.stream(client.handle, 0, id: [UInt8](id)) else {
            return false
        }
        drop(subscriber)
        return true
    }

    func drop(_ subscriber: Subscriber) {
        guard subscriber.isOpen else { return }
        standing.streams.remove(subscriber)
        streamTotal.giveStream()
        if subscriber.timer != 0 { loop.cancelAfter(subscriber.timer) }
        subscriber.timer = 0
        if subscriber.expiry != 0 { loop.cancelAfter(subscriber.expiry) }
        subscriber.expiry = 0
        leaveAll(subscriber)
        leaveTasks(subscriber)
        guard let session = subscriber.session else { return }
        session.subscriptions.closed(
            subscriber.turn, seen(by: subscriber), untold: subscriber.held)
        if subscriber.exchange != 0 {
            session.streams.subtract(1, ordering: .relaxed)
        } else {
            let key = session.key
            let keeper = keeper(of: key)
            keeper.loop.post { keeper.forgetSession(key) }
        }
    }

    /// Ends a session's stream here, unless it is the newer one.
    private func closeStream(of session: SessionKey, before turn: UInt64) {
        guard let subscriber = standing.streams.stream(of: session), subscriber.turn < turn else { return }
        end(subscriber)
    }

    /// A legacy session ended: its stream and what it subscribed to, on whichever lane they are.
    func endStreams(of session: SessionKey) {
        if let subscriber = standing.streams.stream(of: session) { end(subscriber) }
        forgetSession(session)
    }

    private func end(_ subscriber: Subscriber) {
        if subscriber.exchange != 0, let client = clients[subscriber.client] {
            send(
                client, exchange: subscriber.exchange, UnsafeBufferPointer(start: nil, count: 0), final: true)
        }
        drop(subscriber)
    }

    /// Ends every stream, a modern subscription with its answer, as a server that stops should.
    /// - Parameter instance: only streams that this listener carries.
    func endSubscriptions(of instance: PluginInstance? = nil) {
        for subscriber in standing.streams.all {
            if let instance, clients[subscriber.client]?.instance !== instance { continue }
            conclude(subscriber)
        }
    }

    /// Ends one stream, a modern subscription with its answer.
    private func conclude(_ subscriber: Subscriber) {
        guard let subscription = subscriber.subscription, let client = clients[subscriber.client] else {
            return end(subscriber)
        }
        reply.reset()
        reply.literal("{\"jsonrpc\":\"2.0\",\"id\":")
        reply.copy(subscription)
        reply.literal(",\"result\":{\"resultType\":\"complete\",\"_meta\":{")
        reply.literal("\"io.modelcontextprotocol/subscriptionId\":")
        reply.copy(subscription)
        reply.literal("}}}")
        send(client, exchange: subscriber.exchange, reply.finish(), final: true)
        drop(subscriber)
    }

    // MARK: Credentials

    /// A stream is good for as long as the credentials that it was opened with.
    func bind(_ subscriber: Subscriber, to caller: Principal) {
        subscriber.caller = caller
        guard caller.expires != .max else { return }
        let now = jf_realtime_ns() / 1_000_000
        let left = caller.expires > now ? min(caller.expires - now, 1 << 40) : 0
        subscriber.expiry = loop.after(left * 1_000_000) { [weak self, weak subscriber] in
            guard let self, let subscriber, subscriber.isOpen else { return }
            subscriber.expiry = 0
            self.conclude(subscriber)
        }
    }

    /// Ends the streams of callers who are not let in any more.
    func endStreams(of isGone: (Principal) -> Bool) {
        for subscriber in standing.streams.all where isGone(subscriber.caller) { conclude(subscriber) }
    }
}
