// SPDX-License-Identifier: Apache-2.0
// The block `tenants`.

extension Configuration {
    /// Who shares the gateway (`tenants`).
    public struct Tenants: Sendable, Equatable {
        /// What may name a tenant where credentials do not.
        public enum Source: String, Sendable, CaseIterable { case host, path, header }

        public struct Tenant: Sendable, Equatable {
            public var name: String
            /// Names of hosts that are this tenant's alone.
            public var hosts: [String] = []
            /// Its calls go to endpoints in this region only.
            public var region: String?
            public var position = SourcePosition.none

            public init(name: String) { self.name = name }
        }

        public var known: [Tenant] = []
        public var sources: [Source] = []
        /// A header field that names a tenant.
        public var header: String?
        /// A host's name with `{tenant}` in it.
        public var host: String?
        /// Tenants that are not in `known` are let in.
        public var admitsUnknown = false
        /// A request of no tenant is refused.
        public var required = true
        public var position = SourcePosition.none

        public init() {}
    }
}
