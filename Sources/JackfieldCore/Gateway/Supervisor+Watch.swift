// SPDX-License-Identifier: Apache-2.0
// How an endpoint tells of changes: the one `subscriptions/listen` that a modern server has of us, or the stream of a
// legacy one. Everything that anybody downstream wants to hear is in it.

import CJackfield
import CLinux
import JSON
import MCP

extension Supervisor {
    /// Changes of interest that come together count as one: 50 ms, and longer where the whole is long (10 us for each
    /// resource), since every change says it anew.
    private var coalescing: UInt64 {
        max(50_000_000, UInt64(clamping: resourceWatch?.entries.count ?? 0) * 10_000)
    }

    /// Whether this endpoint can say something about subscriptions to resources.
    var mayWatchResources: Bool {
        status.state == .up && status.capabilities.resourcesSubscribe && !isStopped
    }

    var resourceWatch: ServerWatch? { lane.standing.watches[server.generation] }

    /// Opens what is missing of the way to hear of changes; whenever the endpoint comes up, and after each listing.
    func openWatch() {
        guard let channel, !channel.isToolset, let revision = status.revision else { return }
        if interest.epoch != status.epoch {
            interest.epoch = status.epoch
            interest.lose()
            interest.queue = Set(resourceWatch.map { Array($0.entries.keys) } ?? [])
        }
        if !revision.isModern, !channel.isShared { openStream(revision) }
        look()
    }

    /// Resources that became wanted, or unwanted.
    func interestsChanged(_ uris: [String]) {
        interest.queue.formUnion(uris)
        lookSoon()
    }

    /// At the end of this turn, or some time after the last look: bursts make one change.
    func lookSoon() {
        guard !interest.isScheduled, !isStopped else { return }
        interest.isScheduled = true
        let since = lane.loop.now &- interest.lastLook
        let pause = coalescing
        let body = { [weak self] in
            guard let self else { return }
            self.interest.isScheduled = false
            self.look()
        }
        if since >= pause {
            lane.loop.later(body)
        } else {
            lane.loop.after(pause - since, body)
        }
    }

    /// Compares what is wanted with what the server was asked for.
    private func look() {
        guard !isStopped, let revision = status.revision, status.state == .up,
            step == .up || step == .listing
        else { return }
        interest.lastLook = lane.loop.now
        if isToolset || !status.capabilities.resourcesSubscribe {
            let unserved = interest.queue
            interest.queue = []
            refuse(unserved, code: .methodNotFound, "does not offer subscriptions to its resources")
        }
        if isToolset { return }
        if revision.isModern { updateListen() } else { updateSubscriptions() }
    }

    func settle(_ uris: some Sequence<String>, _ refusal: InterestRefusal? = nil) {
        lane.endpointSettled(server, endpoint.index, uris, refusal)
    }

    func refuse(_ uris: some Sequence<String>, code: ErrorCode = .internalError, _ why: String) {
        settle(uris, InterestRefusal(code: code.rawValue, text: "server \(server.name) \(why)"))
    }

    /// `notifications/resources/updated`. `listen`: the request that it belongs to, where that is known.
    func resourceUpdated(_ uri: String, on listen: UInt64?) {
        if let listen, let current = interest.current {
            if listen == current.handle {
                for old in interest.retiring { old.told.insert(uri) }
            } else if let old = interest.retiring.first(where: { $0.handle == listen }) {
                // Its successor says the same, unless this was said before the server knew of that one.
                old.late.insert(uri)
                return
            }
        }
        lane.resourceChanged(server, uri)
    }

    /// Those who subscribed before the connection was lost are told: something may have changed meanwhile.
    func tellLost(_ uris: some Sequence<String>) {
        for uri in uris where interest.lost.remove(uri) != nil { lane.resourceChanged(server, uri) }
    }

    // MARK: Legacy

    /// The stand-alone stream of the session (2025-11-25, Streamable HTTP, "Listening for Messages from the Server").
    private func openStream(_ revision: Revision) {
        if watch != 0 {
            if interest.streamEpoch == status.epoch { return }
            // It belongs to a session that was replaced.
            interest.streamTurn += 1
            closeWatch(watch)
            watch = 0
        }
        watchOpenedAt = lane.loop.now
        interest.streamEpoch = status.epoch
        interest.streamTurn += 1
        let turn = interest.streamTurn
        let handle = request(.ping, params: "", revision: revision, timeout: nil, kind: JF_KIND_STREAM) {
            [weak self] answer in
            guard let self, self.interest.streamTurn == turn else { return }
            self.watch = 0
            self.watchEnded(answer)
        }
        if interest.streamTurn == turn { watch = handle }
    }

    // MARK: Ends

    func watchEnded(_ answer: InternalAnswer) {
        guard step == .up else { return }
        let lived = lane.loop.now &- watchOpenedAt
        switch answer {
        case .error: return noStream()  // it does not offer the stream
        case .status(let status)
        where Int(status) != JF_STATUS_UNAVAILABLE && (Int(status) != JF_STATUS_OK || lived < 1_000_000_000):
            // 405, or a page that is no stream: it offers none. 404: the next call finds out about the session.
            if Int(status) != JF_STATUS_NOT_FOUND { noStream() }
            return
        default: reopenLater()
        }
    }

    func reopenLater() {
        if lane.loop.now &- watchOpenedAt > 60_000_000_000 { watchBackOff.reset() }
        // Dropped: what changed meanwhile is unknown, so everything is listed again once the server answers.
        let epoch = status.epoch
        lane.loop.after(watchBackOff.next(lane.nextSpan())) { [weak self] in
            guard let self, self.step == .up, self.watch == 0, self.status.epoch == epoch else { return }
            self.probe()
        }
    }

    private func noStream() {
        interest.hasNoStream = true
        if status.revision?.isModern == true { interest.isRefused = true }
        if let watch = resourceWatch { interest.queue.formUnion(watch.entries.keys) }
        lookSoon()
    }
}
