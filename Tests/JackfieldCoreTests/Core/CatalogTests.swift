// SPDX-License-Identifier: Apache-2.0
// CatalogBuilder: many servers under one path, each alone, and curated bundles.

import JSON
import MCP
import Testing

@testable import JackfieldCore

@Suite("Catalogue") struct CatalogTests {
    // MARK: Federation

    @Test func theAggregateShowsEverythingUnderPrefixes() throws {
        let all = try catalog([
            server("git", tools: ["status", "log"], prompts: ["review"], resources: ["git://head"]),
            server("files", tools: ["read"], prompts: ["review"], templates: ["file:///{path}"]),
        ])
        let view = try #require(all.view("/mcp"))
        #expect(try shownKeys(view, .tools) == ["git__status", "git__log", "files__read"])
        #expect(try shownKeys(view, .prompts) == ["git__review", "files__review"])
        #expect(try shownKeys(view, .resources) == ["git://head"])
        #expect(try shownKeys(view, .templates) == ["file:///{path}"])
        #expect(owner(all, view, .tools, "files__read") == "files:read")
        #expect(owner(all, view, .prompts, "git__review") == "git:review")
        #expect(owner(all, view, .resources, "git://head") == "git:git://head")
        #expect(owner(all, view, .tools, "read") == nil)
        #expect(owner(all, view, .prompts, "git__status") == nil)
        let entry = withBytes("git__log") { view.find(.tools, $0) }
        #expect(entry?.isRenamed == true)
        #expect(entry?.quotedOriginal == Array(#""log""#.utf8))
    }

    @Test func itemsKeepEverythingButTheirName() throws {
        var record = try server("s")
        record.listing?[.tools] = [
            try listed(
                .tools,
                #"{"title":"T","name":"a","inputSchema":{"type":"object","x":1.50},"_meta":{"k":[1]}}"#)
        ]
        let view = try #require(catalog([record]).view("/mcp"))
        let shown = try shownItems(view, .tools, .modern)
        #expect(
            shown == [
                [
                    "title": "T", "name": "s__a", "inputSchema": ["type": "object", "x": .number("1.50")],
                    "_meta": ["k": [1]],
                ]
            ])
    }

    @Test func eachServerIsShownAloneUnderItsOwnNames() throws {
        let all = try catalog([
            server("a", tools: ["x.y", "z"], resources: ["u://1"]),
            server("b", tools: ["x.y"], resources: ["u://1"]),
        ])
        for name in ["a", "b"] {
            let view = try #require(all.view("/mcp/servers/\(name)"))
            #expect(try shownKeys(view, .tools) == (name == "a" ? ["x.y", "z"] : ["x.y"]))
            #expect(try shownKeys(view, .resources) == ["u://1"])
            #expect(owner(all, view, .tools, "x.y") == "\(name):x.y")
            #expect(view.servers == [name == "a" ? 0 : 1])
        }
    }

    @Test func pathsLeadToTheirViews() throws {
        var bundle = BundlePlan(name: "b")
        bundle.description = "Chosen."
        let all = try catalog([server("a")], bundles: [bundle])
        #expect(all.allViews.map(\.path) == ["/mcp", "/mcp/servers/a", "/mcp/bundles/b"])
        for path in all.allViews.map(\.path) { #expect(all.view(path)?.path == path) }
        #expect(all.view("")?.path == "/mcp")
        #expect(all.view("/mcp/bundles/b")?.description == "Chosen.")
        for path in ["/", "/mcp/", "/MCP", "/mcp/servers/", "/mcp/servers/b", "/mcp/bundles/a", "/mcp?x"] {
            #expect(all.view(path) == nil, "\(path)")
        }
        #expect(Catalog.empty.view("/mcp") == nil)
    }

    @Test func anEmptyGatewayShowsEmptyLists() throws {
        let view = try #require(catalog([]).view("/mcp"))
        for kind in ItemKind.allCases { #expect(try shownKeys(view, kind) == []) }
    }

    // MARK: Selections

    @Test func filtersHoldOnEveryPath() throws {
        let record = try server(
            "s", tools: ["read_a", "read_secret", "write_a"], prompts: ["p", "q"],
            resources: ["a://1", "b://1"],
            templates: ["a://{x}", "b://{x}"]
        ) { plan in
            plan.tools.allow = ["read_*"]
            plan.tools.deny = ["*secret"]
            plan.prompts.deny = ["q"]
            plan.resources.allow = ["a://*"]
        }
        let all = catalog([record])
        for (path, prefix) in [("/mcp", "s__"), ("/mcp/servers/s", "")] {
            let view = try #require(all.view(path))
            #expect(try shownKeys(view, .tools) == [prefix + "read_a"])
            #expect(try shownKeys(view, .prompts) == [prefix + "p"])
            #expect(try shownKeys(view, .resources) == ["a://1"])
            #expect(try shownKeys(view, .templates) == ["a://{x}"])
            // What is not shown cannot be found either.
            #expect(owner(all, view, .tools, prefix + "write_a") == nil)
            #expect(owner(all, view, .resources, "b://1") == nil)
        }
    }

    @Test func renamedItemsAreFoundUnderTheirNewNamesOnly() throws {
        let all = try catalog([server("s", tools: ["a", "b"]) { $0.tools.rename = ["a": "alpha"] }])
        let view = try #require(all.view("/mcp"))
        #expect(try shownKeys(view, .tools) == ["s__alpha", "s__b"])
        #expect(owner(all, view, .tools, "s__alpha") == "s:a")
        #expect(owner(all, view, .tools, "s__a") == nil)
        #expect(try shownKeys(#require(all.view("/mcp/servers/s")), .tools) == ["a", "b"])
    }

    @Test func aliasesStandBesideTheOrdinaryNames() throws {
        let all = try catalog([
            server("s", tools: ["a", "hidden"]) { plan in
                plan.tools.aliases = ["quick": "a", "also": "a", "none": "missing", "no": "hidden"]
                plan.tools.deny = ["hidden"]
            }
        ])
        let view = try #require(all.view("/mcp"))
        #expect(try shownKeys(view, .tools).sorted() == ["also", "quick", "s__a"])
        for name in ["quick", "also", "s__a"] { #expect(owner(all, view, .tools, name) == "s:a") }
    }

    @Test func anAliasTakesANameFromNobodySilently() throws {
        // An alias that is already some item's name: both stay reachable, under different names.
        let all = try catalog(
            [server("a", tools: ["x", "y"]), server("b", tools: ["z"]) { $0.tools.aliases = ["x": "z"] }]
        ) { $0.prefix = .never }
        let view = try #require(all.view("/mcp"))
        let names = try shownKeys(view, .tools)
        #expect(Set(names).count == 4 && names.count == 4)
        #expect(owner(all, view, .tools, "x") == "b:z")
        #expect(Set(names.compactMap { owner(all, view, .tools, $0) }) == ["a:x", "a:y", "b:z"])
    }

    @Test func twoServersWithOneAliasShowItOnce() throws {
        let all = try catalog([
            server("a", tools: ["x"]) { $0.tools.aliases = ["go": "x"] },
            server("b", tools: ["x"]) { $0.tools.aliases = ["go": "x"] },
        ])
        let view = try #require(all.view("/mcp"))
        #expect(try shownKeys(view, .tools).sorted() == ["a__x", "b__x", "go"])
        #expect(owner(all, view, .tools, "go") == "a:x")
    }

    // MARK: Conflicts of URIs

    @Test func theFirstServerKeepsAURIAndTheOthersAreShownUnderTheirNames() throws {
        let all = try catalog([
            server("a", resources: ["u://1", "u://2"], templates: ["u://{x}"]),
            server("b", resources: ["u://1", "u://3"], templates: ["u://{x}"]),
            server("My_Srv", resources: ["u://1"]), server("9x", resources: ["u://1"]),
        ])
        let view = try #require(all.view("/mcp"))
        #expect(
            try shownKeys(view, .resources) == [
                "u://1", "u://2", "b+u://1", "u://3", "my-srv+u://1", "s9x+u://1",
            ])
        #expect(try shownKeys(view, .templates) == ["u://{x}", "b+u://{x}"])
        #expect(owner(all, view, .resources, "u://1") == "a:u://1")
        #expect(owner(all, view, .resources, "b+u://1") == "b:u://1")
        #expect(owner(all, view, .resources, "my-srv+u://1") == "My_Srv:u://1")
    }

    @Test(
        "shown URIs are never the same twice",
        arguments: [
            [("a", ["u://1"]), ("B", ["u://1"]), ("b", ["u://1"])],
            [("a", ["u://1"]), ("x_y", ["u://1"]), ("x-y", ["u://1"])],
            [("a", ["b+u://1", "u://1"]), ("b", ["u://1"])],
            [("a", ["u://1"]), ("b", ["u://1"]), ("c", ["b+u://1"])],
        ] as [[(String, [String])]])
    func distinctURIs(_ servers: [(String, [String])]) throws {
        let all = try catalog(servers.map { try server($0.0, resources: $0.1) })
        let view = try #require(all.view("/mcp"))
        let uris = try shownKeys(view, .resources)
        #expect(Set(uris).count == uris.count, "\(uris)")
        let owners = uris.compactMap { owner(all, view, .resources, $0) }
        #expect(Set(owners).count == servers.reduce(0) { $0 + $1.1.count }, "\(owners)")
    }

    @Test func aURILeadsToTheMostLiteralTemplate() throws {
        let all = try catalog([
            server("a", templates: ["u://{+all}"]),
            server("b", templates: ["u://logs/{name}", "u://{kind}/{name}"]),
        ])
        let view = try #require(all.view("/mcp"))
        for (uri, template) in [
            ("u://logs/1", "u://logs/{name}"), ("u://x/1", "u://{kind}/{name}"), ("u://x/1/2", "u://{+all}"),
        ] {
            #expect(withBytes(uri) { view.template(for: $0) }?.shown == template, "\(uri)")
        }
        #expect(withBytes("v://x") { view.template(for: $0) } == nil)
    }

    // MARK: Bundles

    static func bundled(
        _ include: [String], _ exclude: [String] = [], rename: [String: String] = [:]
    ) throws -> (Catalog, View) {
        var plan = BundlePlan(name: "b")
        plan.include = include
        plan.exclude = exclude
        plan.rename = rename
        let all = try catalog(
            [
                server(
                    "git", tools: ["status", "log", "push"], prompts: ["review"], resources: ["git://head"]),
                server("files", tools: ["read", "write"], resources: ["file:///a"]), server("empty"),
            ], bundles: [plan])
        return (all, try #require(all.view("/mcp/bundles/b")))
    }

    @Test(
        "a bundle shows what its patterns choose",
        arguments: [
            ([], [], ["git__status", "git__log", "git__push", "files__read", "files__write"], 2),
            (["git__*"], ["*push"], ["git__status", "git__log"], 1),
            (["git"], [], ["git__status", "git__log", "git__push"], 1),
            (["git"], ["git__push"], ["git__status", "git__log"], 1),
            (["files__read", "git__log"], [], ["git__log", "files__read"], 2),
            (["*"], ["files"], ["git__status", "git__log", "git__push"], 3), (["nothing"], [], [], 0),
            (["empty"], [], [], 1),
        ] as [([String], [String], [String], Int)])
    func bundle(_ include: [String], _ exclude: [String], _ tools: [String], _ servers: Int) throws {
        let (all, view) = try Self.bundled(include, exclude)
        #expect(try shownKeys(view, .tools) == tools)
        #expect(view.servers.count == servers)
        for name in tools { #expect(owner(all, view, .tools, name) != nil) }
        for name in ["git__status", "files__write"] where !tools.contains(name) {
            #expect(owner(all, view, .tools, name) == nil)
        }
    }

    @Test func aBundleMayRename() throws {
        let (all, view) = try Self.bundled(["*"], rename: ["git__log": "history", "files__read": "open"])
        #expect(
            try shownKeys(view, .tools) == ["git__status", "history", "git__push", "open", "files__write"])
        #expect(owner(all, view, .tools, "history") == "git:log")
        #expect(owner(all, view, .tools, "git__log") == nil)
        let aggregate = try #require(all.view("/mcp"))
        #expect(owner(all, aggregate, .tools, "git__log") == "git:log")
        #expect(owner(all, aggregate, .tools, "history") == nil)
    }

    @Test func aBundlesRenamesNeverShowANameTwice() throws {
        let (all, view) = try Self.bundled(["git"], rename: ["git__log": "git__status", "git__push": "x"])
        let names = try shownKeys(view, .tools)
        #expect(Set(names).count == names.count)
        #expect(owner(all, view, .tools, "git__status") == "git:status")
    }

    @Test(
        "unlisted URIs are for bundles that name whole servers",
        arguments: [
            (["git"], true), (["git", "files"], true), (["git__*"], false), (["git", "files__read"], false),
            ([], false),
            (["*"], true),
        ] as [([String], Bool)])
    func unlisted(_ include: [String], _ isAllowed: Bool) throws {
        let (all, view) = try Self.bundled(include)
        #expect(view.allowsUnlisted == isAllowed)
        #expect(all.view("/mcp")?.allowsUnlisted == true)
        #expect(all.view("/mcp/servers/git")?.allowsUnlisted == true)
    }

    // MARK: States

    @Test(
        "a server that is down is shown as its plan says",
        arguments: [EndpointStatus.State.down, .connecting], [true, false])
    func down(_ state: EndpointStatus.State, _ keepStale: Bool) throws {
        let all = try catalog([
            server("a", tools: ["x"]), server("b", tools: ["y"], state: state) { $0.keepStale = keepStale },
        ])
        #expect(
            try shownKeys(#require(all.view("/mcp")), .tools) == (keepStale ? ["a__x", "b__y"] : ["a__x"]))
        #expect(try shownKeys(#require(all.view("/mcp/servers/b")), .tools) == (keepStale ? ["y"] : []))
    }

    @Test func aServerWithoutListingIsThereButShowsNothing() throws {
        var record = try server("b")
        record.listing = nil
        let all = try catalog([server("a", tools: ["x"]), record])
        let view = try #require(all.view("/mcp"))
        #expect(try shownKeys(view, .tools) == ["a__x"])
        #expect(view.servers == [0, 1])
        #expect(all.view("/mcp/servers/b") != nil)
    }

    @Test func aServerIsKnownUntilItIsReplaced() throws {
        let old = try server("a", generation: 1)
        let new = try server("a", generation: 2)
        let other = try server("b", generation: 3)
        let all = catalog([new, other])
        #expect(all.index(of: new.server) == 0)
        #expect(all.index(of: other.server) == 1)
        #expect(all.index(of: old.server) == nil)
    }

    @Test func aChangeOfHealthKeepsWhatIsShown() throws {
        let all = try catalog([server("a", tools: ["x"])])
        var status = all.statuses[0][0]
        status.state = .down
        let next = all.replacing(statuses: [[status]])
        #expect(next.statuses[0][0].state == .down)
        #expect(next.view("/mcp") === all.view("/mcp"))
    }

    // MARK: What a view says of itself

    static func capable(_ name: String, _ change: (inout ServerCapabilities) -> Void, says: String? = nil)
        throws -> ServerRecord
    {
        var record = try server(name)
        change(&record.statuses[0].capabilities)
        record.statuses[0].revision = .v2025_11_25
        record.statuses[0].instructions = says
        return record
    }

    @Test func capabilitiesAreTheUnionOfThoseOfTheServers() throws {
        let all = try catalog([
            Self.capable("a") { $0.tools = true }, Self.capable("b") { $0.resources = true },
            Self.capable("c") {
                $0.prompts = true
                $0.completions = true
            }, server("never-reached", state: .connecting),
        ])
        for (path, wanted) in [
            (
                "/mcp",
                #"{"completions":{},"prompts":{"listChanged":true},"resources":{"listChanged":true},"tools":{"listChanged":true}}"#
            ),
            ("/mcp/servers/a", #"{"tools":{"listChanged":true}}"#),
            ("/mcp/servers/b", #"{"resources":{"listChanged":true}}"#),
            ("/mcp/servers/never-reached", #"{"tools":{"listChanged":true}}"#),
        ] {
            let capabilities = try JSONValue(parsing: all.capabilities(of: #require(all.view(path)), .newest))
            #expect(try capabilities.isEqual(to: JSONValue(parsing: wanted)), "\(path): \(capabilities)")
        }
    }

    @Test func instructionsNameTheServerTheyComeFrom() throws {
        var bundle = BundlePlan(name: "b")
        bundle.description = "Chosen."
        bundle.include = ["a"]
        let all = try catalog(
            [
                Self.capable("a", { _ in }, says: "Be A."), Self.capable("b", { _ in }),
                Self.capable("c", { _ in }, says: "Be C."),
            ],
            bundles: [bundle])
        #expect(try all.instructions(of: #require(all.view("/mcp"))) == "a: Be A.\n\nc: Be C.")
        #expect(try all.instructions(of: #require(all.view("/mcp/servers/a"))) == "Be A.")
        #expect(try all.instructions(of: #require(all.view("/mcp/servers/b"))) == nil)
        #expect(try all.instructions(of: #require(all.view("/mcp/bundles/b"))) == "Chosen.\n\nBe A.")
    }
}
