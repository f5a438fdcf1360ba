// SPDX-License-Identifier: Apache-2.0
// Decodes where a server is reached: `command`, `url`, `replicas`.

func decodeReplicas(
    _ node: ConfigurationNode, of server: Configuration.Server, weight: Int, _ path: String,
    _ context: DecodeContext
) -> [Configuration.Endpoint] {
    let sink = context.sink
    let expected = "a list of replicas such as { url: https://… }"
    guard let items = sink.items(node, "\(path).replicas", expected: expected) else { return [] }
    if items.isEmpty { sink.error(node.position, "\(path).replicas: at least one is needed") }
    return items.enumerated().compactMap { index, item in
        let label = "\(path).replicas[\(index)]"
        guard var section = Section(item, label, sink, expected: "a mapping such as { url: https://… }")
        else {
            return nil
        }
        var weight = weight
        section.read("weight", into: &weight, in: 1...1000)
        let standing = readStanding(from: &section, server.standing)
        var isPlugin = false
        for key in Configuration.Server.generalKeys where key != "weight" && !placeKeys.contains(key) {
            guard let entry = section.takeEntry(key) else { continue }
            isPlugin = isPlugin || key == "plugin"
            sink.error(entry.keyPosition, "\(label): \(quoted(key)) belongs to the server, not to a replica")
        }
        let own = section.rest
        _ = context.options(own, at: item.position)
        // By the names that reach the plugin: an own `connect_timeout_ms` wins over `connect_timeout: 5s`.
        let keys = Set(own.map { OptionsWriter.name(of: $0, convertsQuoted: context.isJSON) })
        let inherited = server.options.entries.filter {
            !keys.contains(OptionsWriter.name(of: $0, convertsQuoted: context.isJSON))
        }
        let options = Configuration.Options(
            entries: own + inherited, at: item.position, convertsQuoted: context.isJSON)
        var endpoint = Configuration.Endpoint(options: options, weight: weight, position: item.position)
        endpoint.standing = standing
        // Who names a plugin has said how the server is reached, in the wrong place.
        if !isPlugin { checkEndpoint(endpoint, named: label, at: item.position, sink) }
        return endpoint
    }
}

/// Keys of a replica that strategies go by, beside what its server says of all.
private func readStanding(
    from section: inout Section, _ common: Configuration.Standing
) -> Configuration.Standing {
    var standing = readPlace(from: &section, common)
    section.read("priority", into: &standing.priority, in: 0...1000)
    if let node = section.take("version") {
        standing.version = section.sink.text(
            node, section.label("version"), expected: "a name", atMost: 128)
    }
    return standing
}

/// Keys of a server that its replicas have, too.
private let placeKeys = ["zone", "region", "labels", "tags", "cost"]

/// Where a server or one of its replicas stands, what it costs, and what else is to be known of it.
func readPlace(
    from section: inout Section, _ common: Configuration.Standing = .init()
) -> Configuration.Standing {
    let sink = section.sink
    var standing = common
    func name(_ key: String) -> String? {
        section.take(key).flatMap { sink.text($0, section.label(key), expected: "a name", atMost: 128) }
    }
    standing.zone = name("zone") ?? common.zone
    standing.region = name("region") ?? common.region
    if let node = section.take("labels"),
        let labels = Section(node, section.label("labels"), sink, expected: "a mapping from names to values")
    {
        for entry in labels.rest {
            let label = "\(section.label("labels")).\(quotedKey(entry.key))"
            if let value = sink.text(entry.value, label, expected: "text", atMost: 256) {
                standing.labels.removeAll { $0.name == entry.key }
                standing.labels.append((entry.key, value))
            }
        }
    }
    if let node = section.take("tags") {
        standing.tags =
            sink.texts(node, section.label("tags"), expected: "a list of words", atMost: 64) ?? []
    }
    if let node = section.take("cost") {
        if let read = node.scalar.flatMap({ numberAndUnit($0.text) }), read.unit.isEmpty,
            (0...1e9).contains(read.number)
        {
            standing.cost = Int((read.number * 1_000_000).rounded())
        } else {
            sink.wrongType(node, section.label("cost"), expected: "a number such as 0.002")
        }
    }
    return standing
}

/// An endpoint that isn't a plugin's must say what it is, in one way.
func checkEndpoint(
    _ endpoint: Configuration.Endpoint, named label: String, at position: SourcePosition, _ sink: ProblemSink
) {
    let options = endpoint.options
    let command = options["command"]
    let url = options["url"]
    if command != nil, url != nil {
        let second = max(
            options.position(ofPointer: "/command", key: true), options.position(ofPointer: "/url", key: true)
        )
        sink.error(second, "\(label): \"command\" and \"url\" exclude each other; keep one of them")
    } else if let command {
        checkCommand(command, "\(label).command", sink)
    } else if let url {
        checkURL(url, "\(label).url", sink)
    } else {
        let ways = ["command", "url", "plugin", "replicas"]
        let near = options.entries.first { nearest(to: $0.key, in: ways) != nil }
        sink.error(
            near?.keyPosition ?? position,
            "\(label): say how to reach the server, with \"command\", \"url\", \"plugin\" or \"replicas\"",
            suggestion: near.flatMap { nearest(to: $0.key, in: ways) })
    }
}

private func checkCommand(_ node: ConfigurationNode, _ label: String, _ sink: ProblemSink) {
    guard node.kind != .sequence else {
        sink.wrongType(node, label, expected: "the program alone (its arguments stand in \"args\")")
        return
    }
    _ = sink.text(node, label, expected: "the name or path of a program")
}

private func checkURL(_ node: ConfigurationNode, _ label: String, _ sink: ProblemSink) {
    let expected = "a URL such as https://host/mcp"
    guard let text = sink.text(node, label, expected: expected, atMost: 8192) else { return }
    let scheme = text.utf8.prefix { $0 != UInt8(ascii: ":") }
    let isScheme = isName(String(Substring(scheme)), extra: "+.-", atMost: 32)
    let rest = text.utf8[scheme.endIndex...]
    let isClean = text.utf8.allSatisfy { $0 > 0x20 && $0 != 0x7F }
    if isScheme, isClean, rest.starts(with: "://".utf8), rest.count > 3 { return }
    let isSecret = node.scalar?.isSecret ?? true
    let looksLikeHost = text.contains(".") || text.hasPrefix("localhost")
    let isHost = isClean && looksLikeHost && !text.contains("://") && isLetterOrDigit(text.utf8.first ?? 0)
    sink.wrongType(
        node, label, expected: expected, suggestion: isHost && !isSecret ? "https://" + text : nil)
}
