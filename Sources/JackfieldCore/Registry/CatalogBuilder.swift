// SPDX-License-Identifier: Apache-2.0
// Builds catalogues from what the servers listed: filters, renames, prefixes, bundles, conflicts of URIs.

import MCP

/// What the registry knows of one server.
struct ServerRecord: Sendable {
    let server: Server
    var statuses: [EndpointStatus]
    /// The last complete listing; nil before the first.
    var listing: ServerListing?
    /// What the lock says of its tools.
    var ruling = ToolRuling.none
    /// By endpoint, what it listed itself and what the lock says of that: only of servers that have versions.
    var offers: [Int: ServerListing] = [:]
    var rulings: [Int: ToolRuling] = [:]

    /// Whether its items are shown now.
    var isShown: Bool {
        guard listing != nil else { return false }
        return server.plan.keepStale || isUp
    }

    var isUp: Bool { statuses.contains { $0.isWell } }

    /// Whether it has listed what is shown of it first: with versions, every replica that comes up at all.
    var hasListed: Bool {
        listing != nil
            && (server.plan.versions == nil || !statuses.contains { $0.state == .connecting })
    }

    /// Takes what an endpoint listed. Returns whether that is new.
    mutating func take(_ new: ServerListing, from endpoint: Int) -> Bool {
        let known = server.plan.versions == nil ? listing : offers[endpoint]
        guard known != new else { return false }
        listing = new
        if server.plan.versions != nil { offers[endpoint] = new }
        return true
    }

    /// Why one of its items is neither shown nor called.
    func withholds(_ item: ListedItem, _ kind: ItemKind) -> String? {
        kind == .tools ? ruling.withheld[item.key] : nil
    }
}

struct CatalogBuilder {
    let naming: NamingPlan
    let bundles: [BundlePlan]
    let pageSize: Int
    /// Lists are for those who are let in: no cache may show them to others.
    var isPrivate = false

    func build(_ records: [ServerRecord]) -> Catalog {
        let shownServers = records.indices.filter { records[$0].isShown }
        let aggregate = withInterfaces(aggregateEntries(records, shownServers), records)
        var views = [
            View(
                path: "/mcp", servers: Array(records.indices), description: nil, entries: aggregate.entries,
                unlisted: aggregate.unlisted, freshness: freshness(records, Array(records.indices)),
                pageSize: pageSize, taskServers: taskServers(records))
        ]
        for index in records.indices { views.append(serverView(records, index)) }
        for bundle in bundles { views.append(bundleView(bundle, aggregate.entries, records)) }
        return Catalog(
            servers: records.map(\.server), statuses: records.map(\.statuses), views: views,
            refused: Set(records.indices.filter { records[$0].ruling.isRefused }),
            quarantined: records.reduce(0) { $0 + $1.ruling.withheld.count })
    }

    /// By kind, the shortest freshness of the parts; nothing is fresh while a part is missing or down.
    private func freshness(_ records: [ServerRecord], _ servers: [Int]) -> [Freshness] {
        shortest(records, servers).map { list in
            var list = list
            if isPrivate { list.isPublic = false }
            return list
        }
    }

    private func shortest(_ records: [ServerRecord], _ servers: [Int]) -> [Freshness] {
        ItemKind.allCases.map { kind in
            let parts = servers.compactMap { part(records[$0], kind) }
            guard let first = parts.first else { return .stale }
            return parts.dropFirst().reduce(first) { $0.merged(with: $1) }
        }
    }

    /// A server's part in the freshness of a list; nil: it is up and offers no such list.
    private func part(_ record: ServerRecord, _ kind: ItemKind) -> Freshness? {
        let policy = record.server.plan.cache
        guard let listed = record.listing?.freshness[kind.rawValue] else {
            let offers = record.statuses.contains { $0.capabilities.offers(kind) }
            return record.isUp && record.listing != nil && !offers ? nil : .stale
        }
        var part = listed.governed(by: policy)
        if !record.isUp { part.ttl = 0 }
        return part
    }

    private func selection(_ record: ServerRecord, _ kind: ItemKind) -> SelectionPlan {
        switch kind {
        case .tools: record.server.plan.tools
        case .prompts: record.server.plan.prompts
        case .resources, .templates: record.server.plan.resources
        }
    }

    /// Modern servers with the tasks extension.
    private func taskServers(_ records: [ServerRecord]) -> Set<Int> {
        Set(
            records.indices.filter { index in
                records[index].statuses.contains {
                    $0.revision?.isModern == true && $0.capabilities.tasks.toolCalls
                }
            })
    }

    // MARK: /mcp

    private func aggregateEntries(_ records: [ServerRecord], _ shown: [Int]) -> [[ViewEntry]] {
        ItemKind.allCases.map { kind in
            kind == .resources || kind == .templates
                ? addressed(records, shown, kind) : named(records, shown, kind)
        }
    }

    /// Tools and prompts: filtered, renamed, prefixed; aliases beside them.
    private func named(_ records: [ServerRecord], _ shown: [Int], _ kind: ItemKind) -> [ViewEntry] {
        var candidates: [Naming.Candidate] = []
        var items: [ListedItem] = []
        var aliases: [ViewEntry] = []
        for index in shown {
            let record = records[index]
            let selection = selection(record, kind)
            if kind != .tools, record.ruling.isRefused { continue }
            let prefix = record.server.plan.prefix ?? record.server.name
            for item in record.listing?[kind] ?? [] where selection.shows(item.key) && !item.isAppOnly {
                candidates.append(
                    Naming.Candidate(
                        server: index, serverName: record.server.name, prefix: prefix, original: item.key,
                        shown: selection.rename[item.key] ?? item.key))
                items.append(item)
                for (alias, target) in selection.aliases.sorted(by: { $0.key < $1.key })
                where target == item.key && !aliases.contains(where: { $0.shown == alias }) {
                    aliases.append(
                        ViewEntry(
                            server: index, kind: kind, item: item, shown: alias,
                            withheld: record.withholds(item, kind)))
                }
            }
        }
        let names = Naming(plan: naming).names(for: candidates, taken: Set(aliases.map(\.shown)))
        return aliases
            + names.indices.map {
                let server = candidates[$0].server
                return ViewEntry(
                    server: server, kind: kind, item: items[$0], shown: names[$0],
                    withheld: records[server].withholds(items[$0], kind))
            }
    }

    /// Resources and templates keep their URIs. Where two servers claim the same one, the first configured keeps it and
    /// the other's is shown as `SERVER+URI`, which is a valid URI of its own scheme.
    private func addressed(_ records: [ServerRecord], _ shown: [Int], _ kind: ItemKind) -> [ViewEntry] {
        var taken: Set<String> = []
        var entries: [ViewEntry] = []
        for index in shown where !records[index].ruling.isRefused {
            let record = records[index]
            let selection = selection(record, kind)
            for item in record.listing?[kind] ?? [] where selection.shows(item.key) {
                let uri = distinct(item.key, record.server.name, &taken)
                entries.append(ViewEntry(server: index, kind: kind, item: item, shown: uri))
            }
        }
        return entries
    }

    /// A URI as it is, or under its server's name where it is taken.
    private func distinct(_ own: String, _ server: String, _ taken: inout Set<String>) -> String {
        var uri = own
        var attempt = 1
        while !taken.insert(uri).inserted {
            uri = "\(scheme(server))\(attempt == 1 ? "" : String(attempt))+\(own)"
            attempt += 1
        }
        return uri
    }

    /// Points the tools of a view to their interfaces under the URIs that the view shows. Servers need not list those
    /// resources (MCP Apps, "UI resources"): such a one is found all the same.
    private func withInterfaces(
        _ entries: [[ViewEntry]], _ records: [ServerRecord]
    ) -> (entries: [[ViewEntry]], unlisted: [ViewEntry]) {
        var taken: Set<String> = []
        var shown: [Int: [String: String]] = [:]
        for entry in entries[ItemKind.resources.rawValue] {
            taken.insert(entry.shown)
            shown[entry.server, default: [:]][entry.item.key] = entry.shown
        }
        var unlisted: [ViewEntry] = []
        var result = entries
        result[ItemKind.tools.rawValue] = entries[ItemKind.tools.rawValue].map { entry in
            let server = records[entry.server].server
            guard let own = entry.item.interface, server.plan.resources.shows(own), entry.withheld == nil
            else { return entry }
            let uri = shown[entry.server]?[own] ?? distinct(own, server.name, &taken)
            if shown[entry.server]?[own] == nil {
                shown[entry.server, default: [:]][own] = uri
                unlisted.append(
                    ViewEntry(
                        server: entry.server, kind: .resources, item: ListedItem(unlisted: own), shown: uri))
            }
            let shownInterface = uri == own ? nil : uri
            guard shownInterface != entry.shownInterface else { return entry }
            return ViewEntry(
                server: entry.server, kind: entry.kind, item: entry.item, shown: entry.shown,
                shownInterface: shownInterface)
        }
        return (result, unlisted)
    }

    /// A server's name as the beginning of a URI scheme (RFC 3986: letter, then letters, digits, `+ - .`).
    private func scheme(_ name: String) -> String {
        let clean = name.map {
            $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-" || $0 == ".") ? $0 : "-"
        }
        return (clean.first?.isLetter == true ? "" : "s") + String(clean).lowercased()
    }

    // MARK: /mcp/servers/NAME

    /// One server alone, every name exactly as it spells it; its own allow and deny lists still hold.
    private func serverView(_ records: [ServerRecord], _ index: Int) -> View {
        let record = records[index]
        let entries = ItemKind.allCases.map { kind -> [ViewEntry] in
            guard record.isShown, kind == .tools || !record.ruling.isRefused else { return [] }
            let selection = selection(record, kind)
            return (record.listing?[kind] ?? []).filter { selection.shows($0.key) }
                .map {
                    ViewEntry(
                        server: index, kind: kind, item: $0, shown: $0.key,
                        withheld: record.withholds($0, kind))
                }
        }
        return View(
            path: "/mcp/servers/\(record.server.name)", servers: [index], description: nil, entries: entries,
            freshness: freshness(records, [index]), pageSize: pageSize, taskServers: taskServers(records))
    }

    // MARK: /mcp/bundles/NAME

    /// What the bundle's patterns choose from the aggregate, by shown name or by server name.
    private func bundleView(_ bundle: BundlePlan, _ aggregate: [[ViewEntry]], _ records: [ServerRecord])
        -> View
    {
        let include = bundle.include.map { Pattern($0) }
        let exclude = bundle.exclude.map { Pattern($0) }
        var members: Set<Int> = []
        let entries = aggregate.map { kind in
            var shown: Set<String> = []
            return kind.compactMap { entry -> ViewEntry? in
                let server = records[entry.server].server.name
                func hit(_ patterns: [Pattern]) -> Bool {
                    patterns.contains { $0.matches(entry.shown) || $0.matches(server) }
                }
                guard include.isEmpty || hit(include), !hit(exclude) else { return nil }
                // The first of two equal names stays.
                guard shown.insert(bundle.rename[entry.shown] ?? entry.shown).inserted else { return nil }
                members.insert(entry.server)
                guard let renamed = bundle.rename[entry.shown] else { return entry }
                return ViewEntry(
                    server: entry.server, kind: entry.kind, item: entry.item, shown: renamed,
                    shownInterface: entry.shownInterface, withheld: entry.withheld)
            }
        }
        let whole = records.indices.filter { index in
            include.contains { $0.matches(records[index].server.name) }
        }
        members.formUnion(whole)
        let servers = members.sorted()
        let shown = withInterfaces(entries, records)
        return View(
            path: "/mcp/bundles/\(bundle.name)", servers: servers, description: bundle.description,
            entries: shown.entries, unlisted: shown.unlisted, freshness: freshness(records, servers),
            pageSize: pageSize,
            // A bundle shows what its patterns name: unlisted URIs only where they name a server as a whole.
            allowsUnlisted: !whole.isEmpty && whole.count == servers.count,
            taskServers: taskServers(records))
    }
}
