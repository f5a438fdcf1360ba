// SPDX-License-Identifier: Apache-2.0
// What the processes of an endpoint use: asked of its connector, on the lanes where its channels are, when an operator asks.

import CJackfield
import JSON
import Synchronization

/// One look at the processes of a channel, or of several.
struct ProcessUsage: Sendable {
    private(set) var last: jf_usage

    init(_ last: jf_usage) { self.last = last }

    /// Asks the channel's connector. Nil: it has no processes, or knows nothing yet. [lane]
    init?(_ channel: Channel) {
        guard let usage = channel.instance.connector?.usage, !channel.isClosing else { return nil }
        last = jf_usage()
        last.size = UInt32(MemoryLayout<jf_usage>.size)
        guard usage(channel.instance.own, channel.remote, &last) == JF_OK else { return nil }
    }

    /// What of it stays true once the processes have ended.
    var past: ProcessUsage {
        var past = jf_usage()
        past.cpu_ns = last.cpu_ns
        past.started = last.started
        past.failures = last.failures
        past.replaced = last.replaced
        return ProcessUsage(past)
    }

    /// Takes another channel of the same endpoint in: its further sessions have processes of their own.
    mutating func add(_ other: ProcessUsage) {
        let other = other.last
        last.measured_ns = max(last.measured_ns, other.measured_ns)
        // The oldest that takes calls.
        let beginnings = [last.since_ns, other.since_ns].filter { $0 != 0 }
        last.since_ns = beginnings.min() ?? 0
        last.memory &+= other.memory
        last.cpu_ns &+= other.cpu_ns
        last.processes &+= other.processes
        last.threads &+= other.threads
        last.descriptors &+= other.descriptors
        last.spares &+= other.spares
        last.started &+= other.started
        last.failures &+= other.failures
        last.replaced &+= other.replaced
        last.waiting &+= other.waiting
    }

    /// Writes an object. `now` is monotonic, in nanoseconds.
    func write(_ now: UInt64, to writer: inout JSONWriter) {
        writer.beginObject()
        for (name, value) in [
            ("count", UInt64(last.processes)), ("memory_bytes", last.memory),
            ("cpu_ms", last.cpu_ns / 1_000_000), ("threads", UInt64(last.threads)),
            ("descriptors", UInt64(last.descriptors)), ("spares", UInt64(last.spares)),
            ("started", UInt64(last.started)), ("failures", UInt64(last.failures)),
            ("replaced", UInt64(last.replaced)), ("waiting", UInt64(last.waiting)),
        ] {
            writer.key(name)
            writer.value(Int(clamping: value))
        }
        for (name, value) in [("up_ms", last.since_ns), ("age_ms", last.measured_ns)] where value != 0 {
            writer.key(name)
            writer.value(Int(clamping: (now &- min(now, value)) / 1_000_000))
        }
        writer.endObject()
    }
}

/// What is known of an endpoint's processes: by lane, and of channels that are closed.
struct EndpointProcesses: Sendable {
    var byLane: [Int: ProcessUsage] = [:]
    var past: ProcessUsage?

    /// Nil: it has none, or nobody asked.
    var sum: ProcessUsage? {
        guard var sum = byLane.values.first else { return nil }
        for usage in byLane.values.dropFirst() { sum.add(usage) }
        if let past { sum.add(past) }
        return sum
    }

    mutating func keep(_ ended: ProcessUsage) {
        var all = ended.past
        if let past { all.add(past) }
        past = all
    }
}

extension Lane {
    /// Channels that are looked at in one turn of the loop: each costs some reads of `/proc`.
    private static let looksPerTurn = 8

    /// Looks at the processes of all channels of this lane, a few in each turn of the loop, then calls `done`. [lane]
    func measureProcesses(then done: @escaping @Sendable () -> Void) {
        var handles: [UInt64] = []
        channels.forEach { handle, channel in
            if channel.instance.connector?.usage != nil { handles.append(handle) }
        }
        measure(handles[...], [:], then: done)
    }

    private func measure(
        _ handles: ArraySlice<UInt64>, _ known: [UInt64: ProcessUsage],
        then done: @escaping @Sendable () -> Void
    ) {
        var sums = known
        for handle in handles.prefix(Self.looksPerTurn) {
            guard let channel = channels[handle], let usage = ProcessUsage(channel) else { continue }
            if sums[channel.endpoint.id]?.add(usage) == nil { sums[channel.endpoint.id] = usage }
        }
        let rest = handles.dropFirst(Self.looksPerTurn)
        guard rest.isEmpty else {
            let found = sums
            return loop.post { [self] in measure(rest, found, then: done) }
        }
        for server in catalog.servers {
            for endpoint in server.endpoints {
                endpoint.processes.withLock { $0.byLane[index] = sums[endpoint.id] }
            }
        }
        done()
    }

    /// A session's own channel is about to be closed: what its processes have used is still the endpoint's. [lane]
    func keepUsage(of channel: Channel) {
        guard let link = link(channel.server), link.channels[channel.endpoint.index] !== channel,
            let usage = ProcessUsage(channel)
        else { return }
        channel.endpoint.processes.withLock { $0.keep(usage) }
    }
}

extension Gateway {
    /// Looks at the processes of all endpoints, then calls `done` on `lane`, once: with what was known before where a
    /// lane does not answer in time. [lane]
    func measureProcesses(for lane: Lane, then done: @escaping () -> Void) {
        let pending = PendingLooks(lane, lanes.count, done)
        onEveryLane { each in
            each.measureProcesses { lane.loop.post { pending.took() } }
        }
    }
}

/// Who waits for a round of looks. Confined to the lane that asked, hence `@unchecked Sendable`: the others only hand it
/// back.
private final class PendingLooks: @unchecked Sendable {
    /// How long the answer waits for lanes that are slow to look.
    private static let patience: UInt64 = 1_000_000_000

    private unowned let lane: Lane
    private var left: Int
    private var done: (() -> Void)?
    private var timer: UInt64 = 0

    init(_ lane: Lane, _ lanes: Int, _ done: @escaping () -> Void) {
        self.lane = lane
        left = lanes
        self.done = done
        timer = lane.loop.after(Self.patience) { [weak self] in
            self?.timer = 0
            self?.finish()
        }
    }

    func took() {
        left -= 1
        if left == 0 { finish() }
    }

    private func finish() {
        guard let done else { return }
        self.done = nil
        if timer != 0 { lane.loop.cancelAfter(timer) }
        timer = 0
        done()
    }
}
