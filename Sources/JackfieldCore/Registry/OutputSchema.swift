// SPDX-License-Identifier: Apache-2.0
// What a tool's output schema describes, and how clients that know objects only are shown it.

import JSON
import MCP

/// What a tool says about its structured results. Any JSON value may be one since 2026-07-28; from 2025-06-18 to
/// 2025-11-25 they are objects.
enum OutputSchema: Sendable {
    case none
    /// Its root says `"type":"object"`.
    case object
    /// Anything else, and it means the same as a property of an object.
    case wrappable
    /// Anything else that would not: it refers to itself by places that a wrapper moves.
    case other

    init(_ schema: JSONNode?) {
        guard let schema else {
            self = .none
            return
        }
        if schema.member("type")?.equals("object") == true {
            self = .object
        } else {
            self = OutputSchema.isWrappable(schema) ? .wrappable : .other
        }
    }

    /// How results of the tool are shown to a legacy client, so that they agree with the schema that it was shown.
    var structured: StructuredShape {
        switch self {
        case .none, .object: .asIs
        case .wrappable: .wrapped
        case .other: .dropped
        }
    }

    // MARK: Wrapping

    /// Appends `{"type":"object","properties":{"result":SCHEMA},"required":["result"]}`. Definitions go up to the new
    /// root, where references look for them, and so does the dialect.
    static func appendWrapped(_ schema: JSONNode, to out: inout [UInt8]) {
        let movesDefinitions = !isResource(schema)
        var writer = JSONWriter()
        writer.beginObject()
        if let dialect = schema.member("$schema") {
            writer.key("$schema")
            writer.value(dialect)
        }
        writer.key("type")
        writer.value("object" as StaticString)
        writer.key("properties")
        writer.beginObject()
        writer.key("result")
        if schema.kind == .object, movesDefinitions {
            writer.beginObject()
            for member in schema.members where !member.keyEquals("$schema") && !isDefinitions(member) {
                writer.key(member.keyString())
                writer.value(member.value)
            }
            writer.endObject()
        } else {
            writer.value(schema)
        }
        writer.endObject()
        writer.key("required")
        writer.beginArray()
        writer.value("result" as StaticString)
        writer.endArray()
        if movesDefinitions {
            for name in ["$defs", "definitions"] as [StaticString] {
                guard let definitions = schema.member(name) else { continue }
                writer.key(name)
                writer.value(definitions)
            }
        }
        writer.endObject()
        out.append(contentsOf: writer.bytes)
    }

    private static func isDefinitions(_ member: JSONMember) -> Bool {
        member.keyEquals("$defs") || member.keyEquals("definitions")
    }

    /// A schema with an identifier of its own is where its references begin, wherever it stands (JSON Schema 2020-12,
    /// section 8.2.1). `#name` was an anchor in older drafts.
    private static func isResource(_ schema: JSONNode) -> Bool {
        guard let id = schema.member("$id")?.string() else { return false }
        return !id.isEmpty && !id.utf8.starts(with: "#".utf8)
    }

    private static func isWrappable(_ schema: JSONNode) -> Bool {
        switch schema.kind {
        case .bool: true
        case .object: isResource(schema) || !breaks(schema)
        default: false
        }
    }

    /// Whether a reference somewhere inside would lead elsewhere from within a wrapper. Looks at data too (`const`,
    /// `examples`), where such a member means nothing: then the schema is left out without need, which harms nobody.
    private static func breaks(_ node: JSONNode) -> Bool {
        switch node.kind {
        case .array: return node.elements.contains(where: breaks)
        case .object:
            return node.members.contains { member in
                if member.keyEquals("$recursiveRef") { return true }
                if member.keyEquals("$ref") || member.keyEquals("$dynamicRef"),
                    let reference = member.value.string()
                {
                    return !survives(reference)
                }
                return breaks(member.value)
            }
        default: return false
        }
    }

    private static func survives(_ reference: String) -> Bool {
        let text = reference.utf8
        guard let first = text.first else { return false }
        if first != UInt8(ascii: "#") { return true }
        if text.starts(with: "#/$defs/".utf8) || text.starts(with: "#/definitions/".utf8) { return true }
        // An anchor is found by its name; a pointer, percent-encoded or not, by its way from the root.
        return text.count > 1 && !text.contains(UInt8(ascii: "/")) && !text.contains(UInt8(ascii: "%"))
    }
}
