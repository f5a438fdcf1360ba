// SPDX-License-Identifier: Apache-2.0
// The operator's rules: allow-list, deny-list, pins, libraries.

import Testing

@testable import JackfieldCore

extension PluginHostTests {
    @Suite("Policy") struct PolicyTests {
        private let workshop: PluginWorkshop
        private let path: String
        private let digest: String

        init() throws {
            workshop = try PluginWorkshop()
            path = try workshop.build("good")
            digest = try workshop.read(path).withUnsafeBytes { SHA256.digest(of: $0).hex }
        }

        private func message(_ change: (inout PluginPolicy) -> Void) -> String? {
            var policy = PluginPolicy()
            change(&policy)
            let report = workshop.loader(policy: policy, cell: nil).inspect(path)
            #expect(report.refusal == nil || report.refusal?.stage == .policy)
            return report.refusal?.message
        }

        @Test("allow-list and deny-list take ids, file names and paths")
        func lists() {
            for name in ["good", "good.so", path, workshop.plugins + "/../plugins/good.so"] {
                #expect(message { $0.allow = [name] } == nil)
                #expect(message { $0.deny = [name] } == "the configuration denies it")
            }
            #expect(message { $0.allow = ["other"] } == "it is not on the allow-list")
            #expect(message { $0.allow = [] } == "it is not on the allow-list")
            #expect(
                message { $0.deny = [String(digest.prefix(12))] }
                    == "the configuration denies its digest \(digest)")
        }

        @Test("a pin is the whole digest or its beginning", arguments: ["good", "good.so"])
        func pins(_ name: String) {
            #expect(message { $0.pins = [name: digest] } == nil)
            #expect(message { $0.pins = [name: digest.uppercased()] } == nil)
            #expect(message { $0.pins = [name: String(digest.prefix(12)) + "…"] } == nil)
            let other = String(digest.reversed())
            #expect(
                message { $0.pins = [name: other] }
                    == "its SHA-256 is \(digest), but it is pinned to \(other)")
            for malformed in [String(digest.prefix(11)), digest + "0", "sha256:" + digest, "…"] {
                #expect(
                    message { $0.pins = [name: malformed] }
                        == "its sha256 pin '\(malformed)' is not 64 hexadecimal digits, or the first 12 or "
                        + "more of them"
                )
            }
        }

        @Test("pins can be required")
        func required() {
            #expect(message { $0.requiresPins = true } == "it has no sha256 pin, and pins are required")
            #expect(
                message {
                    $0.requiresPins = true
                    $0.pins = ["good": digest]
                } == nil)
        }

        @Test("needed libraries can be restricted")
        func libraries() {
            #expect(message { $0.libraries = ["libc.so.6"] } == nil)
            #expect(
                message { $0.libraries = ["libm.so.6"] }
                    == "it needs libc.so.6, which the configuration does not allow")
        }

        @Test("a refused plugin is not copied")
        func noCopy() throws {
            _ = message { $0.pins = ["good": String(repeating: "0", count: 64)] }
            #expect(directoryEntries("\(workshop.state)/plugins/\(digest)") == nil)
        }

        @Test("the search path is configured, then the program's, then the system's, each once")
        func searchPath() {
            let path = PluginSearchPath.standard(configured: ["/a", "/usr/lib/jackfield/plugins", "/a"])
            #expect(path.first == "/a")
            #expect(path.count { $0 == "/a" } == 1)
            #expect(path.count { $0 == "/usr/lib/jackfield/plugins" } == 1)
            #expect(path.last == "/usr/local/lib/jackfield/plugins")
        }
    }
}
