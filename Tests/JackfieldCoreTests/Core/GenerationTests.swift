// SPDX-License-Identifier: Apache-2.0
// Which builds may take a running plugin's place, and when one on trial has failed too often.

import Testing

@testable import JackfieldCore

@Suite struct GenerationTests {
    @Test(
        arguments: [
            // calls, failures, before: calls, failures, spent
            (9, 9, 0, 0, false),
            (10, 10, 0, 0, true),
            (10, 0, 0, 0, false),
            (100, 5, 0, 0, false),
            (100, 6, 0, 0, true),
            (100, 24, 100, 20, false),
            (100, 26, 100, 20, true),
            (1000, 0, 10, 10, false),
        ] as [(UInt64, UInt64, UInt64, UInt64, Bool)])
    func budgetComparesRates(
        calls: UInt64, failures: UInt64, callsBefore: UInt64, failuresBefore: UInt64, isSpent: Bool
    ) {
        let new = PluginTally(calls: calls, failures: failures)
        let old = PluginTally(calls: callsBefore, failures: failuresBefore)
        #expect(ErrorBudget().isSpent(new, before: old) == isSpent)
    }

    @Test func budgetFollowsItsSettings() {
        var budget = ErrorBudget()
        budget.calls = 2
        budget.excess = 50
        #expect(!budget.isSpent(PluginTally(calls: 2, failures: 1), before: PluginTally()))
        #expect(budget.isSpent(PluginTally(calls: 3, failures: 2), before: PluginTally()))
    }

    // MARK: What fits

    private static let first = SHA256.digest(of: "first")
    private static let second = SHA256.digest(of: "second")

    private func manifest(_ more: String = "", id: String = "p", threads: String = "per-loop") throws
        -> PluginManifest
    {
        try PluginManifest(
            parsing: Array(
                """
                {"id":"\(id)","version":"1.0.0","abi":"1.0","facets":["jf.toolset/1"],"threads":"\(threads)",
                 "provides":["com.acme.x/1"],"config":{"type":"object","additionalProperties":false}\(more)}
                """.utf8))
    }

    private func fit(
        _ old: PluginManifest, resident: [SHA256Digest] = [first], cap: Int = 4,
        _ change: (inout GatewayPlan) -> Void = { _ in }
    ) -> GenerationFit {
        var plan = GatewayPlan()
        change(&plan)
        return GenerationFit(
            old: old, resident: resident, current: Self.first, cap: cap, plan: plan,
            choice: PluginChoice([old]), offered: ["com.acme.x/1"])
    }

    @Test func anotherBuildOfTheSameShapeFits() throws {
        #expect(fit(try manifest()).problem(try manifest(), Self.second) == nil)
    }

    @Test func whatDoesNotFitIsNamed() throws {
        let fit = fit(try manifest())
        func problem(_ new: PluginManifest, _ digest: SHA256Digest = Self.second) -> String {
            fit.problem(new, digest)?.description ?? ""
        }
        #expect(problem(try manifest(id: "q")).contains("holds plugin 'q', not 'p'"))
        #expect(problem(try manifest(), Self.first).contains("these very bytes"))
        #expect(problem(try manifest(threads: "serial")).contains("threads 'serial'"))
        #expect(
            problem(try manifest(#","requires":["com.acme.y/1"]"#)).contains("requires com.acme.y/1"))
        #expect(problem(try manifest(#","requires":["com.acme.x/1","jf.loop/1"]"#)).isEmpty)
        let less = try PluginManifest(
            parsing: Array(
                #"{"id":"p","version":"1.0.0","abi":"1.0","facets":["jf.toolset/1"],"threads":"per-loop"}"#
                    .utf8))
        #expect(problem(less).contains("does not offer com.acme.x/1 any more"))
    }

    @Test func optionsMustFitTheNewSchema() throws {
        let new = try PluginManifest(
            parsing: Array(
                """
                {"id":"p","version":"1.0.1","abi":"1.0","facets":["jf.toolset/1"],"threads":"per-loop",
                 "provides":["com.acme.x/1"],"config":{"type":"object","required":["key"]}}
                """.utf8))
        let fit = fit(try manifest()) { plan in
            var plugin = PluginPlan()
            plugin.id = "p"
            plan.plugins = [plugin]
        }
        let text = fit.problem(new, Self.second)?.description ?? ""
        #expect(text.contains("does not fit the new build of p") && text.contains("key"))
    }

    @Test func imagesAreCounted() throws {
        let full = fit(try manifest(), resident: [Self.first, SHA256.digest(of: "other")], cap: 2)
        #expect(full.problem(try manifest(), Self.second)?.description.contains("2 generations") == true)
        // One that is in memory already costs nothing.
        #expect(full.problem(try manifest(), SHA256.digest(of: "other")) == nil)
    }
}

extension SHA256 {
    fileprivate static func digest(of text: String) -> SHA256Digest {
        Array(text.utf8).withUnsafeBytes { digest(of: $0) }
    }
}
