// SPDX-License-Identifier: Apache-2.0
// Which toolset operations are open: what makes `finish` exactly-once, from whatever thread it comes.

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

    /// Opens before the slot is called, since `finish` may come from inside it.
    func open(_ handle: UInt64, on channel: UInt64) {
        states.withLock { $0[handle] = Operation(state: .open, channel: channel) }
    }

    /// Takes the right to finish. False when somebody had it already. A tombstone is closed as well, its result unwanted.
    func close(_ handle: UInt64) -> Bool {
        states.withLock { $0.removeValue(forKey: handle) } != nil
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
        case nil: Int32(JF_E_STALE)
        }
    }

    var count: Int { states.withLock { $0.count } }

    /// Operations of one channel that its plugin has not finished yet, tombstones included.
    func count(on channel: UInt64) -> Int { states.withLock { $0.values.count { $0.channel == channel } } }
}
