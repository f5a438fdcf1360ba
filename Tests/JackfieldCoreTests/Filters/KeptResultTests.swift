// SPDX-License-Identifier: Apache-2.0
// Kept results: their names, what reading one gives, the link to it, and which filters make links.

import JSON
import Testing

@testable import JackfieldCore

@Suite struct KeptResultTests {
    private func kept(_ body: String, others: [String: String] = [:], ttl: UInt64 = 600_000) throws
        -> KeptResult
    {
        try Array(body.utf8).withUnsafeBytes {
            try #require(KeptResult(of: $0, tool: "s__big", others: others, ttl: ttl, depth: 64))
        }
    }

    private func link(_ kept: KeptResult, in preview: String = "{\"content\":[]}") throws -> JSONValue {
        let text = try #require(kept.linked(from: JSONText(preview)))
        let content = text.withRoot { JSONValue($0) }["content"]?.array ?? []
        return try #require(content.last)
    }

    @Test func namesAreRandomAndRead() {
        let name = KeptName()
        #expect(name != KeptName())
        #expect(KeptName(name.uri) == name)
        #expect(name.uri.hasPrefix("\(KeptName.scheme)//") && name.uri.utf8.count == 51)
        let tail = String(name.uri.dropFirst(19))
        for hostile in [
            "", "jackfield-result:", "jackfield-result://", "jackfield-result://\(tail.dropLast())",
            "jackfield-result://\(tail)0", "jackfield-result://\(tail.uppercased())G", "http://\(tail)",
            "jackfield-result://../../../../../etc/passwd0000000", "JACKFIELD-RESULT://\(tail)",
            "jackfield-result://\(tail.dropLast())\u{0}", "jackfield-result://\(tail.dropLast())é",
        ] { #expect(KeptName(hostile) == nil, "\(hostile)") }
    }

    @Test func keysAreApart() throws {
        let name = KeptName()
        let nobody = name.key(.nobody, at: "/mcp")
        #expect(nobody.hasPrefix("/result/") && !nobody.contains(String(name.uri.dropFirst(19))))
        #expect(nobody == name.key(.nobody, at: "/mcp"))
        #expect(nobody != name.key(.nobody, at: "/mcp/servers/s"))
        #expect(nobody != KeptName().key(.nobody, at: "/mcp"))
    }

    @Test func partsAreWhatTheyWere() throws {
        let body = """
            {"content":[{"type":"text","text":"h\\u00e9 \\"x\\""},{"type":"image","mimeType":"image/png","data":"AAECAw=="},\
            {"type":"resource","resource":{"uri":"own://a","mimeType":"text/x","text":"r"}},\
            {"type":"resource_link","uri":"u","name":"n"},7],"structuredContent":{"a":[1]}}
            """
        let it = try kept(body, others: ["own://a": "s+own://a"])
        let parts = try #require(try JSONValue(parsing: it.bytes).array)
        let own = JSONValue.string(it.name.uri)
        #expect(parts.count == 6)
        #expect(parts[0]["text"]?.string == "hé \"x\"" && parts[0]["uri"] == own)
        #expect(parts[1]["blob"]?.string == "AAECAw==" && parts[1]["mimeType"]?.string == "image/png")
        #expect(parts[2]["uri"]?.string == "s+own://a" && parts[2]["text"]?.string == "r")
        #expect(parts[3]["text"]?.string == "{\"type\":\"resource_link\",\"uri\":\"u\",\"name\":\"n\"}")
        #expect(parts[4]["text"]?.string == "7")
        #expect(
            parts[5]["text"]?.string == "{\"a\":[1]}" && parts[5]["mimeType"]?.string == "application/json")
        #expect(it.size == 7 + 4 + 1 + 45 + 1 + 9)
        // What has nothing in common is of no one type.
        #expect(try link(it)["mimeType"] == nil)
    }

    @Test func theLinkSaysWhatItLeadsTo() throws {
        let it = try kept(
            "{\"content\":[{\"type\":\"text\",\"text\":\"abc\"},{\"type\":\"text\",\"text\":\"d\"}]}")
        let link = try link(it, in: "{\"isError\":true,\"content\":[1],\"_meta\":{}}")
        #expect(link["type"]?.string == "resource_link" && link["uri"]?.string == it.name.uri)
        #expect(link["name"]?.string == "result of s__big" && link["mimeType"]?.string == "text/plain")
        #expect(link["size"] == .number("4"))
        #expect(link["description"]?.string == "The whole result, kept for 10 minutes")
        #expect(try it.linked(from: JSONText("{}")) == nil)
        #expect(try it.linked(from: JSONText("{\"content\":{}}")) == nil)
    }

    @Test func theBudgetIsABound() {
        let budget = KeptBudget()
        #expect(budget.take(6, most: 10))
        #expect(!budget.take(5, most: 10))
        budget.release(6)
        #expect(budget.take(10, most: 10))
    }

    // MARK: Which filters link

    private func choice() throws -> PluginChoice {
        let filter = """
            {"id":"filter-size","version":"1.0.0","abi":"1.1","facets":["jf.filter/1"],"threads":"per-loop","filter":
             {"filter":"size","links":{"action":"spill"},"config":{"type":"object","properties":
              {"action":{"type":"string","default":"truncate"}}}}}
            """
        let store = """
            {"id":"store-memory","version":"1.0.0","abi":"1.1","facets":["jf.store/1"],"threads":"per-loop",
             "store":{"kind":"memory"}}
            """
        return PluginChoice([
            try PluginManifest(parsing: Array(filter.utf8)), try PluginManifest(parsing: Array(store.utf8)),
        ])
    }

    @Test(arguments: ["{}": false, "{\"action\":\"page\"}": false, "{\"action\":\"spill\"}": true])
    func optionsDecide(_ options: String, _ links: Bool) throws {
        var plan = GatewayPlan()
        plan.filters = [ModulePlan(kind: "size", name: "size", options: options)]
        let choice = try choice()
        let (checked, problems) = choice.check(plan)
        #expect(problems.isEmpty)
        #expect(checked.filters[0].links == links)
        #expect(choice.needed(checked).contains("store-memory") == links)
    }

    @Test func theManifestIsRead() throws {
        let text =
            "{\"id\":\"f\",\"version\":\"1.0.0\",\"abi\":\"1.1\",\"facets\":[\"jf.filter/1\"],"
            + "\"threads\":\"per-loop\",\"filter\":{\"filter\":\"f\",\"links\":"
        for wrong in ["true", "{\"a\":1}", "[\"a\"]"] {
            #expect(throws: PluginManifest.Fault.self) {
                try PluginManifest(parsing: Array("\(text)\(wrong)}}".utf8))
            }
        }
        let always = try PluginManifest(parsing: Array("\(text){}}}".utf8))
        #expect(always.modules[.filter]?.mayLink(with: "{}") == true)
    }
}
