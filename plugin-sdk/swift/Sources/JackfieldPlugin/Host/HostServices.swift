// SPDX-License-Identifier: Apache-2.0
// The host's service tables for one instance, and the gate that closes when the instance stops.

import CJackfield

/// A service without which the SDK, a facet or the author cannot work.
struct MissingService: Error {
    let id: String
}

/// One per instance. The tables never change; what changes is behind a lock or confined to the lane, hence
/// `@unchecked Sendable`.
final class HostServices: @unchecked Sendable {
    struct Gate {
        var isOpen = true
        var operations: [jf_ref: WeakOperation] = [:]
    }

    let config: jf_config_1
    let loop: jf_loop_1
    let ops: jf_ops_1
    let clock: jf_clock_1
    private let log: jf_log_1?
    /// For toolsets; set once, by their facet, before anything else can ask.
    private var toolsets: jf_toolsets_1?
    /// What the offer says, copied: hosts may keep the offer itself for `create` only.
    private let host: OpaquePointer?
    private let service: @convention(c) (OpaquePointer?, UnsafePointer<CChar>?) -> UnsafeRawPointer?
    let gate = PluginLock(Gate())
    /// Whether host services may be called from the lane: false from `stop` on. [lane]
    private(set) var isRunning = true
    /// What is armed on the loop. [lane]
    var timers: [ObjectIdentifier: Timer] = [:]
    var watches: [ObjectIdentifier: Watch] = [:]
    /// What other services keep for the author, and how it ends with the instance. [lane]
    var leases: [ObjectIdentifier: any Lease] = [:]
    /// Looked up when the author first asks. [lane]
    private(set) lazy var memoryService = lookUp(JF_MEMORY_1, jf_memory_1())
    private(set) lazy var callsService = lookUp(JF_CALLS_1, jf_calls_1())
    private(set) lazy var httpService = lookUp(JF_HTTP_1, jf_http_1())
    private(set) lazy var sealService = lookUp(JF_SEAL_1, jf_seal_1())
    private(set) lazy var identityService = lookUp(JF_IDENTITY_1, jf_identity_1())
    private(set) lazy var policiesService = lookUp(JF_POLICIES_1, jf_policies_1())
    private(set) lazy var connectedService = lookUp(JF_CONNECTED_1, jf_connected_1())
    private(set) lazy var stateService = lookUp(JF_STATE_1, jf_state_1())
    /// Stands between `stop` and the threads that seal; made on first use. [lane]
    private var sealGate: PluginLock<jf_seal_1?>?
    /// Memory of the host's in the author's hands.
    let held = PluginLock<[ObjectIdentifier: HeldMemory.Entry]>([:])
    /// The author's instance, where there is one. [lane]
    weak var plugin: (any Plugin)?

    init(_ offer: UnsafePointer<jf_offer>) throws(MissingService) {
        let host = offer.pointee.host
        guard let find = offer.pointee.service else { throw MissingService(id: JF_CONFIG_1) }
        func service<Table>(_ id: String, _ empty: Table) -> Table? { attach(find(host, id), empty) }
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
        self.host = host
        self.service = find
        self.config = config
        self.loop = loop
        self.ops = ops
        self.clock = clock
        log = service(JF_LOG_1, jf_log_1())
    }

    /// The table of a further service; nil: the host has none, or the instance has stopped. [lane]
    func lookUp<Table>(_ id: String, _ empty: Table) -> Table? {
        isRunning ? attach(service(host, id), empty) : nil
    }

    /// Runs `body` unless the instance has stopped; `stop` waits for it, so that no call reaches tables that
    /// are gone. Nothing in here calls back.
    func whileOpen<Result>(_ body: (inout Gate) -> Result) -> Result? {
        gate.withLock { gate in gate.isOpen ? body(&gate) : nil }
    }

    /// Whether `body` was run and answered JF_OK.
    func succeeds(_ body: () -> Int32) -> Bool { whileOpen { _ in body() == JF_OK } ?? false }

    var isOpen: Bool { gate.withLock { $0.isOpen } }

    // MARK: Clock and log  [any]

    var monotonic: UInt64 { whileOpen { _ in clock.monotonic_ns(clock.context) } ?? 0 }
    var wall: UInt64 { whileOpen { _ in clock.wall_ns(clock.context) } ?? 0 }

    func isLogging(_ level: UInt32) -> Bool {
        whileOpen { _ in log?.enabled.map { $0(log?.context, level) == 1 } ?? (log != nil) } ?? false
    }

    func write(_ level: UInt32, _ text: String, _ fields: [(String, String)]) {
        guard let log, let write = log.write else { return }
        withPairs(fields) { pairs in
            withView(text) { text in
                _ = whileOpen { _ in write(log.context, level, text, pairs.baseAddress, UInt64(pairs.count)) }
            }
        }
    }

    // MARK: Seal

    /// The gate to a table with both slots; nil: there is none. [lane]
    func openSealGate() -> PluginLock<jf_seal_1?>? {
        guard isRunning else { return nil }
        if sealGate == nil, let table = sealService, table.seal != nil, table.open != nil {
            sealGate = PluginLock(table)
        }
        return sealGate
    }

    // MARK: Toolsets

    /// Asks for the service that only toolsets may use. [control]
    func attachToolsets() { toolsets = lookUp(JF_TOOLSETS_1, jf_toolsets_1()) }

    func changed(_ set: jf_ref, _ kind: UInt32) {
        guard let toolsets, let changed = toolsets.changed else { return }
        _ = whileOpen { _ in changed(toolsets.context, set, kind) }
    }

    // MARK: The end

    /// Ends all work and closes the gate: no call to the host after it, but to give memory back. [control]
    func stop() {
        // First, so that none fails because its last reference goes with a timer.
        let open = gate.withLock { $0.operations.values.compactMap(\.operation) }
        for operation in open {
            operation.finish(.fault(JF_E_GONE, "the plugin stopped before the call was done"))
        }
        while let (_, timer) = timers.first { timer.cancel() }
        while let (_, watch) = watches.first { watch.stop() }
        while let (_, lease) = leases.popFirst() { lease.end() }
        gate.withLock { $0.isOpen = false }
        sealGate?.withLock { $0 = nil }
        isRunning = false
    }
}

/// Something that a service of another plugin or the router keeps for the author until it is over.
protocol Lease: AnyObject {
    /// The instance stops: ends it with the host, and lets go of the author's closures. [lane]
    func end()
}
