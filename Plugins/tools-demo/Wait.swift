// SPDX-License-Identifier: Apache-2.0
// The tool `wait`: an answer that comes later, with progress and cancellation.

import JackfieldPlugin

/// One call of `wait`. Lives as long as a timer or the host refers to it.
final class Wait {
    /// In milliseconds.
    static let longest = 10_000
    private static let steps = 10

    private let host: Host
    private let milliseconds: Int
    private let pending: Pending<ToolResult>
    private let began: UInt64
    private var step = 0
    private var timer: Timer?

    init(_ host: Host, _ milliseconds: Int, _ pending: Pending<ToolResult>) {
        self.host = host
        self.milliseconds = milliseconds
        self.pending = pending
        began = host.monotonicNanoseconds
    }

    func begin() {
        pending.onCancel { self.cancel() }
        armNext()
    }

    /// Each step ends at its share of the whole, so that late timers do not add up.
    private func armNext() {
        step += 1
        let due = began + UInt64(milliseconds * step / Wait.steps) * 1_000_000
        let now = host.monotonicNanoseconds
        timer = host.after(.nanoseconds(due > now ? Int64(due - now) : 0)) { self.stepEnded() }
    }

    private func stepEnded() {
        let waited = Int((host.monotonicNanoseconds - began) / 1_000_000)
        if step == Wait.steps {
            pending.finish(.structured(["waited_ms": .integer(waited)], text: "Waited \(waited) ms."))
        } else {
            pending.progress(
                Double(milliseconds * step / Wait.steps), of: Double(milliseconds), "waited \(waited) ms")
            armNext()
        }
    }

    private func cancel() {
        timer?.cancel()
        pending.giveUp()
    }
}
