// SPDX-License-Identifier: Apache-2.0
// A server's rollout while it runs: which group a call belongs to, and what its end changes. Shared by all loops.

import JSON
import Synchronization

/// The state of one server's rollout. Choosing a group costs a load and a hash; a call's end takes a lock.
final class Rollout: Sendable {
    let plan: RolloutPlan
    /// By endpoint: whether it has the new version.
    let isNew: [Bool]
    private let endpoints: [EndpointPlan]
    private let salt: UInt64
    private let share: Atomic<Int>
    private let track: Mutex<RolloutTrack>

    init(_ plan: RolloutPlan, server: String, endpoints: [EndpointPlan]) {
        self.plan = plan
        self.endpoints = endpoints
        isNew = endpoints.map { $0.standing.version == plan.version }
        // Another version draws other callers first.
        salt = Rollout.hash(plan.version.utf8, Rollout.hash(server.utf8, 0xcbf2_9ce4_8422_2325))
        let first = RolloutTrack(plan)
        share = Atomic(first.share)
        track = Mutex(first)
    }

    /// The rollout of a server's plan: that of its predecessor, if it is the same one.
    static func of(_ plan: ServerPlan, after known: Rollout?) -> Rollout? {
        guard let wanted = plan.rollout else { return nil }
        if let known, known.plan == wanted, known.endpoints == plan.endpoints { return known }
        return Rollout(wanted, server: plan.name, endpoints: plan.endpoints)
    }

    // MARK: A call's group

    /// Whether a call belongs to the new version. The same caller stays with it while its share grows.
    func takes(principal: String, session: UnsafeRawBufferPointer?, chance: UInt64) -> Bool {
        let share = share.load(ordering: .relaxed)
        if share <= 0 { return false }
        if share >= 10000 { return true }
        return Rollout.point(key(principal, session) ?? chance) < share
    }

    private func key(_ principal: String, _ session: UnsafeRawBufferPointer?) -> UInt64? {
        switch plan.sticky {
        case .none: return nil
        case .principal where !principal.isEmpty: return Rollout.hash(principal.utf8, salt)
        case .session, .principal:
            if let session { return Rollout.hash(session, salt) }
            return principal.isEmpty ? nil : Rollout.hash(principal.utf8, salt)
        }
    }

    /// After a rollback nothing goes to the new version, whatever becomes of the old one.
    var isClosed: Bool { share.load(ordering: .relaxed) == 0 }

    /// FNV-1a, over bytes.
    static func hash(_ bytes: some Sequence<UInt8>, _ seed: UInt64) -> UInt64 {
        bytes.reduce(seed) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
    }

    /// A place among 10000, evenly spread over all keys (finalizer of MurmurHash3).
    static func point(_ key: UInt64) -> Int {
        var mixed = key
        mixed ^= mixed >> 33
        mixed &*= 0xff51_afd7_ed55_8ccd
        mixed ^= mixed >> 33
        mixed &*= 0xc4ce_b9fe_1a85_ec53
        mixed ^= mixed >> 33
        return Int(mixed.multipliedFullWidth(by: 10000).high)
    }

    // MARK: What calls and operators make of it

    func ended(_ endpoint: Int, failed: Bool, latency: UInt64, now: UInt64) -> RolloutTrack.Event? {
        track.withLock { track in
            let event = track.ended(isNew: isNew[endpoint], failed: failed, latency: latency, now: now)
            if event != nil { share.store(track.share, ordering: .relaxed) }
            return event
        }
    }

    /// Does what an operator asks; returns why not.
    func command(_ body: (inout RolloutTrack) -> String?) -> String? {
        track.withLock { track in
            let refusal = body(&track)
            share.store(track.share, ordering: .relaxed)
            return refusal
        }
    }

    var now: RolloutTrack { track.withLock { $0 } }
}

/// Which endpoints a call may go to, beside what their states say.
struct EndpointFilter {
    /// Those whose definition of its tool fits; nil: all.
    var fit: EndpointFit?
    /// By endpoint: whether it is new. Nil: there is no rollout, or the group does not matter.
    var isNew: [Bool]?
    var wantsNew = false
    /// Endpoints that were tried and are left out: the other group comes before them.
    var tried: UInt64 = 0
    /// By endpoint: where the call's tenant has its data. Nil: anywhere.
    var isNear: [Bool]?

    func admits(_ at: Int) -> Bool {
        if let isNear, !isNear[at] { return false }
        if let fit, !fit.contains(at) { return false }
        guard let isNew else { return true }
        return isNew[at] == wantsNew && (at > 63 || tried >> UInt64(at) & 1 == 0)
    }
}

extension Rollout {
    /// Writes an object.
    func write(to writer: inout JSONWriter) {
        let track = now
        writer.beginObject()
        writer.key("version")
        writer.value(plan.version)
        writer.key("state")
        writer.value(track.state.rawValue)
        if !track.reason.isEmpty {
            writer.key("reason")
            writer.value(track.reason)
        }
        writer.key("share")
        writer.value(Double(track.share) / 10000)
        writer.key("step")
        writer.value(track.step + 1)
        writer.key("steps")
        writer.value(plan.steps.count)
        for (name, counts) in [("new", track.new), ("old", track.reference)] {
            writer.key(name)
            writer.beginObject()
            writer.key("calls")
            writer.value(counts.calls)
            writer.key("failures")
            writer.value(counts.failures)
            if let slow = counts.latencies.percentile(95) {
                writer.key("p95_ms")
                writer.value(Double(slow.upperBound / 10_000) / 100)
            }
            writer.endObject()
        }
        writer.key("calls")
        writer.value(track.callsInAll)
        writer.key("failed_calls")
        writer.value(track.failuresInAll)
        writer.endObject()
    }

    var json: JSONValue {
        var writer = JSONWriter()
        write(to: &writer)
        return (try? JSONValue(parsing: writer.bytes)) ?? .null
    }
}
