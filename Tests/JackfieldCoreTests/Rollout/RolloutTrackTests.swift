// SPDX-License-Identifier: Apache-2.0
// How a rollout climbs, stops and goes back; no clock but the one that the test turns.

import Testing

@testable import JackfieldCore

@Suite struct RolloutTrackTests {
    private let minute: UInt64 = 60_000_000_000

    private func track(_ edit: (inout RolloutPlan) -> Void = { _ in }) -> RolloutTrack {
        var plan = RolloutPlan(version: "2")
        plan.every = 10 * minute
        plan.minimumCalls = 10
        edit(&plan)
        return RolloutTrack(plan)
    }

    private func feed(
        _ track: inout RolloutTrack, new: Int = 0, newFailures: Int = 0, old: Int = 0, oldFailures: Int = 0,
        newLatency: UInt64 = 10_000_000, oldLatency: UInt64 = 10_000_000, at now: UInt64 = 0
    ) -> [RolloutTrack.Event] {
        var events: [RolloutTrack.Event] = []
        for at in 0..<old {
            if let event = track.ended(
                isNew: false, failed: falls(at, oldFailures, old), latency: oldLatency, now: now)
            {
                events.append(event)
            }
        }
        for at in 0..<new {
            if let event = track.ended(
                isNew: true, failed: falls(at, newFailures, new), latency: newLatency, now: now)
            {
                events.append(event)
            }
        }
        return events
    }

    /// So many of so many, evenly spread.
    private func falls(_ at: Int, _ failures: Int, _ calls: Int) -> Bool {
        at * failures / calls != (at + 1) * failures / calls
    }

    @Test func itClimbsStepByStep() {
        var track = track()
        #expect(track.share == 500)
        #expect(feed(&track, new: 20, old: 100) == [])
        #expect(feed(&track, new: 1, at: 10 * minute) == [.climbed(share: 2500)])
        #expect(feed(&track, new: 20, old: 60, at: 11 * minute) == [])
        #expect(feed(&track, new: 1, at: 21 * minute) == [.climbed(share: 10000)])
        #expect(feed(&track, new: 20, at: 22 * minute) == [])
        #expect(feed(&track, new: 1, at: 32 * minute) == [.completed])
        #expect(track.state == .complete)
        // From then on it is the version that there is.
        #expect(feed(&track, new: 50, newFailures: 50, at: 33 * minute) == [])
        #expect(track.share == 10000)
    }

    @Test func timeAloneIsNoProof() {
        var track = track()
        #expect(feed(&track, new: 9, old: 1000) == [])
        #expect(feed(&track, new: 1, at: 60 * minute) == [.climbed(share: 2500)], "the tenth call")
    }

    @Test func theFirstFailuresAreEnoughOnceTheyCannotBeMadeUpFor() {
        var track = track { $0.minimumCalls = 100 }
        // 2 % of 100 calls are 2: the third failure is one too many, whatever comes.
        #expect(feed(&track, new: 2, newFailures: 2, old: 1000) == [])
        let events = feed(&track, new: 1, newFailures: 1)
        #expect(events == [.rolledBack(why: "3 of its 3 calls failed, 0 of the old version's 1000")])
        #expect(track.share == 0)
        #expect(track.failuresInAll == 3)
    }

    @Test func whatTheOldVersionFailsAtAsWellIsNotCounted() {
        var track = track()
        #expect(feed(&track, new: 100, newFailures: 10, old: 100, oldFailures: 20) == [])
        #expect(track.state == .running)
    }

    @Test func oneOldCallDoesNotExcuseEverything() {
        var track = track()
        let events = feed(&track, new: 10, newFailures: 5, old: 1, oldFailures: 1)
        #expect(events.count == 1 && track.state == .rolledBack)
    }

    @Test func withoutOldCallsTheBudgetStandsAlone() {
        var track = track {
            $0.steps = [10000]
            $0.errorRate = 1000
        }
        #expect(feed(&track, new: 10, newFailures: 1) == [])
        #expect(feed(&track, new: 1, newFailures: 1).count == 1)
    }

    @Test func aStepWithoutOldCallsIsHeldAgainstTheOneBefore() {
        var track = track {
            $0.steps = [5000, 10000]
            $0.every = 0
            $0.errorRate = 500
        }
        #expect(feed(&track, new: 10, newFailures: 1, old: 20, oldFailures: 4) == [.climbed(share: 10000)])
        // 20 % are usual here.
        #expect(feed(&track, new: 9, newFailures: 2) == [])
        #expect(track.state == .running)
    }

    @Test func slowIsTooSlowInComparison() {
        var track = track()
        #expect(feed(&track, new: 9, old: 10, newLatency: 100_000_000) == [])
        let events = feed(&track, new: 1, newLatency: 100_000_000)
        guard case .rolledBack(let why)? = events.first else {
            Issue.record("it was not rolled back")
            return
        }
        #expect(why.hasPrefix("95 % of its calls take up to"))
    }

    @Test func latencyNeedsSomethingToCompareWith() {
        var alone = track()
        #expect(feed(&alone, new: 100, old: 9, newLatency: 1_000_000_000) == [])
        var off = track { $0.latency = nil }
        #expect(feed(&off, new: 100, old: 100, newLatency: 1_000_000_000) == [])
        var alike = track()
        #expect(
            feed(&alike, new: 100, old: 100, newLatency: 140_000_000, oldLatency: 100_000_000) == [],
            "within one and a half")
        var quick = track()
        #expect(feed(&quick, new: 100, old: 100, newLatency: 5_000_000, oldLatency: 100_000) == [])
    }

    @Test func itNeverComesBackByItself() {
        var track = track()
        _ = feed(&track, new: 10, newFailures: 10, old: 10)
        #expect(track.state == .rolledBack)
        #expect(feed(&track, new: 1000, old: 1000, at: 1000 * minute) == [])
        #expect(track.share == 0)
        #expect(track.failuresInAll == 10, "calls that were under way are counted")
    }

    @Test func commands() {
        var track = track()
        #expect(track.resume() == "it runs")
        #expect(track.pause() == nil)
        #expect(track.pause() == "it does not run: it is paused")
        #expect(feed(&track, new: 20, old: 20, at: 0) == [])
        #expect(feed(&track, new: 1, at: 60 * minute) == [], "paused: no further step")
        #expect(track.share == 500)
        #expect(track.resume() == nil)
        #expect(feed(&track, new: 1, at: 61 * minute) == [.climbed(share: 2500)])
        #expect(track.rollBack() == nil)
        #expect(track.rollBack()?.contains("by command") == true)
        #expect(track.share == 0)
        #expect(track.resume() == nil)
        #expect(track.share == 500, "it begins anew")
        #expect(track.callsInAll == 22)
        #expect(track.promote() == nil)
        #expect(track.share == 10000)
        #expect(track.promote() != nil)
    }

    @Test func pausedItIsStillWatched() {
        var track = track()
        _ = track.pause()
        #expect(feed(&track, new: 10, newFailures: 10, old: 10).count == 1)
        #expect(track.state == .rolledBack)
    }

    // ---- Shares ----

    private func rollout(_ share: Int, _ sticky: RolloutPlan.Sticky = .principal, version: String = "2")
        -> Rollout
    {
        var plan = RolloutPlan(version: version)
        plan.steps = share == 10000 ? [10000] : [share, 10000]
        plan.sticky = sticky
        return Rollout(plan, server: "s", endpoints: [])
    }

    private func taken(_ rollout: Rollout, _ callers: Int = 20_000) -> Set<Int> {
        Set((0..<callers).filter { rollout.takes(principal: "user-\($0)", session: nil, chance: 0) })
    }

    @Test(arguments: [100, 500, 2500, 9900]) func theShareIsRight(_ share: Int) {
        let part = Double(taken(rollout(share)).count) / 20_000
        // Four standard deviations of a binomial draw.
        let wanted = Double(share) / 10000
        #expect(abs(part - wanted) < 4 * (wanted * (1 - wanted) / 20_000).squareRoot())
    }

    @Test func whoIsInStaysIn() {
        let (few, more, all) = (taken(rollout(500)), taken(rollout(2500)), taken(rollout(10000)))
        #expect(few.isSubset(of: more))
        #expect(more.isSubset(of: all) && all.count == 20_000)
    }

    @Test func anotherVersionDrawsOthers() {
        let both = taken(rollout(2500)).intersection(taken(rollout(2500, version: "3")))
        #expect(both.count < 20_000 / 8)
    }

    @Test func whatTheGroupGoesBy() {
        let text = Array("session".utf8)
        text.withUnsafeBytes { session in
            for sticky in [RolloutPlan.Sticky.principal, .session] {
                let rollout = rollout(5000, sticky)
                // Same session, any chance: one answer.
                let answers = (0..<50).map {
                    rollout.takes(
                        principal: "", session: session, chance: UInt64($0) &* 0x9E37_79B9_7F4A_7C15)
                }
                #expect(Set(answers).count == 1)
            }
            let free = rollout(5000, .none)
            let answers = (0..<200).map {
                free.takes(principal: "p", session: session, chance: UInt64($0) &* 0x9E37_79B9_7F4A_7C15)
            }
            #expect(Set(answers).count == 2)
        }
    }

    // ---- Percentiles ----

    @Test func percentilesAreWithinAnEighth() throws {
        var histogram = LatencyHistogram()
        for at in 1...1000 { histogram.count(UInt64(at) * 1_000_000) }
        let found = try #require(histogram.percentile(95))
        #expect(found.contains(950_000_000))
        #expect(Double(found.upperBound) / Double(found.lowerBound) <= 1.125)
        var extreme = LatencyHistogram()
        #expect(extreme.percentile(95) == nil)
        extreme.count(0)
        #expect(try #require(extreme.percentile(95)).contains(0))
        extreme.count(.max)
        #expect(extreme.percentile(100) != nil)
    }
}
