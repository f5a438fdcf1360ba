// SPDX-License-Identifier: Apache-2.0
// Which store a plan gets: by its kind, only where it is asked for, with options from one place.

import JSON
import Testing

@testable import JackfieldCore

@Suite struct StoreChoiceTests {
    private func manifest(_ text: String) throws -> PluginManifest {
        try PluginManifest(parsing: Array("{\"version\":\"1.0.0\",\"abi\":\"1.1\",\(text)}".utf8))
    }

    private func store(_ kind: String, threads: String = "per-loop") throws -> PluginManifest {
        try manifest(
            """
            "id":"store-\(kind)","facets":["jf.store/1"],"threads":"\(threads)","store":{"kind":"\(kind)"},
            "config":{"type":"object","additionalProperties":false,"properties":
             {"size":{"type":"integer","default":5},"path":{"type":"string","format":"path"}}}
            """)
    }

    private func asker(_ how: String) throws -> PluginManifest {
        try manifest(
            "\"id\":\"asker\",\"facets\":[\"jf.toolset/1\"],\"threads\":\"per-loop\",\"\(how)\":[\"jf.state/1\"]"
        )
    }

    private func plan(_ change: (inout GatewayPlan) -> Void = { _ in }) -> GatewayPlan {
        var plan = GatewayPlan()
        var server = ServerPlan(name: "s")
        server.plugin = "asker"
        server.endpoints = [EndpointPlan(options: "{}")]
        plan.servers = [server]
        change(&plan)
        return plan
    }

    private func entry(_ id: String, _ change: (inout PluginPlan) -> Void) -> PluginPlan {
        var entry = PluginPlan()
        entry.id = id
        change(&entry)
        return entry
    }

    @Test func memoryComesWithWhoeverAsks() throws {
        for how in ["requires", "optional"] {
            let choice = PluginChoice([try asker(how), try store("memory"), try store("redis")])
            #expect(choice.needed(plan()) == ["store-memory", "asker"])
            let (checked, problems) = choice.check(plan())
            #expect(problems.isEmpty && checked.store.plugin == "store-memory")
            #expect(choice.needed(GatewayPlan()).isEmpty)
        }
    }

    @Test func theConfiguredOneIsLoadedInAnyCase() throws {
        let choice = PluginChoice([try asker("requires"), try store("memory"), try store("redis")])
        var plan = GatewayPlan()
        plan.folder = "/etc/jackfield"
        plan.store.kind = "redis"
        plan.store.options = #"{"path":"state"}"#
        #expect(choice.needed(plan) == ["store-redis"])
        let (checked, problems) = choice.check(plan)
        #expect(problems.isEmpty && checked.store.plugin == "store-redis")
        let options = try JSONValue(parsing: checked.configuration(ofPlugin: "store-redis"))
        #expect(options == ["path": "/etc/jackfield/state", "size": 5])
        #expect(choice.paths(of: "store-redis", in: checked) == ["/etc/jackfield/state"])
        // Once more, as a swap does: nothing changes.
        let again = choice.check(checked)
        #expect(again.problems.isEmpty && again.plan.store == checked.store)
    }

    @Test func anEntryOfPluginsConfiguresTheOneThatIsNotConfigured() throws {
        let choice = PluginChoice([try asker("requires"), try store("memory")])
        let given = plan { $0.plugins = [entry("store-memory") { $0.config = #"{"size":9}"# }] }
        let (checked, problems) = choice.check(given)
        #expect(problems.isEmpty)
        #expect(try JSONValue(parsing: checked.configuration(ofPlugin: "store-memory")) == ["size": 9])
    }

    private func problems(_ choice: PluginChoice, _ plan: GatewayPlan) -> [String] {
        choice.check(plan).problems.map(\.description)
    }

    @Test func whatIsWrongIsSaidAtItsPlace() throws {
        let choice = PluginChoice([
            try asker("requires"), try store("memory"), try store("tiny", threads: "serial"),
        ])
        #expect(
            problems(
                choice,
                plan {
                    $0.store.kind = "redis"
                    $0.store.options = "{}"
                })
                == ["store/kind: no plugin has the store 'redis'; there are: memory, tiny"])
        #expect(
            problems(
                choice,
                plan {
                    $0.store.kind = "tiny"
                    $0.store.options = "{}"
                }
            ).first?.contains("threads 'serial'") == true)
        #expect(
            problems(choice, plan { $0.store.options = #"{"sise":1}"# }).first?.hasPrefix("store/sise")
                == true)
        #expect(
            problems(
                choice,
                plan {
                    $0.store.options = "{}"
                    $0.plugins = [entry("store-memory") { $0.config = #"{"size":9}"# }]
                }
            ).first?.contains("in plugins as well") == true)
        let off = plan { $0.plugins = [entry("store-memory") { $0.enabled = false }] }
        #expect(problems(choice, off).first?.hasPrefix("store: plugin asker keeps state") == true)
        #expect(!choice.needed(off).contains("store-memory"))
    }

    @Test func withoutAnyStoreOnlyThoseThatNeedOneComplain() throws {
        #expect(problems(PluginChoice([try asker("optional")]), plan()).isEmpty)
        #expect(problems(PluginChoice([try asker("requires")]), plan()).count == 1)
    }

    @Test func aManifestNamesItsKind() throws {
        #expect(try store("redis").store?.kind == "redis")
        #expect(throws: PluginManifest.Fault.self) {
            try manifest("\"id\":\"s\",\"facets\":[\"jf.store/1\"],\"threads\":\"per-loop\"")
        }
        #expect(throws: PluginManifest.Fault.self) {
            try manifest(
                "\"id\":\"s\",\"facets\":[\"jf.toolset/1\"],\"threads\":\"per-loop\",\"store\":{\"kind\":\"x\"}"
            )
        }
    }
}

@Suite struct StoreHealthTests {
    private func health(_ lanes: Int, required: Bool = true) -> StoreHealth {
        var plan = StorePlan()
        plan.kind = "redis"
        plan.isRequired = required
        return StoreHealth(plan, lanes: lanes, log: Log(level: .error))
    }

    @Test func everyLaneCounts() {
        let health = health(2)
        #expect(health.isMissed && health.json(users: ["a"]) == #"{"kind":"redis","status":"starting"}"#)
        health.report(0, nil)
        #expect(health.isMissed)
        health.report(1, nil)
        #expect(!health.isMissed && health.json(users: ["a"]) == #"{"kind":"redis","status":"up"}"#)
        health.report(1, "no \"route\"")
        #expect(health.isMissed)
        let shown = try? JSONValue(parsing: Array(health.json(users: ["a", "b"]).utf8))
        let since = shown?["since"]?.string ?? ""
        #expect(since.count == 27 && since.hasSuffix("Z"), "2026-01-01T12:00:00.000000Z")
        #expect(
            shown == [
                "kind": "redis", "status": "down", "since": .string(since), "why": "no \"route\"",
                "used_by": ["a", "b"],
            ])
        #expect(
            health.complaint(users: ["a", "b"])
                == "the store redis has not answered since \(since): no \"route\"; used by a, b")
        health.report(1, nil)
        #expect(!health.isMissed && health.complaint(users: ["a"]) == nil)
    }

    @Test func whatIsNotRequiredIsNotMissed() {
        let health = health(1, required: false)
        health.report(0, "gone")
        #expect(!health.isMissed)
    }
}
