// SPDX-License-Identifier: Apache-2.0
// What a `subscriptions/listen` request asks to hear (MCP 2026-07-28), and the part of it that is honoured.

import JSON
import MCP

/// Kinds of lists whose changes are announced; resources and templates share one notification.
struct ListKinds: OptionSet, Sendable {
    let rawValue: UInt8

    static let tools = ListKinds(rawValue: 1)
    static let prompts = ListKinds(rawValue: 2)
    static let resources = ListKinds(rawValue: 4)
    static let all: ListKinds = [.tools, .prompts, .resources]
    /// Each alone, by index: rosters are kept per kind.
    static let each: [ListKinds] = [.tools, .prompts, .resources]

    init(rawValue: UInt8) { self.rawValue = rawValue }

    init(_ kind: ItemKind) {
        switch kind {
        case .tools: self = .tools
        case .prompts: self = .prompts
        case .resources, .templates: self = .resources
        }
    }

    init(_ kinds: [ItemKind]) { self = kinds.reduce(into: []) { $0.formUnion(ListKinds($1)) } }

    /// The notifications that announce these kinds.
    var methods: [Method] {
        var methods: [Method] = []
        if contains(.tools) { methods.append(.toolsListChanged) }
        if contains(.prompts) { methods.append(.promptsListChanged) }
        if contains(.resources) { methods.append(.resourcesListChanged) }
        return methods
    }
}

/// `params.notifications` of a listen request. An extension's member belongs here too: read, honoured and written like
/// the others.
struct ListenFilter: Sendable {
    /// Longer URIs are honoured nowhere (templates are not matched against them either).
    static let longestURI = 4096

    var kinds: ListKinds = []
    /// URIs as the client spells them, each once, in its order.
    var resources: [String] = []
    /// Task ids as the client knows them, each once (the tasks extension).
    var tasks: [String] = []

    init() {}

    /// Throws a sentence. `limit`: how many resources one subscription may name.
    init(_ node: JSONNode?, limit: Int) throws(ListenProblem) {
        guard let node, node.kind == .object else {
            throw ListenProblem("subscriptions/listen needs params.notifications (an object)")
        }
        if node.member("toolsListChanged")?.bool == true { kinds.insert(.tools) }
        if node.member("promptsListChanged")?.bool == true { kinds.insert(.prompts) }
        if node.member("resourcesListChanged")?.bool == true { kinds.insert(.resources) }
        tasks = try ListenFilter.tasks(node, limit: limit)
        guard let uris = node.member("resourceSubscriptions"), uris.kind != .null else { return }
        guard uris.kind == .array else {
            throw ListenProblem("params.notifications.resourceSubscriptions must be an array of URIs")
        }
        var seen: Set<String> = []
        for element in uris.elements {
            guard let uri = element.string() else {
                throw ListenProblem("params.notifications.resourceSubscriptions must hold strings only")
            }
            guard seen.insert(uri).inserted else { continue }
            guard seen.count <= limit else {
                throw ListenProblem(
                    "one subscription may name at most \(limit) resources; open several, or name fewer")
            }
            resources.append(uri)
        }
    }

    private static func tasks(_ node: JSONNode, limit: Int) throws(ListenProblem) -> [String] {
        guard let ids = node.member("taskIds"), ids.kind != .null else { return [] }
        guard ids.kind == .array else {
            throw ListenProblem("params.notifications.taskIds must be an array of task ids")
        }
        guard ids.count <= limit else {
            throw ListenProblem(
                "one subscription may name at most \(limit) tasks; open several, or name fewer")
        }
        var seen: Set<String> = []
        var found: [String] = []
        for element in ids.elements {
            guard let id = element.string() else {
                throw ListenProblem("params.notifications.taskIds must hold strings only")
            }
            if seen.insert(id).inserted { found.append(id) }
        }
        return found
    }

    /// Writes the members of a filter object, without its braces.
    func write(into out: MessageBuilder) {
        var first = true
        func member(_ name: StaticString) {
            if !first { out.byte(44) }
            first = false
            out.byte(34)
            out.literal(name)
            out.literal("\":")
        }
        for (kind, name) in [
            (ListKinds.tools, "toolsListChanged" as StaticString), (.prompts, "promptsListChanged"),
            (.resources, "resourcesListChanged"),
        ] where kinds.contains(kind) {
            member(name)
            out.literal("true")
        }
        func list(_ name: StaticString, _ texts: [String]) {
            guard !texts.isEmpty else { return }
            member(name)
            out.byte(91)
            for (at, text) in texts.enumerated() {
                if at > 0 { out.byte(44) }
                out.quoted(text)
            }
            out.byte(93)
        }
        list("resourceSubscriptions", resources)
        list("taskIds", tasks)
    }
}

/// Why a listen request cannot be served; one sentence for the client.
struct ListenProblem: Error {
    let message: String
    init(_ message: String) { self.message = message }
}
