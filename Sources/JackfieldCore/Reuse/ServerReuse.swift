// SPDX-License-Identifier: Apache-2.0
// A server's kept answers and shared calls: one place for all loops, behind one lock.

import JSON
import MCP
import Synchronization

/// One call to a server that several callers wait for. What changes belongs to the lock of its `ServerReuse`; by itself it
/// is only a name (`@unchecked Sendable`).
final class Flight: @unchecked Sendable {
    let key: CallKey
    let reuse: Reuse
    /// For whom it is made.
    let principal: String
    /// resources/read: the server's own URI.
    let uri: String?
    fileprivate var waiters: Set<RelayKey>
    /// Where the call itself is.
    fileprivate var call = RelayKey(lane: 0, handle: 0)
    /// Its answer may serve later calls: nothing changed since it set out.
    fileprivate var isFresh = true
    fileprivate var isOver = false

    fileprivate init(_ key: CallKey, _ reuse: Reuse, principal: String, uri: String?, _ first: RelayKey) {
        self.key = key
        self.reuse = reuse
        self.principal = principal
        self.uri = uri
        waiters = [first]
    }
}

/// Belongs to the server object: whoever takes its place in the catalogue (after a reload or a swap) begins with nothing.
final class ServerReuse: Sendable {
    let plan: ReusePlan
    private let tools: [Pattern]
    private let resources: [Pattern]
    private let clearing: [Pattern]
    private let coalescedTools: [Pattern]
    private let coalescedResources: [Pattern]
    private let state: Mutex<State>

    private struct State {
        var store: ResponseStore
        /// Those that further callers may join.
        var flights: [CallKey: Flight] = [:]
        var counts = Counts()
    }

    struct Counts: Sendable {
        var hits = 0
        var misses = 0
        var coalesced = 0
        var entries = 0
        var bytes = 0
        var inFlight = 0
    }

    init(_ plan: ReusePlan) {
        self.plan = plan
        tools = plan.tools.map { Pattern($0) }
        resources = plan.resources.map { Pattern($0) }
        clearing = plan.clearedBy.map { Pattern($0) }
        coalescedTools = plan.coalescedTools.map { Pattern($0) }
        coalescedResources = plan.coalescedResources.map { Pattern($0) }
        state = Mutex(State(store: ResponseStore(maxBytes: plan.maxBytes, maxEntry: plan.maxEntry)))
    }

    /// What may be done for a call. That a tool is idempotent is not enough: a repetition does no harm, but to leave it out
    /// does, where something else happened between the two.
    func use(_ method: Method, _ name: String, _ traits: CallTraits) -> Reuse {
        func matches(_ patterns: [Pattern]) -> Bool {
            patterns.contains { $0.matches(name) }
        }
        switch method {
        case .toolsCall:
            let isReading = traits.contains(.readOnly)
            if isReading || plan.allowsUnannotated && !traits.contains(.destructive), matches(tools) {
                return .keep
            }
            return isReading && matches(coalescedTools) ? .join : .none
        case .resourcesRead:
            if matches(resources) { return .keep }
            return matches(coalescedResources) ? .join : .none
        default: return .none
        }
    }

    /// Whether a call changes what others read.
    func isCleared(by method: Method, _ name: String) -> Bool {
        method == .toolsCall && clearing.contains { $0.matches(name) }
    }

    /// Whose answers a call may get: nil: everybody's.
    func principal(of call: Call, _ reuse: Reuse) -> String? {
        guard reuse == .keep, plan.isPublic else { return call.principal }
        // What is everybody's is everybody's of one tenant; no principal's key begins so.
        return call.caller.tenant.isEmpty ? nil : "=" + call.caller.tenant
    }

    enum Start {
        case kept(KeptAnswer)
        /// It waits for a call that is under way.
        case joined(Flight)
        /// It waits for one that is to be made now.
        case led(Flight)
    }

    /// Finds an answer for a call, or has it wait for one: looking and joining are one step, so that of many callers that
    /// find nothing one call is made.
    func begin(
        _ key: CallKey, _ reuse: Reuse, by waiter: RelayKey, principal: String, uri: String?, now: UInt64
    ) -> Start {
        state.withLock { state in
            if reuse == .keep {
                if let answer = state.store.find(key, now: now) {
                    state.counts.hits += 1
                    return .kept(answer)
                }
                state.counts.misses += 1
            }
            if let flight = state.flights[key] {
                flight.waiters.insert(waiter)
                state.counts.coalesced += 1
                return .joined(flight)
            }
            let flight = Flight(key, reuse, principal: principal, uri: uri, waiter)
            state.flights[key] = flight
            return .led(flight)
        }
    }

    /// Notes where a flight's call is.
    func place(_ flight: Flight, at place: RelayKey) { state.withLock { _ in flight.call = place } }

    func place(of flight: Flight) -> RelayKey { state.withLock { _ in flight.call } }

    /// Those who wait for a flight.
    func waiters(of flight: Flight) -> [RelayKey] { state.withLock { _ in Array(flight.waiters) } }

    /// A caller waits no more. Returns where the call is if it was the last one: nobody wants it now.
    func leave(_ flight: Flight, _ waiter: RelayKey) -> RelayKey? {
        state.withLock { state in
            guard flight.waiters.remove(waiter) != nil, flight.waiters.isEmpty, !flight.isOver else {
                return nil
            }
            Self.end(flight, &state)
            return flight.call
        }
    }

    /// Ends a flight: nobody joins it any more. Returns those who wait, once.
    /// - Parameter answer: to be kept, until then.
    func land(_ flight: Flight, keeping answer: (KeptAnswer, until: UInt64)? = nil, now: UInt64) -> [RelayKey]
    {
        state.withLock { state in
            Self.end(flight, &state)
            if let (answer, until) = answer, flight.isFresh {
                state.store.keep(answer, for: flight.key, until: until, uri: flight.uri, now: now)
            }
            defer { flight.waiters = [] }
            return Array(flight.waiters)
        }
    }

    private static func end(_ flight: Flight, _ state: inout State) {
        flight.isOver = true
        if state.flights[flight.key] === flight { state.flights[flight.key] = nil }
    }

    // MARK: What changed

    /// Gives up everything. Calls under way end as they are: nobody joins them, and nothing of them is kept.
    /// - Returns: how many answers were kept.
    @discardableResult
    func clear() -> Int {
        // Many answers take a while to free: not while others wait for the lock.
        let gone = state.withLock { state in
            for flight in state.flights.values { flight.isFresh = false }
            state.flights.removeAll()
            return state.store.takeAll()
        }
        return gone.count
    }

    /// A resource changed.
    func clear(resource uri: String) {
        state.withLock { state in
            state.store.remove(changed: uri)
            let stale = state.flights.filter { _, flight in
                guard let own = flight.uri else { return false }
                return !ResourcePath.covering(uri, isSubscribed: { $0 == own }).isEmpty
            }
            for (key, flight) in stale {
                flight.isFresh = false
                state.flights[key] = nil
            }
        }
    }

    var counts: Counts {
        state.withLock { state in
            var counts = state.counts
            counts.entries = state.store.count
            counts.bytes = state.store.bytes
            counts.inFlight = state.flights.count
            return counts
        }
    }

    /// Writes an object: what operators see.
    func write(to writer: inout JSONWriter) {
        let counts = counts
        writer.beginObject()
        for (name, count) in [
            ("entries", counts.entries), ("bytes", counts.bytes), ("hits", counts.hits),
            ("misses", counts.misses), ("coalesced", counts.coalesced), ("in_flight", counts.inFlight),
        ] {
            writer.key(name)
            writer.value(count)
        }
        writer.endObject()
    }
}
