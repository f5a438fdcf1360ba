// SPDX-License-Identifier: Apache-2.0
// Requests of operators about servers' calls: `drain`, `undrain`, `rollout`.

import JSON

extension ControlDoor {
    static let trafficRequests = ["drain", "rollout", "undrain"]

    /// True: it was one of these, and is answered or will be.
    func handleTraffic(_ what: String, _ request: JSONValue, _ guest: ControlGuest) -> Bool {
        guard Self.trafficRequests.contains(what) else { return false }
        guard let server = request["server"]?.string else {
            guest.refuse("'\(what)' needs 'server'")
            return true
        }
        switch what {
        case "drain": drain(server, request, guest)
        case "undrain":
            guard mayChange(request, guest) else { return true }
            guest.hear(gateway.undrain(server, request["replica"]?.string))
        default: rollout(server, request, guest)
        }
        return true
    }

    private func drain(_ server: String, _ request: JSONValue, _ guest: ControlGuest) {
        let wait = request["wait_ms"]?.int
        guard wait ?? 0 >= 0, wait ?? 0 <= 86_400_000 else {
            return guest.refuse("'wait_ms' is a time in milliseconds, a day at most")
        }
        guard mayChange(request, guest) else { return }
        gateway.drain(
            server, request["replica"]?.string, wait: wait.map { UInt64($0) * 1_000_000 },
            isHeard: { guest.isThere }
        ) { guest.hear($0) }
    }

    private func rollout(_ name: String, _ request: JSONValue, _ guest: ControlGuest) {
        let action = request["action"]?.string ?? "status"
        guard RolloutAction(rawValue: action) != nil else {
            return guest.refuse("unknown action '\(action)'; there are: \(RolloutAction.words)")
        }
        let server: Server
        switch gateway.named(name) {
        case .failure(let problem): return guest.refuse(problem.message)
        case .success(let found): server = found
        }
        guard let rollout = server.rollout else {
            return guest.refuse(
                "server \(name) has no rollout: its entry in the configuration has no 'rollout'")
        }
        if let action = RolloutAction(rawValue: action), action != .status {
            guard mayChange(request, guest) else { return }
            if let refusal = gateway.command(action, rollout, server) {
                return guest.refuse("rollout of server \(name): \(refusal)")
            }
        }
        guest.say(.object([.init("rollout", rollout.json)]))
        guest.end()
    }
}

extension ControlGuest {
    fileprivate func hear(_ news: Result<DrainNews, ReplicaProblem>) {
        switch news {
        case .failure(let problem): refuse(problem.message)
        case .success(let news):
            say(
                .object([
                    .init("text", .string(news.text)), .init("open", .number(String(news.open))),
                    .init("final", .bool(news.isFinal)), .init("done", .bool(news.isDone)),
                ]))
            if news.isFinal { end() }
        }
    }
}

/// What an operator may ask of a rollout.
public enum RolloutAction: String, Sendable, CaseIterable {
    case status, promote, rollback, pause, resume

    public static var words: String { allCases.map(\.rawValue).joined(separator: ", ") }
}

extension Gateway {
    /// Nil: it is done; else why not.
    fileprivate func command(_ action: RolloutAction, _ rollout: Rollout, _ server: Server) -> String? {
        let refusal = rollout.command { track in
            switch action {
            case .status: nil
            case .promote: track.promote()
            case .rollback: track.rollBack()
            case .pause: track.pause()
            case .resume: track.resume()
            }
        }
        if refusal == nil {
            if action == .rollback {
                counters.add(.rollbacks)
                server.reuse?.clear()
            }
            log.write(
                .info, "a rollout was changed by command",
                [
                    .init("server", server.name), .init("version", rollout.plan.version),
                    .init("action", action.rawValue), .init("share", percentText(rollout.now.share)),
                ])
        }
        return refusal
    }
}
