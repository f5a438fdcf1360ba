// SPDX-License-Identifier: Apache-2.0
// Sessions as the store has them: what is written is read back, what no gateway wrote is refused, two writers agree.

import CJackfield
import MCP
import Testing

@testable import JackfieldCore

@Suite struct StoredSessionTests {
    private let key = SessionKey.random()

    private func session(_ change: (inout StoredSession) -> Void = { _ in }) -> StoredSession {
        var session = StoredSession(
            owner: key.mark(of: "4:acme0:alice"), path: "/mcp/servers/a", revision: .v2025_06_18,
            abilities: [.form, .roots])
        change(&session)
        return session
    }

    private func read(_ text: String) throws(StoredProblem) -> StoredEntry {
        try StoredEntry(Array(text.utf8))
    }

    /// A good record but for some members, which come first and count.
    private static func record(_ members: String) -> String {
        var text = #"{"v":1,\#(members)"#
        for (name, value) in [
            ("owner", #""o""#), ("path", #""/mcp""#), ("revision", #""2025-06-18""#), ("abilities", "0"),
            ("lists", "[]"), ("uris", "[]"),
        ] where !members.contains(#""\#(name)""#) {
            text += #","\#(name)":\#(value)"#
        }
        return text + "}"
    }

    @Test func whatIsWrittenIsReadBack() throws {
        let plain = session()
        let full = session {
            $0.level = .warning
            $0.lists = [0, .max, 1 << 53, 7]
            $0.uris = ["watch://one", "a\"b\u{1}é", ""]
            $0.abilities = Abilities(rawValue: 255)
        }
        for session in [plain, full] {
            #expect(try StoredEntry(StoredEntry.open(session).bytes) == .open(session))
        }
        #expect(try StoredEntry(StoredEntry.ended.bytes) == .ended)
        #expect(StoredEntry.ended.bytes == Array(#"{"v":1,"ended":true}"#.utf8))
    }

    @Test func neitherTheIdNorItsOwnerIsThere() {
        let bytes = String(decoding: StoredEntry.open(session()).bytes, as: UTF8.self)
        let name = String(decoding: SessionKey.storeKey(key.digest), as: UTF8.self)
        for text in [bytes, name] {
            #expect(!text.contains(key.text) && !text.contains("alice") && !text.contains("acme"))
        }
        // The same principal of another session looks different.
        #expect(SessionKey.random().mark(of: "4:acme0:alice") != key.mark(of: "4:acme0:alice"))
        #expect(key.mark(of: "") != key.mark(of: "4:acme0:alice"))
    }

    @Test func keysOfTheStoreLeadBack() {
        let name = SessionKey.storeKey(key.digest)
        #expect(name.count <= Int(JF_STORE_KEY_MOST) && SHA256Digest(storeKey: name) == key.digest)
        #expect(SHA256Digest(storeKey: Array(name.dropLast())) == nil)
        #expect(SHA256Digest(storeKey: Array(name.dropFirst())) == nil)
        #expect(SHA256Digest(storeKey: name + [48]) == nil)
        #expect(SHA256Digest(storeKey: []) == nil)
    }

    @Test func everyTruncationIsRefused() throws {
        let bytes = StoredEntry.open(session { $0.uris = ["watch://one"] }).bytes
        for count in 0..<bytes.count {
            #expect(throws: StoredProblem.self) { try StoredEntry(Array(bytes[..<count])) }
        }
        #expect(throws: StoredProblem.self) {
            try StoredEntry([UInt8](repeating: 32, count: Int(JF_STORE_VALUE_MOST) + 1))
        }
    }

    @Test(
        "what no gateway wrote is refused",
        arguments: [
            "", "null", "[]", "7", "{}", #"{"v":"1"}"#, #"{"v":1}"#, #"{"v":1,"ended":false}"#,
            #"{"v":1,"ended":1}"#,
            StoredSessionTests.record(#""owner":1"#), StoredSessionTests.record(#""path":null"#),
            StoredSessionTests.record(#""revision":"2026-07-28""#),
            StoredSessionTests.record(#""revision":"2024""#),
            StoredSessionTests.record(#""abilities":256"#), StoredSessionTests.record(#""abilities":-1"#),
            StoredSessionTests.record(#""abilities":"form""#), StoredSessionTests.record(#""lists":["x"]"#),
            StoredSessionTests.record(#""lists":["1"]"#), StoredSessionTests.record(#""uris":[1]"#),
            StoredSessionTests.record(#""uris":{}"#), StoredSessionTests.record(#""level":"loud""#),
        ])
    func wrong(_ text: String) {
        #expect(throws: StoredProblem.self) { try read(text) }
    }

    @Test func anotherVersionIsNamed() {
        let problem = #expect(throws: StoredProblem.self) { try read(#"{"v":2,"ended":true}"#) }
        #expect(problem?.text.contains("version 2") == true)
    }

    @Test func membersOfLaterGatewaysAreNoHarm() throws {
        let text = Self.record(#""more":{"x":[]},"uris":["u"]"#)
        guard case .open(let session) = try read(text) else {
            Issue.record("it is no session")
            return
        }
        #expect(session.uris == ["u"] && session.level == nil)
    }

    @Test func twoWritersAgree() {
        let base = session { $0.uris = ["a", "b"] }
        // Here one is added and one left; there another one is added, and the level changes.
        let mine = session { $0.uris = ["b", "c"] }
        let theirs = session {
            $0.uris = ["a", "b", "d"]
            $0.level = .error
        }
        let both = StoredSession.merged(base: base, mine: mine, theirs: theirs)
        #expect(both.uris == ["b", "c", "d"] && both.level == .error)
        // A level that was named here counts, one that was only known does not.
        let louder = StoredSession.merged(base: base, mine: session { $0.level = .debug }, theirs: theirs)
        #expect(louder.level == .debug)
        let known = session { $0.level = .debug }
        #expect(StoredSession.merged(base: known, mine: known, theirs: theirs).level == .error)
        // A first write that seemed lost: nothing is forgotten.
        #expect(StoredSession.merged(base: nil, mine: mine, theirs: theirs).uris == ["a", "b", "c", "d"])
    }

    @Test func unknownIdsAreForgottenInTime() {
        var unknown = UnknownSessions(limit: 8)
        let claim = SessionClaim(key: key, caller: 1)
        unknown.insert(claim, now: 100)
        #expect(unknown.contains(claim, now: 100) && unknown.contains(claim, now: 99 + UnknownSessions.kept))
        #expect(!unknown.contains(claim, now: 100 + UnknownSessions.kept))
        #expect(!unknown.contains(SessionClaim(key: key, caller: 2), now: 100))
        for _ in 0..<100 { unknown.insert(SessionClaim(key: .random(), caller: 1), now: 200) }
        #expect(unknown.count <= 8 && !unknown.contains(claim, now: 200))
    }
}
