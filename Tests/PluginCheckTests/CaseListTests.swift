// SPDX-License-Identifier: Apache-2.0
// The list of cases: their names are written into CI files and debugger command lines.

import Testing

@testable import PluginCheck

@Suite("Cases of the plugin check") struct CaseListTests {
    private let all = CheckCase.all

    @Test("names are unique, in lower case, and say their group")
    func names() {
        #expect(Set(all.map(\.name)).count == all.count)
        for check in all {
            let parts = check.name.split(separator: ".", omittingEmptySubsequences: false)
            #expect(parts.count == 2, "\(check.name)")
            for part in parts {
                let isPlain = part.utf8.allSatisfy { (97...122).contains($0) || $0 == 45 }
                #expect(isPlain && !part.isEmpty, "\(check.name)")
            }
            #expect(check.group == parts[0])
        }
    }

    @Test("groups stand together, in the order in which they run")
    func groups() {
        var order: [String] = []
        for check in all where order.last != check.group { order.append(check.group) }
        #expect(Set(order).count == order.count)
        let first = [
            "file", "entry", "lifecycle", "ops", "memory", "lanes", "config", "hygiene", "size", "chaos",
        ]
        #expect(order.filter(first.contains) == first)
        let facets = [
            "toolset", "routing", "state", "auth", "credentials", "policy", "filter", "store", "connector",
            "listener",
        ]
        for facet in facets {
            #expect(order.contains(facet))
        }
    }

    @Test("names that are written down elsewhere do not go")
    func kept() {
        let names = Set(all.map(\.name))
        let written = [
            "file.elf", "file.exports", "file.manifest", "file.schemas", "file.selection", "entry.load",
            "entry.newer-host", "lifecycle.thousand", "lifecycle.two", "ops.cancel", "memory.views",
            "memory.growth", "lanes.budget", "lanes.loops", "config.hostile", "hygiene.life",
            "size.short-tables", "chaos.nothing", "toolset.calls", "state.round-trip",
            "connector.conversation",
            "listener.unlisten",
        ]
        for name in written { #expect(names.contains(name), "\(name)") }
    }

    @Test("a case of a facet's group is for that facet only")
    func facets() {
        let groups = [
            "toolset", "routing", "auth", "credentials", "policy", "filter", "store", "connector", "listener",
        ]
        for check in all where groups.contains(check.group) {
            #expect(check.facet == "jf.\(check.group)/1", "\(check.name)")
        }
        #expect(all.filter { $0.group == "file" }.allSatisfy { $0.facet == nil })
    }

    @Test("summaries are clauses: they complete 'makes sure that'")
    func summaries() {
        for check in all {
            #expect(!check.summary.isEmpty && !check.summary.hasSuffix("."), "\(check.name)")
            #expect(
                check.summary.first?.isUppercase == false || check.summary.hasPrefix("MCP"), "\(check.name)")
        }
    }

    @Test("what nothing can follow comes first")
    func gates() {
        let gates = all.filter(\.isGate).map(\.name)
        #expect(gates.first == "file.elf")
        for gate in gates { #expect(gate.hasPrefix("file.") || gate.hasPrefix("entry."), "\(gate)") }
    }
}
