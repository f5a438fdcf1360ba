// SPDX-License-Identifier: Apache-2.0
// One entry of `servers`.

extension Configuration {
    /// One MCP server (an entry of `servers`).
    public struct Server: Sendable, Equatable {
        /// Who serves it.
        public enum Kind: Sendable, Equatable {
            /// A connector plugin, which the host chooses by `command` or by the scheme of `url`.
            case connector
            /// The toolset plugin with this id, in process.
            case plugin(String)
        }

        /// Which era of the protocol it speaks.
        public enum Era: Sendable, Equatable {
            /// Found out when it is first reached.
            case auto
            /// 2026-07-28 and later: stateless requests.
            case modern
            /// Before 2026-07-28, the revision negotiated by `initialize`.
            case legacy
            /// This revision and no other.
            case pinned(String)
        }

        /// Who may keep what it answered.
        public enum CacheScope: String, Sendable, CaseIterable {
            /// Whom it says itself; private where it says nothing.
            case auto
            /// Everyone, shared caches too.
            case `public`
            /// The client that asked.
            case `private`
        }

        /// Its name: `[A-Za-z0-9][A-Za-z0-9_.-]{0,63}`, the prefix of its tools and its place under
        /// `/mcp/servers/`.
        public var name: String
        public var kind = Kind.connector
        /// Where it is reached: at least one, several for `replicas`. A plugin's server has one.
        public var endpoints: [Endpoint] = []
        public var era = Era.auto
        /// How long a call may take, in nanoseconds; nil: `limits.timeout`.
        public var timeout: UInt64?
        /// How long a call may take whose server tells of progress, which is its due each `timeout` then, in nanoseconds;
        /// nil: not longer than others.
        public var longestTimeout: UInt64?
        /// False: the entry is kept but not used.
        public var enabled = true
        public var tools = Selection()
        /// Patterns are for URIs. Never renames.
        public var resources = Selection()
        public var prompts = Selection()
        /// Further names for its tools, without prefix.
        public var aliases: [Alias] = []
        /// What stands before its names instead of `name`; empty: nothing does. Nil: `name`.
        public var prefix: String?
        /// Whether its last known tools stay listed, marked stale, while it is down.
        public var keepStale = true
        /// Who may keep what it lists and what is read from it.
        public var cacheScope = CacheScope.auto
        /// For how long that may be kept, in nanoseconds from each answer; nil: as it says itself.
        public var cacheTTL: UInt64?
        public var routing = Routing()
        public var breaker = Breaker()
        public var retry = Retry()
        /// Nil: no call is made at a second replica beside the first.
        public var hedge: Hedge?
        public var bulkhead = Bulkhead()
        public var health = Health()
        public var objective: Objective?
        public var responseCache: ResponseCache?
        public var coalesce: Coalesce?
        public var rollout: Rollout?
        /// How the gateway is let in there.
        public var credentials: Module?
        /// What whoever uses it must have been granted.
        public var scopes: [String] = []
        /// The tenants whose own it is; empty: everybody's.
        public var tenants: [String] = []
        public var versions: Versions?
        /// What is to be known of all its endpoints, where a replica does not say otherwise.
        public var standing = Standing()
        /// What its entry says to the plugin, the common part of all endpoints.
        public var options = Options()
        /// Where its name stands.
        public var position = SourcePosition.none

        public init(name: String) { self.name = name }

        /// `options` as the plugin gets them. Holds secrets.
        public var optionsJSON: String { options.json }

        /// The keys of an entry that are not passed to the plugin.
        public static let generalKeys = [
            "aliases", "breaker", "bulkhead", "cache_scope", "cache_ttl", "coalesce", "enabled", "era",
            "health", "hedge", "keep_stale", "max_timeout", "objective", "plugin", "prefix", "prompts",
            "replicas", "resources", "response_cache", "retry", "rollout", "routing", "timeout", "tools",
            "versions",
            "weight", "credentials", "scopes", "tenants", "zone", "region", "labels", "tags", "cost",
        ]
    }

    /// One place where a server is reached.
    public struct Endpoint: Sendable, Equatable {
        /// The server's options with the replica's own, which win key by key.
        public var options: Options
        /// Its share of the calls, 1 to 1000.
        public var weight: Int
        public var standing = Standing()
        public var position: SourcePosition

        public init(options: Options, weight: Int = 1, position: SourcePosition = .none) {
            self.options = options
            self.weight = weight
            self.position = position
        }

        /// `options` as the plugin gets them. Holds secrets.
        public var optionsJSON: String { options.json }
    }

    /// Where a replica stands among the others: for routing strategies.
    public struct Standing: Sendable, Equatable {
        /// Its tier: 0 is used first.
        public var priority = 0
        public var zone: String?
        public var region: String?
        public var version: String?
        public var labels: [(name: String, value: String)] = []
        public var tags: [String] = []
        /// Of one call, in millionths of the operator's unit.
        public var cost = 0

        public init() {}

        public static func == (one: Standing, other: Standing) -> Bool {
            one.priority == other.priority && one.zone == other.zone && one.region == other.region
                && one.version == other.version && one.tags == other.tags && one.cost == other.cost
                && one.labels.elementsEqual(other.labels) { $0.name == $1.name && $0.value == $1.value }
        }
    }

    /// Which of a server's tools, resources or prompts are shown, and under which names. In patterns `*`
    /// stands for any text, `?` for one character; they match the server's own names.
    public struct Selection: Sendable, Equatable {
        /// Only what matches one of these; empty: everything.
        @Redacted public var allow: [String] = []
        /// Never what matches one of these, `allow` or not.
        @Redacted public var deny: [String] = []
        public var rename: [Rename] = []

        public init() {}
    }

    /// A new name for one tool or prompt; the prefix still applies.
    public struct Rename: Sendable, Equatable {
        /// The server's own name; in a bundle, the name that the gateway shows.
        public var from: String
        public var to: String

        public init(from: String, to: String) {
            self.from = from
            self.to = to
        }
    }

    /// A further name for one tool of a server.
    public struct Alias: Sendable, Equatable {
        /// The further name, as clients see it: no prefix is added.
        public var name: String
        /// The server's own name of the tool.
        @Redacted public var tool: String

        public init(name: String, tool: String) {
            self.name = name
            _tool = Redacted(wrappedValue: tool)
        }

        init(name: String, tool: Redacted<String>) {
            self.name = name
            _tool = tool
        }
    }

    /// How one of a server's endpoints is picked.
    public struct Routing: Sendable, Equatable {
        /// The strategy, as its routing plugin calls it.
        public var strategy = "round-robin"
        public var options = Options()
        /// Where it is said; `SourcePosition.none` for the default.
        public var position = SourcePosition.none

        public init() {}

        /// `options` as the plugin gets them. Holds secrets.
        public var optionsJSON: String { options.json }
    }
}
