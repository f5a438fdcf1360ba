// SPDX-License-Identifier: Apache-2.0
// The lock file on disk: read with bounds, written whole or not at all.

import CLinux
import Configuration
import Glibc
import JackfieldCore

enum LockFile {
    /// Why a configuration's lock cannot be used, at its place in the configuration.
    struct Unusable: Error {
        let problem: ConfigurationProblem
    }

    /// What a configuration says of its lock, with the file read.
    static func plan(
        _ lock: Configuration.Lock, _ configuration: Configuration
    ) -> Result<LockPlan, Unusable> {
        let shown = lock.$file.description
        func unusable(_ message: String) -> Result<LockPlan, Unusable> {
            .failure(Unusable(problem: configuration.problem(at: lock.position, message)))
        }
        do throws(ToolLockProblem) {
            guard let read = try read(lock.file) else {
                let command = "jackfield lock --config \(configuration.path ?? "FILE")"
                return unusable("lock: there is no file \(shown); '\(command)' writes it")
            }
            var plan = LockPlan(lock: read, file: shown)
            switch lock.onChange {
            case .warn: plan.onChange = .warn
            case .quarantine: plan.onChange = .quarantine
            case .refuse: plan.onChange = .refuse
            }
            plan.quarantinesNew = lock.newTools == .quarantine
            plan.except = Set(lock.except)
            return .success(plan)
        } catch {
            return unusable("lock: can't use \(shown): \(error)")
        }
    }

    /// Reads a lock file; nil where there is none. Devices and pipes are refused: they may block or never end.
    static func read(_ path: String) throws(ToolLockProblem) -> ToolLock? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
        guard descriptor >= 0 else {
            if errno == ENOENT { return nil }
            throw ToolLockProblem(String(cString: strerror(errno)))
        }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            throw ToolLockProblem("it is not a regular file")
        }
        var bytes: [UInt8] = []
        var part = [UInt8](repeating: 0, count: 65_536)
        while bytes.count <= ToolLock.byteLimit {
            let count = Glibc.read(descriptor, &part, part.count)
            if count == 0 { break }
            if count < 0 {
                if errno == EINTR { continue }
                throw ToolLockProblem(String(cString: strerror(errno)))
            }
            bytes += part[..<count]
        }
        return try ToolLock(reading: bytes)
    }

    /// Writes a lock file beside its place and moves it there.
    static func write(_ lock: ToolLock, to path: String) throws(ToolLockProblem) {
        let text = Array(lock.serialized().utf8)
        // What is written can be read again: a listing has bounds of its own, and they may be wider.
        _ = try ToolLock(reading: text)
        let draft = "\(path).\(getpid()).draft"
        let descriptor = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o644)
        guard descriptor >= 0 else { throw ToolLockProblem(String(cString: strerror(errno))) }
        var why: Int32 = 0
        var at = 0
        while at < text.count, why == 0 {
            let count = text.withUnsafeBytes {
                Glibc.write(descriptor, $0.baseAddress! + at, text.count - at)
            }
            if count >= 0 { at += count } else if errno != EINTR { why = errno }
        }
        if why == 0, fsync(descriptor) != 0 { why = errno }
        close(descriptor)
        if why == 0, rename(draft, path) != 0 { why = errno }
        guard why == 0 else {
            unlink(draft)
            throw ToolLockProblem(String(cString: strerror(why)))
        }
    }
}
