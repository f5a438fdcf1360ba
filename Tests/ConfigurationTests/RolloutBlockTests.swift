// SPDX-License-Identifier: Apache-2.0
// The blocks `rollout` and `versions` of a server.

import Configuration
import Testing

@Suite struct RolloutBlockTests {
    private func file(_ blocks: String, versions: [String?] = ["2.1.0", "2.2.0"]) -> String {
        let replicas = versions.map { version in
            "      - { url: http://h/mcp\(version.map { ", version: '\($0)'" } ?? "") }\n"
        }
        return "version: 1\nservers:\n  one:\n    \(blocks)\n    replicas:\n" + replicas.joined()
    }

    private func rollout(_ block: String) throws -> Configuration.Rollout {
        try #require(try good(file("rollout: \(block)")).servers[0].rollout)
    }

    @Test func itsDefaults() throws {
        #expect(try good(file("timeout: 1s")).servers[0].rollout == nil)
        let found = try rollout("{ version: 2.2.0 }")
        #expect(found.steps == [500, 2500, 10000] && found.every == 600_000_000_000)
        #expect(found.sticky == .principal && found.errorRate == 200 && found.latency == 150)
        #expect(found.minimumCalls == 50 && found.toolErrors)
    }

    @Test func everyKeyIsRead() throws {
        let text =
            "{ version: 2.2.0, steps: [0.5%, 10, 100%], every: 30s, sticky: session, error_rate: 0.25%, "
            + "latency: 2.5, minimum_calls: 7, tool_errors: false }"
        let found = try rollout(text)
        #expect(found.steps == [50, 1000, 10000] && found.every == 30_000_000_000)
        #expect(found.sticky == .session && found.errorRate == 25 && found.latency == 250)
        #expect(found.minimumCalls == 7 && !found.toolErrors)
        let shown = try good(file("rollout: \(text)")).description
        #expect(shown.contains("steps: [0.5%, 10%, 100%]") && shown.contains("error_rate: 0.25%"))
        #expect(try rollout("{ version: 2.2.0, latency: off }").latency == nil)
    }

    /// What is shown can be read.
    @Test func itsDescriptionIsItsOwn() throws {
        let first = try rollout("{ version: 2.2.0, steps: [0.07%, 100%], latency: off, sticky: none }")
        let line = try good(
            file("rollout: { version: 2.2.0, steps: [0.07%, 100%], latency: off, sticky: none }")
        )
        .description
        let block = try #require(
            line.split(separator: "rollout: ").dropFirst().first?.split(separator: " }").first)
        #expect(try rollout("\(block) }") == first)
    }

    @Test func versionsAreRead() throws {
        func show(_ text: String) throws -> Configuration.Versions.Show? {
            try good(file("versions: \(text)")).servers[0].versions?.show
        }
        #expect(try show("{}") == .oldest)
        #expect(try show("{ show: newest }") == .newest)
        #expect(try show("{ show: 2.1.0 }") == .version("2.1.0"))
        #expect(
            try good(file("versions: { show: 2.1.0 }")).description.contains("versions: { show: \"2.1.0\" }"))
    }

    @Test(arguments: [
        ("rollout: {}", ""), ("rollout: { version: 2.2.1 }", "2.2.0"), ("rollout: 2.2.0", ""),
        ("rollout: { version: 2.2.0, steps: [] }", ""),
        ("rollout: { version: 2.2.0, steps: [5%, 50%] }", "100%"),
        ("rollout: { version: 2.2.0, steps: [50%, 5%, 100%] }", ""),
        ("rollout: { version: 2.2.0, steps: 5% }", ""),
        ("rollout: { version: 2.2.0, steps: [0%, 100%] }", ""),
        ("rollout: { version: 2.2.0, steps: [101%] }", ""),
        ("rollout: { version: 2.2.0, error_rate: -1% }", ""),
        ("rollout: { version: 2.2.0, error_rate: 1h }", ""),
        ("rollout: { version: 2.2.0, latency: 0.5 }", ""),
        ("rollout: { version: 2.2.0, latency: 100ms }", ""),
        ("rollout: { version: 2.2.0, sticky: sesion }", "session"),
        ("rollout: { version: 2.2.0, every: soon }", ""),
        ("rollout: { version: 2.2.0, minimum_calls: 0 }", ""),
        ("rollout: { version: 2.2.0, step: 5 }", "steps"),
        ("versions: { show: 2.1.1 }", "2.1.0"), ("versions: newest", ""),
        ("versions: { shows: newest }", "show"),
    ])
    func whatIsWrongIsSaid(_ block: String, _ suggestion: String) throws {
        let problem = try #require(parse(file(block)).problems.first { $0.severity == .error })
        #expect(problem.position.line == 4, "\(problem)")
        #expect(problem.message.contains(block.hasPrefix("r") ? "rollout" : "versions"), "\(problem)")
        #expect(suggestion.isEmpty || problem.suggestion == suggestion, "\(problem)")
    }

    @Test func callsMustComeFromAnotherVersion() throws {
        func problem(_ versions: [String?]) -> String? {
            parse(file("rollout: { version: 2.2.0 }", versions: versions)).problems
                .first { $0.severity == .error }?.message
        }
        #expect(problem(["2.2.0", nil]) == nil)
        #expect(problem(["2.2.0", "2.2.0"])?.contains("every replica") == true)
        #expect(problem([nil, nil])?.contains("no replica has a version") == true)
        let alone = "version: 1\nservers: { one: { url: http://h/mcp, rollout: { version: 2 } } }"
        #expect(parse(alone).problems.contains { $0.severity == .error })
    }

    @Test func theyBelongToTheServer() throws {
        let text =
            "version: 1\nservers: { one: { replicas: [{ url: http://h/mcp, rollout: { version: 1 } }] } }"
        #expect(parse(text).problems.contains { $0.message.contains("belongs to the server") })
    }

    @Test func aReloadSeesThem() throws {
        let old = try good(file("rollout: { version: 2.2.0 }"))
        #expect(
            Configuration.diff(old, try good("\n" + file("rollout: { version: 2.2.0 }"))).servers.changed
                == [])
        #expect(
            Configuration.diff(old, try good(file("rollout: { version: 2.1.0 }"))).servers.changed == ["one"])
        #expect(Configuration.diff(old, try good(file("versions: {}"))).servers.changed == ["one"])
    }
}
