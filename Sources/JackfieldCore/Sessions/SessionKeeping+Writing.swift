// SPDX-License-Identifier: Apache-2.0
// Writing a session into the store, and finding out there what other gateways made of it.

import CJackfield
import MCP
import Synchronization

extension SessionKeeping {
    /// Does what is next to be done for a session, unless something is under way.
    func goOn(_ it: KeptSession) {
        guard !it.isBusy, let store = lane.store else { return }
        if it.isEnding { return writeEnd(it, store) }
        guard let session = it.session else {
            settle(&it.waiting, false)
            return
        }
        if it.mustLook { return look(it, session, store) }
        guard it.isDue else { return }
        it.isBusy = true
        it.isDue = false
        let told = it.waiting
        it.waiting = []
        let next = shape(it, session)
        store.write(
            SessionKey.storeKey(it.digest), StoredEntry.open(next).bytes, ttl: ttl,
            it.revision == 0 ? .absent : .revision(it.revision)
        ) { [self] answer in
            it.isBusy = false
            var told = told
            switch answer.status {
            case Int32(JF_OK):
                it.stored = next
                it.revision = answer.entry?.revision ?? it.revision
                it.isOurs = true
                it.collisions = 0
                session.keepAt.store(lane.loop.now &+ renewal, ordering: .relaxed)
                works()
                settle(&told, true)
            case Int32(JF_E_STALE) where it.collisions < Self.mostCollisions:
                // Somebody else wrote first: theirs is read, and ours comes on top.
                it.collisions += 1
                it.mustLook = true
                it.isDue = true
                it.waiting = told + it.waiting
            default:
                failed(it, answer)
                settle(&told, false)
            }
            if it.heard > it.revision { it.mustLook = true }
            it.heard = 0
            goOn(it)
        }
    }

    private func settle(_ waiting: inout [SessionWait], _ isKept: Bool) {
        let told = waiting
        waiting = []
        for wait in told { wait.end(isKept) }
    }

    private func writeEnd(_ it: KeptSession, _ store: StoreBinding) {
        it.isBusy = true
        let isTold = total.isTold.load(ordering: .relaxed)
        store.write(
            SessionKey.storeKey(it.digest), StoredEntry.ended.bytes,
            ttl: isTold ? min(Self.endKept, ttl) : ttl, .always
        ) { [self] answer in
            forget(it)
            // What the store never had needs no end there.
            settle(&it.waiting, answer.status == JF_OK || it.revision == 0)
        }
    }

    /// A session as it is here.
    private func shape(_ it: KeptSession, _ session: Session) -> StoredSession {
        var uris = it.awaited
        if let record = lane.standing.sessions[it.key] {
            for (uri, at) in record.places where record.resources[at].isConfirmed { uris.insert(uri) }
        }
        return StoredSession(
            owner: it.key.mark(of: session.owner), path: session.path, revision: session.revision,
            abilities: session.abilities, level: session.logLevel, lists: session.subscriptions.lists,
            uris: uris)
    }

    // MARK: Failures

    private func failed(_ it: KeptSession, _ answer: StoreAnswer) {
        lane.counters.add(.sessionsUnkept)
        // Not before somebody uses it again, and not at once.
        it.session?.keepAt.store(lane.loop.now &+ Self.pause, ordering: .relaxed)
        it.collisions = 0
        guard total.fails(true) else { return }
        lane.log.write(
            .warning, "sessions are not kept: they end with this gateway",
            [
                .init("store", lane.store?.plan.kind ?? ""), .init("status", statusName(answer.status)),
                .init("why", answer.message),
            ])
    }

    private func works() {
        if total.fails(false) { lane.log.write(.info, "sessions are kept again") }
    }

    // MARK: What others wrote

    private func look(_ it: KeptSession, _ session: Session, _ store: StoreBinding) {
        it.isBusy = true
        it.mustLook = false
        store.read(SessionKey.storeKey(it.digest)) { [self] answer in
            it.isBusy = false
            switch answer.status {
            case Int32(JF_OK):
                if let entry = answer.entry { read(it, session, entry) }
            case Int32(JF_ABSENT):
                // Expired or lost, for an end would be there: whoever uses it has it written anew.
                it.revision = 0
                it.isOurs = false
                it.stored = nil
                it.isDue = true
            default:
                failed(it, answer)
                it.isDue = false
                settle(&it.waiting, false)
            }
            if it.heard > it.revision { it.mustLook = true }
            it.heard = 0
            goOn(it)
        }
    }

    private func read(_ it: KeptSession, _ session: Session, _ entry: StoreEntry) {
        guard entry.revision != it.revision else { return }
        do throws(StoredProblem) {
            switch try StoredEntry(entry.value) {
            case .ended:
                lane.sessions.close(session)
                lane.gateway.sessionEnded(it.key)
                forget(it)
                it.isDue = false
                settle(&it.waiting, true)
            case .open(let theirs):
                let mine = shape(it, session)
                let both = StoredSession.merged(base: it.stored, mine: mine, theirs: theirs)
                it.stored = theirs
                it.revision = entry.revision
                it.isOurs = false
                session.logLevel = both.level
                for uri in mine.uris.subtracting(both.uris) { _ = lane.leave(session, uri) }
                takeOver(both.uris.subtracting(mine.uris), it)
                if both.uris != theirs.uris || both.level != theirs.level { it.isDue = true }
                session.keepAt.store(lane.loop.now &+ renewal, ordering: .relaxed)
            }
        } catch {
            complain(error)
            it.isDue = false
            settle(&it.waiting, false)
        }
    }

    func complain(_ problem: StoredProblem) {
        lane.log.write(
            .warning, "a session in the store cannot be read",
            [.init("store", lane.store?.plan.kind ?? ""), .init("why", problem.text)])
    }
}
