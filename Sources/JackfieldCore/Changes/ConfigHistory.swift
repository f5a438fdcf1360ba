// SPDX-License-Identifier: Apache-2.0
// Configurations that were applied, as they were, and one that waits for somebody's approval.

import CLinux
import Glibc
import JSON

/// One of them.
public struct ConfigVersion: Sendable, Equatable {
    public var number = 0
    /// RFC 3339.
    public var time = ""
    /// Who, as the kernel says; nil: nobody can know (a signal).
    public var user: UInt32?
    public var author = ""
    public var message = ""
    /// `start`, `reload`, `apply`, `rollback`.
    public var how = ""
    public var sha256 = ""
    /// Who approved it, where two had to agree.
    public var approver = ""
    /// Why it went past approval.
    public var emergency = ""
    /// What differs from the one before, in words.
    public var changes: [String] = []

    public init() {}

    public var json: JSONValue {
        var members: [JSONMemberValue] = [
            .init("number", JSONValue(number)), .init("time", .string(time)), .init("how", .string(how)),
            .init("author", .string(author)),
        ]
        if let user { members.append(.init("user", JSONValue(user))) }
        for (name, text) in [("message", message), ("approver", approver), ("emergency", emergency)]
        where !text.isEmpty {
            members.append(.init(name, .string(text)))
        }
        members.append(.init("sha256", .string(sha256)))
        members.append(.init("changes", .array(changes.map { .string($0) })))
        return .object(members)
    }

    public init?(_ json: JSONValue) {
        guard let number = json["number"]?.int, let sha256 = json["sha256"]?.string else { return nil }
        func text(_ name: String) -> String { json[name]?.string ?? "" }
        self.number = number
        self.sha256 = sha256
        time = text("time")
        how = text("how")
        author = text("author")
        user = json["user"]?.int.flatMap { UInt32(exactly: $0) }
        message = text("message")
        approver = text("approver")
        emergency = text("emergency")
        changes = json["changes"]?.array?.compactMap(\.string) ?? []
    }
}

/// The versions of one configuration file: `config/KEY` in the state directory, `NUMBER.conf` (the file's bytes, references
/// unexpanded) and `NUMBER.json` for each, `pending.conf` and `pending.json`. One process writes.
public struct ConfigHistory: Sendable {
    /// Histories of files that are gone are kept up to so many.
    private static let mostPlaces = 64
    private static let largest = 8 << 20

    public let directory: String

    /// - Parameter path: the configuration file's, absolute.
    public init(of path: String, in state: String) {
        let key = SHA256.digest(of: path).hex.prefix(12)
        directory = "\(state)/config/\(key)"
    }

    /// Beside them: what operators drained of the servers of that file.
    public var drains: String { directory + "/drains.json" }

    /// One that is there.
    public init(directory: String) { self.directory = directory }

    /// Histories in a state directory, with the files that they are of.
    public static func found(in state: String) -> [(path: String, history: ConfigHistory)] {
        (directoryEntries(state + "/config") ?? []).compactMap { name in
            let directory = "\(state)/config/\(name)"
            return readFile(directory + "/path", limit: 8192).map {
                (String(decoding: $0, as: UTF8.self), ConfigHistory(directory: directory))
            }
        }
    }

    /// Makes the directory. Nil: it is there; else why not.
    public func prepare(for path: String, in state: String) -> String? {
        if readFile(directory + "/path", limit: 8192) == Array(path.utf8) { return nil }
        let found = Self.found(in: state)
        if found.count >= Self.mostPlaces { Self.prune(found) }
        if let failure = makeDirectories(directory) { return "cannot create \(failure)" }
        return write("path", Array(path.utf8))
    }

    /// Forgets the histories of files that are gone, and then the oldest where there are very many.
    private static func prune(_ found: [(path: String, history: ConfigHistory)]) {
        var left: [(changed: Int, history: ConfigHistory)] = []
        for (path, history) in found {
            if access(path, F_OK) != 0, jf_errno() == ENOENT {
                removeTree(history.directory)
                continue
            }
            var status = stat()
            if stat(history.directory, &status) == 0 { left.append((status.st_mtim.tv_sec, history)) }
        }
        left.sort { $0.changed < $1.changed }
        for old in left.dropLast(8 * mostPlaces) { removeTree(old.history.directory) }
    }

    private func write(_ name: String, _ bytes: [UInt8]) -> String? {
        bytes.withUnsafeBytes { replaceFile("\(directory)/\(name)", with: $0, mode: 0o600, durable: true) }
    }

    private func name(_ number: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, 6 - digits.count)) + digits
    }

    /// Ascending.
    public var versions: [ConfigVersion] {
        (directoryEntries(directory) ?? []).compactMap { entry in
            guard entry.hasSuffix(".json"), let number = Int(entry.dropLast(5)) else { return nil }
            return version(number)
        }.sorted { $0.number < $1.number }
    }

    public func version(_ number: Int) -> ConfigVersion? { read(name(number) + ".json") }

    /// The file's bytes of a version; nil: there is none, or it is not what was kept.
    public func text(_ number: Int) -> [UInt8]? {
        guard let version = version(number) else { return nil }
        return text(name(number), version)
    }

    private func read(_ name: String) -> ConfigVersion? {
        readFile("\(directory)/\(name)", limit: 1 << 20).flatMap { try? JSONValue(parsing: $0) }.flatMap {
            ConfigVersion($0)
        }
    }

    private func text(_ name: String, _ version: ConfigVersion) -> [UInt8]? {
        guard let bytes = readFile("\(directory)/\(name).conf", limit: Self.largest),
            Self.digest(bytes) == version.sha256
        else { return nil }
        return bytes
    }

    public static func digest(_ bytes: [UInt8]) -> String {
        bytes.withUnsafeBytes { SHA256.digest(of: $0) }.hex
    }

    /// Keeps a version under the next number. Nil: it is kept; else why not.
    public func add(_ version: inout ConfigVersion, _ bytes: [UInt8], keeping most: Int) -> String? {
        let known = versions
        version.number = (known.last?.number ?? 0) + 1
        version.time = AuditTime.text(jf_realtime_ns())
        version.sha256 = Self.digest(bytes)
        let name = name(version.number)
        if let failure = write(name + ".conf", bytes)
            ?? write(name + ".json", version.json.serialized() + [10])
        {
            return failure
        }
        for old in known.dropLast(max(0, most - 1)) {
            unlink("\(directory)/\(self.name(old.number)).conf")
            unlink("\(directory)/\(self.name(old.number)).json")
        }
        return nil
    }

    // MARK: What waits

    public var pending: (version: ConfigVersion, text: [UInt8])? {
        guard let version = read("pending.json"), let text = text("pending", version) else { return nil }
        return (version, text)
    }

    /// Keeps what somebody else must approve, in place of what waited.
    public func hold(_ version: inout ConfigVersion, _ bytes: [UInt8]) -> String? {
        version.number = (versions.last?.number ?? 0) + 1
        version.time = AuditTime.text(jf_realtime_ns())
        version.sha256 = Self.digest(bytes)
        return write("pending.conf", bytes) ?? write("pending.json", version.json.serialized() + [10])
    }

    public func forgetPending() {
        unlink(directory + "/pending.json")
        unlink(directory + "/pending.conf")
    }

    // MARK: The file itself

    /// Puts other bytes into the configuration file, wherever links lead. Nil: done; else why not.
    public static func replace(_ path: String, with bytes: [UInt8]) -> String? {
        let real = resolvedPath(path) ?? path
        var status = stat()
        let mode = stat(real, &status) == 0 ? status.st_mode & 0o7777 : 0o600
        return bytes.withUnsafeBytes { replaceFile(real, with: $0, mode: mode, durable: true) }
    }

    /// The bytes of a configuration file; nil: it cannot be read, or is too large.
    public static func bytes(of path: String) -> [UInt8]? { readFile(path, limit: largest) }
}

extension ConfigHistory {
    /// The text of a version that was applied, or of the one that waits.
    public func anyText(_ number: Int) -> [UInt8]? {
        if let text = text(number) { return text }
        return pending.flatMap { $0.version.number == number ? $0.text : nil }
    }
}
