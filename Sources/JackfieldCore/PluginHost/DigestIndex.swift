// SPDX-License-Identifier: Apache-2.0
// Remembers the SHA-256 of files that have not changed since, so that a start does not read them all again.

import CLinux
import Glibc
import JSON

/// `<state>/plugins/index.json`: for each path, the file's identity (device, inode, size, time of
/// modification and of status change) and its SHA-256.
///
/// What this trades: an unchanged identity is taken for unchanged content. Writing to a file sets its change
/// time, which no system call can set back, so only somebody who can set the clock or write to the block
/// device, that is root, can alter content unseen; and the index itself lies in a directory that nobody else
/// can write. Files changed less than `settlingTime` ago are not remembered, because a second write within
/// the clock's tick would leave the same times. Remove the index to have everything read again.
final class DigestIndex {
    private struct Entry: Equatable {
        let identity: String
        let digest: SHA256Digest
    }

    /// Nanoseconds.
    static let settlingTime: UInt64 = 50_000_000
    private static let sizeLimit = 4 << 20

    private let path: String
    private var entries: [String: Entry] = [:]
    private var isChanged = false

    /// Reads the index; a missing or damaged one counts as empty.
    init(_ path: String) {
        self.path = path
        guard let bytes = readFile(path, limit: DigestIndex.sizeLimit),
            let json = try? JSONValue(parsing: bytes),
            json["version"]?.int == 1
        else { return }
        for member in json["files"]?.object ?? [] {
            guard let identity = member.value["identity"]?.string,
                let digest = member.value["sha256"]?.string.flatMap({ SHA256Digest(hex: $0) })
            else { continue }
            entries[member.key] = Entry(identity: identity, digest: digest)
        }
    }

    /// The digest of a file in this very state, where it is known.
    func digest(_ path: String, _ identity: FileIdentity) -> SHA256Digest? {
        guard let entry = entries[path], entry.identity == identity.text else { return nil }
        return entry.digest
    }

    /// Remembers a file's digest. `isPrivate`: nobody but us writes it, so it need not settle.
    func remember(_ path: String, _ identity: FileIdentity, _ digest: SHA256Digest, isPrivate: Bool) {
        if !isPrivate, Int64(bitPattern: jf_realtime_ns() &- DigestIndex.settlingTime) < identity.changed {
            return
        }
        let entry = Entry(identity: identity.text, digest: digest)
        guard entries[path] != entry else { return }
        entries[path] = entry
        isChanged = true
    }

    /// Writes the index when something changed, without files that are gone. Nil: done; else why not.
    func save() -> String? {
        guard isChanged else { return nil }
        isChanged = false
        entries = entries.filter { FileIdentity(path: $0.key) != nil }
        var writer = JSONWriter()
        writer.beginObject()
        writer.key("version")
        writer.value(1)
        writer.key("files")
        writer.beginObject()
        for (path, entry) in entries.sorted(by: { $0.key < $1.key }) {
            writer.key(path)
            writer.beginObject()
            writer.key("identity")
            writer.value(entry.identity)
            writer.key("sha256")
            writer.value(entry.digest.hex)
            writer.endObject()
        }
        writer.endObject()
        writer.endObject()
        return writer.bytes.withUnsafeBytes { replaceFile(path, with: $0, mode: 0o600, durable: false) }
    }
}
