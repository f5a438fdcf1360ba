// SPDX-License-Identifier: Apache-2.0
// SchemaDefaults: fills missing properties with their defaults.

struct SchemaDefaults {
    let nodes: [SchemaNode]
    /// Schemas whose defaults are being filled in: a default inside itself would never end.
    private var open: Set<Int> = []
    private var steps = 0
    private var depth = 0

    init(nodes: [SchemaNode]) { self.nodes = nodes }

    mutating func fill(_ value: JSONValue, _ index: Int) -> JSONValue {
        steps += 1
        guard steps <= JSONSchema.maxSteps, depth < SchemaValidator.maxDepth else { return value }
        depth += 1
        defer { depth -= 1 }
        let node = nodes[index]
        var value = value
        if let reference = node.reference { value = fill(value, reference) }
        for schema in node.allOf { value = fill(value, schema) }
        switch value {
        case .object(let members): return .object(fill(members, node))
        case .array(let elements):
            guard !node.prefixItems.isEmpty || node.items != nil else { return value }
            return .array(
                elements.enumerated().map { at, element in
                    let schema = at < node.prefixItems.count ? node.prefixItems[at] : node.items
                    return schema.map { fill(element, $0) } ?? element
                })
        default: return value
        }
    }

    private mutating func fill(_ members: [JSONMemberValue], _ node: SchemaNode) -> [JSONMemberValue] {
        guard !node.properties.isEmpty || node.additionalProperties != nil else { return members }
        var filled = members
        var present: Set<SchemaName> = []
        for at in filled.indices {
            let name = SchemaName(filled[at].key)
            present.insert(name)
            guard let schema = node.properties[name] ?? node.additionalProperties else { continue }
            filled[at].value = fill(filled[at].value, schema)
        }
        for (name, schema) in node.propertyOrder where !present.contains(SchemaName(name)) {
            guard let fallback = fallback(of: schema, hops: 0), open.insert(schema).inserted else { continue }
            filled.append(JSONMemberValue(name, fill(fallback, schema)))
            open.remove(schema)
        }
        return filled
    }

    /// A schema's own default or that of what it refers to.
    private func fallback(of index: Int, hops: Int) -> JSONValue? {
        let node = nodes[index]
        if let fallback = node.fallback { return fallback }
        guard let reference = node.reference, hops < SchemaCompiler.maxChain else { return nil }
        return fallback(of: reference, hops: hops + 1)
    }
}
