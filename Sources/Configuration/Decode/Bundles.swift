// SPDX-License-Identifier: Apache-2.0
// Decodes `bundles`, and finds those that name servers which don't exist.

func decodeBundles(_ node: ConfigurationNode, _ context: DecodeContext) -> [Configuration.Bundle] {
    let sink = context.sink
    let expected = "a mapping from names to bundles"
    guard let section = Section(node, "bundles", sink, expected: expected) else { return [] }
    return section.rest.compactMap { entry in
        let path = "bundles.\(quotedKey(entry.key))"
        checkEntryName(entry, "a bundle", sink)
        var bundle = Configuration.Bundle(name: entry.key)
        bundle.position = entry.keyPosition
        bundle.read(entry.value, path, sink)
        return bundle
    }
}

extension Configuration.Bundle {
    fileprivate mutating func read(_ node: ConfigurationNode, _ path: String, _ sink: ProblemSink) {
        if node.kind == .sequence {
            let patterns = sink.texts(node, path, expected: "a list of patterns", atMost: 1024) ?? []
            $include = Redacted(patterns, shown: node.holdsSecret ? node.description : nil)
            return
        }
        let expected = "a mapping such as { include: [\"time__*\"] }, or a list of patterns"
        guard var section = Section(node, path, sink, expected: expected) else { return }
        $servers = section.readTexts("servers", expected: "a list of servers", atMost: 64)
        $include = section.readTexts("include", expected: "a list of patterns", atMost: 1024)
        $exclude = section.readTexts("exclude", expected: "a list of patterns", atMost: 1024)
        rename = decodeRenames(&section)
        $description = section.readText("description")
        tenants = decodeTenantNames(&section, sink)
        if !section.has("servers"), !section.has("include") {
            sink.error(position, "\(path): say what it holds, with \"servers\" or \"include\"")
        }
        section.refuseUnknown()
    }
}

/// Finds bundles that name servers which don't exist.
func checkBundles(_ configuration: Configuration, _ root: ConfigurationNode, _ sink: ProblemSink) {
    let names = configuration.servers.map(\.name)
    let prefixes = configuration.servers.map { shownPrefix(of: $0) }
    let separator = configuration.naming.separator
    for bundle in configuration.bundles {
        guard let node = root["bundles"]?[bundle.name] else { continue }
        let path = "bundles.\(quotedKey(bundle.name))"
        for item in scalars(of: node["servers"]) where !isPattern(item.text) && !names.contains(item.text) {
            let near = item.scalar.isSecret ? nil : nearest(to: item.text, in: names)
            sink.error(
                item.position, "\(path).servers: there is no server \(quoted(item.scalar.shown))",
                suggestion: near)
        }
        guard configuration.naming.prefix == .always, !prefixes.contains("") else { continue }
        for item in scalars(of: node["include"] ?? node) where !item.scalar.isSecret {
            guard let prefix = literalPrefix(of: item.text, separator: separator), !prefixes.contains(prefix)
            else {
                continue
            }
            // An alias has no prefix and may hold the separator, so this is no error.
            guard let near = nearest(to: prefix, in: prefixes) else { continue }
            sink.warning(
                item.position, "\(path): no server's tools begin with \(quoted(prefix + separator))",
                suggestion: near + separator)
        }
    }
}

private struct ScalarItem {
    let scalar: ConfigurationNode.Scalar
    let position: SourcePosition
    var text: String { scalar.text }
}

/// The scalars of a list.
private func scalars(of node: ConfigurationNode?) -> [ScalarItem] {
    guard case .sequence(let items)? = node?.content else { return [] }
    return items.compactMap { item in item.scalar.map { ScalarItem(scalar: $0, position: item.position) } }
}

/// What stands before the separator in the names of a server's tools.
private func shownPrefix(of server: Configuration.Server) -> String {
    let bytes = (server.prefix ?? server.name).utf8.map { isToolNameByte($0) ? $0 : UInt8(ascii: "_") }
    return String(decoding: bytes, as: UTF8.self)
}

private func isPattern(_ text: String) -> Bool { text.contains("*") || text.contains("?") }

/// What stands before the separator in a pattern, where that is literal.
private func literalPrefix(of pattern: String, separator: String) -> String? {
    let bytes = Array(pattern.utf8)
    let mark = Array(separator.utf8)
    guard bytes.count > mark.count else { return nil }
    for start in 1...(bytes.count - mark.count) where bytes[start..<(start + mark.count)].elementsEqual(mark)
    {
        let prefix = String(decoding: bytes[..<start], as: UTF8.self)
        return isPattern(prefix) ? nil : prefix
    }
    return nil
}
