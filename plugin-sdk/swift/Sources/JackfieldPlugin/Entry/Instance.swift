// SPDX-License-Identifier: Apache-2.0
// One instance of the plugin: what stands behind `jf_self *`.

import CJackfield

/// A facet of an instance: its table, and its part in the instance's end. New facets subclass it.
class Facet {
    /// "jf.toolset/1"
    let id: String
    /// The C table; lives as long as this object.
    let table: UnsafeRawPointer

    init<Table>(_ id: String, _ table: Table) {
        self.id = id
        let memory = UnsafeMutablePointer<Table>.allocate(capacity: 1)
        memory.initialize(to: table)
        self.table = UnsafeRawPointer(memory)
    }

    deinit { table.deallocate() }

    /// Lets go of everything that belongs to the author. [control]
    func close() {}
}

/// Confined to its lane but for `services`.
final class Instance {
    let services: HostServices
    private let plugin: (any Plugin)?
    private let facets: [Facet]
    private var isStopped = false
    /// The facets that slots ask for, so that a call needs no search.
    let toolset: ToolsetFacet?
    let routing: RoutingFacet?
    let connector: ConnectorFacet?
    let listener: ListenerFacet?
    let auth: GuardFacet<AuthServer>?
    let policy: GuardFacet<PolicyServer>?
    let filter: GuardFacet<FilterServer>?
    let credentials: GuardFacet<CredentialServer>?
    let store: StoreFacet?

    init(_ services: HostServices, _ plugin: (any Plugin)?, _ facets: [Facet]) {
        self.services = services
        self.plugin = plugin
        self.facets = facets
        toolset = facets.lazy.compactMap { $0 as? ToolsetFacet }.first
        routing = facets.lazy.compactMap { $0 as? RoutingFacet }.first
        connector = facets.lazy.compactMap { $0 as? ConnectorFacet }.first
        listener = facets.lazy.compactMap { $0 as? ListenerFacet }.first
        auth = facets.lazy.compactMap { $0 as? GuardFacet<AuthServer> }.first
        policy = facets.lazy.compactMap { $0 as? GuardFacet<PolicyServer> }.first
        filter = facets.lazy.compactMap { $0 as? GuardFacet<FilterServer> }.first
        credentials = facets.lazy.compactMap { $0 as? GuardFacet<CredentialServer> }.first
        store = facets.lazy.compactMap { $0 as? StoreFacet }.first
    }

    func facet(_ id: String) -> UnsafeRawPointer? { facets.first { $0.id == id }?.table }

    func start() throws { try plugin?.start() }

    func drain(_ deadline: UInt64) { plugin?.drain(deadlineNanoseconds: deadline) }

    func stop() {
        guard !isStopped else { return }
        isStopped = true
        services.stop()
        for facet in facets { facet.close() }
        plugin?.stop()
        services.settleMemory()
    }

    /// Runs `body` with the instance behind a slot's first argument, which the host keeps until `destroy`;
    /// nil: there is none. Spares the reference count that a hot slot would otherwise pay for.
    @inline(__always)
    static func with<Result>(_ own: OpaquePointer?, _ body: (Instance) throws -> Result) rethrows -> Result? {
        guard let own else { return nil }
        return try Unmanaged<Instance>.fromOpaque(UnsafeRawPointer(own))._withUnsafeGuaranteedRef(body)
    }
}
