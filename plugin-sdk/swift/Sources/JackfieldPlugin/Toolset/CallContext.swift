// SPDX-License-Identifier: Apache-2.0
// What a request brings besides its name and arguments.

import CJackfield

/// The circumstances of one request.
public struct CallContext {
    /// The gateway.
    public let host: Host
    /// Monotonic nanoseconds at which the host answers the client whatever happens; 0: never.
    public let deadlineNanoseconds: UInt64
    /// Who asks; nil when not authenticated.
    public let principal: String?
    /// The whole `params` object as the client sent it, `_meta` included.
    public let params: JSONReader
    let slot: RequestSlot

    /// Answers later. `begin` gets the ``Pending`` and starts the work; return what this returns:
    ///
    ///     return context.later { pending in
    ///         context.host.after(.seconds(1)) { pending.finish(.text("done")) }
    ///     }
    ///
    /// An error thrown by `begin` answers at once.
    public func later<Result: Answer>(_ begin: (Pending<Result>) throws -> Void) rethrows -> Result {
        try slot.later(host.services, begin)
    }
}

/// The slot that is being answered: notices what the author did with the operation. [lane]
final class RequestSlot {
    let handle: jf_ref
    /// Strong while the slot runs, so that an early release does not end it before its method has returned.
    var operation: Operation?

    init(_ handle: jf_ref) { self.handle = handle }

    func later<Result: Answer>(
        _ services: HostServices, _ begin: (Pending<Result>) throws -> Void
    ) rethrows -> Result {
        let operation = Operation(handle, services)
        self.operation = operation
        try begin(Pending(operation: operation))
        return .pending
    }
}
