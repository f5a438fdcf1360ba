// SPDX-License-Identifier: Apache-2.0
// SessionTable: opened, found, evicted; keys and their text.

import MCP
import Synchronization
import Testing

@testable import JackfieldCore

@Suite("Session table") struct SessionTableTests {
    static func open(_ table: SessionTable, _ now: UInt64 = 0) -> Session? {
        table.open(revision: .v2025_06_18, path: "/mcp", now: now)
    }

    @Test func aSessionIsFoundByItsTextOnly() throws {
        let table = SessionTable(limit: 10, idleLimit: 100)
        let session = try #require(table.open(revision: .v2025_03_26, path: "/mcp/servers/a", now: 5))
        let found = session.text.withUnsafeBytes { table.find($0) }
        #expect(found === session)
        #expect(found?.revision == .v2025_03_26)
        #expect(found?.path == "/mcp/servers/a")
        #expect(table.count == 1)
    }

    @Test func keysAreThirtyTwoDigitsAndNeverTheSame() throws {
        let table = SessionTable(limit: 2_000, idleLimit: 100)
        var texts: Set<String> = []
        for _ in 0..<1_000 {
            let session = try #require(Self.open(table))
            let text = String(decoding: session.text, as: UTF8.self)
            #expect(text.utf8.count == 32)
            #expect(text.allSatisfy { "0123456789abcdef".contains($0) })
            #expect(withBytes(text) { SessionKey($0) } == session.key)
            texts.insert(text)
        }
        #expect(texts.count == 1_000)
    }

    @Test(
        "keys with leading zeros read back",
        arguments: [
            String(repeating: "0", count: 32), "0000000000000001" + "00000000000000ff",
            String(repeating: "f", count: 32),
            "0123456789abcdef" + "fedcba9876543210",
        ])
    func keyText(_ text: String) throws {
        let key = try #require(withBytes(text) { SessionKey($0) })
        #expect(key.text == text)
    }

    @Test func wrongTextFindsNothing() throws {
        let table = SessionTable(limit: 10, idleLimit: 100)
        let session = try #require(Self.open(table))
        let text = String(decoding: session.text, as: UTF8.self)
        let changed = String(text.dropLast()) + (text.last == "0" ? "1" : "0")
        for wrong in [
            "", "0", changed, String(text.dropLast()), text + "0", " " + text.dropLast(),
            "G" + text.dropFirst(),
            String(repeating: "é", count: 16), String(repeating: "A", count: 32),
            String(repeating: "\u{0}", count: 32),
        ] {
            #expect(withBytes(wrong) { table.find($0) } == nil, "\(wrong)")
        }
        #expect(table.find(UnsafeRawBufferPointer(start: nil, count: 0)) == nil)
    }

    @Test func aClosedSessionIsGone() throws {
        let table = SessionTable(limit: 10, idleLimit: 100)
        let session = try #require(Self.open(table))
        let other = try #require(Self.open(table))
        table.close(session)
        table.close(session)
        #expect(session.text.withUnsafeBytes { table.find($0) } == nil)
        #expect(other.text.withUnsafeBytes { table.find($0) } === other)
        #expect(table.count == 1)
    }

    static let second: UInt64 = 1_000_000_000

    @Test func theLimitHoldsWhileNothingIsIdle() throws {
        let table = SessionTable(limit: 3, idleLimit: 3_600 * Self.second)
        let sessions = try (0..<3).map { _ in try #require(Self.open(table, 1_000)) }
        #expect(Self.open(table, 1_000 + 60 * Self.second) == nil, "a minute is not long enough")
        #expect(table.count == 3)
        table.close(sessions[0])
        #expect(Self.open(table, 1_000 + Self.second) != nil)
        #expect(Self.open(table, 1_000 + Self.second) == nil)
        #expect(SessionTable(limit: 0, idleLimit: 0).open(revision: .v2024_11_05, path: "", now: 0) == nil)
    }

    @Test func theLongestIdleGivesWayButBusyAndUsedOnesDoNot() throws {
        let table = SessionTable(limit: 5, idleLimit: 3_600 * Self.second)
        let idle = try #require(Self.open(table, 10))
        let idler = try #require(Self.open(table, 0))
        let busy = try #require(Self.open(table, 0))
        let streaming = try #require(Self.open(table, 0))
        let used = try #require(Self.open(table, 0))
        busy.inFlight.add(1, ordering: .relaxed)
        streaming.streams.add(1, ordering: .relaxed)
        used.touch(50 * Self.second)
        func isKnown(_ session: Session) -> Bool {
            session.text.withUnsafeBytes { table.find($0) } === session
        }
        let fresh = try #require(Self.open(table, 100 * Self.second))
        #expect(!isKnown(idler))
        #expect([idle, busy, streaming, used, fresh].map(isKnown) == [true, true, true, true, true])
        _ = try #require(Self.open(table, 100 * Self.second))
        #expect(!isKnown(idle))
        #expect(Self.open(table, 100 * Self.second) == nil)
        #expect([busy, streaming, used, fresh].map(isKnown) == [true, true, true, true])
        #expect(table.count == 5)
    }

    @Test func sweepingEndsWhatIsIdle() throws {
        let table = SessionTable(limit: 10, idleLimit: 100)
        let idle = try #require(Self.open(table, 0))
        let busy = try #require(Self.open(table, 0))
        let streaming = try #require(Self.open(table, 0))
        let used = try #require(Self.open(table, 0))
        busy.inFlight.add(1, ordering: .relaxed)
        streaming.streams.add(1, ordering: .relaxed)
        used.touch(1_000)
        table.sweep(100)
        #expect(table.count == 4)
        table.sweep(1_050)
        #expect(table.count == 3)
        #expect(idle.text.withUnsafeBytes { table.find($0) } == nil)
        busy.inFlight.subtract(1, ordering: .relaxed)
        streaming.streams.subtract(1, ordering: .relaxed)
        table.sweep(2_000)
        #expect(table.count == 0)
        // A clock that seems to stand before the last use is no idleness.
        #expect(used.idle(500) == 0)
    }

    @Test func sessionsOfElsewhereAreEntered() throws {
        let table = SessionTable(limit: 2, idleLimit: 1_000)
        func session(_ key: SessionKey) -> Session {
            Session(revision: .v2025_06_18, path: "/mcp", owner: "o", key: key, now: 0)
        }
        let key = SessionKey.random()
        let first = try #require(table.enter(session(key), now: 0))
        #expect(first.key == key && String(decoding: first.text, as: UTF8.self) == key.text)
        #expect(table.enter(session(key), now: 0) === first, "one key is one session")
        #expect(table.enter(session(.random()), now: 0) != nil)
        #expect(table.enter(session(.random()), now: 0) == nil, "nobody gives way yet")
        #expect(table.enter(session(key), now: 0) === first)
        #expect(table.enter(session(.random()), now: 61_000_000_000) != nil)
        #expect(table.count == 2)
    }

    @Test func manyThreadsNeverExceedTheLimit() throws {
        let table = SessionTable(limit: 500, idleLimit: 1_000)
        let opened = Counter(0)
        let threads = try (0..<4).map { _ in
            try TestThread {
                for _ in 0..<200 {
                    guard let session = Self.open(table, 0) else { continue }
                    if session.text.withUnsafeBytes({ table.find($0) }) === session { opened.add(1) }
                }
            }
        }
        for thread in threads { thread.wait() }
        #expect(opened.value == 500)
        #expect(table.count == 500)
    }
}
