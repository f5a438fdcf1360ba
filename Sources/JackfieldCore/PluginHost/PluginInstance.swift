// SPDX-License-Identifier: Apache-2.0
// One instance of a plugin on one event loop: its life cycle, its facets, and the services that it is offered.

import CJackfield
import CLinux
import CMeter
import Glibc
import Synchronization

/// Confined to its lane's thread but for what is marked `[any]` in the ABI, hence `@unchecked Sendable`.
final class PluginInstance: @unchecked Sendable {
    enum State: UInt8 { case created, started, draining, stopped, destroyed }

    let library: PluginLibrary
    unowned let lane: Lane
    /// The time of its loop.
    let clock: UnsafePointer<UInt64>
    let log: Log
    private(set) var state = State.created
    /// Stands for the plugin's own side, `jf_self *`, in every slot of its tables.
    private(set) var own: OpaquePointer?
    /// The plugin's table, metered; without `create`.
    private let table: jf_plugin
    let meter: PluginMeter
    /// The address of its cell's proxy, `jf_self *`: there for whoever holds the lock. 0: none, or destroyed.
    let cell = Mutex<UInt>(0)

    /// Facet tables, attached once; nil where the plugin has no such facet.
    private(set) var listener: jf_listener_1?
    private(set) var connector: jf_connector_1?
    private(set) var toolset: jf_toolset_1?
    private(set) var routing: jf_routing_1?
    private(set) var auth: jf_auth_1?
    private(set) var policy: jf_policy_1?
    private(set) var filter: jf_filter_1?
    private(set) var credentials: jf_credentials_1?
    private(set) var store: jf_store_1?

    /// Tables handed out by `service`, freed after `destroy`. By id, since a plugin may ask twice.
    private var services: [String: UnsafeMutableRawPointer] = [:]
    /// Tables of third parties that others got, by id.
    private var foreign: [String: UnsafeRawPointer] = [:]
    /// Accounted memory, and operations finished too late or twice.
    let memoryInUse = Atomic<Int>(0)
    let strikes = Atomic<Int>(0)
    /// Its requests run on workers one at a time, since they kept the lane too long. Lane only.
    var aside: WorkerTurn?
    /// Which build of the plugin it is an instance of; nil before its lane has it.
    var generation: PluginGeneration?
    /// How its calls ended; servers whose endpoints it picks among; instances that hold a service of it.
    var tally = PluginTally()
    var bindings = 0
    private(set) var dependants = 0
    private var providers: [PluginInstance] = []

    var id: String { library.manifest.id }
    var host: OpaquePointer { OpaquePointer(Unmanaged.passUnretained(self).toOpaque()) }

    /// Creates the instance. Throws the plugin's own refusal.
    init(
        _ library: PluginLibrary, lane: Lane, config: String, border: BorderPlan = BorderPlan(), log: Log
    ) throws(PluginFailure) {
        self.library = library
        self.lane = lane
        clock = UnsafePointer(lane.loop.clock)
        self.log = log
        let slow = lane.gateway.slowPlan
        meter = PluginMeter(
            library, lane: lane.index, border: border, slow: slow.moves && !library.isIsolated ? slow : nil,
            log: log)
        table = meter.table
        guard library.table.pointee.create != nil, table.destroy != nil, table.facet != nil else {
            throw PluginFailure(
                plugin: library.manifest.id, step: "create", message: "its table lacks required slots")
        }
        let offer = jf_offer(
            size: UInt32(MemoryLayout<jf_offer>.size), major: UInt16(JF_ABI_MAJOR),
            minor: UInt16(JF_ABI_MINOR),
            host: host, service: offeredService)
        var fault = jf_fault.empty()
        let status = meter.create(offer, config: config, &fault)
        guard status == JF_OK else {
            releaseServices()
            throw PluginFailure(
                plugin: library.manifest.id, step: "create",
                message: fault.message.isEmpty ? "it answered \(statusName(status))" : fault.message)
        }
        own = meter.own
        if library.isIsolated { cell.withLock { $0 = UInt(bitPattern: jf_shim_inner(meter.shim)) } }
        listener = facet(JF_LISTENER_1, jf_listener_1())
        connector = facet(JF_CONNECTOR_1, jf_connector_1())
        toolset = facet(JF_TOOLSET_1, jf_toolset_1())
        routing = facet(JF_ROUTING_1, jf_routing_1())
        auth = facet(JF_AUTH_1, jf_auth_1())
        policy = facet(JF_POLICY_1, jf_policy_1())
        filter = facet(JF_FILTER_1, jf_filter_1())
        credentials = facet(JF_CREDENTIALS_1, jf_credentials_1())
        store = facet(JF_STORE_1, jf_store_1())
        watchSlowness()
        lane.gateway.instances.add(self)
    }

    private func facet<Table>(_ id: String, _ empty: Table) -> Table? {
        guard let pointer = table.facet(own, id) else { return nil }
        return attach(pointer, as: Table.self, empty: empty)
    }

    /// A service that this plugin offers to others.
    func offered(_ id: String) -> UnsafeRawPointer? {
        guard library.manifest.provides.contains(id) else { return nil }
        if let known = foreign[id] { return known }
        guard let real = table.facet(own, id) else { return nil }
        if id.hasPrefix("jf.") { return real }
        let given = metered(id, real)
        foreign[id] = given
        return given
    }

    /// The table of a third party's service, metered if its manifest says what its slots are and something can stand
    /// in front of them.
    private func metered(_ id: String, _ real: UnsafeRawPointer) -> UnsafeRawPointer {
        let why: String
        if let description = library.manifest.signatures.first(where: { $0.id == id }) {
            if let offered = lane.offeredService(JF_INTERPOSE_1, except: self) {
                let interposer = attach(offered, as: jf_interpose_1.self, empty: jf_interpose_1())
                do throws(BorderFault) {
                    return try meter.stand(before: real, of: description, by: interposer)
                } catch {
                    why = error.text
                }
            } else {
                why = "no plugin offers \(JF_INTERPOSE_1): install abi-libffi"
            }
        } else {
            why = "its manifest has no 'signatures' for it"
        }
        if lane.index == 0 {
            log.write(
                .info, "calls of a third party's service are not metered",
                [.init("plugin", self.id), .init("service", id), .init("why", why)])
        }
        return real
    }

    func start() throws(PluginFailure) {
        if let start = table.start {
            var fault = jf_fault.empty()
            let status = start(own, &fault)
            guard status == JF_OK else {
                throw PluginFailure(
                    plugin: id, step: "start",
                    message: fault.message.isEmpty ? "it answered \(statusName(status))" : fault.message)
            }
        }
        state = .started
    }

    func drain(deadline: UInt64) {
        guard state == .started else { return }
        state = .draining
        alone { table.drain?(own, deadline) }
    }

    func stop() {
        guard state == .started || state == .draining else { return }
        state = .stopped
        alone { table.stop?(own) }
    }

    func destroy() {
        guard state != .destroyed else { return }
        state = .destroyed
        if toolset != nil, lane.hasOperations(of: self) {
            // A worker may be inside the plugin: at the end of the process, leaving it is safer than pulling it away.
            return log.write(
                .warning, "plugin still has operations open; not destroyed", [.init("plugin", id)])
        }
        lane.store?.forget(self)
        cell.withLock { $0 = 0 }
        meter.endForeignBorders()
        table.destroy(own)
        own = nil
        lane.gateway.instances.remove(self)
        let left = memoryInUse.load(ordering: .relaxed)
        if left != 0 {
            log.write(
                .warning, "plugin left accounted memory behind",
                [.init("plugin", id), .init("bytes", String(left))])
        }
        releaseServices()
    }

    /// Its services are used by somebody else from now on.
    func isUsed(by instance: PluginInstance) {
        dependants += 1
        instance.providers.append(self)
    }

    private func releaseServices() {
        for provider in providers { provider.dependants -= 1 }
        providers.removeAll()
        for memory in services.values { free(memory) }
        services.removeAll()
    }

    /// The table of a service, made on first use.
    fileprivate func service(_ id: String) -> UnsafeRawPointer? {
        if let known = services[id] { return UnsafeRawPointer(known) }
        // Without a store there is no state; and a store keeps none in itself.
        if id == JF_STATE_1, lane.store == nil || library.manifest.store != nil { return nil }
        let context = Unmanaged.passUnretained(self).toOpaque()
        guard let made = makeServiceTable(id, context) else { return lane.offeredService(id, except: self) }
        services[id] = made
        return UnsafeRawPointer(made)
    }
}

/// Why a plugin could not be brought up.
public struct PluginFailure: Error, CustomStringConvertible {
    public let plugin: String
    public let step: String
    public let message: String

    public var description: String { "plugin \(plugin) refused at '\(step)': \(message)" }
}

/// The slot `jf_offer.service`.
private func offeredService(_ host: OpaquePointer?, _ id: UnsafePointer<CChar>?) -> UnsafeRawPointer? {
    guard let host, let id else { return nil }
    return instance(UnsafeMutableRawPointer(host)).service(String(cString: id))
}

/// The instance behind a service's context pointer.
@inline(__always)
func instance(_ context: UnsafeMutableRawPointer?) -> PluginInstance {
    Unmanaged<PluginInstance>.fromOpaque(context!).takeUnretainedValue()
}

/// Lends the instance behind a service's context pointer, which outlives the call: for slots that every call goes through.
@inline(__always)
func withInstance<R>(_ context: UnsafeMutableRawPointer?, _ body: (PluginInstance) -> R) -> R {
    Unmanaged<PluginInstance>.fromOpaque(context!)._withUnsafeGuaranteedRef(body)
}

/// Copies a table to memory of its own.
private func keep<Table>(_ table: Table) -> UnsafeMutableRawPointer? {
    guard let memory = malloc(MemoryLayout<Table>.size) else { return nil }
    memory.initializeMemory(as: Table.self, to: table)
    return memory
}

private func makeServiceTable(_ id: String, _ context: UnsafeMutableRawPointer) -> UnsafeMutableRawPointer? {
    switch id {
    case JF_LOOP_1: keep(loopService(context))
    case JF_OPS_1: keep(opsService(context))
    case JF_LOG_1: keep(logService(context))
    case JF_CONFIG_1: keep(configService(context))
    case JF_CONNECTED_1: keep(connectedService(context))
    case JF_MEMORY_1: keep(memoryService(context))
    case JF_CLOCK_1: keep(clockService(context))
    case JF_CALLS_1: keep(callsService(context))
    case JF_IDENTITY_1: keep(identityService(context))
    case JF_INBOUND_1: keep(inboundService(context))
    case JF_CHANNELS_1: keep(channelsService(context))
    case JF_TOOLSETS_1: keep(toolsetsService(context))
    case JF_STATE_1: keep(stateService(context))
    case JF_WATCHES_1: keep(watchesService(context))
    case JF_POLICIES_1: keep(policiesService(context))
    default: nil
    }
}

/// Ids of the services that the host itself offers.
public let hostServices = [
    JF_CALLS_1, JF_CHANNELS_1, JF_CLOCK_1, JF_CONFIG_1, JF_CONNECTED_1, JF_IDENTITY_1, JF_INBOUND_1, JF_LOG_1,
    JF_LOOP_1, JF_MEMORY_1, JF_OPS_1, JF_POLICIES_1, JF_STATE_1, JF_TOOLSETS_1, JF_WATCHES_1,
]
