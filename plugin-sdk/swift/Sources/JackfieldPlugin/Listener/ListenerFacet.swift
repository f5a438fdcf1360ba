// SPDX-License-Identifier: Apache-2.0
// Joins a Listener to the table jf_listener_1.

import CJackfield

/// What the C slots see: the facet without its type parameter. Confined to the lane.
class ListenerFacet: Facet {
    let services: HostServices
    private let configuration: JSONReader
    private let inbound: jf_inbound_1
    private let clients = ClientTable()
    private var listeners: [jf_ref: any Listener] = [:]
    /// Unlistened; their clients may still be there.
    private var retired: [any Listener] = []

    init(_ services: HostServices, _ configuration: JSONReader) throws {
        guard let inbound = services.lookUp(JF_INBOUND_1, jf_inbound_1()), inbound.opened != nil,
            inbound.deliver != nil, inbound.gone != nil, inbound.writable != nil, inbound.closed != nil
        else { throw MissingService(id: JF_INBOUND_1) }
        self.services = services
        self.configuration = configuration
        self.inbound = inbound
        super.init(JF_LISTENER_1, listenerTable())
    }

    func make(_ inbound: Inbound, _ address: String?, _ options: JSONReader) throws -> any Listener {
        fatalError("abstract")
    }

    /// Where it listens.
    final func listen(_ handle: jf_ref, _ address: String?, _ options: JSONReader) throws -> String {
        let host = Host(services: services, set: 0, configuration: configuration)
        let listener = try make(Inbound(host, inbound, handle, clients), address, options)
        listeners[handle] = listener
        return listener.boundAddress
    }

    final func unlisten(_ handle: jf_ref) {
        guard let listener = listeners.removeValue(forKey: handle) else { return }
        retired.append(listener)
        listener.unlisten()
    }

    final func connection(_ client: jf_ref) -> (any ClientConnection)? { clients.connections[client] }

    override func close() {
        let all = retired + listeners.values
        retired = []
        listeners = [:]
        for listener in all { listener.stop() }
        clients.connections = [:]
    }
}

/// The listeners of one instance. Confined to the lane.
final class TypedListenerFacet<Port: Listener>: ListenerFacet {
    override func make(_ inbound: Inbound, _ address: String?, _ options: JSONReader) throws -> any Listener {
        try Port(inbound: inbound, address: address, configuration: options)
    }
}

// MARK: The slots of jf_listener_1: free functions, since a closure may be taken for one of the main actor's

private func listenerTable() -> jf_listener_1 {
    jf_listener_1(
        size: UInt32(MemoryLayout<jf_listener_1>.size), flags: 0, listen: listen, unlisten: unlisten,
        reply: reply, close: closeClient)
}

private func listen(
    _ own: OpaquePointer?, _ listener: jf_ref, _ address: jf_view, _ config: jf_view,
    _ bound: UnsafeMutablePointer<jf_blob>?, _ why: UnsafeMutablePointer<jf_fault>?
) -> Int32 {
    Instance.with(own) { instance in
        guard let facet = instance.listener, let bound else { return Int32(JF_E_FAULT) }
        guard let options = JSONReader(config, facet.services) else {
            return Refusal(JF_E_INVALID, "the listener's entry is not JSON").fill(why)
        }
        do {
            bound.pointee = .copying(Array(try facet.listen(listener, address.text, options).utf8))
            return Int32(JF_OK)
        } catch {
            return Refusal(error).fill(why)
        }
    } ?? Int32(JF_E_FAULT)
}

private func unlisten(_ own: OpaquePointer?, _ listener: jf_ref) {
    Instance.with(own) { $0.listener?.unlisten(listener) }
}

private func reply(_ own: OpaquePointer?, _ client: jf_ref, _ message: UnsafePointer<jf_message>?) -> Int32 {
    Instance.with(own) { instance in
        guard let facet = instance.listener, let message else { return Int32(JF_E_FAULT) }
        guard let connection = facet.connection(client) else { return Int32(JF_E_STALE) }
        return connection.reply(Message(message, facet.services)).status
    } ?? Int32(JF_E_FAULT)
}

private func closeClient(_ own: OpaquePointer?, _ client: jf_ref) {
    Instance.with(own) { $0.listener?.connection(client)?.close() }
}
