// SPDX-License-Identifier: Apache-2.0
// Decodes `listeners` and `plugins`.

func decodeListeners(_ node: ConfigurationNode, _ context: DecodeContext) -> [Configuration.Listener] {
    let sink = context.sink
    guard let items = sink.items(node, "listeners", expected: "a list") else { return [] }
    var addresses: [String: SourcePosition] = [:]
    return items.enumerated().compactMap { index, item in
        let path = "listeners[\(index)]"
        guard var section = Section(item, path, sink, expected: "a mapping such as { transport: http }")
        else {
            return nil
        }
        guard let node = section.take("transport") else {
            let near = section.rest.first { nearest(to: $0.key, in: ["transport"]) != nil }
            sink.error(
                near?.keyPosition ?? item.position, "\(path): \"transport\" is missing",
                suggestion: near == nil ? "transport: http" : "transport")
            return nil
        }
        let expected = "the name of a transport such as http"
        guard let transport = sink.text(node, "\(path).transport", expected: expected) else { return nil }
        guard isName(transport, extra: "_.-", atMost: 64) else {
            sink.wrongType(node, "\(path).transport", expected: expected)
            return nil
        }
        let options = context.options(section.rest, at: item.position)
        if let address = options["address"]?.scalar, !address.text.hasSuffix(":0") {
            let place = transport + " " + address.text
            if let first = addresses[place] {
                let shown = quoted(address.shown)
                sink.error(
                    options.position(ofPointer: "/address"),
                    "\(path).address: the listener on line \(first.line) has the address \(shown) already")
            } else {
                addresses[place] = item.position
            }
        }
        return Configuration.Listener(transport: transport, options: options, position: item.position)
    }
}

/// Says of listeners that the network can reach that nobody is kept out.
func checkOpenListeners(_ configuration: Configuration, _ sink: ProblemSink) {
    guard configuration.auth.providers.isEmpty else { return }
    for (index, listener) in configuration.listeners.enumerated() {
        guard let address = listener.options["address"]?.scalar, !isLoopback(address.text) else { continue }
        sink.warning(
            listener.options.position(ofPointer: "/address"),
            "listeners[\(index)]: everybody who reaches \(quoted(address.shown)) may call everything; "
                + "add \"auth\", or listen on 127.0.0.1")
    }
}

private func isLoopback(_ address: String) -> Bool {
    address.hasPrefix("127.") || address.hasPrefix("[::1]") || address.lowercased().hasPrefix("localhost:")
        || !address.contains(":")
}

func decodePlugins(_ node: ConfigurationNode, _ context: DecodeContext) -> [Configuration.Plugin] {
    let sink = context.sink
    guard let items = sink.items(node, "plugins", expected: "a list") else { return [] }
    var ids: [String: SourcePosition] = [:]
    return items.enumerated().compactMap { index, item in
        let path = "plugins[\(index)]"
        let expected = "a mapping such as { id: exporter-prometheus }"
        guard var section = Section(item, path, sink, expected: expected) else { return nil }
        var plugin = Configuration.Plugin()
        plugin.position = item.position
        plugin.read(from: &section, path, context)
        if let id = plugin.id {
            if let first = ids[id] {
                sink.error(
                    item.position,
                    "\(path): the plugin \(quoted(id)) stands twice; the first is on line \(first.line)")
            }
            ids[id] = ids[id] ?? item.position
        }
        return plugin
    }
}

extension Configuration.Plugin {
    fileprivate mutating func read(from section: inout Section, _ path: String, _ context: DecodeContext) {
        let sink = context.sink
        let idNode = section.take("id")
        if let idNode, let text = sink.text(idNode, "\(path).id", expected: "the id of a plugin") {
            id = pluginID(text, idNode, "\(path).id", sink)
        }
        let shared = section.readText("file", expected: "the path of a shared object")
        $file = Redacted(shared.wrappedValue.map { resolve($0, in: context.folder) }, shown: shared.shown)
        if let node = section.take("sha256") { readDigest(node, "\(path).sha256", sink) }
        section.readChoice(
            "placement", into: &placement,
            of: [("inproc", .inproc), ("cell", .cell), ("cell-per-instance", .cellPerInstance)])
        if let node = section.take("cell") { cell = Configuration.Cell(node, "\(path).cell", context) }
        section.read("enabled", into: &enabled)
        if let node = section.take("config") {
            if node.kind == .mapping, case .mapping(let entries) = node.content {
                config = context.options(entries, at: node.position)
            } else if node.kind != .null {
                sink.wrongType(node, "\(path).config", expected: "a mapping")
            }
        }
        // For tests: no other finding shall list it among the keys.
        if section.has("faults"), let node = section.take("faults") {
            faults = readFaults(node, "\(path).faults", sink)
        }
        let hasFile = section.has("file")
        if idNode != nil, hasFile {
            sink.error(section.position, "\(path): \"id\" and \"file\" exclude each other; keep one of them")
        } else if idNode == nil, !hasFile {
            sink.error(section.position, "\(path): say which plugin this is, with \"id\" or \"file\"")
        }
        section.refuseUnknown()
    }

    private mutating func readDigest(_ node: ConfigurationNode, _ label: String, _ sink: ProblemSink) {
        let expected = "64 hexadecimal digits"
        guard let text = sink.text(node, label, expected: expected) else { return }
        let digits = text.utf8.allSatisfy { Character(Unicode.Scalar($0)).isHexDigit }
        guard text.utf8.count == 64, digits else { return sink.wrongType(node, label, expected: expected) }
        $sha256 = Redacted(text.lowercased(), shown: node.scalar?.isSecret == true ? node.scalar?.shown : nil)
    }
}

/// The id of a plugin, checked.
func pluginID(_ text: String, _ node: ConfigurationNode, _ label: String, _ sink: ProblemSink) -> String? {
    if isName(text, extra: "_.-", atMost: 128) { return text }
    let isFile = text.contains("/")
    let hint = isFile ? "; a file is named with \"file\" in an entry of \"plugins\"" : ""
    sink.error(
        node.position,
        "\(label): expected a plugin's id (letters, digits, \".\", \"_\", \"-\"), found \(found(node))\(hint)"
    )
    return nil
}
