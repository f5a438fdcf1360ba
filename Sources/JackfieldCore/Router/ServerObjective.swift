// SPDX-License-Identifier: Apache-2.0
// A server's service level objective: how much of its error budget it burns.

import Synchronization

/// Good and bad calls of the last hour, a word for each minute. A burn rate of 1 uses the budget up exactly at the end of
/// its period; 14.4 over an hour is the usual page ("The Site Reliability Workbook", chapter 5). Any thread.
final class ServerObjective: Sendable {
    private static let minutes = 60

    let plan: ObjectivePlan
    private let words: [Minute]

    init(_ plan: ObjectivePlan) {
        self.plan = plan
        words = (0..<Self.minutes).map { _ in Minute() }
    }

    /// Takes a call's end: one that failed, or took longer than agreed, is bad.
    func count(failed: Bool, latency: UInt64, _ now: UInt64) {
        let isBad = failed || plan.latency.map { latency > $0 } == true
        let number = now / 60_000_000_000 & 0xF_FFFF
        let minute = words[Int(number % UInt64(Self.minutes))]
        let old = minute.word.load(ordering: .relaxed)
        var calls = old >> 22 & 0x3F_FFFF
        var bad = old & 0x3F_FFFF
        if old >> 44 != number { (calls, bad) = (0, 0) }
        calls = min(0x3F_FFFF, calls + 1)
        bad = min(0x3F_FFFF, bad + (isBad ? 1 : 0))
        minute.word.store(number << 44 | calls << 22 | bad, ordering: .relaxed)
    }

    /// Calls and bad calls of the last `span` minutes, this one included.
    func recent(_ span: UInt64, _ now: UInt64) -> (calls: UInt64, bad: UInt64) {
        let number = now / 60_000_000_000 & 0xF_FFFF
        var sum: (calls: UInt64, bad: UInt64) = (0, 0)
        for minute in words {
            let word = minute.word.load(ordering: .relaxed)
            guard word != 0, (number &- word >> 44) & 0xF_FFFF < span else { continue }
            sum.calls += word >> 22 & 0x3F_FFFF
            sum.bad += word & 0x3F_FFFF
        }
        return sum
    }

    /// The share of bad calls as a multiple of what is allowed; nil without calls.
    func burnRate(_ span: UInt64, _ now: UInt64) -> Double? {
        let sum = recent(span, now)
        guard sum.calls > 0 else { return nil }
        let allowed = 1 - plan.availability
        return Double(sum.bad) / Double(sum.calls) / max(allowed, 1e-9)
    }
}

private final class Minute: Sendable {
    /// Its number, calls and bad calls: 20, 22 and 22 bits.
    let word = Atomic<UInt64>(0)
}
