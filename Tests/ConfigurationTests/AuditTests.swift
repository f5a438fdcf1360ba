// SPDX-License-Identifier: Apache-2.0
// The block `audit`, and what a configuration asks of those who change it.

import Testing

@testable import Configuration

@Suite("audit") struct AuditTests {
    private func read(_ block: String) throws -> Configuration {
        try Configuration(parsing: "version: 1\n\(block)\n", file: "/etc/c.yaml")
    }

    @Test("a word switches it on, nothing switches it off")
    func words() throws {
        #expect(try read("audit: true").audit == Configuration.Audit())
        #expect(try read("audit: {}").audit == Configuration.Audit())
        #expect(try read("audit: false").audit == nil)
        #expect(try read("servers: {}").audit == nil)
    }

    @Test("every key is read, and shown as it is read")
    func keys() throws {
        let text = """
            audit:
              { path: log, arguments: full, redact: [pin, /card/number], on_full: block, sync: batch,
                sync_interval: 5s, rotate_bytes: 1MiB, rotate_age: 1h, keep_files: 7, keep_bytes: 1GiB,
                keep_age: 720h, sign: false, sign_every: 9, sign_interval: 3s, buffer: 64KiB, calls: false,
                lists: true, denials: false, changes: false }
            runtime:
              { state_dir: /s, config_approval: two-person, config_versions: 7,
                control: { operators: [ann, "group:ops"], approvers: ["1000"], viewers: [] } }
            """
        let configuration = try read(text)
        let audit = try #require(configuration.audit)
        #expect(
            audit.path == "/etc/log" && audit.arguments == .full && audit.redact == ["pin", "/card/number"])
        #expect(audit.onFull == .block && audit.sync == .batch && audit.syncInterval == 5_000_000_000)
        #expect(audit.rotateBytes == 1 << 20 && audit.rotateAge == 3_600_000_000_000)
        #expect(audit.keepFiles == 7 && audit.keepBytes == 1 << 30 && audit.keepAge == 2_592_000_000_000_000)
        #expect(!audit.sign && audit.signEvery == 9 && audit.signInterval == 3_000_000_000)
        #expect(audit.buffer == 64 << 10 && !audit.calls && audit.lists && !audit.denials && !audit.changes)
        #expect(
            configuration.runtime.configApproval == .twoPerson && configuration.runtime.configVersions == 7)
        let control = configuration.runtime.control
        #expect(control.operators == ["ann", "group:ops"] && control.approvers == ["1000"])
        #expect(control.viewers.isEmpty)
        let again = try Configuration(
            parsing: configuration.description, file: "/etc/c.yaml")
        #expect(again.audit == audit && again.runtime == configuration.runtime)
        let diff = Configuration.diff(try read("audit: true"), configuration)
        #expect(diff.auditChanged && diff.needRestart.contains("audit"))
    }

    @Test(
        "what is wrong is found",
        arguments: [
            "audit: yes please", "audit: { arguments: some }", "audit: { buffer: 1 }",
            "audit: { rotate_age: 0s }",
            "audit: { keep_files: -1 }", "audit: { redact: pin: 1 }", "audit: { signed: true }",
            "runtime: { config_approval: three-person }", "runtime: { config_versions: 1 }",
            "runtime: { control: [ann] }", "runtime: { control: { operators: ann } }",
            "runtime: { control: { viewers: ['group:'] } }", "runtime: { control: { approvers: [''] } }",
            "runtime: { control: { admins: [ann] } }",
        ])
    func wrong(_ block: String) {
        #expect(throws: ConfigurationError.self) { try read(block) }
    }
}
