// SPDX-License-Identifier: Apache-2.0
// Reading files from disk, and what a reload has to do.

import Configuration
import Glibc
import Testing

@Suite struct ReloadTests {
    private let base = """
        version: 1
        runtime: { loops: 2 }
        listeners:
          - { transport: http, address: "127.0.0.1:1" }
          - { transport: http, address: "127.0.0.1:2" }
        servers:
          a: { url: http://a/, headers: { x: 1, y: 2 } }
          b: { command: b }
          c: { command: c }
        bundles: { one: { servers: [a] } }
        plugins: [ { id: p, config: { k: 1 } } ]
        """

    @Test func nothingChanged() throws {
        let old = try good(base)
        let moved = try good(
            """
            # moved and rewritten
            version: 1
            plugins: [ { id: p, config: { k: 1 } } ]
            bundles: { one: { servers: ['a'] } }
            servers:
              a: { headers: { y: 2, x: 1 }, url: "http://a/" }
              b: { command: b }
              c: { command: c }
            listeners:
              - { address: "127.0.0.1:1", transport: http }
              - { transport: http, address: "127.0.0.1:2" }
            runtime: { loops: 2 }
            """)
        let diff = Configuration.diff(old, moved)
        #expect(diff.isEmpty)
        #expect(diff.servers.unchanged == ["a", "b", "c"])
        #expect(diff.listenersUnchanged.count == 2)
    }

    @Test func everythingChanged() throws {
        let new = try good(
            """
            version: 1
            runtime: { loops: 3, drain_timeout: 5s, state_dir: /s, plugin_dirs: [/p], slow_action: log }
            naming: { separator: "-" }
            limits: { calls: 5 }
            tasks: { promote_after: 10s }
            log: { level: debug }
            listeners:
              - { transport: http, address: "127.0.0.1:2" }
              - { transport: http, address: "127.0.0.1:3" }
            servers:
              d: { command: d }
              a: { url: http://a/, headers: { x: 1, y: 3 } }
              b: { command: b, timeout: 5s }
            bundles: { one: { servers: [b] }, two: { servers: [b] } }
            plugins: [ { id: p, config: { k: 2 } }, { file: /q.so } ]
            """)
        let diff = Configuration.diff(try good(base), new)
        #expect(!diff.isEmpty)
        #expect(diff.servers == .init(added: ["d"], removed: ["c"], changed: ["a", "b"], unchanged: []))
        #expect(diff.serversKeepingConnections == ["b"])
        #expect(diff.bundles == .init(added: ["two"], removed: [], changed: ["one"], unchanged: []))
        #expect(diff.plugins == .init(added: ["/q.so"], removed: [], changed: ["p"], unchanged: []))
        #expect(diff.listenersAdded.map(\.optionsJSON) == [#"{"address":"127.0.0.1:3"}"#])
        #expect(diff.listenersRemoved.map(\.optionsJSON) == [#"{"address":"127.0.0.1:1"}"#])
        #expect(diff.listenersUnchanged.count == 1)
        #expect(diff.namingChanged && diff.limitsChanged && diff.logChanged && diff.runtimeChanged)
        #expect(diff.tasksChanged)
        #expect(
            diff.needRestart == [
                "runtime.loops", "runtime.state_dir", "runtime.plugin_dirs", "runtime.slow_action",
            ])
    }

    @Test func cacheFieldsKeepConnections() throws {
        let old = try good("version: 1\nservers: { a: { url: 'http://a/' }, b: { url: 'http://b/' } }")
        let new = try good(
            "version: 1\nservers: { a: { url: 'http://a/', cache_ttl: 5s },\n"
                + "                        b: { url: 'http://b/', cache_scope: public } }")
        let diff = Configuration.diff(old, new)
        #expect(diff.servers.changed == ["a", "b"])
        #expect(diff.serversKeepingConnections == ["a", "b"])
        #expect(!diff.tasksChanged && !diff.limitsChanged)
    }

    @Test func aRotatedSecretIsAChange() throws {
        let text = "version: 1\nservers: { a: { url: 'http://a/', headers: { A: '${env:T}' } } }"
        func configuration(_ token: String) throws -> Configuration {
            var environment = testEnvironment
            environment.variable = { _ in token }
            return try Configuration(parsing: text, file: "a.yaml", environment: environment)
        }
        let diff = Configuration.diff(try configuration("one"), try configuration("two"))
        #expect(diff.servers.changed == ["a"])
        #expect(diff.serversKeepingConnections.isEmpty)
        #expect(Configuration.diff(try configuration("one"), try configuration("one")).isEmpty)
    }

    @Test func filesFromDisk() throws {
        var template = Array("/tmp/jackfield-configuration-XXXXXX".utf8CString)
        try #require(mkdtemp(&template) != nil)
        let folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        func write(_ text: String, to name: String) throws {
            let descriptor = open(folder + "/" + name, O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
            try #require(descriptor >= 0)
            defer { close(descriptor) }
            try #require(Glibc.write(descriptor, text, text.utf8.count) == text.utf8.count)
        }
        defer {
            for name in ["gateway.yaml", "token", "pipe"] { unlink(folder + "/" + name) }
            rmdir(folder)
        }
        try write("from disk\n", to: "token")
        try write(
            "version: 1\nservers: { a: { command: '${file:token}', b: '${env:PATH}' } }", to: "gateway.yaml")
        let configuration = try #require(Configuration.load(path: folder + "/gateway.yaml").configuration)
        #expect(configuration.servers[0].options["command"]?.scalar?.text == "from disk")
        #expect(
            configuration.servers[0].options["b"]?.scalar?.text == getenv("PATH").map { String(cString: $0) })

        #expect(
            Configuration.load(path: folder + "/nope.yaml").problems.map(\.description) == [
                "\(folder)/nope.yaml: error: can't read the file: No such file or directory"
            ])
        #expect(
            Configuration.load(path: folder).problems.first?.message
                == "can't read the file: it is a directory")
        // A pipe without a writer would block the one who opens it.
        try #require(mkfifo(folder + "/pipe", 0o600) == 0)
        let pipe = Configuration.load(path: folder + "/pipe").problems
        #expect(pipe.first?.message == "can't read the file: it is not a regular file")
        #expect(Configuration.load(path: "/dev/zero").configuration == nil)
        #expect(Configuration.load(path: "a\0b").configuration == nil)
    }
}
