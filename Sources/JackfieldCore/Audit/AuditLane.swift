// SPDX-License-Identifier: Apache-2.0
// What one event loop has to record: bytes that the writer takes away whole.

import Synchronization

/// Between one thread that records and the writer's. In steady state both use memory that is there.
final class AuditLane: Sendable {
    let plan: AuditPlan
    private let writer: AuditWriter
    private let waiting = Mutex<[UInt8]>([])
    /// More waits than the plan allows, until the writer takes it.
    private let full = Atomic<Bool>(false)

    init(_ plan: AuditPlan, _ writer: AuditWriter) {
        self.plan = plan
        self.writer = writer
    }

    /// Whether what begins now has to be refused.
    var isBlocked: Bool { plan.onFull == .block && full.load(ordering: .relaxed) }

    /// Any thread. What finds no room is counted.
    func append(_ record: [UInt8]) {
        // Calls under way when the bound was reached are recorded still.
        let limit = plan.onFull == .block ? 2 * plan.buffer : plan.buffer
        let before = waiting.withLock { bytes -> Int in
            let before = bytes.count
            if before <= limit { bytes.append(contentsOf: record) }
            return before
        }
        if before > limit { return writer.lose() }
        let after = before + record.count
        if after > plan.buffer { full.store(true, ordering: .relaxed) }
        if before == 0 || before < plan.buffer / 4 && after >= plan.buffer / 4 { writer.wake() }
    }

    /// The writer's: takes all that waits and leaves memory to go on with.
    func take(_ bytes: inout [UInt8]) {
        bytes.removeAll(keepingCapacity: true)
        if bytes.capacity > 4 << 20 { bytes = [] }
        waiting.withLock { swap(&$0, &bytes) }
        full.store(false, ordering: .relaxed)
    }
}
