// SPDX-License-Identifier: Apache-2.0
// The catalogue: one immutable snapshot of servers, their states and everything shown. Readers keep the one they hold.

import JSON
import MCP

/// A snapshot. Writers build a new one; loops swap their reference between two batches of events.
final class Catalog: Sendable {
    let servers: [Server]
    let statuses: [[EndpointStatus]]
    /// Servers of which nothing is shown, as they differ from the lock.
    let refused: Set<Int>
    /// Tools that are withheld.
    let quarantined: Int
    private let views: [View]
    private let paths: NameTable
    private let byGeneration: [UInt64: Int]

    init(
        servers: [Server], statuses: [[EndpointStatus]], views: [View], refused: Set<Int> = [],
        quarantined: Int = 0
    ) {
        self.refused = refused
        self.quarantined = quarantined
        self.servers = servers
        self.statuses = statuses
        self.views = views
        paths = NameTable(views.enumerated().map { ($0.element.path, $0.offset) })
        var index: [UInt64: Int] = [:]
        for (at, server) in servers.enumerated() { index[server.generation] = at }
        byGeneration = index
    }

    static let empty = Catalog(servers: [], statuses: [], views: [])

    /// The view at an endpoint path; an empty path (stdio) means the aggregate.
    func view(_ path: UnsafeRawBufferPointer) -> View? {
        if path.count == 0 || path.equals("/mcp") { return views.first }
        return paths.find(path).map { views[$0] }
    }

    func view(_ path: String) -> View? {
        var path = path
        return path.withUTF8 { view(UnsafeRawBufferPointer($0)) }
    }

    var allViews: [View] { views }

    /// The index of a server that may have been replaced meanwhile; nil when it is gone.
    func index(of server: Server) -> Int? { byGeneration[server.generation] }

    /// The statuses rewritten, everything shown kept: what a change of health needs.
    func replacing(statuses: [[EndpointStatus]]) -> Catalog {
        Catalog(
            servers: servers, statuses: statuses, views: views, refused: refused, quarantined: quarantined)
    }

    /// What the servers of a view can do together.
    private func merged(_ view: View) -> ServerCapabilities {
        var merged = ServerCapabilities()
        var isComplete = true
        for server in view.servers {
            for status in statuses[server] {
                let own = status.capabilities
                merged.tools = merged.tools || own.tools
                merged.resources = merged.resources || own.resources
                merged.resourcesSubscribe = merged.resourcesSubscribe || own.resourcesSubscribe
                merged.prompts = merged.prompts || own.prompts
                merged.completions = merged.completions || own.completions
                merged.logging = merged.logging || own.logging
                merged.tasks.toolCalls = merged.tasks.toolCalls || own.tasks.toolCalls
                isComplete = isComplete && status.revision != nil
            }
        }
        // A server that was never reached may have tools yet.
        merged.tools = merged.tools || !isComplete
        return merged
    }

    /// Kinds of lists of a view whose changes are announced.
    func announced(_ view: View) -> ListKinds {
        let merged = merged(view)
        var kinds: ListKinds = []
        if merged.tools { kinds.insert(.tools) }
        if merged.prompts { kinds.insert(.prompts) }
        if merged.resources { kinds.insert(.resources) }
        return kinds
    }

    /// What a view can do, as raw JSON of MCP's ServerCapabilities.
    /// - Parameters:
    ///   - promotes: whether long calls become tasks of the gateway.
    ///   - keeps: whether the gateway keeps resources of its own.
    func capabilities(
        of view: View, _ revision: Revision, promotes: Bool = false, keeps: Bool = false
    ) -> String {
        let merged = merged(view)
        // Lists can change whenever a server comes up, whatever the servers themselves announce.
        var writer = JSONWriter()
        writer.beginObject()
        if merged.completions {
            writer.key("completions")
            writer.raw(Array("{}".utf8))
        }
        if revision.isModern, merged.tasks.toolCalls || promotes {
            writer.key("extensions")
            writer.raw(Array("{\"\(TaskNames.extension)\":{}}".utf8))
        }
        if merged.logging {
            writer.key("logging")
            writer.raw(Array("{}".utf8))
        }
        if merged.prompts {
            writer.key("prompts")
            writer.raw(Array("{\"listChanged\":true}".utf8))
        }
        if merged.resources {
            writer.key("resources")
            let subscribe = merged.resourcesSubscribe ? ",\"subscribe\":true" : ""
            writer.raw(Array("{\"listChanged\":true\(subscribe)}".utf8))
        } else if keeps, revision >= .v2025_06_18 {
            writer.key("resources")
            writer.raw(Array("{}".utf8))
        }
        if revision == .v2025_11_25, merged.tasks.toolCalls {
            writer.key("tasks")
            writer.raw(Array("{\"cancel\":{},\"requests\":{\"tools\":{\"call\":{}}}}".utf8))
        }
        if merged.tools {
            writer.key("tools")
            writer.raw(Array("{\"listChanged\":true}".utf8))
        }
        writer.endObject()
        return String(decoding: writer.bytes, as: UTF8.self)
    }

    /// Instructions shown to clients: the servers' own, each under its name.
    func instructions(of view: View) -> String? {
        var parts: [String] = []
        if let description = view.description { parts.append(description) }
        for server in view.servers {
            guard let text = statuses[server].lazy.compactMap(\.instructions).first else { continue }
            parts.append(view.servers.count == 1 ? text : "\(servers[server].name): \(text)")
        }
        return parts.isEmpty ? nil : parts.joined(separator: "\n\n")
    }
}
