// SPDX-License-Identifier: Apache-2.0
// `jackfield doctor`: what a report of a problem needs.

import CLinux
import Configuration
import Glibc
import JSON
import JackfieldCore
import Synchronization

let doctorCommand: Command = Command(
    name: "doctor",
    summary: "say what a report of a problem needs: versions, limits, plugins, servers",
    details: """
        With --config it checks the file and starts its servers for at most 5 seconds, without listening. \
        With --url it asks that endpoint. The exit status is 1 where something is wrong. Secrets are not \
        printed.
        """,
    options: [
        CommonOptions.config(required: false, "the configuration file to look into"),
        .value("url", short: "u", "URL", .url, "an MCP endpoint that should answer"),
        CommonOptions.json, CommonOptions.pluginDirectories,
    ],
    examples: [
        Example("jackfield doctor", "this machine"),
        Example("jackfield doctor --config jackfield.yaml > report.txt", "everything, to attach to a report"),
        Example("jackfield doctor --url http://127.0.0.1:8808/mcp", "and a gateway that runs"),
    ]
) { arguments throws(UsageProblem) in
    let directories = arguments.all("plugin-dir")
    var diagnosis = Diagnosis()
    var plugins: PluginSet?
    if let path = arguments.value("config") {
        let checked = CheckedFile(path, pluginDirectories: directories)
        diagnosis.file = checked
        plugins = checked.plugins
        if checked.isGood { diagnosis.servers = startedServers(checked) }
    }
    let set = plugins ?? PluginSet(nil, extra: directories, log: Log(level: .error))
    diagnosis.plugins = foundPlugins(set)
    diagnosis.searchPath = set.loader.searchPath
    diagnosis.stateDirectory = set.loader.stateDirectory
    diagnosis.cell = set.loader.cellPath
    if let endpoint = arguments.value("url").flatMap({ Endpoint($0) }) {
        var options = RemoteOptions(endpoint)
        options.pluginDirectories = directories
        options.timeout = 5_000_000_000
        diagnosis.endpoint = (endpoint, states([options.plan(name: "endpoint", endpoint)], options).first)
    }
    if arguments.has("json") {
        standardOutput.write(diagnosis.json.pretty() + "\n")
    } else {
        standardOutput.write(diagnosis.text(width: terminalWidth(1), style: Style(descriptor: 1)))
    }
    return diagnosis.isHealthy ? 0 : 1
}

/// The states of servers after they had their chance.
private func states(_ servers: [ServerPlan], _ options: RemoteOptions) -> [ServerSummary] {
    let found = Mutex<[ServerSummary]>([])
    _ = withSession(servers, options) { remote in
        let all = remote.settled()
        found.withLock { $0 = all }
        return 0
    }
    return found.withLock { $0 }
}

/// The states of a file's servers after 5 seconds at most.
private func startedServers(_ file: CheckedFile) -> [ServerSummary] {
    guard var plan = file.plan, let plugins = file.plugins else { return [] }
    plan.listeners = []
    plan.loops = 1
    plan.drainTimeout = 1_000_000_000
    let found = Mutex<[ServerSummary]>([])
    _ = runSession(plan, plugins, Log(level: .error)) { gateway in
        var options = RemoteOptions(Endpoint("http://127.0.0.1/")!)
        options.timeout = 5_000_000_000
        let all = Remote(gateway: gateway, options: options, name: "").settled()
        found.withLock { $0 = all }
        return 0
    }
    return found.withLock { $0 }
}

/// All that was found out.
private struct Diagnosis {
    var file: CheckedFile?
    var servers: [ServerSummary] = []
    var plugins: [PluginVerdict] = []
    var searchPath: [String] = []
    var stateDirectory = ""
    var cell: String?
    var endpoint: (Endpoint, ServerSummary?)?
    let machine = Machine()

    var isHealthy: Bool {
        let works = plugins.contains(where: \.isLoadable) && plugins.allSatisfy(\.isLoadable)
        let answers = endpoint.map { $0.1?.state == "up" } ?? true
        return works && answers && file?.isGood != false && servers.allSatisfy { $0.state == "up" }
    }

    func text(width: Int?, style: Style) -> String {
        var pairs = [("Jackfield", Product.version)] + machine.pairs
        pairs.append(("State directory", stateDirectory))
        pairs.append(("Rehearsals", cell ?? "off: jackfield-cell is not beside this program"))
        pairs.append(("Plugin directories", searchPath.joined(separator: "\n")))
        var out = keyed(pairs, style: style) + "\n" + pluginTable(plugins, width: width, style: style)
        if plugins.isEmpty {
            out += "Nothing can be served without plugins: name their directory with --plugin-dir.\n"
        }
        if let file {
            out += "\n" + style.bold("Configuration:") + " \(printable(file.path)): "
            out += (file.isGood ? style.good("ok") : style.bad("has errors")) + " (\(file.contents))\n"
            for problem in file.problems { out += file.line(problem, style) + "\n" }
            if !servers.isEmpty { out += "\n" + serverTable(width: width, style: style) }
        }
        if let (address, summary) = endpoint {
            let state = summary?.state ?? "not tried"
            out += "\n" + style.bold("Endpoint:") + " \(address.text): "
            out += state == "up" ? style.good(state) : style.bad(state)
            let note = summary.map { $0.state == "up" ? offers($0) : $0.reason } ?? ""
            out += (note.isEmpty ? "" : " (\(printable(note)))") + "\n"
        }
        return out
    }

    private func serverTable(width: Int?, style: Style) -> String {
        var table = Table(["SERVER", "STATE", "PROTOCOL", "NOTE"])
        for server in servers {
            table.rows.append([
                server.name, server.state, server.revision ?? "-",
                server.reason.isEmpty ? offers(server) : server.reason,
            ])
        }
        return table.text(width: width, style: style)
    }

    var json: JSONValue {
        var members: [JSONMemberValue] = [
            .init("healthy", .bool(isHealthy)), .init("version", .string(Product.version)),
            .init("machine", .object(machine.pairs.map { .init($0.0, .string($0.1)) })),
            .init("stateDirectory", .string(stateDirectory)),
            .init("pluginDirectories", .array(searchPath.map { .string($0) })),
            .init(
                "plugins",
                .array(
                    plugins.map { plugin in
                        [
                            "id": .string(plugin.name), "path": .string(plugin.path),
                            "version": plugin.manifest.map { .string($0.version) } ?? nil,
                            "loadable": .bool(plugin.isLoadable),
                            "refusal": plugin.refusal.map { .string($0.description) } ?? nil,
                        ]
                    })),
        ]
        func json(_ server: ServerSummary) -> JSONValue {
            [
                "name": .string(server.name), "state": .string(server.state),
                "reason": .string(server.reason),
                "protocol": server.revision.map { .string($0) } ?? nil, "tools": JSONValue(server.tools),
            ]
        }
        if let file {
            members.append(.init("configuration", file.json))
            members.append(.init("servers", .array(servers.map(json))))
        }
        if let (address, summary) = endpoint {
            members.append(
                .init("endpoint", ["url": .string(address.text), "server": summary.map(json) ?? nil]))
        }
        return .object(members)
    }
}

/// Versions and limits of the system.
private struct Machine {
    let pairs: [(String, String)]

    init() {
        var all = [("Swift", Machine.swiftVersion)]
        var name = utsname()
        if uname(&name) == 0 {
            all.append(("Kernel", "\(text(&name.sysname)) \(text(&name.release)) \(text(&name.machine))"))
        }
        var library = [CChar](repeating: 0, count: 64)
        if confstr(Int32(_CS_GNU_LIBC_VERSION), &library, library.count) > 0 {
            all.append(("C library", text(&library)))
        }
        all.append(("Processors", "\(jf_cpu_count()) usable"))
        let pages = sysconf(Int32(_SC_PHYS_PAGES))
        var memory = sizeText(UInt64(max(0, pages)) * UInt64(max(0, sysconf(Int32(_SC_PAGESIZE)))))
        if let limit = Machine.memoryLimit { memory += ", limited to \(sizeText(limit))" }
        all.append(("Memory", memory))
        var soft: UInt64 = 0
        var hard: UInt64 = 0
        jf_get_limit(JF_LIMIT_FILES, &soft, &hard)
        all.append(("Open files", "\(Machine.limit(soft)), at most \(Machine.limit(hard))"))
        pairs = all
    }

    /// What this program was compiled with.
    private static var swiftVersion: String {
        #if compiler(>=6.4)
            "6.4 or later"
        #elseif compiler(>=6.3)
            "6.3"
        #else
            "6.2"
        #endif
    }

    /// Of the control group (cgroup v2); nil: none.
    private static var memoryLimit: UInt64? {
        guard case .success(let bytes) = readWholeFile("/sys/fs/cgroup/memory.max") else { return nil }
        return UInt64(String(decoding: bytes.prefix { $0 > 32 }, as: UTF8.self))
    }

    private static func limit(_ value: UInt64) -> String { value == .max ? "unlimited" : String(value) }
}

/// The text in a C array of characters.
private func text<Characters>(_ characters: inout Characters) -> String {
    withUnsafeBytes(of: &characters) { bytes in
        String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }
}

private func text(_ characters: inout [CChar]) -> String {
    String(decoding: characters.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
}
