// SPDX-License-Identifier: Apache-2.0
// Deadlines that progress extends (MCP 2026-07-28 and before, "Timeouts": progress may reset the clock, and a maximum must
// be enforced all the same).

import CJackfield
import CLinux
import MCP

/// What a call's deadline is moved by. Made for calls of servers with `max_timeout`. Belongs to the call's lane.
final class Stretch {
    /// How long the server may say nothing, in nanoseconds.
    let quiet: UInt64
    /// No deadline is later. Time in which the server waits for the client's user does not count.
    private(set) var cap: UInt64
    /// The last value of the server's progress: it must grow (MCP, "Progress").
    private var progress = -Double.infinity
    private var pausedAt: UInt64 = 0

    init(quiet: UInt64, cap: UInt64) {
        self.quiet = quiet
        self.cap = cap
    }

    /// The deadline after a notification; nil: it says nothing new.
    func deadline(after value: Double?, _ now: UInt64) -> UInt64? {
        guard let value, value.isFinite, value > progress else { return nil }
        progress = value
        return min(now &+ quiet, cap)
    }

    /// Another try begins to count anew.
    func begins() { progress = -.infinity }

    func pause(_ now: UInt64) { if pausedAt == 0 { pausedAt = now } }

    /// The server goes on: the deadline from here on, where `wanted` is without a cap.
    func resume(_ wanted: UInt64, _ now: UInt64) -> UInt64 {
        if pausedAt != 0 { cap &+= now &- pausedAt }
        pausedAt = 0
        return min(wanted, cap)
    }
}

extension Call {
    /// The time by which it is over whatever its server says.
    var latest: UInt64 { stretch?.cap ?? deadline }
}

extension Lane {
    /// Gives a call of a server with `max_timeout` a deadline that can move.
    func stretch(_ call: Call, _ server: Server) {
        let cap = loop.now &+ server.longestTimeout
        call.stretch = Stretch(quiet: server.timeout, cap: cap)
        call.deadline = min(call.deadline, cap)
    }

    /// A server told of progress. The timer stays where it is: it looks at the deadline when it fires.
    func progressed(_ call: Call, _ value: Double?) {
        guard let until = call.stretch?.deadline(after: value, loop.now), until > call.deadline else {
            return
        }
        call.deadline = until
    }

    /// The timer of a call's deadline fired. True: the deadline has moved on meanwhile.
    func isStretched(_ call: Call) -> Bool {
        guard call.stretch != nil, !call.isQueued, call.deadline > loop.now else { return false }
        call.timer = loop.arm(at: call.deadline, callTimedOut, Unmanaged.passUnretained(call).toOpaque())
        return true
    }
}
