// SPDX-License-Identifier: Apache-2.0
// Which toolset operations are open: what makes `finish` exactly-once, from whatever thread it comes.

import CJackfield
import Synchronization

/// Open operations of one lane, by call handle. Any thread.
final class OperationTable: Sendable {
    private enum State: Int32, Sendable { case open, gone, late }

    private let states = Mutex<[UInt64: State]>([:])

    /// Opens before the slot is called, since `finish` may come from inside it.
    func open(_ handle: UInt64) { states.withLock { $0[handle] = .open } }

    /// Takes the right to finish. False when somebody had it already. A tombstone is closed as well, its result unwanted.
    func close(_ handle: UInt64) -> Bool {
        states.withLock { $0.removeValue(forKey: handle) } != nil
    }

    /// The caller left, or its time is over: the entry stays as a tombstone until `finish`.
    func abandon(_ handle: UInt64, timedOut: Bool) {
        states.withLock { states in
            if states[handle] != nil { states[handle] = timedOut ? .late : .gone }
        }
    }

    func state(_ handle: UInt64) -> Int32 {
        switch states.withLock({ $0[handle] }) {
        case .open: Int32(JF_OK)
        case .gone: Int32(JF_E_GONE)
        case .late: Int32(JF_E_TIMEOUT)
        case nil: Int32(JF_E_STALE)
        }
    }

    var count: Int { states.withLock { $0.count } }
}
