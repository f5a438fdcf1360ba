// SPDX-License-Identifier: Apache-2.0
// Putting questions to clients, and what comes of them. A legacy client is asked by a JSON-RPC request on the stream of
// its call; for a modern one the call is parked and answered with `input_required`.

import CJackfield
import CLinux
import JSON
import MCP

extension Lane {
    /// A question about a call, from whichever side it came.
    func ask(_ call: Call, _ question: Question, _ source: QuestionSource) {
        if call.hedging != nil { dropHedge(call) }
        let dialogue = call.dialogue ?? Dialogue()
        call.dialogue = dialogue
        dialogue.count += 1
        let asked = Asked(call, number: dialogue.count, question, source)
        dialogue.asked.append(asked)
        counters.add(.questions)
        guard dialogue.count <= UInt64(limits.questionsPerCall) else {
            // Refusing alone would keep a server busy that asks in a loop.
            stopServer(call, reason: "it asks too often")
            refuseOpen(call, .cancelled)
            return serverFailed(
                call, "it asked \(limits.questionsPerCall) questions, the limit for one call")
        }
        pauseDeadline(call)
        switch call.origin {
        case .client where call.revision.isModern: parkSoon(call)
        case .client: askLegacyClient(asked)
        case .relay where dialogue.isOwned: parkSoon(call)
        case .relay: forward(asked)
        case .task: askForTask(asked)
        default: settle(asked, .refusal(.undeclared))
        }
    }

    // MARK: Time

    /// People take their time: while a question is open, its age counts instead of the call's deadline.
    func pauseDeadline(_ call: Call) {
        if call.timer != 0 { loop.cancelTimer(call.timer) }
        call.stretch?.pause(jf_monotonic_ns())
        call.deadline = jf_monotonic_ns() &+ limits.parkedAge
        call.timer = loop.arm(at: call.deadline, callTimedOut, Unmanaged.passUnretained(call).toOpaque())
    }

    /// The server has its turn again.
    func resumeDeadline(_ call: Call) {
        guard let server = call.server else { return }
        if call.timer != 0 { loop.cancelTimer(call.timer) }
        let now = jf_monotonic_ns()
        call.deadline = now &+ (call.origin == .task ? gateway.taskPlan.ttl : server.timeout)
        if let stretch = call.stretch, call.origin != .task {
            call.deadline = stretch.resume(call.deadline, now)
        }
        call.timer = loop.arm(at: call.deadline, callTimedOut, Unmanaged.passUnretained(call).toOpaque())
    }

    /// Nobody answered in time: the server hears that, then the call ends.
    func questionsExpired(_ call: Call) {
        counters.add(call.dialogue?.isParked == true ? .parkedExpired : .questionsExpired)
        stopServer(call, reason: "nobody answered its question in time")
        refuseOpen(call, .expired)
        let seconds = limits.parkedAge / 1_000_000_000
        // What is parked has nobody to be told.
        if call.dialogue?.isParked == true { return finish(call) }
        fail(
            call, .internalError,
            "server \(call.server?.name ?? "?") asked a question that was not answered within \(seconds) s",
            outcome: Int32(JF_E_TIMEOUT))
    }

    // MARK: Legacy clients

    private func askLegacyClient(_ asked: Asked) {
        let call = asked.call
        guard reaches(call), let handle = questions.insert(asked) else {
            return settle(asked, .refusal(.cancelled))
        }
        asked.handle = handle
        let minted = asked.question.method == .elicitationCreate ? SessionKey.random().text : nil
        reply.reset()
        reply.literal("{\"jsonrpc\":\"2.0\",\"id\":\"")
        reply.text(QuestionId(lane: index, handle: handle).text)
        reply.literal("\",\"method\":\"")
        reply.literal(asked.question.method.name)
        reply.literal("\",\"params\":")
        do throws(QuestionProblem) {
            let name = call.namesServer ? call.server?.name : nil
            if case .task(let question) = asked.source {
                asked.taskKey = question.key
                let params = MessageBuilder()
                asked.plan = try QuestionEdit.writeParams(
                    asked.question, for: call.revision, call.abilities, serverName: question.serverName,
                    elicitationId: minted, into: params)
                let text = try? JSONText(params.joined())
                // The builder copies what is this short, or keeps it until `stream` below: so the text must live on.
                text?.withRoot { RelatedTask.write($0, question.id, into: reply) }
                asked.shown = text
            } else {
                asked.plan = try QuestionEdit.writeParams(
                    asked.question, for: call.revision, call.abilities, serverName: name,
                    elicitationId: minted, into: reply)
            }
        } catch {
            questions.remove(handle)
            asked.handle = 0
            log.write(
                .info, "a question cannot be put to this client",
                [.init("server", call.server?.name ?? "?"), .init("why", error.message)])
            return settle(asked, .refusal(.undeclared))
        }
        reply.byte(125)
        if let minted, case .entry = asked.source, let url = asked.question.url {
            asked.opening = (url, minted)
        }
        stream(call, reply.finish())
    }

    /// A legacy client answered a question, on whichever connection.
    func clientAnswered(_ session: Session, _ envelope: Envelope) {
        guard let id = envelope.id, let named = QuestionId(id), named.lane < laneCount,
            let outcome = envelope.outcome
        else {
            counters.add(.answersUnasked)
            return
        }
        let isError = envelope.kind == .error
        let key = session.key
        let copy = [UInt8](outcome.raw)
        guard named.lane != index else { return answerArrived(named.handle, key, isError, copy) }
        let lane = gateway.lane(named.lane)
        lane.loop.post { lane.answerArrived(named.handle, key, isError, copy) }
    }

    /// The lane that asked. Only the session that was asked may answer.
    private func answerArrived(_ handle: UInt64, _ key: SessionKey, _ isError: Bool, _ body: [UInt8]) {
        guard let asked = questions[handle], asked.call.session?.key == key else {
            counters.add(.answersUnasked)
            return
        }
        questions.remove(handle)
        asked.handle = 0
        if isError { return settle(asked, .error(body)) }
        do {
            let value = try JSONText(body).withRoot {
                try AnswerEdit.neutral($0, of: asked.question.method, plan: asked.plan)
            }
            settle(asked, .value(value))
        } catch {
            log.write(
                .info, "a client's answer cannot be used",
                [.init("why", (error as? QuestionProblem)?.message ?? "\(error)")])
            settle(asked, .refusal(.cancelled))
        }
    }

    // MARK: What comes of a question

    func settle(_ asked: Asked, _ outcome: AnswerOutcome) {
        let call = asked.call
        guard let dialogue = call.dialogue else { return }
        if asked.held > 0 {
            dialogue.bytes -= asked.held
            gateway.parking.shrink(by: asked.held)
            asked.held = 0
        }
        switch asked.source {
        case .request(let id):
            dialogue.remove(asked)
            answerServer(call, asked, id, outcome)
            if !dialogue.isWaiting { resumeDeadline(call) }
        case .home(let number):
            dialogue.remove(asked)
            answerHome(call, number, outcome)
            if !dialogue.isWaiting { resumeDeadline(call) }
        case .task(let question):
            dialogue.remove(asked)
            if !dialogue.isWaiting, call.timer != 0 {
                // Until the task is over, or asks again.
                loop.cancelTimer(call.timer)
                call.timer = 0
            }
            let lane = gateway.lane(question.lane)
            lane.loop.post { lane.taskQuestionAnswered(question.task, question.key, outcome) }
        case .entry where call.upstreamTask != nil:
            updateServerTask(asked, outcome)
            if call.origin == .task, call.dialogue?.isWaiting == false { resumeDeadline(call) }
        case .entry:
            entrySettled(asked, outcome)
        }
    }

    /// Takes back every open question of a call: the server is told, and so is a legacy client.
    func refuseOpen(_ call: Call, _ why: Refusal) {
        guard let dialogue = call.dialogue else { return }
        withdrawQuestions(call)
        for asked in dialogue.asked {
            switch asked.source {
            case .request(let id): answerServer(call, asked, id, .refusal(why))
            case .home(let number): answerHome(call, number, .refusal(why))
            // A task's question stays with the task.
            case .entry, .task: break
            }
        }
        dialogue.asked = []
    }

    /// A legacy client need not answer any more.
    func withdrawQuestions(_ call: Call) {
        guard let dialogue = call.dialogue else { return }
        for asked in dialogue.asked where asked.handle != 0 {
            let id = QuestionId(lane: index, handle: asked.handle)
            questions.remove(asked.handle)
            asked.handle = 0
            guard reaches(call) else { continue }
            reply.reset()
            reply.literal(
                "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":\"")
            reply.text(id.text)
            reply.literal("\",\"reason\":\"the answer is not needed any more\"}}")
            stream(call, reply.finish())
        }
    }

    /// Nobody can answer a session's questions any more: it was ended, or the stream that they went to is gone.
    func refuseQuestions(where isGone: (Asked) -> Bool) {
        var gone: [Asked] = []
        questions.forEach { _, asked in if isGone(asked) { gone.append(asked) } }
        for asked in gone where questions[asked.handle] === asked {
            questions.remove(asked.handle)
            asked.handle = 0
            settle(asked, .refusal(.cancelled))
        }
    }

    /// Forgets a call's questions; part of the call's end.
    func closeDialogue(_ call: Call) {
        guard let dialogue = call.dialogue else { return }
        for asked in dialogue.asked where asked.handle != 0 { questions.remove(asked.handle) }
        if dialogue.bytes > 0 { gateway.parking.release(bytes: dialogue.bytes) }
        call.dialogue = nil
    }
}

/// The id of a request of ours to a legacy client: `jf-LANE-HANDLE`, so that the answer finds its lane.
struct QuestionId {
    let lane: Int
    let handle: UInt64

    init(lane: Int, handle: UInt64) {
        self.lane = lane
        self.handle = handle
    }

    /// Reads an id that a client sent back; nil unless it is one of ours.
    init?(_ node: JSONNode) {
        guard node.kind == .string, let text = node.string(), text.hasPrefix("jf-") else { return nil }
        let parts = text.dropFirst(3).split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 2, let lane = Int(parts[0]), lane >= 0, let handle = UInt64(parts[1]) else {
            return nil
        }
        self.init(lane: lane, handle: handle)
    }

    var text: String { "jf-\(lane)-\(handle)" }
}
