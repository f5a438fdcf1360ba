// SPDX-License-Identifier: Apache-2.0
// Changes that are on record: reloads, swaps, rollouts; and requests of operators about records and the configuration.

import Glibc
import JSON

extension Gateway {
    /// A reload is over, however it ended. Control loop.
    func reloadEnded(_ problems: [String] = []) {
        let result: Result<Void, ReloadProblem> =
            problems.isEmpty ? .success(()) : .failure(ReloadProblem(problems))
        guard let onReload else { return recordReload(problems) }
        onReload(result)
    }

    /// Reads the configuration again, as HUP does; `onReload` hears how it ends. Nil: it began; else why not. Control loop.
    public func reloadAgain() -> String? {
        if isDraining { return "the gateway is stopping" }
        if let swap, swap.phase != .trial {
            return "plugin \(swap.id) is being exchanged at this moment; try again when that is done"
        }
        reloadNow()
        return nil
    }

    /// - Parameter user: who asked for it; nil: a signal, which says nothing of its sender.
    public func recordReload(
        _ problems: [String], by user: uid_t? = nil, _ details: [JSONMemberValue] = []
    ) {
        recordChange(
            "reload", by: user, details, denied: problems.first.map { ("", $0) })
    }

    /// A rollout moved by itself. Any thread.
    func recordRollout(_ event: RolloutTrack.Event, _ rollout: Rollout, _ server: Server) {
        guard changeAudit != nil else { return }
        let what =
            switch event {
            case .climbed(let share): "share \(percentText(share))"
            case .completed: "completed"
            case .rolledBack(let why): "rolled back: \(why)"
            }
        recordChange(
            "rollout", by: nil,
            [
                .init("server", .string(server.name)), .init("version", .string(rollout.plan.version)),
                .init("event", .string(what)),
            ])
    }

    /// A step of a plugin's exchange.
    func recordSwap(_ step: SwapReport.Step, _ swap: PluginSwap, _ number: Int, _ text: String) {
        guard changeAudit != nil else { return }
        recordChange(
            "swap", by: nil,
            [
                .init("plugin", .string(swap.id)), .init("generation", .number(String(number))),
                .init("step", .string(step.rawValue)), .init("text", .string(text)),
            ])
    }
}

extension ControlDoor {
    static let recordRequests = ["config", "flush"]

    /// True: it was one of these, and is answered or will be.
    func handleRecords(_ what: String, _ request: JSONValue, _ guest: ControlGuest) -> Bool {
        switch what {
        case "flush":
            guard let auditor = gateway.auditor, let plan = gateway.plan.audit else {
                guest.refuse("this gateway keeps no audit log: its configuration has no 'audit'")
                return true
            }
            auditor.afterwards { [gateway] in
                gateway.control.post {
                    guest.say(
                        .object([
                            .init("audit", .string(plan.directory)),
                            .init("state", .string(plan.stateDirectory)),
                        ]))
                    guest.end()
                }
            }
        case "config":
            guard let change = gateway.changeConfiguration else {
                guest.refuse("this gateway has no configuration file")
                return true
            }
            guard mayChange(request, guest) else { return true }
            change(request, guest.user) { answer in
                guest.say(answer)
                guest.end()
            }
        default: return false
        }
        return true
    }
}
