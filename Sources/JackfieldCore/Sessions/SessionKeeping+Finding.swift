// SPDX-License-Identifier: Apache-2.0
// Taking up sessions that other gateways opened, or this one before it was started anew.

import CJackfield
import CLinux
import MCP

/// Somebody who looks for a session, on its keeper's lane.
struct SessionSearch: Sendable {
    let caller: Principal
    let address: String
    let answer: @Sendable (SessionFinding) -> Void
}

extension SessionKeeping {
    /// Looks for a session in the store, once for all who ask meanwhile.
    func find(_ key: SessionKey, _ search: SessionSearch) {
        if let it = kept[key] {
            if it.isEnding { return search.answer(.unknown) }
            if let session = it.session {
                // It gave way to others, and something still holds it.
                let isThere = lane.sessions.enter(session, now: lane.loop.now) != nil
                return search.answer(isThere ? .known : .full)
            }
        }
        if searches[key] != nil {
            searches[key]?.append(search)
            return
        }
        guard let store = lane.store else { return search.answer(.unavailable(0)) }
        searches[key] = [search]
        lane.counters.add(.sessionsSought)
        store.read(SessionKey.storeKey(key.digest)) { [self] answer in
            for search in searches.removeValue(forKey: key) ?? [] {
                search.answer(finding(key, answer, search))
            }
        }
    }

    private func finding(_ key: SessionKey, _ answer: StoreAnswer, _ search: SessionSearch) -> SessionFinding
    {
        switch answer.status {
        case Int32(JF_OK): break
        case Int32(JF_ABSENT): return .unknown
        default: return .unavailable(answer.retry)
        }
        guard let entry = answer.entry else { return .unavailable(0) }
        do throws(StoredProblem) {
            guard case .open(let stored) = try StoredEntry(entry.value),
                stored.owner == key.mark(of: search.caller.key)
            else { return .unknown }
            return takeUp(key, stored, entry.revision, search)
        } catch {
            complain(error)
            return .unknown
        }
    }

    private func takeUp(
        _ key: SessionKey, _ stored: StoredSession, _ revision: UInt64, _ search: SessionSearch
    ) -> SessionFinding {
        // Another one who waited was first.
        if kept[key]?.session != nil { return .known }
        // Event ids of elsewhere must not lead to streams of here.
        let first = UInt32(truncatingIfNeeded: SessionKey.random().low) >> 1 | 1 << 20
        let session = Session(
            revision: stored.revision, path: stored.path, owner: search.caller.key,
            abilities: stored.abilities,
            replay: lane.limits.replay > 0
                ? ReplayLog(limit: lane.limits.replay, budget: lane.gateway.replayBudget, first: first) : nil,
            key: key, now: lane.loop.now)
        session.logLevel = stored.level
        session.subscriptions.begin(stored.lists)
        guard lane.sessions.enter(session, now: lane.loop.now) === session else { return .full }
        let it = KeptSession(session, search.caller, address: search.address)
        it.stored = stored
        it.revision = revision
        enter(it)
        takeOver(stored.uris, it)
        lane.counters.add(.sessionsRestored)
        // Whoever had it before learns that it is used here.
        change(key)
        return .known
    }

    // MARK: Subscriptions

    /// Goes on with subscriptions that were made elsewhere.
    func takeOver(_ uris: Set<String>, _ it: KeptSession) {
        guard !uris.isEmpty else { return }
        it.awaited.formUnion(uris.prefix(max(0, lane.limits.subscriptionsPerStream - it.awaited.count)))
        resume(it)
    }

    /// Servers have listed, or other ones are there: what could not be subscribed to before may be now.
    func resume() {
        for key in unresolved { if let it = kept[key] { resume(it) } }
    }

    private func resume(_ it: KeptSession) {
        unresolved.insert(it.key)
        guard lane.isSettled, let session = it.session, let view = lane.catalog.view(session.path) else {
            return
        }
        var isLeft = false
        for uri in it.awaited where !it.asked.contains(uri) {
            guard let target = lane.resourceTarget(uri, view), lane.offersSubscriptions(target.server) else {
                isLeft = true
                continue
            }
            it.asked.insert(uri)
            let server = lane.catalog.servers[target.server]
            let lane = self.lane
            let key = it.key
            // What was allowed then may not be now.
            lane.mayWatch(
                .resourcesSubscribe, target, uri, it.caller, address: it.address, at: session.path
            ) { refusal in
                if let refusal {
                    lane.keeping?.resumed(key, uri, refusal)
                } else {
                    lane.join(session, server, target.name, shown: target.shownURI, as: uri) { refusal in
                        lane.loop.post { lane.keeping?.resumed(key, uri, refusal) }
                    }
                }
            }
        }
        if !isLeft { unresolved.remove(it.key) }
    }

    private func resumed(_ key: SessionKey, _ uri: String, _ refusal: InterestRefusal?) {
        guard let it = kept[key], it.asked.remove(uri) != nil, it.awaited.contains(uri),
            let session = it.session
        else { return }
        if let refusal, refusal.code == ErrorCode.internalError.rawValue {
            // Its server is away: the next word of that brings it here again.
            unresolved.insert(key)
            return
        }
        it.awaited.remove(uri)
        if let refusal {
            lane.log.write(
                .info, "a session's subscription did not go on",
                [.init("uri", uri), .init("why", refusal.text)])
            return change(key)
        }
        // It may have changed while nobody could tell.
        guard let at = session.subscriptions.place(uri) else { return }
        let teller = lane.gateway.lane(at)
        teller.loop.post {
            guard let stream = teller.standing.streams.stream(of: key), teller.tell(stream, resource: uri)
            else {
                return session.subscriptions.keep(uri)
            }
        }
    }

    /// The client unsubscribes. True: it was a subscription that is not confirmed yet.
    func forget(_ uri: String, of key: SessionKey) -> Bool {
        guard let it = kept[key] else { return false }
        it.asked.remove(uri)
        return it.awaited.remove(uri) != nil
    }
}
