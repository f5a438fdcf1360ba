// SPDX-License-Identifier: Apache-2.0
// What was counted at the borders of all plugin instances, added up for each plugin.

import CMeter
import JSON
import Synchronization

/// The instances there are, for whoever reports on them. Any thread.
final class InstanceTable: Sendable {
    private let instances = Mutex<[PluginInstance]>([])

    func add(_ instance: PluginInstance) { instances.withLock { $0.append(instance) } }

    func remove(_ instance: PluginInstance) { instances.withLock { $0.removeAll { $0 === instance } } }

    /// Of each plugin, in the order in which they came up.
    var totals: [PluginTotals] {
        let all = instances.withLock { $0 }
        var totals: [PluginTotals] = []
        for instance in all {
            let at = totals.firstIndex { $0.id == instance.id }
            if at == nil { totals.append(PluginTotals(id: instance.id)) }
            totals[at ?? totals.endIndex - 1].add(instance)
        }
        return totals
    }

    /// Those of all plugins.
    var cells: [CellSummary] { instances.withLock { $0 }.compactMap(\.cellSummary) }
}

/// One plugin, all its instances together, since they were made.
struct PluginTotals {
    let id: String
    private(set) var instances = 0
    /// Operations finished too late or twice.
    private(set) var strikes = 0
    /// What was done because it kept its lane too long; nil: nothing.
    var slow: SlowMove?
    /// Bytes that it holds of `jf.memory/1`.
    private(set) var memory = 0
    /// How its cells are; empty: it runs in this process.
    private(set) var cells: [CellSummary] = []
    /// By slot; one that was never called has no calls.
    private(set) var slots = Array(repeating: jf_slot_counts(), count: Int(jf_slot_count()))

    /// Of third parties' tables, by `ID.SLOT`.
    private(set) var foreign: [(name: String, counts: jf_slot_counts)] = []

    init(id: String) { self.id = id }

    fileprivate mutating func add(_ instance: PluginInstance) {
        instances += 1
        strikes += instance.strikes.load(ordering: .relaxed)
        memory += instance.memoryInUse.load(ordering: .relaxed)
        if let cell = instance.cellSummary {
            cells.append(cell)
            memory += cell.memory
        }
        instance.meter.add(to: &slots)
        instance.meter.addForeign(to: &foreign)
    }

    /// `{"instances":…,"slots":{"routing.pick":{…}}}`. Times are nanoseconds, of the timed calls only; a histogram
    /// is a list of pairs: below how many nanoseconds, and how many calls.
    func write(to writer: inout JSONWriter) {
        let all = slots + foreign.map(\.counts)
        writer.beginObject()
        writer.key("instances")
        writer.value(instances)
        writer.key("calls")
        writer.value(all.reduce(0) { $0 + $1.calls })
        writer.key("overruns")
        writer.value(all.reduce(0) { $0 + $1.overruns })
        if let slow {
            writer.key("slow")
            slow.write(to: &writer)
        }
        writer.key("strikes")
        writer.value(strikes)
        writer.key("memory")
        writer.value(memory)
        writer.key("placement")
        writer.value(cells.isEmpty ? "inproc" : "cell")
        if !cells.isEmpty {
            writer.key("cells")
            writer.beginArray()
            for cell in cells { cell.write(to: &writer) }
            writer.endArray()
        }
        writer.key("slots")
        writer.beginObject()
        for (slot, counts) in slots.enumerated() where counts.calls > 0 {
            let name = jf_slot_named(UInt32(slot)).pointee
            writer.key(String(cString: name.table) + "." + String(cString: name.slot))
            counts.write(to: &writer)
        }
        for (name, counts) in foreign {
            writer.key(name)
            counts.write(to: &writer)
        }
        writer.endObject()
        writer.endObject()
    }
}

extension jf_slot_counts {
    fileprivate func write(to writer: inout JSONWriter) {
        writer.beginObject()
        writer.key("calls")
        writer.value(calls)
        writer.key("errors")
        writer.value(errors)
        if timed > 0 {
            writer.key("overruns")
            writer.value(overruns)
            writer.key("timed")
            writer.value(timed)
            writer.key("mean_ns")
            writer.value(total_ns / timed)
            writer.key("longest_ns")
            writer.value(longest_ns)
            writer.key("histogram")
            writer.beginArray()
            withUnsafeBytes(of: buckets) { raw in
                for (bucket, count) in raw.bindMemory(to: UInt64.self).enumerated() where count > 0 {
                    writer.beginArray()
                    writer.value(UInt64(2) << UInt64(bucket))
                    writer.value(count)
                    writer.endArray()
                }
            }
            writer.endArray()
        }
        writer.endObject()
    }
}
