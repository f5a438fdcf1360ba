// SPDX-License-Identifier: Apache-2.0
// `jackfield lock`: writes down which tools servers have, and later says what differs.

import Configuration
import Glibc
import JSON
import JackfieldCore

let lockCommand: Command = Command(
    name: "lock",
    summary: "write down the definitions of all tools, or say what differs from them",
    details: """
        Starts or connects to the servers of FILE, asks each for its tools, and writes their definitions to \
        the lock file: LOCK, else what FILE says under lock.file, else jackfield.lock beside it. A gateway \
        whose FILE has a lock block holds servers to it. With --check nothing is written: each difference \
        is a line on standard output, and the status is 1 if there is one. With --update differences are \
        printed and approved; a running gateway takes them over with HUP.
        """,
    options: [
        CommonOptions.config(required: true, "the configuration file"),
        .value("out", short: "o", "LOCK", .file, "the lock file"),
        .value(
            "server", short: "s", "NAME", .serverName, repeats: true,
            "only this server; what LOCK has of others stays"),
        .flag("check", "say what differs, write nothing"),
        .flag("update", "approve what differs"),
        .value(
            "timeout", "TIME", .duration, "how long servers may take to start and list", fallback: "30s"),
        CommonOptions.pluginDirectories,
        CommonOptions.logLevel(fallback: "error"),
    ],
    examples: [
        Example("jackfield lock --config jackfield.yaml", "the first lock"),
        Example("jackfield lock -c jackfield.yaml --check", "in a pipeline"),
        Example("jackfield lock -c jackfield.yaml --update --server tickets", "approve one server's tools"),
    ]
) { arguments throws(UsageProblem) in
    if arguments.has("check"), arguments.has("update") {
        throw arguments.problem("--check and --update exclude each other", hint: "give one of them")
    }
    return LockRun(arguments).run()
}

/// One run of the command.
private struct LockRun: Sendable {
    private let configPath: String
    private let out: String?
    private let chosen: [String]
    private let isCheck: Bool
    private let isUpdate: Bool
    private let timeout: UInt64
    private let pluginDirectories: [String]
    private let logLevel: Log.Level

    init(_ arguments: Arguments) {
        configPath = arguments.value("config") ?? ""
        out = arguments.value("out")
        chosen = arguments.all("server")
        isCheck = arguments.has("check")
        isUpdate = arguments.has("update")
        timeout = arguments.duration("timeout") ?? 30_000_000_000
        pluginDirectories = arguments.all("plugin-dir")
        logLevel = arguments.logLevel ?? .error
    }

    func run() -> Int32 {
        let parsed = Configuration.load(path: configPath)
        for problem in parsed.problems { standardError.write(printable(problem.description) + "\n") }
        guard let configuration = parsed.configuration else { return 2 }
        let except = configuration.lock?.except ?? []
        let held = configuration.servers.filter { $0.enabled && !except.contains($0.name) }.map(\.name)
        if let name = chosen.first(where: { !held.contains($0) }) {
            report(
                except.contains(name)
                    ? "--server: \(configPath) leaves server \(name) out of the lock (lock.except)"
                    : "--server: \(configPath) has no server \(name) that is switched on")
            return 2
        }
        let path = out ?? configuration.lock?.file ?? standardPlace(configuration)
        let before: ToolLock?
        do throws(ToolLockProblem) { before = try LockFile.read(path) } catch {
            report("can't use \(path): \(error); to begin anew, delete it")
            return 1
        }
        if before == nil, isCheck {
            report("there is no \(path); 'jackfield lock --config \(configPath)' writes it")
            return 1
        }
        if before != nil, !isCheck, !isUpdate {
            report("there is a \(path) already; --check says what differs from it, --update approves that")
            return 1
        }
        let plugins = PluginSet(configuration, extra: pluginDirectories, log: Log(level: logLevel))
        var plan: GatewayPlan
        switch checkedPlan(configuration, plugins, withLock: false) {
        case .success(let checked): plan = checked
        case .failure(let problem):
            for line in problem.problems { complain(line) }
            return 2
        }
        let names = chosen.isEmpty ? held : chosen
        plan.servers.removeAll { !names.contains($0.name) }
        guard let tools = list(plan, plugins) else { return 1 }
        return settle(tools, before, path, held: held, state: plugins.stateDirectory)
    }

    private func standardPlace(_ configuration: Configuration) -> String {
        let folder = configuration.folder
        return (folder == "." ? "" : folder + "/") + Configuration.Lock.standardName
    }

    /// What the servers list, each as a gateway sees it, because it is a gateway that asks: one without listeners. Nil: one
    /// of them cannot be asked, which was said.
    private func list(_ plan: GatewayPlan, _ plugins: PluginSet) -> [String: [ToolDefinition]]? {
        var plan = plan
        plan.listeners = []
        plan.bundles = []
        // It makes no calls; and the log is the running gateway's.
        plan.audit = nil
        plan.loops = 1
        plan.drainTimeout = 1_000_000_000
        // So that a list that does not come is told from a server that does not.
        plan.limits.probeTimeout = min(plan.limits.probeTimeout, timeout / 2)
        let found = Awaited<[String: [ToolDefinition]]>()
        let timeout = timeout
        let status = runSession(plan, plugins, Log(level: logLevel)) { gateway in
            let down = gateway.settledSummaries(within: timeout).filter { $0.state != "up" }
            for server in down {
                let why = server.state == "connecting" ? "no answer in time" : server.reason
                report("cannot ask server \(server.name) for its tools: \(why)")
            }
            guard down.isEmpty else { return 1 }
            let listed = Awaited<[(server: String, tools: [ToolDefinition]?)]>()
            gateway.perform { listed.fill($0.listedTools()) }
            var tools: [String: [ToolDefinition]] = [:]
            var isWhole = true
            for entry in listed.wait() {
                tools[entry.server] = entry.tools
                if entry.tools == nil {
                    isWhole = false
                    report("server \(entry.server) gave no list of its tools; --log-level warning says why")
                }
            }
            guard isWhole else { return 1 }
            found.fill(tools)
            return 0
        }
        return status == 0 ? found.wait() : nil
    }

    /// Compares, prints, writes.
    private func settle(
        _ tools: [String: [ToolDefinition]], _ before: ToolLock?, _ path: String, held: [String],
        state: String
    ) -> Int32 {
        var lock = before ?? ToolLock()
        var lines: [String] = []
        for (server, listed) in tools.sorted(by: { $0.key < $1.key }) {
            if before != nil { lines += changeLines(lock.changes(of: server, listed: listed), server) }
            lock.approve(listed, of: server)
        }
        // Servers that are gone, and versions of those that were asked.
        let asked = Set(tools.keys.map { ToolLock.server($0) })
        for server in lock.servers.keys.sorted() where tools[server] == nil {
            let base = ToolLock.server(server)
            if asked.contains(base) || chosen.isEmpty && !held.contains(base) {
                lines.append("\(server): removed, with \(counted(lock.servers[server]?.count ?? 0, "tool"))")
                lock.servers[server] = nil
            }
        }
        for line in lines { standardOutput.write(printable(line) + "\n") }
        if isCheck {
            if lines.isEmpty { say(path, "ok", lock) }
            return lines.isEmpty ? 0 : 1
        }
        if lock == before {
            say(path, "nothing to approve", lock)
            return 0
        }
        do throws(ToolLockProblem) { try LockFile.write(lock, to: path) } catch {
            report("can't write \(path): \(error)")
            return 1
        }
        say(path, "written", lock)
        putOnRecord(lock, path, lines, state)
        return 0
    }

    /// A gateway that runs writes into its audit log who approved what.
    private func putOnRecord(_ lock: ToolLock, _ path: String, _ lines: [String], _ state: String) {
        let file = realpath(path, nil).map { real in
            defer { free(real) }
            return String(cString: real)
        }
        let changes = lines.prefix(100).map { JSONValue.string(String($0.prefix(200))) }
        let (told, found) = tellGateways(
            in: state,
            [
                .init("do", .string("lock")), .init("file", .string(file ?? path)),
                .init("sha256", .string(ConfigHistory.digest(Array(lock.serialized().utf8)))),
                .init("changes", .array(Array(changes))), .init("more", JSONValue(max(0, lines.count - 100))),
            ])
        if told < found {
            report("a gateway that runs did not put this approval on record; 'runtime.control' says who may")
        }
    }

    private func say(_ path: String, _ what: String, _ lock: ToolLock) {
        let tools = counted(lock.servers.values.reduce(0) { $0 + $1.count }, "tool")
        let contents = "\(tools) of \(counted(lock.servers.count, "server"))"
        standardOutput.write("\(printable(path)): \(what) (\(contents))\n")
    }
}

/// Differences for people: a line for each tool that came or went, one for each place of a definition that changed.
func changeLines(_ changes: [ToolChange], _ server: String) -> [String] {
    changes.flatMap { change -> [String] in
        let tool = "\(server): \(change.tool)"
        guard let difference = change.difference else { return ["\(tool): \(change.kind.rawValue)"] }
        let lines = difference.lines.map { "\(tool): changed: \($0)" }
        return difference.omitted > 0
            ? lines + ["\(tool): changed: and \(difference.omitted) more places"] : lines
    }
}
