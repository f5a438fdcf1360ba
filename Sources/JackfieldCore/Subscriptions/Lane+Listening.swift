// SPDX-License-Identifier: Apache-2.0
// `subscriptions/listen` (MCP 2026-07-28): one filter over all servers of a view, one acknowledgement, then the changes.

import CJackfield
import JSON
import MCP

extension Lane {
    /// How long a client waits for the servers' word on resources it subscribes to; what they have not confirmed by
    /// then is not honoured. 5 s.
    static var confirmationWait: UInt64 { 5_000_000_000 }

    func listen(_ asking: Asking) {
        let client = asking.client
        let message = asking.message
        let wanted: ListenFilter
        do {
            wanted = try ListenFilter(
                asking.envelope.params?.member("notifications"), limit: limits.subscriptionsPerStream)
        } catch {
            return refuse(
                client, message, id: asking.id, .invalidParams, error.message, status: JF_STATUS_BAD_REQUEST)
        }
        guard message.flags & UInt32(JF_MSG_ACCEPTS_STREAM) != 0 else {
            return refuse(
                client, message, id: asking.id, .invalidRequest,
                "subscriptions/listen is answered by a stream; Accept must list text/event-stream",
                status: JF_STATUS_NOT_ACCEPTABLE)
        }
        if !wanted.tasks.isEmpty, !Abilities(modern: asking.meta.clientCapabilities).contains(.tasks) {
            return refuse(
                client, message, id: asking.id, .missingCapability,
                "declare the extension \(TaskNames.extension) to listen for tasks",
                data: "\(TaskNames.requiredCapabilities)", status: JF_STATUS_BAD_REQUEST)
        }
        // Before its servers have listed, a view has nothing to listen to.
        if hold(client, message) { return }
        var seen: SeenLists?
        if listsDiffer, !wanted.kinds.isEmpty {
            switch shown(asking.view, to: asking.caller, client, message) {
            case .view(let own): seen = SeenLists(own.fingerprints)
            case .held: return
            case .failed: break
            }
        }
        guard streamTotal.takeStream(limit: limits.streams) else {
            return refuseStream(client, message, id: asking.id)
        }
        let subscriber = Subscriber(
            client: client.handle, exchange: message.exchange, subscription: [UInt8](asking.id), session: nil,
            path: asking.view.path, kinds: wanted.kinds.intersection(catalog.announced(asking.view)))
        guard standing.streams.insert(subscriber) else {
            streamTotal.giveStream()
            return refuse(
                client, message, id: asking.id, .invalidRequest,
                "this id belongs to a request still under way", status: JF_STATUS_BAD_REQUEST)
        }
        subscriber.seen = seen
        bind(subscriber, to: asking.caller)
        for id in wanted.tasks { joinTask(subscriber, id, asking) }
        for uri in wanted.resources { join(subscriber, uri, asking) }
        guard subscriber.unsettled > 0 else { return acknowledge(subscriber) }
        subscriber.timer = loop.after(Lane.confirmationWait) { [weak self, weak subscriber] in
            guard let self, let subscriber, subscriber.isOpen else { return }
            subscriber.timer = 0
            self.acknowledge(subscriber)
        }
    }

    /// Subscribes to one resource where the server that has it offers that; otherwise it is simply not honoured.
    private func join(_ subscriber: Subscriber, _ uri: String, _ asking: Asking) {
        guard uri.utf8.count <= ListenFilter.longestURI, let target = resourceTarget(uri, asking.view),
            offersSubscriptions(target.server)
        else { return }
        let server = catalog.servers[target.server]
        // The acknowledgement waits for policies, too.
        subscriber.unsettled += 1
        var isLater = false
        mayWatch(
            .resourcesSubscribe, target, uri, asking.caller, address: asking.client.address,
            at: asking.view.path
        ) { [self] refusal in
            subscriber.unsettled -= 1
            if refusal == nil, subscriber.isOpen, !subscriber.isAcknowledged,
                streamTotal.takeResource(limit: resourceLimit)
            {
                standing.interests.join(subscriber, server, target.name, shown: target.shownURI)
                tellHomesSoon()
            }
            if isLater, subscriber.unsettled == 0 { acknowledge(subscriber) }
        }
        isLater = true
    }

    /// Every word is in, or the wait is over: says what is honoured, then what changed meanwhile.
    func acknowledge(_ subscriber: Subscriber) {
        guard subscriber.isOpen, !subscriber.isAcknowledged, let subscription = subscriber.subscription else {
            return
        }
        if subscriber.timer != 0 { loop.cancelAfter(subscriber.timer) }
        subscriber.timer = 0
        for index in subscriber.resources.indices.reversed() where !subscriber.resources[index].isConfirmed {
            leave(subscriber, at: index)
        }
        var honoured = ListenFilter()
        honoured.kinds = subscriber.kinds
        honoured.resources = subscriber.resources.map(\.shownURI)
        honoured.tasks = subscriber.tasks.map(\.id)
        reply.reset()
        reply.literal("{\"jsonrpc\":\"2.0\",\"method\":\"notifications/subscriptions/acknowledged\"")
        reply.literal(",\"params\":{\"notifications\":{")
        honoured.write(into: reply)
        reply.literal("},\"_meta\":{\"io.modelcontextprotocol/subscriptionId\":")
        reply.copy(subscription)
        reply.literal("}}}")
        subscriber.isAcknowledged = true
        _ = push(subscriber)
        release(subscriber)
    }

    /// Whether any endpoint of a server (an index into the catalogue) says that its resources can be subscribed to.
    func offersSubscriptions(_ server: Int) -> Bool {
        catalog.statuses[server].contains { $0.capabilities.resourcesSubscribe }
    }
}
