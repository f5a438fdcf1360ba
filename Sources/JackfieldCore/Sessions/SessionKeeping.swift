// SPDX-License-Identifier: Apache-2.0
// Legacy sessions in the store: written by the lane that keeps them (`Lane.keeper`), which alone speaks of them with it.

import CJackfield
import CLinux
import MCP
import Synchronization

/// A session of this gateway that is in the store, or is to be. Belongs to its keeper's lane.
final class KeptSession {
    let key: SessionKey
    let digest: SHA256Digest
    /// Nil: it is over.
    weak var session: Session?
    /// Whom it was opened or taken up for, and from where: policies are asked again about what it subscribed to.
    let caller: Principal
    let address: String
    /// What the store has, as far as this gateway knows, and its revision there; 0: nothing.
    var stored: StoredSession?
    var revision: UInt64 = 0
    /// This gateway wrote last: no other one has gone on with the session since.
    var isOurs = false
    /// An operation is open: the store may run several in any order, so there is one at a time.
    var isBusy = false
    /// What is to be done once none is.
    var isDue = false
    var mustLook = false
    var isEnding = false
    /// The newest revision that was told of while one was open; .max: whichever it is.
    var heard: UInt64 = 0
    /// Changes that another gateway's came before, one after the other.
    var collisions = 0
    /// Who waits until the store has what is known now.
    var waiting: [SessionWait] = []
    /// Subscriptions that were taken over and are not confirmed yet, and those of them that a server was asked for.
    var awaited: Set<String> = []
    var asked: Set<String> = []

    init(_ session: Session, _ caller: Principal, address: String) {
        key = session.key
        digest = session.key.digest
        self.session = session
        self.caller = caller
        self.address = address
    }
}

/// Somebody who waits for the store, but not for long. Belongs to a lane.
final class SessionWait {
    private var done: ((Bool) -> Void)?
    private var timer: UInt64 = 0
    private let loop: EventLoop

    init(_ loop: EventLoop, _ limit: UInt64, _ done: @escaping (Bool) -> Void) {
        self.loop = loop
        self.done = done
        timer = loop.after(limit) { [weak self] in
            self?.timer = 0
            self?.end(false)
        }
    }

    func end(_ isKept: Bool) {
        if timer != 0 { loop.cancelAfter(timer) }
        timer = 0
        let done = self.done
        self.done = nil
        done?(isKept)
    }
}

/// What all lanes share. Any thread.
final class KeptTotal: Sendable {
    /// Sessions of this gateway by what they are called in the store.
    private let keys = Mutex<[SHA256Digest: SessionKey]>([:])
    /// The store tells of changes.
    let isTold = Atomic<Bool>(false)
    /// The store failed last.
    private let isFailing = Atomic<Bool>(false)

    func find(_ digest: SHA256Digest) -> SessionKey? { keys.withLock { $0[digest] } }
    func enter(_ digest: SHA256Digest, _ key: SessionKey) { keys.withLock { $0[digest] = key } }
    func remove(_ digest: SHA256Digest) { _ = keys.withLock { $0.removeValue(forKey: digest) } }

    /// True when that is news.
    func fails(_ now: Bool) -> Bool {
        guard isFailing.load(ordering: .relaxed) != now else { return false }
        return isFailing.exchange(now, ordering: .relaxed) != now
    }
}

/// What became of a search for a session.
enum SessionFinding: Sendable {
    /// It is in the table now.
    case known
    case unknown
    /// The store cannot tell. When to ask again, in milliseconds; 0: not said.
    case unavailable(UInt32)
    /// The table has no room.
    case full
}

/// One lane's part. Belongs to the lane.
final class SessionKeeping {
    /// How long clients wait for the store to have what they asked for, in nanoseconds.
    static let patience: UInt64 = 1_000_000_000
    /// When a write that failed is tried again, if the session is used: 10 s.
    static let pause: UInt64 = 10_000_000_000
    /// How long the end of a session stays in the store where gateways are told of it, in milliseconds: 5 minutes.
    static let endKept: UInt64 = 300_000
    /// Searches that may be under way for requests of one lane, and requests that wait for them.
    static let mostSearches = 256
    static let mostWaiting = 1000
    static let mostBytes = 64 << 20
    /// Other gateways' changes that one of ours gives way to, one after the other.
    static let mostCollisions = 8

    unowned let lane: Lane
    private let own = KeptTotal()

    // The lane's own requests.
    var questions: [SessionClaim: SessionQuestion] = [:]
    var waiting = 0
    var waitingBytes = 0
    var unknown = UnknownSessions()

    // As the keeper of sessions.
    var kept: [SessionKey: KeptSession] = [:]
    var searches: [SessionKey: [SessionSearch]] = [:]
    /// Sessions that subscribed to what no server here offers yet.
    var unresolved: Set<SessionKey> = []
    /// To be looked at, some at a time.
    private var checks: [SessionKey] = []

    init(_ lane: Lane) {
        self.lane = lane
        guard lane.index == 0 else { return }
        lane.loop.post { [unowned lane] in lane.keeping?.listen() }
    }

    /// The first lane's is the one that counts.
    var total: KeptTotal { lane.index == 0 ? own : lane.gateway.lane(0).keeping?.own ?? own }

    /// How long a record lives, in milliseconds: it is renewed after a quarter of the idle limit, and must outlive that.
    var ttl: UInt64 { max(1, (lane.limits.sessionIdle + renewal) / 1_000_000) }
    var renewal: UInt64 { lane.limits.sessionIdle / 4 }

    // MARK: Watching

    private func listen() {
        guard let store = lane.store else { return }
        let isTold = store.watch(own: Array(SessionKey.storePrefix.utf8)) { [weak self] key, revision in
            self?.heard(key, revision)
        }
        total.isTold.store(isTold, ordering: .relaxed)
    }

    /// The store tells the first lane of a change.
    private func heard(_ key: [UInt8]?, _ revision: UInt64) {
        guard let key else { return lane.gateway.onEveryLane { $0.keeping?.checkAll() } }
        guard let digest = SHA256Digest(storeKey: key), let session = total.find(digest) else { return }
        let keeper = lane.keeper(of: session)
        keeper.loop.post { keeper.keeping?.changed(session, revision) }
    }

    private func changed(_ key: SessionKey, _ revision: UInt64) {
        // Our own changes are told as well.
        guard let it = kept[key], revision == 0 || revision > it.revision else { return }
        if it.isBusy {
            it.heard = max(it.heard, revision == 0 ? .max : revision)
        } else {
            it.mustLook = true
            goOn(it)
        }
    }

    /// Nothing was told for a while: whatever is kept may have changed.
    private func checkAll() {
        let isUnderWay = !checks.isEmpty
        checks = Array(kept.keys)
        if !isUnderWay { checkSome() }
    }

    private func checkSome() {
        for key in checks.suffix(64) { changed(key, 0) }
        checks.removeLast(min(64, checks.count))
        if !checks.isEmpty { lane.loop.after(20_000_000) { [weak self] in self?.checkSome() } }
    }

    // MARK: Beginning and end

    /// A session was opened here.
    /// - Parameter done: whether the store has it; on this lane.
    func open(
        _ session: Session, _ caller: Principal, _ address: String, _ done: @escaping (Bool) -> Void
    ) {
        let it = KeptSession(session, caller, address: address)
        enter(it)
        change(it.key, done)
    }

    func enter(_ it: KeptSession) {
        kept[it.key] = it
        total.enter(it.digest, it.key)
    }

    /// The client ended a session.
    /// - Parameter done: whether the store knows that.
    func end(_ key: SessionKey, _ done: @escaping (Bool) -> Void) {
        guard let it = kept[key] else { return done(true) }
        it.isEnding = true
        it.waiting.append(SessionWait(lane.loop, Self.patience, done))
        goOn(it)
    }

    func forget(_ it: KeptSession) {
        guard kept[it.key] === it else { return }
        kept[it.key] = nil
        unresolved.remove(it.key)
        total.remove(it.digest)
    }

    /// Something about a session is not as the store has it.
    func change(_ key: SessionKey, _ done: ((Bool) -> Void)? = nil) {
        guard let it = kept[key] else {
            done?(false)
            return
        }
        it.isDue = true
        if let done { it.waiting.append(SessionWait(lane.loop, Self.patience, done)) }
        goOn(it)
    }

    /// Looks for sessions that are over, and for those whose only use is a stream or a call that stays open.
    func sweep() {
        var erased = 0
        for (key, it) in kept where !it.isBusy {
            guard let session = it.session else {
                // What is not erased now ends by itself.
                if it.isOurs, erased < 500 {
                    erased += 1
                    lane.store?.erase(SessionKey.storeKey(it.digest), revision: it.revision) { _ in }
                }
                forget(it)
                continue
            }
            if session.keepAt.load(ordering: .relaxed) <= lane.loop.now, session.idle(lane.loop.now) == 0 {
                session.keepAt.store(.max, ordering: .relaxed)
                change(key)
            }
        }
    }
}
