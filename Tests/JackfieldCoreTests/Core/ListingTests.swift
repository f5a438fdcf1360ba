// SPDX-License-Identifier: Apache-2.0
// ListedItem: items as servers send them, refused or shown under another name.

import JSON
import MCP
import Testing

@testable import JackfieldCore

@Suite("Listing") struct ListingTests {
    @Test func kindsHaveTheMembersOfTheirLists() {
        #expect(
            ItemKind.allCases.map { "\($0.listMethod.name)" } == [
                "tools/list", "resources/list", "resources/templates/list", "prompts/list",
            ])
        #expect(
            ItemKind.allCases.map { "\($0.member)" } == [
                "tools", "resources", "resourceTemplates", "prompts",
            ])
        #expect(ItemKind.allCases.map { "\($0.key)" } == ["name", "uri", "uriTemplate", "name"])
        #expect(ItemKind.allCases.map(\.rawValue) == [0, 1, 2, 3])
    }

    @Test(
        "an item that cannot be shown is refused with its reason",
        arguments: [
            (.tools, "5", "object"), (.tools, "[]", "object"), (.tools, "{}", "name"),
            (.tools, #"{"name":"","inputSchema":{}}"#, "name"),
            (.tools, #"{"name":7,"inputSchema":{}}"#, "name"),
            (.tools, #"{"name":"a"}"#, "inputSchema"),
            (.tools, #"{"name":"a","inputSchema":true}"#, "inputSchema"),
            (.resources, #"{"name":"a"}"#, "uri"), (.templates, #"{"name":"a","uri":"b"}"#, "uriTemplate"),
            (.prompts, #"{"title":"a"}"#, "name"),
        ] as [(ItemKind, String, String)])
    func refuses(_ kind: ItemKind, _ text: String, _ why: String) throws {
        do {
            _ = try listed(kind, text)
            Issue.record("was taken")
        } catch let problem as ListingProblem {
            #expect(problem.message.contains(why), "\(problem.message)")
        }
    }

    @Test(
        "an item with a repeated key is refused",
        arguments: [
            (.tools, #"{"name":"a","inputSchema":{"type":"object"},"name":"b"}"#),
            (.tools, #"{"name":"a","n\u0061me":"b","inputSchema":{"type":"object"}}"#),
            (.resources, #"{"uri":"a://1","name":"n","uri":"a://2"}"#),
            (.prompts, #"{"name":"a","name":"a"}"#),
        ] as [(ItemKind, String)])
    func repeatedKey(_ kind: ItemKind, _ text: String) {
        // Only one of them can be rewritten. Many parsers take the last: such an item could pose as another server's.
        #expect(throws: ListingProblem.self) { try listed(kind, text) }
    }

    @Test(
        "an item is left out or has what every client's schema requires",
        arguments: [
            (.resources, #"{"uri":"a://1"}"#), (.resources, #"{"uri":"a://1","name":4}"#),
            (.templates, #"{"uriTemplate":"a://{x}"}"#), (.tools, #"{"name":"a","inputSchema":{}}"#),
            (.tools, #"{"name":"a","inputSchema":{"type":"string"}}"#),
        ] as [(ItemKind, String)])
    func requiredMembers(_ kind: ItemKind, _ text: String) throws {
        // Clients validate the list as a whole: one such item would cost them all others.
        guard let item = try? listed(kind, text) else { return }
        var out: [UInt8] = []
        item.append(as: item.key, .plain, to: &out)
        let shown = try JSONValue(parsing: out)
        #expect(shown["name"]?.string != nil)
        if kind == .tools { #expect(shown["inputSchema"]?["type"] == "object") }
    }

    @Test(
        "only the key changes when an item is shown under another name",
        arguments: [
            #"{"name":"old","inputSchema":{"type":"object"},"title":"old"}"#,
            #"{ "title" : "old" , "name" : "old" , "inputSchema" : {"type":"object","properties":{"name":{"const":"old"}}} }"#,
            #"{"inputSchema":{"type":"object"},"x":[1.50,null],"n\u0061me":"o\u006cd"}"#,
        ])
    func shownUnderAnotherName(_ text: String) throws {
        let item = try listed(.tools, text)
        #expect(item.key == "old")
        for shape in ListShape.allCases {
            for shown in ["old", "a__old", "quote\"d", ""] {
                var out: [UInt8] = Array("x".utf8)
                item.append(as: shown, shape, to: &out)
                var wanted = try JSONValue(parsing: text)
                wanted["name"] = .string(shown)
                #expect(try JSONValue(parsing: out.dropFirst()) == wanted)
                if shown == "old" { #expect(Array(out.dropFirst()) == Array(text.utf8)) }
            }
        }
    }

    @Test func shapesFollowTheRevisions() {
        #expect(
            Revision.allCases.map { ListShape($0) } == [.plain, .plain, .structured, .tasks, .modern])
        #expect(
            Revision.allCases.map { ListShape($0, honoursTasks: false) } == [
                .plain, .plain, .structured, .structured, .modern,
            ])
    }

    @Test("execution is shown to those who can use it")
    func execution() throws {
        for (execution, support) in [
            (#"{"taskSupport":"required"}"#, TaskSupport.required),
            (#"{"taskSupport":"optional"}"#, .optional),
            (#"{"taskSupport":"never"}"#, .forbidden), ("{}", .forbidden), ("7", .forbidden),
        ] {
            let rest = #""x":1.0,"inputSchema":{"type":"object"}"#
            for text in [
                #"{"execution":\#(execution),"name":"a",\#(rest)}"#,
                #"{"name":"a",\#(rest),"execution":\#(execution)}"#,
                #"{ \#(rest) , "e\u0078ecution" : \#(execution) , "n\u0061me":"a" }"#,
            ] {
                let item = try listed(.tools, text)
                #expect(item.taskSupport == support)
                for shape in ListShape.allCases {
                    var out: [UInt8] = []
                    item.append(as: "s__a", shape, to: &out)
                    var wanted = try JSONValue(parsing: text)
                    wanted["name"] = "s__a"
                    if shape != .tasks { wanted["execution"] = JSONValue?.none }
                    #expect(try JSONValue(parsing: out) == wanted)
                }
            }
        }
        #expect(try item(.tools, "a").taskSupport == nil)
    }

    @Test(
        "an output schema is shown to those who can mean it",
        arguments: [
            (#"{"type":"object"}"#, .object), (#"{"type":"object","properties":{}}"#, .object),
            (#"{"type":"array"}"#, .wrappable), ("{}", .wrappable), ("true", .wrappable),
            (#"{"type":["object"]}"#, .wrappable), (#"{"anyOf":[{"type":"object"}]}"#, .wrappable),
            (##"{"items":{"$ref":"#"}}"##, .other), ("null", .other), ("[]", .other), (#""x""#, .other),
        ] as [(String, OutputSchema)])
    func outputSchema(_ schema: String, _ output: OutputSchema) throws {
        let member = #""outputSchema":\#(schema)"#
        for text in [
            #"{"name":"a",\#(member),"inputSchema":{"type":"object"},"_meta":{"name":"a"}}"#,
            #"{\#(member),"inputSchema":{"type":"object"},"name":"a"}"#,
            #"{ "inputSchema" : {"type":"object"}, \#(member) , "n\u0061me" : "a" , "t\u0069tle":"\u00e9" }"#,
        ] {
            let item = try listed(.tools, text)
            #expect(item.output == output)
            for shown in ["a", "server__a"] {
                for shape in ListShape.allCases {
                    var out: [UInt8] = []
                    item.append(as: shown, shape, to: &out)
                    var wanted = try JSONValue(parsing: text)
                    wanted["name"] = .string(shown)
                    if shape == .plain || shape != .modern && output == .other {
                        wanted["outputSchema"] = JSONValue?.none
                    } else if shape != .modern, output == .wrappable, let own = wanted["outputSchema"] {
                        wanted["outputSchema"] = [
                            "type": "object", "properties": ["result": own], "required": ["result"],
                        ]
                    }
                    #expect(try JSONValue(parsing: out) == wanted)
                }
            }
        }
    }

    @Test func resourcesAndTemplatesAreRewrittenAtTheirOwnKeys() throws {
        for (kind, key) in [(ItemKind.resources, "uri"), (.templates, "uriTemplate")] {
            let item = try listed(kind, #"{"name":"n","\#(key)":"a://b\/c","mimeType":"t/p"}"#)
            #expect(item.key == "a://b/c")
            var out: [UInt8] = []
            item.append(as: "s+a://b/c", .plain, to: &out)
            let shown = try JSONValue(parsing: out)
            #expect(shown.object?.map(\.key) == ["name", key, "mimeType"])
            #expect(shown[key] == "s+a://b/c")
            #expect(shown["name"] == "n")
        }
    }
}
