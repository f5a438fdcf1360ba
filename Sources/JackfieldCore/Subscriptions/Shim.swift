// SPDX-License-Identifier: Apache-2.0
// Stands in for the stored properties that subscriptions need on lanes, supervisors and sessions. Goes with the hooks.

import Synchronization

private struct Stored: @unchecked Sendable {
    var lanes: [ObjectIdentifier: LaneSubscriptions] = [:]
    var supervisors: [UInt64: UpstreamInterest] = [:]
    var sessions: [SessionKey: SessionSubscriptions] = [:]
}

private let stored = Mutex(Stored())

extension Lane {
    var standing: LaneSubscriptions {
        let key = ObjectIdentifier(self)
        nonisolated(unsafe) var found: LaneSubscriptions?
        stored.withLock { stored in
            if stored.lanes[key] == nil { stored.lanes[key] = LaneSubscriptions() }
            found = stored.lanes[key]
        }
        return found ?? LaneSubscriptions()
    }

    func dropSubscribers(where isGone: (Subscriber) -> Bool) {
        for subscriber in standing.streams.all where isGone(subscriber) { drop(subscriber) }
    }

    func resourceTarget(_ uri: String, _ view: View) -> Target? { nil }
}

extension Supervisor {
    var interest: UpstreamInterest {
        let key = endpoint.id
        nonisolated(unsafe) var found: UpstreamInterest?
        stored.withLock { stored in
            if stored.supervisors[key] == nil { stored.supervisors[key] = UpstreamInterest() }
            found = stored.supervisors[key]
        }
        return found ?? UpstreamInterest()
    }
}

extension Session {
    var subscriptions: SessionSubscriptions {
        stored.withLock { stored in
            if let known = stored.sessions[key] { return known }
            let made = SessionSubscriptions()
            stored.sessions[key] = made
            return made
        }
    }
}
