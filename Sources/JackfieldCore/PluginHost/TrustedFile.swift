// SPDX-License-Identifier: Apache-2.0
// Opening a plugin's file so that nobody else can have put it there, and knowing it again later.

import CLinux
import Glibc

/// What tells one state of a file from another without reading it. Whoever can write the file can change its
/// bytes and reset `modified`, but not `changed`, which only the kernel sets.
struct FileIdentity: Hashable, Sendable {
    let device: UInt64
    let inode: UInt64
    let size: UInt64
    /// Nanoseconds since 1970.
    let modified: Int64
    let changed: Int64

    init(_ status: stat) {
        device = UInt64(status.st_dev)
        inode = UInt64(status.st_ino)
        size = UInt64(max(0, status.st_size))
        modified = Int64(status.st_mtim.tv_sec) &* 1_000_000_000 &+ Int64(status.st_mtim.tv_nsec)
        changed = Int64(status.st_ctim.tv_sec) &* 1_000_000_000 &+ Int64(status.st_ctim.tv_nsec)
    }

    /// The identity of what stands at a path; nil where nothing can be found.
    init?(path: String) {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        self.init(status)
    }

    /// One word for the index file.
    var text: String { "\(device):\(inode):\(size):\(modified):\(changed)" }
}

/// An open plugin file whose place, owner and mode were checked.
struct TrustedFile: ~Copyable {
    /// The path after symbolic links.
    let path: String
    let descriptor: Int32
    let identity: FileIdentity

    /// Why a file is not trusted.
    struct Fault: Error {
        let text: String
        let advice: String
        /// The stage to report, where it is not the one that the caller is at.
        var stage: PluginRefusal.Stage?
    }

    deinit { close(descriptor) }

    /// Opens a regular file of at most `limit` bytes. It and its directory must belong to root or to this
    /// user, and nobody else may be able to write to them. Symbolic links are followed first, so that what is
    /// checked is what is opened.
    init(_ given: String, limit: UInt64) throws(Fault) {
        guard let path = resolvedPath(given) else {
            let why = jf_errno()
            throw Fault(text: "cannot find \(given): \(errorText(why))", advice: "check the path")
        }
        // O_NONBLOCK: opening a FIFO must not wait for its writer.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
        guard descriptor >= 0 else {
            let why = jf_errno()
            throw Fault(
                text: "cannot open \(path): \(errorText(why))", advice: "make it readable for this user")
        }
        do throws(Fault) {
            identity = try TrustedFile.examine(path, descriptor, limit: limit)
        } catch {
            close(descriptor)
            throw error
        }
        self.path = path
        self.descriptor = descriptor
    }

    private static func examine(_ path: String, _ descriptor: Int32, limit: UInt64) throws(Fault)
        -> FileIdentity
    {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else {
            let why = jf_errno()
            throw Fault(text: "cannot examine \(path): \(errorText(why))", advice: "check the file system")
        }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw Fault(text: "\(path) is not a regular file", advice: "name a shared library")
        }
        let identity = FileIdentity(status)
        guard identity.size <= limit else {
            throw Fault(
                text: "\(path) has \(identity.size) bytes; the limit is \(limit)",
                advice: "strip it of debug data")
        }
        try check(path, status)
        try checkDirectory(directoryName(path))
        return identity
    }

    /// Refuses a directory that others own or can write.
    static func checkDirectory(_ path: String) throws(Fault) {
        var status = stat()
        guard stat(path, &status) == 0 else {
            let why = jf_errno()
            throw Fault(text: "cannot examine \(path): \(errorText(why))", advice: "check its permissions")
        }
        try check(path, status)
    }

    /// Refuses what others own or can write.
    private static func check(_ path: String, _ status: stat) throws(Fault) {
        guard status.st_uid == 0 || status.st_uid == geteuid() else {
            throw Fault(
                text: "\(path) belongs to user \(status.st_uid), whom this host does not trust",
                advice: "give it to root or to user \(geteuid()) with chown")
        }
        let writers = status.st_mode & 0o022
        guard writers == 0 else {
            let who =
                writers == 0o022 ? "its group and everybody" : writers == 0o020 ? "its group" : "everybody"
            throw Fault(text: "\(path) can be written by \(who)", advice: "run 'chmod go-w \(path)'")
        }
    }

    var input: ELFInput { ELFInput(descriptor: descriptor, size: identity.size) }

    /// Calls `body` with all of the file's bytes, read into memory of our own.
    func withBytes<Result>(_ body: (UnsafeRawBufferPointer) throws(Fault) -> Result) throws(Fault) -> Result {
        let memory = UnsafeMutableRawBufferPointer.allocate(
            byteCount: max(1, Int(identity.size)), alignment: 64)
        defer { memory.deallocate() }
        var filled = 0
        while filled < Int(identity.size) {
            let got = pread(
                descriptor, memory.baseAddress! + filled, Int(identity.size) - filled, off_t(filled))
            if got > 0 {
                filled += got
            } else if got == 0 || jf_errno() != EINTR {
                throw Fault(
                    text: "cannot read \(path): \(got == 0 ? "it shrank meanwhile" : errorText(jf_errno()))",
                    advice: "try again when nobody writes to it")
            }
        }
        var status = stat()
        guard fstat(descriptor, &status) == 0, FileIdentity(status) == identity else {
            throw Fault(
                text: "\(path) changed while it was read", advice: "try again when nobody writes to it")
        }
        return try body(UnsafeRawBufferPointer(rebasing: memory[..<filled]))
    }
}
