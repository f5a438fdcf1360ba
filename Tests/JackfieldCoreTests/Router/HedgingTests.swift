// SPDX-License-Identifier: Apache-2.0
// What hedges go by: the percentile of recent latencies, the delay, which tools.

import MCP
import Testing

@testable import JackfieldCore

private let ms: UInt64 = 1_000_000
private let second: UInt64 = 1_000_000_000

@Suite struct LatencyEstimateTests {
    @Test(arguments: [50, 90, 95, 99])
    func percentilesAreAtMostAnEighthTooLarge(_ percent: Int) throws {
        var estimate = LatencyEstimate()
        for n in 1...1000 { estimate.add(UInt64(n) * ms, 100 * second) }
        let found = try #require(estimate.percentile(percent))
        let exact = UInt64(percent) * 10 * ms
        #expect(found >= exact && found <= exact + exact / 8 + 1)
    }

    @Test func fewCallsSayNothing() {
        var estimate = LatencyEstimate()
        #expect(estimate.percentile(95) == nil)
        for _ in 1..<20 { estimate.add(ms, second) }
        #expect(estimate.percentile(95) == nil)
        estimate.add(ms, second)
        #expect(estimate.percentile(95) != nil)
        // The slowest of twenty is no 99th percentile.
        #expect(estimate.percentile(99) == nil)
        #expect(estimate.percentile(0) == nil && estimate.percentile(100) == nil)
    }

    @Test func oldCallsAreForgotten() throws {
        var estimate = LatencyEstimate()
        for _ in 0..<100 { estimate.add(second, 100 * second) }
        for _ in 0..<100 { estimate.add(ms, 110 * second) }
        #expect(try #require(estimate.percentile(95)) >= second)
        for _ in 0..<100 { estimate.add(ms, 120 * second) }
        #expect(try #require(estimate.percentile(95)) < 2 * ms)
        #expect(estimate.total == 200)
        // After a long silence all of it is old.
        estimate.add(ms, 1000 * second)
        #expect(estimate.total == 1)
    }

    @Test func noLatencyIsOutOfBounds() throws {
        var estimate = LatencyEstimate()
        for latency: UInt64 in [0, 1, 7, 8, 9, .max / 2, .max] {
            for _ in 0..<20 { estimate.add(latency, second) }
        }
        #expect(estimate.total == 140)
        #expect(try #require(estimate.percentile(99)) >= .max / 2)
    }
}

@Suite struct ServerHedgeTests {
    @Test func aFixedDelayIsKnownAtOnce() {
        #expect(ServerHedge(HedgePlan(delay: .fixed(5 * ms))).delay == 5 * ms)
    }

    @Test func aPercentileIsLearntAndHasAFloor() throws {
        let hedge = ServerHedge(HedgePlan(delay: .percentile(95, atLeast: 3 * ms)))
        for _ in 0..<19 { hedge.observe(ms, second) }
        #expect(hedge.delay == nil)
        hedge.observe(ms, second)
        #expect(hedge.delay == 3 * ms)
        for _ in 0..<32 { hedge.observe(50 * ms, second) }
        #expect(try #require(hedge.delay) >= 50 * ms)
    }

    @Test func patternsAreForTools() {
        var plan = HedgePlan(delay: .fixed(ms))
        plan.tools = ["get_*"]
        let hedge = ServerHedge(plan)
        #expect(hedge.covers(.toolsCall, "get_user") && !hedge.covers(.toolsCall, "set_user"))
        #expect(hedge.covers(.resourcesRead, "file:///x"))
    }

    @Test func whatWasNotUsedIsGivenBack() {
        let budget = RetryBudget(percent: 1)
        for _ in 0..<10 { #expect(budget.withdraw()) }
        #expect(!budget.withdraw())
        budget.giveBack()
        #expect(budget.left == 1 && budget.withdraw())
    }
}
