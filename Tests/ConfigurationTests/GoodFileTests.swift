// SPDX-License-Identifier: Apache-2.0
// Native files that are right.

import Configuration
import Testing

/// The first example of the documentation; `%` is a digest.
private let example = """
    version: 1
    runtime: { loops: auto, drain_timeout: 30s, state_dir: /var/lib/jackfield } # auto = all cores
    listeners:
      - { transport: http, address: 127.0.0.1:8808 }
    servers:
      time:    { command: python3, args: [-m, mcp_server_time] }                 # stdio child, supervised
      tickets: { url: https://tickets.example/mcp, timeout: 60s, era: auto, headers: { X-Team: core },
                 tools: { allow: ["search_*"], rename: { search_tickets: find_ticket } } }
      search:  { routing: least-request, replicas: [ { url: http://10.0.0.1:9000/mcp, weight: 3 },
                                                     { url: http://10.0.0.2:9000/mcp } ] }
      zlib:    { plugin: tools-native, declarations: ./zlib.toml }               # an in-process toolset
    plugins:                                                        # only what differs from the defaults
      - { id: exporter-prometheus }
      - { file: ./libacme_auth.so, sha256: %, placement: cell, config: { issuer: https://id.example } }

    """
private let digest = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"

/// Every `%` of a text replaced.
private func fill(_ text: String, _ value: String) -> String {
    text.split(separator: "%", omittingEmptySubsequences: false).joined(separator: value)
}

@Suite struct GoodFileTests {
    @Test func theDocumentedExample() throws {
        let configuration = try good(fill(example, digest), file: "/etc/jackfield/gateway.yaml")
        #expect(configuration.warnings.isEmpty)
        #expect(configuration.path == "/etc/jackfield/gateway.yaml")
        #expect(configuration.folder == "/etc/jackfield")
        #expect(configuration.runtime.loops == nil)
        #expect(configuration.runtime.drainTimeout == 30_000_000_000)
        #expect(configuration.runtime.stateDirectory == "/var/lib/jackfield")
        #expect(configuration.listeners.map(\.transport) == ["http"])
        #expect(configuration.listeners[0].optionsJSON == #"{"address":"127.0.0.1:8808"}"#)
        #expect(configuration.listeners[0].position == SourcePosition(line: 4, column: 5))
        #expect(configuration.servers.map(\.name) == ["time", "tickets", "search", "zlib"])

        let time = configuration.servers[0]
        #expect(time.kind == .connector)
        #expect(time.optionsJSON == #"{"command":"python3","args":["-m","mcp_server_time"]}"#)
        #expect(time.endpoints.map(\.optionsJSON) == [time.optionsJSON])
        #expect(time.timeout == nil)
        #expect(time.keepStale)

        let tickets = configuration.servers[1]
        #expect(tickets.optionsJSON == #"{"url":"https://tickets.example/mcp","headers":{"X-Team":"core"}}"#)
        #expect(tickets.timeout == 60_000_000_000)
        #expect(tickets.era == .auto)
        #expect(tickets.tools.allow == ["search_*"])
        #expect(tickets.tools.rename == [.init(from: "search_tickets", to: "find_ticket")])

        let search = configuration.servers[2]
        #expect(search.routing.strategy == "least-request")
        #expect(search.endpoints.map(\.weight) == [3, 1])
        #expect(search.endpoints[1].optionsJSON == #"{"url":"http://10.0.0.2:9000/mcp"}"#)

        #expect(configuration.servers[3].kind == .plugin("tools-native"))
        #expect(configuration.servers[3].optionsJSON == #"{"declarations":"./zlib.toml"}"#)

        #expect(
            configuration.plugins.map(\.label) == ["exporter-prometheus", "/etc/jackfield/libacme_auth.so"])
        let acme = configuration.plugins[1]
        #expect(acme.sha256 == digest)
        #expect(acme.placement == .cell)
        #expect(acme.configJSON == #"{"issuer":"https://id.example"}"#)
    }

    /// As printed the example cuts its digest short, which no file can match: that and nothing else is
    /// refused.
    @Test func theExampleWithItsDigestCutShort() {
        let parsed = parse(fill(example, "9f86…"))
        #expect(parsed.configuration == nil)
        #expect(
            parsed.problems.map(\.description) == [
                "gateway.yaml:14:40: error: plugins[1].sha256: "
                    + "expected 64 hexadecimal digits, found \"9f86…\""
            ])
    }

    @Test func theLeastFileHasEveryDefault() throws {
        let configuration = try good("version: 1")
        #expect(configuration.runtime == .init())
        #expect(configuration.naming == .init())
        #expect(configuration.limits == .init())
        #expect(configuration.tasks == .init())
        #expect(configuration.tasks.promoteAfter == nil)
        #expect(configuration.log == .init())
        #expect(configuration.servers.isEmpty)
        #expect(configuration.listeners.map(\.optionsJSON) == [#"{"address":"127.0.0.1:8808"}"#])
        #expect(configuration.limits.callTimeout == 60_000_000_000)
        #expect(configuration.limits.message == 4_194_304)
    }

    @Test func anEmptyListOfListenersMeansNone() throws {
        #expect(try good("version: 1\nlisteners: []\n").listeners.isEmpty)
    }

    @Test func emptyBlocksAreDefaults() throws {
        let configuration = try good(
            "version: 1\nruntime:\nnaming:\nlimits:\ntasks:\nservers:\nbundles:\nplugins:\nlog:\n")
        #expect(configuration.limits == .init())
        #expect(configuration.tasks == .init())
        #expect(
            configuration.servers.isEmpty && configuration.plugins.isEmpty && configuration.bundles.isEmpty)
    }

    @Test func everyGeneralKey() throws {
        let configuration = try good(
            """
            version: 1
            $schema: https://jackfield.example/schema.json
            x-defaults: &defaults { headers: { X-Team: core }, connect_timeout: 5s }
            runtime:
              { loops: 4, drain_timeout: 1m30s, state_dir: state, plugin_dirs: [./plugins, /opt/plugins],
                slow_action: log, slow_strikes: 7, slow_window: 3s }
            naming: { prefix: on-conflict, separator: "--", max_length: 48 }
            limits:
              message: 8MiB
              header: 128KiB
              depth: 64
              calls_per_client: 10
              calls_per_server: 20
              calls: 30
              sessions: 50
              page_size: 70
              timeout: 250ms
              streams: 80
              subscriptions_per_stream: 90
              replay: 0
              parked_calls: 100
              parked_age: 2m
              parked_bytes: 1MiB
              rounds: 11
              questions_per_call: 12
              upstream_sessions: 13
              upstream_idle: 14s
              tasks: 15
              task_bytes: 2GiB
            tasks: { promote_after: 20s, ttl: 30m, poll_interval: 500ms }
            listeners:
              - transport: http
                address: 127.0.0.1:0
                idle_timeout: 90s
                max_body: 1MiB
            servers:
              a.b-c_1:
                <<: *defaults
                url: https://a.example/mcp
                timeout: 2m
                era: 2025-11-25
                enabled: false
                tools: [x, "y*"]
                resources: { allow: ["file:///*"], deny: ["file:///etc/*"] }
                prompts: { rename: { greet: hello } }
                aliases: { find: search_tickets }
                prefix: ab
                keep_stale: false
                cache_scope: private
                cache_ttl: 1m30s
                weight: 7
                routing: { strategy: round-robin, slow_start: 10s }
            bundles:
              desk: { servers: [a.b-c_1], include: ["ab--*"], exclude: ["*_admin"],
                      rename: { ab--x: x }, description: Desk }
              short: ["*--read"]
            plugins:
              - { id: auth-jwt, placement: cell-per-instance, enabled: false,
                  config: { ttl: 1h, skew_ms: 30 } }
            log: { level: debug, format: json }
            """, file: "conf/gateway.yaml")
        #expect(configuration.warnings.isEmpty)
        #expect(configuration.runtime.loops == 4)
        #expect(configuration.runtime.drainTimeout == 90_000_000_000)
        #expect(configuration.runtime.slowAction == .log)
        #expect(configuration.runtime.slowStrikes == 7)
        #expect(configuration.runtime.slowWindow == 3_000_000_000)
        #expect(configuration.runtime.stateDirectory == "conf/state")
        #expect(configuration.runtime.pluginDirectories == ["conf/plugins", "/opt/plugins"])
        #expect(configuration.naming.prefix == .onConflict)
        #expect(configuration.naming.separator == "--")
        #expect(configuration.naming.maxLength == 48)
        var limits = Configuration.Limits()
        limits.message = 8 << 20
        limits.header = 128 << 10
        limits.depth = 64
        limits.callsPerClient = 10
        limits.callsPerServer = 20
        limits.calls = 30
        limits.sessions = 50
        limits.pageSize = 70
        limits.callTimeout = 250_000_000
        limits.streams = 80
        limits.subscriptionsPerStream = 90
        limits.replay = 0
        limits.parkedCalls = 100
        limits.parkedAge = 120_000_000_000
        limits.parkedBytes = 1 << 20
        limits.rounds = 11
        limits.questionsPerCall = 12
        limits.upstreamSessions = 13
        limits.upstreamIdle = 14_000_000_000
        limits.tasks = 15
        limits.taskBytes = 2 << 30
        #expect(configuration.limits == limits)
        var tasks = Configuration.Tasks()
        tasks.promoteAfter = 20_000_000_000
        tasks.ttl = 1_800_000_000_000
        tasks.pollInterval = 500_000_000
        #expect(configuration.tasks == tasks)
        let listener = #"{"address":"127.0.0.1:0","idle_timeout_ms":90000,"max_body":1048576}"#
        #expect(configuration.listeners[0].optionsJSON == listener)

        let server = configuration.servers[0]
        #expect(
            server.optionsJSON
                == #"{"url":"https://a.example/mcp","headers":{"X-Team":"core"},"connect_timeout_ms":5000}"#)
        #expect(server.timeout == 120_000_000_000)
        #expect(server.era == .pinned("2025-11-25"))
        #expect(!server.enabled)
        #expect(server.tools.allow == ["x", "y*"])
        #expect(server.resources.deny == ["file:///etc/*"])
        #expect(server.prompts.rename == [.init(from: "greet", to: "hello")])
        #expect(server.aliases == [.init(name: "find", tool: "search_tickets")])
        #expect(server.prefix == "ab")
        #expect(!server.keepStale)
        #expect(server.cacheScope == .private)
        #expect(server.cacheTTL == 90_000_000_000)
        #expect(server.endpoints.map(\.weight) == [7])
        #expect(server.routing.strategy == "round-robin")
        #expect(server.routing.optionsJSON == #"{"slow_start_ms":10000}"#)

        let desk = configuration.bundles[0]
        #expect(desk.name == "desk")
        #expect(desk.servers == ["a.b-c_1"])
        #expect(desk.include == ["ab--*"])
        #expect(desk.exclude == ["*_admin"])
        #expect(desk.rename == [.init(from: "ab--x", to: "x")])
        #expect(desk.description == "Desk")
        #expect(configuration.bundles[1].include == ["*--read"])
        #expect(configuration.plugins[0].placement == .cellPerInstance)
        #expect(!configuration.plugins[0].enabled)
        #expect(configuration.plugins[0].configJSON == #"{"ttl_ms":3600000,"skew_ms":30}"#)
        #expect(configuration.log.level == .debug)
        #expect(configuration.log.format == .json)
    }

    /// What is printed as being in force is spelled as in a file.
    @Test func printedBlocksCanBeReadBack() throws {
        let written = try good(
            """
            version: 1
            limits: { replay: 1MiB, parked_age: 90s, parked_bytes: 65536, upstream_idle: 1500ms, tasks: 0 }
            tasks: { promote_after: 10s, ttl: 24h }
            servers: { one: { command: x, cache_scope: public, cache_ttl: 0s } }
            """)
        for configuration in [written, Configuration()] {
            let lines = configuration.description.split(separator: "\n").filter { line in
                ["version:", "limits:", "tasks:"].contains { line.hasPrefix($0) }
            }
            let again = try good(lines.joined(separator: "\n"))
            #expect(again.limits == configuration.limits)
            #expect(again.tasks == configuration.tasks)
        }
        #expect(written.description.contains("cache_scope: public, cache_ttl: 0s"))
    }

    @Test func promotionIsOffByItsWord() throws {
        #expect(try good("version: 1\ntasks: { promote_after: off }").tasks == .init())
        let text = #"{"version": 1, "tasks": {"promote_after": "off", "ttl": "5m"}}"#
        #expect(try good(text, file: "a.json").tasks.ttl == 300_000_000_000)
    }

    @Test(arguments: ["auto", "public", "private"])
    func cacheScopes(_ word: String) throws {
        let server = try server("{ command: x, cache_scope: \(word) }")
        #expect(server.cacheScope.rawValue == word)
        #expect(server.cacheTTL == nil)
        #expect(server.optionsJSON == #"{"command":"x"}"#)
    }

    @Test(arguments: [
        ("{ url: 'ws://a.example/mcp' }", #"{"url":"ws://a.example/mcp"}"#),
        (
            "{ url: 'wss://a.example/mcp', ping_interval: 5s }",
            #"{"url":"wss://a.example/mcp","ping_interval_ms":5000}"#
        ),
        ("{ url: 'http://a.example/sse', sse: true }", #"{"url":"http://a.example/sse","sse":true}"#),
    ])
    func otherWaysToReachAServer(_ entry: String, _ options: String) throws {
        let configuration = try good("version: 1\nservers:\n  one: \(entry)\n")
        #expect(configuration.warnings.isEmpty)
        #expect(configuration.servers[0].endpoints.map(\.optionsJSON) == [options])
    }

    @Test func listenersOfOtherTransports() throws {
        let configuration = try good(
            """
            version: 1
            listeners:
              - { transport: http, address: "127.0.0.1:8808", sse: true, keep_alive: 5s }
              - { transport: websocket, address: "127.0.0.1:8810" }
            """)
        #expect(configuration.listeners.map(\.transport) == ["http", "websocket"])
        #expect(
            configuration.listeners[0].optionsJSON
                == #"{"address":"127.0.0.1:8808","sse":true,"keep_alive_ms":5000}"#)
    }

    @Test func replicasInheritAndOverride() throws {
        let server = try server(
            """
            { headers: { A: 1 }, connect_timeout: 5s, weight: 2,
                  replicas: [ { url: http://a/, headers: { B: 2 } }, { url: http://b/, weight: 9 } ] }
            """)
        #expect(server.optionsJSON == #"{"headers":{"A":"1"},"connect_timeout_ms":5000}"#)
        #expect(
            server.endpoints.map(\.optionsJSON) == [
                #"{"url":"http://a/","headers":{"B":"2"},"connect_timeout_ms":5000}"#,
                #"{"url":"http://b/","headers":{"A":"1"},"connect_timeout_ms":5000}"#,
            ])
        #expect(server.endpoints.map(\.weight) == [2, 9])
        #expect(server.endpoints[0].options.position(ofPointer: "/headers/B") == .init(line: 4, column: 51))
        #expect(server.endpoints[1].options.position(ofPointer: "/headers/A") == .init(line: 3, column: 24))
    }

    @Test func aReplicaOverridesByTheNameThatThePluginSees() throws {
        let server = try server(
            "{ connect_timeout: 5s, x_ms: 1, replicas: [ { url: http://a/, connect_timeout_ms: 7, x: 2s } ] }"
        )
        #expect(server.endpoints[0].optionsJSON == #"{"url":"http://a/","connect_timeout_ms":7,"x_ms":2000}"#)
    }

    @Test func theSameFileAsJSON() throws {
        let configuration = try good(
            """
            {
            \t"version": 1,
            \t"servers": { "one": { "url": "https:\\/\\/a.example\\/mcp", "connect_timeout": "5s",
            \t\t"big": 1e400, "id": 12345678901234567890123, "face": "\\ud83d\\ude00", "timeout": "10s" } }
            }
            """, file: "gateway.json")
        #expect(
            configuration.servers[0].optionsJSON
                == #"{"url":"https://a.example/mcp","connect_timeout_ms":5000,"big":1e400,"#
                + #""id":12345678901234567890123,"face":"😀"}"#)
        #expect(configuration.servers[0].timeout == 10_000_000_000)
        #expect(configuration.servers[0].position == .init(line: 3, column: 15))
    }

    @Test func flowStyleYAMLIsNotTakenForJSON() throws {
        let text = "{ version: 1, servers: { one: { command: x } } }"
        #expect(try good(text).servers.map(\.name) == ["one"])
        #expect(
            try good(#"{ "version": 1, servers: { one: { command: x } } }"#).servers.map(\.name) == ["one"])
        #expect(parse(text, file: "gateway.json").configuration == nil)
    }

    @Test func aByteOrderMarkIsSkipped() throws {
        let parsed = parse("\u{FEFF}version: 1\nbad: 1\n")
        #expect(parsed.problems.map(\.position) == [SourcePosition(line: 2, column: 1)])
    }

    @Test func namesOfTheWellKnownKeysAreKept() throws {
        let server = try server("{ command: x, tol: 1 }")
        #expect(server.optionsJSON == #"{"command":"x","tol":1}"#)
        #expect(Configuration.Server.generalKeys.contains("keep_stale"))
    }

    @Test func aMisspeltGeneralKeyIsAWarning() throws {
        let configuration = try good("version: 1\nservers:\n  one: { url: 'http://a/', timout: 5s }\n")
        #expect(
            configuration.warnings.map(\.description) == [
                "gateway.yaml:3:28: warning: "
                    + "\"timout\" in servers.one is no general key and goes to the plugin; "
                    + "did you mean \"timeout\"?"
            ])
    }
}
