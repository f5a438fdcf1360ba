// SPDX-License-Identifier: Apache-2.0
// How the cells of plugins are, for operators, and the way back from a quarantine.

import CCell
import CJackfield
import Glibc
import JSON
import Synchronization

/// One instance's cell at one moment.
public struct CellSummary: Sendable, Equatable {
    /// Words for operators; they are in the control socket's answers and in `/healthz`.
    public enum State: String, Sendable, CaseIterable { case starting, up, waiting, quarantined, stopped }

    /// The event loop that its instance belongs to.
    public let loop: Int
    public let state: State
    /// 0: there is no process.
    public let pid: Int
    public let restarts: Int
    /// How often its process ended without having been asked to.
    public let ends: Int
    /// While it waits: milliseconds until the next try.
    public let restartIn: Int
    /// Requests open in it.
    public let operations: Int
    /// How often it was slowed down because it sent too much.
    public let throttled: Int
    /// Picks that it was too late for.
    public let latePicks: Int
    /// Bytes of `jf.memory/1` at its last sign of life.
    public let memory: Int
    /// Nanoseconds from that sign of life's question to it; 0 before the first.
    public let heartbeat: Int
    /// Why its process ended last; empty when it never did.
    public let reason: String

    init(_ state: jf_cell_state, loop: Int) {
        self.loop = loop
        self.state =
            switch Int(state.state) {
            case Int(JF_CELL_STARTING): .starting
            case Int(JF_CELL_UP): .up
            case Int(JF_CELL_WAITING): .waiting
            case Int(JF_CELL_QUARANTINED): .quarantined
            default: .stopped
            }
        pid = Int(state.pid)
        restarts = Int(state.restarts)
        ends = Int(state.ends)
        restartIn = Int(state.restart_ms)
        operations = Int(state.operations)
        throttled = Int(clamping: state.throttled)
        latePicks = Int(clamping: state.late_picks)
        memory = Int(clamping: state.memory)
        heartbeat = Int(clamping: state.heartbeat_ns)
        reason = withUnsafeBytes(of: state.reason) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    }

    /// Bytes of its process that are in memory now; 0 where there is none.
    var resident: Int {
        guard pid > 0 else { return 0 }
        let fd = open("/proc/\(pid)/statm", O_RDONLY | O_CLOEXEC)
        guard fd >= 0 else { return 0 }
        defer { close(fd) }
        var text = [UInt8](repeating: 0, count: 128)
        let count = read(fd, &text, text.count)
        guard count > 0 else { return 0 }
        // Pages: of its address space, then those that are resident.
        let words = String(decoding: text[..<count], as: UTF8.self).split(separator: " ")
        return words.count > 1 ? (Int(words[1]) ?? 0) * sysconf(Int32(_SC_PAGESIZE)) : 0
    }

    func write(to writer: inout JSONWriter) {
        writer.beginObject()
        for (key, value) in [
            ("loop", loop), ("pid", pid), ("restarts", restarts), ("ends", ends), ("restart_ms", restartIn),
            ("operations", operations), ("throttled", throttled), ("late_picks", latePicks),
            ("memory", memory), ("resident", resident), ("heartbeat_ns", heartbeat),
        ] {
            writer.key(key)
            writer.value(value)
        }
        writer.key("state")
        writer.value(state.rawValue)
        writer.key("reason")
        writer.value(reason)
        writer.endObject()
    }

    var json: JSONValue {
        var writer = JSONWriter()
        write(to: &writer)
        return (try? JSONValue(parsing: writer.bytes[...])) ?? .null
    }
}

extension PluginInstance {
    /// How its cell is; nil: it has none, or is destroyed. Any thread.
    var cellSummary: CellSummary? {
        let loop = lane.index
        return cell.withLock { address in
            guard let own = OpaquePointer(bitPattern: address) else { return nil }
            var state = jf_cell_state()
            state.size = UInt32(MemoryLayout<jf_cell_state>.size)
            jf_cell_state_of(own, &state)
            return CellSummary(state, loop: loop)
        }
    }

    /// Starts its cell at once where that waits or is in quarantine; false: neither. Lane only.
    func liftCell() -> Bool {
        // Outside the lock: the start logs, and whoever reads the log may ask for the state.
        guard let own = OpaquePointer(bitPattern: cell.withLock { $0 }) else { return false }
        return jf_cell_lift(own) == JF_OK
    }
}

extension Lane {
    /// Starts the cells of a plugin (nil: of all) that wait or are in quarantine; how many, of how many.
    func liftCells(of id: String?) -> (lifted: Int, cells: Int) {
        var lifted = 0
        var cells = 0
        for instance in instances where id == nil || instance.id == id {
            guard instance.cellSummary != nil else { continue }
            cells += 1
            if instance.liftCell() { lifted += 1 }
        }
        return (lifted, cells)
    }
}

extension Gateway {
    /// `plugin restart`: `then` hears one sentence, and whether it was done, on the control loop.
    func restartCells(of id: String, then: @escaping @Sendable (Bool, String) -> Void) {
        guard currentGenerations[id] != nil else {
            return then(
                false,
                "no plugin '\(id)' is loaded; loaded are: \(pluginIds.sorted().joined(separator: ", "))")
        }
        gather {
            $0.liftCells(of: id)
        } then: { [log] found in
            let lifted = found.reduce(0) { $0 + $1.lifted }
            let cells = found.reduce(0) { $0 + $1.cells }
            guard cells > 0 else {
                return then(
                    false, "plugin '\(id)' runs in the gateway's own process, which cannot restart it")
            }
            if lifted > 0 {
                log.write(
                    .info, "cells are started again by an operator",
                    [.init("plugin", id), .init("cells", String(lifted))])
            }
            then(
                true,
                lifted == 0
                    ? "\(cells) of \(cells) cells of \(id) run; nothing was to be done"
                    : "\(lifted) of \(cells) cells of \(id) are started again")
        }
    }

    /// In one process a sealer's instances share the keys that they made up; in cells they only share configured ones.
    /// Before the lanes run; nil: what is sealed on the first loop is opened on all.
    var sealingProblem: String? {
        let sealer = currentGenerations.values.map(\.library).first { library in
            library.isIsolated && library.manifest.threads == .perLoop
                && library.manifest.provides.contains(JF_SEAL_1)
        }
        guard let sealer, lanes.count > 1, let sealed = lanes[0].seal(Array("probe".utf8), for: "probe")
        else {
            return nil
        }
        let isShared = lanes.allSatisfy { lane in
            sealed.withUnsafeBytes { lane.open(sealed: $0, for: "probe") } != nil
        }
        guard !isShared else { return nil }
        let id = sealer.manifest.id
        return
            "plugin \(id): its cells do not open what one of them sealed; configure its keys, or say placement: inproc"
    }

    /// A reload is a second chance for what waits or is in quarantine.
    func liftAllCells() { onEveryLane { _ = $0.liftCells(of: nil) } }
}

/// All cells of a gateway, counted.
struct CellCounts {
    private(set) var up = 0
    private(set) var down = 0
    private(set) var quarantined = 0
    private(set) var ends = 0
    private(set) var restarts = 0

    init(_ cells: [CellSummary]) {
        for cell in cells {
            switch cell.state {
            case .up: up += 1
            case .quarantined: quarantined += 1
            default: down += 1
            }
            ends += cell.ends
            restarts += cell.restarts
        }
    }

    /// JSON text.
    var json: String {
        "{\"up\":\(up),\"down\":\(down),\"quarantined\":\(quarantined),\"ends\":\(ends),\"restarts\":\(restarts)}"
    }
}
