// SPDX-License-Identifier: Apache-2.0
// `/.well-known/oauth-protected-resource…` (RFC 9728): where clients learn how to get credentials for an endpoint.

import CJackfield
import CLinux

/// What the mounted path needs; lives as long as the process.
final class ResourceMetadata {
    static let path = "/.well-known/oauth-protected-resource"

    let lane: Lane
    let http: UnsafePointer<jf_http_1>

    private init(_ lane: Lane, _ http: UnsafePointer<jf_http_1>) {
        self.lane = lane
        self.http = http
    }

    /// - Parameter table: `jf.http/1` of one instance on this lane.
    static func mount(_ lane: Lane, _ table: UnsafeRawPointer) {
        let http = table.assumingMemoryBound(to: jf_http_1.self)
        for path in [path, path + "/"] {
            let context = Unmanaged.passRetained(ResourceMetadata(lane, http))
            var mount: jf_ref = 0
            let status = withView(path) {
                http.pointee.mount(http.pointee.context, $0, serveMetadata, context.toOpaque(), &mount)
            }
            if status != JF_OK { context.release() }
        }
    }

    /// The document of one endpoint; nil: there is none.
    fileprivate func document(_ request: jf_http_request) -> [UInt8]? {
        guard let gate = lane.modules.identity else { return nil }
        let asked = request.url.string.prefix { $0 != "?" && $0 != "#" }
        var path = String(asked.dropFirst(Self.path.utf8.count))
        if path.isEmpty || path == "/" { path = "/mcp" }
        guard path == "/mcp" || path.hasPrefix("/mcp/"), path.utf8.count <= 256,
            path.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F })
        else { return nil }
        var host: UnsafeRawBufferPointer?
        for at in 0..<Int(request.header_count) {
            if let pair = request.headers?[at], Origin.isHost(pair.name.bytes) { host = pair.value.bytes }
        }
        let origin =
            gate.plan.resource
            ?? Origin.of(host, isSecure: lane.ownOrigin.hasPrefix("https:"), lane.ownOrigin)
        // Which endpoints exist is nobody's business who is not let in: every path has its document.
        return gate.metadata(resource: origin + path, scopes: basicScopes(path, gate))
    }

    /// What nothing works without at an endpoint: clients ask for all of `scopes_supported` at once. What only some of its
    /// servers need is asked for when they are called (MCP "Authorization", scope selection).
    private func basicScopes(_ path: String, _ gate: IdentityGate) -> [String] {
        let servers = (lane.catalog.view(path)?.servers ?? []).map { lane.catalog.servers[$0] }
        // What some tenants have of their own is told to nobody else.
        let lists = servers.filter { gate.tenants?.isShared($0) ?? true }.map(\.plan.scopes)
        return (lists.first ?? []).filter { scope in lists.allSatisfy { $0.contains(scope) } }
    }
}

private func serveMetadata(_ user: UnsafeMutableRawPointer?, _ request: UnsafePointer<jf_http_request>?) {
    guard let user, let request else { return }
    let context = Unmanaged<ResourceMetadata>.fromOpaque(user).takeUnretainedValue()
    let document =
        request.pointee.method.string == "GET" || request.pointee.method.string == "HEAD"
        ? context.document(request.pointee) : nil
    var response = jf_http_response()
    response.size = UInt32(MemoryLayout<jf_http_response>.size)
    response.status = document == nil ? 404 : 200
    let body = document ?? Array("Not found: no authorization server is configured here\n".utf8)
    // Clients in browsers read it: the listener says which, and twice would be never.
    let pairs = [
        jf_pair(
            name: jf_view("content-type"),
            value: document == nil ? jf_view("text/plain; charset=utf-8") : jf_view("application/json")),
        jf_pair(name: jf_view("cache-control"), value: jf_view("max-age=60")),
    ]
    body.withUnsafeBytes { bytes in
        pairs.withUnsafeBufferPointer { pairs in
            response.body = jf_view(bytes)
            response.headers = pairs.baseAddress
            response.header_count = UInt64(pairs.count)
            _ = context.http.pointee.respond(
                context.http.pointee.context, request.pointee.exchange, &response)
        }
    }
}
