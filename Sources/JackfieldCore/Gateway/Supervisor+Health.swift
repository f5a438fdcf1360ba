// SPDX-License-Identifier: Apache-2.0
// Active health checks: a question now and then, to an endpoint that is up, which a healthy one answers in time.

import CJackfield
import CLinux
import JSON
import MCP

extension Supervisor {
    /// Begins to ask, from when the endpoint is up. Endpoints in this process are not asked.
    func armHealth() {
        let plan = server.plan.health
        guard healthTimer == 0, !isStopped, plan.interval > 0, !isToolset else { return }
        // A tenth more or less: many gateways do not ask in step.
        let delay = plan.interval &- plan.interval / 10 &+ lane.nextSpan() % max(1, plan.interval / 5)
        healthTimer = lane.loop.after(delay) { [weak self] in
            guard let self else { return }
            self.healthTimer = 0
            self.askHealth()
        }
    }

    private func askHealth() {
        guard !isStopped, step == .up, status.revision != nil else { return armHealth() }
        let mine = turn
        ask { [weak self] problem in
            guard let self, !self.isStopped else { return }
            // A handshake or a listing began meanwhile, and says more than this.
            guard self.turn == mine, self.step == .up else { return self.armHealth() }
            self.judgeHealth(problem)
        }
    }

    /// Goes on at once, or, where health checks took the endpoint down, once it passes one. A handshake alone does not
    /// show that its tools work.
    func proveHealth(then goOn: @escaping () -> Void) {
        guard isUnwell, server.plan.health.call != nil else {
            isUnwell = false
            return goOn()
        }
        let mine = turn
        ask { [weak self] problem in
            guard let self, !self.isStopped, self.turn == mine else { return }
            if let problem {
                return self.down("it still fails its health check: \(problem)", retryAfter: nil)
            }
            self.isUnwell = false
            goOn()
        }
    }

    /// Asks, and tells what is wrong; nil: nothing.
    private func ask(_ done: @escaping (String?) -> Void) {
        let plan = server.plan.health
        let revision = status.revision ?? .newest
        let isModern = revision.isModern
        var method = isModern ? Method.discover : .ping
        var params = isModern ? modernParams() : "{}"
        if let call = plan.call {
            method = .toolsCall
            let body =
                "\"name\":\(String(decoding: JSONWriter.quoted(call.tool), as: UTF8.self)),"
                + "\"arguments\":\(call.arguments)"
            params = isModern ? modernParams(body) : "{\(body)}"
        }
        request(method, params: params, revision: revision, timeout: plan.timeout) { [weak self] answer in
            guard let self else { return }
            done(self.problem(answer))
        }
    }

    /// Nil: it is well.
    private func problem(_ answer: InternalAnswer) -> String? {
        let call = server.plan.health.call
        switch answer {
        case .result(let envelope, _):
            guard let call else { return nil }
            guard let result = envelope.outcome else { return "its answer has no result" }
            if result.member("isError")?.bool == true { return "the tool \(call.tool) failed" }
            guard let expected = call.expect else { return nil }
            return result.member("content")?.elements.contains {
                $0.member("text")?.string()?.contains(expected) == true
            } == true ? nil : "the answer of \(call.tool) does not contain what is expected"
        case .error(let envelope, _):
            // Whoever answers lives; what a tool was asked for is another matter.
            return call == nil ? nil : "the tool \(call?.tool ?? "?") was refused: \(text(envelope))"
        case .status(let status):
            let isAlive = [
                JF_STATUS_BAD_REQUEST, JF_STATUS_NOT_FOUND, JF_STATUS_NOT_ALLOWED, JF_STATUS_OVERLOADED,
            ].contains(Int(status))
            return isAlive && call == nil ? nil : "it answered with \(lane.statusText(status))"
        case .failed(let why, _): return why
        case .timedOut: return "no answer within \(server.plan.health.timeout / 1_000_000) ms"
        }
    }

    private func judgeHealth(_ problem: String?) {
        let plan = server.plan.health
        guard let problem else {
            healthFailures = 0
            return armHealth()
        }
        healthFailures += 1
        log.write(
            .debug, "health check failed",
            [
                .init("server", server.name), .init("endpoint", String(endpoint.index)),
                .init("why", problem), .init("in_a_row", String(healthFailures)),
            ])
        guard healthFailures >= plan.failures else { return armHealth() }
        healthFailures = 0
        isUnwell = true
        lane.gateway.counters.add(.healthFailures)
        let times =
            plan.failures == 1 ? "its health check failed" : "\(plan.failures) health checks in a row failed"
        down("\(times): \(problem)", retryAfter: nil)
    }

    /// Tools that the configuration expects and the server does not list; nil: all are there.
    func missingTools(_ listing: ServerListing) -> String? {
        let expected = server.plan.health.expectedTools
        guard !expected.isEmpty else { return nil }
        let listed = Set(listing[.tools].map(\.key))
        let missing = expected.filter { !listed.contains($0) }
        guard !missing.isEmpty else { return nil }
        return "it does not list what is expected of it: \(missing.joined(separator: ", "))"
    }
}
