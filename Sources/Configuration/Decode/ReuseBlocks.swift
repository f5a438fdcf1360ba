// SPDX-License-Identifier: Apache-2.0
// Decodes `response_cache` and `coalesce` of a server.

extension Configuration.Server {
    mutating func readReuse(from section: inout Section) {
        if let node = section.take("response_cache") {
            responseCache = decodeResponseCache(node, section.label("response_cache"), section.sink)
        }
        if let node = section.take("coalesce") {
            coalesce = decodeCoalesce(node, section.label("coalesce"), section.sink)
        }
    }

    /// Versions that are meant to answer differently share what is kept.
    func warnOfSharedArms(_ sink: ProblemSink) {
        guard responseCache != nil, routing.strategy == "canary" || rollout != nil else { return }
        let what = rollout != nil ? "both versions of the rollout" : "every arm of the canary"
        sink.warning(
            rollout != nil ? position : routing.position,
            "servers.\(quotedKey(name)): answers that response_cache keeps are given to callers of \(what)")
    }
}

private func decodeResponseCache(
    _ node: ConfigurationNode, _ label: String, _ sink: ProblemSink
) -> Configuration.ResponseCache? {
    let expected = "false, or a mapping such as { tools: [\"search_*\"], ttl: 30s }"
    if node.kind == .boolean {
        // What may be kept is for the operator to say.
        if sink.boolean(node, label) == true { sink.wrongType(node, label, expected: expected) }
        return nil
    }
    guard var section = Section(node, label, sink, expected: expected) else { return nil }
    var cache = Configuration.ResponseCache()
    let (tools, resources) = readSharedItems(&section)
    cache.$tools = tools
    cache.$resources = resources
    cache.$clearedBy = section.readTexts("cleared_by", expected: "a list of patterns", atMost: 1024)
    section.readDuration("ttl", into: &cache.ttl)
    section.readChoice(
        "scope", into: &cache.scope,
        of: Configuration.ResponseCache.Scope.allCases.map { ($0.rawValue, $0) })
    section.readSize("max_bytes", into: &cache.maxBytes, in: 4096...(1 << 36))
    let hasEntry = section.has("max_entry")
    section.readSize("max_entry", into: &cache.maxEntry, in: 256...(1 << 30))
    section.read("allow_unannotated", into: &cache.allowUnannotated)
    section.refuseUnknown()
    if cache.maxEntry > cache.maxBytes {
        if hasEntry {
            sink.error(
                node.position, "\(label): one answer (max_entry) cannot be larger than all (max_bytes)")
        }
        cache.maxEntry = cache.maxBytes
    }
    requireItems(section)
    return cache
}

private func decodeCoalesce(
    _ node: ConfigurationNode, _ label: String, _ sink: ProblemSink
) -> Configuration.Coalesce? {
    var coalesce = Configuration.Coalesce()
    if node.kind == .boolean {
        guard sink.boolean(node, label) == true else { return nil }
        coalesce.tools = ["*"]
        coalesce.resources = ["*"]
        return coalesce
    }
    let expected = "true, false, or a mapping such as { tools: [\"search_*\"] }"
    guard var section = Section(node, label, sink, expected: expected) else { return nil }
    let (tools, resources) = readSharedItems(&section)
    coalesce.$tools = tools
    coalesce.$resources = resources
    section.refuseUnknown()
    requireItems(section)
    return coalesce
}

private func readSharedItems(
    _ section: inout Section
) -> (tools: Redacted<[String]>, resources: Redacted<[String]>) {
    let expected = "a list of patterns"
    return (
        section.readTexts("tools", expected: expected, atMost: 1024),
        section.readTexts("resources", expected: expected, atMost: 1024)
    )
}

/// A block that names nothing would do nothing.
private func requireItems(_ section: Section) {
    if section.has("tools") || section.has("resources") { return }
    section.sink.error(section.position, "\(section.path) names no \"tools\" and no \"resources\"")
}
