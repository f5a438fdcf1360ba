// SPDX-License-Identifier: Apache-2.0
// Reading templates, and writing a project: all of it or nothing.

import CLinux
import Glibc

/// Writes a project into a new or empty folder. It is made beside it and moved there, so that a failure leaves
/// nothing behind.
/// - Throws: why not; also when there is something in the folder.
func writeProject(_ files: [ProjectFile], to folder: String) throws(ProjectProblem) {
    var folder = folder
    while folder.count > 1, folder.hasSuffix("/") { folder.removeLast() }
    let isThere = access(folder, F_OK) == 0
    if isThere {
        guard isDirectory(folder) else { throw ProjectProblem("'\(folder)' exists and is no folder") }
        guard try entries(folder).isEmpty else {
            throw ProjectProblem(
                "the folder '\(folder)' is not empty; nothing was written. Give another one with --dir")
        }
        guard let real = realPath(folder) else { throw problem("cannot find", folder) }
        folder = real
    } else if isDirectory(parent(folder)) == false {
        throw ProjectProblem("there is no folder '\(parent(folder))' to make '\(folder)' in")
    }
    let staging = try makeStaging(beside: folder)
    var isDone = false
    defer { if !isDone { removeTree(staging) } }
    for file in files { try write(file, in: staging) }
    try move(staging, to: folder, isThere: isThere)
    isDone = true
}

/// A folder of our own beside the one to be.
private func makeStaging(beside folder: String) throws(ProjectProblem) -> String {
    var path = Array((parent(folder) + "/.jackfield-new-XXXXXX").utf8CString)
    guard mkdtemp(&path) != nil else { throw problem("cannot write to", parent(folder)) }
    let staging = path.withUnsafeBufferPointer { String(cString: $0.baseAddress.unsafelyUnwrapped) }
    // mkdtemp makes it private; a project is like any folder.
    let mask = umask(0)
    _ = umask(mask)
    _ = chmod(staging, 0o777 & ~mask)
    return staging
}

private func move(_ staging: String, to folder: String, isThere: Bool) throws(ProjectProblem) {
    guard isThere else {
        guard rename(staging, folder) == 0 else { throw problem("cannot make", folder) }
        return
    }
    // The folder itself stays: somebody may be in it.
    var moved: [String] = []
    for name in try entries(staging) {
        guard rename("\(staging)/\(name)", "\(folder)/\(name)") == 0 else {
            let failure = problem("cannot write", "\(folder)/\(name)")
            for name in moved { removeTree("\(folder)/\(name)") }
            throw failure
        }
        moved.append(name)
    }
    rmdir(staging)
}

private func write(_ file: ProjectFile, in folder: String) throws(ProjectProblem) {
    var path = folder
    for part in file.path.split(separator: "/").dropLast() {
        path += "/\(part)"
        guard mkdir(path, 0o777) == 0 || jf_errno() == EEXIST else { throw problem("cannot make", path) }
    }
    path = "\(folder)/\(file.path)"
    let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else { throw problem("cannot write", path) }
    let stream = Stream(descriptor)
    stream.write(file.text)
    let isClosed = close(descriptor) == 0
    guard isClosed, !stream.hasFailed else {
        throw ProjectProblem("cannot write all of '\(path)': is the disk full?")
    }
}

func removeTree(_ path: String) {
    if isDirectory(path), let names = try? entries(path) {
        for name in names { removeTree("\(path)/\(name)") }
        rmdir(path)
    } else {
        unlink(path)
    }
}

// MARK: Reading

/// Every file below a folder, as paths in it; none where there is no such folder.
func listFiles(_ folder: String) throws(ProjectProblem) -> [String] {
    guard isDirectory(folder) else { return [] }
    var files: [String] = []
    for name in try entries(folder) {
        if isDirectory("\(folder)/\(name)") {
            files += try listFiles("\(folder)/\(name)").map { "\(name)/\($0)" }
        } else {
            files.append(name)
        }
    }
    return files
}

func readText(_ path: String) throws(ProjectProblem) -> String {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw problem("cannot read", path) }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var part = [UInt8](repeating: 0, count: 65_536)
    while true {
        let count = read(descriptor, &part, part.count)
        if count < 0, jf_errno() == EINTR { continue }
        guard count >= 0 else { throw problem("cannot read", path) }
        if count == 0 { return String(decoding: bytes, as: UTF8.self) }
        bytes += part[..<count]
    }
}

/// The names in a folder, sorted, without "." and "..".
private func entries(_ folder: String) throws(ProjectProblem) -> [String] {
    guard let stream = opendir(folder) else { throw problem("cannot read the folder", folder) }
    defer { closedir(stream) }
    var names: [String] = []
    while let entry = readdir(stream) {
        let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
            pointer.withMemoryRebound(to: CChar.self, capacity: MemoryLayout.size(ofValue: pointer.pointee)) {
                String(cString: $0)
            }
        }
        if name != ".", name != ".." { names.append(name) }
    }
    return names.sorted()
}

func isDirectory(_ path: String) -> Bool {
    var status = stat()
    return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
}

/// Absolute and without symbolic links; nil: there is no such thing.
func realPath(_ path: String) -> String? {
    guard let real = realpath(path, nil) else { return nil }
    defer { free(real) }
    return String(cString: real)
}

/// The folder that a path is in.
func parent(_ path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
}

private func problem(_ what: String, _ path: String) -> ProjectProblem {
    ProjectProblem("\(what) '\(path)': \(String(cString: strerror(jf_errno())))")
}
