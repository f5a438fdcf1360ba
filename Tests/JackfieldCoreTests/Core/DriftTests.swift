// SPDX-License-Identifier: Apache-2.0
// What the lock rules about listings, and what of them is shown then.

import JSON
import MCP
import Testing

@testable import JackfieldCore

@Suite struct DriftTests {
    private let counters = Counters()

    private func watch(_ plan: LockPlan?) -> DriftWatch {
        DriftWatch(plan, log: Log(level: .error), counters: counters)
    }

    private func described(_ name: String, _ description: String) throws -> ListedItem {
        try listed(
            .tools, #"{"name":"\#(name)","description":"\#(description)","inputSchema":{"type":"object"}}"#)
    }

    /// A server with tools as they are approved, and the lock of it.
    private func locked(_ change: (inout LockPlan) -> Void = { _ in }) throws -> (ServerRecord, LockPlan) {
        let record = try server("s", tools: ["a", "b"], prompts: ["p"], resources: ["u://1"])
        var lock = ToolLock()
        lock.approve(record.listing?[.tools].compactMap { ToolDefinition($0) } ?? [], of: "s")
        var plan = LockPlan(lock: lock, file: "l")
        change(&plan)
        return (record, plan)
    }

    @Test func whatIsApprovedIsShown() throws {
        let (record, plan) = try locked()
        #expect(watch(plan).judge(record, now: 1) == .none)
        #expect(counters.read(.toolsDrifted) == 0)
    }

    @Test func aChangedToolIsWithheldUntilItIsAsApprovedAgain() throws {
        var (record, plan) = try locked()
        let watch = watch(plan)
        record.listing?[.tools][0] = try described("a", "evil")
        #expect(watch.judge(record, now: 1).withheld.keys.sorted() == ["a"])
        #expect(watch.judge(record, now: 2).withheld.keys.sorted() == ["a"])
        #expect(counters.read(.toolsDrifted) == 1)
        record.listing?[.tools][0] = try item(.tools, "a")
        #expect(watch.judge(record, now: 3) == .none)
        record.listing?[.tools][0] = try described("a", "evil")
        var approved = plan
        approved.lock.approve(record.listing?[.tools].compactMap { ToolDefinition($0) } ?? [], of: "s")
        #expect(watch.judge(record, now: 4).withheld.count == 1)
        watch.adopt(approved)
        #expect(watch.judge(record, now: 5) == .none)
        watch.adopt(nil)
        #expect(watch.judge(record, now: 6) == .none)
    }

    @Test func eachPolicyRulesAsItSays() throws {
        var (record, quarantine) = try locked()
        record.listing?[.tools] = [try described("a", "evil"), try item(.tools, "new")]  // b is gone
        #expect(watch(quarantine).judge(record, now: 1).withheld.keys.sorted() == ["a", "new"])
        quarantine.quarantinesNew = false
        #expect(watch(quarantine).judge(record, now: 1).withheld.keys.sorted() == ["a"])
        var warn = quarantine
        warn.onChange = .warn
        #expect(watch(warn).judge(record, now: 1) == .none)
        var refuse = quarantine
        refuse.onChange = .refuse
        let ruling = watch(refuse).judge(record, now: 1)
        #expect(ruling.isRefused && ruling.withheld.keys.sorted() == ["a", "new"])
        refuse.except = ["s"]
        #expect(watch(refuse).judge(record, now: 1) == .none)
    }

    @Test func aNewToolAloneRefusesNobody() throws {
        var (record, plan) = try locked { $0.onChange = .refuse }
        record.listing?[.tools].append(try item(.tools, "new"))
        let ruling = watch(plan).judge(record, now: 1)
        #expect(!ruling.isRefused && ruling.withheld.keys.sorted() == ["new"])
        record.listing?[.tools].removeFirst()
        #expect(watch(plan).judge(record, now: 1).isRefused)
    }

    @Test func toolsThatAreNotShownAreNotJudged() throws {
        var (record, plan) = try locked { $0.onChange = .refuse }
        let hidden = try server("s", tools: ["a", "b", "c"]) { $0.tools.deny = ["c"] }
        record.listing = hidden.listing
        #expect(watch(plan).judge(hidden, now: 1) == .none)
    }

    @Test func aListThatNeverCameIsNotJudged() throws {
        var (record, plan) = try locked { $0.onChange = .refuse }
        record.listing?[.tools] = []
        #expect(watch(plan).judge(record, now: 1).isRefused)
        record.listing?.failed = [.tools]
        #expect(watch(plan).judge(record, now: 1) == .none)
    }

    @Test func changesWithoutALockAreCounted() throws {
        var record = try server("s", tools: ["a", "b"])
        let watch = watch(nil)
        #expect(watch.judge(record, now: 1) == .none)
        record.listing?[.tools][1] = try described("b", "evil")
        #expect(watch.judge(record, now: 2) == .none)
        #expect(counters.read(.toolsDrifted) == 1)
        // Other bytes, the same definition.
        record.listing?[.tools][0] = try listed(
            .tools, #"{"inputSchema":{"type":"object"},"name":"a","_meta":{}}"#)
        #expect(watch.judge(record, now: 3) == .none)
        #expect(counters.read(.toolsDrifted) == 1)
        watch.keep(only: [])
        record.listing?[.tools][1] = try item(.tools, "b")
        _ = watch.judge(record, now: 4)
        #expect(counters.read(.toolsDrifted) == 1, "a server that was gone is another")
    }

    @Test func aServersRecordsAreBounded() {
        var budget = LogBudget()
        let start: UInt64 = 1_000_000_000
        let first = (0..<100).compactMap { _ in budget.take(start) }
        #expect(first == Array(repeating: 0, count: LogBudget.burst))
        #expect(budget.take(start + LogBudget.interval - 1) == nil)
        #expect(budget.take(start + LogBudget.interval) == 100 - LogBudget.burst + 1)
        #expect(budget.take(start + LogBudget.interval) == nil)
        #expect(
            (0..<100).compactMap { _ in budget.take(start + 1000 * LogBudget.interval) }.count
                == LogBudget.burst)
    }

    // MARK: The catalogue

    @Test func withheldToolsKeepTheirNamesAndAreNotFound() throws {
        var first = try server("x", tools: ["a", "b"]) { $0.tools.aliases = ["short": "a"] }
        first.ruling.withheld["a"] = "why"
        let second = try server("y", tools: ["a"])
        var bundle = BundlePlan(name: "k")
        bundle.include = ["*"]
        bundle.rename = ["a": "r"]
        let all = catalog([first, second], bundles: [bundle]) { $0.prefix = .onConflict }
        var plain = first
        plain.ruling = .none
        let before = catalog([plain, second], bundles: [bundle]) { $0.prefix = .onConflict }
        for path in ["/mcp", "/mcp/servers/x", "/mcp/bundles/k"] {
            let (view, old) = (try #require(all.view(path)), try #require(before.view(path)))
            let gone = try Set(shownKeys(old, .tools)).subtracting(try shownKeys(view, .tools))
            let left = try shownKeys(view, .tools).count
            #expect(!gone.isEmpty && left + gone.count == old.count(.tools))
            for name in gone {
                #expect(owner(all, view, .tools, name) == nil)
                #expect(owner(before, old, .tools, name) == "x:a")
                #expect(view.withheld(name) == "why")
            }
            #expect(view.fingerprints[0] != old.fingerprints[0])
        }
        #expect(all.quarantined == 1 && all.refused.isEmpty)
        #expect(all.replacing(statuses: all.statuses).quarantined == 1)
    }

    @Test func aRefusedServerShowsNothing() throws {
        var first = try server(
            "x", tools: ["a"], prompts: ["p"], resources: ["u://1"], templates: ["t://{x}"])
        first.ruling = ToolRuling(withheld: ["a": "why"], isRefused: true)
        let all = catalog([first, try server("y", tools: ["a"], prompts: ["p"])])
        #expect(all.refused == [0])
        for path in ["/mcp", "/mcp/servers/x"] {
            let view = try #require(all.view(path))
            for kind in ItemKind.allCases {
                #expect(try shownKeys(view, kind).allSatisfy { $0.hasPrefix("y") })
            }
        }
    }
}
