// SPDX-License-Identifier: Apache-2.0
// The host's side of a listener and of its clients.

import CJackfield

/// The host's side of a listener: where accepted clients go. Confined to the lane.
public final class Inbound {
    let services: HostServices
    let table: jf_inbound_1
    private let handle: jf_ref
    private let clients: ClientTable
    /// The gateway.
    public let host: Host

    init(_ host: Host, _ table: jf_inbound_1, _ handle: jf_ref, _ clients: ClientTable) {
        self.host = host
        self.table = table
        self.handle = handle
        self.clients = clients
        services = host.services
    }

    /// A client connected; `connection` will carry its answers. [lane]
    /// - Throws: ``PluginError/Code/busy`` when the gateway takes no more: close the connection.
    public func accept(_ info: ClientInfo, _ connection: any ClientConnection) throws -> Client {
        guard services.isRunning else { throw PluginError.gone("the plugin has stopped") }
        var flags: UInt32 = 0
        if info.isShared { flags |= JF_CLIENT_SHARED }
        if info.isSole { flags |= JF_CLIENT_SOLE }
        var client: jf_ref = 0
        let status = withView(info.address) { address in
            var native = jf_client_info(
                size: UInt32(MemoryLayout<jf_client_info>.size), flags: flags, listener: handle,
                address: address, certificate: jf_view(), server_name: jf_view())
            return table.opened(table.context, &native, &client)
        }
        guard status == JF_OK else {
            throw PluginError(.init(status: status), "the gateway takes no client now")
        }
        let accepted = Client(self, client, clients)
        clients.connections[client] = connection
        return accepted
    }
}

/// Who answers which client, by the host's handle. Confined to the lane.
final class ClientTable {
    var connections: [jf_ref: any ClientConnection] = [:]
}

/// The host's side of one client. Confined to the lane. After ``closed()`` and after the plugin has stopped
/// its methods do nothing.
public final class Client {
    private let inbound: Inbound
    private let handle: jf_ref
    private let clients: ClientTable

    fileprivate init(_ inbound: Inbound, _ handle: jf_ref, _ clients: ClientTable) {
        self.inbound = inbound
        self.handle = handle
        self.clients = clients
    }

    /// Whether the gateway still knows the client.
    public var isOpen: Bool { inbound.services.isRunning && clients.connections[handle] != nil }

    /// One message of the client: `body` is exactly one JSON text, which the host checks. `fields.exchange`
    /// is a handle of the listener's own, which the answer will name. False: the gateway has dropped the client,
    /// close the connection. [lane]
    public func deliver(_ body: Span<UInt8>, _ fields: MessageFields = MessageFields()) -> Bool {
        body.withUnsafeBufferPointer { pass($0, fields) }
    }

    /// A message without a body: ``MessageKind/stream`` or ``MessageKind/end``. False as above. [lane]
    public func deliver(_ fields: MessageFields) -> Bool { pass(nil, fields) }

    private func pass(_ body: UnsafeBufferPointer<UInt8>?, _ fields: MessageFields) -> Bool {
        guard isOpen else { return false }
        let table = inbound.table
        let status = fields.withMessage(body) { table.deliver(table.context, handle, $0) }
        if status != JF_OK { clients.connections.removeValue(forKey: handle) }
        return status == JF_OK
    }

    /// The client stopped waiting for this exchange; no reply may follow. [lane]
    public func gone(_ exchange: Exchange) {
        if isOpen { inbound.table.gone(inbound.table.context, handle, exchange.rawValue) }
    }

    /// The exchange's reader caught up after ``ReplyStatus/slowReader``. [lane]
    public func writable(_ exchange: Exchange) {
        if isOpen { inbound.table.writable(inbound.table.context, handle, exchange.rawValue) }
    }

    /// The client is gone altogether; the gateway lets go of its connection. [lane]
    public func closed() {
        guard isOpen else { return }
        let connection = clients.connections.removeValue(forKey: handle)
        inbound.table.closed(inbound.table.context, handle)
        // Not before the host is done with it.
        withExtendedLifetime(connection) {}
    }
}
