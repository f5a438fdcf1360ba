// SPDX-License-Identifier: Apache-2.0
// The files of an audit log: appended to, closed at a size or an age, and the oldest removed in the end.

import CLinux
import Glibc
import JSON

/// One process's log. One thread.
final class AuditLog {
    let plan: AuditPlan
    let gateway: String
    private let signer: AuditSigner?
    /// Of the last record: its number, and its digest in hexadecimal digits.
    private(set) var sequence: UInt64 = 0
    private(set) var hash = AuditChain.origin
    private(set) var number = 0
    private var fd: Int32 = -1
    private var lock: Int32 = -1
    private var fileBytes = 0
    private var openedAt: UInt64 = 0
    /// Lines that are not in the file yet, and how many of their bytes are.
    private var pending: [UInt8] = []
    private var written = 0
    private var unsigned = 0
    private var signedAt: UInt64 = 0
    private var isUnsynced = false
    private var headSequence: UInt64 = 0

    /// Bytes that wait before they are written.
    static let batch = 256 << 10
    private static let lastBytes = 8 << 20

    /// Opens the log in the plan's directory, or begins one there.
    init(_ plan: AuditPlan, gateway: String, signer: AuditSigner?) throws(AuditProblem) {
        self.plan = plan
        self.gateway = gateway
        self.signer = signer
        if let failure = makeDirectories(plan.directory) { throw AuditProblem("cannot create \(failure)") }
        let place = plan.directory + "/" + AuditFiles.lock
        lock = open(place, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard lock >= 0 else { throw AuditProblem("cannot open \(place): \(errorText(jf_errno()))") }
        guard flock(lock, LOCK_EX | LOCK_NB) == 0 else {
            throw AuditProblem(
                "another gateway writes the audit log in \(plan.directory); give this one another audit.path")
        }
        signedAt = jf_monotonic_ns()
        try resume()
    }

    deinit {
        if fd >= 0 { Glibc.close(fd) }
        if lock >= 0 { Glibc.close(lock) }
    }

    var fileName: String { AuditFiles.name(number) }
    /// Bytes that wait for the disk.
    var waiting: Int { pending.count - written }

    /// All of it is on disk.
    var isAtRest: Bool { waiting == 0 && !isUnsynced }

    private func path(_ number: Int) -> String { plan.directory + "/" + AuditFiles.name(number) }

    // MARK: Beginning

    /// Goes on where the last process ended.
    private func resume() throws(AuditProblem) {
        guard let found = AuditFiles.found(plan.directory) else {
            throw AuditProblem("cannot read \(plan.directory): \(errorText(jf_errno()))")
        }
        guard let last = found.last else { return try begin(file: 1, after: nil) }
        let end: AuditEnd
        do { end = try AuditEnd(path(last)) } catch {
            throw AuditProblem("\(error.description); move the audit log away to begin a new one")
        }
        number = last
        guard let known = end.record else {
            // Nothing of it can be read as a record; a file with the one before may have its end.
            var before: AuditEnd?
            for number in found.dropLast().reversed() where before?.record == nil {
                before = try? AuditEnd(path(number))
            }
            (sequence, hash) = before?.record ?? (0, AuditChain.origin)
            return try begin(file: last + 1, after: (AuditFiles.name(last), end.torn))
        }
        (sequence, hash) = known
        guard end.torn.isEmpty else {
            return try begin(file: last + 1, after: (AuditFiles.name(last), end.torn))
        }
        try openFile(last)
        fileBytes = end.size
    }

    private func openFile(_ number: Int, isNew: Bool = false) throws(AuditProblem) {
        let flags = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | (isNew ? O_EXCL : 0)
        let new = open(path(number), flags, 0o600)
        guard new >= 0 else {
            throw AuditProblem("cannot open \(path(number)): \(errorText(jf_errno()))")
        }
        if fd >= 0 { Glibc.close(fd) }
        fd = new
        self.number = number
        fileBytes = 0
        openedAt = jf_realtime_ns()
    }

    /// Begins a file: its first record says what it follows.
    /// - Parameter after: the file before, and what stands at its end that is no record.
    private func begin(file number: Int, after: (name: String, torn: [UInt8])?) throws(AuditProblem) {
        try openFile(number, isNew: true)
        add("anchor") { writer in
            writer.key("file")
            writer.value(AuditFiles.name(number))
            if let after {
                writer.key("after")
                writer.value(after.name)
                if !after.torn.isEmpty {
                    writer.key("torn_bytes")
                    writer.value(after.torn.count)
                    writer.key("torn_sha256")
                    writer.value(after.torn.withUnsafeBytes { SHA256.digest(of: $0) }.hex)
                }
            }
            if let signer {
                writer.key("key")
                writer.value(signer.key.id)
            }
        }
    }

    // MARK: Records

    /// Adds a record. `body` writes members behind the kind.
    func add(_ kind: StaticString, time: UInt64 = jf_realtime_ns(), _ body: (inout JSONWriter) -> Void) {
        var taken: [UInt8] = []
        swap(&taken, &pending)
        let start = taken.count
        sequence += 1
        var writer = JSONWriter(appendingTo: taken)
        taken = []
        writer.beginObject()
        writer.key("seq")
        writer.value(sequence)
        writer.key("prev")
        hash.withUnsafeBytes { writer.string($0) }
        writer.key("time")
        AuditTime.write(time, to: &writer)
        writer.key("gateway")
        writer.value(gateway)
        writer.key("kind")
        writer.value(kind)
        body(&writer)
        hash = AuditChain.close(&writer, from: start)
        swap(&pending, &writer.bytes)
        unsigned += 1
    }

    /// Writes what waits. 0, or errno: then it waits on.
    func flush() -> Int32 {
        while written < pending.count {
            let count = pending.withUnsafeBytes { write(fd, $0.baseAddress! + written, $0.count - written) }
            if count > 0 {
                written += count
                fileBytes += count
                isUnsynced = true
            } else if count == 0 || jf_errno() != EINTR {
                return count == 0 ? ENOSPC : jf_errno()
            }
        }
        pending.removeAll(keepingCapacity: pending.capacity <= 4 * Self.batch)
        written = 0
        return 0
    }

    /// What was written is on disk for certain, and the head says how far that is. 0, or errno.
    func sync() -> Int32 {
        guard isUnsynced, waiting == 0 else { return 0 }
        if plan.sync != .never, fdatasync(fd) != 0 { return jf_errno() }
        isUnsynced = false
        writeHead()
        return 0
    }

    /// Signs if it is time for that.
    func checkpointIfDue(_ now: UInt64 = jf_monotonic_ns()) {
        guard signer != nil, unsigned > 0, isDue(now) else { return }
        checkpoint(now)
    }

    private func isDue(_ now: UInt64) -> Bool {
        plan.signEvery > 0 && unsigned >= plan.signEvery
            || plan.signInterval > 0 && now &- signedAt >= plan.signInterval
    }

    /// Adds a signed record: with the chain, its signature is one of everything before it.
    func checkpoint(_ now: UInt64 = jf_monotonic_ns()) {
        guard let signer, unsigned > 0 else { return }
        let covered = unsigned
        let start = pending.count
        add("checkpoint") { writer in
            writer.key("records")
            writer.value(covered)
            writer.key("key")
            writer.value(signer.key.id)
            sign(&writer, from: start, signer)
        }
        unsigned = 0
        signedAt = now
    }

    private func sign(_ writer: inout JSONWriter, from start: Int, _ signer: AuditSigner) {
        let signature = writer.bytes.withUnsafeBytes {
            signer.sign(UnsafeRawBufferPointer(rebasing: $0[start...]))
        }
        writer.bytes.append(contentsOf: AuditChain.signatureMember)
        writer.bytes.append(contentsOf: AuditChain.hexadecimal(signature ?? []))
        writer.bytes.append(UInt8(ascii: "\""))
    }

    /// How far the log reaches at least: what lacks behind that was taken away.
    private func writeHead() {
        guard headSequence != sequence else { return }
        var writer = JSONWriter()
        writer.beginObject()
        writer.key("file")
        writer.value(fileName)
        writer.key("seq")
        writer.value(sequence)
        writer.key("hash")
        hash.withUnsafeBytes { writer.string($0) }
        writer.key("time")
        AuditTime.write(jf_realtime_ns(), to: &writer)
        if let signer {
            writer.key("key")
            writer.value(signer.key.id)
            sign(&writer, from: 0, signer)
        }
        writer.endObject()
        writer.bytes.append(10)
        let place = plan.directory + "/" + AuditFiles.head
        let failure = writer.bytes.withUnsafeBytes {
            replaceFile(place, with: $0, mode: 0o600, durable: plan.sync == .batch)
        }
        if failure == nil { headSequence = sequence }
    }

    // MARK: Files

    /// Closes the file and begins the next where it is large or old enough. Throws where that cannot be done; the log goes
    /// on in the old file then.
    func rotateIfDue(_ now: UInt64 = jf_realtime_ns()) throws(AuditProblem) {
        guard waiting == 0, fileBytes > 0,
            fileBytes >= plan.rotateBytes || now > openedAt && now - openedAt >= plan.rotateAge
        else { return }
        checkpoint()
        guard flush() == 0, sync() == 0 else { return }
        let old = AuditFiles.name(number)
        try begin(file: number + 1, after: (old, []))
        _ = flush()
        retain(now)
    }

    /// Removes the oldest files beyond what is kept, after the log says so.
    func retain(_ now: UInt64 = jf_realtime_ns()) {
        guard let found = AuditFiles.found(plan.directory) else { return }
        let closed = found.filter { $0 != number }
        var gone = 0
        var sizes = closed.map { number -> (bytes: Int, changed: UInt64) in
            var status = stat()
            guard stat(path(number), &status) == 0 else { return (0, now) }
            return (Int(status.st_size), UInt64(status.st_mtim.tv_sec) * 1_000_000_000)
        }
        var total = sizes.reduce(0) { $0 + $1.bytes }
        while let oldest = sizes.first {
            let isOver =
                plan.keepFiles > 0 && sizes.count > plan.keepFiles
                || plan.keepBytes > 0 && total > plan.keepBytes
                || plan.keepAge > 0 && now > oldest.changed && now - oldest.changed > plan.keepAge
            guard isOver else { break }
            total -= oldest.bytes
            sizes.removeFirst()
            gone += 1
        }
        guard gone > 0 else { return }
        let removed = closed.prefix(gone)
        let first = closed.dropFirst(gone).first ?? number
        add("retention") { writer in
            writer.key("removed")
            writer.beginArray()
            for number in removed { writer.value(AuditFiles.name(number)) }
            writer.endArray()
            writer.key("first")
            writer.value(AuditFiles.name(first))
        }
        // Else a file would be missing that no record speaks of.
        guard flush() == 0, sync() == 0 else { return }
        for number in removed { unlink(path(number)) }
    }
}

/// The end of a file: its last record, and what stands behind it.
struct AuditEnd {
    var record: (sequence: UInt64, hash: [UInt8])?
    var torn: [UInt8] = []
    var size = 0

    private static let most = 8 << 20

    init(_ path: String) throws(AuditProblem) {
        let fd = open(path, O_RDONLY | O_CLOEXEC)
        guard fd >= 0 else { throw AuditProblem("cannot read \(path): \(errorText(jf_errno()))") }
        defer { close(fd) }
        var status = stat()
        guard fstat(fd, &status) == 0 else { throw AuditProblem("cannot read \(path)") }
        size = Int(status.st_size)
        let start = max(0, size - Self.most)
        var bytes = [UInt8](repeating: 0, count: size - start)
        var count = 0
        while count < bytes.count {
            let part = bytes.withUnsafeMutableBytes {
                pread(fd, $0.baseAddress! + count, $0.count - count, off_t(start + count))
            }
            guard part > 0 else { throw AuditProblem("cannot read \(path): \(errorText(jf_errno()))") }
            count += part
        }
        let lineEnd = bytes.lastIndex(of: 10)
        torn = Array(bytes[((lineEnd ?? -1) + 1)...])
        guard let lineEnd else { return }
        let lineStart = bytes[..<lineEnd].lastIndex(of: 10).map { $0 + 1 } ?? 0
        bytes[lineStart..<lineEnd].withUnsafeBytes { line in
            guard let (_, hash) = AuditChain.split(line),
                let sequence = (try? JSONValue(parsing: line))?["seq"]?.int
            else { return }
            record = (UInt64(sequence), hash)
        }
    }
}
