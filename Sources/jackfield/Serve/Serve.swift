// SPDX-License-Identifier: Apache-2.0
// `jackfield serve`: runs the gateway.

import CLinux
import Configuration
import Glibc
import JackfieldCore

/// What `serve` was asked to do.
struct ServeOptions {
    var configPath: String?
    /// `--listen HOST:PORT`: replaces the HTTP listeners of the file.
    var listen: String?
    /// `--stdio`: one client on standard input and output instead of listeners.
    var stdio = false
    var pluginDirectories: [String] = []
    var logLevel: Log.Level?
    /// `--trace-abi ID`: plugins whose every call across the border is logged.
    var tracedPlugins: [String] = []
}

/// Serves until told to stop. Exit status: 0 done, 1 failed at run time, 2 wrong configuration.
func serve(_ options: ServeOptions) -> Int32 {
    var configuration: Configuration
    switch readConfiguration(options) {
    case .success(let read): configuration = read
    case .failure(let problem):
        for line in problem.problems { complain(line) }
        return 2
    }
    let log = Log(
        level: options.logLevel ?? Log.Level(configuration.log.level), json: configuration.log.format == .json
    )
    for warning in configuration.warnings { log.write(.warning, warning.description) }
    let plugins = PluginSet(configuration, extra: options.pluginDirectories, log: log)
    let known = plugins.choice.manifests.map(\.id)
    if let unknown = options.tracedPlugins.first(where: { !known.contains($0) }) {
        complain("jackfield: --trace-abi: no plugin '\(unknown)' was found; see 'jackfield plugin list'")
        return 2
    }
    var plan: GatewayPlan
    switch checkedPlan(configuration, plugins) {
    case .success(let checked): plan = checked
    case .failure(let problem):
        for line in problem.problems { complain(line) }
        return 2
    }
    plan.tracedPlugins = options.tracedPlugins
    let gateway: Gateway
    do {
        gateway = try Gateway(plan, choice: plugins.choice, libraries: plugins.load(plan), log: log)
    } catch {
        complain("\(error)")
        return 1
    }
    let changes = ConfigChanges(options, plugins, configuration)
    changes.follow(gateway, log)
    offerSwaps(gateway, plugins, plan)
    gateway.admit(ControlAccess(configuration.runtime.control, log))
    gateway.onListening = { addresses in
        changes.begin()
        for address in addresses where address.contains("://") {
            log.announce("listening on \(endpointAddress(address))")
            let isLocal = ["127.", "[::1]", "localhost"].contains { address.contains("://" + $0) }
            if !isLocal, plan.auth.providers.isEmpty {
                log.write(
                    .warning,
                    "this listener is open to other machines, and nothing authenticates them; see auth in the configuration",
                    [.init("address", address)])
            }
        }
    }
    return gateway.run()
}

/// Reads the file and applies the command line's own wishes.
/// - Parameter bytes: what to take the file to hold.
func readConfiguration(
    _ options: ServeOptions, _ bytes: [UInt8]? = nil
) -> Result<Configuration, ReloadProblem> {
    var configuration: Configuration
    if let path = options.configPath {
        let parsed = bytes.map { Configuration.parse($0, file: path) } ?? Configuration.load(path: path)
        guard let read = parsed.configuration else {
            return .failure(ReloadProblem(parsed.problems.map(\.description)))
        }
        configuration = read
    } else {
        configuration = demoConfiguration()
    }
    if options.stdio {
        configuration.listeners = [Configuration.Listener(transport: "stdio")]
    } else if let address = options.listen {
        configuration.listeners.removeAll { $0.transport == "http" }
        configuration.listeners.append(
            Configuration.Listener(transport: "http", options: Configuration.Options(["address": address])))
    }
    return .success(configuration)
}

/// What a client is told to connect to: the URL of `/mcp` where the listener speaks HTTP or WebSocket, else where it listens.
func endpointAddress(_ bound: String) -> String {
    let isURL = ["http://", "https://", "ws://", "wss://"].contains { bound.hasPrefix($0) }
    return isURL ? bound + "/mcp" : bound
}

/// The plan of a configuration, checked against the plugins; problems carry the file's positions.
///
/// - Parameter withLock: read the lock file too.
func checkedPlan(
    _ configuration: Configuration, _ plugins: PluginSet, withLock: Bool = true
) -> Result<GatewayPlan, ReloadProblem> {
    let wanted = plugins.identified(GatewayPlan(configuration), configuration)
    var (plan, problems) = plugins.choice.check(wanted)
    var texts =
        plugins.misplaced(plan, configuration).map(\.description)
        + problems.map { described($0, configuration) }.withoutRepeats
    if withLock, let lock = configuration.lock {
        switch LockFile.plan(lock, configuration) {
        case .success(let read): plan.lock = read
        case .failure(let unusable): texts.append(unusable.problem.description)
        }
    }
    plan.audit?.settle(in: plugins.stateDirectory)
    return texts.isEmpty ? .success(plugins.settled(plan)) : .failure(ReloadProblem(texts))
}

/// A plan's problem at its place in the file, as text.
func described(_ problem: PlanProblem, _ configuration: Configuration) -> String {
    let found = located(problem, configuration)
    guard found.position.line > 0 else { return "\(found.file): error: \(problem)" }
    return found.description
}

extension Log.Level {
    init(_ level: Configuration.Log.Level) {
        switch level {
        case .trace: self = .trace
        case .debug: self = .debug
        case .info: self = .info
        case .warning: self = .warning
        case .error: self = .error
        }
    }
}

/// One line on standard error.
func complain(_ line: String) {
    let bytes = Array((line + "\n").utf8)
    _ = bytes.withUnsafeBytes { write(2, $0.baseAddress, $0.count) }
}
