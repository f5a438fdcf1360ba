// SPDX-License-Identifier: Apache-2.0
// Which definition of each tool clients see where a server's replicas have several versions, and which replicas fit it.

import JSON

/// What one endpoint of a server listed.
struct VersionOffer: Sendable {
    let endpoint: Int
    let version: String?
    let listing: ServerListing
    /// What the lock says of it.
    var ruling = ToolRuling.none

    func tool(_ name: String) -> ListedItem? { listing[.tools].first { $0.key == name } }
}

/// A tool that not every replica can be called for.
struct VersionFallback: Sendable, Equatable {
    let tool: String
    /// Whose definition is shown; nil: that of a replica without a version.
    let shown: String?
    let endpoint: Int
    let version: String?
    let why: String
}

/// The servers' own view of what is shown: made anew when a listing or a ruling changes, never during a call.
struct VersionChoice: Sendable {
    private(set) var listing: ServerListing
    private(set) var ruling = ToolRuling.none
    /// Whose list is shown.
    private(set) var shown: String?
    private(set) var fallbacks: [VersionFallback] = []

    /// - Parameters:
    ///   - offers: what was listed, in the order of the endpoints; at least one.
    ///   - endpoints: how many the server has.
    ///   - fits: why the second definition does not do for callers who know the first (`DefinitionFit`).
    init?(
        _ plan: VersionsPlan, _ offers: [VersionOffer], endpoints: Int,
        fits: (_ known: ListedItem, _ served: ListedItem) -> String?
    ) {
        // A list that never came says nothing about what is in it.
        let known = offers.filter { !$0.listing.failed.contains(.tools) || !$0.listing[.tools].isEmpty }
        let ranked = VersionChoice.ranked(known.isEmpty ? offers : known, plan.show)
        guard let first = ranked.first else { return nil }
        shown = first.version
        listing = first.listing
        ruling.isRefused = offers.allSatisfy(\.ruling.isRefused)
        let byName = offers.map { offer in
            Dictionary(offer.listing[.tools].map { ($0.key, $0) }, uniquingKeysWith: { one, _ in one })
        }
        let places = Dictionary(
            offers.enumerated().map { ($0.element.endpoint, $0.offset) }, uniquingKeysWith: { one, _ in one })
        listing[.tools] = first.listing[.tools].map { own in
            // The first that may be shown at all; with a lock, one that was approved.
            let giver = ranked.first { offer in
                offer.ruling.withheld[own.key] == nil && byName[places[offer.endpoint] ?? 0][own.key] != nil
            }
            guard let giver, var item = byName[places[giver.endpoint] ?? 0][own.key] else {
                ruling.withheld[own.key] = first.ruling.withheld[own.key] ?? "no version of it was approved"
                return own
            }
            var usable = Array(repeating: false, count: endpoints)
            for (at, offer) in offers.enumerated() {
                let why =
                    offer.ruling.withheld[own.key]
                    ?? (byName[at][own.key].map { fits(item, $0) } ?? "it does not list the tool")
                if let why {
                    fallbacks.append(
                        VersionFallback(
                            tool: own.key, shown: giver.version, endpoint: offer.endpoint,
                            version: offer.version, why: why))
                } else {
                    usable[offer.endpoint] = true
                }
            }
            // Who has not listed yet gets no calls anyhow.
            let isLeftOut = fallbacks.last.map { $0.tool == own.key } ?? false
            if isLeftOut { item.fit = EndpointFit(usable) }
            return item
        }
    }

    /// Offers in the order in which their definitions are shown; of one version, in the order of the endpoints.
    static func ranked(_ offers: [VersionOffer], _ show: VersionsPlan.Show) -> [VersionOffer] {
        let ascending = offers.map { (order: VersionOrder($0.version), offer: $0) }
            .sorted { $0.order == $1.order ? $0.offer.endpoint < $1.offer.endpoint : $0.order < $1.order }
        func descending(_ some: [(order: VersionOrder, offer: VersionOffer)]) -> [VersionOffer] {
            some.sorted {
                $0.order == $1.order ? $0.offer.endpoint < $1.offer.endpoint : $1.order < $0.order
            }.map(\.offer)
        }
        switch show {
        case .oldest: return ascending.map(\.offer)
        case .newest: return descending(ascending)
        case .version(let text):
            // That one, else the last before it, else the first after it.
            let wanted = VersionOrder(text)
            let same = ascending.filter { $0.offer.version == text }.map(\.offer)
            let others = ascending.filter { $0.offer.version != text }
            return same + descending(others.filter { $0.order <= wanted })
                + others.filter { wanted < $0.order }.map(\.offer)
        }
    }
}
