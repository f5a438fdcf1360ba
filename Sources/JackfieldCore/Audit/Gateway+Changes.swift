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
            case .rolledBack: "rolled back"
            }
        var failure: String?
        if case .rolledBack(let why) = event { failure = why }
        recordChange(
            "rollout", by: nil,
            [
                .init("server", .string(server.name)), .init("version", .string(rollout.plan.version)),
                .init("event", .string(what)),
            ], failed: failure)
    }

    /// A step of a plugin's exchange.
    func recordSwap(_ step: SwapReport.Step, _ swap: PluginSwap, _ number: Int, _ text: String) {
        guard changeAudit != nil else { return }
        recordChange(
            "swap", by: nil,
            [
                .init("plugin", .string(swap.id)), .init("generation", .number(String(number))),
                .init("step", .string(step.rawValue)), .init("text", .string(text)),
            ], failed: step == .rolledBack || step == .refused ? text : nil)
    }

    /// A reload brought another lock: tools that were approved since the last. Control loop.
    func recordLock(_ new: LockPlan?) {
        let old = drift.plan?.lock
        guard changeAudit != nil, old != new?.lock else { return }
        var servers: [String] = []
        for name in Set(old?.servers.keys.map { $0 } ?? []).union(new?.lock.servers.keys.map { $0 } ?? [])
            .sorted()
        where old?.servers[name] != new?.lock.servers[name] {
            servers.append(name)
        }
        let bytes = Array((new?.lock.serialized() ?? "").utf8)
        recordChange(
            "lock in force", by: nil,
            [
                .init("file", new.map { .string($0.file) } ?? .null),
                .init("sha256", .string(bytes.withUnsafeBytes { SHA256.digest(of: $0) }.hex)),
                .init("servers", .array(servers.prefix(100).map { .string($0) })),
            ])
    }
}

extension ControlDoor {
    static let recordRequests = ["config", "flush", "lock"]

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
        case "lock":
            // `jackfield lock` has written the file already: this puts on record who did.
            guard let file = request["file"]?.string, file.hasPrefix("/"),
                let digest = request["sha256"]?.string, digest.utf8.count == 64
            else {
                guest.refuse("'lock' needs an absolute 'file' and its 'sha256'")
                return true
            }
            guard mayChange(request, guest) else { return true }
            guest.say(.object([.init("done", .string("noted"))]))
            guest.end()
        case "config":
            guard let change = gateway.changeConfiguration else {
                guest.refuse("this gateway has no configuration file")
                return true
            }
            let isReading = ["history", "text"].contains(request["action"]?.string ?? "")
            guard isReading || mayChange(request, guest) else { return true }
            change(request, guest.user) { answer in
                guest.say(answer)
                guest.end()
            }
        default: return false
        }
        return true
    }
}
