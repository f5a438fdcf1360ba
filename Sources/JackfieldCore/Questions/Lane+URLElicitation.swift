// SPDX-License-Identifier: Apache-2.0
// Error -32042 of 2025-11-25: a server wants its user to open URLs, then the call again. A modern client gets them as
// `input_required`, and its retry is the call again. Nothing waits meanwhile: the sealed state holds all there is.

import CJackfield
import CLinux
import JSON
import MCP

extension Lane {
    /// Turns the error into questions for a modern client; true when the call is over by that.
    func askForURLs(_ call: Call, _ error: JSONNode) -> Bool {
        guard call.revision.isModern, error.member("code")?.int64 == -32042,
            let text = try? JSONText(copying: error.raw),
            let questions = text.withRoot({ URLElicitationRequired.questions($0) }), !questions.isEmpty
        else { return false }
        guard call.origin == .client, call.abilities.contains(.url) else {
            fail(
                call, .missingCapability,
                "server \(call.server?.name ?? "?") needs its user to open a URL, which this client cannot be asked",
                data: "{\"requiredCapabilities\":{\"elicitation\":{\"url\":{}}}}",
                status: JF_STATUS_BAD_REQUEST)
            return true
        }
        guard call.urlRounds < limits.rounds, let request = keptRequest(call) else {
            serverFailed(
                call, "it asked \(limits.rounds) times for URLs to be opened, the limit for one call")
            return true
        }
        counters.add(.questions, questions.count)
        let name = call.namesServer ? call.server?.name : nil
        let entries = MessageBuilder()
        entries.byte(123)
        for (at, question) in questions.enumerated() {
            entries.text("\(at == 0 ? "" : ",")\"q\(at + 1)\":")
            QuestionEdit.writeEntry(question, serverName: name, into: entries)
        }
        entries.byte(125)
        var state = RequestState()
        state.kind = .repeated
        state.instance = gateway.identity
        state.lane = UInt32(index)
        state.round = UInt32(clamping: call.urlRounds + 1)
        state.digest = request.withRoot { digest(call.method, $0.member("params")) }.bytes
        guard writeURLs(id: call.clientId, state, questions: entries.joined(), for: call.principal) else {
            serverFailed(call, "it needs URLs to be opened, and the request for that could not be made")
            return true
        }
        conclude(call, status: Int32(JF_OK), reply.finish(), http: JF_STATUS_OK)
        return true
    }

    /// Writes the questions and their state into `reply`; false when they cannot be sealed.
    private func writeURLs(
        id: UnsafeRawBufferPointer, _ given: RequestState, questions: [UInt8], for principal: String
    ) -> Bool {
        var state = given
        state.expiry = (jf_realtime_ns() + limits.parkedAge) / 1_000_000_000 + 1
        state.questions = questions
        guard let sealed = seal(state.bytes, for: principal) else { return false }
        reply.reset()
        reply.literal("{\"jsonrpc\":\"2.0\",\"id\":")
        reply.bytes(id)
        reply.literal(
            ",\"result\":{\"resultType\":\"input_required\",\"_meta\":{\"io.modelcontextprotocol/serverInfo\":"
        )
        reply.literal(Product.identity)
        reply.literal("},\"inputRequests\":")
        reply.copy(questions)
        reply.literal(",\"requestState\":\"")
        reply.copy(sealed)
        reply.literal("\"}}")
        return true
    }

    /// The retry after the URLs: the call is made again once the user agreed to open all of them. Nil when it was answered
    /// here: with a refusal, or with what is still to be answered.
    func repeated(_ asking: Asking, _ state: RequestState, _ answers: JSONText?) -> Int? {
        guard let asked = try? JSONText(state.questions) else {
            refuseState(asking, "requestState cannot be read")
            return nil
        }
        var open: [UInt8] = [123]
        var declined = false
        var problem: String?
        asked.withRoot { root in
            for member in root.members {
                let key = String(decoding: member.key, as: UTF8.self)
                let action: String? =
                    answers.flatMap { text in
                        text.withRoot { answers in
                            guard let answer = answers.member(named: key) else { return nil }
                            do throws(QuestionProblem) {
                                try AnswerEdit.check(answer, of: .elicitationCreate)
                            } catch {
                                problem = "inputResponses.\(key): \(error.message)"
                                return nil
                            }
                            return answer.member("action")?.string()
                        }
                    }
                if let action {
                    declined = declined || action != "accept"
                } else {
                    open.append(contentsOf: "\(open.count > 1 ? "," : "")\"\(key)\":".utf8)
                    open.append(contentsOf: member.value.raw)
                }
            }
        }
        if let problem {
            refuseState(asking, problem)
        } else if declined {
            refuse(
                asking.client, asking.message, id: asking.id, .cancelled,
                "the user did not agree to open the URL that the server needs", status: JF_STATUS_OK)
        } else if open.count > 1 {
            if writeURLs(id: asking.id, state, questions: open + [125], for: asking.principal) {
                send(asking.client, exchange: asking.message.exchange, reply.finish(), final: true)
            } else {
                refuseState(asking, "the questions that are left could not be put again")
            }
        } else {
            return Int(state.round)
        }
        return nil
    }

    // MARK: notifications/elicitation/complete

    /// A legacy server says that what was opened is done: its calls' legacy clients hear of it as they are.
    func elicitationCompleted(
        _ channel: Channel, _ owner: Call?, _ envelope: Envelope, _ body: UnsafeRawBufferPointer
    ) {
        var calls: [Call] = []
        if let owner, owner.origin != .supervision {
            calls = [owner]
        } else if let session = owner?.upstream ?? channel.upstream {
            calls = session.calls
        }
        for call in calls {
            switch call.origin {
            case .client where !call.revision.isModern: forward(call, body)
            case .relay where !call.revision.isModern: relayBack(call, body)
            default: break
            }
        }
    }
}
