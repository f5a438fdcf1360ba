// SPDX-License-Identifier: Apache-2.0
// The further sessions of one lane with one endpoint of a legacy server: found, opened, queued for, closed when idle.

import MCP

/// Belongs to its lane.
final class UpstreamPool {
    unowned let lane: Lane
    let server: Server
    let endpoint: Endpoint
    private(set) var sessions: [UpstreamSession] = []
    /// Calls that wait for a session to become free: first come, first served.
    private var queue: [(key: UpstreamSession.Key, call: UInt64)] = []
    private var isClosing = false

    init(_ server: Server, _ endpoint: Endpoint, lane: Lane) {
        self.server = server
        self.endpoint = endpoint
        self.lane = lane
    }

    /// A session that can take the call now; nil when the call waits (its request must have been kept) or has failed.
    func session(for call: Call, base: Channel, revision: Revision) -> UpstreamSession? {
        let key = UpstreamSession.Key(principal: call.principal, abilities: call.abilities.interactive)
        var opening: UpstreamSession?
        for session in sessions where session.key == key {
            switch session.state {
            case .ready: if !base.isShared || session.isFree { return session }
            case .opening: opening = opening ?? session
            case .closed: break
            }
        }
        if !base.isShared, let opening {
            opening.wait(call)
            return nil
        }
        makeRoom()
        guard sessions.count < lane.limits.upstreamSessions else {
            queue.append((key, call.handle))
            return nil
        }
        open(key, for: call, base: base, revision: revision)
        return nil
    }

    private func open(_ key: UpstreamSession.Key, for call: Call, base: Channel, revision: Revision) {
        let session = UpstreamSession(self, key, for: call.caller, lane: lane)
        sessions.append(session)
        session.wait(call)
        session.open(base: base, revision: revision)
    }

    /// At the limit, a session that nobody uses gives way.
    private func makeRoom() {
        guard sessions.count >= lane.limits.upstreamSessions else { return }
        sessions.first { $0.isFree && $0.state == .ready }?.close()
    }

    /// A session has no call any more: the next in the queue takes it, or its place.
    func freed(_ session: UpstreamSession) {
        guard !isClosing else { return session.close() }
        queue.removeAll { lane.calls[$0.call] == nil }
        if let at = queue.firstIndex(where: { $0.key == session.key }) {
            let next = queue.remove(at: at)
            if let call = lane.calls[next.call] { return lane.resume(call, on: session) }
        }
        // Its place is wanted by somebody else: closing it pumps the queue.
        if !queue.isEmpty { return session.close() }
        session.rest()
    }

    /// A place is free: the next in the queue looks for a session again.
    func pump() {
        guard !isClosing, sessions.count < lane.limits.upstreamSessions else { return }
        while !queue.isEmpty {
            let next = queue.removeFirst()
            if let call = lane.calls[next.call] { return lane.resume(call, on: nil) }
        }
    }

    /// Tells the servers that were promised roots.
    func rootsChanged() {
        for session in sessions where session.key.abilities.contains(.roots) {
            session.notify(.rootsListChanged)
        }
    }

    func remove(_ session: UpstreamSession) { sessions.removeAll { $0 === session } }

    /// No new calls come; sessions end as soon as they are free.
    func close() {
        isClosing = true
        for session in sessions where session.isFree { session.close() }
    }
}
