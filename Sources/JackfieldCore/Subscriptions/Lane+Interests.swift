// SPDX-License-Identifier: Apache-2.0
// Subscribed resources on their way between lanes: first and last interests to a server's home lane, its word and its
// changes back.

import JSON
import MCP

extension Lane {
    /// Subscriptions to resources of all clients together: ten for each stream, if all were open.
    var resourceLimit: Int { limits.streams.multipliedReportingOverflow(by: 10).partialValue }

    func leave(_ holder: ResourceHolder, at index: Int) {
        standing.interests.leave(holder, at: index)
        streamTotal.giveResources(1)
        tellHomesSoon()
    }

    func leaveAll(_ holder: ResourceHolder) {
        guard !holder.resources.isEmpty else { return }
        streamTotal.giveResources(holder.resources.count)
        standing.interests.leaveAll(holder)
        tellHomesSoon()
    }

    /// Home lanes hear of this turn's first and last interests at its end, all at once.
    func tellHomesSoon() {
        guard !standing.isTelling else { return }
        standing.isTelling = true
        loop.later { [weak self] in self?.tellHomes() }
    }

    private func tellHomes() {
        standing.isTelling = false
        let from = index
        for (server, news) in standing.interests.takeNews() {
            let home = gateway.lane(server.homeLane)
            home.loop.post { home.interestsChanged(server, from: from, news) }
        }
    }

    /// A new catalogue may have other servers under the names of old ones: interests go along.
    func carryInterests() {
        guard !standing.interests.servers.isEmpty else { return }
        var moved = false
        for server in catalog.servers {
            guard let own = standing.interests.servers[server.name], own.server !== server else { continue }
            let old = own.server
            let home = gateway.lane(old.homeLane)
            home.loop.post { home.standing.watches[old.generation] = nil }
            standing.interests.follow(server)
            moved = true
        }
        if moved { tellHomesSoon() }
    }

    // MARK: The server's word

    /// A server agreed to tell of resources, or refused.
    func interestsSettled(_ server: String, _ uris: [String], _ refusal: InterestRefusal?) {
        for uri in uris {
            guard let interest = standing.interests.interest(server, uri) else { continue }
            if let refusal {
                while let last = interest.holders.last {
                    let shown = last.holder.resources[Int(last.index)].shownURI
                    forget(last.holder, at: Int(last.index))
                    settled(last.holder, shown, refusal)
                }
            } else if !interest.isConfirmed {
                interest.isConfirmed = true
                for entry in interest.holders {
                    let shown = entry.holder.resources[Int(entry.index)].shownURI
                    entry.holder.confirm(at: Int(entry.index))
                    settled(entry.holder, shown, nil)
                }
            } else {
                // A successor of the server agreed: what changed between the two is unknown.
                resourceChanged(server, uri, covering: [uri])
            }
        }
    }

    private func forget(_ holder: ResourceHolder, at index: Int) {
        if let record = holder as? SessionRecord { record.places[record.resources[index].shownURI] = nil }
        leave(holder, at: index)
    }

    private func settled(_ holder: ResourceHolder, _ shown: String, _ refusal: InterestRefusal?) {
        if let record = holder as? SessionRecord {
            record.settle(shown, refusal)
        } else if let subscriber = holder as? Subscriber, subscriber.unsettled == 0 {
            acknowledge(subscriber)
        }
    }

    // MARK: Changes

    /// A resource changed. `covering`: the subscribed URIs that it belongs to; none: everybody who subscribed to
    /// anything of the server hears of it.
    func resourceChanged(_ server: String, _ uri: String, covering: [String]) {
        guard let own = standing.interests.servers[server] else { return }
        standing.changes += 1
        if covering.isEmpty {
            for interest in Array(own.resources.values) { tell(interest, uri) }
        } else {
            for subscribed in covering {
                if let interest = own.resources[subscribed] { tell(interest, uri) }
            }
        }
    }

    private func tell(_ interest: ResourceInterest, _ uri: String) {
        for entry in interest.holders {
            let holder = entry.holder
            let at = Int(entry.index)
            guard holder.lastChange != standing.changes, at < holder.resources.count,
                holder.resources[at].isConfirmed
            else { continue }
            holder.lastChange = standing.changes
            let subscription = holder.resources[at]
            let shown = ResourcePath.shown(uri, of: interest.uri, as: subscription.shown)
            if let subscriber = holder as? Subscriber {
                if !tell(subscriber, resource: shown) { subscriber.hold(at: at) }
            } else if let record = holder as? SessionRecord, let session = record.session {
                tell(session, subscription.shownURI, shown)
            }
        }
    }

    /// Tells a legacy session on its stream, wherever that is; without one it waits for the next.
    private func tell(_ session: Session, _ subscribed: String, _ changed: String) {
        guard let at = session.subscriptions.place(subscribed) else { return }
        if at == index { return tellHere(session, subscribed, changed) }
        let lane = gateway.lane(at)
        lane.loop.post { lane.tellHere(session, subscribed, changed) }
    }

    private func tellHere(_ session: Session, _ subscribed: String, _ changed: String) {
        if let subscriber = standing.streams.stream(of: session.key) {
            if !tell(subscriber, resource: changed) { session.subscriptions.keep(subscribed) }
        } else if let at = session.subscriptions.place(subscribed) {
            // It moved meanwhile. Where it is not yet entered, it finds the note.
            session.subscriptions.keep(subscribed)
            let lane = gateway.lane(at)
            lane.loop.post {
                if let subscriber = lane.standing.streams.stream(of: session.key) { lane.release(subscriber) }
            }
        }
    }
}

extension ResourcePath {
    /// A changed URI as a client sees it that subscribed to `own` under the name `shown` (nil: its own).
    static func shown(_ uri: String, of own: String, as shown: String?) -> String {
        guard let shown else { return uri }
        if uri.hasPrefix(own) { return shown + uri.dropFirst(own.count) }
        // SERVER+URI: other URIs of that server carry the same head.
        return shown.hasSuffix(own) ? shown.dropLast(own.count) + uri : uri
    }
}
