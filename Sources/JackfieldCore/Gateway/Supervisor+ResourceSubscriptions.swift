// SPDX-License-Identifier: Apache-2.0
// `resources/subscribe` and `resources/unsubscribe` towards a legacy server (MCP 2025-11-25, Resources, "Subscriptions").

import CJackfield
import JSON
import MCP

extension Supervisor {
    /// Requests under way at a time: a server that starts over is not flooded.
    private static var concurrency: Int { 16 }

    /// Asks for what became wanted, and ends what no longer is.
    func updateSubscriptions() {
        while interest.asking.count < Supervisor.concurrency, let uri = interest.queue.popFirst() {
            // Under way: its answer looks again.
            guard interest.asking[uri] == nil else { continue }
            let isWanted = resourceWatch?.wants(uri) ?? false
            let isHeld = interest.held.contains(uri)
            if isWanted == isHeld {
                if isWanted { settle([uri]) }
                continue
            }
            if isWanted, interest.hasNoStream {
                refuse(
                    [uri], code: .methodNotFound,
                    "has no stream to tell of changes on, so its resources cannot be subscribed to")
                continue
            }
            ask(uri, isWanted)
        }
    }

    private func ask(_ uri: String, _ isWanted: Bool) {
        interest.asking[uri] = isWanted
        let epoch = status.epoch
        let quoted = String(decoding: JSONWriter.quoted(uri), as: UTF8.self)
        request(
            isWanted ? .resourcesSubscribe : .resourcesUnsubscribe, params: "{\"uri\":\(quoted)}",
            revision: status.revision, timeout: lane.limits.probeTimeout
        ) { [weak self] answer in
            guard let self, self.interest.epoch == epoch else { return }
            self.interest.asking[uri] = nil
            self.answered(uri, isWanted, answer)
            // What was wanted may have changed meanwhile, and others wait for their turn.
            if (self.resourceWatch?.wants(uri) ?? false) != isWanted { self.interest.queue.insert(uri) }
            if !self.interest.queue.isEmpty { self.lookSoon() }
        }
    }

    private func answered(_ uri: String, _ isWanted: Bool, _ answer: InternalAnswer) {
        var refusal: InterestRefusal?
        switch answer {
        case .result: break
        case .error(let envelope, let message):
            if Int(message.status) == JF_STATUS_NOT_FOUND { return sessionGone(uri) }
            let code = envelope.outcome?.member("code")?.int64 ?? Int64(ErrorCode.internalError.rawValue)
            refusal = InterestRefusal(
                code: Int(clamping: code),
                text: "server \(server.name) refused the subscription: \(text(envelope))")
        case .status(let status):
            if Int(status) == JF_STATUS_NOT_FOUND { return sessionGone(uri) }
            refusal = failure("answered with \(lane.statusText(status))")
        case .failed(let why, _): refusal = failure("failed: \(why)")
        case .timedOut: refusal = failure("did not answer in time")
        }
        guard isWanted else {
            interest.held.remove(uri)
            return
        }
        if refusal == nil { interest.held.insert(uri) }
        settle([uri], refusal)
        tellLost([uri])
    }

    private func failure(_ why: String) -> InterestRefusal {
        InterestRefusal(
            code: ErrorCode.internalError.rawValue,
            text: "server \(server.name) was asked to subscribe and \(why)")
    }

    /// The server forgot the session: a handshake is due, after which everything is asked for again.
    private func sessionGone(_ uri: String) { suspect("it does not know the session any more") }
}
