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

/// One listed item. Immutable.
struct ListedItem: Sendable, Equatable {
    /// Its name, URI or URI template, decoded.
    let key: String
    /// The raw JSON object, and where the raw value of its key stands in it (quotes included).
    let raw: [UInt8]
    let keyRange: Range<Int>
    /// For clients before 2026-07-28: members that they would misread are left out; nil when `raw` serves both.
    let legacyRaw: [UInt8]?
    let legacyKeyRange: Range<Int>
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
        let raw = [UInt8](node.raw)
        let start = node.range.lowerBound
        let keyRange = (key.range.lowerBound - start)..<(key.range.upperBound - start)
        var headers: [ParameterHeader] = []
        var legacyRaw: [UInt8]?
        var legacyKey = keyRange
        if kind == .tools {
            guard let input = node.member("inputSchema"), input.kind == .object else {
                throw ListingProblem("its \"inputSchema\" is not an object")
            }
            headers = try ParameterHeader.all(in: input)
            if let output = node.member("outputSchema"), output.member("type")?.equals("object") != true {
                let builder = MessageBuilder()
                ItemEdit.write(node, dropping: "outputSchema", into: builder)
                let bytes = builder.joined()
                if let text = try? JSONText(bytes) {
                    text.withRoot { root in
                        if let moved = root.member(kind.key) { legacyKey = moved.range }
                    }
                    legacyRaw = bytes
                }
            }
        }
        return ListedItem(
            key: text, raw: raw, keyRange: keyRange, legacyRaw: legacyRaw, legacyKeyRange: legacyKey,
            parameterHeaders: headers)
    }

    /// The item's bytes under a shown name.
    func append(as shown: String, legacy: Bool, to out: inout [UInt8]) {
        let bytes = legacy ? legacyRaw ?? raw : raw
        let range = legacy && legacyRaw != nil ? legacyKeyRange : keyRange
        if shown == key {
            out.append(contentsOf: bytes)
        } else {
            out.append(contentsOf: bytes[..<range.lowerBound])
            out.append(contentsOf: JSONWriter.quoted(shown))
            out.append(contentsOf: bytes[range.upperBound...])
        }
    }
}

/// Why an item of a list is left out.
struct ListingProblem: Error {
    let message: String
    init(_ message: String) { self.message = message }
}

/// Copies an object without one member.
enum ItemEdit {
    static func write(_ node: JSONNode, dropping name: StaticString, into out: MessageBuilder) {
        out.byte(123)
        var first = true
        for member in node.members where !member.keyEquals(name) {
            if !first { out.byte(44) }
            first = false
            out.byte(34)
            out.bytes(member.key)
            out.literal("\":")
            out.bytes(member.value.raw)
        }
        out.byte(125)
    }
}
