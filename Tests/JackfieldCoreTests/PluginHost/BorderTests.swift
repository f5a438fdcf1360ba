// SPDX-License-Identifier: Apache-2.0
// The metered border: calls pass unchanged, are counted, timed and traced; faults come as they were asked for.

import CJackfield
import CLinux
import CMeter
import Glibc
import Testing

@testable import JackfieldCore

extension PluginHostTests {
    @Suite("Border") struct BorderTests {
        @Test("calls reach the plugin and are counted; hot slots are timed once in sixteen calls")
        func counts() throws {
            let border = try Border()
            #expect(border.create() == JF_OK)
            let chosen = try (0..<100).map { _ in try #require(border.pick()) }
            #expect(chosen == (0..<100).map { UInt32($0 % 3) })
            #expect(border.pick(attempt: 99) == nil)
            let counts = try #require(border.counts("routing.pick"))
            #expect(counts.calls == 101)
            #expect(counts.errors == 1)
            #expect(counts.timed == 7)
            #expect(counts.total_ns >= counts.longest_ns && counts.longest_ns > 0)
            let buckets = withUnsafeBytes(of: counts.buckets) { Array($0.bindMemory(to: UInt64.self)) }
            #expect(buckets.reduce(0, +) == 7)
            #expect(border.counts("plugin.create")?.timed == 1)
            #expect(border.counts("routing.observe") == nil)
        }

        @Test("what the plugin lacks stays NULL, and rare slots are timed each time")
        func absentSlots() throws {
            let border = try Border()
            #expect(border.create() == JF_OK)
            let routing = try #require(border.routing)
            #expect(routing.detach == nil && routing.export_state == nil && routing.attach != nil)
            #expect(routing.size == UInt32(MemoryLayout<jf_routing_1>.size))
            #expect(border.facet(JF_TOOLSET_1) == nil)
            for _ in 0..<3 { #expect(border.attach() != 0) }
            #expect(border.counts("routing.attach")?.timed == 3)
            // Each asked the host for the time: counted, and the host's time is not the plugin's.
            #expect(border.counts("clock.monotonic_ns")?.calls == 3)
            #expect(border.counts("clock.monotonic_ns")?.timed == 0)
        }

        @Test("a service of the plugin is metered as the plugin's")
        func provided() throws {
            let border = try Border()
            #expect(border.create() == JF_OK)
            let table = try #require(border.facet(JF_SEAL_1))
            #expect(border.facet(JF_SEAL_1) == table)
            let seal = table.load(as: jf_seal_1.self)
            #expect(seal.open == nil)
            var blob = jf_blob.none
            var fault = jf_fault.empty()
            #expect(seal.seal(seal.context, .absent, .absent, &blob, &fault) == JF_OK)
            #expect(String(decoding: blob.bytes, as: UTF8.self) == "sealed")
            #expect(border.counts("seal.seal")?.timed == 1)
        }

        @Test("an injected failure comes each so many-th call, with text, and does not reach the plugin")
        func failures() throws {
            let border = try Border()
            #expect(jf_shim_inject(border.shim, "pick", 0, Int32(JF_E_BUSY), 3) == JF_OK)
            #expect(border.create() == JF_OK)
            #expect((0..<7).map { _ in border.pick() } == [0, 1, nil, 2, 0, nil, 1])
            #expect(border.fault.code == JF_E_BUSY)
            #expect(border.fault.message.contains("configuration"))
            #expect(border.counts("routing.pick")?.errors == 2)
        }

        @Test("a slot over the budget is counted and reported once; its next calls are all timed")
        func overruns() throws {
            let border = try Border()
            #expect(border.create() == JF_OK)
            border.observe(taking: 3_000_000)
            for _ in 0..<20 { border.observe(taking: 0) }
            var counts = try #require(border.counts("routing.observe"))
            #expect(counts.overruns >= 1 && counts.longest_ns >= 3_000_000)
            #expect(counts.timed == 21)
            #expect(border.slow == ["routing.observe"])
            for _ in 0..<10 { border.observe(taking: 3_000_000) }
            #expect(border.slow == ["routing.observe"])
            // After enough quick calls sampling is enough again.
            for _ in 0..<4096 { border.observe(taking: 0) }
            counts = try #require(border.counts("routing.observe"))
            #expect(counts.calls == 4127 && counts.timed < 4127)
        }

        @Test("an injected delay makes a slot slow")
        func delays() throws {
            let border = try Border()
            #expect(jf_shim_inject(border.shim, "routing.observe", 4_000_000, 0, 1) == JF_OK)
            #expect(border.create() == JF_OK)
            border.observe(taking: 0)
            #expect(border.slow == ["routing.observe"])
            #expect(try #require(border.counts("routing.observe")).longest_ns >= 4_000_000)
        }

        @Test("a hidden service is absent for the plugin")
        func absentService() throws {
            let border = try Border()
            #expect(jf_shim_hide(border.shim, JF_CLOCK_1) == 0)
            #expect(border.create() == JF_E_UNSUPPORTED)
            #expect(border.fault.message == "there is no clock")
            #expect(border.counts("plugin.create")?.errors == 1)
        }

        @Test("what the host does meanwhile on the lane is not the plugin's time")
        func ownTime() throws {
            let border = try Border()
            #expect(border.create() == JF_OK)
            border.observe(taking: 0, status: Int32(JF_E_GONE))
            #expect(border.counts("loop.now")?.calls == 1)
            let counts = try #require(border.counts("routing.observe"))
            #expect(counts.timed == 1 && counts.longest_ns < hostTakes / 2)
        }

        @Test("callbacks are metered like slots")
        func callbacks() throws {
            let border = try Border(traces: true)
            #expect(border.create() == JF_OK)
            let recorder = Recorder()
            jf_shim_ready(border.shim, Recorder.ready, recorder.user, 5)
            jf_shim_fire(border.shim, Recorder.fired, recorder.user)
            jf_shim_run(border.shim, Recorder.fired, recorder.user)
            #expect(recorder.events == [5, 0, 0])
            for name in ["ready", "timer", "task"] {
                #expect(border.counts("callback." + name)?.calls == 1)
            }
            #expect(
                border.lines.suffix(3) == [
                    "->callback.ready events=5", "->callback.timer ", "->callback.task ",
                ])
        }

        @Test("a trace shows both directions, arguments in brief, statuses and times, but no configuration")
        func traces() throws {
            let border = try Border(traces: true)
            #expect(border.create() == JF_OK)
            _ = border.attach(config: "{\"token\":\"hunter2\"}")
            _ = border.pick(name: String(repeating: "n", count: 200) + "\"\n")
            _ = border.pick(attempt: 99)
            let lines = border.lines
            #expect(lines.contains("<-offer.service id=jf.clock/1 answer=present"))
            #expect(lines.contains { $0.hasPrefix("<-clock.monotonic_ns answer=") })
            #expect(
                lines.contains {
                    $0.hasPrefix("->routing.attach name=6 \"server\" config=19 bytes handle=0x")
                })
            let pick = try #require(lines.first { $0.hasPrefix("->routing.pick") })
            let shown = String(repeating: "n", count: 80)
            #expect(pick.contains("name=202 \"\(shown)\"...") && pick.hasSuffix("chosen=0 = 0"))
            #expect(lines.last?.hasSuffix("= -5") == true)
            #expect(!lines.contains { $0.contains("hunter2") })
        }

        @Test(
            "names of slots",
            arguments: [
                ("pick", -4, 0), ("routing.pick", -4, 0), ("loop.timer", -4, 0), ("observe", 0, 0),
                ("observe", -4, -2), ("memory.allocate", -4, 0), ("loop.unwatched", 0, 2), ("ready", 0, 0),
                ("ready", -4, -2), ("routing.timer", 0, 2),
                ("routing", 0, 2), ("", 0, 2), ("routing.pick2", 0, 2),
            ] as [(String, Int32, Int32)])
        func names(name: String, status: Int32, verdict: Int32) {
            #expect(jf_fault_check(name, status) == verdict)
            let fault = BorderPlan.Fault.slot(name, delay: 0, status: status, every: 1)
            #expect((BorderPlan.problem(fault) == nil) == (verdict == 0))
        }

        @Test("words for statuses and times")
        func words() {
            #expect(BorderPlan.status(named: "busy") == JF_E_BUSY)
            #expect(BorderPlan.status(named: "invalid") == JF_E_INVALID)
            #expect(BorderPlan.status(named: "fault") == JF_E_FAULT)
            #expect(
                [870, 12_345, 4_560_000, 2_100_000_000].map(briefTime) == [
                    "870ns", "12.3us", "4.5ms", "2.1s",
                ])
        }
    }
}

/// How long the host's `jf_loop_1.now` takes here, in nanoseconds.
private let hostTakes: UInt64 = 100_000_000

/// A shim around the fixture `border`, and what it told.
private final class Border {
    let workshop: PluginWorkshop
    let library: PluginLibrary
    private(set) var shim: OpaquePointer
    private(set) var routing: jf_routing_1?
    private(set) var fault = jf_fault.empty()
    private(set) var lines: [String] = []
    private(set) var slow: [String] = []
    private var isAlive = false
    private let clock: UnsafeMutablePointer<jf_clock_1>
    private let loop: UnsafeMutablePointer<jf_loop_1>

    init(traces: Bool = false) throws {
        workshop = try PluginWorkshop()
        let loader = workshop.loader()
        library = try loader.load(loader.candidate(at: workshop.build("border", ["-D_GNU_SOURCE"])))
        var options = jf_shim_options()
        options.budget_ns = 1_000_000
        options.quiet_ns = 3_600_000_000_000
        options.traces = traces ? 1 : 0
        options.trace = { context, line in
            guard let context, let line = line?.pointee else { return }
            let arguments = UnsafeRawBufferPointer(start: line.arguments, count: line.arguments_len)
            let border = Unmanaged<Border>.fromOpaque(context).takeUnretainedValue()
            border.lines.append(
                (line.from_plugin != 0 ? "<-" : "->") + String(cString: line.table) + "."
                    + String(cString: line.slot) + " " + String(decoding: arguments, as: UTF8.self)
                    + (line.has_status != 0 ? " = \(line.status)" : ""))
        }
        options.slow = { context, table, slot, _, _ in
            guard let context, let table, let slot else { return }
            let border = Unmanaged<Border>.fromOpaque(context).takeUnretainedValue()
            border.slow.append(String(cString: table) + "." + String(cString: slot))
        }
        shim = try #require(jf_shim_new(&options, library.table))
        clock = .allocate(capacity: 1)
        clock.initialize(
            to: jf_clock_1(
                size: UInt32(MemoryLayout<jf_clock_1>.size), flags: 0, context: nil,
                monotonic_ns: { _ in jf_monotonic_ns() }, wall_ns: { _ in jf_realtime_ns() }))
        loop = .allocate(capacity: 1)
        loop.initialize(to: jf_loop_1())
        loop.pointee.size = UInt32(MemoryLayout<jf_loop_1>.size)
        loop.pointee.now = { _ in
            usleep(useconds_t(hostTakes / 1000))
            return 1
        }
        jf_shim_set_context(shim, Unmanaged.passUnretained(self).toOpaque())
    }

    deinit {
        if isAlive { table.destroy(OpaquePointer(jf_shim_self(shim))) }
        jf_shim_free(shim)
        clock.deallocate()
        loop.deallocate()
    }

    private var own: OpaquePointer { OpaquePointer(jf_shim_self(shim)) }
    private var table: jf_plugin { jf_shim_plugin(shim).load(as: jf_plugin.self) }

    /// Makes the instance with a host that offers a clock and a loop, and nothing else.
    func create() -> Int32 {
        var offer = jf_offer(
            size: UInt32(MemoryLayout<jf_offer>.size), major: 1, minor: 0,
            host: OpaquePointer(Unmanaged.passUnretained(self).toOpaque()),
            service: { host, id in
                guard let host, let id else { return nil }
                let border = Unmanaged<Border>.fromOpaque(UnsafeRawPointer(host)).takeUnretainedValue()
                switch String(cString: id) {
                case JF_CLOCK_1: return UnsafeRawPointer(border.clock)
                case JF_LOOP_1: return UnsafeRawPointer(border.loop)
                default: return nil
                }
            })
        let status = withView("{}") { jf_shim_create(shim, &offer, $0.ptr, $0.len, &fault) }
        guard status == JF_OK else { return status }
        isAlive = true
        routing = facet(JF_ROUTING_1)?.load(as: jf_routing_1.self)
        return status
    }

    func facet(_ id: String) -> UnsafeRawPointer? { table.facet(own, id) }

    func attach(config: String = "{}") -> jf_ref {
        var handle: jf_ref = 0
        let status = withView("server") { name -> Int32? in
            withView(config) { routing?.attach(own, name, $0, &handle, &fault) }
        }
        return status == Int32(JF_OK) ? handle : 0
    }

    /// The choice among three; nil where it failed.
    func pick(attempt: UInt32 = 0, name: String = "tool") -> UInt32? {
        var endpoint = jf_endpoint()
        endpoint.size = UInt32(MemoryLayout<jf_endpoint>.size)
        var chosen: UInt32 = 0
        let status = withUnsafePointer(to: &endpoint) { endpoint -> Int32? in
            withView(name) { name -> Int32? in
                var call = jf_pick()
                call.size = UInt32(MemoryLayout<jf_pick>.size)
                call.attempt = attempt
                call.name = name
                let eligible: [UnsafePointer<jf_endpoint>?] = [endpoint, endpoint, endpoint]
                return routing?.pick(own, 1, &call, eligible, 3, &chosen, &fault)
            }
        }
        return status == Int32(JF_OK) ? chosen : nil
    }

    func observe(taking duration: UInt64, status: Int32 = 0) {
        var outcome = jf_outcome()
        outcome.size = UInt32(MemoryLayout<jf_outcome>.size)
        outcome.status = status
        outcome.endpoint = 1
        outcome.latency_ns = duration
        routing?.observe(own, 1, &outcome)
    }

    /// What was counted of a slot; nil where it was never called.
    func counts(_ name: String) -> jf_slot_counts? {
        for slot in 0..<jf_slot_count() {
            let names = jf_slot_named(slot).pointee
            guard String(cString: names.table) + "." + String(cString: names.slot) == name else { continue }
            var counts = jf_slot_counts()
            return jf_shim_read(shim, slot, &counts) != 0 ? counts : nil
        }
        Issue.record("no slot \(name)")
        return nil
    }
}
