// SPDX-License-Identifier: Apache-2.0
// Tools with user interfaces (MCP Apps): where they are shown, and under which URI their interface is found.

import JSON
import MCP
import Testing

@testable import JackfieldCore

@Suite("Interfaces") struct InterfaceTests {
    /// A tool whose interface is at a URI; `meta` replaces the usual `_meta`.
    static func tool(_ name: String, _ uri: String, meta: String? = nil) throws -> ListedItem {
        let own = #"{"a/b":[1.50],"ui":{"resourceUri":"\#(uri)","x":1},"ui/resourceUri":"\#(uri)"}"#
        return try listed(
            .tools, #"{"_meta":\#(meta ?? own),"name":"\#(name)","inputSchema":{"type":"object"}}"#)
    }

    /// A server with one such tool.
    static func app(
        _ name: String, _ uri: String = "ui://app", listsIt: Bool = true, meta: String? = nil,
        _ change: (inout ServerPlan) -> Void = { _ in }
    ) throws -> ServerRecord {
        var record = try server(name, resources: listsIt ? [uri] : [], change)
        record.listing?[.tools] = [try tool("t", uri, meta: meta)]
        return record
    }

    /// The `_meta` of a view's tools, by shown name, equal in all shapes.
    static func metas(_ view: View) throws -> [String: JSONValue] {
        let shapes = try ListShape.allCases.map { shape in
            let pairs = try shownItems(view, .tools, shape).compactMap { item in
                item["name"]?.string.map { ($0, item["_meta"] ?? .null) }
            }
            return Dictionary(uniqueKeysWithValues: pairs)
        }
        #expect(shapes.allSatisfy { $0 == shapes[0] })
        return shapes[0]
    }

    static func meta(_ uri: String) -> JSONValue {
        [
            "a/b": [.number("1.50")], "ui": ["resourceUri": .string(uri), "x": 1],
            "ui/resourceUri": .string(uri),
        ]
    }

    @Test func itemsKnowTheirInterface() throws {
        for (meta, interface, isAppOnly) in [
            (#"{"ui":{"resourceUri":"ui://a"}}"#, "ui://a", false),
            (#"{"ui/resourceUri":"ui:\/\/b"}"#, "ui://b", false),
            (#"{"ui/resourceUri":"ui://b","ui":{"resourceUri":"ui://a"}}"#, "ui://a", false),
            (#"{"ui":{"resourceUri":7},"ui/resourceUri":"ui://b"}"#, "ui://b", false),
            (#"{"ui":{"visibility":["app"]}}"#, nil, true),
            (#"{"ui":{"visibility":["model","app"]}}"#, nil, false),
            (#"{"ui":{"visibility":["m\u006fdel"]}}"#, nil, false), (#"{"ui":{"visibility":[]}}"#, nil, true),
            (#"{"ui":{"visibility":"app"}}"#, nil, false), (#"{"ui":{"visibility":[7,null]}}"#, nil, true),
            (#"{"ui":[]}"#, nil, false), ("{}", nil, false), ("null", nil, false), ("5", nil, false),
        ] as [(String, String?, Bool)] {
            let item = try Self.tool("t", "", meta: meta)
            #expect(item.interface == interface, "\(meta)")
            #expect(item.isAppOnly == isAppOnly, "\(meta)")
        }
        #expect(try item(.resources, "ui://a").interface == nil)
    }

    @Test func toolsPointToTheirInterfaceAsItIsShown() throws {
        let all = try catalog([Self.app("a"), Self.app("b"), Self.app("c", "ui://other")])
        let view = try #require(all.view("/mcp"))
        #expect(
            try Self.metas(view) == [
                "a__t": Self.meta("ui://app"), "b__t": Self.meta("b+ui://app"),
                "c__t": Self.meta("ui://other"),
            ])
        #expect(owner(all, view, .resources, "b+ui://app") == "b:ui://app")
        #expect(owner(all, view, .resources, "ui://app") == "a:ui://app")
        #expect(view.shownURIs(of: 1) == ["ui://app": "b+ui://app"])
        #expect(view.shownURIs(of: 0) == [:])
        // Alone, a server's tools stay as it sent them.
        for (name, uri) in [("a", "ui://app"), ("b", "ui://app")] {
            let alone = try #require(all.view("/mcp/servers/\(name)"))
            #expect(try Self.metas(alone) == ["t": Self.meta(uri)])
            let page = String(decoding: alone.pages(.tools, .modern)[0].bytes, as: UTF8.self)
            let raw = String(decoding: try Self.tool("t", uri).raw, as: UTF8.self)
            #expect(page.contains(raw))
        }
    }

    @Test func anInterfaceIsFoundThoughNoListNamesIt() throws {
        let all = try catalog([
            Self.app("a", listsIt: false), Self.app("b", listsIt: false), server("c", resources: ["c://1"]),
        ])
        let view = try #require(all.view("/mcp"))
        #expect(try shownKeys(view, .resources) == ["c://1"])
        #expect(try Self.metas(view) == ["a__t": Self.meta("ui://app"), "b__t": Self.meta("b+ui://app")])
        #expect(owner(all, view, .resources, "ui://app") == "a:ui://app")
        #expect(owner(all, view, .resources, "b+ui://app") == "b:ui://app")
        #expect(owner(all, view, .resources, "c://1") == "c:c://1")
        let entry = withBytes("b+ui://app") { view.find(.resources, $0) }
        #expect(entry?.quotedOriginal == Array(#""ui://app""#.utf8))
        #expect(view.shownURIs(of: 1) == ["ui://app": "b+ui://app"])
    }

    @Test func aListedResourceKeepsItsURIBeforeAnInterfaceThatIsNot() throws {
        let all = try catalog([Self.app("a", listsIt: false), server("b", resources: ["ui://app"])])
        let view = try #require(all.view("/mcp"))
        #expect(try shownKeys(view, .resources) == ["ui://app"])
        #expect(owner(all, view, .resources, "ui://app") == "b:ui://app")
        #expect(owner(all, view, .resources, "a+ui://app") == "a:ui://app")
        #expect(try Self.metas(view)["a__t"] == Self.meta("a+ui://app"))
    }

    @Test func aDeniedInterfaceIsNotFound() throws {
        for listsIt in [true, false] {
            let all = try catalog([Self.app("a", listsIt: listsIt) { $0.resources.deny = ["ui://*"] }])
            let view = try #require(all.view("/mcp"))
            #expect(owner(all, view, .resources, "ui://app") == nil)
            #expect(try Self.metas(view)["a__t"] == Self.meta("ui://app"))
        }
    }

    @Test func onlyTheURIOfTheInterfaceIsRewritten() throws {
        let meta =
            #"{"ui/resourceUri":"ui://old","ui":{"visibility":["model"],"resourceUri":"ui://app","csp":{"resourceUri":"ui://app"}}}"#
        let all = try catalog([Self.app("a"), Self.app("b", meta: meta)])
        var wanted = try JSONValue(parsing: meta)
        wanted["ui"] = [
            "visibility": ["model"], "resourceUri": "b+ui://app", "csp": ["resourceUri": "ui://app"],
        ]
        #expect(try Self.metas(#require(all.view("/mcp")))["b__t"] == wanted)
    }

    @Test func toolsForAppsAloneStayWithTheirServer() throws {
        var plan = BundlePlan(name: "b")
        plan.include = ["a"]
        var record = try server("a", tools: ["seen"]) { $0.tools.aliases = ["quick": "hidden"] }
        record.listing?[.tools].append(
            try Self.tool("hidden", "ui://app", meta: #"{"ui":{"visibility":["app"]}}"#))
        let all = catalog([record], bundles: [plan])
        for path in ["/mcp", "/mcp/bundles/b"] {
            let view = try #require(all.view(path))
            #expect(try shownKeys(view, .tools) == ["a__seen"])
            for name in ["a__hidden", "hidden", "quick"] { #expect(owner(all, view, .tools, name) == nil) }
        }
        #expect(try shownKeys(#require(all.view("/mcp/servers/a")), .tools) == ["seen", "hidden"])
    }

    @Test func bundlesPointToWhatTheyShow() throws {
        var tools = BundlePlan(name: "tools")
        tools.include = ["b__t"]
        tools.rename = ["b__t": "go"]
        var both = BundlePlan(name: "both")
        both.include = ["*"]
        both.rename = ["b+ui://app": "b-app"]
        let all = try catalog([Self.app("a"), Self.app("b")], bundles: [tools, both])
        // Without the other server's resource there is no conflict; the interface is found though not chosen.
        let chosen = try #require(all.view("/mcp/bundles/tools"))
        #expect(try Self.metas(chosen) == ["go": Self.meta("ui://app")])
        #expect(try shownKeys(chosen, .resources) == [])
        #expect(owner(all, chosen, .resources, "ui://app") == "b:ui://app")
        let renamed = try #require(all.view("/mcp/bundles/both"))
        #expect(
            try Self.metas(renamed) == ["a__t": Self.meta("ui://app"), "b__t": Self.meta("b-app")])
        #expect(owner(all, renamed, .resources, "b-app") == "b:ui://app")
    }

    @Test func aListChangesWithTheURIThatItShows() throws {
        let tools = ItemKind.tools.rawValue
        let alone = try #require(catalog([Self.app("b"), server("a")]).view("/mcp"))
        let same = try #require(catalog([Self.app("b"), server("a", resources: ["x://1"])]).view("/mcp"))
        let moved = try #require(
            catalog([server("a", resources: ["ui://app"]), Self.app("b")]).view("/mcp"))
        #expect(alone.fingerprints[tools] == same.fingerprints[tools])
        #expect(alone.fingerprints[tools] != moved.fingerprints[tools])
    }
}
