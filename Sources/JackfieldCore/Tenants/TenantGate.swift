// SPDX-License-Identifier: Apache-2.0
// Whose a request is, and what its tenant sees: decided before any policy is asked.

import CJackfield
import MCP

/// What the configuration says of tenants, laid out for looking up. Immutable; one for each lane.
final class TenantGate {
    /// What a request says of its tenant beside credentials.
    struct Claims {
        var host: UnsafeRawBufferPointer?
        /// Values of the configured field, as often as it came.
        var header: [UnsafeRawBufferPointer] = []
        var path = ""
    }

    enum Answer {
        /// Empty: of no tenant.
        case tenant(String)
        case refused(Challenge)
    }

    let plan: TenantsPlan
    private let known: [String: TenantsPlan.Tenant]
    private let hosts: [String: String]
    /// Servers that are only some tenants'.
    private let owners: [String: [String]]
    /// Tenants for whom something differs from what all see.
    private let special: Set<String>
    /// Some tenant's calls must stay in a region.
    private let hasRegions: Bool

    init(_ plan: TenantsPlan) {
        self.plan = plan
        known = Dictionary(plan.known.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        var hosts: [String: String] = [:]
        for tenant in plan.known { for host in tenant.hosts { hosts[host] = tenant.name } }
        self.hosts = hosts
        owners = plan.servers
        hasRegions = plan.known.contains { $0.region != nil }
        special = Set(plan.known.filter { $0.region != nil }.map(\.name)).union(plan.servers.values.joined())
    }

    /// Header fields that must be known, in lower case.
    var fields: [String] {
        (plan.hostPrefix != nil || !hosts.isEmpty ? ["host"] : []) + (plan.header.map { [$0] } ?? [])
    }

    // MARK: Whose a request is

    /// - Parameters:
    ///   - named: what credentials say; empty: nothing.
    ///   - isSole: the client started the gateway for itself.
    func resolve(_ named: String, _ claims: Claims, isSole: Bool) -> Answer {
        let host = claims.host.flatMap { self.tenant(ofHost: $0) }
        var header: String?
        for value in claims.header {
            let text = String(decoding: value, as: UTF8.self)
            guard Self.isName(text), header == nil || header == text else { return .refused(.foreign) }
            header = text
        }
        let owners = self.owners(of: claims.path)
        var tenant = named
        if tenant.isEmpty {
            for source in plan.sources {
                let says: String? =
                    switch source {
                    case .host: host
                    case .header: header
                    case .path: owners?.count == 1 ? owners?[0] : nil
                    }
                guard let says else { continue }
                guard tenant.isEmpty || tenant == says else { return .refused(.foreign) }
                tenant = says
            }
        }
        if let host, host != tenant { return .refused(.foreign) }
        if let header, header != tenant { return .refused(.foreign) }
        if tenant.isEmpty {
            guard isSole || !plan.isRequired else { return .refused(.ofNoTenant) }
        } else if known[tenant] == nil, !plan.admitsUnknown {
            return .refused(.unknownTenant)
        }
        if let owners, !owners.contains(tenant) { return .refused(.nothing(at: claims.path)) }
        return .tenant(tenant)
    }

    /// The tenants whose own an endpoint is; nil: everybody's.
    private func owners(of path: String) -> [String]? {
        if let owners = plan.paths[path] { return owners }
        let head = "/mcp/servers/"
        return path.hasPrefix(head) ? owners[String(path.dropFirst(head.count))] : nil
    }

    private func tenant(ofHost bytes: UnsafeRawBufferPointer) -> String? {
        guard bytes.count <= 255 else { return nil }
        var name = String(decoding: bytes, as: UTF8.self).lowercased()
        if let colon = name.lastIndex(of: ":"), name[name.index(after: colon)...].allSatisfy(\.isNumber) {
            name = String(name[..<colon])
        }
        if name.hasSuffix(".") { name.removeLast() }
        if let tenant = hosts[name] { return tenant }
        guard let head = plan.hostPrefix, name.hasPrefix(head), name.hasSuffix(plan.hostSuffix) else {
            return nil
        }
        let label = name.dropFirst(head.count).dropLast(plan.hostSuffix.count)
        guard name.utf8.count > head.utf8.count + plan.hostSuffix.utf8.count, !label.contains("."),
            Self.isName(String(label))
        else { return nil }
        return String(label)
    }

    /// What names may look like that come from outside.
    private static func isName(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.count <= 128
            && text.utf8.allSatisfy {
                $0 >= 0x30 && $0 <= 0x39 || $0 | 32 >= 0x61 && $0 | 32 <= 0x7A || $0 == 0x2D || $0 == 0x2E
                    || $0 == 0x5F
            }
    }

    // MARK: What it sees

    /// Whether somebody's tenant has a server at all.
    @inline(__always)
    func shows(_ server: Server, to caller: Principal) -> Bool {
        if owners.isEmpty, !hasRegions { return true }
        return whyHidden(server, from: caller) == nil
    }

    /// Nil: it is not hidden.
    func whyHidden(_ server: Server, from caller: Principal) -> String? {
        if let owners = owners[server.name], !owners.contains(caller.tenant) {
            return "server \(server.name) is of \(owners.joined(separator: ", ")) only"
        }
        if let region = region(of: caller), !server.regions.contains(region) {
            return "server \(server.name) has no endpoint in region \(region)"
        }
        return nil
    }

    /// Why somebody may not subscribe at a server; nil: it is free to. Many share one subscription there, and any endpoint may
    /// have it.
    func whyNotWatched(_ server: Server, by caller: Principal) -> String? {
        guard let region = region(of: caller), server.endpoints.contains(where: { $0.region != region })
        else {
            return nil
        }
        return
            "server \(server.name) has endpoints outside of region \(region), and any of them may serve a subscription"
    }

    /// Why somebody of this tenant would not be let in; nil: it would.
    func whyRefused(_ caller: Principal) -> String? {
        if caller.tenant.isEmpty { return plan.isRequired ? Challenge.ofNoTenant.text : nil }
        return known[caller.tenant] == nil && !plan.admitsUnknown ? Challenge.unknownTenant.text : nil
    }

    /// Where somebody's calls must stay; nil: anywhere.
    @inline(__always)
    func region(of caller: Principal) -> String? { hasRegions ? known[caller.tenant]?.region : nil }

    /// What those have in common who see the same; no bytes: they see what all share.
    func className(of caller: Principal) -> [UInt8] {
        special.contains(caller.tenant) ? Array(caller.tenant.utf8) : []
    }

    /// Whether what a server tells outside is for everybody to know.
    func isShared(_ server: Server) -> Bool { owners[server.name] == nil }
}

extension Challenge {
    /// What says whose a request is does not agree.
    static var foreign: Challenge {
        .refusal(
            JF_STATUS_FORBIDDEN, .denied,
            "what this request names as its tenant does not agree with its credentials",
            rule: "tenants")
    }

    static var ofNoTenant: Challenge {
        .refusal(JF_STATUS_FORBIDDEN, .denied, "this request is of no tenant", rule: "tenants.required")
    }

    static var unknownTenant: Challenge {
        .refusal(JF_STATUS_FORBIDDEN, .denied, "this tenant is not known here", rule: "tenants.unknown")
    }

    /// As if there were no such endpoint.
    static func nothing(at path: String) -> Challenge {
        .refusal(
            JF_STATUS_NOT_FOUND, .invalidRequest,
            "nothing is served at \(path); see /mcp, /mcp/servers/NAME, /mcp/bundles/NAME",
            rule: "tenants.path")
    }
}
