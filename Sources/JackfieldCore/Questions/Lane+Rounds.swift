// SPDX-License-Identifier: Apache-2.0
// A modern server answers a legacy client's call with questions: the client is asked, then the call goes out again with
// the answers (MCP 2026-07-28, Multi Round-Trip Requests).

import CJackfield
import JSON
import MCP

extension Lane {
    /// Takes an `input_required` result of a legacy client's call; false when the result is something else.
    func beginRound(_ call: Call, _ result: JSONNode) -> Bool {
        guard result.member("resultType")?.equals("input_required") == true else { return false }
        // Its questions want a whole index, deeper than that of an answer.
        guard let text = try? JSONText(copying: result.raw) else {
            serverFailed(call, "its questions cannot be read")
            return true
        }
        text.withRoot { root in
            guard let input = InputRequired(root), !input.isMalformed else {
                return serverFailed(call, "its input_required result is malformed")
            }
            let dialogue = call.dialogue ?? Dialogue()
            call.dialogue = dialogue
            dialogue.rounds += 1
            guard dialogue.rounds <= limits.rounds else {
                return serverFailed(call, "it asked \(limits.rounds) times, the limit for one call")
            }
            dialogue.requestState = input.requestState.map { [UInt8]($0.raw) }
            call.phase = .asking
            putEntries(call, dialogue, input)
        }
        return true
    }

    private func putEntries(_ call: Call, _ dialogue: Dialogue, _ input: InputRequired) {
        if input.count == 0 { return nextRound(call, after: roundPause(dialogue.rounds)) }
        var questions: [(key: [UInt8], question: Question)] = []
        do {
            try input.forEachEntry { member in
                let question = try QuestionEdit.neutral(entry: member.value)
                let params = try? JSONText(question.params)
                let covers =
                    params?.withRoot { call.abilities.cover(question.method, $0) }
                    ?? call.abilities.cover(question.method, nil)
                guard covers else {
                    throw QuestionProblem(
                        message: "it asked for \(question.method.name), which the client did not declare")
                }
                questions.append(([34] + [UInt8](member.key) + [34], question))
            }
        } catch {
            return serverFailed(call, (error as? QuestionProblem)?.message ?? "\(error)")
        }
        var isRepeat = true
        // All are known before the first is asked: the first may be answered at once.
        var fresh: [(Question, QuestionSource)] = []
        for (key, question) in questions {
            if let url = question.url, dialogue.opened.contains(where: { $0.url == url }) {
                // The user has agreed to open it already and is not asked again; the server waits for the browser.
                dialogue.count += 1
                let asked = Asked(call, number: dialogue.count, question, .entry(key))
                asked.answer = Array("{\"action\":\"accept\"}".utf8)
                dialogue.asked.append(asked)
            } else {
                isRepeat = false
                fresh.append((question, .entry(key)))
            }
        }
        if isRepeat { return nextRound(call, after: roundPause(dialogue.rounds)) }
        let handle = call.handle
        for (question, source) in fresh {
            // A question that could not be put ends the call.
            guard calls[handle] === call else { return }
            ask(call, question, source)
        }
    }

    /// Growing pauses for rounds in which nobody is asked: 0.25 s to 8 s.
    private func roundPause(_ round: Int) -> UInt64 { 250_000_000 << UInt64(min(max(round - 1, 0), 5)) }

    /// An entry has its answer, or none will come.
    func entrySettled(_ asked: Asked, _ outcome: AnswerOutcome) {
        let call = asked.call
        switch outcome {
        case .value(let value):
            asked.answer = value
            let isAccepted =
                (try? JSONText(value))?.withRoot { $0.member("action")?.equals("accept") } == true
            if let opening = asked.opening, isAccepted { call.dialogue?.opened.append(opening) }
        case .refusal(let why):
            // A question to the user can be answered without the user; the others have no such word.
            guard asked.question.method == .elicitationCreate else {
                return fail(
                    call, .internalError,
                    "server \(call.server?.name ?? "?") asks for \(asked.question.method.name), "
                        + (why == .undeclared
                            ? "which this client cannot be asked" : "and the client could not be asked"))
            }
            asked.answer = Array("{\"action\":\"cancel\"}".utf8)
        case .error(let error):
            // The protocol has no word for it towards a modern server: the client's own error ends its call.
            withdrawQuestions(call)
            reply.reset()
            reply.literal("{\"jsonrpc\":\"2.0\",\"id\":")
            reply.bytes(call.clientId)
            reply.literal(",\"error\":")
            reply.copy(error)
            reply.byte(125)
            return conclude(call, status: Int32(JF_OK), reply.finish(), http: JF_STATUS_OK)
        }
        if call.dialogue?.isWaiting == false { nextRound(call, after: 0) }
    }

    /// Sends the call again, with the answers.
    private func nextRound(_ call: Call, after pause: UInt64) {
        let handle = call.handle
        // Not from inside the delivery of the last answer, whose document is still in use.
        if pause == 0 { return loop.later { [self] in if let call = calls[handle] { sendRound(call) } } }
        resumeDeadline(call)
        loop.after(pause) { [weak self] in
            guard let self, let call = self.calls[handle], call.phase == .asking else { return }
            self.sendRound(call)
        }
    }

    private func sendRound(_ call: Call) {
        guard let dialogue = call.dialogue, call.phase == .asking else { return }
        var responses: [(key: [UInt8], value: [UInt8])] = []
        for asked in dialogue.asked {
            if case .entry(let key) = asked.source, let answer = asked.answer {
                responses.append((key, answer))
            }
        }
        dialogue.asked = []
        guard let original = keptRequest(call) else {
            return serverFailed(call, "the request is not at hand any more")
        }
        let body: [UInt8] = original.withRoot { root in
            outgoing.reset()
            RetryEdit.writeBody(
                original: root, responses: responses, requestState: dialogue.requestState, into: outgoing)
            return outgoing.joined() + [UInt8](repeating: 32, count: JSONParser.padding)
        }
        // A fresh id for a fresh request; the old one is over.
        renewHandle(call)
        call.phase = .idle
        resumeDeadline(call)
        resend(call, body)
    }

    /// Tells a client of 2025-11-25 that what it opened in the browser is done (Elicitation, URL Mode).
    func completeOpened(_ call: Call) {
        guard let dialogue = call.dialogue, !dialogue.opened.isEmpty, call.revision == .v2025_11_25 else {
            return
        }
        for (_, id) in dialogue.opened where canStream(call) {
            reply.reset()
            reply.literal("{\"jsonrpc\":\"2.0\",\"method\":\"notifications/elicitation/complete\",")
            reply.literal("\"params\":{\"elicitationId\":\"")
            reply.text(id)
            reply.literal("\"}}")
            stream(call, reply.finish())
        }
        dialogue.opened = []
    }

    /// The client's message as it came, with a whole index.
    func keptRequest(_ call: Call) -> JSONText? {
        call.request.withUnsafeBytes { padded in
            guard padded.count > JSONParser.padding else { return nil }
            return try? JSONText(
                copying: UnsafeRawBufferPointer(rebasing: padded.dropLast(JSONParser.padding)))
        }
    }
}

extension Question {
    /// The URL that the user is asked to open, raw JSON; nil for every other question.
    var url: [UInt8]? {
        guard method == .elicitationCreate, let text = try? JSONText(params) else { return nil }
        return text.withRoot { root in
            guard root.member("mode")?.equals("url") == true else { return nil }
            return root.member("url").map { [UInt8]($0.raw) }
        }
    }
}
