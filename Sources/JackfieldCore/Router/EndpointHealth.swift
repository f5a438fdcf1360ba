// SPDX-License-Identifier: Apache-2.0
// How an endpoint has fared lately, and whether it gets calls: a window of outcomes and a circuit breaker over it.

import CLinux
import Synchronization

/// Shared by all loops, without a lock: a lost sample does no harm, a state changes by one winner.
///
/// The breaker's word is 0 while it is closed. Else it holds the time, in milliseconds, at which the next call may try the
/// endpoint, twice, plus one while such a call is under way (half open).
final class EndpointHealth: Sendable {
    enum Admission: Equatable {
        case yes
        /// The one call that finds out whether the endpoint is well again.
        case trial
        /// Not before this time, in nanoseconds.
        case no(until: UInt64)
    }

    /// Calls and failures of one second. A slot of an older second counts for nothing.
    struct Window {
        var calls = 0
        var failures = 0
    }

    static let seconds = 10
    private static let lease: UInt64 = 30_000

    let plan: BreakerPlan
    private let gate = Atomic<UInt64>(0)
    /// Failures in a row, and how often it opened in a row.
    private let streak = Atomic<Int>(0)
    private let openings = Atomic<Int>(0)
    /// When it came back, in milliseconds; 0: long ago.
    private let returned = Atomic<UInt64>(0)
    /// By second modulo ten: its number, calls and failures in one word (32, 16 and 16 bits).
    private let slots: Slots

    init(_ plan: BreakerPlan) {
        self.plan = plan
        slots = Slots()
    }

    /// Whether a call may go there now. A trial must be reported by `ended` or given back by `withdrawn`.
    func admits(_ now: UInt64) -> Admission {
        let word = gate.load(ordering: .relaxed)
        if word == 0 { return .yes }
        let due = word >> 1
        let time = now / 1_000_000
        guard time >= due else { return .no(until: due * 1_000_000) }
        // A trial that never reports is given up after its lease.
        let taken = (time + Self.lease) << 1 | 1
        let (won, current) = gate.compareExchange(expected: word, desired: taken, ordering: .relaxed)
        if won { return .trial }
        return current == 0 ? .yes : .no(until: (current >> 1) * 1_000_000)
    }

    /// Whether it would be admitted, without taking the trial.
    func isAvailable(_ now: UInt64) -> Bool {
        let word = gate.load(ordering: .relaxed)
        return word == 0 || now / 1_000_000 >= word >> 1
    }

    /// A trial that was not made after all.
    func withdrawn(_ now: UInt64) {
        let word = gate.load(ordering: .relaxed)
        guard word & 1 == 1 else { return }
        _ = gate.compareExchange(expected: word, desired: (now / 1_000_000) << 1, ordering: .relaxed)
    }

    /// Takes the outcome of a call. Returns what the breaker did.
    /// - Parameter isSlow: it was answered, and later than `plan.latency` allows. That counts in the window alone.
    @discardableResult
    func ended(failed: Bool, isSlow: Bool = false, _ now: UInt64) -> Change? {
        slots.count(now / 1_000_000_000, failed: failed || isSlow)
        let word = gate.load(ordering: .relaxed)
        if !failed {
            if streak.load(ordering: .relaxed) != 0 { streak.store(0, ordering: .relaxed) }
            if !isSlow { return word & 1 == 1 ? close(word, now) : nil }
        }
        guard plan.isEnabled else { return nil }
        if word & 1 == 1 {
            return open(word, now, why: failed ? "its trial call failed" : "its trial call was too slow")
        }
        guard word == 0 else { return nil }
        if failed {
            let row = streak.add(1, ordering: .relaxed).newValue
            if row >= plan.failures { return open(word, now, why: "\(row) calls in a row failed") }
        }
        let window = recent(now)
        guard window.calls >= plan.minimumCalls, plan.errorRate < 100,
            window.failures * 100 >= window.calls * plan.errorRate
        else { return nil }
        let what = plan.latency == 0 ? "failed" : "failed or were too slow"
        return open(
            word, now, why: "\(window.failures) of its \(window.calls) calls \(what) in \(Self.seconds) s")
    }

    enum Change: Equatable {
        case opened(for: UInt64, why: String)
        case closed
    }

    private func open(_ word: UInt64, _ now: UInt64, why: String) -> Change? {
        let times = min(openings.load(ordering: .relaxed), 16)
        let pause = min(plan.openFor << UInt64(times), plan.longest)
        let until = (now &+ pause) / 1_000_000
        guard gate.compareExchange(expected: word, desired: max(1, until) << 1, ordering: .relaxed).exchanged
        else { return nil }
        openings.add(1, ordering: .relaxed)
        streak.store(0, ordering: .relaxed)
        return .opened(for: pause, why: why)
    }

    private func close(_ word: UInt64, _ now: UInt64) -> Change? {
        guard gate.compareExchange(expected: word, desired: 0, ordering: .relaxed).exchanged else {
            return nil
        }
        openings.store(0, ordering: .relaxed)
        slots.clear()
        begins(now)
        return .closed
    }

    /// The endpoint is new, or back: its share grows from a tenth to all of it.
    func begins(_ now: UInt64) { returned.store(max(1, now / 1_000_000), ordering: .relaxed) }

    /// Its supervision found it well: calls may go there at once.
    func reset(_ now: UInt64) {
        let word = gate.load(ordering: .relaxed)
        if word != 0 { _ = close(word, now) }
        streak.store(0, ordering: .relaxed)
    }

    /// The share of its weight that it can bear, in thousandths.
    func readiness(_ now: UInt64) -> UInt32 {
        let since = returned.load(ordering: .relaxed)
        if since == 0 || plan.slowStart == 0 { return 1000 }
        let age = (now / 1_000_000) &- since
        let span = plan.slowStart / 1_000_000
        guard age < span else {
            returned.store(0, ordering: .relaxed)
            return 1000
        }
        return UInt32(max(100, 1000 * age / max(1, span)))
    }

    /// Whether the breaker is not closed, and until when nothing goes there.
    func state(_ now: UInt64) -> (isOpen: Bool, isTrying: Bool, until: UInt64) {
        let word = gate.load(ordering: .relaxed)
        return (word != 0, word & 1 == 1, word >> 1 * 1_000_000)
    }

    /// Whether the next call, or the one under way, is a trial.
    var isTrying: Bool { gate.load(ordering: .relaxed) != 0 }

    /// Outcomes of the last ten seconds.
    func recent(_ now: UInt64) -> Window { slots.sum(now / 1_000_000_000) }
}

/// Ten seconds of outcomes, one word for each.
private final class Slots: Sendable {
    private let s0 = Atomic<UInt64>(0), s1 = Atomic<UInt64>(0), s2 = Atomic<UInt64>(0)
    private let s3 = Atomic<UInt64>(0), s4 = Atomic<UInt64>(0), s5 = Atomic<UInt64>(0)
    private let s6 = Atomic<UInt64>(0), s7 = Atomic<UInt64>(0), s8 = Atomic<UInt64>(0)
    private let s9 = Atomic<UInt64>(0)

    private func slot<R>(_ at: UInt64, _ body: (borrowing Atomic<UInt64>) -> R) -> R {
        switch at {
        case 0: body(s0)
        case 1: body(s1)
        case 2: body(s2)
        case 3: body(s3)
        case 4: body(s4)
        case 5: body(s5)
        case 6: body(s6)
        case 7: body(s7)
        case 8: body(s8)
        default: body(s9)
        }
    }

    func count(_ second: UInt64, failed: Bool) {
        let number = second & 0xFFFF_FFFF
        slot(second % 10) { word in
            let old = word.load(ordering: .relaxed)
            var calls = old >> 16 & 0xFFFF
            var failures = old & 0xFFFF
            if old >> 32 != number { (calls, failures) = (0, 0) }
            calls = min(0xFFFF, calls + 1)
            failures = min(0xFFFF, failures + (failed ? 1 : 0))
            word.store(number << 32 | calls << 16 | failures, ordering: .relaxed)
        }
    }

    func sum(_ second: UInt64) -> EndpointHealth.Window {
        var window = EndpointHealth.Window()
        for at in 0..<UInt64(10) {
            let word = slot(at) { $0.load(ordering: .relaxed) }
            let age = (second &- word >> 32) & 0xFFFF_FFFF
            guard age < 10 else { continue }
            window.calls += Int(word >> 16 & 0xFFFF)
            window.failures += Int(word & 0xFFFF)
        }
        return window
    }

    func clear() { for at in 0..<UInt64(10) { slot(at) { $0.store(0, ordering: .relaxed) } } }
}
