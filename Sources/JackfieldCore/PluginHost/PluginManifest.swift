// SPDX-License-Identifier: Apache-2.0
// What a plugin says about itself before any of it runs.

import JSON

/// The manifest of a plugin: the JSON object in its ELF note (see JF_MANIFEST in `jackfield/base.h`).
public struct PluginManifest: Sendable {
    /// A version of the C ABI.
    public struct ABIVersion: Sendable, Hashable, CustomStringConvertible {
        public let major: Int
        public let minor: Int
        public var description: String { "\(major).\(minor)" }
    }

    /// How many instances there are, and on which threads.
    public enum Threads: String, Sendable, CaseIterable {
        /// One on every event loop.
        case perLoop = "per-loop"
        /// One in all, called by one thread at a time.
        case serial
        /// One in all, called by many threads at once.
        case concurrent
    }

    /// A configuration schema that was compiled, so that it is known to be one.
    public struct Schema: Sendable {
        public let source: JSONValue
        public let compiled: JSONSchema
    }

    /// Facet `jf.listener/1`.
    public struct Listener: Sendable {
        /// What a configuration names it by ("http").
        public let transport: String
        public let config: Schema?
    }

    /// Facet `jf.connector/1`: chosen for a server whose entry has one of the keys, or a `url` of one of the
    /// schemes.
    public struct Connector: Sendable {
        public let keys: [String]
        public let schemes: [String]
        public let config: Schema?
    }

    /// Facet `jf.toolset/1`.
    public struct Toolset: Sendable {
        public let config: Schema?
    }

    /// Facet `jf.routing/1`.
    public struct Routing: Sendable {
        /// What a configuration names it by ("round-robin").
        public let strategy: String
        /// What it goes by of what endpoints say of themselves, so that the core need not: "ready".
        public let honours: [String]
        public let config: Schema?
    }

    /// Facets that are attached for entries of the configuration.
    public struct Module: Sendable {
        /// What a configuration names it by ("jwt").
        public let name: String
        /// `jf.auth/1`: header fields that it looks at, in lower case.
        public let fields: [String]
        /// `jf.filter/1`: MCP methods that it looks at, and of those requests, results or both.
        public let methods: [String]
        public let phases: [String]
        /// `jf.filter/1`: options with which it replaces results by links; nil: it never does.
        public let links: [String: String]?
        /// `jf.credentials/1`: it exchanges what clients showed.
        public let exchanges: Bool
        public let config: Schema?

        /// Whether it may replace results by links where it is configured so.
        func mayLink(with options: String) -> Bool {
            guard let links else { return false }
            guard !links.isEmpty else { return true }
            guard let options = try? JSONValue(parsing: options) else { return false }
            return links.allSatisfy { options[$0.key]?.string == $0.value }
        }
    }

    /// Facet `jf.store/1`: configured when it is created.
    public struct Store: Sendable {
        /// What a configuration names it by ("redis").
        public let kind: String
        /// Nil: the plugin's own configuration is the store's.
        public let config: Schema?
    }

    /// Reverse-DNS, or a plain first-party name.
    public let id: String
    /// The plugin's own version (semver), not the ABI's.
    public let version: String
    /// What it was built for.
    public let abi: ABIVersion
    public let summary: String
    /// Facet ids; empty only where it provides services.
    public let facets: [String]
    /// Service ids without which it does not work.
    public let requires: [String]
    /// Service ids that it uses where they are.
    public let optional: [String]
    /// Service ids that it offers to other plugins.
    public let provides: [String]
    /// What it says of third parties' services among ``provides``, so that the host can meter them.
    public let signatures: [ForeignTable]
    public let threads: Threads
    /// Its author wants it in a cell unless a configuration says otherwise.
    public let asksForCell: Bool
    /// Of the plugin's own configuration; nil: anything goes.
    public let configSchema: Schema?
    public let listener: Listener?
    public let connector: Connector?
    public let toolset: Toolset?
    public let routing: Routing?
    /// Facets `jf.auth/1`, `jf.policy/1`, `jf.filter/1`, `jf.credentials/1`.
    public let modules: [ModuleFacet: Module]
    public let store: Store?
    /// All of it, unknown members included.
    public let document: JSONValue
    /// The note's bytes, to know it again.
    let source: [UInt8]

    /// What is wrong with a manifest, as one clause.
    public struct Fault: Error, Equatable, CustomStringConvertible {
        public let text: String
        public var description: String { text }
    }

    /// Reads a manifest. Unknown members are kept in ``document`` and otherwise ignored; a known one of the
    /// wrong shape is a fault that names it.
    public init(parsing bytes: some Collection<UInt8>) throws(Fault) {
        let json: JSONValue
        do throws(JSONError) {
            json = try JSONValue(parsing: bytes)
        } catch {
            throw Fault(text: "its manifest is not JSON: \(asClause(error.description))")
        }
        let top = try ManifestReader(json, path: "")
        document = json
        source = Array(bytes)
        id = try top.identifier("id")
        version = try top.version("version")
        abi = try top.abi("abi")
        summary = try top.text("summary", most: 400) ?? ""
        facets = try top.ids("facets")
        requires = try top.ids("requires")
        optional = try top.ids("optional")
        provides = try top.ids("provides")
        signatures = try ForeignTable.read(json["signatures"], provides: provides)
        guard !facets.isEmpty || !provides.isEmpty else {
            throw Fault(
                text: "manifest members 'facets' and 'provides' are both missing or empty, so it has no use")
        }
        threads = try top.threads("threads")
        asksForCell = try top.asksForCell("placement")
        configSchema = try top.schema("config")
        listener = try top.part("listener", of: "jf.listener/1", facets).map { part throws(Fault) in
            Listener(transport: try part.identifier("transport"), config: try part.schema("config"))
        }
        connector = try top.part("connector", of: "jf.connector/1", facets).map { part throws(Fault) in
            let keys = try part.names("keys")
            let schemes = try part.names("schemes")
            guard !(keys + schemes).isEmpty else {
                throw Fault(
                    text:
                        "manifest member 'connector' has neither 'keys' nor 'schemes', so nothing selects it")
            }
            return Connector(keys: keys, schemes: schemes, config: try part.schema("config"))
        }
        toolset = try top.part("toolset", of: "jf.toolset/1", facets, isRequired: false).map {
            part throws(Fault) in
            Toolset(config: try part.schema("config"))
        }
        routing = try top.part("routing", of: "jf.routing/1", facets).map { part throws(Fault) in
            Routing(
                strategy: try part.identifier("strategy"), honours: try part.names("honours"),
                config: try part.schema("config"))
        }
        var modules: [ModuleFacet: Module] = [:]
        for facet in ModuleFacet.allCases {
            guard let part = try top.part(facet.member, of: facet.id, facets) else { continue }
            modules[facet] = Module(
                name: try part.identifier(facet.word), fields: try part.names("fields"),
                methods: try part.names("methods"), phases: try part.names("phases"),
                links: try part.words("links"), exchanges: try part.flag("exchange"),
                config: try part.schema("config"))
        }
        self.modules = modules
        store = try top.part("store", of: "jf.store/1", facets).map { part throws(Fault) in
            Store(kind: try part.identifier("kind"), config: try part.schema("config"))
        }
        if let facet = ModuleFacet.allCases.first(where: { modules[$0] != nil }), threads != .perLoop {
            throw Fault(
                text:
                    "manifest member 'threads' must be \"per-loop\", since \(facet.id) is called on every loop"
            )
        }
    }
}
