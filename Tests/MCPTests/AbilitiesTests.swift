// SPDX-License-Identifier: Apache-2.0
// Abilities: what clients declare in either era, and how it is declared to servers.

import JSON
import MCP
import Testing

@Suite("Abilities") struct AbilitiesTests {
    static let elicitation = ["{}", #"{"form":{}}"#, #"{"url":{}}"#, #"{"form":{},"url":{}}"#, #"{"x":{}}"#]

    /// What each of `elicitation` stands for where URLs exist.
    static let wanted: [Abilities] = [.form, .form, .url, [.form, .url], .form]

    @Test("elicitation of legacy clients", arguments: Revision.allCases, Array(zip(elicitation, wanted)))
    func legacyElicitation(_ revision: Revision, _ row: (String, Abilities)) throws {
        let read = try withRoot(#"{"elicitation":\#(row.0)}"#) { Abilities(legacy: $0, revision) }
        switch revision {
        case .v2024_11_05, .v2025_03_26: #expect(read == [])
        case .v2025_06_18: #expect(read == .form)
        case .v2025_11_25, .v2026_07_28: #expect(read == row.1)
        }
    }

    @Test("elicitation of modern clients", arguments: Array(zip(elicitation, wanted)))
    func modernElicitation(_ row: (String, Abilities)) throws {
        let text = #"{"elicitation":\#(row.0)}"#
        try #expect(withRoot(text) { Abilities(modern: $0) } == row.1)
    }

    @Test("sampling's variants exist since 2025-11-25", arguments: Revision.allCases)
    func sampling(_ revision: Revision) throws {
        let read = try withRoot(#"{"sampling":{"tools":{},"context":{}},"roots":{"listChanged":true}}"#) {
            Abilities(legacy: $0, revision)
        }
        let variants: Abilities = revision >= .v2025_11_25 ? [.samplingTools, .samplingContext] : []
        #expect(read == variants.union([.sampling, .roots]))
    }

    @Test("extensions count in both eras; experimental tasks do not")
    func extensions() throws {
        let ui = #""io.modelcontextprotocol/ui":{"mimeTypes":["text/html;profile=mcp-app"]}"#
        let text = #"{"extensions":{\#(ui),"io.modelcontextprotocol\/tasks":{}}}"#
        try #expect(withRoot(text) { Abilities(modern: $0) } == [.apps, .tasks])
        try #expect(withRoot(text) { Abilities(legacy: $0, .v2025_11_25) } == [.apps, .tasks])
        let experimental =
            #"{"tasks":{"requests":{"sampling":{"createMessage":{}}}},"experimental":{"tasks":{}}}"#
        for revision in Revision.allCases {
            try #expect(withRoot(experimental) { Abilities(legacy: $0, revision) } == [])
        }
        try #expect(withRoot(experimental) { Abilities(modern: $0) } == [])
    }

    @Test(
        "what is not an object declares nothing",
        arguments: [
            "null", "[]", "7", #""elicitation""#, "{}", #"{"elicitation":null,"sampling":true,"roots":[]}"#,
            #"{"extensions":{"io.modelcontextprotocol/ui":null}}"#, #"{"extensions":[]}"#,
            #"{"x":{"elicitation":{},"roots":{}},"y":"\"roots\":{}"}"#,
        ])
    func nothing(_ text: String) throws {
        for depth in [0, 1, 2, 200] {
            try withShallow(text, depth: depth) { node in
                #expect(Abilities(modern: node) == [])
                #expect(Abilities(legacy: node, .v2025_11_25) == [])
            }
        }
        #expect(Abilities(modern: nil) == [])
        #expect(Abilities(legacy: nil, .v2025_11_25) == [])
    }

    @Test("variants that are not objects are not declared")
    func oddVariants() throws {
        let text = #"{"elicitation":{"url":true,"form":null},"sampling":{"tools":[],"context":"{}"}}"#
        try #expect(withRoot(text) { Abilities(modern: $0) } == [.form, .sampling])
    }

    @Test(
        "names count decoded, the first of a name counts, white space does not", arguments: [0, 1, 2, 3, 200])
    func spelling(_ depth: Int) throws {
        let text = """
            { "x" : "a\\"}b" , "\\u0065licitation" : { "y":[{"url":{}}], "u\\u0072l" : { "z" : "}" } ,
              "url":null } , "elicitation" : {"form":{}}, "s\\u0061mpling":{"\\u0074ools":{}} }
            """
        try #expect(
            withShallow(text, depth: depth) { Abilities(modern: $0) } == [.url, .sampling, .samplingTools])
    }

    @Test("deep and wide declarations are read")
    func hostile() throws {
        let deep = String(repeating: "[", count: 100) + String(repeating: "]", count: 100)
        let wide = (0..<5000).map { #""k\#($0)":{"url":{}}"# }.joined(separator: ",")
        let text = #"{\#(wide),"elicitation":{"x":\#(deep),\#(wide),"url":{}}}"#
        for depth in [0, 1, 200] {
            try #expect(withShallow(text, depth: depth) { Abilities(modern: $0) } == .url)
        }
    }

    // MARK: Declaring

    static let all: [Abilities] = (0...255).map { Abilities(rawValue: $0) }

    /// Tools and context do not stand without sampling.
    static func normal(_ abilities: Abilities) -> Abilities {
        abilities.contains(.sampling) ? abilities : abilities.subtracting([.samplingTools, .samplingContext])
    }

    @Test("every set reads back from its modern form")
    func modernRoundTrip() throws {
        for abilities in Self.all {
            let text = String(decoding: abilities.modernCapabilities(), as: UTF8.self)
            try #expect(withRoot(text) { Abilities(modern: $0) } == Self.normal(abilities), "\(text)")
        }
        #expect(String(decoding: Abilities().modernCapabilities(), as: UTF8.self) == "{}")
        try expectSame(
            JSONValue(parsing: everyAbility.modernCapabilities()),
            """
            {"elicitation":{"form":{},"url":{}},"sampling":{"tools":{},"context":{}},"roots":{},"extensions":
            {"io.modelcontextprotocol/tasks":{},
            "io.modelcontextprotocol/ui":{"mimeTypes":["text/html;profile=mcp-app"]}}}
            """)
        #expect(Abilities(rawValue: 0x8101).modernCapabilities() == Abilities.form.modernCapabilities())
    }

    @Test(
        "every set reads back from its legacy form, as far as the revision goes", arguments: Revision.allCases
    )
    func legacyRoundTrip(_ revision: Revision) throws {
        var known: Abilities = [.sampling, .roots, .apps]
        if revision >= .v2025_06_18 { known.insert(.form) }
        if revision >= .v2025_11_25 { known.formUnion([.url, .samplingTools, .samplingContext]) }
        for abilities in Self.all {
            let text = String(decoding: abilities.legacyCapabilities(revision), as: UTF8.self)
            let read = try withRoot(text) { Abilities(legacy: $0, revision) }
            #expect(read == Self.normal(abilities).intersection(known), "\(text)")
        }
    }

    @Test func legacyForms() throws {
        let asked: Abilities = [.form, .url, .sampling, .samplingTools, .roots]
        let rows: [(Revision, String)] = [
            (.v2024_11_05, #"{"sampling":{},"roots":{}}"#),
            (.v2025_03_26, #"{"sampling":{},"roots":{}}"#),
            (.v2025_06_18, #"{"elicitation":{},"sampling":{},"roots":{}}"#),
            (.v2025_11_25, #"{"elicitation":{"form":{},"url":{}},"sampling":{"tools":{}},"roots":{}}"#),
        ]
        for (revision, wanted) in rows {
            try expectSame(JSONValue(parsing: asked.legacyCapabilities(revision)), wanted)
        }
        #expect(Abilities.url.legacyCapabilities(.v2025_06_18) == Array("{}".utf8))
    }

    @Test func subsets() {
        for abilities in Self.all {
            #expect(abilities.interactive == abilities.subtracting([.tasks, .apps]))
            #expect(
                abilities.isInteractive == !abilities.intersection([.form, .url, .sampling, .roots]).isEmpty)
        }
        #expect(!everyAbility.subtracting([.form, .url, .sampling, .roots]).isInteractive)
    }

    // MARK: Matching

    static let toolBlock = #"{"type":"tool_use","id":"1","name":"n","input":{}}"#

    /// A question's method, params and what it takes; nil takes what no client has.
    static let questions: [(MCP.Method, String?, Abilities?)] = [
        (.elicitationCreate, formText, .form),
        (.elicitationCreate, #"{"message":"m","requestedSchema":{}}"#, .form),
        (.elicitationCreate, nil, .form),
        (.elicitationCreate, urlText, .url),
        (.elicitationCreate, #"{"m\u006fde":"u\u0072l"}"#, .url),
        (.elicitationCreate, #"{"mode":"face"}"#, nil),
        (.elicitationCreate, #"{"mode":null}"#, nil),
        (.elicitationCreate, #"{"mode":["form"]}"#, nil),
        (.samplingCreateMessage, samplingText, .sampling),
        (.samplingCreateMessage, nil, .sampling),
        (.samplingCreateMessage, #"{"tools":[ ],"toolChoice":{"mode":"none"}}"#, .sampling),
        (.samplingCreateMessage, #"{"tools":null}"#, .sampling),
        (.samplingCreateMessage, #"{"tools":[{"name":"n"}]}"#, [.sampling, .samplingTools]),
        (.samplingCreateMessage, #"{"\u0074ools":[ {"name":"n"}]}"#, [.sampling, .samplingTools]),
        (
            .samplingCreateMessage, #"{"messages":[{"role":"assistant","content":\#(toolBlock)}]}"#,
            [.sampling, .samplingTools]
        ),
        (
            .samplingCreateMessage, #"{"messages":[1,{"content":[{},{"type":"tool_r\u0065sult"}]}]}"#,
            [.sampling, .samplingTools]
        ),
        (.rootsList, nil, .roots),
        (.rootsList, "{}", .roots),
        (.toolsCall, "{}", nil),
        (.ping, nil, nil),
        (.unknown, nil, nil),
    ]

    @Test("a question is covered by exactly the sets that hold what it takes", arguments: [0, 1, 4, 200])
    func covering(_ depth: Int) throws {
        for (method, params, needed) in Self.questions {
            try withShallow(params ?? "null", depth: depth) { root in
                let node = params == nil ? nil : root
                for abilities in Self.all {
                    let wanted = needed.map { abilities.isSuperset(of: $0) } ?? false
                    #expect(abilities.cover(method, node) == wanted, "\(method) \(params ?? "")")
                }
                let required = Abilities.required(for: method, node)
                #expect(required == (needed ?? []).modernCapabilities())
            }
        }
    }

    @Test func requiredForms() throws {
        try withRoot(urlText) { node in
            let required = Abilities.required(for: .elicitationCreate, node)
            #expect(String(decoding: required, as: UTF8.self) == #"{"elicitation":{"url":{}}}"#)
        }
        let tools = try withRoot(#"{"tools":[{}]}"#) { Abilities.required(for: .samplingCreateMessage, $0) }
        #expect(String(decoding: tools, as: UTF8.self) == #"{"sampling":{"tools":{}}}"#)
        #expect(Abilities.required(for: .rootsList, nil) == Array(#"{"roots":{}}"#.utf8))
        #expect(Abilities.required(for: .toolsCall, nil) == Array("{}".utf8))
    }
}
