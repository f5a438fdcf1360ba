// SPDX-License-Identifier: Apache-2.0
// Plugins that keep their lane too long: when it is too much, and where they may go.

import CJackfield
import JSON

/// What becomes of a plugin whose slots exceed the lane's budget (base.h, Lanes) again and again.
public struct SlowPlan: Sendable, Equatable {
    /// Move it off the lane; else the log says what there is to say, and nothing happens.
    public var moves = true
    /// So many overruns of one instance ...
    public var strikes = 100
    /// ... within so many nanoseconds are too many.
    public var window: UInt64 = 10_000_000_000

    public init() {}
}

/// Counts the overruns of one instance. Belongs to its lane.
struct StrikeCount {
    private let plan: SlowPlan
    private var count = 0
    private var since: UInt64 = 0

    init(_ plan: SlowPlan) { self.plan = plan }

    /// One more; true: with this one it is too much, and counting begins anew.
    mutating func isTooMany(at now: UInt64) -> Bool {
        if count == 0 || now &- since > plan.window {
            since = now
            count = 0
        }
        count += 1
        guard count >= plan.strikes else { return false }
        count = 0
        return true
    }
}

/// What was done about a slow plugin, for `/healthz`.
struct SlowMove: Sendable, Equatable {
    enum Place: String, Sendable { case lane, worker, cell }

    /// Where it works from now on.
    var place: Place
    /// The slot with which it was too much.
    var slot: String
    /// One clause.
    var why: String

    func write(to writer: inout JSONWriter) {
        writer.beginObject()
        for (key, text) in [("runs", place.rawValue), ("slot", slot), ("why", why)] {
            writer.key(key)
            writer.value(text)
        }
        writer.endObject()
    }
}

extension PluginManifest {
    /// Requests may be given to another thread, one at a time: a toolset with a single instance and nothing that
    /// binds it to its lane, neither slots of other facets nor callbacks nor services of the lane.
    var mayLeaveLane: Bool {
        threads == .serial && facets == [JF_TOOLSET_1] && provides.isEmpty
            && (requires + optional).allSatisfy(SlowPlan.servicesOfAnyThread.contains)
    }
}

extension SlowPlan {
    /// All slots of these may be called on any thread.
    static let servicesOfAnyThread: Set<String> = [
        JF_CLOCK_1, JF_CONFIG_1, JF_LOG_1, JF_OPS_1, JF_TOOLSETS_1,
    ]
}
