// SPDX-License-Identifier: Apache-2.0
// When a server's kept answers are given up: it is another one, its lists changed, or an operator says so.

extension Gateway {
    /// News of a server. Its answers go where it lists other things than before, or an endpoint is another program.
    func forgetAnswers(
        of record: ServerRecord, _ endpoint: Int, _ status: EndpointStatus, _ listing: ServerListing?
    ) {
        guard let reuse = record.server.reuse else { return }
        let before = record.statuses[endpoint]
        let isOther =
            before.revision != nil && status.epoch != before.epoch
            && (status.revision != before.revision || status.info != before.info)
        if isOther || listing.map({ $0.items != record.listing?.items }) == true { reuse.clear() }
    }

    /// Gives up the kept answers of one server or, without a name, of all. Control loop.
    func clearCaches(of name: String?, _ done: (_ isDone: Bool, _ text: String) -> Void) {
        let all = records.map(\.server) + replacements.values.map(\.server) + parked.map(\.server)
        let named = all.filter { name == nil || $0.name == name }
        if let name, named.isEmpty { return done(false, "there is no server \(name)") }
        let caches = named.compactMap(\.reuse)
        if let name, caches.isEmpty {
            return done(false, "server \(name) keeps no answers: it has no response_cache")
        }
        let entries = caches.reduce(0) { $0 + $1.clear() }
        let servers = Set(named.filter { $0.reuse != nil }.map(\.name)).count
        done(true, "cleared \(entries) answers of \(servers) \(servers == 1 ? "server" : "servers")")
    }
}
