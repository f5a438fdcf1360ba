// SPDX-License-Identifier: Apache-2.0
// Sessions of legacy clients (up to MCP 2025-11-25): what `initialize` agreed on, found again by id on any loop.

import CLinux
import Glibc
import MCP
import Synchronization

/// 128 random bits. As text: 32 hexadecimal digits, visible ASCII as the specification asks.
struct SessionKey: Hashable, Sendable {
    let high: UInt64
    let low: UInt64

    static func random() -> SessionKey {
        var words: (UInt64, UInt64) = (0, 0)
        _ = withUnsafeMutableBytes(of: &words) { getrandom($0.baseAddress, $0.count, 0) }
        return SessionKey(high: words.0, low: words.1)
    }

    private init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    init?(_ bytes: UnsafeRawBufferPointer) {
        guard bytes.count == 32 else { return nil }
        var words: (UInt64, UInt64) = (0, 0)
        for (at, unit) in bytes.enumerated() {
            let digit: UInt64
            switch unit {
            case 48...57: digit = UInt64(unit - 48)
            case 97...102: digit = UInt64(unit - 87)
            default: return nil
            }
            if at < 16 { words.0 = words.0 << 4 | digit } else { words.1 = words.1 << 4 | digit }
        }
        high = words.0
        low = words.1
    }

    var text: String {
        func digits(_ value: UInt64) -> String {
            let text = String(value, radix: 16)
            return String(repeating: "0", count: 16 - text.count) + text
        }
        return digits(high) + digits(low)
    }
}

/// One legacy session. Any thread.
final class Session: Sendable {
    let key: SessionKey
    let text: [UInt8]
    let revision: Revision
    /// The endpoint path it was opened on; it is valid nowhere else.
    let path: String
    /// The principal it was opened for (`Principal.key`); it is nobody else's.
    let owner: String
    /// What its client can be asked.
    let abilities: Abilities
    /// The least severe log messages that the client wants (`logging/setLevel`); -1: it never said.
    private let level = Atomic<Int>(-1)
    /// Calls under way, as hashes of their ids: two with one id could not be told apart when one is cancelled.
    private let open = Mutex<ContiguousArray<UInt64>>([])
    let inFlight = Atomic<Int>(0)
    /// What it can be sent again; nil: nothing.
    let replay: ReplayLog?
    /// Open stand-alone streams.
    let streams = Atomic<Int>(0)
    /// What it hears of changes, and what it missed.
    let subscriptions = SessionSubscriptions()
    private let lastUsed: Atomic<UInt64>
    /// When the store must hear of its use, monotonic nanoseconds; .max: not yet, or never.
    let keepAt = Atomic<UInt64>(.max)

    /// - Parameter key: of a session that was opened elsewhere.
    init(
        revision: Revision, path: String, owner: String = "", abilities: Abilities = [],
        replay: ReplayLog? = nil, key: SessionKey = .random(), now: UInt64
    ) {
        self.owner = owner
        self.replay = replay
        self.abilities = abilities
        self.key = key
        text = Array(key.text.utf8)
        self.revision = revision
        self.path = path
        lastUsed = Atomic(now)
    }

    func hasOpen(_ id: UnsafeRawBufferPointer) -> Bool {
        let hash = NameTable.hash(id)
        return open.withLock { $0.contains(hash) }
    }

    func begin(_ id: UnsafeRawBufferPointer) {
        let hash = NameTable.hash(id)
        open.withLock { $0.append(hash) }
        inFlight.add(1, ordering: .relaxed)
    }

    func end(_ id: UnsafeRawBufferPointer) {
        let hash = NameTable.hash(id)
        open.withLock { open in
            guard let at = open.firstIndex(of: hash) else { return }
            open.swapAt(at, open.count - 1)
            open.removeLast()
        }
        inFlight.subtract(1, ordering: .relaxed)
    }

    var logLevel: LogLevel? {
        get { UInt8(exactly: level.load(ordering: .relaxed)).flatMap { LogLevel(rawValue: $0) } }
        set { level.store(newValue.map { Int($0.rawValue) } ?? -1, ordering: .relaxed) }
    }

    func touch(_ now: UInt64) { lastUsed.store(now, ordering: .relaxed) }
    /// How long nobody used it; 0 while a call or a stream is open.
    func idle(_ now: UInt64) -> UInt64 {
        guard inFlight.load(ordering: .relaxed) == 0, streams.load(ordering: .relaxed) == 0 else { return 0 }
        return now &- min(now, lastUsed.load(ordering: .relaxed))
    }
}

/// All sessions of the gateway. The one table that loops share: a legacy client may reconnect to any of them.
final class SessionTable: Sendable {
    /// Younger sessions never give way to new ones: 60 s.
    private static let shortestIdle: UInt64 = 60_000_000_000

    private let sessions = Mutex<[SessionKey: Session]>([:])
    private let limit: Int
    private let idleLimit: UInt64

    init(limit: Int, idleLimit: UInt64) {
        self.limit = limit
        self.idleLimit = idleLimit
    }

    /// A new session; nil when the limit is reached and nothing idle can give way.
    func open(
        revision: Revision, path: String, owner: String = "", abilities: Abilities = [],
        replay: ReplayLog? = nil, now: UInt64
    ) -> Session? {
        let session = Session(
            revision: revision, path: path, owner: owner, abilities: abilities, replay: replay, now: now)
        return enter(session, now: now)
    }

    /// Enters a session. Returns the one of its key: another one, if that was there before; nil when the limit is reached
    /// and nothing idle can give way.
    func enter(_ session: Session, now: UInt64) -> Session? {
        sessions.withLock { sessions in
            if let known = sessions[session.key] { return known }
            if sessions.count >= limit {
                // The one that nobody has used for longest gives way: many clients never end theirs.
                let oldest = sessions.values.max { $0.idle(now) < $1.idle(now) }
                if let oldest, oldest.idle(now) > SessionTable.shortestIdle { sessions[oldest.key] = nil }
            }
            guard sessions.count < limit else { return nil }
            sessions[session.key] = session
            return session
        }
    }

    func find(_ text: UnsafeRawBufferPointer) -> Session? {
        guard let key = SessionKey(text) else { return nil }
        return sessions.withLock { $0[key] }
    }

    /// A principal's own session: a session id is no credential (MCP, Security Best Practices, "Session Hijacking").
    func find(_ text: UnsafeRawBufferPointer, of caller: Principal) -> Session? {
        guard let session = find(text), caller.owns(session.owner) else { return nil }
        return session
    }

    func close(_ session: Session) { _ = sessions.withLock { $0.removeValue(forKey: session.key) } }

    /// Ends sessions that nobody used for the idle limit.
    func sweep(_ now: UInt64) {
        sessions.withLock { sessions in
            for (key, old) in sessions {
                old.replay?.trim(now)
                if old.idle(now) > idleLimit { sessions.removeValue(forKey: key) }
            }
        }
    }

    var count: Int { sessions.withLock { $0.count } }
}
