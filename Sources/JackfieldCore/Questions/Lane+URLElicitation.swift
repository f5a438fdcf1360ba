// SPDX-License-Identifier: Apache-2.0
// Error -32042 of 2025-11-25: a server wants its user to open URLs, then the call again. A modern client gets them as
// `input_required`, and its retry is the call again.

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
                data: "{\"requiredCapabilities\":{\"elicitation\":{\"url\":{}}}}", status: JF_STATUS_BAD_REQUEST)
            return true
        }
        guard call.urlRounds < limits.rounds, let sealed = sealRepeat(call) else {
            serverFailed(call, "it asked \(limits.rounds) times for URLs to be opened, the limit for one call")
            return true
        }
        counters.add(.questions)
        let name = call.namesServer ? call.server?.name : nil
        reply.reset()
        InputRequiredWriter.begin(id: call.clientId, identity: Product.identity, into: reply)
        for (at, question) in questions.enumerated() {
            InputRequiredWriter.entry(key: "q\(at + 1)", question, serverName: name, into: reply)
        }
        sealed.withUnsafeBytes { InputRequiredWriter.end(requestState: $0, into: reply) }
        conclude(call, status: Int32(JF_OK), reply.finish(), http: JF_STATUS_OK)
        return true
    }

    /// Nothing waits: the state only proves that the retry is the same request.
    private func sealRepeat(_ call: Call) -> [UInt8]? {
        guard let request = keptRequest(call) else { return nil }
        var state = RequestState()
        state.kind = .repeated
        state.instance = gateway.identity
        state.lane = UInt32(index)
        state.round = UInt32(clamping: call.urlRounds + 1)
        state.expiry = (jf_realtime_ns() + limits.parkedAge) / 1_000_000_000
        state.digest = request.withRoot { digest(call.method, $0.member("params")) }.bytes
        return seal(state.bytes, for: call.principal)
    }

    /// The retry after the URLs: the call is made again, unless the user declined one. Nil when it was answered.
    func repeated(_ asking: Asking, _ state: RequestState, _ answers: JSONText?) -> Int? {
        let declined =
            answers?.withRoot { root in
                root.count == 0 || root.members.contains { $0.value.member("action")?.equals("accept") != true }
            } ?? true
        guard declined else { return Int(state.round) }
        refuse(
            asking.client, asking.message, id: asking.id, .cancelled,
            "the user did not agree to open the URL that the server needs", status: JF_STATUS_OK)
        return nil
    }
}
