// SPDX-License-Identifier: Apache-2.0
// What one server listed: items as the bytes it sent, with the spans that are needed to show them under another name.

import JSON
import MCP

/// The four lists of MCP; raw values equal the ABI's JF_TOOLS … JF_PROMPTS.
enum ItemKind: Int, Sendable, CaseIterable {
    case tools = 0, resources, templates, prompts

    var listMethod: Method {
        switch self {
        case .tools: .toolsList
        case .resources: .resourcesList
        case .templates: .resourcesTemplatesList
        case .prompts: .promptsList
        }
    }

    /// The member of the list result that holds the items.
    var member: StaticString {
        switch self {
        case .tools: "tools"
        case .resources: "resources"
        case .templates: "resourceTemplates"
        case .prompts: "prompts"
        }
    }

    /// The member by which an item is addressed.
    var key: StaticString {
        switch self {
        case .tools, .prompts: "name"
        case .resources: "uri"
        case .templates: "uriTemplate"
        }
    }

    var changed: Method {
        switch self {
        case .tools: .toolsListChanged
        case .resources, .templates: .resourcesListChanged
        case .prompts: .promptsListChanged
        }
    }
}

/// What a tool says about its structured results.
enum OutputSchema: Sendable { case none, object, other }

/// How lists differ between revisions: structured results came with 2025-06-18, as objects only; any JSON value may be
/// one since 2026-07-28. A schema that the client's revision cannot mean is left out.
enum ListShape: Int, Sendable {
    case plain = 0, structured, modern

    init(_ revision: Revision) {
        self = revision.isModern ? .modern : revision >= .v2025_06_18 ? .structured : .plain
    }

    func shows(_ output: OutputSchema) -> Bool {
        switch output {
        case .none: true
        case .object: self != .plain
        case .other: self == .modern
        }
    }
}

/// One listed item. Immutable.
struct ListedItem: Sendable, Equatable {
    /// Its name, URI or URI template, decoded.
    let key: String
    /// The raw JSON object, and where the raw value of its key stands in it (quotes included).
    let raw: [UInt8]
    let keyRange: Range<Int>
    /// Tools: whether it has an output schema, and whether that describes an object.
    let output: OutputSchema
    /// Tools: arguments that HTTP mirrors in `Mcp-Param-*` headers.
    let parameterHeaders: [ParameterHeader]
}

/// Everything that a server listed, by kind.
struct ServerListing: Sendable, Equatable {
    var items: [[ListedItem]] = [[], [], [], []]
    /// The shortest freshness that the server gave its lists, in milliseconds, and whether all were public.
    var ttl: UInt64 = 0
    var isPublic = false

    subscript(_ kind: ItemKind) -> [ListedItem] {
        get { items[kind.rawValue] }
        set { items[kind.rawValue] = newValue }
    }
}

extension ListedItem {
    /// Reads one element of a list. Throws a sentence that says why it cannot be shown.
    static func read(_ node: JSONNode, _ kind: ItemKind) throws(ListingProblem) -> ListedItem {
        guard node.kind == .object else { throw ListingProblem("it is not an object") }
        guard let key = node.member(kind.key), let text = key.string(), !text.isEmpty else {
            throw ListingProblem("it has no \"\(kind.key)\"")
        }
        var keys = 0
        for member in node.members where member.keyEquals(kind.key) { keys += 1 }
        guard keys == 1 else { throw ListingProblem("its \"\(kind.key)\" is repeated") }
        guard node.member("name")?.kind == .string else { throw ListingProblem("it has no \"name\"") }
        let raw = [UInt8](node.raw)
        let start = node.range.lowerBound
        let keyRange = (key.range.lowerBound - start)..<(key.range.upperBound - start)
        var headers: [ParameterHeader] = []
        var output = OutputSchema.none
        if kind == .tools {
            guard let input = node.member("inputSchema"), input.kind == .object,
                input.member("type")?.equals("object") == true
            else {
                throw ListingProblem("its \"inputSchema\" does not describe an object")
            }
            headers = try ParameterHeader.all(in: input)
            if let schema = node.member("outputSchema") {
                output = schema.member("type")?.equals("object") == true ? .object : .other
            }
        }
        return ListedItem(key: text, raw: raw, keyRange: keyRange, output: output, parameterHeaders: headers)
    }

    /// The item's bytes under a shown name, as a list of the given shape has them.
    func append(as shown: String, _ shape: ListShape, to out: inout [UInt8]) {
        guard shape.shows(output) else { return appendPlain(as: shown, to: &out) }
        if shown == key {
            out.append(contentsOf: raw)
        } else {
            out.append(contentsOf: raw[..<keyRange.lowerBound])
            out.append(contentsOf: JSONWriter.quoted(shown))
            out.append(contentsOf: raw[keyRange.upperBound...])
        }
    }

    /// The same without the output schema.
    private func appendPlain(as shown: String, to out: inout [UInt8]) {
        guard let text = try? JSONText(raw) else { return }
        text.withRoot { root in
            out.append(123)
            var first = true
            for member in root.members where !member.keyEquals("outputSchema") {
                if !first { out.append(44) }
                first = false
                out.append(34)
                out.append(contentsOf: member.key)
                out.append(contentsOf: "\":".utf8)
                if member.keyEquals("name") {
                    out.append(contentsOf: JSONWriter.quoted(shown))
                } else {
                    out.append(contentsOf: member.value.raw)
                }
            }
            out.append(125)
        }
    }
}

/// Why an item of a list is left out.
struct ListingProblem: Error {
    let message: String
    init(_ message: String) { self.message = message }
}
