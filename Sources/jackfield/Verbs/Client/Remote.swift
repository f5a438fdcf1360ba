// SPDX-License-Identifier: Apache-2.0
// The gateway as a client: an in-process gateway with the remote endpoint as its server.

import CLinux
import Configuration
import Glibc
import JSON
import JackfieldCore
import Synchronization

/// What the client commands were told about the endpoint.
struct RemoteOptions: Sendable {
    var endpoint: Endpoint
    var era = ServerPlan.Era.auto
    var headers: [(name: String, value: String)] = []
    /// Nanoseconds: to connect, and for each answer.
    var timeout: UInt64 = 30_000_000_000
    var pluginDirectories: [String] = []
    var logLevel = Log.Level.error

    init(_ endpoint: Endpoint) { self.endpoint = endpoint }

    init(_ arguments: Arguments) throws(UsageProblem) {
        guard let endpoint = arguments.value("url").flatMap({ Endpoint($0) }) else {
            throw arguments.problem("--url is no URL")
        }
        self.endpoint = arguments.value("server").map { endpoint.server($0) } ?? endpoint
        switch arguments.value("era") {
        case "modern": era = .modern
        case "legacy": era = .legacy
        default: era = .auto
        }
        headers = arguments.all("header").compactMap { header($0) }
        timeout = arguments.duration("timeout") ?? timeout
        pluginDirectories = arguments.all("plugin-dir")
        logLevel = arguments.logLevel ?? .error
    }

    func plan(name: String, _ endpoint: Endpoint) -> ServerPlan {
        var server = ServerPlan(name: name)
        var options: JSONValue = ["url": .string(endpoint.text)]
        if !headers.isEmpty {
            options["headers"] = .object(headers.map { JSONMemberValue($0.name, .string($0.value)) })
        }
        server.endpoints = [EndpointPlan(options: String(decoding: options.serialized(), as: UTF8.self))]
        server.era = era
        server.timeout = timeout
        return server
    }
}

/// A running in-process gateway. Its functions block; use them from the session's own thread only.
struct Remote: Sendable {
    let gateway: Gateway
    let options: RemoteOptions
    /// The server that requests go to.
    let name: String

    /// Asks and waits.
    func ask(_ method: String, _ params: JSONValue = [:]) -> AskedAnswer {
        let answer = Awaited<AskedAnswer>()
        gateway.ask(
            method, params: String(decoding: params.serialized(), as: UTF8.self),
            path: "/mcp/servers/\(name)",
            timeout: options.timeout
        ) { answer.fill($0) }
        return answer.wait()
    }

    /// A JSON-RPC error as text, with the endpoint's address where the in-process gateway names its own path.
    func explain(_ error: AskedAnswer) -> String {
        let text = errorText(error.body)
        guard let range = text.firstRange(of: "/mcp/servers/\(name)") else { return text }
        return text[..<range.lowerBound] + options.endpoint.text + text[range.upperBound...]
    }

    /// A list's items.
    func list(_ method: String, _ member: String) -> [JSONValue] {
        let answer = ask(method)
        guard !answer.isError, let body = try? JSONValue(parsing: answer.body) else { return [] }
        return body[member]?.array ?? []
    }

    /// The state of every server.
    func summaries() -> [ServerSummary] { gateway.awaitedSummaries() }

    /// Waits until every server is up or down, for the session's timeout at most.
    func settled() -> [ServerSummary] { gateway.settledSummaries(within: options.timeout) }
}

extension Gateway {
    /// The state of every server. Blocks: never on one of the gateway's own threads.
    fileprivate func awaitedSummaries() -> [ServerSummary] {
        let found = Awaited<[ServerSummary]>()
        perform { found.fill($0.summaries()) }
        return found.wait()
    }

    /// Waits until every server is up or down, for that many nanoseconds at most. Blocks.
    func settledSummaries(within timeout: UInt64) -> [ServerSummary] {
        let start = jf_monotonic_ns()
        while true {
            let now = awaitedSummaries()
            let isWaiting = now.contains { $0.state == "connecting" }
            // Once more: by then the lanes have the catalogue that this state belongs to.
            if !isWaiting || jf_monotonic_ns() - start > timeout { return awaitedSummaries() }
            _ = poll(nil, 0, 20)
        }
    }
}

/// Runs a session with one server and ends with the status of `body`, which is called once the server is up.
func withRemote(_ options: RemoteOptions, _ body: @escaping @Sendable (Remote, ServerSummary) -> Int32)
    -> Int32
{
    let server = options.plan(name: "remote", options.endpoint)
    return withSession([server], options) { remote in
        guard let summary = remote.settled().first else { return 1 }
        guard summary.state == "up" else {
            let why = summary.reason.isEmpty ? "no answer in time" : summary.reason
            report("cannot use \(options.endpoint.text): \(why)\(advice(options.endpoint, why))")
            return 1
        }
        return body(remote, summary)
    }
}

/// What often helps when the default endpoint does not answer.
private func advice(_ endpoint: Endpoint, _ why: String) -> String {
    guard endpoint.text == CommonOptions.url.fallback else { return "" }
    return "; 'jackfield serve' starts a gateway there, --url names another endpoint"
}

/// Runs a gateway without listeners over these servers; `body` decides the exit status.
///
/// - Parameter endsByInterrupt: control-C is the ordinary end, with status 0.
func withSession(
    _ servers: [ServerPlan], _ options: RemoteOptions, endsByInterrupt: Bool = false,
    _ body: @escaping @Sendable (Remote) -> Int32
) -> Int32 {
    let log = Log(level: options.logLevel)
    let plugins = PluginSet(nil, extra: options.pluginDirectories, log: log)
    var plan = GatewayPlan()
    plan.drainTimeout = 1_000_000_000
    plan.servers = servers
    plan.limits.callTimeout = options.timeout
    plan.limits.probeTimeout = min(plan.limits.probeTimeout, options.timeout)
    plan.limits.message = 64 << 20
    let (checked, problems) = plugins.choice.check(plan)
    guard problems.isEmpty else {
        let places = plugins.loader.searchPath.joined(separator: ", ")
        if servers.contains(where: { plugins.choice.server($0, $0.endpoints[0]) == nil }) {
            report(
                "no plugin connects to \(options.endpoint.scheme):// URLs; there is none in \(places); "
                    + "name another directory with --plugin-dir")
        } else {
            for problem in problems { report(problem.message) }
        }
        return 1
    }
    return runSession(checked, plugins, log, endsByInterrupt: endsByInterrupt) { gateway in
        body(Remote(gateway: gateway, options: options, name: servers.first?.name ?? ""))
    }
}

/// Runs a checked plan until `body`, on a thread of its own, has returned the exit status.
func runSession(
    _ plan: GatewayPlan, _ plugins: PluginSet, _ log: Log, endsByInterrupt: Bool = false,
    _ body: @escaping @Sendable (Gateway) -> Int32
) -> Int32 {
    let gateway: Gateway
    do {
        gateway = try Gateway(plan, choice: plugins.choice, libraries: plugins.load(plan), log: log)
    } catch {
        report("\(error)")
        return 1
    }
    let isDone = SharedFlag()
    gateway.onListening = { _ in
        startThread {
            let status = body(gateway)
            isDone.raise()
            gateway.leave(status)
        }
    }
    let status = gateway.run()
    if isDone.isRaised || endsByInterrupt { return status }
    report("interrupted")
    return 1
}

/// Raised once. Any thread.
final class SharedFlag: Sendable {
    private let state = Atomic<Bool>(false)
    var isRaised: Bool { state.load(ordering: .acquiring) }
    func raise() { state.store(true, ordering: .releasing) }
}
