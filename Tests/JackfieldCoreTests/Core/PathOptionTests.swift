// SPDX-License-Identifier: Apache-2.0
// Options whose schema says `"format": "path"`: they count from the configuration's folder.

import JSON
import Testing

@testable import JackfieldCore

@Suite struct PathOptionTests {
    private func choice() throws -> PluginChoice {
        let path = #"{"type":"string","format":"path"}"#
        return PluginChoice([
            try PluginManifest(
                parsing: Array(
                    """
                    {"id":"p","version":"1.0.0","abi":"1.0","threads":"serial","facets":["jf.toolset/1"],
                     "config":{"properties":{"keys":{"type":"array","items":\(path)},"name":{"type":"string"}}},
                     "toolset":{"config":{"properties":{"file":\(path),
                      "by_name":{"additionalProperties":\(path)},
                      "either":{"anyOf":[{"type":"integer"},\(path)]},"name":{"type":"string"}}}}}
                    """.utf8))
        ])
    }

    private func plan(_ options: String, folder: String = "/etc/jackfield") -> GatewayPlan {
        var plan = GatewayPlan()
        plan.folder = folder
        var server = ServerPlan(name: "s")
        server.plugin = "p"
        server.endpoints = [EndpointPlan(options: options)]
        plan.servers = [server]
        var plugin = PluginPlan()
        plugin.id = "p"
        plugin.config = #"{"keys":["a","/b","./c"],"name":"d"}"#
        plan.plugins = [plugin]
        return plan
    }

    private func same(_ text: String, _ wanted: JSONValue) throws -> Bool {
        try JSONValue(parsing: text) == wanted
    }

    @Test func relativeOnesGetTheFolder() throws {
        let options = #"{"file":"./x.toml","by_name":{"k":"y"},"either":"z","name":"n"}"#
        let (found, problems) = try choice().check(plan(options))
        #expect(problems.isEmpty)
        #expect(
            try same(
                found.servers[0].endpoints[0].options,
                [
                    "file": "/etc/jackfield/x.toml", "by_name": ["k": "/etc/jackfield/y"],
                    "either": "/etc/jackfield/z", "name": "n",
                ]))
        #expect(
            try same(
                found.plugins[0].config,
                ["keys": ["/etc/jackfield/a", "/b", "/etc/jackfield/c"], "name": "d"]))
        // Once more, as a swap does: nothing changes.
        #expect(try choice().check(found).plan.servers == found.servers)
    }

    @Test func aCellMayReadWhatIsNamed() throws {
        let (found, _) = try choice().check(plan(#"{"file":"x","either":5,"name":"/n"}"#))
        #expect(
            try choice().paths(of: "p", in: found)
                == ["/etc/jackfield/x", "/etc/jackfield/a", "/b", "/etc/jackfield/c"])
        #expect(try choice().paths(of: "q", in: found).isEmpty)
    }

    @Test func withoutAFolderTheyStay() throws {
        let (found, _) = try choice().check(plan(#"{"file":"x"}"#, folder: ""))
        #expect(try same(found.servers[0].endpoints[0].options, ["file": "x"]))
    }

    @Test func emptyAndForeignValuesStay() throws {
        let (found, _) = try choice().check(
            plan(#"{"file":"","by_name":{},"either":1.50,"more":{"file":"x"}}"#))
        #expect(found.servers[0].endpoints[0].options.contains("1.50"))
        #expect(
            try same(
                found.servers[0].endpoints[0].options,
                ["file": "", "by_name": [:], "either": .number("1.50"), "more": ["file": "x"]]))
    }
}
