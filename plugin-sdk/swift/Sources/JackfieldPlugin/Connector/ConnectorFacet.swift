// SPDX-License-Identifier: Apache-2.0
// Joins a Connector to the table jf_connector_1.

import CJackfield

/// What the C slots see: the facet without its type parameter.
class ConnectorFacet: Facet {
    let services: HostServices
    private let configuration: JSONReader
    private let channels: jf_channels_1
    private var links = HandleTable<Link>()

    /// A channel with its connector.
    private final class Link {
        let channel: Channel
        let connector: any Connector

        init(_ channel: Channel, _ connector: any Connector) {
            self.channel = channel
            self.connector = connector
        }
    }

    init(_ services: HostServices, _ configuration: JSONReader) throws {
        guard let channels = services.lookUp(JF_CHANNELS_1, jf_channels_1()), channels.ready != nil,
            channels.deliver != nil, channels.failed != nil, channels.writable != nil, channels.closed != nil
        else { throw MissingService(id: JF_CHANNELS_1) }
        self.services = services
        self.configuration = configuration
        self.channels = channels
        super.init(JF_CONNECTOR_1, connectorTable())
    }

    func make(_ channel: Channel, _ server: String, _ entry: JSONReader) throws -> any Connector {
        fatalError("abstract")
    }

    final func open(_ handle: jf_ref, _ server: String, _ entry: JSONReader) throws -> jf_ref {
        let host = Host(services: services, set: 0, configuration: configuration)
        let channel = Channel(host, channels, handle)
        let connector: any Connector
        do {
            connector = try make(channel, server, entry)
        } catch {
            channel.cut()
            throw error
        }
        let own = links.insert(Link(channel, connector))
        channel.whenClosed { [weak self] in _ = self?.links.remove(own) }
        return own
    }

    /// The connector stays alive for the call, even where it closes its channel.
    final func connector(_ handle: jf_ref) -> (any Connector)? { links[handle]?.connector }

    override func close() {
        for link in links.removeAll() {
            link.channel.cut()
            link.connector.stop()
        }
    }
}

/// The channels of one instance. Confined to the lane.
final class TypedConnectorFacet<Link: Connector>: ConnectorFacet {
    override func make(_ channel: Channel, _ server: String, _ entry: JSONReader) throws -> any Connector {
        try Link(channel: channel, server: server, configuration: entry)
    }
}

// MARK: The slots of jf_connector_1: free functions, since a closure may be taken for one of the main actor's

private func connectorTable() -> jf_connector_1 {
    jf_connector_1(
        size: UInt32(MemoryLayout<jf_connector_1>.size), flags: 0, open: openChannel, send: sendMessage,
        cancel: cancelExchange, close: closeChannel, usage: usageOfChannel)
}

private func openChannel(
    _ own: OpaquePointer?, _ channel: jf_ref, _ name: jf_view, _ config: jf_view,
    _ handle: UnsafeMutablePointer<jf_ref>?, _ why: UnsafeMutablePointer<jf_fault>?
) -> Int32 {
    Instance.with(own) { instance in
        guard let facet = instance.connector, let handle else { return Int32(JF_E_FAULT) }
        guard let entry = JSONReader(config, facet.services) else {
            return Refusal(JF_E_INVALID, "the server's entry is not JSON").fill(why)
        }
        do {
            handle.pointee = try facet.open(channel, name.text ?? "", entry)
            return Int32(JF_OK)
        } catch {
            return Refusal(error).fill(why)
        }
    } ?? Int32(JF_E_FAULT)
}

private func sendMessage(
    _ own: OpaquePointer?, _ handle: jf_ref, _ message: UnsafePointer<jf_message>?,
    _ why: UnsafeMutablePointer<jf_fault>?
) -> Int32 {
    Instance.with(own) { instance in
        guard let facet = instance.connector, let message else { return Int32(JF_E_FAULT) }
        guard let connector = facet.connector(handle) else { return Int32(JF_E_STALE) }
        do {
            try connector.send(Message(message, facet.services))
            return Int32(JF_OK)
        } catch {
            return Refusal(error).fill(why)
        }
    } ?? Int32(JF_E_FAULT)
}

private func cancelExchange(_ own: OpaquePointer?, _ handle: jf_ref, _ exchange: jf_ref) {
    Instance.with(own) { $0.connector?.connector(handle)?.cancel(Exchange(exchange)) }
}

private func closeChannel(_ own: OpaquePointer?, _ handle: jf_ref, _ deadline: UInt64) {
    Instance.with(own) { $0.connector?.connector(handle)?.close(deadlineNanoseconds: deadline) }
}

private func usageOfChannel(
    _ own: OpaquePointer?, _ handle: jf_ref, _ out: UnsafeMutablePointer<jf_usage>?
) -> Int32 {
    Instance.with(own) { instance in
        guard let facet = instance.connector, let out else { return Int32(JF_E_FAULT) }
        guard let connector = facet.connector(handle) else { return Int32(JF_E_STALE) }
        do {
            guard let told = try connector.usage() else { return Int32(JF_ABSENT) }
            // A host may know less of it than we do.
            let size = min(out.pointee.size, UInt32(MemoryLayout<jf_usage>.size))
            var whole = jf_usage(
                size: size, flags: 0, measured_ns: told.measuredNanoseconds, memory: told.memory,
                cpu_ns: told.processorNanoseconds, since_ns: told.sinceNanoseconds,
                processes: told.processes, threads: told.threads, descriptors: told.descriptors,
                spares: told.spares, started: told.started, failures: told.failures,
                replaced: told.replaced, waiting: told.waiting)
            withUnsafeBytes(of: &whole) {
                UnsafeMutableRawBufferPointer(start: out, count: Int(size)).copyMemory(
                    from: UnsafeRawBufferPointer(rebasing: $0[..<Int(size)]))
            }
            return Int32(JF_OK)
        } catch {
            return Refusal(error).status
        }
    } ?? Int32(JF_E_FAULT)
}
