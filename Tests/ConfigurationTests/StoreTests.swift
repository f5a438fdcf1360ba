// SPDX-License-Identifier: Apache-2.0
// The block `store`: what it means, what is wrong in it, what a reload makes of it.

import Testing

@testable import Configuration

@Suite struct StoreTests {
    private func store(_ block: String) throws -> Configuration.Store? {
        try good("version: 1\nstore: \(block)\n").store
    }

    @Test func nothingIsConfiguredByItself() throws {
        #expect(try good("version: 1\n").store == nil)
    }

    @Test func whatTheBlockSays() throws {
        let plain = try #require(try store("{ kind: memory }"))
        #expect(plain.kind == "memory" && plain.timeout == 2_000_000_000 && plain.operations == 4096)
        #expect(plain.sessions == nil)
        #expect(try store("{ kind: redis, sessions: false }")?.sessions == false)
        #expect(try store("{ kind: memory, sessions: false }")?.sessions == false)
        #expect(plain.probe == 5_000_000_000 && !plain.required && plain.optionsJSON == "{}")
        let full = try #require(
            try store(
                """
                { kind: redis, address: "h:1", password: "${env:TOKEN}", timeout: 250ms, operations: 7, probe: 1s,
                  required: true, connect_timeout: 3s }
                """))
        #expect(
            full.timeout == 250_000_000 && full.operations == 7 && full.probe == 1_000_000_000
                && full.required)
        #expect(
            full.optionsJSON == #"{"address":"h:1","password":"hunter two","connect_timeout_ms":3000}"#)
    }

    @Test func secretsAreNotShown() throws {
        let text = try good("version: 1\nstore: { kind: redis, password: \"${env:TOKEN}\" }\n").description
        #expect(text.contains("store: { kind: \"redis\"") && !text.contains("hunter"))
    }

    @Test(
        "what is wrong is said",
        arguments: [
            ("redis", "store"), ("{ kind: [a] }", "store.kind"), ("{ kind: \"a b\" }", "store.kind"),
            ("{ address: x }", "\"kind\" is missing"), ("{ kind: memory, timeout: 0s }", "store.timeout"),
            ("{ kind: memory, operations: 0 }", "store.operations"),
            ("{ kind: memory, required: maybe }", "store.required"),
            ("{ kind: memory, probe: x }", "store.probe"),
            ("{ kind: memory, sessions: true }", "ends with the gateway"),
            ("{ kind: redis, sessions: maybe }", "store.sessions"),
        ])
    func wrong(_ block: String, _ part: String) {
        let problems = parse("version: 1\nstore: \(block)\n").problems
        #expect(problems.contains { $0.message.contains(part) }, "\(problems)")
    }

    @Test func aReloadCannotChangeIt() throws {
        let old = try good("version: 1\nstore: { kind: memory }\n")
        let same = try good("version: 1\n\n\nstore: { kind: memory }\n")
        #expect(!Configuration.diff(old, same).storeChanged)
        for text in [
            "version: 1\n", "version: 1\nstore: { kind: memory, timeout: 1s }\n",
            "version: 1\nstore: { kind: memory, sessions: false }\n",
        ] {
            let diff = Configuration.diff(old, try good(text))
            #expect(diff.storeChanged && diff.needRestart == ["store"])
        }
    }
}
