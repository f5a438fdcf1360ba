// SPDX-License-Identifier: Apache-2.0
// Standing streams: who hears of list changes; and requests held back while servers start.

import CJackfield
import CLinux
import JSON
import MCP
import Synchronization

/// A request that came before every server had its chance to list. Delivered again, once.
struct WaitingRequest {
    let client: UInt64
    let exchange: jf_ref
    let flags: UInt32
    let body: [UInt8]
    let target: [UInt8]
    let protocolVersion: [UInt8]?
    let method: [UInt8]?
    let name: [UInt8]?
    let session: [UInt8]?
    /// One block of names and values, and where each stands in it.
    let headerText: [UInt8]
    let headers: [(name: Range<Int>, value: Range<Int>)]
}

extension Lane {
    // MARK: Subscriptions

    func subscribe(_ subscriber: Subscriber) {
        // A session's newer stream replaces its older one, on whichever lane that is: each message goes to exactly one.
        if let session = subscriber.session, subscriber.exchange != 0 {
            endStreams(of: session.key)
            let key = session.key
            let here = index
            if laneCount > 1 { gateway.onEveryLane { if $0.index != here { $0.endStreams(of: key) } } }
            session.streams.add(1, ordering: .relaxed)
        } else {
            dropSubscribers { $0.client == subscriber.client && $0.subscription == nil }
        }
        subscribers.append(subscriber)
    }

    func dropSubscribers(where isGone: (Subscriber) -> Bool) {
        subscribers.removeAll { subscriber in
            guard isGone(subscriber) else { return false }
            if subscriber.exchange != 0 { subscriber.session?.streams.subtract(1, ordering: .relaxed) }
            return true
        }
    }

    /// Ends the streams of a session that its client ended, on whichever lane it is.
    func endStreams(of session: SessionKey) {
        for subscriber in subscribers where subscriber.session?.key == session {
            guard let client = clients[subscriber.client], !client.isShared else { continue }
            send(
                client, exchange: subscriber.exchange, UnsafeBufferPointer(start: nil, count: 0), final: true)
        }
        dropSubscribers { $0.session?.key == session }
    }

    /// `subscriptions/listen` (2026-07-28): list changes of this endpoint. Resource subscriptions are not offered, so the
    /// acknowledgement leaves them out.
    func listen(_ asking: Asking) {
        guard let filter = asking.envelope.params?.member("notifications"), filter.kind == .object else {
            return refuse(
                asking.client, asking.message, id: asking.id, .invalidParams,
                "subscriptions/listen needs params.notifications (an object)", status: JF_STATUS_BAD_REQUEST)
        }
        guard asking.message.flags & UInt32(JF_MSG_ACCEPTS_STREAM) != 0 else {
            return refuse(
                asking.client, asking.message, id: asking.id, .invalidRequest,
                "subscriptions/listen is answered by a stream; Accept must list text/event-stream",
                status: JF_STATUS_NOT_ACCEPTABLE)
        }
        guard subscribers.count < limits.sessions else {
            return refuse(
                asking.client, asking.message, id: asking.id, .internalError,
                "the gateway holds its limit of \(limits.sessions) streams; try again later",
                status: JF_STATUS_OVERLOADED, retryAfter: 5000)
        }
        let subscriber = Subscriber(
            client: asking.client.handle, exchange: asking.message.exchange, subscription: [UInt8](asking.id),
            session: nil, path: asking.view.path,
            tools: filter.member("toolsListChanged")?.bool == true,
            resources: filter.member("resourcesListChanged")?.bool == true,
            prompts: filter.member("promptsListChanged")?.bool == true)
        reply.reset()
        reply.literal("{\"jsonrpc\":\"2.0\",\"method\":\"notifications/subscriptions/acknowledged\"")
        reply.literal(",\"params\":{\"notifications\":{")
        var first = true
        for (isWanted, name) in [
            (subscriber.tools, "toolsListChanged"), (subscriber.prompts, "promptsListChanged"),
            (subscriber.resources, "resourcesListChanged"),
        ] where isWanted {
            reply.text("\(first ? "" : ",")\"\(name)\":true")
            first = false
        }
        reply.literal("},\"_meta\":{\"io.modelcontextprotocol/subscriptionId\":")
        reply.bytes(asking.id)
        reply.literal("}}}")
        subscribers.append(subscriber)
        send(asking.client, exchange: asking.message.exchange, reply.finish(), final: false)
    }

    /// Tells everybody who listens at a path that lists of these kinds changed.
    func notify(_ path: String, _ kinds: [ItemKind]) {
        var told: Set<Method> = []
        for kind in kinds where told.insert(kind.changed).inserted {
            for subscriber in subscribers where subscriber.path == path && subscriber.wants(kind) {
                guard let client = clients[subscriber.client] else { continue }
                reply.reset()
                if let subscription = subscriber.subscription {
                    subscription.withUnsafeBytes {
                        Answers.notification(kind.changed, subscription: $0, into: reply)
                    }
                } else {
                    Answers.notification(kind.changed, subscription: nil, into: reply)
                }
                send(client, exchange: subscriber.exchange, reply.finish(), final: false)
            }
        }
    }

    /// Ends every modern subscription with its answer, as a server that stops should.
    func endSubscriptions() {
        for subscriber in subscribers {
            guard let client = clients[subscriber.client] else { continue }
            guard let subscription = subscriber.subscription else {
                if !client.isShared {
                    send(
                        client, exchange: subscriber.exchange, UnsafeBufferPointer(start: nil, count: 0),
                        final: true)
                }
                continue
            }
            reply.reset()
            reply.literal("{\"jsonrpc\":\"2.0\",\"id\":")
            reply.copy(subscription)
            reply.literal(",\"result\":{\"resultType\":\"complete\",\"_meta\":{")
            reply.literal("\"io.modelcontextprotocol/subscriptionId\":")
            reply.copy(subscription)
            reply.literal("}}}")
            send(client, exchange: subscriber.exchange, reply.finish(), final: true)
        }
        subscribers.removeAll()
    }

    // MARK: Waiting for the first listings

    /// Holds a message back while servers are still starting; true when it was taken. Bounded: beyond a thousand, and
    /// once every server has listed, failed or used up its time, nothing waits any more.
    func hold(_ client: Client, _ message: jf_message) -> Bool {
        guard !isSettled, waiting.count < 1000, waitingBytes < 64 << 20 else { return false }
        func copy(_ view: jf_view) -> [UInt8]? { view.present.map { [UInt8]($0) } }
        var headers: [(name: Range<Int>, value: Range<Int>)] = []
        var text: [UInt8] = []
        for at in 0..<Int(message.header_count) {
            guard let pair = message.headers?[at] else { break }
            let start = text.count
            text.append(contentsOf: pair.name.bytes)
            let middle = text.count
            text.append(contentsOf: pair.value.bytes)
            headers.append((start..<middle, middle..<text.count))
        }
        let body = message.body_count > 0 ? message.body.map { [UInt8]($0.pointee.bytes) } ?? [] : []
        waiting.append(
            WaitingRequest(
                client: client.handle, exchange: message.exchange,
                flags: message.flags & ~UInt32(JF_MSG_PADDED),
                body: body, target: [UInt8](message.target.bytes), protocolVersion: copy(message.protocol),
                method: copy(message.method), name: copy(message.name), session: copy(message.session),
                headerText: text, headers: headers))
        waitingBytes += body.count + text.count
        return true
    }

    private func redeliver(_ request: WaitingRequest, _ message: inout jf_message) {
        request.headerText.withUnsafeBytes { text in
            let pairs = request.headers.map { name, value in
                jf_pair(
                    name: jf_view(UnsafeRawBufferPointer(rebasing: text[name])),
                    value: jf_view(UnsafeRawBufferPointer(rebasing: text[value])))
            }
            pairs.withUnsafeBufferPointer { pairs in
                message.headers = pairs.baseAddress
                message.header_count = UInt64(pairs.count)
                _ = clientDelivered(request.client, &message)
            }
        }
    }

    func dropWaiting(where isGone: (WaitingRequest) -> Bool) {
        if !waiting.isEmpty { waiting.removeAll(where: isGone) }
    }

    /// Every server had its chance: what waited is delivered again.
    func settle() {
        guard !isSettled else { return }
        isSettled = true
        let held = waiting
        waiting = []
        for request in held { redeliver(request) }
    }

    private func redeliver(_ request: WaitingRequest) {
        var message = jf_message()
        message.size = UInt32(MemoryLayout<jf_message>.size)
        message.flags = request.flags
        message.exchange = request.exchange
        func lend(_ bytes: [UInt8]?, _ body: (jf_view) -> Void) {
            guard let bytes else { return body(.absent) }
            // An empty array may have no address; an empty header must stay present.
            (bytes + [0]).withUnsafeBytes {
                body(jf_view(UnsafeRawBufferPointer(rebasing: $0[0..<bytes.count])))
            }
        }
        lend(request.target) {
            message.target = $0
            lend(request.protocolVersion) {
                message.protocol = $0
                lend(request.method) {
                    message.method = $0
                    lend(request.name) {
                        message.name = $0
                        lend(request.session) {
                            message.session = $0
                            lend(request.body) { body in
                                var body = body
                                withUnsafePointer(to: &body) { pointer in
                                    message.body = pointer
                                    message.body_count = 1
                                    redeliver(request, &message)
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}
