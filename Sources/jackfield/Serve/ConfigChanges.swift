// SPDX-License-Identifier: Apache-2.0
// How a running gateway's configuration changes: by HUP, by command, by two people; every version is kept.

import Configuration
import Glibc
import JSON
import JackfieldCore
import Synchronization

/// Belongs to the control loop.
final class ConfigChanges {
    private let options: ServeOptions
    private let plugins: PluginSet
    private let history: ConfigHistory?
    /// Absolute.
    private let path: String
    /// What is in force.
    private var current: Configuration
    private unowned var gateway: Gateway! = nil
    private var log: Log?
    /// What the reload under way has read, and who asked for it; nil: a signal did.
    private var read: (bytes: [UInt8], configuration: Configuration)?
    private var asked: Asked?

    /// A change that somebody asked for.
    private struct Asked {
        var version: ConfigVersion
        /// What the file held before, where it was changed.
        let before: [UInt8]?
        let answer: (JSONValue) -> Void
    }

    init(_ options: ServeOptions, _ plugins: PluginSet, _ configuration: Configuration) {
        self.options = options
        self.plugins = plugins
        current = configuration
        path = options.configPath.map { absoluteFolder($0) } ?? ""
        history = path.isEmpty ? nil : ConfigHistory(of: path, in: plugins.stateDirectory)
    }

    /// Takes part in a gateway's reloads. It lives as long as the gateway runs.
    func follow(_ gateway: Gateway, _ log: Log) {
        self.gateway = gateway
        self.log = log
        gateway.reload = { [self] choice in reload(choice) }
        gateway.onReload = { [self] in ended($0) }
        guard let history else { return }
        gateway.keepDrains(in: history.drains)
        gateway.changeConfiguration = { [self] in change($0, by: $1, $2) }
    }

    private var needsTwo: Bool { current.runtime.configApproval == .twoPerson }

    // MARK: Start and HUP

    /// Keeps what the gateway began with.
    func begin() {
        guard let history else { return }
        if let failure = history.prepare(for: path, in: plugins.stateDirectory) {
            log?.write(.warning, "configurations are not kept", [.init("why", failure)])
            return
        }
        guard let bytes = ConfigHistory.bytes(of: path),
            case .success(let configuration) = readConfiguration(options, bytes)
        else { return }
        var version = ConfigVersion()
        version.how = "start"
        version.user = geteuid()
        version.author = userName(geteuid())
        let before = history.versions.last
        keep(&version, bytes, configuration)
        if needsTwo, let before, before.sha256 != ConfigHistory.digest(bytes) {
            let text = "the gateway began with a configuration that nobody approved"
            log?.write(.warning, text, [.init("version", String(version.number))])
            gateway.recordChange(
                "config start", [.init("version", JSONValue(version.number)), .init("text", .string(text))])
        }
    }

    private func reload(_ choice: PluginChoice) -> Result<GatewayPlan, ReloadProblem> {
        read = nil
        let bytes = history == nil ? nil : ConfigHistory.bytes(of: path)
        if let history, let bytes, asked == nil, needsTwo, let newest = history.versions.last,
            newest.sha256 != ConfigHistory.digest(bytes)
        {
            return .failure(
                ReloadProblem([
                    "\(path) differs from version \(newest.number), and runtime.config_approval is two-person: a signal "
                        + "says nothing of who sent it; use 'jackfield config apply FILE --message TEXT', which somebody "
                        + "else approves"
                ]))
        }
        switch readConfiguration(options, bytes) {
        case .failure(let problem): return .failure(problem)
        case .success(let configuration):
            if let bytes { read = (bytes, configuration) }
            return plugins.replan(configuration, choice)
        }
    }

    /// A reload is over.
    private func ended(_ result: Result<Void, ReloadProblem>) {
        let asked = asked
        self.asked = nil
        var version = asked?.version ?? ConfigVersion()
        switch result {
        case .failure(let problem):
            gateway.recordReload(problem.problems, by: asked?.version.user)
            guard let asked else { return }
            if let before = asked.before, let failure = ConfigHistory.replace(path, with: before) {
                log?.write(.error, "the configuration file could not be put back", [.init("why", failure)])
            }
            asked.answer(refusal(problem.problems.joined(separator: "; ")))
        case .success:
            if asked == nil {
                version.how = "reload"
                version.author = "unknown (HUP)"
            }
            guard let read else { return gateway.recordReload([]) }
            let isNew = keep(&version, read.bytes, read.configuration)
            if current.runtime.control != read.configuration.runtime.control, let log {
                gateway.admit(ControlAccess(read.configuration.runtime.control, log))
            }
            current = read.configuration
            gateway.recordReload(
                [], by: asked?.version.user,
                [
                    .init("version", JSONValue(version.number)), .init("sha256", .string(version.sha256)),
                    .init("how", .string(version.how)), .init("message", .string(version.message)),
                    .init("approver", .string(version.approver)),
                    .init("emergency", .string(version.emergency)),
                ])
            let what =
                isNew
                ? "version \(version.number) is in force" : "nothing differs from version \(version.number)"
            asked?.answer(
                .object([
                    .init("done", .string(what)), .init("number", JSONValue(version.number)),
                    .init("changes", .array(version.changes.map { .string($0) })),
                ]))
        }
    }

    /// Keeps a version unless it is the newest already.
    @discardableResult
    private func keep(_ version: inout ConfigVersion, _ bytes: [UInt8], _ configuration: Configuration)
        -> Bool
    {
        guard let history else { return false }
        let newest = history.versions.last
        if let newest, newest.sha256 == ConfigHistory.digest(bytes) {
            version = newest
            return false
        }
        // What the command line adds is no part of a version.
        func parsed(_ bytes: [UInt8]) -> Configuration? {
            Configuration.parse(bytes, file: path).configuration
        }
        if let before = newest.flatMap({ history.text($0.number) }).flatMap(parsed), let after = parsed(bytes)
        {
            version.changes = Configuration.diff(before, after).words
        }
        if let failure = history.add(&version, bytes, keeping: configuration.runtime.configVersions) {
            log?.write(.warning, "a configuration is not kept", [.init("why", failure)])
        }
        return true
    }

    // MARK: Commands

    private func refusal(_ text: String) -> JSONValue { .object([.init("error", .string(text))]) }

    /// `apply`, `rollback`, `approve`: answered now, or when the reload is over.
    private func change(_ request: JSONValue, by user: uid_t, _ answer: @escaping (JSONValue) -> Void) {
        switch (request["action"]?.string, history) {
        case ("history", let history?): return answer(historyAnswer(history))
        case ("text", let history?): return answer(textAnswer(request, history))
        default: break
        }
        guard let history, asked == nil else {
            return answer(refusal("another change is under way; try again"))
        }
        var version = ConfigVersion()
        version.user = user
        version.author = userName(user)
        version.message = request["message"]?.string ?? ""
        let bytes: [UInt8]
        switch request["action"]?.string {
        case "apply":
            guard !version.message.isEmpty else { return answer(refusal("a change needs a message")) }
            version.how = "apply"
            if let text = request["content"]?.string {
                bytes = Array(text.utf8)
            } else {
                guard let file = request["file"]?.string, file.hasPrefix("/") else {
                    return answer(refusal("'apply' needs an absolute 'file', or 'content'"))
                }
                guard let found = ConfigHistory.bytes(of: file) else {
                    return answer(refusal("the gateway cannot read \(file), or it is larger than 8 MiB"))
                }
                bytes = found
            }
        case "rollback":
            let number = request["number"]?.int ?? 0
            guard let found = history.text(number) else {
                return answer(refusal("there is no version \(number); see 'jackfield config history'"))
            }
            version.how = "rollback"
            if version.message.isEmpty { version.message = "back to version \(number)" }
            bytes = found
        case "approve":
            guard
                let found = approved(
                    request["number"]?.int ?? 0, request["sha256"]?.string ?? "", by: user, &version, answer)
            else { return }
            bytes = found
        default: return answer(refusal("unknown action; there are: apply, approve, rollback"))
        }
        if let problem = problem(with: bytes) { return answer(refusal(problem)) }
        if request["emergency"]?.bool == true {
            guard let reason = request["reason"]?.string, !reason.isEmpty else {
                return answer(refusal("an emergency needs a reason"))
            }
            version.emergency = reason
            log?.write(
                .warning, "a configuration is applied past approval",
                [.init("author", version.author), .init("reason", reason)])
        } else if needsTwo, version.approver.isEmpty {
            return hold(&version, bytes, answer)
        }
        apply(version, bytes, answer)
    }

    /// What waits, if this user may approve it; else the answer was given.
    private func approved(
        _ number: Int, _ digest: String, by user: uid_t, _ version: inout ConfigVersion,
        _ answer: (JSONValue) -> Void
    ) -> [UInt8]? {
        guard let history, let pending = history.pending, pending.version.number == number else {
            answer(refusal("no version \(number) waits for approval; see 'jackfield config history'"))
            return nil
        }
        guard pending.version.user != user else {
            let text = "version \(number) is \(pending.version.author)'s own: somebody else must approve it"
            gateway.recordChange(
                "config approve", by: user, [.init("version", JSONValue(number))], denied: ("approval", text))
            answer(refusal(text))
            return nil
        }
        guard pending.version.sha256.hasPrefix(digest) else {
            answer(
                refusal(
                    "version \(number) is not what you have seen: its author has replaced it; see "
                        + "'jackfield config diff \(number)'"))
            return nil
        }
        version = pending.version
        version.approver = userName(user)
        return pending.text
    }

    private func hold(_ version: inout ConfigVersion, _ bytes: [UInt8], _ answer: (JSONValue) -> Void) {
        guard let history else { return }
        if let failure = history.hold(&version, bytes) { return answer(refusal(failure)) }
        log?.write(
            .info, "a configuration waits for approval",
            [.init("version", String(version.number)), .init("author", version.author)])
        answer(
            .object([
                .init("pending", JSONValue(version.number)),
                .init(
                    "done",
                    .string(
                        "version \(version.number) waits: another user approves it with "
                            + "'jackfield config approve \(version.number)'")),
            ]))
    }

    /// Why the bytes are no configuration for this gateway; nil: they are.
    private func problem(with bytes: [UInt8]) -> String? {
        switch readConfiguration(options, bytes) {
        case .failure(let problem): return problem.problems.joined(separator: "\n")
        case .success(let configuration):
            return plugins.turn.withLock { _ in
                if case .failure(let problem) = checkedPlan(configuration, plugins) {
                    return problem.problems.joined(separator: "\n")
                }
                return nil
            }
        }
    }

    private func apply(_ version: ConfigVersion, _ bytes: [UInt8], _ answer: @escaping (JSONValue) -> Void) {
        let before = ConfigHistory.bytes(of: path)
        if before != bytes, let failure = ConfigHistory.replace(path, with: bytes) {
            return answer(refusal("the gateway cannot change its configuration file: \(failure)"))
        }
        history?.forgetPending()
        asked = Asked(version: version, before: before == bytes ? nil : before, answer: answer)
        guard let refused = gateway.reloadAgain() else { return }
        asked = nil
        if let before { _ = ConfigHistory.replace(path, with: before) }
        answer(refusal(refused))
    }
}

extension ConfigurationDiff {
    /// One line for each thing that differs.
    var words: [String] {
        var lines: [String] = []
        func add(_ names: Names, _ what: String) {
            for (verb, list) in [
                ("added", names.added), ("removed", names.removed), ("changed", names.changed),
            ]
            where !list.isEmpty {
                lines.append("\(what) \(verb): \(list.joined(separator: ", "))")
            }
        }
        add(servers, "servers")
        add(bundles, "bundles")
        add(plugins, "plugins")
        if !listenersAdded.isEmpty { lines.append("listeners added: \(listenersAdded.count)") }
        if !listenersRemoved.isEmpty { lines.append("listeners removed: \(listenersRemoved.count)") }
        let blocks = [
            ("naming", namingChanged), ("limits", limitsChanged), ("tasks", tasksChanged),
            ("lock", lockChanged),
            ("audit", auditChanged), ("auth, policies, filters or tenants", modulesChanged),
            ("log", logChanged),
            ("runtime", runtimeChanged),
        ]
        lines += blocks.filter(\.1).map { "\($0.0) changed" }
        if !needRestart.isEmpty {
            lines.append("takes effect at the next start: \(needRestart.joined(separator: ", "))")
        }
        return lines.isEmpty ? ["nothing but the text"] : lines
    }
}
