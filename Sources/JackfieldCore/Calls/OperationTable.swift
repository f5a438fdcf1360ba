// SPDX-License-Identifier: Apache-2.0
// Which operations of plugins are open: what makes `finish` exactly-once, from whatever thread it comes.

import CJackfield
import Synchronization

/// Open operations of one lane, by call handle. Any thread.
final class OperationTable: Sendable {
    private enum State: Int32, Sendable { case open, gone, late }
    private struct Operation: Sendable {
        var state: State
        let channel: UInt64
    }

    private let states = Mutex<[UInt64: Operation]>([:])
    /// A module's operation whose slot has not returned: most answer at once and are never in the table. 0: none.
    private let beginning = Atomic<UInt64>(0)
    /// It was finished before its slot returned.
    private let isEarly = Atomic<Bool>(false)

    /// Opens before the slot is called, since `finish` may come from inside it.
    func open(_ handle: UInt64, on channel: UInt64) {
        states.withLock { $0[handle] = Operation(state: .open, channel: channel) }
    }

    /// A slot is about to be called that may finish from inside, or leave its operation pending. Lane only.
    func begin(_ handle: UInt64) {
        let outer = beginning.load(ordering: .relaxed)
        // Inside another slot: that one goes to the table.
        if outer != 0 { settleBeginning(outer) }
        beginning.store(handle, ordering: .releasing)
    }

    private func settleBeginning(_ handle: UInt64) {
        states.withLock { states in
            beginning.store(0, ordering: .relaxed)
            if isEarly.exchange(false, ordering: .relaxed) { return }
            states[handle] = Operation(state: .open, channel: 0)
        }
    }

    /// The slot returned. Lane only.
    /// - Returns: false where it was finished already, so that an answer beside is one too many.
    func end(_ handle: UInt64, isPending: Bool) -> Bool {
        if !isPending, beginning.load(ordering: .relaxed) == handle {
            return states.withLock { _ in
                beginning.store(0, ordering: .relaxed)
                return !isEarly.exchange(false, ordering: .relaxed)
            }
        }
        if isPending {
            if beginning.load(ordering: .relaxed) == handle { settleBeginning(handle) }
            return true
        }
        return close(handle)
    }

    /// Takes the right to finish. False when somebody had it already. A tombstone is closed as well, its result unwanted.
    func close(_ handle: UInt64) -> Bool {
        states.withLock { states in
            if states.removeValue(forKey: handle) != nil { return true }
            guard handle != 0, beginning.load(ordering: .acquiring) == handle else { return false }
            return !isEarly.exchange(true, ordering: .relaxed)
        }
    }

    /// The caller left, or its time is over: the entry stays as a tombstone until `finish`.
    func abandon(_ handle: UInt64, timedOut: Bool) {
        states.withLock { states in
            states[handle]?.state = timedOut ? .late : .gone
        }
    }

    func state(_ handle: UInt64) -> Int32 {
        switch states.withLock({ $0[handle]?.state }) {
        case .open: Int32(JF_OK)
        case .gone: Int32(JF_E_GONE)
        case .late: Int32(JF_E_TIMEOUT)
        case nil:
            Int32(handle != 0 && beginning.load(ordering: .relaxed) == handle ? JF_OK : JF_E_STALE)
        }
    }

    var count: Int { states.withLock { $0.count } }

    /// Operations of one channel that its plugin has not finished yet, tombstones included.
    func count(on channel: UInt64) -> Int { states.withLock { $0.values.count { $0.channel == channel } } }
}
