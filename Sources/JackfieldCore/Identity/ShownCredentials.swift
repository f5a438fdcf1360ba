// SPDX-License-Identifier: Apache-2.0
// What a request brought with it: gathered once, hashed to be known again, lent to providers.

import CJackfield
import CLinux

/// The header fields, the certificate and the place that say who somebody is. Lent by the message, or kept.
struct ShownCredentials {
    private struct Field {
        /// Its place in `IdentityGate.fields`.
        let index: Int
        let value: jf_view
    }

    let key: IdentityKey
    private let fields: [Field]
    private let target: jf_view
    private let origin: String
    private let client: Client
    /// What the views point into, where it outlives the message.
    private var block: KeptBytes?

    init(
        _ gate: IdentityGate, _ client: Client, _ message: jf_message, _ lane: Lane, key: IdentityKey
    ) {
        self.client = client
        self.key = key
        var fields: [Field] = []
        var host: UnsafeRawBufferPointer?
        for at in 0..<Int(message.field_count) {
            guard let pair = message.fields?[at] else { break }
            let name = pair.name.bytes
            if let index = gate.index(of: name) { fields.append(Field(index: index, value: pair.value)) }
            if host == nil, Origin.isHost(name) { host = pair.value.bytes }
        }
        self.fields = fields
        target = message.target.len == 0 ? jf_view("/mcp") : message.target
        origin = gate.plan.resource ?? Origin.of(host, client, lane.ownOrigin)
    }

    /// What the credentials of a request are known by: all that providers may judge by, and where they are shown.
    @inline(__always)
    static func key(_ gate: IdentityGate, _ client: Client, _ message: jf_message) -> IdentityKey {
        var hash = SipHash()
        let marks: UInt8 = (client.isLocal ? 1 : 0) | (client.isSole ? 2 : 0) | (client.isSecure ? 4 : 0)
        hash.feed(marks)
        hash.feed(part: message.target.len == 0 ? jf_view("/mcp").bytes : message.target.bytes)
        client.certificate.withUnsafeBytes { hash.feed(part: $0) }
        // The host says what the endpoint is called, where the configuration does not.
        let showsHost = gate.plan.resource == nil
        for at in 0..<Int(message.field_count) {
            guard let pair = message.fields?[at] else { break }
            let name = pair.name.bytes
            if let index = gate.index(of: name) {
                hash.feed(UInt8(truncatingIfNeeded: index))
                hash.feed(part: pair.value.bytes)
            }
            if showsHost, Origin.isHost(name) {
                hash.feed(0xff)
                hash.feed(part: pair.value.bytes)
            }
        }
        return IdentityKey(hash.finish())
    }

    private init(_ other: ShownCredentials, _ fields: [Field], _ target: jf_view, _ block: KeptBytes) {
        key = other.key
        origin = other.origin
        client = other.client
        self.fields = fields
        self.target = target
        self.block = block
    }

    /// Nothing was shown to any provider.
    func isEmpty(_ gate: IdentityGate) -> Bool {
        !fields.contains { field in gate.providers.indices.contains { gate.shows(field.index, to: $0) } }
    }

    /// The client started the gateway for itself.
    var isSole: Bool { client.isSole }

    /// What names a tenant beside credentials.
    func claims(_ gate: IdentityGate) -> TenantGate.Claims {
        var claims = TenantGate.Claims(path: target.string)
        for field in fields {
            let name = gate.fields[field.index]
            if name.elementsEqual("host".utf8) { claims.host = field.value.bytes }
            if let header = gate.tenants?.plan.header, name.elementsEqual(header.utf8) {
                claims.header.append(field.value.bytes)
            }
        }
        return claims
    }

    /// The endpoint's canonical URI.
    var resource: String { origin + target.string }

    /// The same, good beyond the message.
    func kept() -> ShownCredentials {
        guard block == nil else { return self }
        let parts = [target] + fields.map(\.value)
        let block = KeptBytes(parts.flatMap { [UInt8]($0.bytes) })
        var place = 0
        var views: [jf_view] = []
        for part in parts {
            views.append(jf_view(ptr: block.base + place, len: part.len))
            place += Int(part.len)
        }
        let fields = zip(self.fields, views.dropFirst()).map { Field(index: $0.index, value: $1) }
        return ShownCredentials(self, fields, views[0], block)
    }

    /// The bearer token, without its scheme; empty: none.
    func bearer(_ gate: IdentityGate) -> [UInt8] {
        for field in fields where gate.fields[field.index].elementsEqual("authorization".utf8) {
            let value = field.value.bytes
            guard value.count > 7, zip(value, "bearer ".utf8).allSatisfy({ lowercased($0) == $1 }) else {
                continue
            }
            return value.dropFirst(7).drop { $0 == 32 }.map { $0 }
        }
        return []
    }

    /// Lends what one provider looks at.
    func lend<R>(_ gate: IdentityGate, to provider: Int, _ body: (jf_credentials) -> R) -> R {
        let seen = fields.filter { gate.shows($0.index, to: provider) }
        var credentials = jf_credentials()
        credentials.size = UInt32(MemoryLayout<jf_credentials>.size)
        if client.isLocal { credentials.flags |= UInt32(JF_CREDENTIALS_LOCAL) }
        if client.isSole { credentials.flags |= UInt32(JF_CREDENTIALS_SOLE) }
        credentials.target = target
        credentials.now_ms = jf_realtime_ns() / 1_000_000
        return withExtendedLifetime((block, gate)) {
            withView(resource) { resource in
                withView(client.address) { address in
                    client.certificate.withUnsafeBytes { certificate in
                        let pairs = seen.map { field in
                            jf_pair(name: gate.name(field.index), value: field.value)
                        }
                        return pairs.withUnsafeBufferPointer { pairs in
                            credentials.resource = resource
                            credentials.address = address
                            credentials.certificate = certificate.isEmpty ? .absent : jf_view(certificate)
                            credentials.fields = pairs.baseAddress
                            credentials.field_count = UInt64(pairs.count)
                            return body(credentials)
                        }
                    }
                }
            }
        }
    }
}

/// Bytes at a fixed address.
private final class KeptBytes {
    let base: UnsafePointer<UInt8>

    init(_ bytes: [UInt8]) {
        let memory = UnsafeMutablePointer<UInt8>.allocate(capacity: max(bytes.count, 1))
        memory.initialize(from: bytes, count: bytes.count)
        base = UnsafePointer(memory)
    }

    deinit { UnsafeMutablePointer(mutating: base).deallocate() }
}

/// Under which URL clients reach the gateway.
enum Origin {
    /// What a listener says where it listens: "http://127.0.0.1:8808".
    static func http(of bound: String) -> String? {
        guard bound.hasPrefix("http://") || bound.hasPrefix("https://") else { return nil }
        let head = bound.hasPrefix("https://") ? "https://" : "http://"
        return head + bound.dropFirst(head.count).prefix { $0 != "/" }
    }

    static func isHost(_ name: UnsafeRawBufferPointer) -> Bool {
        name.count == 4 && zip(name, "host".utf8).allSatisfy { lowercased($0) == $1 }
    }

    /// Names of this machine are taken from the request; any other is the operator's to configure, else a client could choose
    /// for which resource its token is good.
    static func of(_ host: UnsafeRawBufferPointer?, _ client: Client, _ own: String) -> String {
        of(host, isSecure: client.isSecure, own)
    }

    static func of(_ host: UnsafeRawBufferPointer?, isSecure: Bool, _ own: String) -> String {
        guard let host, host.count <= 64 else { return own }
        let text = String(decoding: host, as: UTF8.self).lowercased()
        for name in ["127.0.0.1", "localhost", "[::1]"] where text.hasPrefix(name) {
            let port = text.dropFirst(name.count)
            if port.isEmpty || port.first == ":" && port.dropFirst().allSatisfy(\.isNumber) {
                return (isSecure ? "https://" : "http://") + text
            }
        }
        return own
    }
}
