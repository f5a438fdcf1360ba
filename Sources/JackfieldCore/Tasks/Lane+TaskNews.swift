// SPDX-License-Identifier: Apache-2.0
// Changes of tasks, for the streams that listen for them: of kept tasks from the table, of servers' tasks through one
// `subscriptions/listen` per task, opened with the first listener and closed with the last.

import CJackfield
import JSON
import MCP

extension Lane {
    // MARK: Listening

    /// Enters a stream for a task whose tool its principal may use; other ids are simply not honoured.
    func joinTask(_ subscriber: Subscriber, _ id: String, _ asking: Asking) {
        let view = asking.view
        switch openTask(id, for: asking.principal) {
        case .kept(let instance, let handle):
            guard instance == gateway.identity, let task = gateway.tasks.find(handle) else { return }
            join(subscriber, task.tool, asking) { [self] in
                standing.tasks.join(subscriber, .kept(handle), id)
            }
        case .server(let name, let endpoint, let own, let tool, let path):
            guard let at = view.servers.first(where: { catalog.servers[$0].name == name }),
                catalog.statuses[at].indices.contains(endpoint),
                catalog.statuses[at][endpoint].capabilities.tasks.toolCalls
            else { return }
            let server = catalog.servers[at]
            let tool = taskTool(tool, of: at, path, view)
            join(subscriber, tool, asking) { [self] in
                let key = TaskKey.server(name, own)
                let isFirst = standing.tasks.listeners(key).isEmpty
                standing.tasks.join(subscriber, key, id, tool)
                guard isFirst else { return }
                let home = gateway.lane(server.homeLane)
                let from = index
                home.loop.post { home.watchTask(server, endpoint, key, own, from: from) }
            }
        case nil: return
        }
    }

    /// Asks policies; the acknowledgement waits for their answer.
    private func join(
        _ subscriber: Subscriber, _ tool: TaskTool?, _ asking: Asking, _ enter: @escaping () -> Void
    ) {
        guard isGuarded else { return enter() }
        subscriber.unsettled += 1
        var isLater = false
        mayStill(tool, asking.caller, address: asking.client.address) { [self] isAllowed in
            subscriber.unsettled -= 1
            if isAllowed, subscriber.isOpen, !subscriber.isAcknowledged { enter() }
            if isLater, subscriber.unsettled == 0 { acknowledge(subscriber) }
        }
        isLater = true
    }

    /// A stream is over; servers hear what nobody listens for any more.
    func leaveTasks(_ subscriber: Subscriber) {
        guard !subscriber.tasks.isEmpty else { return }
        let from = index
        for key in standing.tasks.leave(subscriber) {
            guard case .server(let name, _) = key,
                let server = catalog.servers.first(where: { $0.name == name })
            else { continue }
            let home = gateway.lane(server.homeLane)
            home.loop.post { home.unwatchTask(key, from: from) }
        }
    }

    // MARK: Telling

    /// A kept task changed.
    func taskNews(_ handle: UInt64) {
        let listeners = standing.tasks.listeners(.kept(handle))
        guard !listeners.isEmpty, let task = gateway.tasks.find(handle) else { return }
        if task.tool != nil, isGuarded {
            for listener in listeners { judgeNews(.kept(handle), listener, task.tool, []) }
            return
        }
        tell(listeners, task)
    }

    private func tell(_ listeners: [TaskListeners.Listener], _ task: KeptTask) {
        let fields = task.record.fields(for: .newest)
        task.record.withPayload { payload in
            for listener in listeners { tell(listener, fields, payload) }
        }
    }

    /// A server's task changed: `params` of its notification.
    private func taskNews(_ key: TaskKey, _ params: [UInt8]) {
        let listeners = standing.tasks.listeners(key)
        guard !listeners.isEmpty else { return }
        if isGuarded {
            for listener in listeners { judgeNews(key, listener, listener.tool, params) }
            return
        }
        tell(listeners, params)
    }

    private func tell(_ listeners: [TaskListeners.Listener], _ params: [UInt8]) {
        guard let text = try? JSONText(params) else { return }
        text.withRoot { root in
            guard let view = try? TaskView.state(root, serverIsModern: true) else { return }
            let form = ResultForm(
                method: .toolsCall, serverIsModern: true, client: .newest, identity: Product.identity)
            for listener in listeners { tell(listener, view.fields, view.payload(form)) }
        }
    }

    /// Tells a listener what its principal may still know. While policies decide, the newest takes the place of older news.
    private func judgeNews(
        _ key: TaskKey, _ listener: TaskListeners.Listener, _ tool: TaskTool?, _ params: [UInt8]
    ) {
        let subscriber = listener.subscriber
        let place = TaskListeners.Place(subscriber: ObjectIdentifier(subscriber), key: key)
        let isUnderWay = standing.tasks.undecided[place] != nil
        standing.tasks.undecided[place] = params
        guard !isUnderWay else { return }
        mayStill(tool, subscriber.caller, address: clients[subscriber.client]?.address ?? "") {
            [self] isAllowed in
            // Held until here: its place is nobody else's meanwhile.
            guard let params = standing.tasks.undecided.removeValue(forKey: place), isAllowed,
                subscriber.isOpen
            else { return }
            switch key {
            case .server: tell([listener], params)
            case .kept(let handle):
                if let task = gateway.tasks.find(handle) { tell([listener], task) }
            }
        }
    }

    private func tell(_ listener: TaskListeners.Listener, _ fields: TaskFields, _ payload: TaskPayload) {
        let subscriber = listener.subscriber
        // A slow reader polls: the state is there whenever it asks.
        guard !subscriber.isHeld, let subscription = subscriber.subscription else { return }
        subscription.withUnsafeBytes { subscription in
            reply.reset()
            do throws(ResultProblem) {
                try TaskEdit.writeNotification(
                    fields, payload, id: listener.id, client: .newest, subscription: subscription, into: reply
                )
            } catch {
                return log.write(.warning, "news of a task was dropped", [.init("why", error.message)])
            }
            _ = push(subscriber)
        }
    }

    // MARK: Home lane

    private func watchTask(_ server: Server, _ endpoint: Int, _ key: TaskKey, _ id: String, from lane: Int) {
        if let watch = standing.taskWatches.values.first(where: { $0.key == key }) {
            watch.lanes.insert(lane)
            return
        }
        guard server.endpoints.indices.contains(endpoint),
            let supervisor = supervisors[server.endpoints[endpoint].id], let channel = supervisor.channel
        else { return }
        let watch = TaskWatch(key, lane: lane)
        let quoted = String(decoding: JSONWriter.quoted(id), as: UTF8.self)
        let meta =
            "\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":\"\(Revision.newest.text)\","
            + "\"io.modelcontextprotocol/clientCapabilities\":{\"extensions\":{\"\(TaskNames.extension)\":{}}},"
            + "\"io.modelcontextprotocol/clientInfo\":\(Product.identity)}"
        watch.handle = request(
            channel, .subscriptionsListen, params: "{\(meta),\"notifications\":{\"taskIds\":[\(quoted)]}}",
            revision: .newest, session: nil, timeout: nil
        ) { [weak self, weak watch] _ in
            if let self, let watch { self.standing.taskWatches[watch.handle] = nil }
        }
        if watch.handle != 0 { standing.taskWatches[watch.handle] = watch }
    }

    private func unwatchTask(_ key: TaskKey, from lane: Int) {
        guard let watch = standing.taskWatches.values.first(where: { $0.key == key }) else { return }
        watch.lanes.remove(lane)
        if watch.lanes.isEmpty { end(watch) }
    }

    private func end(_ watch: TaskWatch) {
        standing.taskWatches[watch.handle] = nil
        guard let call = calls[watch.handle], call.origin == .supervision else { return }
        call.handler = nil
        stopServer(call, reason: "nobody listens any more")
        finish(call)
    }

    /// `notifications/tasks` of a server.
    func taskNotified(_ owner: Call?, _ envelope: Envelope) {
        let tag = envelope.params?.member("_meta")?.member("io.modelcontextprotocol/subscriptionId")?.int64
        guard let params = envelope.params,
            let watch = standing.taskWatches[owner?.handle ?? UInt64(clamping: tag ?? 0)]
        else { return }
        let body = [UInt8](params.raw)
        let key = watch.key
        for lane in watch.lanes.map({ gateway.lane($0) }) { lane.loop.post { lane.taskNews(key, body) } }
        if TaskStatus(params.member("status"))?.isTerminal == true {
            loop.later { [weak self, weak watch] in if let self, let watch { self.end(watch) } }
        }
    }
}
