// SPDX-License-Identifier: Apache-2.0
// A server's room (bulkhead): how many calls it is given at once, who waits for a place, and who is refused.

import CJackfield
import CLinux
import JSON
import MCP
import Synchronization

/// Places of calls at one server, on all loops together.
final class ServerRoom: Sendable {
    let calls: Int
    let plan: RoomPlan
    /// Calls that wait, on all loops.
    let waiting = Atomic<Int>(0)
    /// By tool, prompt or resource; kept only where there is a bound.
    private let tools = Mutex<[String: Int]>([:])
    private let clients = Mutex<[RoomClient: Int]>([:])

    init(_ plan: RoomPlan, callsPerServer: Int) {
        self.plan = plan
        calls = plan.calls ?? callsPerServer
    }

    enum Refusal { case full, toolFull, clientFull }

    /// Who waits for a single tool, or is at the bound of his own, is passed by others.
    var isShared: Bool { plan.perTool != nil || plan.perClient != nil }

    /// Takes a place. Nil: it is taken.
    func take(_ server: Server, _ name: String, _ client: RoomClient?) -> Refusal? {
        if server.inFlight.add(1, ordering: .relaxed).newValue > calls {
            server.inFlight.subtract(1, ordering: .relaxed)
            return .full
        }
        guard isShared else { return nil }
        if let bound = plan.perTool, !tools.withLock({ Self.count(&$0, name, upTo: bound) }) {
            server.inFlight.subtract(1, ordering: .relaxed)
            return .toolFull
        }
        if let bound = plan.perClient, let client, !clients.withLock({ Self.count(&$0, client, upTo: bound) })
        {
            leave(server, name, nil)
            return .clientFull
        }
        return nil
    }

    func leave(_ server: Server, _ name: String?, _ client: RoomClient?) {
        server.inFlight.subtract(1, ordering: .relaxed)
        if plan.perTool != nil, let name { tools.withLock { Self.discount(&$0, name) } }
        if plan.perClient != nil, let client { clients.withLock { Self.discount(&$0, client) } }
    }

    private static func count<Key>(_ places: inout [Key: Int], _ key: Key, upTo bound: Int) -> Bool {
        let now = places[key, default: 0]
        guard now < bound else { return false }
        places[key] = now + 1
        return true
    }

    private static func discount<Key>(_ places: inout [Key: Int], _ key: Key) {
        guard let now = places[key] else { return }
        places[key] = now > 1 ? now - 1 : nil
    }
}

/// Who asks, as bounds for single clients count him: a principal wherever he comes from, else a session, else a connection.
/// Calls of plugins are nobody's.
enum RoomClient: Hashable, Sendable {
    case principal(String)
    case session(SessionKey)
    case connection(lane: Int, handle: UInt64)

    init?(_ call: Call) {
        if !call.caller.isNobody {
            self = .principal(call.principal)
        } else if let session = call.session {
            self = .session(session.key)
        } else if let client = call.client {
            self = .connection(lane: call.lane.index, handle: client.handle)
        } else {
            return nil
        }
    }
}

extension Lane {
    /// Gives a call a place at its server. False: it waits, or was refused.
    func enter(_ call: Call, _ target: Target, _ link: ServerLink, _ body: UnsafeRawBufferPointer) -> Bool {
        let server = link.server
        let room = server.room
        let refusal: ServerRoom.Refusal?
        let client = room.plan.perClient == nil ? nil : RoomClient(call)
        if link.queue.isEmpty || room.isShared {
            refusal = room.take(server, target.name, client)
        } else {
            refusal = .full  // behind those who wait already
        }
        guard let refusal else {
            call.roomName = room.plan.perTool == nil ? nil : target.name
            if let client { call.roomClient = client }
            call.countsAtServer = true
            return true
        }
        let what =
            switch refusal {
            case .full: "server \(server.name) has \(room.calls) calls under way, its limit"
            case .toolFull:
                "server \(server.name) has \(room.plan.perTool ?? 0) calls of \(target.name) under way, its limit"
            case .clientFull:
                "this client has \(room.plan.perClient ?? 0) calls of server \(server.name) under way, its limit"
            }
        guard room.plan.queue > 0 else {
            refuseRoom(call, what)
            return false
        }
        guard link.queue.count < room.plan.queue else {
            refuseRoom(call, what + ", and \(room.plan.queue) more wait")
            return false
        }
        if call.request.isEmpty { keep(call, target, body) }
        call.isQueued = true
        link.queue.append(call.handle)
        room.waiting.add(1, ordering: .relaxed)
        let until = min(call.deadline, jf_monotonic_ns() &+ room.plan.wait)
        call.timer = loop.arm(at: until, callTimedOut, Unmanaged.passUnretained(call).toOpaque())
        return false
    }

    /// A call that goes on where it was before: it had its place.
    func countUnbounded(_ call: Call, _ server: Server) {
        server.inFlight.add(1, ordering: .relaxed)
        call.countsAtServer = true
    }

    private func refuseRoom(_ call: Call, _ what: String) {
        gateway.counters.add(.overloads)
        fail(
            call, .internalError, what,
            data:
                "{\"server\":\(String(decoding: JSONWriter.quoted(call.server?.name ?? ""), as: UTF8.self)),"
                + "\"reason\":\"overload\"}",
            status: JF_STATUS_OVERLOADED, retryAfter: 1000)
    }

    /// No place in time.
    func roomTimedOut(_ call: Call) {
        let waited = Double((jf_monotonic_ns() &- call.startedAt) / 1_000_000) / 1000
        refuseRoom(call, "server \(call.server?.name ?? "?") had no room for the call within \(waited) s")
    }

    /// A call is over, or waits no more: its place, in the server or in the queue, is free.
    func leaveRoom(_ call: Call) {
        guard let server = call.server else { return }
        let room = server.room
        if call.isQueued, let link = call.link {
            call.isQueued = false
            room.waiting.subtract(1, ordering: .relaxed)
            link.queue.removeAll { $0 == call.handle }
        }
        guard call.countsAtServer else { return }
        call.countsAtServer = false
        room.leave(server, call.roomName, call.roomClient)
        guard room.waiting.load(ordering: .relaxed) > 0 else { return }
        if let link = link(server), !link.queue.isEmpty {
            loop.later { [weak self] in self?.callNext(link) }
        } else {
            gateway.onEveryLane { lane in
                if let link = lane.link(server) { lane.callNext(link) }
            }
        }
    }

    /// Lets those who wait in, first come first served, as far as there is room. With bounds for single tools or clients,
    /// other calls pass those who wait at theirs.
    private func callNext(_ link: ServerLink) {
        let server = link.server
        for handle in link.queue {
            guard let call = calls[handle], let target = call.target else { continue }
            let client = server.room.plan.perClient == nil ? nil : RoomClient(call)
            switch server.room.take(server, target.name, client) {
            case .full: return
            case .toolFull, .clientFull: continue
            case nil:
                call.roomName = server.room.plan.perTool == nil ? nil : target.name
                if let client { call.roomClient = client }
                call.countsAtServer = true
                call.isQueued = false
                server.room.waiting.subtract(1, ordering: .relaxed)
                link.queue.removeAll { $0 == handle }
                if call.timer != 0 { loop.cancelTimer(call.timer) }
                call.timer = 0
                placeAgain(call)
                return callNext(link)
            }
        }
    }
}
