// SPDX-License-Identifier: Apache-2.0
// Looking, joining and landing: one call for many callers, and nothing kept that changed meanwhile.

import JSON
import MCP
import Testing

@testable import JackfieldCore

@Suite struct ServerReuseTests {
    private let reuse: ServerReuse

    init() {
        var plan = ReusePlan()
        plan.tools = ["look*"]
        plan.resources = ["res://*"]
        plan.coalescedTools = ["*"]
        plan.clearedBy = ["put*"]
        reuse = ServerReuse(plan)
    }

    private func key(_ name: String, _ principal: String? = "") throws -> CallKey {
        try JSONText(#"{"name":"t"}"#).withRoot {
            try #require(CallKey(.toolsCall, name: name, params: $0, principal: principal))
        }
    }

    private func begin(
        _ name: String, _ waiter: UInt64, principal: String = "", uri: String? = nil, now: UInt64 = 0
    ) throws -> ServerReuse.Start {
        reuse.begin(
            try key(name, principal), .keep, by: RelayKey(lane: 0, handle: waiter), principal: principal,
            uri: uri, now: now)
    }

    private func led(_ name: String, _ waiter: UInt64, uri: String? = nil, now: UInt64 = 0) throws -> Flight {
        guard case .led(let flight) = try begin(name, waiter, uri: uri, now: now) else {
            throw Unexpected()
        }
        return flight
    }

    private struct Unexpected: Error {}

    private let answer = KeptAnswer([1], serverIsModern: true, arrivedAt: 0)

    @Test func manyCallersOneCall() throws {
        let flight = try led("look", 1)
        for waiter in UInt64(2)...50 {
            guard case .joined(let other) = try begin("look", waiter) else { throw Unexpected() }
            #expect(other === flight)
        }
        guard case .led = try begin("look", 51, principal: "somebody else") else { throw Unexpected() }
        #expect(reuse.counts.coalesced == 49 && reuse.counts.inFlight == 2)
        let waiters = reuse.land(flight, keeping: (answer, until: 10), now: 0)
        #expect(Set(waiters.map(\.handle)) == Set(1...50))
        #expect(reuse.land(flight, now: 0).isEmpty)
        guard case .kept(let kept) = try begin("look", 52, now: 9) else { throw Unexpected() }
        #expect(kept === answer)
        // Its time is over: again one call for all.
        let next = try led("look", 53, now: 10)
        guard case .joined(let joined) = try begin("look", 54, now: 10) else { throw Unexpected() }
        #expect(joined === next)
    }

    @Test func theLastWhoLeavesEndsIt() throws {
        let flight = try led("look", 1)
        reuse.place(flight, at: RelayKey(lane: 3, handle: 77))
        _ = try begin("look", 2)
        #expect(reuse.leave(flight, RelayKey(lane: 0, handle: 1)) == nil)
        #expect(reuse.leave(flight, RelayKey(lane: 0, handle: 1)) == nil)
        #expect(reuse.leave(flight, RelayKey(lane: 0, handle: 2)) == RelayKey(lane: 3, handle: 77))
        // Nobody joins what was given up.
        let next = try led("look", 3)
        #expect(next !== flight)
        #expect(reuse.land(flight, keeping: (answer, until: 10), now: 0).isEmpty)
        #expect(reuse.waiters(of: next).count == 1)
    }

    @Test func whatSetOutBeforeAChangeIsNotKept() throws {
        let flight = try led("look", 1)
        reuse.clear()
        let newer = try led("look", 2)
        #expect(reuse.land(flight, keeping: (answer, until: 10), now: 0).count == 1)
        guard case .joined(let joined) = try begin("look", 3) else { throw Unexpected() }
        #expect(joined === newer)
        _ = reuse.land(newer, keeping: (answer, until: 10), now: 0)
        #expect(reuse.counts.entries == 1)
        #expect(reuse.clear() == 1)
        #expect(reuse.counts.entries == 0 && reuse.counts.bytes == 0)
    }

    @Test func aChangedResourceIsReadAnew() throws {
        let flight = try led("res://a", 1, uri: "res://a")
        let other = try led("res://b", 2, uri: "res://b")
        reuse.clear(resource: "res://a/part")
        _ = reuse.land(flight, keeping: (answer, until: 10), now: 0)
        _ = reuse.land(other, keeping: (answer, until: 10), now: 0)
        #expect(reuse.counts.entries == 1)
        guard case .kept = try begin("res://b", 3) else { throw Unexpected() }
    }

    @Test func onlyWhatReadsIsShared() {
        #expect(reuse.use(.toolsCall, "look_up", .reading) == .keep)
        #expect(reuse.use(.toolsCall, "other", .reading) == .join)
        // A repetition does no harm, but to leave one out may.
        #expect(reuse.use(.toolsCall, "look", .idempotent) == .none)
        #expect(reuse.use(.toolsCall, "look", []) == .none)
        #expect(reuse.use(.resourcesRead, "res://x", .reading) == .keep)
        #expect(reuse.use(.resourcesRead, "file:///x", .reading) == .none)
        #expect(reuse.use(.promptsGet, "look", .reading) == .none)
        #expect(reuse.isCleared(by: .toolsCall, "put_in") && !reuse.isCleared(by: .toolsCall, "look"))
        #expect(!reuse.isCleared(by: .resourcesRead, "put_in"))
        var plan = reuse.plan
        plan.allowsUnannotated = true
        let trusting = ServerReuse(plan)
        #expect(trusting.use(.toolsCall, "look", []) == .keep)
        #expect(trusting.use(.toolsCall, "look", .destructive) == .none)
        #expect(trusting.use(.toolsCall, "other", []) == .none)
    }
}
