// SPDX-License-Identifier: Apache-2.0
// Operations that a slot left pending: each ends exactly once. [any]

import CJackfield

extension HostServices {
    /// Adds to the table that `cancel` and `stop` look in. [lane]
    func register(_ operation: Operation) {
        _ = whileOpen { $0.operations[operation.handle] = WeakOperation(operation) }
    }

    func operation(_ handle: jf_ref) -> Operation? { gate.withLock { $0.operations[handle]?.operation } }

    /// Takes the right to end an operation.
    func claim(_ operation: Operation) -> Bool {
        whileOpen { gate in operation.claim(&gate.operations) } ?? false
    }

    /// Ends an operation, if it is still open. Encode the outcome before: nothing else happens under the
    /// lock.
    func finish(_ operation: Operation, _ outcome: Outcome) -> Bool {
        var fault = jf_fault.empty()
        var blob = jf_blob.none
        let status = outcome.fill(&blob, &fault)
        let isFinished = whileOpen { gate in
            guard operation.claim(&gate.operations) else { return false }
            _ = ops.finish(ops.context, operation.handle, status, &blob, &fault)
            blob = .none
            return true
        }
        blob.drop?(blob.owner)
        return isFinished ?? false
    }

    /// Whether nobody answered it yet.
    func isOpen(_ operation: Operation) -> Bool { whileOpen { _ in !operation.isOver } ?? false }

    func state(_ operation: jf_ref) -> Int32 {
        whileOpen { _ in ops.state(ops.context, operation) } ?? Int32(JF_E_STALE)
    }

    func progress(_ operation: Operation, _ done: Double, _ total: Double, _ text: String?) {
        func report(_ text: jf_view) {
            _ = whileOpen { gate in
                // A finished operation may not be reported on, whichever thread was first.
                if !operation.isOver { _ = ops.progress(ops.context, operation.handle, done, total, text) }
            }
        }
        if let text { withView(text, report) } else { report(.absent) }
    }
}
