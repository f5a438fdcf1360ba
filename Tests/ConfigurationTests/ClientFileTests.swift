// SPDX-License-Identifier: Apache-2.0
// The files in which MCP clients list their servers.

import Configuration
import Testing

@Suite struct ClientFileTests {
    @Test func theCommonShape() throws {
        let configuration = try good(
            """
            {
              "mcpServers": {
                "filesystem": {
                  "command": "npx",
                  "args": ["-y", "@modelcontextprotocol/server-filesystem", "/home/ada"],
                  "env": { "DEBUG": "1", "N": 5 }
                },
                "remote": {
                  "type": "http",
                  "url": "https://a.example/mcp",
                  "headers": { "Authorization": "Bearer ${TOKEN}" }
                }
              }
            }
            """, file: "claude_desktop_config.json")
        #expect(configuration.warnings.isEmpty)
        #expect(configuration.listeners == Configuration.defaultListeners)
        #expect(configuration.servers.map(\.name) == ["filesystem", "remote"])
        #expect(
            configuration.servers[0].optionsJSON
                == #"{"command":"npx","args":["-y","@modelcontextprotocol/server-filesystem","/home/ada"],"#
                + #""env":{"DEBUG":"1","N":"5"}}"#)
        #expect(
            configuration.servers[1].optionsJSON
                == #"{"url":"https://a.example/mcp","headers":{"Authorization":"Bearer hunter two"}}"#)
        #expect(!"\(configuration)".contains("hunter"))
        #expect(
            configuration.servers[0].endpoints[0].options.position(ofPointer: "/args/1")
                == .init(line: 5, column: 22))
        // Everything else is as in a native file.
        var plain = Configuration.Server(name: "filesystem")
        plain.endpoints = configuration.servers[0].endpoints
        plain.options = configuration.servers[0].options
        plain.position = configuration.servers[0].position
        #expect(configuration.servers[0] == plain)
    }

    @Test func editorsSettings() throws {
        let configuration = try good(
            """
            {
              // comments and trailing commas are allowed
              "inputs": [ { "id": "key", "type": "promptString", "password": true }, ],
              "servers": {
                "git": { "type": "stdio", "command": "uvx",
                         "args": ["mcp-server-git", "${workspaceFolder}/src"] },
                "docs": { "type": "sse", "url": "https://docs.example/sse" }, /* old transport */
              },
            }
            """, file: "/home/ada/project/.vscode/mcp.json")
        #expect(configuration.warnings.isEmpty)
        #expect(
            configuration.servers[0].optionsJSON
                == #"{"command":"uvx","args":["mcp-server-git","/home/ada/project/src"]}"#)
        #expect(configuration.servers[1].era == .legacy)
        #expect(configuration.servers[1].optionsJSON == #"{"url":"https://docs.example/sse","sse":true}"#)
        let nested = try good(
            #"{"editor.fontSize": 12, "mcp": {"servers": {"a": {"command": "x"}}}}"#, file: "settings.json")
        #expect(nested.servers.map(\.name) == ["a"])
        #expect(nested.warnings.map(\.position) == [.init(line: 1, column: 2)])
        #expect(try good(#"{"servers": {"a": {"command": "x"}}}"#, file: "mcp.json").servers.count == 1)
        #expect(try good("servers: { a: { type: stdio, command: x } }").servers.count == 1)
    }

    @Test func aNativeFileWithoutVersionIsNotTakenForOne() {
        for (text, file) in [
            ("servers: { a: { command: x } }", "gateway.yaml"),
            (#"{"servers": {"a": {"command": "x"}}, "listeners": []}"#, "gateway.json"),
            (#"{"servers": {}}"#, "gateway.json"),
        ] {
            let parsed = parse(text, file: file)
            #expect(parsed.problems.map(\.message).first?.contains("\"version\" is missing") == true)
        }
    }

    @Test func whatClientsAddIsToleratedWithWarnings() throws {
        let configuration = try good(
            """
            {"mcpServers": {
              "a": {"command": "x", "autoApprove": ["t"], "alwaysAllow": [], "disabled": true, "timeout": 60},
              "b": {"serverUrl": "https://b", "timeout": 60000, "trust": true, "oauth": {}, "name": "d"},
              "c": {"httpUrl": "https://c/", "type": "http", "includeTools": ["p"], "excludeTools": ["q"]},
              "d": {"command": ["npx", "-y", "d"], "envFile": ".env", "disabledTools": ["r"], "type": "weird"}
            }}
            """, file: "mcp.json")
        let servers = configuration.servers
        #expect(servers.map(\.enabled) == [false, true, true, true])
        #expect(servers.map(\.timeout) == [60_000_000_000, 60_000_000_000, nil, nil])
        #expect(servers[1].optionsJSON == #"{"url":"https://b"}"#)
        #expect(servers[2].optionsJSON == #"{"url":"https://c/"}"#)
        #expect(servers[2].tools.allow == ["p"])
        #expect(servers[2].tools.deny == ["q"])
        #expect(servers[3].options["command"]?.scalar?.text == "npx")
        #expect(servers[3].options.entries.map(\.key).sorted() == ["args", "command"])
        #expect(servers[3].tools.deny == ["r"])
        #expect(
            configuration.warnings.map { "\($0.position) \($0.message)" } == [
                "2:25 mcpServers.a.autoApprove: approval is the client's business; it is ignored",
                "2:47 mcpServers.a.alwaysAllow: approval is the client's business; it is ignored",
                "2:95 mcpServers.a.timeout: 60 is read as seconds; write it with its unit",
                "3:46 mcpServers.b.timeout: 60000 is read as milliseconds; write it with its unit",
                "3:53 mcpServers.b.trust: approval is the client's business; it is ignored",
                "3:68 mcpServers.b.oauth: it is ignored",
                "5:40 mcpServers.d.envFile: it is not read; name the variables in \"env\"",
                "5:91 mcpServers.d.type: \"weird\" is unknown and ignored",
            ])
    }

    @Test(arguments: [
        (#""type": "sse", "url": "http://a/""#, #"{"url":"http://a/","sse":true}"#),
        (
            #""transport": "sse", "url": "HTTP://a/", "headers": {"K": 1}"#,
            #"{"url":"HTTP://a/","headers":{"K":"1"},"sse":true}"#
        ),
        (#""type": "http", "url": "http://a/""#, #"{"url":"http://a/"}"#),
        (#""type": "streamable-http", "url": "http://a/""#, #"{"url":"http://a/"}"#),
        (#""type": "ws", "url": "ws://a/""#, #"{"url":"ws://a/"}"#),
        (#""type": "websocket", "url": "wss://a/""#, #"{"url":"wss://a/"}"#),
        (#""url": "wss://a/""#, #"{"url":"wss://a/"}"#),
        (#""type": "sse", "url": "x-own://a""#, #"{"url":"x-own://a"}"#),
        (#""type": "sse", "command": "x""#, #"{"command":"x"}"#),
    ])
    func transports(_ entry: String, _ options: String) throws {
        let configuration = try good(#"{"mcpServers": {"a": {\#(entry)}}}"#, file: "mcp.json")
        #expect(configuration.warnings.isEmpty, "\(configuration.warnings)")
        #expect(configuration.servers[0].endpoints.map(\.optionsJSON) == [options])
        #expect((configuration.servers[0].era == .legacy) == options.contains("sse"))
    }

    /// What the connector says of the option points at the word that it came from.
    @Test func theOptionStandsWhereTheTypeStood() throws {
        let server = try good(
            #"{"mcpServers": {"a": {"type": "sse", "url": "http://a/"}}}"#, file: "mcp.json"
        ).servers[0]
        #expect(server.options.position(ofPointer: "/sse") == .init(line: 1, column: 31))
        #expect(server.options.position(ofPointer: "/sse", key: true) == .init(line: 1, column: 23))
    }

    /// The URL chooses the connector: a type that contradicts it is named, and never reaches a plugin.
    @Test(arguments: [
        (#""type": "ws", "url": "https://a/""#, #""ws""#), (#""type": "sse", "url": "wss://a/""#, #""sse""#),
        (#""type": "http", "url": "ws://a/""#, #""http""#),
        (#""type": "stdio", "url": "http://a/""#, #""stdio""#),
    ])
    func typesThatContradictTheURL(_ entry: String, _ word: String) throws {
        let configuration = try good(#"{"mcpServers": {"a": {\#(entry)}}}"#, file: "mcp.json")
        #expect(
            configuration.warnings.map { "\($0.position) \($0.message)" } == [
                "1:31 mcpServers.a.type: \(word) does not fit the URL and is ignored"
            ])
        #expect(configuration.servers[0].era == .auto)
        #expect(configuration.servers[0].options.entries.map(\.key) == ["url"])
    }

    @Test func namesAreMadeToFit() throws {
        let configuration = try good(
            """
            {"mcpServers": {"My Server": {"command": "x"}, "My/Server": {"command": "x"},
                            "github.com/a/b": {"command": "x"}, "é": {"command": "x"}}}
            """, file: "mcp.json")
        #expect(
            configuration.servers.map(\.name) == ["My-Server", "My-Server-2", "github.com-a-b", "server"])
        #expect(
            configuration.warnings.map(\.message)[1]
                == "the server \"My/Server\" is called \"My-Server-2\" here")
    }

    @Test(arguments: [
        ("${TOKEN}", "hunter two"), ("${env:TOKEN}", "hunter two"), ("${NOPE:-d}", "d"),
        ("${userHome}/x", "/home/ada/x"),
        ("a${/}b", "a/b"), ("a${pathSeparator}b", "a/b"), ("${workspaceFolder}", "/p"),
        ("${workspaceFolderBasename}", "p"), ("$TOKEN", "$TOKEN"), ("$${TOKEN}", "${TOKEN}"),
    ])
    func variables(_ written: String, _ expected: String) throws {
        let text = #"{"mcpServers": {"a": {"command": "x", "cwd": "\#(written)"}}}"#
        #expect(try good(text, file: "/p/.mcp.json").servers[0].options["cwd"]?.scalar?.text == expected)
    }

    @Test(arguments: [
        (#"{"mcpServers": {"a": {"command": "▲${NOPE}"}}}"#, "the environment variable NOPE is not set", nil),
        (
            #"{"mcpServers": {"a": {"command": "x ▲${input:api-key}"}}}"#, "asks the user of an editor",
            "${env:API_KEY}"
        ),
        (#"{"mcpServers": {"a": {"command": "▲${command:x.y}"}}}"#, "is no reference", nil),
        (#"{"mcpServers": {▲"a": {}}}"#, "mcpServers.a: say how to reach the server", nil),
        (#"{"mcpServers": {"a": ▲"npx"}}"#, "expected a mapping with \"command\" or \"url\"", nil),
        (#"{"mcpServers": ▲[]}"#, "expected a mapping from names to servers, found a list", nil),
        (#"{"mcpServers": {"a": {"url": ▲"a.example"}}}"#, "expected a URL", "https://a.example"),
    ])
    func errors(_ marked: String, _ message: String, _ suggestion: String?) throws {
        let bad = Bad(marked, message, suggestion)
        let parsed = parse(bad.marked.text, file: "mcp.json")
        #expect(parsed.configuration == nil)
        try #require(parsed.problems.count == 1, "\(parsed.problems)")
        #expect(parsed.problems[0].position == bad.marked.position)
        #expect(parsed.problems[0].message.contains(message), "\(parsed.problems)")
        #expect(parsed.problems[0].suggestion == suggestion)
    }

    @Test func aDisabledServerMayAskForInput() throws {
        let configuration = try good(
            #"{"mcpServers": {"a": {"command": "x", "disabled": true, "env": {"K": "${input:k}"}}}}"#,
            file: "mcp.json")
        #expect(!configuration.servers[0].enabled)
        #expect(configuration.warnings.count == 1)
    }

    @Test func bothWaysToReachAServer() throws {
        let text = #"{"mcpServers": {"a": {"command": "x", "url": "http://a/"%}}}"#
        let local = try good(text.split(separator: "%").joined(), file: "mcp.json")
        #expect(local.servers[0].optionsJSON == #"{"command":"x"}"#)
        let remote = try good(
            text.split(separator: "%").joined(separator: #", "type": "http""#), file: "mcp.json")
        #expect(remote.servers[0].optionsJSON == #"{"url":"http://a/"}"#)
        #expect(remote.warnings.count == 1)
    }
}
