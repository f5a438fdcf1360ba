// SPDX-License-Identifier: Apache-2.0
// Whose a request is: what names tenants, who wins, and that contradictions never do.

import CJackfield
import Testing

@testable import JackfieldCore

@Suite struct TenantGateTests {
    private func gate(_ change: (inout TenantsPlan) -> Void = { _ in }) -> TenantGate {
        var plan = TenantsPlan()
        plan.known = ["acme", "globex"].map { TenantsPlan.Tenant(name: $0) }
        plan.known[0].hosts = ["tools.acme.example"]
        plan.sources = [.host, .path, .header]
        plan.header = "x-tenant"
        plan.hostPrefix = ""
        plan.hostSuffix = ".mcp.example"
        plan.paths = ["/mcp/bundles/a": ["acme"], "/mcp/bundles/both": ["acme", "globex"]]
        plan.servers = ["s": ["globex"]]
        change(&plan)
        return TenantGate(plan)
    }

    /// The tenant; nil: refused.
    private func ask(
        _ gate: TenantGate, _ named: String = "", host: String? = nil, header: [String] = [],
        path: String = "/mcp", isSole: Bool = false
    ) -> String? {
        func lend(_ texts: ArraySlice<String>, _ views: [UnsafeRawBufferPointer]) -> String? {
            guard let text = texts.first else {
                var claims = TenantGate.Claims(path: path)
                if host != nil { claims.host = views[0] }
                claims.header = Array(views.dropFirst(host == nil ? 0 : 1))
                guard case .tenant(let name) = gate.resolve(named, claims, isSole: isSole) else { return nil }
                return name
            }
            return Array(text.utf8).withUnsafeBytes { lend(texts.dropFirst(), views + [$0]) }
        }
        return lend(((host.map { [$0] } ?? []) + header)[...], [])
    }

    @Test func whatNamesATenant() {
        let gate = gate()
        #expect(ask(gate, "acme") == "acme")
        #expect(ask(gate, host: "acme.mcp.example") == "acme")
        #expect(ask(gate, host: "Tools.Acme.Example:8443") == "acme")
        #expect(ask(gate, header: ["globex"]) == "globex")
        #expect(ask(gate, path: "/mcp/bundles/a") == "acme")
        #expect(ask(gate, path: "/mcp/servers/s") == "globex")
        #expect(ask(gate, host: "globex.mcp.example", path: "/mcp/servers/s") == "globex")
        #expect(ask(gate, "globex", path: "/mcp/bundles/both") == "globex")
    }

    @Test func contradictionsAreRefused() {
        let gate = gate()
        #expect(ask(gate, "acme", host: "globex.mcp.example") == nil)
        #expect(ask(gate, "globex", host: "tools.acme.example") == nil)
        #expect(ask(gate, "acme", header: ["globex"]) == nil)
        #expect(ask(gate, host: "acme.mcp.example", header: ["globex"]) == nil)
        #expect(ask(gate, header: ["acme", "globex"]) == nil)
        #expect(ask(gate, "acme", path: "/mcp/servers/s") == nil)
        #expect(ask(gate, header: ["globex"], path: "/mcp/bundles/a") == nil)
        #expect(ask(gate, path: "/mcp/bundles/both") == nil)
    }

    @Test func whatIsNotListedOnlyConfirms() {
        let gate = gate { $0.sources = [] }
        #expect(ask(gate, host: "acme.mcp.example") == nil)
        #expect(ask(gate, header: ["acme"]) == nil)
        #expect(ask(gate, "acme", host: "acme.mcp.example", header: ["acme"]) == "acme")
        #expect(ask(gate, "globex", header: ["acme"]) == nil)
    }

    @Test func unknownOnesAndNone() {
        #expect(ask(gate(), "umbrella") == nil)
        #expect(ask(gate { $0.admitsUnknown = true }, "umbrella") == "umbrella")
        #expect(ask(gate { $0.admitsUnknown = true }, host: "umbrella.mcp.example") == "umbrella")
        #expect(ask(gate()) == nil)
        #expect(ask(gate { $0.isRequired = false }) == "")
        #expect(ask(gate { $0.isRequired = false }, path: "/mcp/bundles/both") == nil)
        #expect(ask(gate(), isSole: true) == "")
    }

    @Test(arguments: [
        "", ".", ":", ".mcp.example", "a.b.mcp.example", "mcp.example", "acme.mcp.example.evil",
        "acme mcp.example",
        "ac\u{0}me.mcp.example", String(repeating: "a", count: 300) + ".mcp.example", "ac/me.mcp.example",
    ])
    func hostsThatNameNobody(_ host: String) {
        #expect(ask(gate { $0.isRequired = false }, host: host) == "")
    }

    @Test(arguments: ["", " ", "acme, globex", "ac me", "\u{202e}", String(repeating: "a", count: 200)])
    func fieldsThatNameNobody(_ value: String) {
        #expect(ask(gate { $0.admitsUnknown = true }, header: [value]) == nil)
    }

    private func principal(_ tenant: String) -> Principal {
        var text = PrincipalText()
        text.tenant = tenant
        return Principal(text, provider: -1, name: "")
    }

    @Test func nobodyOfATenantIsSomebody() {
        let one = principal("acme")
        let other = principal("globex")
        #expect(!one.isNobody && one.isAnonymous && one.key != other.key)
        // Plugins know nobody.
        #expect(one.lent.pointee.id == 0 && one.lent.pointee.subject.len == 0)
        #expect(Principal.nobody.isNobody && Principal.nobody.isAnonymous && Principal.nobody.key.isEmpty)
    }

    @Test func classesAreFew() {
        let gate = gate { $0.known[0].region = "eu" }
        #expect(gate.className(of: principal("acme")) == Array("acme".utf8))
        #expect(gate.className(of: principal("globex")) == Array("globex".utf8))
        #expect(gate.className(of: principal("initech")).isEmpty)
        #expect(gate.className(of: .nobody).isEmpty)
    }

    @Test func whatIsShown() {
        func server(_ name: String, _ regions: [String?]) -> Server {
            var plan = ServerPlan(name: name)
            plan.endpoints = regions.map { region in
                var endpoint = EndpointPlan(options: "{}")
                endpoint.standing.region = region
                return endpoint
            }
            return Server(plan, generation: 1, homeLane: 0, limits: LimitsPlan())
        }
        let gate = gate { $0.known[0].region = "eu" }
        #expect(gate.shows(server("s", [nil]), to: principal("globex")))
        #expect(!gate.shows(server("s", ["eu"]), to: principal("acme")))
        #expect(gate.shows(server("t", ["us", "eu"]), to: principal("acme")))
        #expect(!gate.shows(server("t", ["us", nil]), to: principal("acme")))
        #expect(gate.shows(server("t", ["us"]), to: .nobody) && !gate.shows(server("s", ["eu"]), to: .nobody))
        #expect(gate.whyNotWatched(server("t", ["us", "eu"]), by: principal("acme")) != nil)
        #expect(gate.whyNotWatched(server("t", ["eu"]), by: principal("acme")) == nil)
        #expect(gate.whyNotWatched(server("t", ["us"]), by: principal("globex")) == nil)
    }
}
