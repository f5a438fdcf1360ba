// SPDX-License-Identifier: Apache-2.0
// From the configuration's tenants to the core's plan.

import Configuration
import JSON
import JackfieldCore

extension TenantsPlan {
    /// Nil: the configuration has no tenants.
    init?(_ configuration: Configuration) {
        guard let tenants = configuration.tenants else { return nil }
        self.init()
        known = tenants.known.map { entry in
            var tenant = Tenant(name: entry.name)
            tenant.hosts = entry.hosts
            tenant.region = entry.region
            return tenant
        }
        sources = tenants.sources.map { source in
            switch source {
            case .host: .host
            case .path: .path
            case .header: .header
            }
        }
        header = tenants.header
        if let parts = tenants.host.flatMap({ splitHost($0) }) {
            hostPrefix = parts.prefix
            hostSuffix = parts.suffix
        }
        admitsUnknown = tenants.admitsUnknown
        isRequired = tenants.required
        for server in configuration.servers where !server.tenants.isEmpty {
            servers[server.name] = server.tenants
        }
        for bundle in configuration.bundles where !bundle.tenants.isEmpty {
            paths["/mcp/bundles/\(bundle.name)"] = bundle.tenants
        }
    }
}

extension ServerPlan {
    /// What is reached by no URL runs where the gateway runs.
    mutating func runs(in region: String) {
        for at in endpoints.indices where endpoints[at].standing.region == nil {
            let options = try? JSONValue(parsing: endpoints[at].options)
            if options?["url"] == nil { endpoints[at].standing.region = region }
        }
    }
}
