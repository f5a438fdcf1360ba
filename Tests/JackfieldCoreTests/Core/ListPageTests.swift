// SPDX-License-Identifier: Apache-2.0
// View: lists as ready bytes, in pages, for each shape; freshness and fingerprints.

import JSON
import Testing

@testable import JackfieldCore

@Suite("List pages") struct ListPageTests {
    @Test("pages hold so many items each", arguments: [0, 1, 2, 3, 6, 7, 8, 1000], [0, 1, 2, 6, 7])
    func pages(_ size: Int, _ count: Int) throws {
        let tools = (0..<count).map { "t\($0)" }
        let all = try catalog([server("s", tools: tools)], pageSize: size)
        let view = try #require(all.view("/mcp/servers/s"))
        #expect(try shownKeys(view, .tools) == tools)
        let wanted = size == 0 ? 1 : max(1, (count + size - 1) / size)
        for shape in [ListShape.plain, .structured, .modern] {
            let pages = view.pages(.tools, shape)
            #expect(pages.count == wanted)
            for (at, page) in pages.enumerated() {
                let items = try #require(try JSONValue(parsing: page.bytes)["tools"]?.array)
                #expect(items.count == (size == 0 ? count : min(size, count - at * size)))
            }
        }
    }

    @Test func aListIsRenderedOncePerShape() throws {
        let view = try #require(catalog([server("s", tools: ["a"])]).view("/mcp"))
        for kind in ItemKind.allCases {
            for shape in [ListShape.plain, .structured, .modern] {
                #expect(view.pages(kind, shape)[0] === view.pages(kind, shape)[0])
            }
        }
        #expect(view.pages(.tools, .modern)[0] !== view.pages(.tools, .plain)[0])
        #expect(view.pages(.tools, .modern)[0] !== view.pages(.prompts, .modern)[0])
    }

    @Test func cursorsOfOneListAreNoneOfAnother() throws {
        let all = try catalog(
            [server("a", tools: ["x", "y"], prompts: ["p", "q"]), server("b", tools: ["x", "z"])], pageSize: 1
        )
        var fingerprints: Set<UInt64> = []
        for path in ["/mcp", "/mcp/servers/a", "/mcp/servers/b"] {
            fingerprints.insert(try #require(all.view(path)).fingerprints[ItemKind.tools.rawValue])
        }
        fingerprints.insert(try #require(all.view("/mcp")).fingerprints[ItemKind.prompts.rawValue])
        #expect(fingerprints.count == 4)
    }

    @Test func fingerprintsChangeWithTheListAndOnlyThen() throws {
        let base = try catalog([server("s", tools: ["a", "b"], prompts: ["p"])])
        let same = try catalog([server("s", tools: ["a", "b"], prompts: ["p"], generation: 9, ttl: 5)])
        #expect(base.view("/mcp")?.fingerprints == same.view("/mcp")?.fingerprints)
        let tools = ItemKind.tools.rawValue
        for other in [["a"], ["b", "a"], ["a", "c"], ["a", "b", "c"], []] {
            let changed = try catalog([server("s", tools: other, prompts: ["p"])])
            #expect(changed.view("/mcp")?.fingerprints[tools] != base.view("/mcp")?.fingerprints[tools])
            #expect(
                changed.view("/mcp")?.fingerprints[ItemKind.prompts.rawValue]
                    == base.view("/mcp")?.fingerprints[ItemKind.prompts.rawValue])
        }
        // The same names, another description.
        var record = try server("s", prompts: ["p"])
        record.listing?[.tools] = [
            try listed(.tools, #"{"name":"a","inputSchema":{"type":"object"},"description":"new"}"#),
            try item(.tools, "b"),
        ]
        #expect(catalog([record]).view("/mcp")?.fingerprints[tools] != base.view("/mcp")?.fingerprints[tools])
    }

    /// `ttlMs` and `cacheScope` of the aggregate's tools.
    static func freshness(_ records: [ServerRecord], _ path: String = "/mcp") throws -> (Int?, String?) {
        let view = try #require(catalog(records).view(path))
        let page = try JSONValue(parsing: view.pages(.tools, .modern)[0].bytes)
        return (page["ttlMs"]?.int, page["cacheScope"]?.string)
    }

    @Test func anAggregateIsAsFreshAsItsStalestPart() throws {
        let fresh = try server("a", tools: ["x"], ttl: 9_000, isPublic: true)
        let short = try server("b", tools: ["x"], ttl: 200, isPublic: true)
        let secret = try server("c", tools: ["x"], ttl: 9_000)
        let down = try server("d", tools: ["x"], ttl: 9_000, isPublic: true, state: .down)
        #expect(try Self.freshness([fresh]) == (9_000, "public"))
        #expect(try Self.freshness([fresh, short]) == (200, "public"))
        #expect(try Self.freshness([fresh, secret]) == (9_000, "private"))
        #expect(try Self.freshness([fresh, short, secret, down]) == (0, "private"))
        #expect(try Self.freshness([fresh, down]) == (0, "public"))
        #expect(try Self.freshness([]) == (0, "private"))
        #expect(try Self.freshness([fresh, down], "/mcp/servers/a") == (9_000, "public"))
        #expect(try Self.freshness([fresh, down], "/mcp/servers/d").0 == 0)
        var missing = fresh
        missing.listing = nil
        #expect(try Self.freshness([missing]) == (0, "private"))
    }

    @Test func outputSchemasAreShownByShapeUnderPrefixes() throws {
        var record = try server("s")
        record.listing?[.tools] = [
            try listed(
                .tools, #"{"name":"o","inputSchema":{"type":"object"},"outputSchema":{"type":"object"}}"#),
            try listed(
                .tools, #"{"outputSchema":{"type":"array"},"inputSchema":{"type":"object"},"name":"l"}"#),
        ]
        let view = try #require(catalog([record]).view("/mcp"))
        #expect(try shownKeys(view, .tools) == ["s__o", "s__l"])
        for (shape, wanted) in [(ListShape.plain, []), (.structured, ["s__o"]), (.modern, ["s__o", "s__l"])] {
            let with = try shownItems(view, .tools, shape).filter { $0["outputSchema"] != nil }
            #expect(with.compactMap { $0["name"]?.string } == wanted)
        }
    }

    @Test(
        "whatever servers list, the aggregate is whole",
        arguments: [
            NamingPlan.Prefix.always, .onConflict, .never,
        ], [0, 3])
    func randomFederations(_ prefix: NamingPlan.Prefix, _ pageSize: Int) throws {
        var random = Generator(state: 29)
        let parts = ["a", "b", ".", "/", "\"", "\\", "é", "\n", "__", String(repeating: "w", count: 40)]
        for _ in 0..<30 {
            var records: [ServerRecord] = []
            for (at, name) in ["one", "two", "three.x"].enumerated() {
                func keys(_ head: String) -> [String] {
                    let keys = (0..<Int.random(in: 0...8, using: &random)).map { _ in
                        head
                            + (0..<Int.random(in: 1...3, using: &random))
                            .map { _ in parts.randomElement(using: &random) ?? "a" }.joined()
                    }
                    return Array(Set(keys)).sorted()
                }
                records.append(
                    try server(
                        name, tools: keys(""), prompts: keys(""), resources: keys("u://"),
                        templates: keys("u://{x}"),
                        generation: UInt64(at)))
            }
            let all = catalog(records, pageSize: pageSize) { $0.prefix = prefix }
            let view = try #require(all.view("/mcp"))
            for kind in ItemKind.allCases {
                let shown = try shownKeys(view, kind)
                #expect(Set(shown).count == shown.count)
                let owners = shown.compactMap { owner(all, view, kind, $0) }
                let wanted = records.flatMap { record in
                    (record.listing?[kind] ?? []).map { "\(record.server.name):\($0.key)" }
                }
                #expect(owners.sorted() == wanted.sorted())
            }
        }
    }
}
