// SPDX-License-Identifier: Apache-2.0
// Places at a server, counted for single clients.

import Synchronization
import Testing

@testable import JackfieldCore

@Suite struct ServerRoomTests {
    private func server(_ edit: (inout RoomPlan) -> Void) -> Server {
        var plan = ServerPlan(name: "s")
        plan.endpoints = [EndpointPlan(options: "{}")]
        edit(&plan.room)
        return Server(plan, generation: 1, homeLane: 0, limits: LimitsPlan())
    }

    @Test func oneClientDoesNotTakeAnothersPlaces() {
        let server = server { $0.perClient = 2 }
        let (one, two) = (RoomClient.principal("one"), RoomClient.connection(lane: 0, handle: 7))
        #expect(server.room.take(server, "t", one) == nil)
        #expect(server.room.take(server, "t", one) == nil)
        #expect(server.room.take(server, "t", one) == .clientFull)
        #expect(server.room.take(server, "t", two) == nil)
        // Plugins' calls are nobody's.
        #expect(server.room.take(server, "t", nil) == nil)
        server.room.leave(server, "t", one)
        #expect(server.room.take(server, "t", one) == nil)
        #expect(server.inFlight.load(ordering: .relaxed) == 4)
    }

    @Test func aRefusalLeavesNoTrace() {
        let server = server {
            $0.perTool = 2
            $0.perClient = 1
        }
        let one = RoomClient.principal("one")
        #expect(server.room.take(server, "t", one) == nil)
        for _ in 0..<5 { #expect(server.room.take(server, "t", one) == .clientFull) }
        #expect(server.room.take(server, "t", .principal("two")) == nil)
        #expect(server.room.take(server, "t", .principal("three")) == .toolFull)
        #expect(server.inFlight.load(ordering: .relaxed) == 2)
    }
}
