// SPDX-License-Identifier: Apache-2.0
// Configured uses of facets: providers of identity, policies, filters, sources of credentials.

/// What a plugin can be attached for, more than once and each time with options of its own.
public enum ModuleFacet: Sendable, CaseIterable {
    case auth, policy, filter, credentials

    /// The facet's id.
    var id: String {
        switch self {
        case .auth: "jf.auth/1"
        case .policy: "jf.policy/1"
        case .filter: "jf.filter/1"
        case .credentials: "jf.credentials/1"
        }
    }

    /// The member of a manifest that describes it.
    var member: String {
        switch self {
        case .auth: "auth"
        case .policy: "policy"
        case .filter: "filter"
        case .credentials: "credentials"
        }
    }

    /// What a configuration calls one of them, and the key that says which it is.
    var word: String {
        switch self {
        case .auth: "provider"
        case .policy: "policy"
        case .filter: "filter"
        case .credentials: "source"
        }
    }
}

extension ModuleFacet {
    /// The key of an entry that names the plugin, for documentation.
    public var key: String { word }
}

/// One entry of `auth.providers`, `policies` or `filters`, or a server's `credentials`.
public struct ModulePlan: Sendable, Equatable {
    /// Which plugin: its own word for itself in its manifest ("jwt").
    public var kind: String
    /// What it is called in logs, decisions and audit records; unique in its list.
    public var name: String
    /// The plugin's options, JSON text.
    public var options: String
    /// Policies and filters: a failure of its own lets the call go on.
    public var allowsOnError = false
    /// Policies: they are asked about calls that plugins make on nobody's behalf, too.
    public var appliesToPlugins = false
    /// Policies and filters: the tenants for whom they are there; empty: all.
    public var tenants: [String] = []
    /// Filters: patterns of servers' names, and of items as the servers spell them; empty: all.
    public var servers: [String] = []
    public var items: [String] = []
    /// Filters: results may become links; filled in by `PluginChoice.check`.
    var links = false

    public init(kind: String, name: String, options: String = "{}") {
        self.kind = kind
        self.name = name
        self.options = options
    }

    /// Whether a policy or a filter is there for somebody.
    @inline(__always)
    func isFor(_ caller: Principal) -> Bool {
        tenants.isEmpty || tenants.contains { caller.isOf($0) }
    }
}

/// Who may come in.
public struct AuthPlan: Sendable, Equatable {
    /// In the order in which they are asked.
    public var providers: [ModulePlan] = []
    /// Whoever shows no credentials is turned away; nil: if there are providers.
    public var isRequired: Bool?
    /// The URL under which clients reach the gateway, without a path; nil: what their requests say.
    public var resource: String?
    /// What everybody must have been granted.
    public var scopes: [String] = []

    public init() {}

    /// Nobody is let in unknown.
    var refusesNobody: Bool { isRequired ?? !providers.isEmpty }
}
