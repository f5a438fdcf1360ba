// SPDX-License-Identifier: Apache-2.0
// Tasks that a server makes of a call: handed out under our own id where the client knows the same kind, else followed to
// their end here, so that the client gets a task of the gateway's, or simply the result.

import CJackfield
import CLinux
import JSON
import MCP

extension Call {
    /// The client takes a task in place of a result: it asked for one, or declared the extension.
    var takesTasks: Bool { taskWish != nil || revision.isModern && abilities.contains(.tasks) }
}

extension Lane {
    // MARK: Asking for one

    /// Whether a legacy client may have the task that it asks for; a sentence says why not.
    func refusesTask(_ target: Target) -> String? {
        let statuses = catalog.statuses[target.server]
        guard statuses.contains(where: { $0.capabilities.tasks.toolCalls }) else {
            return "server \(catalog.servers[target.server].name) does not run tools as tasks"
        }
        let isModern = statuses.contains { $0.revision?.isModern == true }
        return isModern || target.taskSupport ?? .forbidden != .forbidden
            ? nil : "this tool does not run as a task"
    }

    /// What a `tools/call` says about tasks to its server.
    func wish(_ call: Call, _ target: Target, _ hop: Hop) -> TaskWish? {
        guard call.method == .toolsCall, !call.serverIsModern, hop.tasks.toolCalls else {
            return nil
        }
        switch target.taskSupport ?? .forbidden {
        case .required: return call.taskWish ?? TaskWish()
        case .optional: return call.taskWish ?? (call.takesTasks ? TaskWish() : nil)
        case .forbidden: return nil
        }
    }

    // MARK: Legacy servers

    /// Takes the answer in which a legacy server made a task of the call; false when it is another answer. The call goes on
    /// with `tasks/result`, which brings the questions and the outcome.
    func takeServerTask(_ call: Call, _ envelope: Envelope) -> Bool {
        guard call.wantsServerTask, envelope.kind == .result, let result = envelope.outcome,
            TaskView.isCreated(result, serverIsModern: false), let channel = call.channel
        else { return false }
        call.wantsServerTask = false
        do throws(ResultProblem) {
            call.upstreamTask = try TaskView.created(result, serverIsModern: false).id
        } catch {
            serverFailed(call, error.message)
            return true
        }
        if call.takesTasks {
            if let asker = call.asker {
                let handle = call.askerHandle
                asker.loop.post { if let call = asker.calls[handle] { asker.serverTaskBegan(call) } }
            } else {
                serverTaskBegan(call)
            }
            if call.origin != .task { extendDeadline(call) }
        }
        renewHandle(call)
        let params = "{\"taskId\":\(quoted(call.upstreamTask ?? ""))}"
        outgoing.reset()
        outgoing.literal("{\"jsonrpc\":\"2.0\",\"id\":")
        outgoing.integer(call.handle)
        outgoing.literal(",\"method\":\"tasks/result\",\"params\":")
        outgoing.text(params)
        outgoing.byte(125)
        call.phase = .sent
        let hop = hop(channel, call)
        let problem = post(
            channel, exchange: call.handle, outgoing.finish(), method: .tasksResult, revision: hop.revision,
            session: hop.session, deadline: call.upstream == nil ? call.deadline : 0, for: call.caller)
        if let problem { serverFailed(call, problem) }
        return true
    }

    /// The lane of the client: its server runs the call as a task, so the client may have one.
    private func serverTaskBegan(_ call: Call) {
        guard call.origin == .client, call.phase == .sent, !call.clientIsGone else { return }
        becomeTask(call)
    }

    func extendDeadline(_ call: Call) {
        if call.timer != 0 { loop.cancelTimer(call.timer) }
        call.deadline = jf_monotonic_ns() &+ gateway.taskPlan.ttl
        call.timer = loop.arm(at: call.deadline, callTimedOut, Unmanaged.passUnretained(call).toOpaque())
    }

    /// A fresh id for a further request of the same call; the old one is over.
    func renewHandle(_ call: Call) {
        if !call.progressToken.isEmpty || call.stretch != nil, call.progressHandle == 0 {
            // The server goes on telling of progress under the first request's token.
            call.progressHandle = call.handle
            progressing[call.handle] = call
        }
        calls.remove(call.handle)
        // The slot that was just freed is there.
        guard let handle = calls.insert(call) else { return }
        call.handle = handle
        if let asker = call.asker { relays[RelayKey(lane: asker.index, handle: call.askerHandle)] = handle }
        let place = CallPlace(lane: index, handle: handle)
        if call.task != 0 { _ = gateway.tasks.change(call.task) { $0.call = place } }
    }

    /// A legacy server's task that failed has a result without content: that is none (2025-11-25, "Task status").
    func isNoResult(_ call: Call, _ result: JSONNode) -> Bool {
        call.upstreamTask != nil && !call.serverIsModern && result.member("content")?.kind != .array
            && result.member("structuredContent") == nil
    }

    /// The server hears that its task is not wanted any more.
    func cancelServerTask(_ call: Call) {
        guard let id = call.upstreamTask else { return }
        call.upstreamTask = nil
        if call.serverIsModern { return tellServer(call, .tasksCancel, id, "") }
        guard let channel = call.channel else { return }
        let hop = hop(channel, call)
        request(
            channel, .tasksCancel, params: "{\"taskId\":\(quoted(id))}", revision: hop.revision,
            session: hop.session, timeout: limits.probeTimeout
        ) { _ in }
    }

    // MARK: Modern servers

    /// A modern server made a task of the call.
    func takeModernTask(_ call: Call, _ result: JSONNode) -> Bool {
        guard TaskView.isCreated(result, serverIsModern: true), call.method == .toolsCall else {
            return false
        }
        guard call.takesTasks else {
            serverFailed(call, "it answered with a task, which this client did not ask for")
            return true
        }
        do throws(ResultProblem) {
            let view = try TaskView.created(result, serverIsModern: true)
            // Where filters want to see what it comes to, the gateway follows the task itself.
            if call.revision.isModern, call.passing?.seesResults != true { return handOut(call, view) }
            call.upstreamTask = view.id
            let interval = view.fields.pollInterval ?? gateway.taskPlan.pollInterval / 1_000_000
            guard becomeTask(call) else {
                cancelServerTask(call)
                fail(call, .internalError, "the gateway holds its limit of \(limits.tasks) tasks")
                return true
            }
            poll(call, after: interval)
        } catch { serverFailed(call, error.message) }
        return true
    }

    /// A kept task's call became a task of its server: that one is followed.
    func follow(_ call: Call, _ result: JSONNode) {
        do throws(ResultProblem) {
            let view = try TaskView.created(result, serverIsModern: true)
            call.upstreamTask = view.id
            poll(call, after: view.fields.pollInterval ?? gateway.taskPlan.pollInterval / 1_000_000)
        } catch { serverFailed(call, error.message) }
    }

    /// The server keeps the task; the client knows it by an id of ours.
    private func handOut(_ call: Call, _ view: TaskView) -> Bool {
        guard let server = call.server,
            let id = sealTask(
                .server(
                    name: server.name, endpoint: call.endpointIndex, id: view.id, tool: call.tool?.name ?? "",
                    path: call.path), for: call.principal)
        else {
            serverFailed(call, "its task cannot be handed out; see the gateway's log")
            return true
        }
        reply.reset()
        TaskEdit.writeCreated(
            call.clientId, view.fields, id: id, client: call.revision, identity: Product.identity,
            into: reply)
        conclude(call, status: Int32(JF_OK), reply.finish(), http: JF_STATUS_OK)
        return true
    }

    /// Asks the server how its task is doing, after its interval (milliseconds; never oftener than ten times a second).
    private func poll(_ call: Call, after interval: UInt64) {
        call.phase = .idle
        let handle = call.handle
        loop.after(min(max(interval, 100), 60_000) * 1_000_000) { [weak self] in
            guard let self, let call = self.calls[handle], let id = call.upstreamTask else { return }
            self.renewHandle(call)
            call.method = .tasksGet
            call.target = Target(
                server: 0, replacement: nil, key: "taskId", name: id, shownURI: nil, headers: [])
            self.resend(call, self.taskRequest(.tasksGet, id, ""))
        }
    }

    /// The server's answer to a poll.
    func polled(_ call: Call, _ envelope: Envelope) {
        guard let outcome = envelope.outcome, let text = try? JSONText(copying: outcome.raw) else { return }
        text.withRoot { root in
            if envelope.kind == .error { return settleTask(call, root, isError: true) }
            do throws(ResultProblem) {
                let view = try TaskView.state(root, serverIsModern: true)
                switch view.fields.status {
                case .completed:
                    if let result = view.result { settleTask(call, result, isError: false) }
                case .failed:
                    if let error = view.error { return settleTask(call, error, isError: true) }
                    failTask(call, .internalError, "the task failed; its server gave no reason", data: nil)
                case .cancelled: failTask(call, .cancelled, "the server cancelled the task", data: nil)
                case .working, .inputRequired:
                    let handle = call.handle
                    if let questions = view.inputRequests { takeTaskQuestions(call, questions) }
                    guard calls[handle] === call else { return }
                    poll(call, after: view.fields.pollInterval ?? gateway.taskPlan.pollInterval / 1_000_000)
                }
            } catch { serverFailed(call, error.message) }
        }
    }

    /// Each question of a task is asked once, however often the server shows it.
    private func takeTaskQuestions(_ call: Call, _ questions: JSONNode) {
        for member in questions.members {
            let key = [34] + [UInt8](member.key) + [34]
            let dialogue = call.dialogue ?? Dialogue()
            call.dialogue = dialogue
            guard dialogue.seen.count < limits.questionsPerCall, dialogue.seen.insert(key).inserted else {
                continue
            }
            guard let question = try? QuestionEdit.neutral(entry: member.value) else { continue }
            ask(call, question, .entry(key))
        }
    }

    /// The answer to a question of a modern server's task goes to the task.
    func updateServerTask(_ asked: Asked, _ outcome: AnswerOutcome) {
        let call = asked.call
        guard case .entry(let key) = asked.source, let id = call.upstreamTask else { return }
        call.dialogue?.remove(asked)
        let value: [UInt8]
        switch outcome {
        case .value(let given): value = given
        case .error, .refusal:
            guard asked.question.method == .elicitationCreate else {
                cancelServerTask(call)
                return fail(call, .cancelled, "the client refused what the task asked for")
            }
            value = Array("{\"action\":\"cancel\"}".utf8)
        }
        let name = String(decoding: key, as: UTF8.self)
        tellServer(
            call, .tasksUpdate, id,
            ",\"inputResponses\":{\(name):\(String(decoding: value, as: UTF8.self))}")
    }

    /// A request about a server's task whose answer nobody needs.
    private func tellServer(_ call: Call, _ method: Method, _ id: String, _ more: String) {
        guard let server = call.server, let position = catalog.index(of: server),
            let errand = takeCall(.plugin)
        else { return }
        errand.method = method
        errand.abilities = .tasks
        errand.completion = { _ in }
        errand.caller = call.caller
        let target = Target(
            server: position, replacement: nil, key: "taskId", name: id, shownURI: nil, headers: [])
        let body = taskRequest(method, id, more)
        // Not the lane's own scanner: it may hold the message that led here.
        guard let text = try? JSONText(body.dropLast(JSONParser.padding)) else { return finish(errand) }
        text.withRoot { root in
            guard let envelope = try? Envelope.read(root) else { return finish(errand) }
            dispatch(
                errand, target, envelope, RequestMeta(envelope.params), text.bytes,
                endpoint: call.endpointIndex)
        }
    }

    private func taskRequest(_ method: Method, _ id: String, _ more: String) -> [UInt8] {
        Array(
            "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"\(method.name)\",\"params\":{\"taskId\":\(quoted(id))\(more)}}"
                .utf8) + [UInt8](repeating: 32, count: JSONParser.padding)
    }

    private func quoted(_ text: String) -> String { String(decoding: JSONWriter.quoted(text), as: UTF8.self) }
}
