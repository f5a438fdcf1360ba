// SPDX-License-Identifier: Apache-2.0
// A server's home lane: what all lanes want to hear of its resources, what its endpoints agreed to, what they say.

import JSON
import MCP

extension Lane {
    /// How long a server may still tell of a resource that nobody wants any more. 10 s.
    private static var farewell: UInt64 { 10_000_000_000 }

    /// A lane's first or last interest in resources of a server that is at home here.
    func interestsChanged(_ server: Server, from lane: Int, _ news: [String: Bool]) {
        let supervisors = server.endpoints.compactMap { self.supervisors[$0.id] }
        guard !supervisors.isEmpty else {
            standing.watches[server.generation] = nil
            let refusal = InterestRefusal(
                code: ErrorCode.internalError.rawValue, text: "server \(server.name) is being replaced")
            return settle(server, lane, news.filter(\.value).map(\.key), refusal)
        }
        let watch = standing.watches[server.generation] ?? ServerWatch()
        standing.watches[server.generation] = watch
        var known: [String] = []
        var touched: [String] = []
        var released: [String] = []
        for (uri, isWanted) in news {
            if isWanted {
                switch watch.want(uri, lane: lane) {
                case .known: known.append(uri)
                case .pending: break
                case .new: touched.append(uri)
                }
            } else if watch.release(uri, lane: lane) {
                released.append(uri)
            }
        }
        touched += released
        settle(server, lane, known, nil)
        if watch.isEmpty {
            standing.watches[server.generation] = nil
        } else if !released.isEmpty {
            let given = released
            loop.after(Lane.farewell) { [weak watch] in watch?.forget(given) }
        }
        if touched.isEmpty { return }
        for supervisor in supervisors { supervisor.interestsChanged(touched) }
    }

    private func settle(_ server: Server, _ lane: Int, _ uris: [String], _ refusal: InterestRefusal?) {
        guard !uris.isEmpty else { return }
        let name = server.name
        let lane = gateway.lane(lane)
        lane.loop.post { lane.interestsSettled(name, uris, refusal) }
    }

    /// An endpoint agreed to tell of resources, or refused to.
    func endpointSettled(
        _ server: Server, _ endpoint: Int, _ uris: some Sequence<String>, _ refusal: InterestRefusal?
    ) {
        guard let watch = standing.watches[server.generation] else { return }
        var told: [Int: [String]] = [:]
        let asked = server.endpoints.indices.filter {
            supervisors[server.endpoints[$0].id]?.mayWatchResources == true
        }
        for uri in uris {
            let lanes =
                refusal.map { watch.refuse(uri, endpoint: endpoint, $0, of: asked) } ?? watch.confirm(uri)
            for lane in lanes { told[lane, default: []].append(uri) }
        }
        for (lane, uris) in told { settle(server, lane, uris, refusal) }
    }

    /// A server says that a resource changed, or may have.
    func resourceChanged(_ server: Server, _ uri: String) {
        guard let watch = standing.watches[server.generation] else { return }
        let concerned = watch.concerned(by: uri)
        let name = server.name
        for lane in concerned.lanes {
            let lane = gateway.lane(lane)
            lane.loop.post { lane.resourceChanged(name, uri, covering: concerned.uris) }
        }
    }

    // MARK: What servers send

    /// `notifications/resources/updated`.
    func resourceUpdated(_ channel: Channel, _ owner: Call?, _ envelope: Envelope) {
        guard let uri = envelope.params?.member("uri")?.string() else { return }
        channel.server.reuse?.clear(resource: uri)
        if let supervisor = channel.supervisor {
            return supervisor.resourceUpdated(uri, on: owner?.handle ?? subscription(envelope))
        }
        let server = channel.server
        let home = gateway.lane(server.homeLane)
        home.loop.post { home.resourceChanged(server, uri) }
    }

    /// `notifications/subscriptions/acknowledged`.
    func acknowledged(_ channel: Channel, _ owner: Call?, _ envelope: Envelope) {
        guard let supervisor = channel.supervisor, let listen = owner?.handle ?? subscription(envelope) else {
            return
        }
        let honoured = envelope.params?.member("notifications")?.member("resourceSubscriptions")
        supervisor.listenAcknowledged(
            listen, honoured?.kind == .array ? honoured?.elements.compactMap { $0.string() } ?? [] : [])
    }

    /// The listen request that a message belongs to, where only its tag tells.
    private func subscription(_ envelope: Envelope) -> UInt64? {
        envelope.params?.member("_meta")?.member("io.modelcontextprotocol/subscriptionId")?.int64
            .map { UInt64(clamping: $0) }
    }
}
