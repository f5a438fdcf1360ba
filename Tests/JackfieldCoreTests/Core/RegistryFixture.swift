// SPDX-License-Identifier: Apache-2.0
// Servers with listings for the registry's tests, and the checks that any shown list must pass.

import JSON
import Testing

@testable import JackfieldCore

/// Reads one listed item from its JSON text.
func listed(_ kind: ItemKind, _ text: String) throws -> ListedItem {
    try JSONText(text).withRoot { root in try ListedItem.read(root, kind) }
}

/// The simplest item of a kind under a name, URI or template.
func item(_ kind: ItemKind, _ key: String) throws -> ListedItem {
    let quoted = String(decoding: JSONWriter.quoted(key), as: UTF8.self)
    switch kind {
    case .tools: return try listed(kind, #"{"name":\#(quoted),"inputSchema":{"type":"object"}}"#)
    case .prompts: return try listed(kind, #"{"name":\#(quoted)}"#)
    case .resources: return try listed(kind, #"{"uri":\#(quoted),"name":"n"}"#)
    case .templates: return try listed(kind, #"{"uriTemplate":\#(quoted),"name":"n"}"#)
    }
}

/// A server as the registry knows it: up, with a listing made of simple items.
func server(
    _ name: String, tools: [String] = [], prompts: [String] = [], resources: [String] = [],
    templates: [String] = [], generation: UInt64 = 1, ttl: UInt64 = 1000, isPublic: Bool = false,
    state: EndpointStatus.State = .up, _ change: (inout ServerPlan) -> Void = { _ in }
) throws -> ServerRecord {
    var plan = ServerPlan(name: name)
    plan.endpoints = [EndpointPlan(options: "{}")]
    change(&plan)
    var listing = ServerListing()
    listing[.tools] = try tools.map { try item(.tools, $0) }
    listing[.prompts] = try prompts.map { try item(.prompts, $0) }
    listing[.resources] = try resources.map { try item(.resources, $0) }
    listing[.templates] = try templates.map { try item(.templates, $0) }
    listing.freshness = ItemKind.allCases.map { _ in Freshness(ttl: ttl, end: nil, isPublic: isPublic) }
    var status = EndpointStatus()
    status.state = state
    return ServerRecord(
        server: Server(plan, generation: generation, homeLane: 0, limits: LimitsPlan()), statuses: [status],
        listing: listing)
}

/// The catalogue of some servers.
func catalog(
    _ records: [ServerRecord], bundles: [BundlePlan] = [], pageSize: Int = 0,
    _ change: (inout NamingPlan) -> Void = { _ in }
) -> Catalog {
    var naming = NamingPlan()
    change(&naming)
    return CatalogBuilder(naming: naming, bundles: bundles, pageSize: pageSize).build(records)
}

/// All items that a view shows of a kind, in order. Every page is checked on the way: it parses, has exactly the
/// members that the schema of its era requires, and its cursor leads to the next.
func shownItems(
    _ view: View, _ kind: ItemKind, _ shape: ListShape, sourceLocation: SourceLocation = #_sourceLocation
) throws -> [JSONValue] {
    let pages = view.pages(kind, shape)
    try #require(!pages.isEmpty, sourceLocation: sourceLocation)
    var items: [JSONValue] = []
    for (at, page) in pages.enumerated() {
        let result = try JSONValue(parsing: page.bytes)
        var members: Set<String> = ["\(kind.member)"]
        if shape == .modern {
            members.formUnion(["resultType", "ttlMs", "cacheScope", "_meta"])
            #expect(result["resultType"] == "complete", sourceLocation: sourceLocation)
            #expect((result["ttlMs"]?.int ?? -1) >= 0, sourceLocation: sourceLocation)
            #expect(
                ["public", "private"].contains(result["cacheScope"]?.string), sourceLocation: sourceLocation)
            let info = result["_meta"]?["io.modelcontextprotocol/serverInfo"]
            #expect(info?["name"]?.string?.isEmpty == false, sourceLocation: sourceLocation)
            #expect(info?["version"]?.string?.isEmpty == false, sourceLocation: sourceLocation)
        }
        if at + 1 < pages.count {
            members.insert("nextCursor")
            let cursor = withBytes(result["nextCursor"]?.string ?? "") { Cursor($0) }
            #expect(cursor?.fingerprint == view.fingerprints[kind.rawValue], sourceLocation: sourceLocation)
            #expect(cursor?.offset == UInt64(at + 1), sourceLocation: sourceLocation)
        }
        let names = result.object?.map(\.key) ?? []
        #expect(Set(names) == members && names.count == members.count, sourceLocation: sourceLocation)
        items += result["\(kind.member)"]?.array ?? []
    }
    for item in items {
        #expect(item["\(kind.key)"]?.string?.isEmpty == false, sourceLocation: sourceLocation)
        #expect(item["name"]?.string != nil, "\(item)", sourceLocation: sourceLocation)
        if kind == .tools {
            #expect(item["inputSchema"]?["type"] == "object", "\(item)", sourceLocation: sourceLocation)
        }
        if let output = item["outputSchema"], shape != .modern {
            #expect(
                shape != .plain && output["type"] == "object", "\(item)", sourceLocation: sourceLocation)
        }
    }
    return items
}

/// The names, URIs or templates that a view shows, in order, equal in all shapes.
func shownKeys(
    _ view: View, _ kind: ItemKind, sourceLocation: SourceLocation = #_sourceLocation
) throws -> [String] {
    let keys = try ListShape.allCases.map { shape in
        try shownItems(view, kind, shape, sourceLocation: sourceLocation)
            .compactMap { $0["\(kind.key)"]?.string }
    }
    #expect(keys.allSatisfy { $0 == keys[0] }, sourceLocation: sourceLocation)
    #expect(keys[0].count == view.count(kind), sourceLocation: sourceLocation)
    return keys[0]
}

/// Who owns a shown name, and what the owner calls it: `server:name`.
func owner(_ catalog: Catalog, _ view: View, _ kind: ItemKind, _ name: String) -> String? {
    withBytes(name) { view.find(kind, $0) }.map { "\(catalog.servers[$0.server].name):\($0.item.key)" }
}
