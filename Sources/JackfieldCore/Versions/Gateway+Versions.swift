// SPDX-License-Identifier: Apache-2.0
// Servers whose replicas have several versions: what of them is shown. Control loop only; nothing of it happens during a call.

import JSON

/// What was found of definitions, so that a rebuilt catalogue does not compare them again.
struct FitCache {
    struct Pair: Hashable {
        let known: [UInt8]
        let served: [UInt8]
    }

    private var last: [Pair: String?] = [:]
    private var next: [Pair: String?] = [:]

    /// Forgets what was not asked for since the last time.
    mutating func turn() {
        last = next
        next = [:]
    }

    mutating func problem(_ known: ListedItem, _ served: ListedItem) -> String? {
        if known.raw == served.raw { return nil }
        let pair = Pair(known: known.raw, served: served.raw)
        let found = next[pair] ?? last[pair] ?? FitCache.compared(known, served)
        next[pair] = .some(found)
        return found
    }

    private static func compared(_ known: ListedItem, _ served: ListedItem) -> String? {
        guard let one = ToolDefinition(known), let other = ToolDefinition(served) else {
            return "it cannot be read"
        }
        return DefinitionFit.problem(known: one, served: other)
    }
}

extension Gateway {
    /// The records as they are shown: with what operators asked for, and one definition of each tool.
    func shownRecords() -> [ServerRecord] {
        traffic.fits.turn()
        return records.indices.map { at in
            var record = records[at]
            if record.server.plan.versions != nil { show(&record) }
            record.statuses = traffic.shown(record)
            return record
        }
    }

    private func show(_ record: inout ServerRecord) {
        let server = record.server
        guard let plan = server.plan.versions, !record.offers.isEmpty else { return }
        // At start, clients wait for the replicas that are still coming: else each would change what is shown.
        guard isSettled || record.hasListed else {
            record.listing = nil
            return
        }
        let offers = record.offers.sorted { $0.key < $1.key }.map { endpoint, listing in
            VersionOffer(
                endpoint: endpoint, version: server.endpoints[endpoint].plan.standing.version,
                listing: listing, ruling: record.rulings[endpoint] ?? .none)
        }
        let choice = VersionChoice(plan, offers, endpoints: server.endpoints.count) {
            traffic.fits.problem($0, $1)
        }
        guard let choice else { return }
        record.listing = choice.listing
        record.ruling = choice.ruling
        let news = VersionBoard.Report(shown: choice.shown, isKnown: true, fallbacks: choice.fallbacks)
        if let before = server.versions?.replace(news) { say(news, before, server) }
    }

    /// Each thing once.
    private func say(_ news: VersionBoard.Report, _ before: VersionBoard.Report, _ server: Server) {
        if !before.isKnown || news.shown != before.shown {
            log.write(
                .info, "clients see the tools of one version",
                [.init("server", server.name), .init("version", news.shown ?? "none")])
        }
        guard news.fallbacks != before.fallbacks else { return }
        let fresh = news.fallbacks.filter { !before.fallbacks.contains($0) }
        for fallback in fresh.prefix(Self.longestSaid) {
            guard traffic.versionRecords.take(control.now) != nil else { return }
            log.write(
                .warning, "calls of a tool do not go to a replica: its definition is not compatible",
                [
                    .init("server", server.name), .init("tool", fallback.tool),
                    .init("shown", fallback.shown ?? "none"),
                    .init("endpoint", String(fallback.endpoint)),
                    .init("version", fallback.version ?? "none"), .init("why", fallback.why),
                ])
        }
        if fresh.count > Self.longestSaid {
            log.write(
                .warning, "further tools are not called everywhere; /healthz?servers=1 names them",
                [.init("server", server.name), .init("tools", String(fresh.count - Self.longestSaid))])
        }
        if news.fallbacks.isEmpty {
            log.write(.info, "all replicas can be called for all tools", [.init("server", server.name)])
        }
    }

    private static var longestSaid: Int { 32 }
}
