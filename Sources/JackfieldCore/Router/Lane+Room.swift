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

    init(_ plan: RoomPlan, callsPerServer: Int) {
        self.plan = plan
        calls = plan.calls ?? callsPerServer
    }

    enum Refusal { case full, toolFull }

    /// Takes a place. Nil: it is taken.
    func take(_ server: Server, _ name: String) -> Refusal? {
        if server.inFlight.add(1, ordering: .relaxed).newValue > calls {
            server.inFlight.subtract(1, ordering: .relaxed)
            return .full
        }
        guard let bound = plan.perTool else { return nil }
        let fits = tools.withLock { tools in
            let now = tools[name, default: 0]
            guard now < bound else { return false }
            tools[name] = now + 1
            return true
        }
        if fits { return nil }
        server.inFlight.subtract(1, ordering: .relaxed)
        return .toolFull
    }

    func leave(_ server: Server, _ name: String?) {
        server.inFlight.subtract(1, ordering: .relaxed)
        guard plan.perTool != nil, let name else { return }
        tools.withLock { tools in
            guard let now = tools[name] else { return }
            tools[name] = now > 1 ? now - 1 : nil
        }
    }
}

extension Lane {
    /// Gives a call a place at its server. False: it waits, or was refused.
    func enter(_ call: Call, _ target: Target, _ link: ServerLink, _ body: UnsafeRawBufferPointer) -> Bool {
        let server = link.server
        let room = server.room
        let refusal: ServerRoom.Refusal?
        if link.queue.isEmpty || room.plan.perTool != nil {
            refusal = room.take(server, target.name)
        } else {
            refusal = .full  // behind those who wait already
        }
        guard let refusal else {
            call.roomName = room.plan.perTool == nil ? nil : target.name
            call.countsAtServer = true
            return true
        }
        let what =
            switch refusal {
            case .full: "server \(server.name) has \(room.calls) calls under way, its limit"
            case .toolFull:
                "server \(server.name) has \(room.plan.perTool ?? 0) calls of \(target.name) under way, its limit"
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
        room.leave(server, call.roomName)
        guard room.waiting.load(ordering: .relaxed) > 0 else { return }
        if let link = link(server), !link.queue.isEmpty {
            loop.later { [weak self] in self?.callNext(link) }
        } else {
            gateway.onEveryLane { lane in
                if let link = lane.link(server) { lane.callNext(link) }
            }
        }
    }

    /// Lets those who wait in, first come first served, as far as there is room. With bounds for single tools, calls of
    /// other tools pass those who wait for theirs.
    private func callNext(_ link: ServerLink) {
        let server = link.server
        for handle in link.queue {
            guard let call = calls[handle], let target = call.target else { continue }
            switch server.room.take(server, target.name) {
            case .full: return
            case .toolFull: continue
            case nil:
                call.roomName = server.room.plan.perTool == nil ? nil : target.name
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
