// SPDX-License-Identifier: Apache-2.0
// Joins a Routing strategy to the table jf_routing_1.

import CJackfield

/// One server that uses the strategy. The facet and its table of handles know it without the type parameter:
/// only what is below this class is generic, so that a pick costs no look-up of metadata.
class RoutingServer {
    func pick(_ call: borrowing RoutingCall, _ endpoints: borrowing Endpoints) -> Int? {
        fatalError("abstract")
    }
    func observe(_ outcome: RoutingOutcome) { fatalError("abstract") }
    func detach() { fatalError("abstract") }
    func exportState() throws -> [UInt8] { throw PluginError(.unsupported, "it hands nothing over") }
    func importState(_ state: [UInt8]) throws { throw PluginError(.unsupported, "it takes nothing over") }
}

/// Any strategy.
class StrategyServer<Strategy: Routing>: RoutingServer {
    final var strategy: Strategy

    init(_ strategy: Strategy) { self.strategy = strategy }

    final override func pick(_ call: borrowing RoutingCall, _ endpoints: borrowing Endpoints) -> Int? {
        strategy.pick(call, among: endpoints)
    }
    final override func observe(_ outcome: RoutingOutcome) { strategy.observe(outcome) }
    final override func detach() { strategy.detach() }
}

/// A strategy that hands over what it learnt.
final class StatefulServer<Strategy: StatefulRouting>: StrategyServer<Strategy> {
    override func exportState() throws -> [UInt8] { try strategy.exportState() }
    override func importState(_ state: [UInt8]) throws { try strategy.importState(state) }
}

/// The servers of one instance. Confined to the lane.
final class RoutingFacet: Facet {
    typealias Maker = (_ server: String, _ options: JSONReader, Host) throws -> RoutingServer

    let services: HostServices
    private let configuration: JSONReader
    private let make: Maker
    private var servers = HandleTable<RoutingServer>()

    /// Without `handsOver` there are no slots for it.
    init(_ services: HostServices, _ configuration: JSONReader, handsOver: Bool, _ make: @escaping Maker) {
        self.services = services
        self.configuration = configuration
        self.make = make
        super.init(JF_ROUTING_1, routingTable(handsOver: handsOver))
    }

    func attach(_ server: String, _ options: JSONReader) throws -> jf_ref {
        let host = Host(services: services, set: 0, configuration: configuration)
        return servers.insert(try make(server, options, host))
    }

    func detach(_ handle: jf_ref) { servers.remove(handle)?.detach() }

    override func close() {
        for server in servers.removeAll() { server.detach() }
    }

    @inline(__always)
    func server(_ handle: jf_ref) -> RoutingServer? { servers[handle] }
}
