// SPDX-License-Identifier: Apache-2.0
// View: lists as ready bytes, in pages, for each shape; freshness and fingerprints.

import JSON
import MCP
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
        for shape in ListShape.allCases {
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
            for shape in ListShape.allCases {
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
    static func freshness(
        _ records: [ServerRecord], _ path: String = "/mcp", at now: UInt64 = 0
    ) throws -> (Int?, String?) {
        let view = try #require(catalog(records).view(path))
        let page = try answered(view, .tools, at: now)
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

    /// The result object of a modern list answer, as it goes out.
    static func answered(_ view: View, _ kind: ItemKind, at now: UInt64) throws -> JSONValue {
        let out = MessageBuilder()
        withBytes("7") {
            view.write(view.pages(kind, .modern)[0], kind, .modern, id: $0, now: now, into: out)
        }
        let message = try JSONValue(parsing: out.joined())
        #expect(message["id"] == 7)
        #expect(message["jsonrpc"] == "2.0")
        return try #require(message["result"])
    }

    @Test func aListPromisesWhatIsLeft() throws {
        func record(_ name: String, _ ttl: UInt64, at now: UInt64) throws -> ServerRecord {
            var record = try server(name, tools: ["x"])
            record.listing?.freshness = ItemKind.allCases.map { _ in
                .received(ttl: ttl, isPublic: true, now: now)
            }
            return record
        }
        let one = try record("a", 10_000, at: 5_000_000_000)
        for (now, left) in [
            (5_000, 10_000), (5_001, 9_999), (14_999, 1), (15_000, 0), (99_000, 0), (0, 10_000),
        ] {
            #expect(try Self.freshness([one], at: UInt64(now) * 1_000_000) == (left, "public"))
        }
        // The part that came first ends first, the shortest one bounds all.
        let two = try record("b", 12_000, at: 1_000_000_000)
        let announced = try server("c", tools: ["x"], ttl: 5000, isPublic: true)
        #expect(try Self.freshness([one, two], at: 5_000_000_000).0 == 8_000)
        #expect(try Self.freshness([one, two, announced], at: 5_000_000_000).0 == 5_000)
        #expect(try Self.freshness([one, two, announced], at: 10_000_000_000).0 == 3_000)
        #expect(try Self.freshness([announced], at: .max).0 == 5_000)
    }

    @Test func eachListHasAFreshnessOfItsOwn() throws {
        var record = try server("s", tools: ["x"], prompts: ["p"])
        record.statuses[0].capabilities.tools = true
        record.statuses[0].capabilities.resources = true
        record.listing?.freshness = [
            Freshness(ttl: 9, end: nil, isPublic: true), nil, nil,
            Freshness(ttl: 4, end: nil, isPublic: false),
        ]
        let other = try server("o", ttl: 100, isPublic: true)
        let view = try #require(catalog([record, other]).view("/mcp"))
        #expect(view.ttl(.tools, at: 0) == 9)
        #expect(view.ttl(.prompts, at: 0) == 4)
        // It offers resources and has not listed any yet.
        #expect(view.ttl(.resources, at: 0) == 0)
        #expect(try Self.answered(view, .tools, at: 0)["cacheScope"] == "public")
        #expect(try Self.answered(view, .prompts, at: 0)["cacheScope"] == "private")
        // It does not offer prompts: it takes no part in what others offer.
        record.listing?.freshness[ItemKind.prompts.rawValue] = nil
        let without = try #require(catalog([record, other]).view("/mcp"))
        #expect(without.ttl(.prompts, at: 0) == 100)
        #expect(try Self.answered(without, .prompts, at: 0)["cacheScope"] == "public")
        let alone = try #require(catalog([record]).view("/mcp"))
        #expect(try Self.answered(alone, .prompts, at: 0)["ttlMs"] == 0)
    }

    @Test func theOperatorsWordCountsForMoreThanTheServers() throws {
        func one(_ isPublic: Bool, _ change: (inout ServerPlan) -> Void) throws -> (Int?, String?) {
            var record = try server("a", tools: ["x"], change)
            record.listing?.freshness = ItemKind.allCases.map { _ in
                .received(ttl: 10, isPublic: isPublic, now: 0)
            }
            return try Self.freshness([record], at: 4_000_000)
        }
        #expect(try one(false) { $0.cacheScope = .public } == (6, "public"))
        #expect(try one(true) { $0.cacheScope = .private } == (6, "private"))
        #expect(try one(true) { $0.cacheTTL = 70 } == (70, "public"))
        #expect(try one(false) { $0.cacheTTL = 0 } == (0, "private"))
        let down = try server("a", tools: ["x"], state: .down) { $0.cacheTTL = 70 }
        #expect(try Self.freshness([down]).0 == 0)
    }

    @Test("a spliced page is the page", arguments: [0, 1], ListShape.allCases)
    func splicedPages(_ size: Int, _ shape: ListShape) throws {
        let view = try #require(
            catalog([server("s", tools: ["a", "b"], ttl: 77)], pageSize: size).view("/mcp"))
        for page in view.pages(.tools, shape) {
            let out = MessageBuilder()
            withBytes(#""i""#) { view.write(page, .tools, shape, id: $0, now: 0, into: out) }
            var wanted = try JSONValue(parsing: page.bytes)
            if shape == .modern { wanted["ttlMs"] = 77 }
            #expect(try JSONValue(parsing: out.joined())["result"] == wanted)
        }
    }

    @Test func aLongPageIsLentAndNotCopied() throws {
        let tools = (0..<200).map { "tool\($0)" }
        let view = try #require(catalog([server("s", tools: tools)]).view("/mcp"))
        for shape in ListShape.allCases {
            let page = view.pages(.tools, shape)[0]
            let out = MessageBuilder()
            withBytes("1") { view.write(page, .tools, shape, id: $0, now: 0, into: out) }
            #expect(
                out.finish().contains { $0.pointer.map { UnsafeRawPointer($0) } == page.bytes.baseAddress })
        }
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
        for (shape, wanted) in [
            (ListShape.plain, []), (.structured, ["s__o", "s__l"]), (.tasks, ["s__o", "s__l"]),
            (.modern, ["s__o", "s__l"]),
        ] {
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
