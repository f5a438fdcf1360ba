// SPDX-License-Identifier: Apache-2.0
// TimerWheel: never early, in order, far ahead, cancelled; the delay against a model.

import Testing

@testable import JackfieldCore

@Suite("Timer wheel") struct TimerWheelTests {
    static let tick: UInt64 = 1_000_000
    static let action: TimerAction = { _ in }

    /// The numbers of the timers that are due, in the order taken.
    static func due(_ wheel: inout TimerWheel, _ now: UInt64) -> [Int] {
        var taken: [Int] = []
        while let (_, user) = wheel.takeDue(now: now) { taken.append(Int(bitPattern: user)) }
        return taken
    }

    /// Cancels, and gives the number of the timer that this ended.
    static func cancel(_ wheel: inout TimerWheel, _ handle: UInt64) -> Int? {
        wheel.cancel(handle).map { Int(bitPattern: $0) }
    }

    @Test(
        "a timer is never early and at most one tick late",
        arguments: [0, 1, 999_999, 1_000_000, 1_000_001, 7_500_000] as [UInt64])
    func neverEarly(_ start: UInt64) {
        for delay: UInt64 in [
            1, 500_000, 999_999, 1_000_000, 1_000_001, 4_095_000_000, 4_096_000_000, 9_000_000_123,
        ] {
            var wheel = TimerWheel(now: start)
            let deadline = start + delay
            _ = wheel.arm(at: deadline, Self.action, userPointer(1))
            #expect(Self.due(&wheel, deadline - 1) == [])
            #expect(wheel.armed == 1)
            // The tick after the deadline, and never before the one that follows the arming.
            #expect(Self.due(&wheel, max(deadline, start) + 2 * Self.tick) == [1])
            #expect(wheel.armed == 0)
        }
    }

    @Test func timersFireInOrderOfTheirTicks() {
        var random = Generator(state: 5)
        for _ in 0..<50 {
            var wheel = TimerWheel(now: 0)
            let deadlines = (1...100).map { _ in UInt64.random(in: 1...4_000, using: &random) * Self.tick }
            for (number, deadline) in deadlines.enumerated() {
                _ = wheel.arm(at: deadline, Self.action, userPointer(number + 1))
            }
            let order = Self.due(&wheel, 4_000 * Self.tick).map { deadlines[$0 - 1] }
            #expect(order == deadlines.sorted())
        }
    }

    @Test func timersBeyondOneRevolutionWaitForTheirRound() {
        var wheel = TimerWheel(now: 0)
        // The same slot, one, two and three rounds ahead.
        for (number, round) in [3, 1, 2, 0].enumerated() {
            _ = wheel.arm(at: UInt64(7 + 4096 * round) * Self.tick, Self.action, userPointer(number + 1))
        }
        for (round, number) in [4, 2, 3, 1].enumerated() {
            let tick = UInt64(7 + 4096 * round)
            #expect(Self.due(&wheel, tick * Self.tick - 1) == [])
            #expect(Self.due(&wheel, tick * Self.tick) == [number])
        }
        #expect(wheel.delay(from: 0) == nil)
    }

    @Test func aStallOfSeveralRoundsLosesNothing() {
        var wheel = TimerWheel(now: 0)
        for number in 1...500 {
            _ = wheel.arm(at: UInt64(number) * 97 * Self.tick, Self.action, userPointer(number))
        }
        #expect(Self.due(&wheel, 500 * 97 * Self.tick).sorted() == Array(1...500))
    }

    @Test func aCancelledTimerDoesNotFire() {
        var wheel = TimerWheel(now: 0)
        let handles = (1...6).map {
            wheel.arm(at: UInt64($0 / 3 + 1) * Self.tick, Self.action, userPointer($0))
        }
        #expect(Set(handles).count == 6)
        #expect(!handles.contains(0))
        // First, middle and last of a slot's chain, each twice.
        for at in [0, 3, 5, 0, 3, 5] { _ = wheel.cancel(handles[at]) }
        #expect(wheel.armed == 3)
        #expect(Self.due(&wheel, 10 * Self.tick).sorted() == [2, 3, 5])
        #expect(wheel.armed == 0)
        for handle in handles { #expect(Self.cancel(&wheel, handle) == nil) }
        #expect(wheel.armed == 0)
    }

    @Test func aStaleHandleDoesNotCancelTheSuccessor() {
        var wheel = TimerWheel(now: 0)
        let first = wheel.arm(at: Self.tick, Self.action, userPointer(1))
        #expect(Self.cancel(&wheel, first) == 1)
        let second = wheel.arm(at: Self.tick, Self.action, userPointer(2))
        #expect(first != second)
        #expect(Self.cancel(&wheel, first) == nil)
        for made: UInt64 in [0, .max, second ^ 1 << 32, second + 1] {
            #expect(Self.cancel(&wheel, made) == nil)
        }
        #expect(Self.due(&wheel, 5 * Self.tick) == [2])
        #expect(Self.cancel(&wheel, second) == nil)
        #expect(wheel.armed == 0)
    }

    @Test func actionsMayCancelWhatIsDueInTheSameSweep() throws {
        var wheel = TimerWheel(now: 0)
        let handles = (1...4).map { wheel.arm(at: 3 * Self.tick, Self.action, userPointer($0)) }
        let first = wheel.takeDue(now: 9 * Self.tick)
        let (_, user) = try #require(first)
        let taken = Int(bitPattern: user)
        for number in 1...4 where number != taken && number != 4 {
            #expect(Self.cancel(&wheel, handles[number - 1]) == number)
        }
        #expect(Self.due(&wheel, 9 * Self.tick) == (taken == 4 ? [] : [4]))
    }

    @Test(
        "a timer that arms itself again waits for the next sweep",
        arguments: [0, 3_000_000, 2_999_999, 1] as [UInt64])
    func rearming(_ deadline: UInt64) {
        // Otherwise an action that wants to run "as soon as possible" would keep the loop in one batch for ever.
        let now = 3 * Self.tick
        var wheel = TimerWheel(now: 0)
        _ = wheel.arm(at: Self.tick, Self.action, userPointer(1))
        var runs = 0
        while let (action, user) = wheel.takeDue(now: now), runs < 100 {
            runs += 1
            _ = wheel.arm(at: deadline, action, user)
        }
        #expect(runs == 1)
        #expect(Self.due(&wheel, now + 2 * Self.tick) == [1])
    }

    @Test(
        "a deadline beyond the clock's end never comes",
        arguments: [UInt64.max, UInt64.max - 1, UInt64.max - 999_998])
    func endless(_ deadline: UInt64) {
        var wheel = TimerWheel(now: 0)
        _ = wheel.arm(at: deadline, Self.action, userPointer(1))
        #expect(Self.due(&wheel, 10_000 * Self.tick) == [])
        #expect(wheel.armed == 1)
    }

    @Test func anEmptyWheelCatchesUpAndAnArmedOneLosesNothing() {
        var wheel = TimerWheel(now: 0)
        let later = 86_400_000 * Self.tick
        wheel.skip(to: later)
        _ = wheel.arm(at: later + 3 * Self.tick, Self.action, userPointer(1))
        #expect(wheel.delay(from: later) == 3 * Self.tick)
        // With a timer armed, skipping must not step over it.
        wheel.skip(to: later + 10 * Self.tick)
        #expect(Self.due(&wheel, later + 3 * Self.tick - 1) == [])
        #expect(Self.due(&wheel, later + 10 * Self.tick) == [1])
        // Time does not run backwards.
        wheel.skip(to: 0)
        _ = wheel.arm(at: 1, Self.action, userPointer(2))
        #expect(Self.due(&wheel, later) == [])
        #expect(Self.due(&wheel, later + 11 * Self.tick) == [2])
    }

    @Test func withoutTimersThereIsNoDelay() {
        var wheel = TimerWheel(now: 123)
        #expect(wheel.delay(from: 123) == nil)
        let handle = wheel.arm(at: 5 * Self.tick, Self.action, nil)
        #expect(wheel.delay(from: 0) == 5 * Self.tick)
        #expect(wheel.delay(from: 5 * Self.tick - 1) == 1)
        #expect(wheel.delay(from: 5 * Self.tick) == 0)
        #expect(wheel.delay(from: 50 * Self.tick) == 0)
        _ = wheel.cancel(handle)
        #expect(wheel.delay(from: 0) == nil)
    }

    @Test("random use agrees with a model", arguments: [1, 2, 3, 4, 5, 6] as [UInt64])
    func model(_ seed: UInt64) {
        var random = Generator(state: seed)
        var now = UInt64.random(in: 0...20_000_000_000, using: &random)
        var wheel = TimerWheel(now: now)
        var current = now / Self.tick
        var model: [Int: (tick: UInt64, deadline: UInt64, handle: UInt64)] = [:]
        var number = 0
        for _ in 0..<3_000 {
            switch Int.random(in: 0...9, using: &random) {
            case 0...4:
                number += 1
                let reach: UInt64 = [2, 50, 4_200, 20_000].randomElement(using: &random) ?? 2
                let deadline = now + UInt64.random(in: 1...(reach * Self.tick), using: &random)
                let handle = wheel.arm(at: deadline, Self.action, userPointer(number))
                model[number] = (max((deadline + Self.tick - 1) / Self.tick, current + 1), deadline, handle)
            case 5, 6:
                if let victim = model.keys.sorted().randomElement(using: &random), let timer = model[victim] {
                    #expect(Self.cancel(&wheel, timer.handle) == victim)
                    model[victim] = nil
                }
            default:
                let step: UInt64 = [1, 3, 900, 9_000].randomElement(using: &random) ?? 1
                now += UInt64.random(in: 0...(step * Self.tick), using: &random)
                let taken = Self.due(&wheel, now)
                current = max(current, now / Self.tick)
                let wanted = model.filter { $0.value.tick <= current }
                #expect(Set(taken) == Set(wanted.keys))
                #expect(taken.count == wanted.count)
                for number in taken {
                    #expect((model[number]?.deadline ?? .max) <= now, "\(number) was early")
                    model[number] = nil
                }
            }
            #expect(wheel.armed == model.count)
            // The next slot that holds any timer, at most one revolution ahead, so never too late for the earliest.
            let next = model.values.map { current + 1 + ($0.tick - current - 1) % 4096 }.min()
            let wanted = next.map { $0 * Self.tick > now ? $0 * Self.tick - now : 0 }
            #expect(wheel.delay(from: now) == wanted)
            if let earliest = model.values.map(\.tick).min(), let delay = wheel.delay(from: now) {
                #expect(now + delay <= earliest * Self.tick)
            }
        }
    }
}
