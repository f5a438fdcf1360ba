// SPDX-License-Identifier: Apache-2.0
// The host's service tables for one instance, and the gate that closes when the instance stops.

import CJackfield

/// A service without which the SDK cannot work.
struct MissingService: Error {
    let id: String
}

/// One per instance. The tables never change; what changes is behind `gate` or confined to the lane, hence
/// `@unchecked Sendable`.
final class HostServices: @unchecked Sendable {
    private struct Gate {
        var isOpen = true
        var operations: [jf_ref: WeakOperation] = [:]
    }

    private let config: jf_config_1
    private let loop: jf_loop_1
    private let ops: jf_ops_1
    private let clock: jf_clock_1
    private let log: jf_log_1?
    private let toolsets: jf_toolsets_1?
    private let gate = PluginLock(Gate())
    /// Armed timers. [lane]
    private var timers: [ObjectIdentifier: Timer] = [:]

    init(_ offer: UnsafePointer<jf_offer>) throws(MissingService) {
        func service<Table>(_ id: String, _ empty: Table) -> Table? {
            attach(offer.pointee.service(offer.pointee.host, id), empty)
        }
        guard let config = service(JF_CONFIG_1, jf_config_1()), config.find != nil, config.text != nil,
            config.integer != nil, config.real != nil
        else { throw MissingService(id: JF_CONFIG_1) }
        guard let loop = service(JF_LOOP_1, jf_loop_1()), loop.timer != nil, loop.cancel != nil,
            loop.post != nil
        else { throw MissingService(id: JF_LOOP_1) }
        guard let ops = service(JF_OPS_1, jf_ops_1()), ops.finish != nil, ops.state != nil,
            ops.progress != nil
        else { throw MissingService(id: JF_OPS_1) }
        guard let clock = service(JF_CLOCK_1, jf_clock_1()), clock.monotonic_ns != nil, clock.wall_ns != nil
        else { throw MissingService(id: JF_CLOCK_1) }
        self.config = config
        self.loop = loop
        self.ops = ops
        self.clock = clock
        log = service(JF_LOG_1, jf_log_1())
        toolsets = service(JF_TOOLSETS_1, jf_toolsets_1())
    }

    /// Runs `body` unless the instance has stopped; `stop` waits for it, so that no call reaches tables that
    /// are gone. Nothing in here calls back.
    private func whileOpen<Result>(_ body: (inout Gate) -> Result) -> Result? {
        gate.withLock { gate in gate.isOpen ? body(&gate) : nil }
    }

    /// Whether `body` was run and answered JF_OK.
    private func succeeds(_ body: () -> Int32) -> Bool { whileOpen { _ in body() == JF_OK } ?? false }

    var isOpen: Bool { gate.withLock { $0.isOpen } }

    // MARK: Clock and log  [any]

    var monotonic: UInt64 { whileOpen { _ in clock.monotonic_ns(clock.context) } ?? 0 }
    var wall: UInt64 { whileOpen { _ in clock.wall_ns(clock.context) } ?? 0 }

    func isLogging(_ level: UInt32) -> Bool {
        whileOpen { _ in log?.enabled.map { $0(log?.context, level) == 1 } ?? (log != nil) } ?? false
    }

    func write(_ level: UInt32, _ text: String, _ fields: [(String, String)]) {
        guard let log, let write = log.write else { return }
        withPairs(fields[...], []) { pairs in
            withView(text) { text in
                _ = whileOpen { _ in
                    pairs.withUnsafeBufferPointer {
                        write(log.context, level, text, $0.baseAddress, UInt64($0.count))
                    }
                }
            }
        }
    }

    private func withPairs(
        _ fields: ArraySlice<(String, String)>, _ done: [jf_pair], _ body: ([jf_pair]) -> Void
    ) {
        guard let (name, value) = fields.first else { return body(done) }
        withView(name) { name in
            withView(value) { value in
                withPairs(fields.dropFirst(), done + [jf_pair(name: name, value: value)], body)
            }
        }
    }

    // MARK: JSON  [any]

    /// The value at a JSON Pointer, as a range of `document`; nil: none, or not JSON.
    func find(_ document: UnsafeBufferPointer<UInt8>, _ pointer: String) -> (range: Range<Int>, kind: UInt32)?
    {
        var value = jf_view.absent
        var kind: UInt32 = 0
        let isFound = withView(pointer) { pointer in
            succeeds { config.find(config.context, jf_view(document), pointer, &value, &kind) }
        }
        guard isFound, let start = document.baseAddress, let at = value.ptr else { return nil }
        let lower = at - start
        return (lower..<lower + Int(value.len), kind)
    }

    func text(_ value: UnsafeBufferPointer<UInt8>) -> String? {
        var blob = jf_blob.none
        guard succeeds({ config.text(config.context, jf_view(value), &blob) }) else { return nil }
        return blob.takeText()
    }

    func integer(_ value: UnsafeBufferPointer<UInt8>) -> Int? {
        var number: Int64 = 0
        return succeeds { config.integer(config.context, jf_view(value), &number) } ? Int(number) : nil
    }

    func real(_ value: UnsafeBufferPointer<UInt8>) -> Double? {
        var number = 0.0
        return succeeds { config.real(config.context, jf_view(value), &number) } ? number : nil
    }

    func secret(_ name: String) -> String? {
        guard let secret = config.secret else { return nil }
        var blob = jf_blob.none
        let isFound = withView(name) { name in succeeds { secret(config.context, name, &blob) } }
        return isFound ? blob.takeText() : nil
    }

    // MARK: The lane

    /// Arms a timer; false when the host has none left or the instance stopped. [lane]
    func arm(_ timer: Timer, after delay: UInt64) -> Bool {
        let address = Unmanaged.passUnretained(timer).toOpaque()
        guard succeeds({ loop.timer(loop.context, delay, timerFired, address, &timer.handle) }) else {
            return false
        }
        timers[ObjectIdentifier(timer)] = timer
        return true
    }

    /// Forgets an armed timer. [lane]
    func disarm(_ timer: Timer, isFired: Bool) {
        guard timers.removeValue(forKey: ObjectIdentifier(timer)) != nil, !isFired else { return }
        _ = whileOpen { _ in loop.cancel(loop.context, timer.handle) }
    }

    /// Runs `body` on the lane soon; not at all once the instance stops. [any]
    func post(_ body: @escaping @Sendable () -> Void) {
        let task = Unmanaged.passRetained(PostedTask(self, body))
        if !succeeds({ loop.post(loop.context, taskPosted, task.toOpaque()) }) { task.release() }
    }

    // MARK: Operations

    /// Adds to the table that `cancel` and `stop` look in. [lane]
    func register(_ operation: Operation) {
        _ = whileOpen { $0.operations[operation.handle] = WeakOperation(operation) }
    }

    func operation(_ handle: jf_ref) -> Operation? { gate.withLock { $0.operations[handle]?.operation } }

    /// Takes the right to end an operation. [any]
    func claim(_ operation: Operation) -> Bool {
        whileOpen { gate in operation.claim(&gate.operations) } ?? false
    }

    /// Ends an operation, if it is still open. Encode the outcome before: nothing else happens under the
    /// lock. [any]
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

    /// Whether nobody answered it yet. [any]
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

    func changed(_ set: jf_ref, _ kind: UInt32) {
        guard let toolsets, let changed = toolsets.changed else { return }
        _ = whileOpen { _ in changed(toolsets.context, set, kind) }
    }

    // MARK: The end

    /// Ends all work and closes the gate: no call to the host after it. [control]
    func stop() {
        while let (_, timer) = timers.first { timer.cancel() }
        let open = gate.withLock { $0.operations.values.compactMap(\.operation) }
        for operation in open {
            operation.finish(.fault(Int32(JF_E_GONE), "the plugin stopped before the call was done"))
        }
        gate.withLock { $0.isOpen = false }
    }
}

/// A body on its way to the lane.
private final class PostedTask {
    let services: HostServices
    let body: @Sendable () -> Void

    init(_ services: HostServices, _ body: @escaping @Sendable () -> Void) {
        self.services = services
        self.body = body
    }
}

private func taskPosted(_ user: UnsafeMutableRawPointer?) {
    guard let user else { return }
    let task = Unmanaged<PostedTask>.fromOpaque(user).takeRetainedValue()
    if task.services.isOpen { task.body() }
}

private func timerFired(_ user: UnsafeMutableRawPointer?) {
    guard let user else { return }
    Unmanaged<Timer>.fromOpaque(user).takeUnretainedValue().fire()
}
