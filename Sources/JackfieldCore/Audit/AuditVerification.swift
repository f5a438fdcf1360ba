// SPDX-License-Identifier: Apache-2.0
// Whether an audit log is what was written: each line, the chain through all files, signatures, and its end.

import CLinux
import Glibc
import JSON

/// Something wrong with an audit log, or worth knowing.
public struct AuditFinding: Sendable, Equatable {
    public let file: String
    /// From 1; 0: of the whole file.
    public let line: Int
    public let text: String
    /// Nothing is wrong.
    public let isNote: Bool
}

/// The check of one log.
public struct AuditVerification {
    public private(set) var findings: [AuditFinding] = []
    public private(set) var files = 0
    public private(set) var records = 0
    public private(set) var checkpoints = 0
    public private(set) var signatures = 0
    /// Records that the log itself says are lacking.
    public private(set) var lost = 0
    public private(set) var first: Int?
    public private(set) var last: Int?

    public var isGood: Bool { !findings.contains { !$0.isNote } }

    /// Nil: fits; else why a signature does not.
    public typealias Judge = (_ message: UnsafeRawBufferPointer, _ signature: [UInt8]) -> String?

    private static let mostFindings = 1000
    private let judge: Judge?
    private let keyId: String?
    private let isWhole: Bool
    private var file = ""
    private var line = 0
    private var hash: [UInt8]?
    private var torn: [UInt8] = []
    private var tornFile = ""
    private var retained: (first: String, file: String, line: Int)?
    private var head: (sequence: Int, hash: [UInt8])?
    private var headSeen: [UInt8]?

    /// Checks a directory, or files of one log in their order.
    /// - Parameters:
    ///   - judge: checks signatures; nil: they are not.
    ///   - key: the id of the judge's key.
    public init(_ paths: [String], key: String? = nil, judge: Judge?) throws(AuditProblem) {
        self.judge = judge
        keyId = key
        var status = stat()
        guard let only = paths.first else { throw AuditProblem("there is nothing to check") }
        if paths.count == 1, stat(only, &status) == 0, status.st_mode & S_IFMT == S_IFDIR {
            isWhole = true
            guard let found = AuditFiles.found(only) else {
                throw AuditProblem("cannot read \(only): \(errorText(jf_errno()))")
            }
            guard !found.isEmpty else { throw AuditProblem("there is no audit log in \(only)") }
            readHead(only)
            var before: Int?
            for number in found {
                if let before, number != before + 1 {
                    for missing in (before + 1)..<number {
                        file = only + "/" + AuditFiles.name(missing)
                        line = 0
                        complain("the file is missing")
                    }
                }
                before = number
                try check(only + "/" + AuditFiles.name(number))
            }
            checkBeginning(only, found[0])
            checkEnd(only)
        } else {
            isWhole = false
            for path in paths { try check(path) }
        }
        if !torn.isEmpty {
            file = tornFile
            complain(
                "torn: the last line has no end (\(torn.count) bytes), as when the gateway is killed while it writes"
            )
        }
    }

    private mutating func complain(_ text: String, isNote: Bool = false) {
        guard findings.count < Self.mostFindings else { return }
        findings.append(AuditFinding(file: file, line: line, text: text, isNote: isNote))
    }

    // MARK: Files

    private mutating func check(_ path: String) throws(AuditProblem) {
        let fd = open(path, O_RDONLY | O_CLOEXEC)
        guard fd >= 0 else { throw AuditProblem("cannot read \(path): \(errorText(jf_errno()))") }
        defer { close(fd) }
        file = path
        line = 0
        files += 1
        var rest: [UInt8] = []
        var part = [UInt8](repeating: 0, count: 1 << 20)
        while true {
            let count = read(fd, &part, part.count)
            guard count >= 0 else { throw AuditProblem("cannot read \(path): \(errorText(jf_errno()))") }
            if count == 0 { break }
            var start = 0
            while let end = part[start..<count].firstIndex(of: 10) {
                rest.append(contentsOf: part[start..<end])
                line += 1
                rest.withUnsafeBytes { check(line: $0) }
                rest.removeAll(keepingCapacity: true)
                start = end + 1
            }
            rest.append(contentsOf: part[start..<count])
        }
        if !rest.isEmpty {
            line += 1
            torn = rest
            tornFile = path
        } else if line == 0 {
            complain("the file is empty")
        }
    }

    /// One line without its end.
    private mutating func check(line bytes: UnsafeRawBufferPointer) {
        records += 1
        guard let (body, said) = AuditChain.split(bytes), let record = try? JSONValue(parsing: bytes),
            let sequence = record["seq"]?.int, let prev = record["prev"]?.string,
            let kind = record["kind"]?.string
        else {
            complain("changed: this is no record of an audit log")
            hash = nil
            return
        }
        let actual = AuditChain.hexadecimal(SHA256.digest(of: body))
        if actual != said { complain("changed: the record \(sequence) is not the one that was written") }
        checkPlace(sequence, Array(prev.utf8), kind, record)
        if first == nil { first = sequence }
        last = sequence
        // Once is enough: a record that was changed is not reported again by the one that follows.
        hash = said
        if let head, head.sequence == sequence { headSeen = said }
        switch kind {
        case "checkpoint":
            checkpoints += 1
            checkSignature(body, record, "checkpoint \(sequence)")
        case "retention":
            if let first = record["first"]?.string { retained = (first, file, line) }
        case "lost": lost += record["records"]?.int ?? 0
        default: break
        }
    }

    /// Whether a record follows the one before.
    private mutating func checkPlace(_ sequence: Int, _ prev: [UInt8], _ kind: String, _ record: JSONValue) {
        if line == 1, kind != "anchor" {
            complain("the file does not begin with its anchor: lines were removed")
        }
        if line == 1, let name = record["file"]?.string, !file.hasSuffix(name) {
            complain("renamed: this file was written as \(name)")
        }
        if !torn.isEmpty {
            let digest = torn.withUnsafeBytes { SHA256.digest(of: $0) }.hex
            if kind == "anchor", record["torn_sha256"]?.string == digest {
                complain(
                    "the file before ends with a torn line of \(torn.count) bytes: the gateway was killed while it wrote",
                    isNote: true)
                torn = []
            }
        }
        guard let last else {
            if sequence == 1, prev != AuditChain.origin {
                complain("changed: the first record follows another")
            }
            return
        }
        if sequence <= last {
            complain("reordered or repeated: record \(sequence) comes after record \(last)")
        } else if sequence > last + 1 {
            let count = sequence - last - 1
            complain(
                "removed: \(count == 1 ? "the record" : "\(count) records") between \(last) and \(sequence)")
        } else if let hash, hash != prev {
            complain("inserted or changed: record \(sequence) does not follow the record before it")
        }
    }

    // MARK: Signatures

    private mutating func checkSignature(_ body: UnsafeRawBufferPointer, _ record: JSONValue, _ what: String)
    {
        guard let judge else { return }
        guard let (message, signature) = AuditChain.splitSigned(body) else {
            return complain("changed: \(what) has no signature")
        }
        if let keyId, record["key"]?.string != keyId {
            return complain("\(what) is signed by key \(record["key"]?.string ?? "?"), not by \(keyId)")
        }
        signatures += 1
        if let why = judge(message, signature) { complain("forged: the signature of \(what): \(why)") }
    }

    private mutating func readHead(_ directory: String) {
        file = directory + "/" + AuditFiles.head
        guard var bytes = readFile(file, limit: 64 << 10) else {
            return complain("the file is missing or cannot be read: how far the log reached is not known")
        }
        if bytes.last == 10 { bytes.removeLast() }
        bytes.withUnsafeBytes { bytes in
            guard let value = try? JSONValue(parsing: bytes), let sequence = value["seq"]?.int,
                let hash = value["hash"]?.string, bytes.last == UInt8(ascii: "}")
            else { return complain("changed: it does not say how far the log reaches") }
            head = (sequence, Array(hash.utf8))
            guard value["key"] != nil || judge != nil else { return }
            checkSignature(UnsafeRawBufferPointer(rebasing: bytes.dropLast()), value, "the head")
        }
    }

    // MARK: Both ends

    /// Files go by retention only, which says so.
    private mutating func checkBeginning(_ directory: String, _ oldest: Int) {
        file = directory + "/" + AuditFiles.name(oldest)
        line = 0
        let allowed = retained.flatMap { AuditFiles.number($0.first) } ?? 1
        if oldest > allowed {
            file = directory + "/" + AuditFiles.name(oldest - 1)
            complain(
                "the file is missing"
                    + (allowed + 1 < oldest ? ", and those before it from \(AuditFiles.name(allowed))" : "")
                    + ": no record of retention speaks of it")
        }
    }

    /// The log reaches as far as it did.
    private mutating func checkEnd(_ directory: String) {
        guard let head, let last else { return }
        let place = (file, line)
        defer { (file, line) = place }
        file = directory + "/" + AuditFiles.head
        line = 0
        if last < head.sequence {
            complain("truncated: the log ends with record \(last), and reached \(head.sequence)")
        } else if let headSeen, headSeen != head.hash {
            complain("changed: record \(head.sequence) is another one than when the log reached it")
        }
    }
}
