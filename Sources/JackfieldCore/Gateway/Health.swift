// SPDX-License-Identifier: Apache-2.0
// `/healthz` and `/readyz`, mounted on the HTTP listeners where there are any.

import CJackfield
import CLinux
import JSON
import Synchronization

/// What a mounted path needs to answer; lives as long as the process.
private final class HealthContext {
    let lane: Lane
    let http: UnsafePointer<jf_http_1>
    let isReadiness: Bool

    init(_ lane: Lane, _ http: UnsafePointer<jf_http_1>, isReadiness: Bool) {
        self.lane = lane
        self.http = http
        self.isReadiness = isReadiness
    }
}

extension Gateway {
    func mountHealth(_ lane: Lane) {
        if let table = lane.offeredService(JF_HTTP_1, except: nil) { mountHealth(lane, table) }
    }

    /// - Parameter table: `jf.http/1` of one instance on this lane.
    func mountHealth(_ lane: Lane, _ table: UnsafeRawPointer) {
        ResourceMetadata.mount(lane, table)
        let http = table.assumingMemoryBound(to: jf_http_1.self)
        for (path, isReadiness) in [("/healthz", false), ("/readyz", true)] {
            let context = Unmanaged.passRetained(HealthContext(lane, http, isReadiness: isReadiness))
            var mount: jf_ref = 0
            let status = withView(path) {
                http.pointee.mount(http.pointee.context, $0, serveHealth, context.toOpaque(), &mount)
            }
            if status != JF_OK { context.release() }
        }
    }
}

/// `/healthz`: the loop turns, so the answer comes. `/readyz`: servers had their first chance, we are not stopping, and a
/// store that is required answers; without one that is not required it is ready, but says what is amiss.
private func serveHealth(_ user: UnsafeMutableRawPointer?, _ request: UnsafePointer<jf_http_request>?) {
    guard let user, let request else { return }
    let context = Unmanaged<HealthContext>.fromOpaque(user).takeUnretainedValue()
    let asked = HealthQuestion(
        exchange: request.pointee.exchange, servers: !context.isReadiness && asks(request, for: "servers"),
        plugins: !context.isReadiness && asks(request, for: "plugins"))
    guard asked.servers else { return answerHealth(context, asked) }
    context.lane.gateway.measureProcesses(for: context.lane) {
        // The instance that asked may have been swapped away meanwhile, and its clients with it.
        let living = context.lane.offeredServices(JF_HTTP_1)
        if living.contains(UnsafeRawPointer(context.http)) { answerHealth(context, asked) }
    }
}

extension Lane {
    /// The ids of plugins that may keep state in the store.
    fileprivate var storeUsers: [String] {
        Set(instances.map(\.library.manifest).filter { $0.usesState && $0.store == nil }.map(\.id)).sorted()
    }
}

/// What somebody wants to know.
private struct HealthQuestion {
    let exchange: jf_ref
    let servers: Bool
    let plugins: Bool
}

private func answerHealth(_ context: HealthContext, _ asked: HealthQuestion) {
    let lane = context.lane
    let store = lane.gateway.storeHealth
    let users = store == nil ? [] : lane.storeUsers
    let lacksStore = context.isReadiness && store?.isMissed == true
    let complaint = context.isReadiness ? store?.complaint(users: users) : nil
    let isReady = !context.isReadiness || lane.isSettled && !lane.gateway.isDraining && !lacksStore
    var up = 0
    for statuses in lane.catalog.statuses where statuses.contains(where: { $0.state == .up }) { up += 1 }
    let state =
        isReady
        ? complaint == nil ? "ok" : "degraded"
        : lane.gateway.isDraining ? "stopping" : lane.isSettled ? "store down" : "starting"
    let reasons = complaint.map { ",\"reasons\":[\(String(decoding: JSONWriter.quoted($0), as: UTF8.self))]" }
    let body =
        "{\"status\":\"\(state)\",\"servers\":{\"up\":\(up),\"configured\":\(lane.catalog.servers.count)}"
        + (reasons ?? "") + (store.map { ",\"store\":\($0.json(users: users))" } ?? "")
        + (context.isReadiness
            ? "}\n"
            : ",\(gauges(lane.gateway))\(asked.servers ? servers(lane) : "")"
                + "\(asked.plugins ? borders(lane.gateway) : "")}\n")
    withView(body) { body in
        withView("application/json") { type in
            var header = jf_pair(name: jf_view("content-type"), value: type)
            var response = jf_http_response()
            response.size = UInt32(MemoryLayout<jf_http_response>.size)
            response.status = isReady ? 200 : 503
            response.body = body
            withUnsafePointer(to: &header) {
                response.headers = $0
                response.header_count = 1
                _ = context.http.pointee.respond(
                    context.http.pointee.context, asked.exchange, &response)
            }
        }
    }
}

/// Whether a query has a member that is 1.
private func asks(_ request: UnsafePointer<jf_http_request>, for name: String) -> Bool {
    let query = request.pointee.url.string.split(separator: "?", maxSplits: 1).dropFirst().first ?? ""
    return query.split(separator: "&").contains { $0 == name + "=1" }
}

/// How each server fares, and why: `/healthz?servers=1`.
private func servers(_ lane: Lane) -> String {
    var writer = JSONWriter()
    writer.beginObject()
    for (at, server) in lane.catalog.servers.enumerated() {
        writer.key(server.name)
        server.write(lane.catalog.statuses[at], jf_monotonic_ns(), to: &writer)
    }
    writer.endObject()
    return ",\"servers_detail\":" + String(decoding: writer.bytes, as: UTF8.self)
}

/// What was counted at the plugins' borders, for those who ask for it: `/healthz?plugins=1`.
private func borders(_ gateway: Gateway) -> String {
    var writer = JSONWriter()
    writer.beginObject()
    let moves = gateway.slowMoves.withLock { $0 }
    for var totals in gateway.instances.totals {
        totals.slow = moves[totals.id]
        writer.key(totals.id)
        totals.write(to: &writer)
    }
    writer.endObject()
    return ",\"plugins\":" + String(decoding: writer.bytes, as: UTF8.self)
}

/// What is kept for clients right now, and what happened since the start.
private func gauges(_ gateway: Gateway) -> String {
    let counts = Counter.allCases.map { "\"\($0.name)\":\(gateway.counters.read($0))" }
    return "\"sessions\":\(gateway.sessions.count),\"parked\":{\"calls\":\(gateway.parking.calls),"
        + "\"bytes\":\(gateway.parking.held)},\"tasks\":\(gateway.tasks.count),"
        + "\"tools_quarantined\":\(gateway.lane(0).catalog.quarantined),\"streams\":\(gateway.lane(0).standing.total.openStreams),"
        + "\"cells\":\(CellCounts(gateway.instances.cells).json),\"counters\":{\(counts.joined(separator: ","))}"
        + gateway.auditHealth
}
