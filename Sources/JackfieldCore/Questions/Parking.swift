// SPDX-License-Identifier: Apache-2.0
// How many calls may wait for their clients, and how much memory they may hold: one count for the whole gateway.

import Synchronization

/// The bounds of parked calls. Any thread.
final class Parking: Sendable {
    private let count = Atomic<Int>(0)
    private let bytes = Atomic<Int>(0)
    private let maxCount: Int
    private let maxBytes: Int

    init(_ limits: LimitsPlan) {
        maxCount = limits.parkedCalls
        maxBytes = limits.parkedBytes
    }

    /// A place for one call that holds so many bytes; false at a limit. `release` gives it back.
    func take(bytes wanted: Int) -> Bool {
        if count.add(1, ordering: .relaxed).newValue > maxCount {
            count.subtract(1, ordering: .relaxed)
            return false
        }
        if bytes.add(wanted, ordering: .relaxed).newValue > maxBytes {
            bytes.subtract(wanted, ordering: .relaxed)
            count.subtract(1, ordering: .relaxed)
            return false
        }
        return true
    }

    /// More bytes for a call that has its place.
    func grow(by more: Int) -> Bool {
        if bytes.add(more, ordering: .relaxed).newValue <= maxBytes { return true }
        bytes.subtract(more, ordering: .relaxed)
        return false
    }

    /// Takes `grow` back.
    func shrink(by less: Int) { bytes.subtract(less, ordering: .relaxed) }

    func release(bytes held: Int) {
        bytes.subtract(held, ordering: .relaxed)
        count.subtract(1, ordering: .relaxed)
    }

    var calls: Int { count.load(ordering: .relaxed) }
    var held: Int { bytes.load(ordering: .relaxed) }
}
