// SPDX-License-Identifier: Apache-2.0
// Decodes `auth`, `policies`, `filters` and a server's `credentials`.

func decodeAuth(_ node: ConfigurationNode, _ context: DecodeContext) -> Configuration.Auth {
    var auth = Configuration.Auth()
    auth.position = node.position
    guard
        var section = Section(
            node, "auth", context.sink, expected: "a mapping such as { providers: [{ provider: jwt }] }")
    else { return auth }
    if let node = section.take("providers") {
        auth.providers = decodeModules(node, "auth.providers", by: "provider", example: "jwt", context)
    }
    if let node = section.take("required") {
        auth.required = context.sink.boolean(node, "auth.required")
    }
    if let node = section.take("resource") {
        auth.resource = origin(node, "auth.resource", context.sink)
    }
    auth.scopes = decodeScopes(&section, context.sink)
    section.refuseUnknown()
    if auth.required == true, auth.providers.isEmpty {
        context.sink.error(
            node.position, "auth.required is true, but there are no providers: nobody could come in",
            suggestion: "providers: [{ provider: api-key, … }]")
    }
    return auth
}

/// `scopes`: texts without spaces (RFC 6749 section 3.3).
func decodeScopes(_ section: inout Section, _ sink: ProblemSink) -> [String] {
    guard let node = section.take("scopes") else { return [] }
    let expected = "a list of scopes"
    guard let texts = sink.texts(node, section.label("scopes"), expected: expected, atMost: 64) else {
        return []
    }
    for text in texts where text.isEmpty || !text.utf8.allSatisfy(isScopeByte) {
        sink.error(node.position, "\(section.label("scopes")): \(quoted(text)) cannot be a scope")
    }
    return texts
}

private func isScopeByte(_ byte: UInt8) -> Bool { byte > 0x20 && byte < 0x7F && byte != 0x22 && byte != 0x5C }

/// A URL of scheme and authority alone.
private func origin(_ node: ConfigurationNode, _ label: String, _ sink: ProblemSink) -> String? {
    let expected = "a URL without a path such as https://mcp.example"
    guard var text = sink.text(node, label, expected: expected) else { return nil }
    if text.hasSuffix("/") { text.removeLast() }
    let rest = ["https://", "http://"].first { text.hasPrefix($0) }.map { text.dropFirst($0.count) }
    guard let rest, !rest.isEmpty, !rest.contains(where: { "/?#@ \\".contains($0) }) else {
        sink.wrongType(node, label, expected: expected)
        return nil
    }
    return text.lowercased()
}

/// A list of entries that name a plugin by `key`.
func decodeModules(
    _ node: ConfigurationNode, _ path: String, by key: String, example: String, _ context: DecodeContext
) -> [Configuration.Module] {
    let sink = context.sink
    guard let items = sink.items(node, path, expected: "a list") else { return [] }
    var names: [String: SourcePosition] = [:]
    return items.enumerated().compactMap { index, item in
        let label = "\(path)[\(index)]"
        guard let module = decodeModule(item, label, by: key, example: example, context) else { return nil }
        if let first = names[module.name] {
            sink.error(
                item.position,
                "\(label): the one on line \(first.line) is called \(quoted(module.name)) as well; give them names",
                suggestion: "name: \(module.name)-2")
        }
        names[module.name] = names[module.name] ?? item.position
        return module
    }
}

func decodeModule(
    _ node: ConfigurationNode, _ label: String, by key: String, example: String, _ context: DecodeContext
) -> Configuration.Module? {
    let sink = context.sink
    guard
        var section = Section(node, label, sink, expected: "a mapping such as { \(key): \(example) }")
    else { return nil }
    guard let kindNode = section.take(key) else {
        let near = section.rest.first { nearest(to: $0.key, in: [key]) != nil }
        sink.error(
            near?.keyPosition ?? node.position, "\(label): \"\(key)\" is missing",
            suggestion: near == nil ? "\(key): \(example)" : key)
        return nil
    }
    func name(_ node: ConfigurationNode, _ key: String) -> String? {
        let expected = "a name of letters, digits, \"_\", \".\" and \"-\""
        guard let text = sink.text(node, "\(label).\(key)", expected: expected) else { return nil }
        guard isName(text, extra: "_.-", atMost: 64) else {
            sink.wrongType(node, "\(label).\(key)", expected: expected)
            return nil
        }
        return text
    }
    guard let kind = name(kindNode, key) else { return nil }
    var module = Configuration.Module(kind: kind, name: kind)
    module.position = node.position
    if let node = section.take("name") { module.name = name(node, "name") ?? kind }
    if key == "policy" || key == "filter" {
        section.readChoice("on_error", into: &module.allowsOnError, of: [("deny", false), ("allow", true)])
    }
    if key == "policy" || key == "filter" { module.tenants = decodeTenantNames(&section, sink) }
    if key == "policy", let node = section.take("applies_to_plugins") {
        module.appliesToPlugins = sink.boolean(node, "\(label).applies_to_plugins") ?? false
    }
    if key == "filter" {
        module.$servers = section.readTexts("servers", expected: "a list of patterns of servers' names")
        module.$tools = section.readTexts("tools", expected: "a list of patterns of tools' names")
    }
    module.options = context.options(section.rest, at: node.position)
    return module
}
