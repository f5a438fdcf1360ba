// SPDX-License-Identifier: Apache-2.0
// File paths as text: parts, resolution, directories, and the `$ORIGIN` of library search paths.

import CLinux
import Glibc

/// realpath(3): absolute, without symbolic links, `.` and `..`; nil with errno where it does not exist.
func resolvedPath(_ path: String) -> String? {
    guard let real = realpath(path, nil) else { return nil }
    defer { free(real) }
    return String(cString: real)
}

/// Everything before the last slash; "/" for the root, "." where there is none.
func directoryName(_ path: String) -> String {
    guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
}

/// Everything behind the last slash.
func fileName(_ path: String) -> String {
    guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return path }
    return String(path[path.utf8.index(after: slash)...])
}

/// The steps of an absolute path.
func pathComponents(_ path: String) -> [Substring] {
    path.split(separator: "/", omittingEmptySubsequences: true)
}

/// Creates a directory (mode 0700) and those above it. Nil: it is there; else why not.
func makeDirectories(_ path: String) -> String? {
    if mkdir(path, 0o700) == 0 || jf_errno() == EEXIST { return nil }
    let failure = jf_errno()
    guard failure == ENOENT, path != "/", path != "." else { return "\(path): \(errorText(failure))" }
    if let above = makeDirectories(directoryName(path)) { return above }
    if mkdir(path, 0o700) == 0 || jf_errno() == EEXIST { return nil }
    let second = jf_errno()
    return "\(path): \(errorText(second))"
}

/// The names in a directory, sorted by bytes, without `.` and `..`; nil with errno where it cannot be read.
func directoryEntries(_ path: String) -> [String]? {
    guard let directory = opendir(path) else { return nil }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
        let name = withUnsafePointer(to: &entry.pointee.d_name) {
            $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
        }
        if name != ".", name != ".." { names.append(name) }
    }
    return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
}

/// Removes a directory and what is in it; follows no symbolic link.
func removeTree(_ path: String) {
    var status = stat()
    guard lstat(path, &status) == 0 else { return }
    guard status.st_mode & S_IFMT == S_IFDIR else {
        unlink(path)
        return
    }
    for name in directoryEntries(path) ?? [] { removeTree(path + "/" + name) }
    rmdir(path)
}

/// Reads a small file; nil where it cannot be read or is larger than `limit`.
func readFile(_ path: String, limit: Int) -> [UInt8]? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var status = stat()
    // Files under /proc say 0 and have content.
    guard fstat(descriptor, &status) == 0, status.st_size <= limit else { return nil }
    var bytes: [UInt8] = []
    let room = max(Int(status.st_size) + 1, 4096)
    while bytes.count <= limit {
        let chunk = [UInt8](unsafeUninitializedCapacity: room) { buffer, count in
            count = max(0, read(descriptor, buffer.baseAddress, room))
        }
        if chunk.isEmpty { return bytes }
        bytes = bytes.isEmpty ? chunk : bytes + chunk
    }
    return nil
}

/// Writes a file so that readers see the old or the new content, never a part (temporary file and rename).
/// `durable`: on disk before the rename. Nil: done; else why not.
func replaceFile(_ path: String, with bytes: UnsafeRawBufferPointer, mode: mode_t, durable: Bool) -> String? {
    var template = Array((path + ".XXXXXX").utf8CString)
    let descriptor = mkstemp(&template)
    guard descriptor >= 0 else {
        let why = jf_errno()
        return "cannot create a file in \(directoryName(path)): \(errorText(why))"
    }
    _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
    var failure: Int32 = 0
    var written = 0
    while written < bytes.count, failure == 0 {
        let count = write(descriptor, bytes.baseAddress! + written, bytes.count - written)
        if count >= 0 { written += count } else if jf_errno() != EINTR { failure = jf_errno() }
    }
    if failure == 0, fchmod(descriptor, mode) != 0 { failure = jf_errno() }
    if failure == 0, durable, fsync(descriptor) != 0 { failure = jf_errno() }
    close(descriptor)
    if failure == 0, rename(template, path) != 0 { failure = jf_errno() }
    guard failure != 0 else { return nil }
    unlink(template)
    return "cannot write \(path): \(errorText(failure))"
}

/// Entries of a library search path that begin with `$ORIGIN`, the directory of the library itself
/// (ld.so(8)).
enum OriginPath {
    private static let spellings = ["$ORIGIN", "${ORIGIN}"]

    static func isRelative(_ entry: String) -> Bool { tail(entry) != nil }

    /// The directory that an entry means for a library in `directory`; nil for absolute entries and those
    /// with `$LIB` or `$PLATFORM`, which depend on the loader's build.
    static func expanded(_ entry: String, in directory: String) -> String? {
        guard let tail = tail(entry), !tail.contains("$") else { return nil }
        return directory + tail
    }

    private static func tail(_ entry: String) -> Substring? {
        for spelling in spellings where entry.hasPrefix(spelling) {
            let tail = entry.dropFirst(spelling.count)
            if tail.isEmpty || tail.hasPrefix("/") { return tail }
        }
        return nil
    }
}
