// SPDX-License-Identifier: Apache-2.0
// `jackfield servers`: who answers at an endpoint, and which servers stand behind it.

import JSON
import JackfieldCore
import Synchronization

let serversCommand: Command = Command(
    name: "servers",
    summary: "describe an MCP endpoint, and the servers behind a gateway",
    details: """
        Shows the name, version, protocol revision, instructions and number of items of the endpoint. MCP \
        has no list of the servers behind a gateway; where the endpoint is a Jackfield gateway, their \
        names are learnt from what it shows, and each is asked at /mcp/servers/NAME.
        """,
    options: CommonOptions.client,
    examples: [
        Example("jackfield servers", "the local gateway"),
        Example(
            "jackfield servers --url http://127.0.0.1:9000/mcp --era legacy", "a server that has sessions"),
    ]
) { arguments throws(UsageProblem) in
    let options = try RemoteOptions(arguments)
    let isJSON = arguments.has("json")
    let found = Mutex<EndpointFacts?>(nil)
    let status = withRemote(options) { remote, summary in
        let names = remote.list("tools/list", "tools") + remote.list("prompts/list", "prompts")
        let facts = EndpointFacts(
            endpoint: options.endpoint, summary: summary,
            candidates: serverCandidates(names.compactMap { $0["name"]?.string }, summary.instructions))
        found.withLock { $0 = facts }
        return 0
    }
    guard status == 0, let facts = found.withLock({ $0 }) else { return status }
    var behind: [ServerSummary] = []
    var readiness: Readiness?
    var states: [String: String] = [:]
    if facts.isGateway {
        readiness = Readiness.ask(options.endpoint)
        states = Readiness.states(options.endpoint)
        if !facts.candidates.isEmpty { behind = servers(behind: facts, options) }
    }
    if isJSON {
        standardOutput.write(facts.json(behind, readiness, states).pretty() + "\n")
    } else {
        standardOutput.write(
            facts.text(behind, readiness, states, width: terminalWidth(1), style: Style(descriptor: 1)))
    }
    return 0
}

/// Asks each candidate at its own path; those that are none are not served there.
private func servers(behind facts: EndpointFacts, _ options: RemoteOptions) -> [ServerSummary] {
    let plans = facts.candidates.map { options.plan(name: $0, options.endpoint.server($0)) }
    let found = Mutex<[ServerSummary]>([])
    _ = withSession(plans, options) { remote in
        let all = remote.settled().filter { $0.state == "up" }
        found.withLock { $0 = all }
        return 0
    }
    return found.withLock { $0 }
}

/// Names that may be servers: prefixes of shown names, and the headings of joined instructions.
func serverCandidates(_ names: [String], _ instructions: String?) -> [String] {
    var found: [String] = []
    func add(_ text: Substring) {
        let name = String(text)
        if isServerName(name), !found.contains(name), found.count < 256 { found.append(name) }
    }
    for name in names {
        guard let separator = name.firstRange(of: "__") else { continue }
        add(name[..<separator.lowerBound])
    }
    for line in (instructions ?? "").split(separator: "\n") {
        guard let colon = line.firstRange(of: ": ") else { continue }
        add(line[..<colon.lowerBound])
    }
    return found
}

/// What is known about an endpoint.
struct EndpointFacts: Sendable {
    let endpoint: Endpoint
    let summary: ServerSummary
    let candidates: [String]

    private var info: JSONValue? { summary.info.flatMap { try? JSONValue(parsing: $0) } }
    private var name: String { info?["name"]?.string ?? "unnamed" }

    /// Whether it is a Jackfield gateway's view of several servers.
    var isGateway: Bool { name == "jackfield" && !endpoint.path.hasPrefix("/mcp/servers/") }

    private var isModern: Bool { (summary.revision ?? "") >= "2026-07-28" }

    func text(
        _ behind: [ServerSummary], _ readiness: Readiness?, _ states: [String: String] = [:], width: Int?,
        style: Style
    ) -> String {
        let version = info?["version"]?.string
        var pairs = [
            ("Endpoint", endpoint.text), ("Name", name + (version.map { " \($0)" } ?? "")),
            ("Protocol", "\(summary.revision ?? "unknown") (\(isModern ? "modern" : "legacy"))"),
            ("Offers", offers(summary)),
        ]
        if let title = info?["title"]?.string, title != name { pairs.insert(("Title", title), at: 2) }
        if let readiness {
            pairs.append(("Servers", "\(readiness.up) of \(readiness.configured) up, \(readiness.status)"))
        }
        if let instructions = summary.instructions, !instructions.isEmpty {
            pairs.append(("Instructions", instructions))
        }
        var out = keyed(pairs, style: style)
        guard isGateway else { return out }
        if !behind.isEmpty {
            var table = Table(["SERVER", "STATE", "TOOLS", "RESOURCES", "PROMPTS", "URL"])
            for server in behind {
                table.rows.append([
                    server.name, states[server.name] ?? "-", String(server.tools),
                    String(server.resources + server.templates),
                    String(server.prompts), endpoint.server(server.name).text,
                ])
            }
            out += "\n" + table.text(width: width, style: style)
        }
        if let readiness, readiness.configured > behind.count {
            let more = readiness.configured - behind.count
            out += "\n\(counted(more, "server")) of the gateway cannot be named from what it shows.\n"
        }
        return out
    }

    func json(
        _ behind: [ServerSummary], _ readiness: Readiness?, _ states: [String: String] = [:]
    ) -> JSONValue {
        var own = members(summary, name: name)
        own.insert(.init("url", .string(endpoint.text)), at: 0)
        own.append(.init("protocol", summary.revision.map { .string($0) } ?? nil))
        own.append(.init("era", .string(isModern ? "modern" : "legacy")))
        own.append(.init("serverInfo", info ?? nil))
        own.append(.init("instructions", summary.instructions.map { .string($0) } ?? nil))
        let servers: [JSONValue] =
            isGateway
            ? behind.map { server in
                .object(
                    members(server, name: server.name)
                        + (states[server.name].map { [.init("state", .string($0))] } ?? []) + [
                            .init("url", .string(endpoint.server(server.name).text))
                        ])
            } : [.object(members(summary, name: name))]
        var all: [JSONMemberValue] = [.init("endpoint", .object(own)), .init("servers", .array(servers))]
        if let readiness { all.append(.init("readiness", readiness.json)) }
        return .object(all)
    }

    private func members(_ summary: ServerSummary, name: String) -> [JSONMemberValue] {
        [
            .init("name", .string(name)), .init("tools", JSONValue(summary.tools)),
            .init("resources", JSONValue(summary.resources)),
            .init("resourceTemplates", JSONValue(summary.templates)),
            .init("prompts", JSONValue(summary.prompts)),
        ]
    }
}

/// `3 tools, 1 prompt`.
func offers(_ summary: ServerSummary) -> String {
    let all = [
        (summary.tools, "tool"), (summary.resources, "resource"), (summary.templates, "resource template"),
        (summary.prompts, "prompt"),
    ]
    let some = all.filter { $0.0 > 0 }.map { counted($0.0, $0.1) }
    return some.isEmpty ? "nothing" : some.joined(separator: ", ")
}

/// Lines of `Key:  value`; further lines of a value stand below its first.
///
/// - Parameter dressed: values that are coloured and safe already, by key.
func keyed(_ pairs: [(String, String)], style: Style, dressed: [String: String] = [:]) -> String {
    let column = (pairs.map(\.0.count).max() ?? 0) + 3
    var out = ""
    for (key, value) in pairs {
        let safe = dressed[key] ?? printable(value, keepsLines: true)
        let lines = safe.split(separator: "\n", omittingEmptySubsequences: false)
        out += style.bold("\(key):") + String(repeating: " ", count: column - key.count - 1)
        out += lines.joined(separator: "\n" + String(repeating: " ", count: column)) + "\n"
    }
    return out
}
