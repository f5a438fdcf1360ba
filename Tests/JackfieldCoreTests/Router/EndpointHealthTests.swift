// SPDX-License-Identifier: Apache-2.0
// The circuit breaker over an endpoint's outcomes, its window and its slow start.

import Testing

@testable import JackfieldCore

@Suite struct EndpointHealthTests {
    private let second: UInt64 = 1_000_000_000

    private func health(_ edit: (inout BreakerPlan) -> Void = { _ in }) -> EndpointHealth {
        var plan = BreakerPlan()
        edit(&plan)
        return EndpointHealth(plan)
    }

    @Test func failuresInARowOpen() {
        let health = health { $0.failures = 3 }
        let now = 100 * second
        #expect(health.ended(failed: true, now) == nil)
        #expect(health.ended(failed: true, now) == nil)
        #expect(health.ended(failed: false, now) == nil)
        #expect(health.ended(failed: true, now) == nil)
        #expect(health.ended(failed: true, now) == nil)
        guard case .opened(let pause, let why)? = health.ended(failed: true, now) else {
            Issue.record("it did not open")
            return
        }
        #expect(pause == 2 * second)
        #expect(why == "3 calls in a row failed")
        #expect(health.admits(now) == .no(until: now + pause))
        #expect(!health.isAvailable(now))
    }

    @Test func theRateOpensFromEnoughCallsOn() {
        let health = health {
            $0.failures = 1000
            $0.errorRate = 50
            $0.minimumCalls = 10
        }
        let now = 100 * second
        for call in 0..<9 { #expect(health.ended(failed: call % 2 == 0, now) == nil) }
        #expect(health.ended(failed: true, now) != nil)
    }

    @Test func slowAnswersCountTowardsTheRateAlone() {
        let health = health {
            $0.failures = 3
            $0.minimumCalls = 10
            $0.latency = second
        }
        var now = 100 * second
        for _ in 0..<9 { #expect(health.ended(failed: false, isSlow: true, now) == nil) }
        guard case .opened(_, let why)? = health.ended(failed: false, isSlow: true, now) else {
            Issue.record("it did not open")
            return
        }
        #expect(why == "10 of its 10 calls failed or were too slow in 10 s")
        now += 2 * second
        #expect(health.admits(now) == .trial)
        guard case .opened(_, let again)? = health.ended(failed: false, isSlow: true, now) else {
            Issue.record("a slow trial closed it")
            return
        }
        #expect(again == "its trial call was too slow")
    }

    @Test func oldOutcomesAreForgotten() {
        let health = health()
        for call in 0..<40 { health.ended(failed: call % 4 == 0, 100 * second) }
        #expect(health.recent(100 * second).calls == 40)
        #expect(health.recent(109 * second).failures == 10)
        #expect(health.recent(110 * second).calls == 0)
    }

    @Test func oneTrialDecides() {
        let health = health { $0.failures = 1 }
        var now = 100 * second
        #expect(health.ended(failed: true, now) != nil)
        now += 2 * second
        #expect(health.admits(now) == .trial)
        // Nobody else while the trial is under way.
        guard case .no = health.admits(now) else {
            Issue.record("two trials at once")
            return
        }
        guard case .opened(let pause, _)? = health.ended(failed: true, now) else {
            Issue.record("a failed trial left it as it was")
            return
        }
        #expect(pause == 4 * second)
        now += pause
        #expect(health.admits(now) == .trial)
        #expect(health.ended(failed: false, now) == .closed)
        #expect(health.admits(now) == .yes)
        #expect(health.recent(now).calls == 0)
        // The way back begins anew.
        guard case .opened(let first, _)? = health.ended(failed: true, now) else {
            Issue.record("it did not open again")
            return
        }
        #expect(first == 2 * second)
    }

    @Test func aTrialGivenBackIsMadeByAnother() {
        let health = health { $0.failures = 1 }
        health.ended(failed: true, 100 * second)
        #expect(health.admits(102 * second) == .trial)
        health.withdrawn(102 * second)
        #expect(health.admits(102 * second) == .trial)
    }

    @Test func aTrialThatNeverEndsIsGivenUp() {
        let health = health { $0.failures = 1 }
        health.ended(failed: true, 100 * second)
        #expect(health.admits(102 * second) == .trial)
        #expect(health.admits(133 * second) == .trial)
    }

    @Test func pausesAreBounded() {
        let health = health {
            $0.failures = 1
            $0.longest = 5_000_000_000
        }
        var now = 100 * second
        health.ended(failed: true, now)
        var pauses: [UInt64] = []
        for _ in 0..<70 {
            now += 5 * second
            _ = health.admits(now)
            if case .opened(let pause, _)? = health.ended(failed: true, now) { pauses.append(pause) }
        }
        #expect(pauses.first == 4 * second)
        #expect(Set(pauses.dropFirst()) == [5 * second])
        #expect(pauses.count == 70)
    }

    @Test func switchedOffItNeverOpens() {
        let health = health { $0.isEnabled = false }
        for _ in 0..<1000 { #expect(health.ended(failed: true, 100 * second) == nil) }
        #expect(health.admits(100 * second) == .yes)
    }

    @Test func slowStart() {
        let health = health { $0.slowStart = 10_000_000_000 }
        #expect(health.readiness(100 * second) == 1000)
        health.begins(100 * second)
        #expect(health.readiness(100 * second) == 100)
        #expect(health.readiness(105 * second) == 500)
        #expect(health.readiness(110 * second) == 1000)
        #expect(health.readiness(101 * second) == 1000)
    }

    /// Many threads: exactly one of them gets the trial.
    @Test func onlyOneOfManyThreadsTries() async {
        for round in 0..<50 {
            let health = health { $0.failures = 1 }
            health.ended(failed: true, 100 * second)
            let now = 102 * second + UInt64(round)
            let trials = await withTaskGroup(of: Int.self) { group in
                for _ in 0..<8 { group.addTask { health.admits(now) == .trial ? 1 : 0 } }
                return await group.reduce(0, +)
            }
            #expect(trials == 1)
        }
    }
}

@Suite struct RetryBudgetTests {
    @Test func retriesAreEarned() {
        let budget = RetryBudget(percent: 20)
        for _ in 0..<10 { #expect(budget.withdraw()) }
        #expect(!budget.withdraw())
        for _ in 0..<4 { budget.deposit() }
        #expect(!budget.withdraw())
        budget.deposit()
        #expect(budget.withdraw())
        #expect(!budget.withdraw())
    }

    @Test func savingsAreBounded() {
        let budget = RetryBudget(percent: 100)
        for _ in 0..<10_000 { budget.deposit() }
        #expect(budget.left == 100)
    }
}
