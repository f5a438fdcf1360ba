// SPDX-License-Identifier: Apache-2.0
// A server's endpoints as routing strategies see them: records at fixed addresses, brought up to date before each pick.

import CJackfield
import JSON
import Synchronization

/// Belongs to one lane's link to a server.
final class EndpointRecords {
    private let server: Server
    let records: UnsafeMutablePointer<jf_endpoint>
    /// All of them in configured order, and those that may take the call at hand with their indexes.
    let all: UnsafeMutablePointer<UnsafePointer<jf_endpoint>?>
    let eligible: UnsafeMutablePointer<UnsafePointer<jf_endpoint>?>
    let eligibleIndexes: UnsafeMutablePointer<Int>
    /// Texts that the records point to.
    private var texts: [ReadyBytes] = []
    private var pairs: [UnsafeMutablePointer<jf_pair>] = []
    private let places: [UInt32]
    private var recentsAt: UInt64 = 0

    init(_ server: Server, zone: String?, region: String?) {
        self.server = server
        let count = server.endpoints.count
        records = .allocate(capacity: count)
        all = .allocate(capacity: count)
        eligible = .allocate(capacity: count)
        eligibleIndexes = .allocate(capacity: count)
        places = server.endpoints.map { endpoint in
            var flags: UInt32 = 0
            let standing = endpoint.plan.standing
            if zone != nil, standing.zone == zone { flags |= UInt32(JF_ENDPOINT_SAME_ZONE) }
            if region != nil, standing.region == region { flags |= UInt32(JF_ENDPOINT_SAME_REGION) }
            return flags
        }
        for (at, endpoint) in server.endpoints.enumerated() {
            (records + at).initialize(to: record(endpoint))
            all[at] = UnsafePointer(records + at)
        }
    }

    deinit {
        records.deallocate()
        all.deallocate()
        eligible.deallocate()
        eligibleIndexes.deallocate()
        for pair in pairs { pair.deallocate() }
    }

    private func record(_ endpoint: Endpoint) -> jf_endpoint {
        let standing = endpoint.plan.standing
        // A replica is known by its URL; what has none, by its server.
        let url = (try? JSONValue(parsing: endpoint.plan.options))?["url"]?.string
        var record = jf_endpoint()
        record.size = UInt32(MemoryLayout<jf_endpoint>.size)
        record.id = endpoint.id
        record.weight = UInt32(clamping: endpoint.plan.weight)
        record.name = keep(url ?? server.name)
        record.ready = 1000
        record.priority = UInt32(clamping: standing.priority)
        record.cost = standing.cost
        record.version = standing.version.map { keep($0) } ?? .absent
        record.zone = standing.zone.map { keep($0) } ?? .absent
        record.region = standing.region.map { keep($0) } ?? .absent
        record.revision = server.generation
        if !standing.labels.isEmpty {
            let labels = UnsafeMutablePointer<jf_pair>.allocate(capacity: standing.labels.count)
            for (at, label) in standing.labels.enumerated() {
                (labels + at).initialize(to: jf_pair(name: keep(label.name), value: keep(label.value)))
            }
            pairs.append(labels)
            record.labels = UnsafePointer(labels)
            record.label_count = UInt64(standing.labels.count)
        }
        return record
    }

    private func keep(_ text: String) -> jf_view {
        texts.append(ReadyBytes(Array(text.utf8)))
        return jf_view(texts[texts.count - 1].bytes)
    }

    /// Brings what a strategy sees of an endpoint up to date.
    func refresh(_ at: Int, _ endpoint: Endpoint, tried: UInt64, _ now: UInt64) {
        records[at].in_flight = UInt32(clamping: endpoint.inFlight.load(ordering: .relaxed))
        records[at].latency_ns = endpoint.latency.load(ordering: .relaxed)
        records[at].ready = endpoint.health.readiness(now)
        var flags = places[at]
        if at < 64, tried >> UInt64(at) & 1 == 1 { flags |= UInt32(JF_ENDPOINT_TRIED) }
        if endpoint.health.isTrying { flags |= UInt32(JF_ENDPOINT_DEGRADED) }
        records[at].flags = flags
    }

    /// Whether an earlier try of the call went there.
    func isTried(_ at: Int) -> Bool { records[at].flags & UInt32(JF_ENDPOINT_TRIED) != 0 }

    /// Draws whether an endpoint takes part in a pick, in proportion to its readiness.
    func bears(_ at: Int, _ random: () -> UInt64) -> Bool {
        let ready = records[at].ready
        return ready >= 1000 || random() % 1000 < UInt64(ready)
    }

    /// Outcomes of the last ten seconds change once a second, as far as strategies are concerned.
    func refreshRecents(_ now: UInt64) {
        guard now &- recentsAt > 1_000_000_000 else { return }
        recentsAt = now
        for (at, endpoint) in server.endpoints.enumerated() {
            let window = endpoint.health.recent(now)
            records[at].recent_calls = UInt32(clamping: window.calls)
            records[at].recent_failures = UInt32(clamping: window.failures)
        }
    }
}
