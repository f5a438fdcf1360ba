// SPDX-License-Identifier: Apache-2.0
// Decodes `servers`.

func decodeServers(_ node: ConfigurationNode, _ context: DecodeContext) -> [Configuration.Server] {
    let sink = context.sink
    let expected = "a mapping from names to servers"
    guard let section = Section(node, "servers", sink, expected: expected) else { return [] }
    var aliases: [String: SourcePosition] = [:]
    return section.rest.compactMap { entry in
        checkEntryName(entry, "a server", sink)
        return decodeServer(entry, &aliases, context)
    }
}

/// The name of a server or bundle is part of URLs, so it has few characters.
func checkEntryName(_ entry: ConfigurationNode.Entry, _ what: String, _ sink: ProblemSink) {
    if isName(entry.key, extra: "_.-", atMost: 64) { return }
    let rule = "1 to 64 letters, digits, \".\", \"_\", \"-\", the first of them a letter or digit"
    sink.error(
        entry.keyPosition, "\(quoted(entry.key)) can't name \(what): \(rule)",
        suggestion: serverName(like: entry.key))
}

/// The valid name that is nearest to any text.
func serverName(like text: String) -> String? {
    let bytes = text.utf8.map { isToolNameByte($0) || $0 == 0x2E ? $0 : UInt8(ascii: "-") }
    let name = String(decoding: bytes.drop { !isLetterOrDigit($0) }.prefix(64), as: UTF8.self)
    return name.isEmpty ? nil : name
}

private func decodeServer(
    _ entry: ConfigurationNode.Entry, _ aliases: inout [String: SourcePosition], _ context: DecodeContext
) -> Configuration.Server? {
    let sink = context.sink
    let path = "servers.\(quotedKey(entry.key))"
    let expected = "a mapping such as { command: python3, args: [server.py] } or { url: https://… }"
    guard var section = Section(entry.value, path, sink, expected: expected) else { return nil }
    var server = Configuration.Server(name: entry.key)
    server.position = entry.keyPosition
    server.readGeneralKeys(from: &section, context)
    server.readAliases(from: &section, seen: &aliases)
    server.readResilience(from: &section, context)
    server.readReuse(from: &section)
    let about = server.readVersions(from: &section)
    if let node = section.take("plugin"),
        let text = sink.text(node, "\(path).plugin", expected: "the id of a plugin"),
        let id = pluginID(text, node, "\(path).plugin", sink)
    {
        server.kind = .plugin(id)
    }
    if let node = section.take("routing") {
        server.routing = decodeRouting(node, "\(path).routing", context) ?? server.routing
    }
    server.warnOfSharedArms(sink)
    server.standing = readPlace(from: &section)
    var weight = 1
    section.read("weight", into: &weight, in: 1...1000)
    let replicas = section.take("replicas")
    server.options = context.options(section.rest, at: entry.value.position)
    warnOfMisspellings(section)
    if let replicas {
        if section.has("plugin") {
            sink.error(replicas.position, "\(path): a plugin's server has no replicas")
        }
        server.endpoints = decodeReplicas(replicas, of: server, weight: weight, path, context)
    } else {
        var endpoint = Configuration.Endpoint(
            options: server.options, weight: weight, position: entry.value.position)
        endpoint.standing = server.standing
        if !section.has("plugin") { checkEndpoint(endpoint, named: path, at: entry.keyPosition, sink) }
        server.endpoints = [endpoint]
    }
    server.checkVersions(section, about)
    if server.hedge != nil, server.endpoints.count < 2 {
        sink.warning(entry.keyPosition, "\(path).hedge does nothing without a second replica")
    }
    return server
}

extension Configuration.Server {
    fileprivate mutating func readGeneralKeys(from section: inout Section, _ context: DecodeContext) {
        section.read("enabled", into: &enabled)
        timeout = section.readDuration("timeout")
        if let node = section.take("max_timeout") {
            readLongest(node, section.label("max_timeout"), section.sink)
        }
        if let node = section.take("era") { era = decodeEra(node, section.label("era"), section.sink) ?? era }
        if let node = section.take("tools") {
            tools = decodeSelection(node, section.label("tools"), section.sink)
        }
        if let node = section.take("resources") {
            resources = decodeSelection(node, section.label("resources"), section.sink, renames: false)
        }
        if let node = section.take("prompts") {
            prompts = decodeSelection(node, section.label("prompts"), section.sink)
        }
        section.read("keep_stale", into: &keepStale)
        if let node = section.take("credentials") {
            credentials = decodeModule(
                node, section.label("credentials"), by: "source", example: "oauth", context)
        }
        scopes = decodeScopes(&section, section.sink)
        tenants = decodeTenantNames(&section, section.sink)
        section.readChoice(
            "cache_scope", into: &cacheScope, of: CacheScope.allCases.map { ($0.rawValue, $0) })
        cacheTTL = section.readDuration("cache_ttl", in: 0...durationRange.upperBound)
        if let node = section.take("prefix") { readPrefix(node, section.label("prefix"), section.sink) }
    }

    /// After `timeout`, which it cannot be below.
    private mutating func readLongest(_ node: ConfigurationNode, _ label: String, _ sink: ProblemSink) {
        guard let read = sink.duration(node, label, in: durationRange) else { return }
        longestTimeout = read
        if let timeout, read < timeout {
            sink.error(node.position, "\(label) is less than \"timeout\", which it extends")
        }
    }

    private mutating func readPrefix(_ node: ConfigurationNode, _ label: String, _ sink: ProblemSink) {
        let expected = "up to 32 letters, digits, \"_\" or \"-\" (none: \"\")"
        guard node.kind != .boolean else {
            return sink.wrongType(
                node, label, expected: expected, suggestion: node.scalar?.text == "false" ? "''" : nil)
        }
        guard let text = sink.text(node, label, expected: expected, mayBeEmpty: true) else { return }
        guard text.utf8.count <= 32, text.utf8.allSatisfy(isToolNameByte) else {
            return sink.wrongType(node, label, expected: expected)
        }
        prefix = text
    }

    fileprivate mutating func readAliases(from section: inout Section, seen: inout [String: SourcePosition]) {
        let label = section.label("aliases")
        let sink = section.sink
        guard let node = section.take("aliases"),
            let names = Section(node, label, sink, expected: "a mapping from further names to tools")
        else { return }
        for entry in names.rest {
            guard isPublicName(entry.key, at: entry.keyPosition, label, sink) else { continue }
            if let first = seen[entry.key] {
                sink.error(
                    entry.keyPosition,
                    "\(label): the alias \(quoted(entry.key)) is taken on line \(first.line) already")
                continue
            }
            seen[entry.key] = entry.keyPosition
            let path = "\(label).\(quotedKey(entry.key))"
            if let tool = sink.text(entry.value, path, expected: "the name of a tool") {
                let shown = entry.value.holdsSecret ? entry.value.scalar?.shown : nil
                aliases.append(.init(name: entry.key, tool: Redacted(tool, shown: shown)))
            }
        }
    }
}

/// Revisions of the protocol that a server can be pinned to.
let knownRevisions = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28"]

private func decodeEra(
    _ node: ConfigurationNode, _ label: String, _ sink: ProblemSink
) -> Configuration.Server.Era? {
    let words: [(String, Configuration.Server.Era)] = [
        ("auto", .auto), ("modern", .modern), ("legacy", .legacy),
    ]
    return sink.choice(node, label, of: words + knownRevisions.map { ($0, .pinned($0)) })
}

private func decodeRouting(
    _ node: ConfigurationNode, _ label: String, _ context: DecodeContext
) -> Configuration.Routing? {
    let sink = context.sink
    let expected = "a strategy such as least-request, or a mapping with \"strategy\""
    var routing = Configuration.Routing()
    routing.position = node.position
    var name = node
    if node.kind == .mapping {
        guard var section = Section(node, label, sink) else { return nil }
        let strategy = section.take("strategy")
        routing.options = context.options(section.rest, at: node.position)
        guard let strategy else {
            let near = section.rest.first { nearest(to: $0.key, in: ["strategy"]) != nil }
            sink.error(
                near?.keyPosition ?? node.position, "\(label): \"strategy\" is missing",
                suggestion: near.map { _ in "strategy" })
            return nil
        }
        name = strategy
    }
    guard let text = sink.text(name, label, expected: expected) else { return nil }
    guard isName(text, extra: "_.-", atMost: 128) else {
        sink.wrongType(name, label, expected: expected)
        return nil
    }
    routing.strategy = text
    return routing
}

/// A connector's option that is nearly a general key is probably meant to be one. Only a warning: the
/// plugin may know it.
private func warnOfMisspellings(_ section: Section) {
    let wellKnown = ["url", "command", "args", "env", "headers", "cwd"]
    let ways = ["command", "url", "plugin", "replicas"]
    let isReachable = ways.contains { section.has($0) }
    for entry in section.rest where !wellKnown.contains(entry.key) {
        guard let near = nearest(to: entry.key, in: Configuration.Server.generalKeys + wellKnown) else {
            continue
        }
        // That an entry says nowhere how to reach its server is an error of its own.
        if !isReachable, ways.contains(near) { continue }
        let message = "\(quoted(entry.key)) in \(section.path) is no general key and goes to the plugin"
        section.sink.warning(entry.keyPosition, message, suggestion: near)
    }
}

/// A key as part of a path in a finding: quoted where it isn't a plain word.
func quotedKey(_ key: String) -> String { isName(key, extra: "_.-", atMost: 64) ? key : quoted(key) }
