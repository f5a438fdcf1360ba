// SPDX-License-Identifier: Apache-2.0
// SchemaCompiler: checks a schema's own form and turns it into an array of nodes.

/// Compiles structurally; subschemas that only a reference reaches wait in a list, so that references neither
/// recurse nor loop here.
struct SchemaCompiler {
    let root: JSONValue
    private var nodes: [SchemaNode] = []
    private var indexes: [JSONPointer: Int] = [:]
    private var compiled: Set<Int> = []
    private var waiting: [(pointer: JSONPointer, index: Int)] = []
    private var anchors: [String: JSONPointer] = [:]
    private var baseID: String?

    static let maxDepth = 64
    /// Longest chain of subschemas on one value, such as reference to reference.
    static let maxChain = 64

    init(root: JSONValue) {
        self.root = root
        if let id = root["$id"]?.string { baseID = id.hasSuffix("#") ? String(id.dropLast()) : id }
    }

    mutating func compile() throws(JSONSchemaError) -> [SchemaNode] {
        collectAnchors(root, JSONPointer(), depth: 0)
        _ = try subschema(root, JSONPointer(), depth: 0)
        while let next = waiting.popLast() {
            guard !compiled.contains(next.index) else { continue }
            guard let value = next.pointer.find(in: root) else {
                throw JSONSchemaError(pointer: next.pointer, message: "nothing is there to refer to")
            }
            _ = try subschema(value, next.pointer, depth: 0)
        }
        try refuseCircles()
        return nodes
    }

    private mutating func collectAnchors(_ value: JSONValue, _ pointer: JSONPointer, depth: Int) {
        guard depth < Self.maxDepth else { return }
        switch value {
        case .object(let members):
            if let anchor = value["$anchor"]?.string { anchors[anchor] = pointer }
            for member in members {
                collectAnchors(member.value, pointer.appending(member.key), depth: depth + 1)
            }
        case .array(let elements):
            for (at, element) in elements.enumerated() {
                collectAnchors(element, pointer.appending(String(at)), depth: depth + 1)
            }
        default: break
        }
    }

    private mutating func reserve(_ pointer: JSONPointer) throws(JSONSchemaError) -> Int {
        if let index = indexes[pointer] { return index }
        guard nodes.count < JSONSchema.maxSubschemas else {
            throw JSONSchemaError(
                pointer: pointer, message: "more than \(JSONSchema.maxSubschemas) subschemas")
        }
        let index = nodes.count
        nodes.append(SchemaNode(pointer: pointer))
        indexes[pointer] = index
        return index
    }

    mutating func subschema(
        _ schema: JSONValue, _ pointer: JSONPointer, depth: Int
    ) throws(JSONSchemaError) -> Int {
        guard depth < Self.maxDepth else {
            throw JSONSchemaError(
                pointer: pointer, message: "subschemas nested deeper than \(Self.maxDepth)")
        }
        let index = try reserve(pointer)
        guard compiled.insert(index).inserted else { return index }
        switch schema {
        case .bool(let truth): nodes[index].refusesAll = !truth
        case .object:
            var reader = SchemaReader(schema: schema, pointer: pointer)
            var node = SchemaNode(pointer: pointer)
            try reader.readAssertions(into: &node)
            try readApplicators(reader, into: &node, depth: depth + 1)
            nodes[index] = node
        default:
            throw JSONSchemaError(
                pointer: pointer, message: "a schema must be an object or a boolean, not \(schema.phrase)")
        }
        return index
    }

    private mutating func readApplicators(
        _ reader: SchemaReader, into node: inout SchemaNode, depth: Int
    ) throws(JSONSchemaError) {
        try refuseUnsupported(reader)
        if let target = try reader.text("$ref") {
            node.reference = try reference(target, reader.pointer.appending("$ref"))
        }
        node.allOf = try list("allOf", reader, depth)
        node.anyOf = try list("anyOf", reader, depth)
        node.oneOf = try list("oneOf", reader, depth)
        node.not = try one("not", reader, depth)
        node.condition = try one("if", reader, depth)
        if node.condition != nil {
            node.then = try one("then", reader, depth)
            node.otherwise = try one("else", reader, depth)
        }
        for (name, schema) in try map("properties", reader, depth) {
            if node.properties.updateValue(schema, forKey: SchemaName(name)) == nil {
                node.propertyOrder.append((name, schema))
            }
        }
        for (text, schema) in try map("patternProperties", reader, depth) {
            let place = reader.pointer.appending("patternProperties").appending(text)
            node.patternProperties.append((try SchemaReader.pattern(text, place), schema))
        }
        node.additionalProperties = try one("additionalProperties", reader, depth)
        node.propertyNames = try one("propertyNames", reader, depth)
        node.dependentSchemas = try map("dependentSchemas", reader, depth)
        for member in try reader.object("dependencies") {
            let place = reader.pointer.appending("dependencies").appending(member.key)
            if case .array = member.value {
                node.dependentRequired.append((member.key, try SchemaReader.names(member.value, place)))
            } else {
                node.dependentSchemas.append((member.key, try subschema(member.value, place, depth: depth)))
            }
        }
        node.contains = try one("contains", reader, depth)
        if case .array = reader.schema["items"] {
            node.prefixItems = try list("items", reader, depth)
            node.items = try one("additionalItems", reader, depth)
        } else {
            node.prefixItems = try list("prefixItems", reader, depth)
            node.items = try one("items", reader, depth)
        }
    }

    private func refuseUnsupported(_ reader: SchemaReader) throws(JSONSchemaError) {
        for keyword in ["$dynamicRef", "$recursiveRef"] where reader.schema[keyword] != nil {
            throw reader.error(
                keyword, "this keyword is not supported; use $ref to a place in the same schema")
        }
        for keyword in ["unevaluatedProperties", "unevaluatedItems"] {
            guard let value = reader.schema[keyword], value != .bool(true) else { continue }
            let plain = keyword == "unevaluatedProperties" ? "additionalProperties" : "items"
            throw reader.error(keyword, "this keyword is not supported; use \(plain)")
        }
    }

    private mutating func one(
        _ keyword: String, _ reader: SchemaReader, _ depth: Int
    ) throws(JSONSchemaError) -> Int? {
        guard let schema = reader.schema[keyword] else { return nil }
        return try subschema(schema, reader.pointer.appending(keyword), depth: depth)
    }

    private mutating func list(
        _ keyword: String, _ reader: SchemaReader, _ depth: Int
    ) throws(JSONSchemaError) -> [Int] {
        guard let value = reader.schema[keyword] else { return [] }
        guard case .array(let schemas) = value else {
            throw reader.error(keyword, "must be an array of schemas, not \(value.phrase)")
        }
        let isAlternative = keyword == "anyOf" || keyword == "oneOf" || keyword == "allOf"
        guard !(isAlternative && schemas.isEmpty) else {
            throw reader.error(keyword, "must hold at least one schema")
        }
        let pointer = reader.pointer.appending(keyword)
        var indexes: [Int] = []
        for (at, schema) in schemas.enumerated() {
            indexes.append(try subschema(schema, pointer.appending(String(at)), depth: depth))
        }
        return indexes
    }

    private mutating func map(
        _ keyword: String, _ reader: SchemaReader, _ depth: Int
    ) throws(JSONSchemaError) -> [(name: String, schema: Int)] {
        let pointer = reader.pointer.appending(keyword)
        var indexes: [(name: String, schema: Int)] = []
        for member in try reader.object(keyword) {
            let place = pointer.appending(member.key)
            indexes.append((member.key, try subschema(member.value, place, depth: depth)))
        }
        return indexes
    }

    /// The node a `$ref` names. Only places in this schema: nothing is fetched.
    private mutating func reference(
        _ target: String, _ place: JSONPointer
    ) throws(JSONSchemaError) -> Int {
        var fragment = Substring(target)
        if let baseID, !baseID.isEmpty, fragment.hasPrefix(baseID) {
            let rest = fragment.dropFirst(baseID.count)
            if rest.isEmpty || rest.hasPrefix("#") { fragment = rest.isEmpty ? "#" : rest }
        }
        guard fragment.hasPrefix("#") else {
            throw JSONSchemaError(
                pointer: place,
                message: "\"\(target)\" is outside this schema; only references that begin with # are allowed"
            )
        }
        let decoded = percentDecoded(fragment.dropFirst())
        var pointer = decoded.flatMap { JSONPointer($0) }
        if pointer == nil, let decoded { pointer = anchors[decoded] }
        guard let pointer, pointer.find(in: root) as JSONValue? != nil else {
            throw JSONSchemaError(pointer: place, message: "\"\(target)\" names nothing in this schema")
        }
        let index = try reserve(pointer)
        waiting.append((pointer, index))
        return index
    }

    private func percentDecoded(_ text: Substring) -> String? {
        var out: [UInt8] = []
        var rest = text.utf8[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                out.append(byte)
                continue
            }
            guard let high = rest.popFirst(), let low = rest.popFirst(),
                let value = UInt8(String(decoding: [high, low], as: UTF8.self), radix: 16)
            else { return nil }
            out.append(value)
        }
        return String(decoding: out, as: UTF8.self)
    }

    /// Sorts the nodes along their in-place subschemas; what cannot be sorted would never end.
    private func refuseCircles() throws(JSONSchemaError) {
        var incoming = [Int](repeating: 0, count: nodes.count)
        for node in nodes { for next in node.inPlace { incoming[next] += 1 } }
        var chain = [Int](repeating: 1, count: nodes.count)
        var ready = nodes.indices.filter { incoming[$0] == 0 }
        while let index = ready.popLast() {
            guard chain[index] <= Self.maxChain else {
                throw JSONSchemaError(
                    pointer: nodes[index].pointer,
                    message: "more than \(Self.maxChain) subschemas in a row apply to the same value")
            }
            for next in nodes[index].inPlace {
                chain[next] = max(chain[next], chain[index] + 1)
                incoming[next] -= 1
                if incoming[next] == 0 { ready.append(next) }
            }
        }
        if let stuck = incoming.firstIndex(where: { $0 > 0 }) {
            throw JSONSchemaError(
                pointer: nodes[stuck].pointer,
                message: "refers back to itself without going into the value")
        }
    }
}
