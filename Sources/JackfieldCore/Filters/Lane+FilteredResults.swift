// SPDX-License-Identifier: Apache-2.0
// Filters on the way back: results, wherever they come from, before they reach whoever asked. On the lane that asked.

import CJackfield
import CLinux
import JSON
import MCP

/// A result between filters.
private enum Filtered {
    /// As it came; good as long as the caller's message.
    case lent(UnsafeRawBufferPointer, isError: Bool)
    /// Changed, or kept while a filter took its time.
    case own(JSONText)

    func with<R>(_ body: (UnsafeRawBufferPointer, _ isError: Bool) -> R) -> R {
        switch self {
        case .lent(let bytes, let isError): body(bytes, isError)
        case .own(let text):
            text.withRoot { body(text.bytes, $0.member("isError")?.bool == true) }
        }
    }
}

extension Lane {
    /// Shows filters a result. False: nothing came of it, and the caller goes on with its own; true: it is dealt with, at
    /// once or later.
    func passesFilters(_ call: Call, _ result: JSONNode) -> Bool {
        guard let passing = call.passing, !passing.isOver, result.kind == .object else { return false }
        // Questions to the user are no result.
        if call.serverIsModern, result.member("resultType")?.equals("input_required") == true { return false }
        passing.bytes = result.raw.count
        return pass(call, passing, .lent(result.raw, isError: result.member("isError")?.bool == true))
    }

    /// The same for a whole message.
    func passesFilters(_ call: Call, message: UnsafeRawBufferPointer) -> Bool {
        guard call.passing?.isOver == false, let text = try? JSONText(copying: message) else { return false }
        return text.withRoot { root in
            guard let envelope = try? Envelope.read(root), envelope.kind == .result,
                let result = envelope.outcome
            else { return false }
            return passesFilters(call, result)
        }
    }

    /// True: filters took the result, or the call is over.
    private func pass(_ call: Call, _ passing: Passing, _ result: Filtered) -> Bool {
        var result = result
        let handle = call.handle
        while passing.left > 0 {
            passing.left -= 1
            let step = passing.steps[passing.left]
            guard step.phases.contains(.result) else { continue }
            let now = loop.now
            let deadline =
                call.deadline > now ? call.deadline : now &+ (call.server?.timeout ?? 60_000_000_000)
            let asked = result.with { bytes, isError in
                ask(
                    step.attachment, passing, isResult: true, bytes, memory: step.memory, isError: isError,
                    links: step.filter.plan.links && canLink(call, passing), deadline: deadline)
            }
            guard var answer = asked.now else {
                endServerPart(call, Int32(JF_OK))
                passing.operation = asked.operation
                if call.timer == 0 {
                    call.deadline = deadline
                    call.timer = loop.arm(
                        at: deadline, callTimedOut, Unmanaged.passUnretained(call).toOpaque())
                }
                // The call's own timer rules.
                wait(
                    for: asked.operation, of: step.attachment, until: deadline &+ 1_000_000_000,
                    lending: asked.loan
                ) { [weak self] answer in
                    guard let self, let call = self.calls[handle], let passing = call.passing,
                        passing.operation == asked.operation
                    else { return }
                    passing.operation = 0
                    self.resultFiltered(call, passing, step, &answer, asked.loan?.body)
                }
                return true
            }
            defer { answer.blob.dropOnce() }
            var next = result
            let isDone = result.with { bytes, _ in
                resultFiltered(call, passing, step, &answer, bytes, next: &next)
            }
            if isDone { return true }
            result = next
        }
        passing.isOver = true
        guard case .own(let text) = result else { return false }
        passing.bytes = text.bytes.count
        text.withRoot { deliverFiltered(call, $0) }
        return true
    }

    /// What a filter made of a result. True: the call is over.
    private func resultFiltered(
        _ call: Call, _ passing: Passing, _ step: Passing.Step, _ answer: inout ModuleAnswer,
        _ body: UnsafeRawBufferPointer, next: inout Filtered
    ) -> Bool {
        step.attachment.instance.tally.calls &+= 1
        if answer.status != JF_OK { return refuses(call, step.filter, step.attachment, answer) }
        do throws(FilterProblem) {
            switch try FilterVerdict(answer.blob.bytes, of: body, most: mostFiltered).decision {
            case .pass: break
            case .changed(let bytes): next = .own(try result(bytes))
            case .answer(let bytes):
                next = .own(try result(bytes))
                call.serverIsModern = true
                passing.form?.serverIsModern = true
            case .spill(let spill):
                guard let text = try keep(call, passing, spill, of: body) else { return true }
                next = .own(text)
            }
            return false
        } catch { return fails(call, step.filter, step.attachment, error.message) }
    }

    /// The same for one that took its time.
    private func resultFiltered(
        _ call: Call, _ passing: Passing, _ step: Passing.Step, _ answer: inout ModuleAnswer,
        _ body: UnsafeRawBufferPointer?
    ) {
        guard let body,
            let kept = try? JSONText(copying: body, maxBytes: mostFiltered + 1024, maxDepth: limits.depth)
        else { return fail(call, .internalError, "the result was lost on its way") }
        var next = Filtered.own(kept)
        if resultFiltered(call, passing, step, &answer, body, next: &next) { return }
        _ = pass(call, passing, next)
    }

    /// Replaces a result by a link. Nil: that is under way; else what takes its place at once.
    private func keep(
        _ call: Call, _ passing: Passing, _ spill: FilterVerdict.Spill, of body: UnsafeRawBufferPointer
    ) throws(FilterProblem) -> JSONText? {
        let otherwise = try result(spill.otherwise)
        guard let kept = KeptResult(of: body, call, passing, ttl: spill.ttl, depth: limits.depth),
            let linked = kept.linked(from: try result(spill.preview))
        else { throw FilterProblem("its preview has no content for the link") }
        guard canLink(call, passing), let store, gateway.keptResults.take(kept.bytes.count, most: spill.most)
        else {
            counters.add(.resultsNotKept)
            return otherwise
        }
        endServerPart(call, Int32(JF_OK))
        let handle = call.handle
        // Whether it may go on: once, and only while the call waits for this.
        func goOn(_ text: JSONText) -> Bool {
            guard let call = calls[handle], call.passing === passing, passing.keeping != nil else {
                return false
            }
            passing.keeping = nil
            _ = pass(call, passing, .own(text))
            return true
        }
        passing.keeping = { _ = goOn(otherwise) }
        store.keep(kept.bytes, as: kept.name.key(call.caller, at: call.path), for: spill.ttl) {
            [weak self] writing in
            guard let self else { return }
            let bytes = kept.bytes.count
            if writing.isDone, goOn(linked) {
                self.counters.add(.resultsKept)
                self.loop.after(spill.ttl &* 1_000_000) { self.gateway.keptResults.release(bytes) }
                return
            }
            // Nobody will ever know its name.
            writing.undo()
            self.gateway.keptResults.release(bytes)
            self.counters.add(.resultsNotKept)
            _ = goOn(otherwise)
        }
        return nil
    }

    /// Hands a result that filters changed, or made themselves, to whoever asked.
    func deliverFiltered(_ call: Call, _ result: JSONNode) {
        call.passing?.isOver = true
        call.passing?.status = Int32(JF_OK)
        switch call.origin {
        case .client:
            // The client wants a task, and its result is there already.
            if call.taskWish != nil, call.method == .toolsCall, becomeTask(call) {
                return settleTask(call, result, isError: false)
            }
            reply.reset()
            do throws(ResultProblem) {
                try ResultEdit.write(id: call.clientId, result: result, form: resultForm(call), into: reply)
            } catch {
                reply.reset()
                return fail(call, .internalError, "what filters left of the result: \(error.message)")
            }
            conclude(call, status: Int32(JF_OK), reply.finish(), http: JF_STATUS_OK)
        case .plugin: answerPlugin(call, isError: false, result.raw)
        case .task: settleTask(call, result, isError: false)
        case .relay:
            reply.reset()
            reply.literal("{\"jsonrpc\":\"2.0\",\"id\":")
            reply.integer(call.handle)
            reply.literal(",\"result\":")
            reply.bytes(result.raw)
            reply.byte(125)
            relayEnd(call, reply.joined())
        default: finish(call)
        }
    }

    /// The server has done its part: what comes of the rest says nothing of it, and nothing of it reaches the call.
    func endServerPart(_ call: Call, _ status: Int32) {
        guard let passing = call.passing, call.phase == .answered else { return }
        passing.status = status
        guard passing.form == nil else { return }
        passing.form = resultForm(call)
        observe(call, Int32(JF_OK))
        passing.status = status
        passing.serverIsDone()
        if call.isOnChannel { call.channel?.inFlight -= 1 }
        call.isOnChannel = false
        call.upstream?.release(call)
        call.upstream = nil
        call.channel = nil
        call.home = nil
        call.upstreamTask = nil
    }

    /// A filter took all of a call's time.
    func filterTimedOut(_ call: Call, _ passing: Passing) {
        let plugin = pendingOperations[passing.operation]?.attachment.instance.id ?? "?"
        fail(
            call, .internalError,
            "the result was not looked through in time: plugin \(plugin) gave no answer",
            data: "{\"reason\":\"timeout\"}", status: JF_STATUS_TIMEOUT, outcome: Int32(JF_E_TIMEOUT))
    }

    /// A call is over, however: filters hear of it.
    func end(_ passing: Passing) {
        if passing.operation != 0 { giveUp(passing.operation) }
        passing.operation = 0
        passing.keeping = nil
        passing.end()
    }
}
