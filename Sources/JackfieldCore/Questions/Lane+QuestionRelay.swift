// SPDX-License-Identifier: Apache-2.0
// Questions and retries that cross lanes: the server's channel is at home on one, the client came to another, and a retry
// may arrive on a third.

import CJackfield
import JSON
import MCP
import Synchronization

extension Lane {
    // MARK: Questions on their way to the client

    /// Home lane: hands a question on to the lane that asked.
    func forward(_ asked: Asked) {
        guard let asker = asked.call.asker else { return }
        let handle = asked.call.askerHandle
        let question = asked.question
        let number = asked.number
        asker.loop.post { asker.askedAtHome(handle, question, number) }
    }

    private func askedAtHome(_ handle: UInt64, _ question: Question, _ number: UInt64) {
        guard let call = calls[handle], call.phase == .sent else { return }
        ask(call, question, .home(number))
    }

    /// Asking lane: what came of a question.
    func answerHome(_ call: Call, _ number: UInt64, _ outcome: AnswerOutcome) {
        guard let home = call.home else { return }
        let key = RelayKey(lane: index, handle: call.handle)
        home.loop.post {
            guard let handle = home.relays[key], let relayed = home.calls[handle],
                let asked = relayed.dialogue?.find(number)
            else { return }
            home.settle(asked, outcome)
        }
    }

    // MARK: Retries on another lane

    /// The parked call is on another lane: this one keeps the client, and passes on what comes.
    func resumeElsewhere(_ asking: Asking, _ target: Target, _ state: RequestState, _ retry: Retry) {
        guard let call = takeCall(.client) else {
            return refuseOverload(asking, "the gateway has \(limits.calls) calls under way, its limit")
        }
        setUp(call, asking)
        let owner = gateway.lane(Int(state.lane))
        let server = catalog.servers[target.server]
        call.server = server
        call.countsAtServer = true
        server.inFlight.add(1, ordering: .relaxed)
        call.home = owner
        call.phase = .sent
        call.shownURI = target.shownURI
        pauseDeadline(call)
        let from = RelayKey(lane: index, handle: call.handle)
        let handle = state.call
        owner.loop.post { [self] in owner.retryArrived(handle, retry, from, self) }
    }

    /// Owner lane: a retry from another lane takes up a parked call.
    private func retryArrived(_ handle: UInt64, _ retry: Retry, _ from: RelayKey, _ asker: Lane) {
        guard let call = calls[handle] else {
            return refuseRetry(from, asker, "requestState was used already, or its call is over")
        }
        if let problem = check(call, retry) { return refuseRetry(from, asker, problem) }
        call.origin = .relay
        call.asker = asker
        call.askerHandle = from.handle
        relays[from] = call.handle
        // Any non-empty token lets progress through; the client's own is put in on its lane.
        if retry.progress != nil { call.progressToken = [48] }
        goOn(call, retry)
    }

    private func refuseRetry(_ from: RelayKey, _ asker: Lane, _ text: String) {
        counters.add(.statesRefused)
        var writer = JSONWriter()
        writer.value(text)
        var body = Array("{\"jsonrpc\":\"2.0\",\"id\":0,\"error\":{\"code\":-32602,\"message\":".utf8)
        body.append(contentsOf: writer.bytes)
        body.append(contentsOf: "}}".utf8)
        body.append(contentsOf: [UInt8](repeating: 32, count: JSONParser.padding))
        let padded = body
        asker.loop.post { asker.relayAnswered(from.handle, padded) }
    }

    /// The lane that asked has its answer and is told nothing more.
    func forgetAsker(_ call: Call) {
        if let asker = call.asker {
            relays[RelayKey(lane: asker.index, handle: call.askerHandle)] = nil
        }
        call.asker = nil
        call.askerHandle = 0
        call.progressToken.removeAll(keepingCapacity: true)
    }
}
