// SPDX-License-Identifier: Apache-2.0
// Calls that become tasks of the gateway's own: their client gets a task now, and the result when it asks for it.

import CJackfield
import CLinux
import JSON
import MCP

extension Lane {
    private var clock: UInt64 { jf_realtime_ns() / 1_000_000 }

    // MARK: Becoming a task

    /// Arms the moment at which a call of a client that knows tasks becomes one.
    func armPromotion(_ call: Call) {
        guard let after = gateway.taskPlan.promoteAfter, call.origin == .client, call.method == .toolsCall,
            call.revision.isModern, call.abilities.contains(.tasks), call.promotion == 0
        else { return }
        let handle = call.handle
        call.promotion = loop.after(after) { [weak self] in
            guard let self, let call = self.calls[handle], call.promotion != 0 else { return }
            call.promotion = 0
            guard call.phase == .sent, call.origin == .client, call.dialogue?.isParked != true else { return }
            if self.becomeTask(call) { self.counters.add(.promoted) }
        }
    }

    /// Answers the client with a task and lets the call run on for it. False: at the limit, it goes on as it was.
    @discardableResult
    func becomeTask(_ call: Call) -> Bool {
        guard let client = call.client, call.origin == .client else { return false }
        let plan = gateway.taskPlan
        let longest = plan.ttl / 1_000_000
        let ttl = min(call.taskWish?.ttl ?? longest, longest)
        let record = TaskRecord(
            now: clock, ttl: ttl,
            pollInterval: plan.pollInterval / 1_000_000)
        let place = CallPlace(lane: index, handle: call.handle)
        let identity = gateway.identity
        let principal = call.principal
        let kept = gateway.tasks.add(
            record, revision: call.revision, call: place,
            serverName: call.namesServer ? call.server?.name : nil, tool: tool(of: call), now: clock
        ) {
            sealTask(.kept(instance: identity, handle: $0), for: principal)
        }
        guard let handle = kept, let task = gateway.tasks.find(handle) else { return false }
        reply.reset()
        TaskEdit.writeCreated(
            call.clientId, record.fields(for: call.revision), id: task.id, client: call.revision,
            identity: Product.identity, into: reply)
        if call.replayStream == 0 || !emit(call, reply.finish(), .last), !call.clientIsGone {
            send(client, exchange: call.exchange, reply.finish(), final: true)
        }
        client.unlink(call)
        call.client = nil
        call.exchange = 0
        call.session?.end(call.clientId)
        call.session = nil
        call.origin = .task
        call.task = handle
        if call.timer != 0 { loop.cancelTimer(call.timer) }
        call.deadline = jf_monotonic_ns() &+ ttl * 1_000_000
        call.timer = loop.arm(at: call.deadline, callTimedOut, Unmanaged.passUnretained(call).toOpaque())
        if call.flight != nil { prolongFlight(call) }
        if let home = call.home {
            let key = RelayKey(lane: index, handle: call.handle)
            home.loop.post {
                if let handle = home.relays[key], let relayed = home.calls[handle] {
                    home.extendDeadline(relayed)
                }
            }
        }
        return true
    }

    // MARK: What it comes to

    /// The server's answer to a call that is a task.
    func taskAnswered(_ call: Call, _ envelope: Envelope) {
        guard let outcome = envelope.outcome else { return }
        if call.upstreamTask != nil, call.serverIsModern { return polled(call, envelope) }
        // It took its time, and then made a task of its own after all.
        if envelope.kind == .result, call.serverIsModern,
            TaskView.isCreated(outcome, serverIsModern: true)
        {
            return follow(call, outcome)
        }
        if envelope.kind == .result, call.serverIsModern, !call.request.isEmpty, beginRound(call, outcome) {
            return
        }
        settleTask(call, outcome, isError: envelope.kind == .error)
    }

    /// Keeps a result or an error, in the client's words, and tells who waits for it.
    func settleTask(_ call: Call, _ outcome: JSONNode, isError: Bool) {
        if !isError, isNoResult(call, outcome) {
            return serverFailed(call, "its task ended without a result")
        }
        if !isError, call.passing != nil, passesFilters(call, outcome) { return }
        let form = resultForm(call)
        reply.reset()
        if isError {
            _ = ResultEdit.writeErrorBody(outcome, form, into: reply)
        } else {
            do throws(ResultProblem) { try ResultEdit.writeBody(outcome, form, into: reply) } catch {
                return serverFailed(call, error.message)
            }
        }
        let bytes = reply.joined()
        let toolFailed = outcome.member("isError")?.bool == true
        guard gateway.tasks.take(bytes: bytes.count, for: call.task) else {
            return fail(
                call, .internalError,
                "the gateway holds its limit of \(limits.taskBytes) bytes of results of tasks")
        }
        let now = clock
        let handle = call.task
        if call.audit.isOpen { noteOutcome(call, outcome, isError: isError) }
        observe(call, Int32(JF_OK))
        _ = gateway.tasks.change(handle) { task in
            if isError {
                task.record.fail(bytes, now: now)
            } else {
                task.record.complete(bytes, isError: toolFailed, now: now)
            }
        }
        finish(call)
        taskChanged(handle)
    }

    /// A task's call ended with an error of the gateway's own.
    func failTask(_ call: Call, _ code: ErrorCode, _ text: String, data: String?) {
        var writer = JSONWriter()
        writer.beginObject()
        writer.key("code")
        writer.value(code.rawValue)
        writer.key("message")
        writer.value(text)
        if let data {
            writer.key("data")
            writer.raw(Array(data.utf8))
        }
        writer.endObject()
        let now = clock
        let handle = call.task
        let error = writer.bytes
        let isNews = gateway.tasks.change(handle) { $0.record.fail(error, message: text, now: now) }
        observe(call, Int32(JF_E_FAULT))
        finish(call)
        if isNews == true { taskChanged(handle) }
    }

    /// The call behind a task is over.
    func detachTask(_ call: Call) { _ = gateway.tasks.change(call.task) { $0.call = nil } }

    // MARK: Questions

    /// A question about a task: it stands in the task until somebody asks for it, or goes to a legacy client that waits.
    func askForTask(_ asked: Asked) {
        let call = asked.call
        reply.reset()
        QuestionEdit.writeEntry(
            asked.question, serverName: call.namesServer ? call.server?.name : nil, into: reply)
        let entry = reply.joined()
        let now = clock
        let question = asked.question
        let key = gateway.tasks.change(call.task) { task -> String? in
            guard let key = task.record.ask(entry, now: now) else { return nil }
            task.asks[key] = question
            return key
        }
        guard let key = key ?? nil else { return settle(asked, .refusal(.cancelled)) }
        asked.taskKey = key
        taskChanged(call.task)
    }

    /// An answer to a task's question reached this lane, where its call is.
    func taskQuestionAnswered(_ task: UInt64, _ key: String, _ outcome: AnswerOutcome) {
        guard let call = call(of: task), let asked = call.dialogue?.asked.first(where: { $0.taskKey == key })
        else { return }
        let now = clock
        _ = gateway.tasks.change(call.task) { task in
            task.asks[key] = nil
            task.record.close(key, now: now)
        }
        settle(asked, outcome)
        taskChanged(task)
    }

    /// The call that runs for a kept task, if it is on this lane.
    func call(of task: UInt64) -> Call? {
        guard let place = gateway.tasks.find(task)?.call, place.lane == index else { return nil }
        return calls[place.handle]
    }

    // MARK: Telling

    /// A task changed: whoever waits for it or listens hears of it, on whichever lane.
    func taskChanged(_ handle: UInt64) {
        guard let task = gateway.tasks.find(handle) else { return }
        for waiter in task.waiters {
            let lane = gateway.lane(waiter.lane)
            lane.loop.post { lane.waiterHears(waiter.handle, handle) }
        }
        if task.revision.isModern { gateway.onEveryLane { $0.taskNews(handle) } }
    }
}
