// SPDX-License-Identifier: Apache-2.0
// A configured filter on one lane: which calls it wants to see.

import CJackfield
import MCP

/// What of a call a filter sees.
struct FilterPhases: OptionSet, Sendable {
    let rawValue: UInt8
    static let request = FilterPhases(rawValue: 1)
    static let result = FilterPhases(rawValue: 2)
}

/// A filter.
final class FilterBinding: ModuleBinding {
    private lazy var scope = FilterScope(plan, instance.library.manifest.modules[.filter], instance.filter)

    override func repointed() {
        scope = FilterScope(plan, instance.library.manifest.modules[.filter], instance.filter)
    }

    /// What it wants to see of a call; empty: nothing. Costs a look-up or two, patterns are matched once.
    func phases(_ method: Method, _ server: UInt64, _ name: @autoclosure () -> String, item: String)
        -> FilterPhases
    {
        scope.phases(method, server, name(), item: item)
    }
}

/// The configured patterns and the manifest's lists, with what they came to for servers and items seen so far.
final class FilterScope {
    /// Names are the servers' own, and unlisted URIs are whatever clients send: what is known of them is bounded.
    static let mostItems = 4096
    static let mostServers = 1024

    private let servers: [Pattern]
    private let items: [Pattern]
    private let methods: UInt8
    private let phases: FilterPhases
    private var known: [UInt64: Verdicts] = [:]

    private final class Verdicts {
        let isWanted: Bool
        var items: [String: Bool] = [:]
        init(_ isWanted: Bool) { self.isWanted = isWanted }
    }

    init(_ plan: ModulePlan, _ manifest: PluginManifest.Module?, _ table: jf_filter_1?) {
        servers = plan.servers.map { Pattern($0) }
        items = plan.items.map { Pattern($0) }
        let named = (manifest?.methods ?? []).map { name in
            var name = name
            return FilterScope.bit(name.withUTF8 { Method(UnsafeRawBufferPointer($0)) })
        }
        methods = named.isEmpty ? 0xFF : named.reduce(0, |)
        var phases: FilterPhases = []
        let wanted = manifest?.phases ?? []
        if table?.request != nil, wanted.isEmpty || wanted.contains("request") { phases.insert(.request) }
        if table?.result != nil, wanted.isEmpty || wanted.contains("result") { phases.insert(.result) }
        self.phases = phases
    }

    private static func bit(_ method: Method) -> UInt8 {
        switch method {
        case .toolsCall: 1
        case .resourcesRead: 2
        case .promptsGet: 4
        case .completionComplete: 8
        default: 0
        }
    }

    func phases(_ method: Method, _ server: UInt64, _ name: @autoclosure () -> String, item: String)
        -> FilterPhases
    {
        guard methods & Self.bit(method) != 0 else { return [] }
        if servers.isEmpty, items.isEmpty { return phases }
        let verdicts: Verdicts
        if let found = known[server] {
            verdicts = found
        } else {
            let name = name()
            if known.count >= Self.mostServers { known.removeAll() }
            verdicts = Verdicts(servers.isEmpty || servers.contains { $0.matches(name) })
            known[server] = verdicts
        }
        guard verdicts.isWanted else { return [] }
        if items.isEmpty { return phases }
        if let isWanted = verdicts.items[item] { return isWanted ? phases : [] }
        if verdicts.items.count >= Self.mostItems { verdicts.items.removeAll() }
        let isWanted = items.contains { $0.matches(item) }
        verdicts.items[item] = isWanted
        return isWanted ? phases : []
    }
}
