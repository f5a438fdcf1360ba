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

/// How lists differ between revisions: structured results came with 2025-06-18, as objects only, `execution` with
/// 2025-11-25; 2026-07-28 took the objects' limit away and replaced `execution`. Members that a revision has no word for
/// stay, no schema is closed; what it would take amiss goes.
enum ListShape: Int, Sendable, CaseIterable {
    case plain = 0, structured, tasks, modern

    /// - Parameter honoursTasks: whether a client of 2025-11-25 may call tools as tasks.
    init(_ revision: Revision, honoursTasks: Bool = true) {
        switch revision {
        case .v2026_07_28: self = .modern
        case .v2025_11_25: self = honoursTasks ? .tasks : .structured
        case .v2025_06_18: self = .structured
        default: self = .plain
        }
    }

    /// Whether a tool with such an output schema is shown as its server sent it.
    fileprivate func keeps(_ output: OutputSchema) -> Bool {
        switch output {
        case .none: true
        case .object: self != .plain
        case .wrappable, .other: self == .modern
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
    // Tools only.
    /// Whether it has an output schema, and what that describes.
    let output: OutputSchema
    /// Arguments that HTTP mirrors in `Mcp-Param-*` headers.
    let parameterHeaders: [ParameterHeader]
    /// Nil: it has no `execution`.
    let taskSupport: TaskSupport?
    /// The resource with its user interface (MCP Apps, `_meta.ui.resourceUri`).
    let interface: String?
    /// Hidden from the model: for that interface alone (`_meta.ui.visibility`).
    let isAppOnly: Bool
    /// What its annotations say.
    let traits: CallTraits
    /// Endpoints of its server whose own definition fits this one; nil: all.
    var fit: EndpointFit?
}

extension ListedItem {
    /// A resource that no list names, known from elsewhere.
    init(unlisted uri: String) {
        key = uri
        raw = []
        keyRange = 0..<0
        output = .none
        parameterHeaders = []
        taskSupport = nil
        interface = nil
        isAppOnly = false
        traits = .reading
    }
}

/// Everything that a server listed, by kind.
struct ServerListing: Sendable, Equatable {
    var items: [[ListedItem]] = [[], [], [], []]
    /// By kind; nil for a list that never came.
    var freshness: [Freshness?] = [nil, nil, nil, nil]
    /// Kinds whose list failed when it was last asked for: their items are those of the time before, if there was one.
    var failed: Set<ItemKind> = []

    subscript(_ kind: ItemKind) -> [ListedItem] {
        get { items[kind.rawValue] }
        set { items[kind.rawValue] = newValue }
    }

    /// The shortest freshness of all lists, in milliseconds.
    var ttl: UInt64 { freshness.compactMap { $0?.ttl }.min() ?? 0 }
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
        guard kind == .tools else {
            return ListedItem(
                key: text, raw: raw, keyRange: keyRange, output: .none, parameterHeaders: [],
                taskSupport: nil, interface: nil, isAppOnly: false, traits: .reading)
        }
        guard let input = node.member("inputSchema"), input.kind == .object,
            input.member("type")?.equals("object") == true
        else {
            throw ListingProblem("its \"inputSchema\" does not describe an object")
        }
        let meta = node.member("_meta")
        let visibility = meta?.member("ui")?.member("visibility")
        return ListedItem(
            key: text, raw: raw, keyRange: keyRange, output: OutputSchema(node.member("outputSchema")),
            parameterHeaders: try ParameterHeader.all(in: input),
            taskSupport: node.member("execution") == nil ? nil : TaskSupport(tool: node),
            interface: meta?.member("ui")?.member("resourceUri")?.string()
                ?? meta?.member("ui/resourceUri")?.string(),
            isAppOnly: visibility?.kind == .array
                && visibility?.elements.contains { $0.equals("model") } == false,
            traits: CallTraits(annotations: node.member("annotations")))
    }

    /// The item's bytes under a shown name, as a list of the given shape has them.
    /// - Parameter shownInterface: the URI under which clients know the tool's interface, where its own differs.
    func append(
        as shown: String, interface shownInterface: String? = nil, _ shape: ListShape, to out: inout [UInt8]
    ) {
        if shape.keeps(output), taskSupport == nil || shape == .tasks, shownInterface == nil {
            if shown == key {
                out.append(contentsOf: raw)
            } else {
                out.append(contentsOf: raw[..<keyRange.lowerBound])
                out.append(contentsOf: JSONWriter.quoted(shown))
                out.append(contentsOf: raw[keyRange.upperBound...])
            }
        } else if let text = try? JSONText(raw) {
            // Only tools come here: their key is their name.
            text.withRoot { appendEdited($0, shown, shownInterface, shape, to: &out) }
        }
    }

    private func appendEdited(
        _ root: JSONNode, _ shown: String, _ shownInterface: String?, _ shape: ListShape,
        to out: inout [UInt8]
    ) {
        var hasSchema = false
        ListedItem.append(root, to: &out) { member, out in
            if member.keyEquals("name") {
                out.append(contentsOf: JSONWriter.quoted(shown))
            } else if member.keyEquals("execution"), shape != .tasks {
                return false
            } else if member.keyEquals("outputSchema"), !shape.keeps(output) {
                guard shape != .plain, output == .wrappable, !hasSchema else { return false }
                hasSchema = true
                OutputSchema.appendWrapped(member.value, to: &out)
            } else if member.keyEquals("_meta"), let shownInterface {
                appendMeta(member.value, shownInterface, to: &out)
            } else {
                out.append(contentsOf: member.value.raw)
            }
            return true
        }
    }

    /// A tool's `_meta` with its interface under the URI that clients know, in the place of today and in the old one.
    private func appendMeta(_ meta: JSONNode, _ shown: String, to out: inout [UInt8]) {
        func isInterface(_ member: JSONMember) -> Bool { member.value.string() == interface }
        ListedItem.append(meta, to: &out) { member, out in
            if member.keyEquals("ui/resourceUri"), isInterface(member) {
                out.append(contentsOf: JSONWriter.quoted(shown))
            } else if member.keyEquals("ui") {
                ListedItem.append(member.value, to: &out) { inner, out in
                    if inner.keyEquals("resourceUri"), isInterface(inner) {
                        out.append(contentsOf: JSONWriter.quoted(shown))
                    } else {
                        out.append(contentsOf: inner.value.raw)
                    }
                    return true
                }
            } else {
                out.append(contentsOf: member.value.raw)
            }
            return true
        }
    }

    /// Appends an object member by member, values as `value` writes them; false leaves the member out. Anything but an
    /// object stays as it is.
    private static func append(
        _ object: JSONNode, to out: inout [UInt8], _ value: (JSONMember, inout [UInt8]) -> Bool
    ) {
        guard object.kind == .object else { return out.append(contentsOf: object.raw) }
        out.append(123)
        var first = true
        for member in object.members {
            let before = out.count
            if !first { out.append(44) }
            out.append(34)
            out.append(contentsOf: member.key)
            out.append(34)
            out.append(58)
            if value(member, &out) {
                first = false
            } else {
                out.removeSubrange(before...)
            }
        }
        out.append(125)
    }
}

/// Why an item of a list is left out.
struct ListingProblem: Error {
    let message: String
    init(_ message: String) { self.message = message }
}
