// SPDX-License-Identifier: Apache-2.0
// Operations of modules: answered at once, or finished later from any thread, with a deadline.

import CJackfield
import CLinux

/// How an operation of a module ended. The blob is the host's: dropped after whoever asked has read it.
struct ModuleAnswer {
    var status: Int32
    var blob = jf_blob.none
    /// What the plugin says of a failure, and when it is worth another try, in milliseconds.
    var message = ""
    var isPublic = false
    var retry: UInt32 = 0
    /// The plugin says that nothing was begun.
    var isUntouched = false

    /// Text that a client may read; nil: there is none.
    var publicText: String? { isPublic && !message.isEmpty ? message : nil }
}

/// What an operation belongs to: it stays until its last one is over.
protocol OperationOwner: AnyObject {
    var instance: PluginInstance { get }
    /// Something began that has an end.
    func take()
    func release()
    /// Tells the plugin that nobody waits any more.
    func cancel(_ operation: UInt64)
}

/// What waits for a module's `finish`.
final class PendingOperation {
    let attachment: any OperationOwner
    var timer: UInt64 = 0
    /// Nil: nobody waits any more.
    var done: ((inout ModuleAnswer) -> Void)?
    /// What the plugin was lent until its operation is over.
    var loan: AnyObject?

    init(_ attachment: any OperationOwner) { self.attachment = attachment }
}

extension Lane {
    /// Marks handles of modules' operations: calls' have 53 bits.
    static let moduleOperation: UInt64 = 1 << 63

    /// Calls a slot that may leave its operation pending.
    /// - Parameter slot: the call itself: operation, blob, fault.
    /// - Returns: the answer, whose blob is the caller's to drop; nil: `wait` for it, now. And the operation.
    @inline(__always)
    func operate(
        _ slot: (jf_ref, inout jf_blob, inout jf_fault) -> Int32
    ) -> (now: ModuleAnswer?, operation: UInt64) {
        lastOperation += 1
        let operation = Self.moduleOperation | lastOperation
        var blob = jf_blob.none
        var fault = jf_fault.empty()
        operations.begin(operation)
        let status = slot(operation, &blob, &fault)
        let isFirst = operations.end(operation, isPending: status == JF_PENDING)
        if status == JF_PENDING { return (nil, operation) }
        guard isFirst else {
            // It finished what it also answered: what came first counts, and is on its way here.
            blob.dropOnce()
            return (nil, operation)
        }
        var answer = ModuleAnswer(status: status, blob: blob)
        if status < 0 {
            answer.message = fault.message
            answer.isPublic = fault.isPublic
            answer.retry = fault.retry_ms
            answer.isUntouched = fault.flags & UInt32(JF_FAULT_NOT_STARTED) != 0
        }
        return (answer, operation)
    }

    /// Waits for an operation that was left pending, in the same turn of the loop.
    /// - Parameters:
    ///   - limit: when nobody waits any more, monotonic nanoseconds.
    ///   - loan: lives until the plugin has finished, given up or not.
    ///   - done: called once, later, unless the operation is given up.
    func wait(
        for operation: UInt64, of attachment: any OperationOwner, until limit: UInt64,
        lending loan: AnyObject? = nil,
        _ done: @escaping (inout ModuleAnswer) -> Void
    ) {
        let pending = PendingOperation(attachment)
        attachment.take()
        pending.done = done
        pending.loan = loan
        let now = jf_monotonic_ns()
        pending.timer = loop.after(limit > now ? limit - now : 0) { [weak self] in
            self?.moduleTimedOut(operation)
        }
        pendingOperations[operation] = pending
    }

    /// A module's operation is over; on the lane. Takes the blob.
    func moduleFinished(_ operation: UInt64, _ answer: ModuleAnswer) {
        var answer = answer
        defer { answer.blob.dropOnce() }
        guard let pending = pendingOperations.removeValue(forKey: operation) else { return }
        if pending.timer != 0 { loop.cancelAfter(pending.timer) }
        pending.done?(&answer)
        pending.attachment.release()
    }

    /// Nobody waits for it any more; its plugin still owes the end.
    func giveUp(_ operation: UInt64) {
        guard let pending = pendingOperations[operation], pending.done != nil else { return }
        pending.done = nil
        abandon(operation, pending, timedOut: false)
    }

    private func moduleTimedOut(_ operation: UInt64) {
        guard let pending = pendingOperations[operation], let done = pending.done else { return }
        pending.timer = 0
        pending.done = nil
        abandon(operation, pending, timedOut: true)
        var answer = ModuleAnswer(
            status: Int32(JF_E_TIMEOUT),
            message: "plugin \(pending.attachment.instance.id) did not answer in time")
        done(&answer)
    }

    private func abandon(_ operation: UInt64, _ pending: PendingOperation, timedOut: Bool) {
        operations.abandon(operation, timedOut: timedOut)
        pending.attachment.cancel(operation)
    }
}
