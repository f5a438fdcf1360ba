// SPDX-License-Identifier: Apache-2.0
// `response_cache` and `coalesce` of a server: what they mean, what is wrong in them, how they are written again.

import Testing

@testable import Configuration

@Suite struct ReuseTests {
    @Test func nothingIsSharedUnlessItSaysSo() throws {
        for entry in ["{ command: x }", "{ command: x, response_cache: false, coalesce: false }"] {
            let server = try server(entry)
            #expect(server.responseCache == nil && server.coalesce == nil)
            #expect(server.optionsJSON == #"{"command":"x"}"#)
        }
    }

    @Test func whatTheBlocksSay() throws {
        let plain = try #require(
            try server("{ command: x, response_cache: { tools: [a*] } }").responseCache)
        var expected = Configuration.ResponseCache()
        expected.tools = ["a*"]
        #expect(plain == expected)
        #expect(plain.ttl == 30_000_000_000 && plain.scope == .principal && !plain.allowUnannotated)
        #expect(plain.maxBytes == 16 << 20 && plain.maxEntry == 1 << 20)
        let full = try server(
            """
            { command: x, coalesce: { tools: [a, b], resources: ["r:*"] },
              response_cache: { tools: ["${env:PATTERN}"], resources: ["r:*"], cleared_by: [put], ttl: 5m, scope: public,
                                max_bytes: 8KiB, max_entry: 1KiB, allow_unannotated: true } }
            """)
        let cache = try #require(full.responseCache)
        #expect(cache.tools == ["time_*"] && cache.resources == ["r:*"] && cache.ttl == 300_000_000_000)
        #expect(cache.clearedBy == ["put"])
        #expect(cache.scope == .public && cache.maxBytes == 8192 && cache.maxEntry == 1024)
        #expect(cache.allowUnannotated && !cache.line.contains("time_"))
        #expect(full.coalesce?.tools == ["a", "b"] && full.coalesce?.resources == ["r:*"])
        let all = try #require(try server("{ command: x, coalesce: true }").coalesce)
        #expect(all.tools == ["*"] && all.resources == ["*"])
    }

    @Test func whatIsWrittenIsReadAlike() throws {
        let entry = """
            { command: x, response_cache: { tools: [a], max_bytes: 4KiB, max_entry: 512 }, coalesce: true }
            """
        let server = try server(entry)
        let cache = try #require(server.responseCache)
        let coalesce = try #require(server.coalesce)
        let again = try good(
            "version: 1\nservers:\n  one: { command: x, response_cache: \(cache.line), coalesce: \(coalesce.line) }\n"
        )
        #expect(again.servers[0].responseCache == cache && again.servers[0].coalesce == coalesce)
        #expect(try good("version: 1\nservers:\n  one: \(entry)\n").description.contains(cache.line))
    }

    @Test func oneAnswerIsNeverLargerThanAll() throws {
        let server = try server("{ command: x, response_cache: { tools: [a], max_bytes: 64KiB } }")
        #expect(server.responseCache?.maxEntry == 64 << 10)
    }

    @Test func aReloadSeesWhatChanged() throws {
        let before = try good("version: 1\nservers: { one: { command: x, coalesce: true } }\n")
        let after = try good("version: 1\nservers: { one: { command: x, coalesce: { tools: [a] } } }\n")
        #expect(Configuration.diff(before, after).servers.changed == ["one"])
        #expect(Configuration.diff(before, before).servers.changed.isEmpty)
    }

    @Test func armsThatShareAnswersAreNoticed() throws {
        let text = """
            version: 1
            servers:
              one: { url: "http://a/", routing: canary, response_cache: { tools: [a] } }
            """
        #expect(try good(text).warnings.contains { $0.message.contains("every arm of the canary") })
        let versions = """
            version: 1
            servers:
              one:
                response_cache: { tools: [a] }
                rollout: { version: "2" }
                replicas: [ { url: "http://a/", version: "1" }, { url: "http://b/", version: "2" } ]
            """
        #expect(try good(versions).warnings.contains { $0.message.contains("both versions of the rollout") })
    }
}
