// SPDX-License-Identifier: Apache-2.0
// Requests of legacy servers: pings are answered, questions find the call they belong to, everything else is refused in
// the words that the protocol has for it.

import CJackfield
import JSON
import MCP

extension Lane {
    /// A JSON-RPC request of a server. `owner` is the call on whose stream it came, where there is one.
    func serverAsked(_ channel: Channel, _ owner: Call?, _ envelope: Envelope) {
        guard let id = envelope.id?.raw else { return }
        switch envelope.method {
        case .ping:
            reply.reset()
            reply.literal("{\"jsonrpc\":\"2.0\",\"id\":")
            reply.bytes(id)
            reply.literal(",\"result\":{}}")
            respond(channel, owner)
        case .elicitationCreate, .samplingCreateMessage, .rootsList:
            guard let call = attribute(channel, owner), call.method.mayAsk || call.task != 0 else {
                // The first session of an endpoint declares nothing, whoever's call it may be about.
                let isBase = owner?.upstream == nil && channel.upstream == nil
                if isBase, let call = owner?.origin == .supervision ? nil : owner ?? soleCall(channel) {
                    noteLacking(call, envelope.method, envelope.params)
                }
                return refuse(channel, owner, id, envelope.method, isBase ? .undeclared : .unattributable)
            }
            // The index of a message stops at the depth that calls need; a question wants all of its own.
            let params = envelope.params.flatMap { try? JSONText(copying: $0.raw) }
            do throws(QuestionProblem) {
                let question = try neutral(envelope.method, params, revision(channel, owner))
                let covers =
                    params?.withRoot { call.abilities.cover(envelope.method, $0) }
                    ?? call.abilities.cover(envelope.method, nil)
                guard covers else {
                    noteLacking(call, envelope.method, envelope.params)
                    return refuse(channel, owner, id, envelope.method, .undeclared)
                }
                ask(call, question, .request([UInt8](id)))
            } catch {
                log.write(
                    .warning, "server asked something malformed",
                    [.init("server", channel.server.name), .init("why", error.message)])
                reply.reset()
                Answers.error(id: id, .invalidParams, error.message, into: reply)
                respond(channel, owner)
            }
        default:
            reply.reset()
            Answers.error(id: id, .methodNotFound, "this client declared no such capability", into: reply)
            respond(channel, owner)
        }
    }

    private func neutral(
        _ method: Method, _ params: JSONText?, _ revision: Revision
    ) throws(QuestionProblem) -> Question {
        guard let params else { return try QuestionEdit.neutral(method, nil, from: revision) }
        var made: Result<Question, QuestionProblem>?
        params.withRoot { root in
            do throws(QuestionProblem) {
                made = .success(try QuestionEdit.neutral(method, root, from: revision))
            } catch { made = .failure(error) }
        }
        guard let made else { throw QuestionProblem(message: "params cannot be read") }
        return try made.get()
    }

    /// If the call fails for it, its client hears what it would have to declare.
    private func noteLacking(_ call: Call, _ method: Method, _ params: JSONNode?) {
        guard call.revision.isModern, call.lacking.isEmpty else { return }
        call.lacking = Abilities.required(for: method, params)
    }

    /// The call that a server's request belongs to. On HTTP the stream tells; elsewhere only a session with a single
    /// call that may be asked leaves no doubt.
    private func attribute(_ channel: Channel, _ owner: Call?) -> Call? {
        if let owner, owner.origin != .supervision { return owner.phase == .sent ? owner : nil }
        return (owner?.upstream ?? channel.upstream)?.soleCall
    }

    // MARK: Answering the server

    /// The revision and session in which a server's message came.
    func hop(_ channel: Channel, _ call: Call?) -> (revision: Revision, session: [UInt8]?) {
        if let upstream = call?.upstream ?? channel.upstream {
            return (upstream.revision, upstream.session)
        }
        let status = channel.supervisor?.status ?? endpointStatus(channel)
        return (status?.revision ?? .newestLegacy, status?.session)
    }

    private func revision(_ channel: Channel, _ call: Call?) -> Revision { hop(channel, call).revision }

    /// Posts what stands in `reply` as an answer, or a notification, to a server.
    func respond(_ channel: Channel, _ call: Call?) {
        let hop = hop(channel, call)
        _ = post(
            channel, exchange: 0, reply.finish(), method: .unknown, revision: hop.revision,
            session: hop.session, for: call?.caller ?? .nobody)
    }

    private func refuse(
        _ channel: Channel, _ call: Call?, _ id: UnsafeRawBufferPointer, _ method: Method, _ why: Refusal
    ) {
        counters.add(.questionsRefused)
        reply.reset()
        AnswerEdit.writeRefusal(id: id, method, why, into: reply)
        respond(channel, call)
    }

    /// Tells a legacy server what came of its question.
    func answerServer(_ call: Call, _ asked: Asked, _ id: [UInt8], _ outcome: AnswerOutcome) {
        guard let channel = call.channel else { return }
        reply.reset()
        id.withUnsafeBytes { id in
            switch outcome {
            case .value(let value):
                reply.literal("{\"jsonrpc\":\"2.0\",\"id\":")
                reply.bytes(id)
                reply.literal(",\"result\":")
                let revision = revision(channel, call)
                guard let text = try? JSONText(value) else {
                    reply.reset()
                    AnswerEdit.writeRefusal(id: id, asked.question.method, .cancelled, into: reply)
                    break
                }
                // What the builder references must live until it is handed over.
                return text.withRoot { root in
                    AnswerEdit.writeResult(root, of: asked.question.method, for: revision, into: reply)
                    reply.byte(125)
                    respond(channel, call)
                }
            case .error(let error):
                reply.literal("{\"jsonrpc\":\"2.0\",\"id\":")
                reply.bytes(id)
                reply.literal(",\"error\":")
                reply.copy(error)
                reply.byte(125)
            case .refusal(let why):
                counters.add(.questionsRefused)
                AnswerEdit.writeRefusal(id: id, asked.question.method, why, into: reply)
            }
            respond(channel, call)
        }
    }
}
