// SPDX-License-Identifier: Apache-2.0
// The lock in a running gateway: judged when a catalogue is built, and what servers list for those who write one.

extension Gateway {
    /// Judges the servers whose listings are new. Control loop only.
    func judgeListings() {
        for at in records.indices {
            let server = records[at].server
            guard server.plan.versions != nil, !records[at].offers.isEmpty else {
                records[at].ruling = drift.judge(records[at], now: control.now)
                continue
            }
            // Versions are approved one by one, not held against each other.
            for (endpoint, listing) in records[at].offers.sorted(by: { $0.key < $1.key }) {
                let name = ToolLock.name(server.name, server.endpoints[endpoint].plan.standing.version)
                records[at].rulings[endpoint] = drift.judge(
                    server, listing, as: name, known: "\(server.name)/\(endpoint)", now: control.now)
            }
        }
    }

    /// What each server lists of tools, as it is shown; nil for one whose list did not come. Control loop only (see
    /// `perform`).
    public func listedTools() -> [(server: String, tools: [ToolDefinition]?)] {
        records.flatMap { record -> [(server: String, tools: [ToolDefinition]?)] in
            record.server.plan.versions == nil ? [listedTools(record)] : versionedTools(record)
        }
    }

    /// By version: what its replicas list. Replicas of one version that list different things can't be approved.
    private func versionedTools(_ record: ServerRecord) -> [(server: String, tools: [ToolDefinition]?)] {
        var found: [(server: String, tools: [ToolDefinition]?)] = []
        for endpoint in record.server.endpoints {
            let name = ToolLock.name(record.server.name, endpoint.plan.standing.version)
            var tools: [ToolDefinition]?
            if let listing = record.offers[endpoint.index], !listing.failed.contains(.tools) {
                tools = listing[.tools].filter { record.server.plan.tools.shows($0.key) }
                    .compactMap { ToolDefinition($0) }
            }
            guard let at = found.firstIndex(where: { $0.server == name }) else {
                found.append((name, tools))
                continue
            }
            if found[at].tools.map({ Set($0.map(\.digest)) }) != tools.map({ Set($0.map(\.digest)) }) {
                log.write(
                    .warning, "replicas of one version list different tools, or one of them lists none",
                    [.init("server", record.server.name), .init("name", name)])
                found[at].tools = nil
            }
        }
        return found
    }

    private func listedTools(_ record: ServerRecord) -> (server: String, tools: [ToolDefinition]?) {
        guard let listing = record.listing, !listing.failed.contains(.tools) else {
            return (record.server.name, nil)
        }
        let tools = listing[.tools].filter { record.server.plan.tools.shows($0.key) }
        return (record.server.name, tools.compactMap { ToolDefinition($0) })
    }
}
