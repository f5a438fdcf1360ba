// SPDX-License-Identifier: Apache-2.0
// The audit log's chain: what is written checks out, and nothing that was worked on does.

import CLinux
import Glibc
import JSON
import Testing

@testable import JackfieldCore

/// A log in a directory of its own.
private final class Site {
    let directory: String
    var plan = AuditPlan()

    init() {
        var template = Array("/tmp/jf-audit-XXXXXX".utf8CString)
        directory = mkdtemp(&template).map { String(cString: $0) } ?? ""
        plan.directory = directory
        plan.isSigned = false
    }

    deinit { removeTree(directory) }

    func log() throws -> AuditLog { try AuditLog(plan, gateway: "here", signer: nil) }

    /// A log with so many records after the anchor, on disk.
    func write(_ count: Int) throws {
        let log = try log()
        for number in 0..<count {
            log.add("call", time: 1_763_800_000_000_000_000 + UInt64(number)) { writer in
                writer.key("tool")
                writer.value("t\(number)")
            }
            #expect(log.flush() == 0)
            try log.rotateIfDue()
        }
        #expect(log.flush() == 0 && log.sync() == 0)
    }

    var files: [String] { (AuditFiles.found(directory) ?? []).map { directory + "/" + AuditFiles.name($0) } }

    func bytes(_ file: String) -> [UInt8] { readFile(file, limit: 1 << 24) ?? [] }

    func put(_ bytes: [UInt8], _ file: String) {
        #expect(bytes.withUnsafeBytes { replaceFile(file, with: $0, mode: 0o600, durable: false) } == nil)
    }

    func check() throws -> AuditVerification { try AuditVerification([directory], judge: nil) }
}

@Suite("audit log") struct AuditLogTests {
    @Test("what was written checks out, in one file and in several, after a restart too")
    func whole() throws {
        let site = Site()
        try site.write(5)
        var checked = try site.check()
        #expect(checked.findings == [] && checked.records == 6 && checked.first == 1 && checked.last == 6)
        site.plan.rotateBytes = 400
        try site.write(5)
        checked = try site.check()
        #expect(checked.findings == [] && checked.files > 2)
        #expect(checked.last == checked.records)
    }

    @Test("every bit of every byte counts")
    func flips() throws {
        let site = Site()
        site.plan.rotateBytes = 600
        try site.write(3)
        #expect(site.files.count >= 2)
        for file in site.files {
            let whole = site.bytes(file)
            for at in whole.indices {
                for bit: UInt8 in [0x01, 0x20, 0x80] {
                    var changed = whole
                    changed[at] ^= bit
                    site.put(changed, file)
                    #expect(try !site.check().isGood, "byte \(at), bit \(bit)")
                }
            }
            site.put(whole, file)
        }
        #expect(try site.check().isGood)
    }

    @Test("every cut counts, at every byte")
    func cuts() throws {
        let site = Site()
        try site.write(3)
        let file = site.files[0]
        let whole = site.bytes(file)
        for count in 0..<whole.count {
            site.put(Array(whole[..<count]), file)
            #expect(try !site.check().isGood, "\(count) bytes")
        }
    }

    @Test("every line that is taken away, doubled or moved counts")
    func lines() throws {
        let site = Site()
        try site.write(5)
        let file = site.files[0]
        let lines = site.bytes(file).split(separator: 10).map { Array($0) + [10] }
        for at in lines.indices {
            var without = lines
            without.remove(at: at)
            site.put(without.flatMap { $0 }, file)
            #expect(try !site.check().isGood, "without \(at)")
            var doubled = lines
            doubled.insert(lines[at], at: at)
            site.put(doubled.flatMap { $0 }, file)
            #expect(try !site.check().isGood, "with \(at) twice")
            guard at > 0 else { continue }
            var swapped = lines
            swapped.swapAt(at, at - 1)
            site.put(swapped.flatMap { $0 }, file)
            #expect(try !site.check().isGood, "\(at) before its time")
        }
    }

    @Test("a torn line is evidence: the next file says so")
    func torn() throws {
        let site = Site()
        try site.write(2)
        site.put(site.bytes(site.files[0]) + Array("{\"seq\":4,".utf8), site.files[0])
        #expect(try site.check().findings.map(\.isNote) == [false])
        try site.write(1)
        let checked = try site.check()
        #expect(checked.isGood && checked.files == 2 && checked.findings.map(\.isNote) == [true])
        // Another torn line is not the one that the anchor speaks of.
        site.put(Array(site.bytes(site.files[0]).dropLast()), site.files[0])
        #expect(try !site.check().isGood)
    }

    @Test("retention speaks of what it removes")
    func retention() throws {
        let site = Site()
        site.plan.rotateBytes = 500
        site.plan.keepFiles = 2
        try site.write(20)
        #expect(site.files.count == 3)
        #expect(try site.check().findings == [])
        unlink(site.files[0])
        #expect(try site.check().findings.first?.text.contains("missing") == true)
    }

    @Test("two writers cannot share a log")
    func lock() throws {
        let site = Site()
        let first = try site.log()
        #expect(throws: AuditProblem.self) { try site.log() }
        withExtendedLifetime(first) {}
    }

    @Test("times are those of the calendar")
    func times() {
        for (text, seconds) in [
            ("1970-01-01T00:00:00.000000Z", 0), ("2000-02-29T12:34:56.000000Z", 951_827_696),
            ("2026-11-22T00:00:00.000000Z", 1_795_305_600), ("2100-03-01T00:00:00.000000Z", 4_107_542_400),
        ] {
            #expect(AuditTime.text(UInt64(seconds) * 1_000_000_000) == text)
            #expect(nanoseconds(ofTime: text) == UInt64(seconds) * 1_000_000_000)
        }
        #expect(nanoseconds(ofTime: "2026-11-22T10:00:00.25Z").map { $0 % 1_000_000_000 } == 250_000_000)
        for wrong in [
            "", "2026-11-22", "2026-13-22T10:00:00Z", "2026-11-22T25:00:00Z", "2026-11-22T10:00:00",
        ] {
            #expect(nanoseconds(ofTime: wrong) == nil)
        }
    }

    @Test("records keep what they were given")
    func records() {
        var draft = AuditDraft()
        draft.begin(.denial, time: 7)
        draft.add(.tool, "search")
        draft.add(.text, String(repeating: "x", count: 1000))
        draft.head.latency = 9
        draft.end()
        draft.bytes.withUnsafeBytes { bytes in
            let reading = AuditReading(bytes)
            #expect(reading.head.kind == AuditKind.denial.rawValue && reading.head.time == 7)
            #expect(reading.head.latency == 9 && Int(reading.head.length) == bytes.count)
            #expect(reading.string(.tool) == "search" && reading.string(.text).count == 512)
            #expect(reading[.rule] == nil)
        }
    }

    @Test("secrets do not show")
    func redaction() throws {
        var plan = AuditPlan()
        plan.arguments = .full
        plan.redact = ["pin", "/a/0/b~1c", "/n"]
        let text = #"{"PIN":1,"a":[{"b/c":2,"d":3}],"n":{"x":1},"x":{"n":4,"Token":"t"}}"#
        let shown = try AuditArguments(plan).redacted(
            JSONValue(parsing: text), [], [["a", "0", "b/c"], ["n"]])
        #expect(
            "\(shown)"
                == #"{"PIN":"[redacted]","a":[{"b/c":"[redacted]","d":3}],"n":"[redacted]","x":{"n":4,"Token":"[redacted]"}}"#
        )
    }

    @Test("keys are read as OpenSSL writes them")
    func keys() throws {
        let pem = """
            -----BEGIN PUBLIC KEY-----
            MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=
            -----END PUBLIC KEY-----

            """
        let key = try #require(AuditKey(pem: Array(pem.utf8)))
        #expect(key.bytes.count == 32 && key.bytes.first == 0x19 && key.bytes.last == 0xe1)
        #expect(AuditKey.pem("PUBLIC KEY", AuditKey.publicPrefix + key.bytes) == Array(pem.utf8))
        #expect(
            AuditKey(pem: Array("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----".utf8)) == nil)
    }
}
