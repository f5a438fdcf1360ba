// SPDX-License-Identifier: Apache-2.0
// Views as principals see them: what is left out, whose cursors are whose, and how many are kept.

import JSON
import MCP
import Testing

@testable import JackfieldCore

@Suite("Shown views") struct ShownViewTests {
    private func shows(_ view: View, _ names: Set<String>) -> [[Bool]] {
        view.entries.map { $0.map { names.contains($0.item.key) } }
    }

    @Test func aViewShowsWhatIsLeftOfIt() throws {
        let all = try catalog([
            server("a", tools: ["one", "two"], isPublic: true),
            server("b", tools: ["three"], resources: ["file:///x"], generation: 2, isPublic: true),
        ])
        let whole = try #require(all.view("/mcp"))
        let some = View(whole, showing: shows(whole, ["one"]), mark: 7)
        #expect(
            try shownItems(View(whole, showing: shows(whole, ["one"]), mark: 0), .tools, .modern).count == 1)
        #expect(some.servers == [0])
        #expect(some.count(.tools) == 1 && some.count(.resources) == 0)
        #expect(some.fingerprints[0] != whole.fingerprints[0])
        let page = try JSONValue(parsing: some.pages(.tools, .modern)[0].bytes)
        #expect(page["cacheScope"]?.string == "private")
        let nothing = View(whole, showing: shows(whole, []), mark: 7)
        #expect(nothing.servers.isEmpty && all.instructions(of: nothing) == nil)
        #expect(nothing.pages(.tools, .plain).count == 1)
    }

    @Test func cursorsAreOfTheirOwnView() throws {
        let all = try catalog([server("a", tools: ["one", "two", "three"])], pageSize: 1)
        let whole = try #require(all.view("/mcp"))
        let one = View(whole, showing: shows(whole, ["one", "two"]), mark: 7)
        let other = View(whole, showing: shows(whole, ["one", "two"]), mark: 8)
        func cursor(_ view: View) throws -> UInt64? {
            let page = try JSONValue(parsing: view.pages(.tools, .modern)[0].bytes)
            return withBytes(page["nextCursor"]?.string ?? "") { Cursor($0)?.fingerprint }
        }
        #expect(try cursor(one) == one.marks[0])
        #expect(try cursor(other) == other.marks[0])
        #expect(one.marks[0] != other.marks[0] && one.fingerprints[0] == other.fingerprints[0])
        #expect(whole.marks == whole.fingerprints)
    }

    @Test func whatWasUsedLongestAgoGoesFirst() throws {
        let whole = try #require(catalog([server("a", tools: ["one"])]).view("/mcp"))
        let shown = View(whole, showing: shows(whole, ["one"]), mark: 1)
        let views = ShownViews()
        func key(_ number: Int) -> ShownViews.Key {
            ShownViews.Key(path: "/mcp", classes: [UInt8(number >> 8), UInt8(number & 255)])
        }
        for number in 0..<ShownViews.mostViews { views.keep(shown, of: whole, for: key(number)) }
        #expect(views.count == ShownViews.mostViews)
        #expect(views.find(key(0), of: whole) === shown)
        views.keep(shown, of: whole, for: key(1000))
        #expect(views.count == ShownViews.mostViews)
        #expect(views.find(key(0), of: whole) != nil && views.find(key(1), of: whole) == nil)
        let generation = views.generation
        views.removeAll()
        #expect(views.count == 0 && views.generation == generation + 1)
    }

    @Test func aViewIsGoodWithItsOwnCatalogue() throws {
        let old = try catalog([server("a", tools: ["one"])])
        let new = try catalog([server("a", tools: ["one"])])
        let whole = try #require(old.view("/mcp"))
        let views = ShownViews()
        let key = ShownViews.Key(path: "/mcp", classes: [])
        views.keep(View(whole, showing: shows(whole, []), mark: 1), of: whole, for: key)
        views.keep(of: old)
        #expect(views.count == 1)
        let next = try #require(new.view("/mcp"))
        #expect(views.find(key, of: next) == nil)
        views.keep(of: new)
        #expect(views.count == 0)
    }

    @Test func marksTellPathsAndClassesApart() {
        let one = ShownViews.Key(path: "/mcp", classes: [1])
        #expect(one.mark == ShownViews.Key(path: "/mcp", classes: [1]).mark && one.mark != 0)
        #expect(one.mark != ShownViews.Key(path: "/mcp", classes: [2]).mark)
        #expect(one.mark != ShownViews.Key(path: "/mcp/servers/a", classes: [1]).mark)
    }
}

@Suite("Rulings") struct RulingTests {
    private func read(_ text: String) -> Ruling? {
        Array(text.utf8).withUnsafeBytes { Ruling(parsing: $0) }
    }

    @Test func whatFinishBringsIsRead() {
        #expect(read(#"{"decision":"allow"}"#) == Ruling(.allow))
        #expect(
            read(#"{"decision":"deny","rule":"r","text":"t","scopes":["a","b"]}"#)
                == Ruling(.deny, rule: "r", text: "t", scopes: "a b"))
        #expect(read(#"{"decision":"hide","dry":true}"#)?.isDry == true)
        let long = String(repeating: "x", count: 5000)
        #expect(read(#"{"decision":"deny","text":"\#(long)"}"#)?.text?.utf8.count == Ruling.longest)
    }

    @Test(arguments: [
        "", "{}", "[]", "true", #"{"decision":"maybe"}"#, #"{"decision":1}"#, #"{"decision":"allow""#,
    ])
    func whatIsNoDecisionIsNone(_ text: String) { #expect(read(text) == nil) }
}
