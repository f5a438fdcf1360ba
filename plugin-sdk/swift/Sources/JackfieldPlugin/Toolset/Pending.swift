// SPDX-License-Identifier: Apache-2.0
// A request that is answered later.

import CJackfield

/// The right and duty to answer one request. The first ``finish(_:)``, ``fail(_:)`` or ``giveUp()`` counts,
/// later ones do nothing. Should all copies be released without an answer, the request fails with an internal
/// error, so that no client waits for ever. All members [any].
public struct Pending<Result: Answer>: Sendable {
    let operation: Operation

    /// Answers. False: it was answered already, or the plugin has stopped.
    @discardableResult
    public func finish(_ result: Result) -> Bool { operation.finish(Outcome(result)) }

    /// Answers with an error, just as throwing it from a ``Toolset`` method would.
    @discardableResult
    public func fail(_ error: any Error) -> Bool { operation.finish(Outcome(error, for: Result.self)) }

    /// Answers a request that nobody waits for any more, see ``onCancel(_:)``.
    @discardableResult
    public func giveUp() -> Bool {
        let state = operation.state
        return operation.finish(.fault(state < 0 ? Int(state) : JF_E_GONE, "the caller no longer waits"))
    }

    /// Whether somebody still waits: false when the caller left, ran out of time, or was answered.
    public var isWanted: Bool { operation.services.isOpen(operation) && operation.state == JF_OK }

    /// Reports progress to a caller that asked for it. `total` 0: unknown.
    public func progress(_ done: Double, of total: Double = 0, _ text: String? = nil) {
        operation.services.progress(operation, done, total, text)
    }

    /// Runs `body` on the lane when the caller left or ran out of time: stop the work and call ``giveUp()``
    /// (or finish as usual; the result is dropped). Replaces an earlier body. Released, without being run,
    /// when the request is answered.
    public func onCancel(_ body: @escaping () -> Void) { operation.onCancel(body) }
}

/// One open operation of the host's. Its state is behind locks, hence `@unchecked Sendable`; what `onCancel`
/// stores runs on the lane only.
final class Operation: @unchecked Sendable {
    let handle: jf_ref
    let services: HostServices
    /// Answered. Read and written under the services' gate.
    private(set) var isOver = false
    private let cancellation = PluginLock<(() -> Void)?>(nil)

    init(_ handle: jf_ref, _ services: HostServices) {
        self.handle = handle
        self.services = services
        services.register(self)
    }

    deinit {
        // Nobody else has a reference, so that the gate is not needed.
        if !isOver { finish(.fault(JF_E_FAULT, "the plugin dropped a request without an answer")) }
    }

    /// What the host says of it: JF_OK while it is wanted.
    var state: Int32 { services.state(handle) }

    /// Takes the right to answer, once. Under the services' gate.
    func claim(_ open: inout [jf_ref: WeakOperation]) -> Bool {
        if isOver { return false }
        isOver = true
        open.removeValue(forKey: handle)
        return true
    }

    @discardableResult
    func finish(_ outcome: Outcome) -> Bool {
        let isFinished = services.finish(self, outcome)
        release()
        return isFinished
    }

    /// The slot answered by itself: nothing may follow. False: it was answered already.
    func supersede() -> Bool {
        let isClaimed = services.claim(self)
        release()
        return isClaimed
    }

    func onCancel(_ body: @escaping () -> Void) {
        let old = cancellation.withLock { stored in
            defer { stored = body }
            return stored
        }
        _ = old
        if !services.isOpen(self) { release() }
    }

    /// On the lane.
    func cancel() {
        let body = cancellation.withLock { stored in
            defer { stored = nil }
            return stored
        }
        body?()
    }

    /// The cancel body often holds its Pending: let go of it, outside the lock.
    private func release() {
        let body = cancellation.withLock { stored in
            defer { stored = nil }
            return stored
        }
        _ = body
    }
}

/// The table of open operations must not keep them alive: an operation that the author lost fails in its
/// deinit.
struct WeakOperation {
    private(set) weak var operation: Operation?

    init(_ operation: Operation) { self.operation = operation }
}
