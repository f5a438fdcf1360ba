// SPDX-License-Identifier: Apache-2.0
// A legacy session as the store has it: one JSON object, under a key from which the session's id cannot be found out.

import CJackfield
import JSON
import MCP

/// What another gateway, or the next life of this one, must know to go on with a session. It holds neither the session's id
/// nor who it belongs to, only what both can be checked against: who reads the store cannot take over a session.
struct StoredSession: Equatable, Sendable {
    /// Grows when an older gateway would misunderstand what is written.
    static let version = 1
    static let longestPath = 4096

    /// `SessionKey.mark(of:)` of its principal.
    var owner: String
    var path: String
    var revision: Revision
    var abilities: Abilities
    var level: LogLevel?
    /// Fingerprints of the lists as the client last heard of them.
    var lists: [UInt64] = []
    /// What it subscribed to, in the client's spelling.
    var uris: Set<String> = []
}

/// What stands under a session's key.
enum StoredEntry: Equatable, Sendable {
    case open(StoredSession)
    /// The client ended it. Kept for a while, so that gateways which know the session hear of it.
    case ended
}

/// Why bytes of the store are no session; a clause.
struct StoredProblem: Error, Equatable {
    let text: String
    init(_ text: String) { self.text = text }
}

// MARK: Keys

extension SessionKey {
    static let storePrefix = "/sessions/"

    /// Stands for the id in the store. The id has 128 random bits, so nobody finds it by trying.
    var digest: SHA256Digest { SHA256.digest(of: "jackfield session " + text) }

    static func storeKey(_ digest: SHA256Digest) -> [UInt8] { Array((storePrefix + digest.hex).utf8) }

    /// Stands for a session's principal in the store. Nobody can try names without knowing the id.
    func mark(of owner: String) -> String { SHA256.digest(of: "jackfield owner \(text) \(owner)").hex }
}

extension SHA256Digest {
    /// Of a session's key in the store; nil: it is none.
    init?(storeKey key: [UInt8]) {
        guard key.starts(with: SessionKey.storePrefix.utf8) else { return nil }
        self.init(hex: String(decoding: key.dropFirst(SessionKey.storePrefix.utf8.count), as: UTF8.self))
    }
}

// MARK: Bytes

extension StoredEntry {
    var bytes: [UInt8] {
        var writer = JSONWriter()
        writer.beginObject()
        writer.key("v")
        writer.value(StoredSession.version)
        switch self {
        case .ended:
            writer.key("ended")
            writer.value(true)
        case .open(let session): session.write(to: &writer)
        }
        writer.endObject()
        return writer.bytes
    }

    /// Reads what a gateway wrote.
    init(_ bytes: [UInt8]) throws(StoredProblem) {
        guard bytes.count <= Int(JF_STORE_VALUE_MOST) else { throw StoredProblem("it is too large") }
        let json: JSONValue
        do throws(JSONError) { json = try JSONValue(parsing: bytes) } catch {
            throw StoredProblem("it is not JSON: \(error.description)")
        }
        guard json.object != nil, let version = json["v"]?.int else {
            throw StoredProblem("it is no session's record")
        }
        guard version == StoredSession.version else {
            throw StoredProblem("it has version \(version), and this gateway reads \(StoredSession.version)")
        }
        self = json["ended"]?.bool == true ? .ended : .open(try StoredSession(json))
    }
}

extension StoredSession {
    fileprivate func write(to writer: inout JSONWriter) {
        writer.key("owner")
        writer.value(owner)
        writer.key("path")
        writer.value(path)
        writer.key("revision")
        writer.value(revision.text)
        writer.key("abilities")
        writer.value(Int(abilities.rawValue))
        if let level {
            writer.key("level")
            writer.value(level.text)
        }
        // As text: JSON's numbers are not for 64 bits.
        writer.key("lists")
        writer.beginArray()
        for list in lists { writer.value(String(list, radix: 16)) }
        writer.endArray()
        writer.key("uris")
        writer.beginArray()
        for uri in uris.sorted() { writer.value(uri) }
        writer.endArray()
    }

    fileprivate init(_ json: JSONValue) throws(StoredProblem) {
        func text(_ name: String, atMost: Int) throws(StoredProblem) -> String {
            guard let text = json[name]?.string, text.utf8.count <= atMost else {
                throw StoredProblem("its \"\(name)\" is missing or wrong")
            }
            return text
        }
        func texts(_ name: String, atMost: Int) throws(StoredProblem) -> [String] {
            guard let values = json[name]?.array else {
                throw StoredProblem("its \"\(name)\" is missing or wrong")
            }
            let texts = values.compactMap(\.string)
            guard texts.count == values.count, texts.allSatisfy({ $0.utf8.count <= atMost }) else {
                throw StoredProblem("its \"\(name)\" holds something else than texts")
            }
            return texts
        }
        owner = try text("owner", atMost: 64)
        path = try text("path", atMost: Self.longestPath)
        let named = try text("revision", atMost: 32)
        guard let revision = Revision.allCases.first(where: { "\($0.text)" == named }), !revision.isModern
        else {
            throw StoredProblem("its \"revision\" is none that has sessions")
        }
        self.revision = revision
        guard let bits = json["abilities"]?.int, (0...255).contains(bits) else {
            throw StoredProblem("its \"abilities\" are missing or wrong")
        }
        abilities = Abilities(rawValue: UInt16(bits))
        if json["level"] != nil {
            let named = try text("level", atMost: 32)
            level = LogLevel.allCases.first { "\($0.text)" == named }
            if level == nil { throw StoredProblem("its \"level\" is none") }
        }
        for text in try texts("lists", atMost: 16) {
            guard let list = UInt64(text, radix: 16) else {
                throw StoredProblem("its \"lists\" hold something else than fingerprints")
            }
            lists.append(list)
        }
        guard lists.isEmpty || lists.count == ItemKind.allCases.count else {
            throw StoredProblem("its \"lists\" are not one for each kind")
        }
        uris = Set(try texts("uris", atMost: ListenFilter.longestURI))
    }
}

// MARK: Two gateways with one session

extension StoredSession {
    /// What a session is after two gateways changed it: what changed here since `base` (nil: all of it is new), on top of
    /// what the other one wrote.
    static func merged(base: StoredSession?, mine: StoredSession, theirs: StoredSession) -> StoredSession {
        var both = theirs
        let known = base?.uris ?? []
        both.uris = theirs.uris.union(mine.uris.subtracting(known)).subtracting(known.subtracting(mine.uris))
        if let level = mine.level, level != base?.level { both.level = level }
        both.lists = mine.lists
        return both
    }
}
