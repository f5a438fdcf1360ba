// SPDX-License-Identifier: Apache-2.0
// A listener: takes MCP clients on a TCP port of the loopback interface, one JSON text on each line.

import Glibc
import JackfieldPlugin

/// The one exported function.
@c(jf_entry_1) public func entry(_ offer: PluginOffer, _ why: PluginRefusal) -> PluginTable {
    PluginEntry<LinesPort>.entry(offer, why)
}

/// An open port, on one event loop.
final class LinesPort: Listener {
    let boundAddress: String
    private let inbound: Inbound
    private let most: Int
    private var descriptor: Int32
    private var watch: Watch?
    /// Those that are connected, for the end.
    private var clients: [ObjectIdentifier: LinesClient] = [:]

    init(inbound: Inbound, address: String?, configuration: JSONReader) throws {
        self.inbound = inbound
        most = configuration["max_message"]?.integer ?? 4_194_304
        let place = address ?? configuration["address"]?.text ?? "127.0.0.1:8810"
        (descriptor, boundAddress) = try LinesPort.open(place)
        watch = try inbound.host.watch(descriptor, for: .readable) { [weak self] _ in self?.acceptAll() }
    }

    deinit { closeSocket() }

    func unlisten() {
        watch?.stop()
        closeSocket()
    }

    func stop() {
        closeSocket()
        for client in clients.values { client.closeSocket() }
        clients = [:]
    }

    private func closeSocket() {
        if descriptor >= 0 { close(descriptor) }
        descriptor = -1
    }

    private func acceptAll() {
        while descriptor >= 0 {
            var from = sockaddr_in()
            let accepted = withSocketAddress(&from) { accept(descriptor, $0, $1) }
            if accepted < 0, errno == EINTR || errno == ECONNABORTED { continue }
            if accepted < 0 { return }
            _ = fcntl(accepted, F_SETFL, O_NONBLOCK)
            _ = fcntl(accepted, F_SETFD, FD_CLOEXEC)
            let client = LinesClient(accepted, most: most) { [weak self] in
                self?.clients[ObjectIdentifier($0)] = nil
            }
            do {
                let info = ClientInfo(address: LinesPort.shown(from), isShared: true)
                try client.begin(inbound.host, try inbound.accept(info, client))
                clients[ObjectIdentifier(client)] = client
            } catch {
                client.closeSocket()
            }
        }
    }

    // MARK: Sockets and addresses

    /// A listening socket, and where it listens.
    private static func open(_ place: String) throws -> (Int32, String) {
        var at = try read(place)
        let kind = SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue
        let descriptor = socket(AF_INET, Int32(kind), 0)
        var on: Int32 = 1
        var isGood = descriptor >= 0
        // SO_REUSEPORT: the instances of all event loops share the port, and a new build of the plugin with them.
        for option in [SO_REUSEADDR, SO_REUSEPORT] where isGood {
            isGood = setsockopt(descriptor, SOL_SOCKET, option, &on, socklen_t(MemoryLayout<Int32>.size)) == 0
        }
        isGood = isGood && withSocketAddress(&at) { bind(descriptor, $0, $1.pointee) } == 0
        isGood = isGood && listen(descriptor, 128) == 0
        isGood = isGood && withSocketAddress(&at) { getsockname(descriptor, $0, $1) } == 0
        guard isGood else {
            let reason = String(cString: strerror(errno))
            if descriptor >= 0 { close(descriptor) }
            throw PluginError.fault("cannot listen at \(place): \(reason)")
        }
        return (descriptor, "tcp://" + shown(at))
    }

    private static func read(_ text: String) throws -> sockaddr_in {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        var at = sockaddr_in()
        at.sin_family = sa_family_t(AF_INET)
        guard parts.count == 2, let port = UInt16(parts[1]),
            inet_pton(AF_INET, String(parts[0]), &at.sin_addr) == 1
        else { throw PluginError.invalid("address \(text) is not like 127.0.0.1:8810") }
        guard UInt32(bigEndian: at.sin_addr.s_addr) >> 24 == 127 else {
            throw PluginError.denied(
                "address \(text) is not of the loopback interface: clients need no password")
        }
        at.sin_port = port.bigEndian
        return at
    }

    private static func shown(_ at: sockaddr_in) -> String {
        let ip = UInt32(bigEndian: at.sin_addr.s_addr)
        return "\(ip >> 24).\(ip >> 16 & 255).\(ip >> 8 & 255).\(ip & 255):\(UInt16(bigEndian: at.sin_port))"
    }
}

/// Lends an address as system calls want it.
private func withSocketAddress<Answer>(
    _ at: inout sockaddr_in,
    _ body: (UnsafeMutablePointer<sockaddr>, UnsafeMutablePointer<socklen_t>) -> Answer
) -> Answer {
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    return withUnsafeMutablePointer(to: &at) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, &size) }
    }
}
