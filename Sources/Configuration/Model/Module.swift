// SPDX-License-Identifier: Apache-2.0
// `auth`, `policies`, `filters` and a server's `credentials`: what stands between clients and servers.

extension Configuration {
    /// A configured use of a plugin: an entry of `auth.providers`, `policies` or `filters`, or a server's `credentials`.
    public struct Module: Sendable, Equatable {
        /// Which plugin, in its own word for itself: `jwt`, `rbac`, `rate-limit`, `oauth`.
        public var kind: String
        /// What logs and decisions call it; the kind, unless the entry says `name`.
        public var name: String
        /// Policies and filters: a failure of its own lets the call go on (`on_error: allow`).
        public var allowsOnError = false
        /// Policies: they are asked about calls that plugins make on nobody's behalf, too.
        public var appliesToPlugins = false
        /// Policies and filters: the tenants for whom they are there; empty: all.
        public var tenants: [String] = []
        /// Filters: patterns of servers' names, and of tools, prompts and URIs as the servers spell them; empty: all.
        @Redacted public var servers: [String] = []
        @Redacted public var tools: [String] = []
        /// Everything else in the entry.
        public var options = Options()
        public var position = SourcePosition.none

        public init(kind: String, name: String) {
            self.kind = kind
            self.name = name
        }

        /// `options` as the plugin gets them. Holds secrets.
        public var optionsJSON: String { options.json }
    }

    /// Who may come in (`auth`).
    public struct Auth: Sendable, Equatable {
        /// In the order in which they are asked.
        public var providers: [Module] = []
        /// Whoever shows no credentials is turned away; nil: if there are providers.
        public var required: Bool?
        /// The URL under which clients reach the gateway, without a path.
        public var resource: String?
        /// What everybody must have been granted.
        public var scopes: [String] = []
        public var position = SourcePosition.none

        public init() {}
    }
}
