// SPDX-License-Identifier: Apache-2.0
// Reads the files in which MCP clients list their servers: `{"mcpServers": {…}}` and its relatives.

/// The servers of a client's file.
struct ClientFile {
    /// The mapping from names to servers.
    let servers: ConfigurationNode
    /// Keys beside it that say something else.
    let others: [ConfigurationNode.Entry]

    /// Nil where the file is a native one.
    init?(_ root: ConfigurationNode, notation: Notation) {
        guard case .mapping(let entries) = root.content else { return nil }
        let isNative = root["version"].map { $0.kind == .number } ?? false
        guard !isNative else { return nil }
        let found: (key: String, servers: ConfigurationNode)
        if let servers = root["mcpServers"] {
            found = ("mcpServers", servers)
        } else if let servers = root["mcp"]?["servers"] {
            found = ("mcp", servers)
        } else if let servers = root["servers"], Self.isEditorStyle(root, servers, entries, notation) {
            found = ("servers", servers)
        } else {
            return nil
        }
        servers = found.servers
        others = entries.filter { ![found.key, "inputs", "$schema"].contains($0.key) }
    }

    /// `{"servers": {…}}` is how VS Code writes it, and also a native file that lacks its version. It is VS
    /// Code's if it holds nothing but servers and inputs and is JSON or names the transport's `type`.
    private static func isEditorStyle(
        _ root: ConfigurationNode, _ servers: ConfigurationNode, _ entries: [ConfigurationNode.Entry],
        _ notation: Notation
    ) -> Bool {
        guard case .mapping(let list) = servers.content,
            entries.allSatisfy({ ["servers", "inputs", "$schema"].contains($0.key) })
        else { return false }
        let hasType = list.contains { ClientTransport.spellings[$0.value["type"]?.scalar?.text ?? ""] != nil }
        return hasType || root["inputs"] != nil || (notation == .json && !list.isEmpty)
    }
}

func decodeClientFile(_ file: ClientFile, _ context: DecodeContext) -> Configuration {
    let sink = context.sink
    var configuration = Configuration()
    configuration.listeners = Configuration.defaultListeners
    if let first = file.others.first {
        let names = file.others.prefix(5).map { quoted($0.key) }.joined(separator: ", ")
        let more = file.others.count > 5 ? " and \(file.others.count - 5) more" : ""
        sink.warning(
            first.keyPosition,
            "keys of a client that say nothing about servers are ignored: \(names)\(more)")
    }
    guard let section = Section(file.servers, "mcpServers", sink, expected: "a mapping from names to servers")
    else {
        return configuration
    }
    var names: Set<String> = []
    for entry in section.rest {
        let name = uniqueName(for: entry, &names, sink)
        if let server = decodeClientServer(entry, name, context) { configuration.servers.append(server) }
    }
    return configuration
}

/// Clients name their servers freely ("My Server", "github.com/x/y"); here a name is part of tools' names.
private func uniqueName(
    for entry: ConfigurationNode.Entry, _ taken: inout Set<String>, _ sink: ProblemSink
) -> String {
    let base = serverName(like: entry.key) ?? "server"
    var name = base
    var number = 2
    while !taken.insert(name).inserted {
        name = String(base.prefix(58)) + "-\(number)"
        number += 1
    }
    if name != entry.key {
        sink.warning(entry.keyPosition, "the server \(quoted(entry.key)) is called \(quoted(name)) here")
    }
    return name
}

private func decodeClientServer(
    _ entry: ConfigurationNode.Entry, _ name: String, _ context: DecodeContext
) -> Configuration.Server? {
    let sink = context.sink
    let path = "mcpServers.\(quotedKey(entry.key))"
    guard var section = Section(entry.value, path, sink, expected: "a mapping with \"command\" or \"url\"")
    else {
        return nil
    }
    var server = Configuration.Server(name: name)
    server.position = entry.keyPosition
    let transport = StatedTransport(&section)
    server.readClientSwitches(from: &section)
    server.readClientTools(from: &section)
    server.readClientTimeout(from: &section)
    let options = clientOptions(&section, transport: transport)
    if options.contains(where: { $0.key == ClientTransport.sseOption }) { server.era = .legacy }
    server.options = Configuration.Options(entries: options, at: entry.value.position)
    let endpoint = Configuration.Endpoint(options: server.options, position: entry.value.position)
    checkEndpoint(endpoint, named: path, at: entry.keyPosition, sink)
    server.endpoints = [endpoint]
    warnOfIgnored(section)
    return server
}

extension Configuration.Server {
    fileprivate mutating func readClientSwitches(from section: inout Section) {
        var isDisabled = false
        section.read("disabled", into: &isDisabled)
        section.read("enabled", into: &enabled)
        section.read("isActive", into: &enabled)
        if isDisabled { enabled = false }
    }

    /// What a client hides from its model stays hidden.
    fileprivate mutating func readClientTools(from section: inout Section) {
        let expected = "a list of tools"
        let allowed = ["includeTools", "enabledTools"].map { section.readTexts($0, expected: expected) }
        let denied = ["excludeTools", "disabledTools"].map { section.readTexts($0, expected: expected) }
        tools.allow = allowed.flatMap(\.wrappedValue)
        tools.deny = denied.flatMap(\.wrappedValue)
    }

    /// Clients disagree on the unit: some count seconds, some milliseconds.
    fileprivate mutating func readClientTimeout(from section: inout Section) {
        guard let node = section.take("timeout") else { return }
        let label = section.label("timeout")
        guard let text = node.scalar?.text, let number = wholeNumber(text), (1...86_400_000).contains(number)
        else {
            timeout = section.sink.duration(node, label, in: durationRange)
            return
        }
        let isMilliseconds = number >= 1000
        timeout = UInt64(number) * (isMilliseconds ? 1_000_000 : 1_000_000_000)
        let unit = isMilliseconds ? "milliseconds" : "seconds"
        section.sink.warning(
            node.position, "\(label): \(found(node)) is read as \(unit); write it with its unit")
    }
}

/// The keys that tell how a server is reached, under their native names.
private func clientOptions(
    _ section: inout Section, transport stated: StatedTransport?
) -> [ConfigurationNode.Entry] {
    var local = ["command", "args", "env", "cwd"].compactMap { section.takeEntry($0) }
    var remote: [ConfigurationNode.Entry] = []
    for key in ["url", "httpUrl", "serverUrl"] {
        guard let entry = section.takeEntry(key), remote.isEmpty else { continue }
        remote.append(.init(key: "url", keyPosition: entry.keyPosition, value: entry.value))
    }
    let hasURL = !remote.isEmpty
    if let headers = section.takeEntry("headers") { remote.append(headers) }
    splitCommand(&local)
    guard hasURL else { return local }
    if local.contains(where: { $0.key == "command" }) {
        let isLocal = stated.map { $0.transport == .stdio } ?? true
        let ignored = isLocal ? "url" : "command"
        section.sink.warning(
            section.position,
            "\(section.path): both \"command\" and \"url\" are given; \"\(ignored)\" is ignored")
        if isLocal { return local }
    }
    return stated?.apply(to: remote, section) ?? remote
}

/// `"command": ["npx", "-y", "x"]` is how some clients write a program with its arguments.
private func splitCommand(_ entries: inout [ConfigurationNode.Entry]) {
    guard let index = entries.firstIndex(where: { $0.key == "command" }),
        !entries.contains(where: { $0.key == "args" }),
        case .sequence(let words) = entries[index].value.content, let program = words.first
    else { return }
    let arguments = ConfigurationNode(.sequence(Array(words.dropFirst())), at: program.position)
    entries.append(.init(key: "args", keyPosition: entries[index].keyPosition, value: arguments))
    entries[index].value = program
}

/// Keys that mean nothing to a gateway. Some of them mean much to their client, so each is named.
private func warnOfIgnored(_ section: Section) {
    let harmless = ["name", "description", "gallery", "icon", "version"]
    for entry in section.rest where !harmless.contains(entry.key) {
        let reason =
            switch entry.key {
            case "envFile": "it is not read; name the variables in \"env\""
            case "autoApprove", "alwaysAllow", "trust": "approval is the client's business; it is ignored"
            default: "it is ignored"
            }
        section.sink.warning(entry.keyPosition, "\(section.label(quotedKey(entry.key))): \(reason)")
    }
}
