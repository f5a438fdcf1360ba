// SPDX-License-Identifier: Apache-2.0
// Tenants as the configuration names them: how a request says whose it is, and what is whose own.

/// Who shares the gateway (`tenants`).
public struct TenantsPlan: Sendable, Equatable {
    /// What may name a tenant beside credentials.
    public enum Source: Sendable { case host, path, header }

    public struct Tenant: Sendable, Equatable {
        public var name: String
        /// Names of the gateway that are this tenant's alone, in lower case, without a port.
        public var hosts: [String] = []
        /// Its calls go to endpoints in this region only; nil: to any.
        public var region: String?

        public init(name: String) { self.name = name }
    }

    public var known: [Tenant] = []
    /// What names a tenant where credentials do not. Whatever else names one must agree.
    public var sources: [Source] = []
    /// The field that names a tenant, in lower case; nil: none does.
    public var header: String?
    /// What stands before and after a tenant's name in a host's, in lower case; nil: names of hosts say nothing.
    public var hostPrefix: String?
    public var hostSuffix = ""
    /// Tenants that are not in `known` are let in, and see what all share.
    public var admitsUnknown = false
    /// A request of no tenant is refused.
    public var isRequired = true
    /// Servers and endpoints' paths that are some tenants' own; all others are everybody's.
    public var servers: [String: [String]] = [:]
    public var paths: [String: [String]] = [:]

    public init() {}
}
