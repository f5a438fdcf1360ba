// SPDX-License-Identifier: Apache-2.0
// `${env:…}` and `${file:…}`: what they expand to, and that it is never printed.

import Configuration
import Testing

@Suite struct ReferenceTests {
    @Test(arguments: [
        ("'${env:TOKEN}'", "hunter two"),
        ("\"Bearer ${env:TOKEN}!\"", "Bearer hunter two!"),
        ("'${env:NOPE:-fall back}'", "fall back"),
        ("'${env:NOPE:-}'", ""),
        ("'${env:EMPTY:-default}'", "default"),
        ("'${env:EMPTY}'", ""),
        ("'${env:TOKEN:-default}'", "hunter two"),
        ("'${file:/run/token}'", "file secret"),
        ("'${file:near}'", "near secret"),
        ("'${env:PORT}${env:PORT}'", "80808080"),
        ("'$${env:TOKEN}'", "${env:TOKEN}"),
        ("'$$${env:PORT}'", "$${env:PORT}"),
        ("'$HOME $ {x} $'", "$HOME $ {x} $"),
    ])
    func theyStandForTheirValues(_ written: String, _ expected: String) throws {
        let text = "version: 1\nlisteners:\n  - { transport: http, value: \(written) }\n"
        let configuration = try good(text, file: "/etc/jackfield/gateway.yaml")
        #expect(configuration.listeners[0].options["value"]?.scalar?.text == expected)
    }

    @Test func unquotedInBlockStyle() throws {
        let configuration = try good("version: 1\nservers:\n  one:\n    command: ${env:HOME}/bin/x\n")
        #expect(configuration.servers[0].optionsJSON == #"{"command":"/home/ada/bin/x"}"#)
    }

    @Test func theyAreNotExpandedTwice() throws {
        var environment = testEnvironment
        environment.variable = { _ in "${env:OTHER}" }
        let configuration = try Configuration(
            parsing: "version: 1\nservers: { one: { command: '${env:A}' } }", file: "a.yaml",
            environment: environment)
        #expect(configuration.servers[0].optionsJSON == #"{"command":"${env:OTHER}"}"#)
    }

    @Test func typedKeysTakeThem() throws {
        let configuration = try good(
            """
            version: 1
            runtime: { loops: "${env:LOOPS}", drain_timeout: "${env:WAIT}" }
            limits: { message: "${env:PORT}" }
            servers: { one: { command: x, enabled: "${env:ON}", tools: ["${env:PATTERN}"] } }
            """)
        #expect(configuration.runtime.loops == 4)
        #expect(configuration.runtime.drainTimeout == 5_000_000_000)
        #expect(configuration.limits.message == 8080)
        #expect(configuration.servers[0].tools.allow == ["time_*"])
    }

    @Test func inOptionsTheyAreTextUnlessTagged() throws {
        let server = try server(
            "{ command: x, a: '${env:PORT}', b: !!int '${env:PORT}', c: !!bool '${env:ON}', d: !!str 5 }")
        #expect(server.optionsJSON == #"{"command":"x","a":"8080","b":8080,"c":true,"d":"5"}"#)
    }

    @Test func unquotedDurationsInOptionsAreConverted() throws {
        let configuration = try good(
            "version: 1\nservers:\n  one:\n    command: x\n    wait_timeout: ${env:WAIT}\n"
                + "    other: '${env:WAIT}'\n"
        )
        #expect(
            configuration.servers[0].optionsJSON == #"{"command":"x","wait_timeout_ms":5000,"other":"5s"}"#)
        #expect(
            configuration.servers[0].options.description
                == #"{"command":"x","wait_timeout":"${env:WAIT}","other":"${env:WAIT}"}"#)
    }

    @Test func aServerThatIsOffMayLackThem() throws {
        let configuration = try good(
            "version: 1\nservers: { one: { command: '${env:NOPE}', enabled: false } }")
        #expect(configuration.warnings.map(\.message).first?.contains("NOPE is not set") == true)
        #expect(!configuration.servers[0].enabled)
    }

    @Test func blocksForAnchorsAreExpandedWhereUsed() throws {
        let configuration = try good(
            "version: 1\nx-unused: { a: '${env:NOPE}' }\nx-used: &used { b: '${env:PORT}' }\n"
                + "listeners:\n  - { <<: *used, transport: http }\n")
        #expect(configuration.listeners[0].optionsJSON == #"{"b":"8080"}"#)
    }

    @Test func missingOnesInSharedValuesAreFoundOnce() {
        let parsed = parse(
            "version: 1\nx-used: &used { b: '${env:NOPE}' }\nlisteners:\n"
                + "  - { <<: *used, transport: a }\n  - { <<: *used, transport: b }\n")
        #expect(parsed.problems.map(\.position) == [SourcePosition(line: 2, column: 21)])
    }

    @Test func positionsInBlockScalars() {
        let parsed = parse(
            "version: 1\nservers:\n  one:\n    command: |\n      first\n      second ${env:NOPE}\n")
        #expect(parsed.problems.map(\.position) == [SourcePosition(line: 6, column: 14)])
    }
}

@Suite struct SecretTests {
    private let text = """
        version: 1
        runtime: { state_dir: "${env:TOKEN}", plugin_dirs: ["${env:TOKEN}"] }
        listeners:
          - { transport: http, key: "${env:TOKEN}" }
        servers:
          one: { url: "http://a/", file: "x ${file:/run/token}",
                 headers: { Authorization: "Bearer ${env:TOKEN}" },
                 tools: { allow: ["${env:TOKEN}"], deny: ["${env:TOKEN}"] }, aliases: { a: "${env:TOKEN}" },
                 routing: { strategy: hash, salt: "${env:TOKEN}" } }
          two: { replicas: [ { url: "http://b/", token: "${env:TOKEN}" } ] }
        bundles:
          desk: { servers: ["${env:TOKEN}*"], include: ["${env:TOKEN}"], exclude: ["${env:TOKEN}"],
                  description: "${env:TOKEN}" }
        plugins:
          - { file: "${env:TOKEN}", config: { deep: [ { key: "${env:TOKEN}" } ] } }
        """
    private let secrets = ["hunter two", "file secret"]

    private func holdsSecret(_ text: String) -> Bool { secrets.contains { text.contains($0) } }

    @Test func pluginsGetThem() throws {
        let configuration = try good(text)
        #expect(configuration.servers[0].optionsJSON.contains("Bearer hunter two"))
        #expect(configuration.servers[0].optionsJSON.contains("x file secret"))
        #expect(configuration.servers[1].endpoints[0].optionsJSON.contains("hunter two"))
        #expect(configuration.listeners[0].optionsJSON.contains("hunter two"))
        #expect(configuration.servers[0].routing.optionsJSON.contains("hunter two"))
        #expect(configuration.plugins[0].configJSON == #"{"deep":[{"key":"hunter two"}]}"#)
        #expect(configuration.plugins[0].file == "hunter two")
        #expect(configuration.runtime.stateDirectory == "hunter two")
        #expect(configuration.bundles[0].description == "hunter two")
    }

    @Test func nothingPrintsThem() throws {
        let configuration = try good(text)
        var dumped = ""
        dump(configuration, to: &dumped)
        #expect(!holdsSecret(dumped))
        #expect(dumped.contains("${env:TOKEN}"))
        #expect(!holdsSecret("\(configuration)"))
        #expect("\(configuration)".contains(#""Authorization":"Bearer ${env:TOKEN}""#))
        #expect(!holdsSecret(String(reflecting: configuration)))
        let parts: [Any] = [
            configuration.runtime, configuration.listeners, configuration.servers, configuration.bundles,
            configuration.plugins, configuration.servers[0].options, configuration.servers[0].endpoints,
            configuration.servers[0].options["url"] as Any,
            configuration.servers[0].options["url"]?.scalar as Any, configuration.plugins[0].label,
            ConfigurationDiff.self, Configuration.diff(Configuration(), configuration),
        ]
        for part in parts {
            dumped = ""
            dump(part, to: &dumped)
            #expect(!holdsSecret(dumped))
            #expect(!holdsSecret(String(describing: part)))
            #expect(!holdsSecret(String(reflecting: part)))
        }
    }

    @Test func findingsDoNotQuoteThem() {
        let parsed = parse(
            """
            version: 1
            runtime: { loops: "${env:TOKEN}", drain_timeout: "${env:TOKEN}" }
            naming: { prefix: "${env:TOKEN}", separator: "${env:TOKEN}", max_length: "${env:TOKEN}" }
            limits: { message: "${env:TOKEN}" }
            listeners:
              - { transport: "${env:TOKEN}" }
            servers:
              a: { url: "${env:TOKEN}", era: "${env:TOKEN}", enabled: "${env:TOKEN}", prefix: "${env:TOKEN}",
                   tools: { rename: { x: "${env:TOKEN}" } }, routing: "${env:TOKEN}" }
              b: { plugin: "${env:TOKEN}" }
            bundles: { c: { servers: ["${env:TOKEN}"] } }
            plugins: [ { id: "${env:TOKEN}", sha256: "${env:TOKEN}", placement: "${env:TOKEN}" } ]
            log: { level: "${env:TOKEN}" }
            """)
        #expect(parsed.problems.count == 19, "\(parsed.problems)")
        for problem in parsed.problems { #expect(!holdsSecret(problem.description)) }
    }
}
