// SPDX-License-Identifier: Apache-2.0
// The block `tenants`, and the key of the same name: what they mean and what is wrong in them.

import Testing

@testable import Configuration

@Suite struct TenantsTests {
    private static let server = "servers: { s: { url: \"http://h/mcp\", tenants: [acme] } }\n"

    @Test func nothingIsConfiguredByItself() throws {
        #expect(try good("version: 1\n").tenants == nil)
    }

    @Test func whatTheBlockSays() throws {
        let plain = try #require(try good("version: 1\ntenants: { known: { acme: {}, b: } }\n").tenants)
        #expect(plain.known.map(\.name) == ["acme", "b"] && plain.required && !plain.admitsUnknown)
        #expect(plain.sources.isEmpty && plain.header == nil && plain.host == nil)
        let full = try good(
            """
            version: 1
            tenants:
              from: [header, host]
              header: X-Tenant
              host: "T-{tenant}.MCP.example"
              unknown: allow
              required: false
              known: { acme: { hosts: [A.example], region: eu } }
            runtime: { region: eu }
            \(Self.server)bundles: { b: { servers: [s], tenants: [other] } }
            policies: [{ policy: rbac, tenants: [acme] }]
            filters: [{ filter: size, tenants: [acme] }]
            """)
        let tenants = try #require(full.tenants)
        #expect(tenants.sources == [.header, .host] && tenants.header == "x-tenant")
        #expect(tenants.host == "t-{tenant}.mcp.example" && tenants.admitsUnknown && !tenants.required)
        #expect(tenants.known[0].hosts == ["a.example"] && tenants.known[0].region == "eu")
        #expect(full.servers[0].tenants == ["acme"] && full.bundles[0].tenants == ["other"])
        #expect(full.policies[0].tenants == ["acme"] && full.filters[0].tenants == ["acme"])
        #expect(full.description.contains("hosts: [\"a.example\"], region: \"eu\""))
    }

    @Test func aServerSpeaksForItsReplicas() throws {
        let servers = try good(
            """
            version: 1
            servers:
              one: { url: "http://h/mcp", region: eu, tags: [crm], labels: { a: b } }
              two:
                region: eu
                zone: z
                labels: { a: b, c: d }
                replicas: [{ url: "http://h/mcp" }, { url: "http://i/mcp", region: us, labels: { a: x } }]
            """
        ).servers
        let one = try #require(servers[0].endpoints.first?.standing)
        #expect(one.region == "eu" && one.tags == ["crm"] && one.labels.map(\.value) == ["b"])
        let both = servers[1].endpoints.map(\.standing)
        #expect(both.map(\.region) == ["eu", "us"] && both.map(\.zone) == ["z", "z"])
        #expect(both[0].labels.map(\.value) == ["b", "d"])
        #expect(both[1].labels.map(\.name) == ["c", "a"] && both[1].labels.map(\.value) == ["d", "x"])
    }

    @Test func aHostIsSplitAtItsOnePlace() {
        #expect(splitHost("{tenant}.x")?.prefix == "" && splitHost("{tenant}.x")?.suffix == ".x")
        #expect(splitHost("a-{tenant}.x")?.prefix == "a-")
        #expect(splitHost("x") == nil && splitHost("{tenant}{tenant}.x") == nil && splitHost("") == nil)
    }

    @Test(
        "what is wrong is said",
        arguments: [
            ("tenants: acme\n", "tenants"),
            ("tenants: {}\n", "nobody could come in"),
            ("tenants: { known: [acme] }\n", "tenants.known"),
            ("tenants: { known: { \"a b\": {} } }\n", "a tenant"),
            ("tenants: { known: { a: { hosts: [\"a:1\"] } } }\n", "no host's name"),
            ("tenants: { known: { a: { hosts: [\"\"] } } }\n", "hosts"),
            ("tenants: { known: { a: { hosts: [x.y] }, b: { hosts: [X.Y] } } }\n", "of tenant a already"),
            ("tenants: { known: { a: { region: \"e u\" } } }\n", "region"),
            ("tenants: { known: { a: { regio: eu } } }\n", "regio"),
            ("tenants: { known: { a: {} }, from: [credentials] }\n", "credentials always come first"),
            ("tenants: { known: { a: {} }, from: [header] }\n", "nothing says which"),
            ("tenants: { known: { a: {} }, from: [host] }\n", "nothing says which"),
            ("tenants: { known: { a: {} }, header: Host }\n", "tenants.header"),
            ("tenants: { known: { a: {} }, header: \"a b\" }\n", "tenants.header"),
            ("tenants: { known: { a: {} }, host: \"mcp.example\" }\n", "tenants.host"),
            ("tenants: { known: { a: {} }, host: \"{tenant}\" }\n", "tenants.host"),
            ("tenants: { known: { a: {} }, unknown: maybe }\n", "tenants.unknown"),
            (server, "no block \"tenants\""),
            (server + "tenants: { known: { acne: {} } }\n", "is not in tenants.known"),
            (server.replacing("[acme]", with: "[]") + "tenants: { known: { a: {} } }\n", "is empty"),
            (server + "tenants: { known: { acme: { region: eu } } }\n", "where no server is"),
        ])
    func wrong(_ text: String, _ part: String) {
        let problems = parse("version: 1\n" + text).problems
        #expect(problems.contains { $0.message.contains(part) }, "\(problems)")
    }

    @Test func aChangeOfTenantsIsOne() throws {
        let one = try good("version: 1\ntenants: { known: { a: {} } }\n")
        let other = try good("version: 1\n\ntenants: { known: { a: {}, b: {} } }\n")
        let same = try good("version: 1\n\n\ntenants: { known: { a: {} } }\n")
        #expect(Configuration.diff(one, other).modulesChanged)
        #expect(Configuration.diff(one, same).isEmpty)
    }
}

extension String {
    fileprivate func replacing(_ part: String, with other: String) -> String {
        split(separator: part, omittingEmptySubsequences: false).joined(separator: other)
    }
}
