// SPDX-License-Identifier: Apache-2.0
// Decodes `tenants`, and finds what names tenants that are not there.

func decodeTenants(_ node: ConfigurationNode, _ context: DecodeContext) -> Configuration.Tenants? {
    let sink = context.sink
    let example = "{ known: { acme: { region: eu } } }"
    guard var section = Section(node, "tenants", sink, expected: "a mapping such as \(example)") else {
        return nil
    }
    var tenants = Configuration.Tenants()
    tenants.position = node.position
    if let node = section.take("from") { tenants.sources = decodeSources(node, sink) }
    if let node = section.take("header") { tenants.header = fieldName(node, sink) }
    if let node = section.take("host") { tenants.host = hostPattern(node, sink) }
    section.read("required", into: &tenants.required)
    section.readChoice(
        "unknown", into: &tenants.admitsUnknown, of: [("refuse", false), ("allow", true)])
    if let node = section.take("known") { tenants.known = decodeKnown(node, sink) }
    section.refuseUnknown()
    for (source, key, isThere) in [
        (Configuration.Tenants.Source.header, "header: X-Tenant", tenants.header != nil),
        (
            .host, "host: \"{tenant}.mcp.example\"",
            tenants.host != nil || tenants.known.contains { !$0.hosts.isEmpty }
        ),
    ] where tenants.sources.contains(source) && !isThere {
        sink.error(
            node.position, "tenants.from lists \(source.rawValue), but nothing says which", suggestion: key)
    }
    if tenants.known.isEmpty, !tenants.admitsUnknown {
        sink.error(
            node.position, "tenants.known is empty, and unknown tenants are refused: nobody could come in",
            suggestion: "unknown: allow")
    }
    return tenants
}

private func decodeSources(_ node: ConfigurationNode, _ sink: ProblemSink) -> [Configuration.Tenants.Source] {
    let all = Configuration.Tenants.Source.allCases.map(\.rawValue)
    let texts = sink.texts(node, "tenants.from", expected: "a list of: host, path, header", atMost: 64) ?? []
    var sources: [Configuration.Tenants.Source] = []
    for text in texts {
        guard let source = Configuration.Tenants.Source(rawValue: text) else {
            let note = text == "credentials" ? "credentials always come first" : "use host, path or header"
            sink.error(
                node.position, "tenants.from: \(quoted(text)) names no tenant; \(note)",
                suggestion: nearest(to: text, in: all))
            continue
        }
        if !sources.contains(source) { sources.append(source) }
    }
    return sources
}

private func fieldName(_ node: ConfigurationNode, _ sink: ProblemSink) -> String? {
    let expected = "the name of a header field such as X-Tenant"
    guard let text = sink.text(node, "tenants.header", expected: expected) else { return nil }
    let taken = ["host", "authorization", "cookie", "content-type", "content-length", "accept"]
    guard isName(text, extra: "-_", atMost: 64), !taken.contains(text.lowercased()) else {
        sink.wrongType(node, "tenants.header", expected: expected)
        return nil
    }
    return text.lowercased()
}

private func hostPattern(_ node: ConfigurationNode, _ sink: ProblemSink) -> String? {
    let expected = "a host's name with {tenant} in it, once, such as \"{tenant}.mcp.example\""
    guard let text = sink.text(node, "tenants.host", expected: expected)?.lowercased() else { return nil }
    let parts = splitHost(text)
    guard let parts, isHostPart(parts.prefix), isHostPart(parts.suffix), parts.suffix.contains(".") else {
        sink.wrongType(node, "tenants.host", expected: expected)
        return nil
    }
    return text
}

/// What stands before and after `{tenant}`; nil: it is not there once.
public func splitHost(_ text: String) -> (prefix: String, suffix: String)? {
    let mark = Array("{tenant}".utf8)
    let bytes = Array(text.utf8)
    guard bytes.count >= mark.count else { return nil }
    let places = (0...(bytes.count - mark.count)).filter { bytes[$0..<($0 + mark.count)].elementsEqual(mark) }
    guard places.count == 1 else { return nil }
    return (
        String(decoding: bytes[..<places[0]], as: UTF8.self),
        String(decoding: bytes[(places[0] + mark.count)...], as: UTF8.self)
    )
}

/// Part of a host's name; may be empty.
private func isHostPart(_ text: String) -> Bool {
    text.utf8.count <= 253
        && text.utf8.allSatisfy { isLetterOrDigit($0) || $0 == 0x2D || $0 == 0x2E || $0 == 0x5F }
}

private func decodeKnown(_ node: ConfigurationNode, _ sink: ProblemSink) -> [Configuration.Tenants.Tenant] {
    let expected = "a mapping from tenants' names to what is theirs, or {}"
    guard let section = Section(node, "tenants.known", sink, expected: expected) else { return [] }
    var hosts: [String: String] = [:]
    return section.rest.compactMap { entry in
        let path = "tenants.known.\(quotedKey(entry.key))"
        checkEntryName(entry, "a tenant", sink)
        var tenant = Configuration.Tenants.Tenant(name: entry.key)
        tenant.position = entry.keyPosition
        if entry.value.kind == .null { return tenant }
        guard
            var section = Section(
                entry.value, path, sink, expected: "a mapping such as { region: eu }, or {}")
        else { return nil }
        if let node = section.take("hosts") {
            let texts =
                sink.texts(node, "\(path).hosts", expected: "a list of hosts' names", atMost: 253) ?? []
            for host in texts.map({ $0.lowercased() }) {
                if host.isEmpty || !isHostPart(host) {
                    sink.error(
                        node.position, "\(path).hosts: \(quoted(host)) is no host's name (no port, no scheme)"
                    )
                } else if let other = hosts[host], other != tenant.name {
                    sink.error(node.position, "\(path).hosts: \(quoted(host)) is of tenant \(other) already")
                } else {
                    hosts[host] = tenant.name
                    tenant.hosts.append(host)
                }
            }
        }
        if let node = section.take("region") {
            let expected = "a region's name"
            if let text = sink.text(node, "\(path).region", expected: expected) {
                if isName(text, extra: "_.-", atMost: 64) {
                    tenant.region = text
                } else {
                    sink.wrongType(node, "\(path).region", expected: expected)
                }
            }
        }
        section.refuseUnknown()
        return tenant
    }
}

/// `tenants` of a server, a bundle, a policy or a filter.
func decodeTenantNames(_ section: inout Section, _ sink: ProblemSink) -> [String] {
    guard let node = section.take("tenants") else { return [] }
    let label = section.label("tenants")
    let texts = sink.texts(node, label, expected: "a list of tenants' names", atMost: 64) ?? []
    if texts.isEmpty, node.kind == .sequence {
        sink.error(node.position, "\(label) is empty: leave it out where it is for all")
    }
    return texts
}

/// Finds what names tenants that are not there, and regions in which nothing is.
func checkTenants(_ configuration: Configuration, _ sink: ProblemSink) {
    let named: [(String, [String], SourcePosition)] =
        configuration.servers.map { ("servers.\(quotedKey($0.name))", $0.tenants, $0.position) }
        + configuration.bundles.map { ("bundles.\(quotedKey($0.name))", $0.tenants, $0.position) }
        + configuration.policies.map { ("policy \(quoted($0.name))", $0.tenants, $0.position) }
        + configuration.filters.map { ("filter \(quoted($0.name))", $0.tenants, $0.position) }
    guard let tenants = configuration.tenants else {
        for (label, names, position) in named where !names.isEmpty {
            sink.error(
                position, "\(label) is for tenants, but there is no block \"tenants\"",
                suggestion: "tenants: { known: { \(names[0]): {} } }")
        }
        return
    }
    let known = tenants.known.map(\.name)
    for (label, names, position) in named where !tenants.admitsUnknown {
        for name in names where !known.contains(name) {
            sink.error(
                position, "\(label).tenants: \(quoted(name)) is not in tenants.known",
                suggestion: nearest(to: name, in: known))
        }
    }
    let regions = Set(
        configuration.servers.flatMap(\.endpoints).compactMap(\.standing.region)
            + (configuration.runtime.region.map { [$0] } ?? []))
    for tenant in tenants.known {
        if let region = tenant.region, !regions.contains(region) {
            sink.warning(
                tenant.position,
                "tenant \(tenant.name) must stay in region \(quoted(region)), where no server is: it sees nothing",
                suggestion: nearest(to: region, in: regions.sorted()))
        }
    }
}
