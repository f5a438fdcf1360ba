// SPDX-License-Identifier: Apache-2.0
// What clients ask about tasks: `tasks/get`, `tasks/update`, `tasks/cancel` of the extension; `tasks/get`, `tasks/result`,
// `tasks/cancel` of 2025-11-25.

import CJackfield
import CLinux
import JSON
import MCP

extension Lane {
    /// A task method of either era.
    func serveTask(_ asking: Asking) {
        let isModern = asking.revision.isModern
        let method = asking.envelope.method
        if isModern, !Abilities(modern: asking.meta.clientCapabilities).contains(.tasks) {
            return refuse(
                asking.client, asking.message, id: asking.id, .missingCapability,
                "declare the extension \(TaskNames.extension) to use tasks",
                data: "\(TaskNames.requiredCapabilities)", status: JF_STATUS_BAD_REQUEST)
        }
        let text: String
        do throws(ProtocolRefusal) { text = try TaskRequest.id(asking.envelope.params) } catch {
            return refuse(
                asking.client, asking.message, id: asking.id, error.code, error.message,
                status: isModern ? JF_STATUS_BAD_REQUEST : JF_STATUS_OK)
        }
        switch openTask(text, for: asking.principal) {
        case .kept(let instance, let handle):
            guard instance == gateway.identity, let task = gateway.tasks.find(handle),
                !task.record.isExpired(jf_realtime_ns() / 1_000_000), task.revision.isModern == isModern
            else { return refuseTask(asking) }
            // Whoever may not use the tool any more may still end its task.
            if method != .tasksCancel {
                guard let isAllowed = mayUse(task.tool, .kept(handle), asking) else { return }
                guard isAllowed else { return refuseTask(asking) }
            }
            switch method {
            case .tasksGet: show(asking, task)
            case .tasksUpdate: update(asking, handle, task)
            case .tasksCancel: cancelTask(asking, handle, task)
            case .tasksResult: awaitResult(asking, handle, task)
            default: refuseTask(asking)
            }
        case .server(let name, let endpoint, let id, let tool, let path):
            guard isModern,
                let at = asking.view.servers.first(where: { catalog.servers[$0].name == name })
            else { return refuseTask(asking) }
            if method != .tasksCancel, isGuarded {
                let tool = taskTool(tool, of: at, path, asking.view)
                guard let isAllowed = mayUse(tool, .server(name, id), asking) else { return }
                guard isAllowed else { return refuseTask(asking) }
            }
            askServer(asking, at, endpoint, id)
        case nil: refuseTask(asking)
        }
    }

    /// The same words for a task that is over, somebody else's, and one whose tool is not allowed any more.
    private static var noSuchTask: String { "there is no such task, or its time is over" }

    private func refuseTask(_ asking: Asking) {
        refuse(
            asking.client, asking.message, id: asking.id, .invalidParams, Lane.noSuchTask,
            status: asking.revision.isModern ? JF_STATUS_BAD_REQUEST : JF_STATUS_OK)
    }

    // MARK: Kept tasks

    private func show(_ asking: Asking, _ task: KeptTask) {
        reply.reset()
        let fields = task.record.fields(for: asking.revision)
        do {
            try task.record.withPayload { payload in
                try TaskEdit.writeState(
                    asking.id, fields, payload, id: task.id, client: asking.revision,
                    identity: Product.identity, into: reply)
                send(asking.client, exchange: asking.message.exchange, reply.finish(), final: true)
            }
        } catch {
            refuse(
                asking.client, asking.message, id: asking.id, .internalError, "\(error)",
                status: JF_STATUS_OK)
        }
    }

    private func acknowledgeTask(_ asking: Asking) {
        reply.reset()
        TaskEdit.writeAcknowledgement(asking.id, identity: Product.identity, into: reply)
        send(asking.client, exchange: asking.message.exchange, reply.finish(), final: true)
    }

    private func update(_ asking: Asking, _ handle: UInt64, _ task: KeptTask) {
        guard let responses = asking.envelope.params?.member("inputResponses"), responses.kind == .object,
            let answers = try? JSONText(copying: responses.raw)
        else {
            return refuse(
                asking.client, asking.message, id: asking.id, .invalidParams,
                "params.inputResponses must be an object", status: JF_STATUS_BAD_REQUEST)
        }
        var known: [(key: String, value: [UInt8])] = []
        let problem: String? = answers.withRoot { root in
            for (key, question) in task.asks {
                guard let value = root.member(named: key) else { continue }
                do throws(QuestionProblem) { try AnswerEdit.check(value, of: question.method) } catch {
                    return "inputResponses.\(key): \(error.message)"
                }
                known.append((key, [UInt8](value.raw)))
            }
            return nil
        }
        if let problem {
            return refuse(
                asking.client, asking.message, id: asking.id, .invalidParams, problem,
                status: JF_STATUS_BAD_REQUEST)
        }
        acknowledgeTask(asking)
        guard let place = task.call else { return }
        let lane = gateway.lane(place.lane)
        for (key, value) in known {
            lane.loop.post { lane.taskQuestionAnswered(handle, key, .value(value)) }
        }
    }

    private func cancelTask(_ asking: Asking, _ handle: UInt64, _ task: KeptTask) {
        if !asking.revision.isModern, task.record.status.isTerminal {
            return refuse(
                asking.client, asking.message, id: asking.id, .invalidParams,
                "the task is over already: \(task.record.status.text)", status: JF_STATUS_OK)
        }
        let now = jf_realtime_ns() / 1_000_000
        let changed = gateway.tasks.change(handle) { task -> KeptTask in
            task.record.cancel(message: "cancelled by the client", now: now)
            return task
        }
        if asking.revision.isModern { acknowledgeTask(asking) } else { show(asking, changed ?? task) }
        if let place = task.call {
            let lane = gateway.lane(place.lane)
            lane.loop.post {
                if let call = lane.call(of: handle) { lane.cancel(call, reason: "the task was cancelled") }
            }
        }
        taskChanged(handle)
    }

    // MARK: tasks/result

    /// Blocks until the task is over, as 2025-11-25 has it; questions reach the client meanwhile.
    private func awaitResult(_ asking: Asking, _ handle: UInt64, _ task: KeptTask) {
        guard !asking.revision.isModern, let call = takeCall(.client) else {
            return refuseOverload(asking, "the gateway has \(limits.calls) calls under way, its limit")
        }
        setUp(call, asking)
        call.phase = .sent
        call.awaitedTask = handle
        let place = CallPlace(lane: index, handle: call.handle)
        _ = gateway.tasks.change(handle) { $0.waiters.append(place) }
        waiterHears(call.handle, handle)
    }

    /// A task that a client waits for changed: it is over, or asks something.
    func waiterHears(_ waiter: UInt64, _ handle: UInt64) {
        guard let call = calls[waiter], call.awaitedTask == handle else { return }
        guard let task = gateway.tasks.find(handle) else {
            return fail(call, .invalidParams, Lane.noSuchTask)
        }
        guard task.tool != nil, isGuarded else { return tellWaiter(call, handle, task) }
        mayStill(task.tool, call.caller, address: call.client?.address ?? "") { [weak self] isAllowed in
            guard let self, let call = self.calls[waiter], call.awaitedTask == handle else { return }
            guard isAllowed, let task = self.gateway.tasks.find(handle) else {
                self.forgetWaiter(call)
                self.withdrawQuestions(call)
                return self.fail(call, .invalidParams, Lane.noSuchTask)
            }
            self.tellWaiter(call, handle, task)
        }
    }

    private func tellWaiter(_ call: Call, _ handle: UInt64, _ task: KeptTask) {
        let waiter = call.handle
        if task.record.status.isTerminal { return deliverResult(call, handle, task) }
        for (key, question) in task.asks.sorted(by: { $0.key < $1.key })
        where call.dialogue?.asked.contains(where: { $0.taskKey == key }) != true {
            // Asked of one waiter only.
            guard let place = task.call, task.waiters.first == CallPlace(lane: index, handle: waiter),
                calls[waiter] === call
            else { return }
            let asked = TaskQuestion(
                task: handle, lane: place.lane, key: key, id: task.id, serverName: task.serverName)
            ask(call, question, .task(asked))
        }
    }

    private func deliverResult(_ call: Call, _ handle: UInt64, _ task: KeptTask) {
        forgetWaiter(call)
        withdrawQuestions(call)
        reply.reset()
        reply.literal("{\"jsonrpc\":\"2.0\",\"id\":")
        reply.bytes(call.clientId)
        switch task.record.outcome {
        case .result(let result, _):
            guard let text = try? JSONText(result) else { return serverFailed(call, "its result is lost") }
            reply.literal(",\"result\":")
            text.withRoot { root in
                RelatedTask.write(root, task.id, into: reply)
                reply.byte(125)
                conclude(call, status: Int32(JF_OK), reply.finish(), http: JF_STATUS_OK)
            }
            return
        case .error(let error):
            reply.literal(",\"error\":")
            reply.copy(error)
            reply.byte(125)
        case nil:
            reply.reset()
            Answers.error(id: call.clientId, .cancelled, "the task was cancelled", into: reply)
        }
        conclude(call, status: Int32(JF_OK), reply.finish(), http: JF_STATUS_OK)
    }

    func forgetWaiter(_ call: Call) {
        let place = CallPlace(lane: index, handle: call.handle)
        let handle = call.awaitedTask
        call.awaitedTask = 0
        let next = gateway.tasks.change(handle) { task -> CallPlace? in
            let wasFirst = task.waiters.first == place
            task.waiters.removeAll { $0 == place }
            return wasFirst && !task.asks.isEmpty ? task.waiters.first : nil
        }
        // What the first one was asked is asked of the next.
        if let next = next ?? nil {
            let lane = gateway.lane(next.lane)
            lane.loop.post { lane.waiterHears(next.handle, handle) }
        }
    }

    // MARK: Tasks that their server keeps

    /// The request goes to the server that keeps the task, under the server's own id.
    private func askServer(_ asking: Asking, _ at: Int, _ endpoint: Int, _ id: String) {
        guard asking.envelope.method != .tasksResult else { return refuseTask(asking) }
        guard let call = takeCall(.client) else {
            return refuseOverload(asking, "the gateway has \(limits.calls) calls under way, its limit")
        }
        setUp(call, asking)
        let target = Target(
            server: at, replacement: JSONWriter.quoted(id), key: "taskId", name: id, shownURI: nil,
            headers: [])
        call.taskId = asking.envelope.params?.member("taskId")?.string()
        call.shownURIs = asking.view.shownURIs(of: at)
        dispatch(call, target, asking.envelope, asking.meta, asking.body, endpoint: endpoint)
    }

    /// The server's answer about a task of its own, under our id; false when it is none.
    func answerAboutTask(_ call: Call, _ result: JSONNode) -> Bool {
        guard let id = call.taskId, call.method == .tasksGet else { return false }
        // A task's payload lies deeper than an answer's index reaches.
        guard let text = try? JSONText(copying: result.raw) else { return false }
        text.withRoot { root in
            do throws(ResultProblem) {
                let view = try TaskView.state(root, serverIsModern: call.serverIsModern)
                var form = resultForm(call)
                form.method = .toolsCall
                reply.reset()
                let named = call.namesServer ? namedQuestions(view, call) : nil
                try TaskEdit.writeState(
                    call.clientId, view.fields, named.map { .questions($0.bytes) } ?? view.payload(form),
                    id: id, client: call.revision, identity: Product.identity, into: reply)
                conclude(call, status: Int32(JF_OK), reply.finish(), http: JF_STATUS_OK)
                withExtendedLifetime(named) {}
            } catch { serverFailed(call, error.message) }
        }
        return true
    }

    /// A task's questions, saying which server asks.
    private func namedQuestions(_ view: TaskView, _ call: Call) -> JSONText? {
        view.inputRequests.flatMap {
            InputRequiredEdit.named(requests: $0, serverName: call.server?.name ?? "?")
        }.flatMap { try? JSONText($0) }
    }
}
