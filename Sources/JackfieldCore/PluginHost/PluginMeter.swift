// SPDX-License-Identifier: Apache-2.0
// The border between the host and one plugin instance: metered always, traced and made to fail on request.

import CJackfield
import CLinux
import CMeter
import JSON
import Synchronization

/// What an operator asked for at a plugin's border. For tests and diagnosis.
public struct BorderPlan: Sendable, Equatable {
    /// Something that goes wrong on purpose.
    public enum Fault: Sendable, Equatable {
        /// Each `every`-th call of a slot waits `delay` nanoseconds, then fails where `status` is below 0.
        case slot(String, delay: UInt64, status: Int32, every: Int)
        /// The host does not offer this service.
        case absent(String)
    }

    public var faults: [Fault] = []
    /// Log each call across the border.
    public var isTraced = false

    public init() {}

    /// The status below 0 that a word stands for (base.h, Errors): `busy`, `gone`.
    public static func status(named word: String) -> Int32 {
        (JF_E_FAULT...JF_E_INVALID).map { Int32($0) }.first { statusName($0) == word } ?? Int32(JF_E_FAULT)
    }

    /// Why a fault cannot be injected at the border of a plugin; nil: it can.
    /// - Parameter interposes: something offers `jf.interpose/1`, without which tables of third parties are not
    ///   reached.
    static func problem(
        _ fault: Fault, _ manifest: PluginManifest? = nil, interposes: Bool = false
    ) -> String? {
        guard case .slot(let name, _, let status, _) = fault else { return nil }
        let own = (manifest?.signatures ?? []).compactMap { $0.slot(named: name) }
        if let slot = own.first(where: { status == 0 || $0.givesStatus }) ?? own.first {
            guard interposes else {
                return "slot '\(name)' is a third party's: faults reach it through a plugin that offers "
                    + "\(JF_INTERPOSE_1); install abi-libffi"
            }
            return status == 0 || slot.givesStatus
                ? nil : "slot '\(name)' cannot fail, it answers no status; give it a delay only"
        }
        switch jf_fault_check(name, status) {
        case Int32(JF_OK): return nil
        case Int32(JF_ABSENT):
            return "no facet has a slot '\(name)'; a service's slot is named with its table: loop.timer"
        default: return "slot '\(name)' cannot fail, it answers nothing; give it a delay only"
        }
    }
}

/// The meter of one instance. The shim's tables and counters live as long as this.
///
/// Reading is atomic, all else happens on the instance's lane, hence `@unchecked Sendable`.
final class PluginMeter: @unchecked Sendable {
    /// How long a slot may keep the lane (base.h, Lanes), in nanoseconds.
    static let budget: UInt64 = 1_000_000
    /// Slow calls of one slot are reported once in this time, in nanoseconds.
    static let quietTime: UInt64 = 10_000_000_000

    private let id: String
    private let lane: Int
    private let log: Log
    private let options: jf_shim_options
    private let faults: [BorderPlan.Fault]
    private let foreignBorders = Mutex<[ForeignBorder]>([])
    /// `jf_shim *`
    let shim: OpaquePointer
    private var strikes: StrikeCount
    /// Hears, on the lane and from inside the plugin, of a slot with which there were too many overruns.
    var isTooSlow: ((UInt32) -> Void)?

    /// - Parameter slow: how many overruns are too many; nil: nobody counts them.
    init(_ library: PluginLibrary, lane: Int, border: BorderPlan, slow: SlowPlan? = nil, log: Log) {
        strikes = StrikeCount(slow ?? SlowPlan())
        id = library.manifest.id
        self.lane = lane
        self.log = log
        var options = jf_shim_options()
        options.budget_ns = PluginMeter.budget
        options.quiet_ns = PluginMeter.quietTime
        options.traces = border.isTraced ? 1 : 0
        options.concurrent = library.manifest.threads == .concurrent ? 1 : 0
        options.trace = { context, line in
            guard let context, let line else { return }
            meter(context).trace(line.pointee)
        }
        options.slow = { context, table, slot, duration, unreported in
            guard let context, let table, let slot else { return }
            meter(context).reportSlow(
                String(cString: table) + "." + String(cString: slot), duration, unreported)
        }
        if slow != nil {
            options.overrun = { context, slot in
                guard let context else { return }
                meter(context).overran(slot)
            }
        }
        // The shim keeps the context, and it is this object's own: both go together.
        guard let made = jf_shim_new(&options, library.table) else { fatalError("out of memory") }
        shim = made
        self.options = options
        faults = border.faults
        jf_shim_set_context(shim, Unmanaged.passUnretained(self).toOpaque())
        for fault in border.faults {
            switch fault {
            case .slot(let name, let delay, let status, let every):
                jf_shim_inject(shim, name, delay, status, UInt32(clamping: every))
            case .absent(let service): jf_shim_hide(shim, service)
            }
        }
        if !border.faults.isEmpty, lane == 0 {
            log.write(.warning, "faults are injected at this plugin's border", [.init("plugin", id)])
        }
    }

    deinit { jf_shim_free(shim) }

    // MARK: The instance

    /// Stands for the plugin's `jf_self` in every slot.
    var own: OpaquePointer? { OpaquePointer(jf_shim_self(shim)) }

    /// The plugin's table as the host calls it; without `create`.
    var table: jf_plugin {
        jf_shim_plugin(shim).assumingMemoryBound(to: jf_plugin.self).pointee
    }

    /// Makes the instance behind the border; `JF_OK` only when there is one.
    func create(_ offer: jf_offer, config: String, _ fault: inout jf_fault) -> Int32 {
        var offer = offer
        return withView(config) { jf_shim_create(shim, &offer, $0.ptr, $0.len, &fault) }
    }

    // MARK: Tables of third parties

    /// Puts a table in front of the plugin's own, from now on metered here.
    func stand(
        before real: UnsafeRawPointer, of table: ForeignTable, by interposer: jf_interpose_1
    ) throws(BorderFault) -> UnsafeRawPointer {
        var options = options
        options.context = Unmanaged.passUnretained(self).toOpaque()
        let made = try ForeignBorder(
            table, real, interposer: interposer, options: options, faults: faults)
        foreignBorders.withLock { $0.append(made) }
        return made.wrapped
    }

    /// Nobody calls any of them any more.
    func endForeignBorders() {
        for border in foreignBorders.withLock({ $0 }) where !border.end() {
            // A call never left: whatever it may still report to stays.
            _ = Unmanaged.passRetained(self)
        }
    }

    // MARK: Reading. [any]

    /// Adds what was counted at tables of third parties, by `ID.SLOT`.
    func addForeign(to totals: inout [(name: String, counts: jf_slot_counts)]) {
        for border in foreignBorders.withLock({ $0 }) { border.add(to: &totals) }
    }

    /// Adds what was counted so far, by slot.
    func add(to totals: inout [jf_slot_counts]) {
        var counts = jf_slot_counts()
        for slot in totals.indices where jf_shim_read(shim, UInt32(slot), &counts) != 0 {
            totals[slot].add(counts)
        }
    }

    // MARK: Lines

    private func trace(_ line: jf_trace_line) {
        let arguments = UnsafeRawBufferPointer(start: line.arguments, count: line.arguments_len)
        var text = "border \(id) lane=\(lane) \(line.from_plugin != 0 ? "<-" : "->") "
        text += String(cString: line.table) + "." + String(cString: line.slot)
        if !arguments.isEmpty { text += " " + String(decoding: arguments, as: UTF8.self) }
        if line.has_status != 0 { text += " = " + statusName(line.status) }
        if line.injected != 0 { text += " (injected)" }
        log.record(.trace, text + " " + briefTime(line.duration_ns))
    }

    private func overran(_ slot: UInt32) {
        if strikes.isTooMany(at: jf_monotonic_ns()) { isTooSlow?(slot) }
    }

    private func reportSlow(_ slot: String, _ duration: UInt64, _ unreported: UInt64) {
        var fields = [
            Log.Field("plugin", id), Log.Field("slot", slot), Log.Field("lane", String(lane)),
            Log.Field("time", briefTime(duration)), Log.Field("budget", briefTime(PluginMeter.budget)),
        ]
        if unreported > 0 { fields.append(Log.Field("unreported", String(unreported))) }
        log.write(.warning, "a plugin kept its lane for longer than it may; other calls waited", fields)
    }
}

private func meter(_ context: UnsafeMutableRawPointer) -> PluginMeter {
    Unmanaged<PluginMeter>.fromOpaque(context).takeUnretainedValue()
}

/// Nanoseconds for people: `870ns`, `12.3us`, `4.5ms`, `2.1s`.
func briefTime(_ nanoseconds: UInt64) -> String {
    if nanoseconds < 1000 { return "\(nanoseconds)ns" }
    for (unit, size) in [("us", UInt64(1000)), ("ms", 1_000_000), ("s", 1_000_000_000)]
    where nanoseconds < size * 1000 || unit == "s" {
        return "\(nanoseconds / size).\(nanoseconds % size * 10 / size)\(unit)"
    }
    return "\(nanoseconds)ns"
}

extension jf_slot_counts {
    mutating func add(_ more: jf_slot_counts) {
        calls += more.calls
        errors += more.errors
        overruns += more.overruns
        timed += more.timed
        total_ns += more.total_ns
        longest_ns = max(longest_ns, more.longest_ns)
        withUnsafeMutableBytes(of: &buckets) { mine in
            withUnsafeBytes(of: more.buckets) { theirs in
                let mine = mine.bindMemory(to: UInt64.self)
                let theirs = theirs.bindMemory(to: UInt64.self)
                for at in mine.indices { mine[at] += theirs[at] }
            }
        }
    }
}
