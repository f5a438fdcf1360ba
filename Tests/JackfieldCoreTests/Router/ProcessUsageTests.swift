// SPDX-License-Identifier: Apache-2.0
// What an endpoint's processes use: several channels, several lanes, sessions that have ended.

import CJackfield
import JSON
import Testing

@testable import JackfieldCore

@Suite struct ProcessUsageTests {
    private func usage(
        memory: UInt64 = 0, cpu: UInt64 = 0, since: UInt64 = 0, processes: UInt32 = 0, started: UInt32 = 0
    ) -> ProcessUsage {
        var raw = jf_usage()
        raw.memory = memory
        raw.cpu_ns = cpu
        raw.since_ns = since
        raw.processes = processes
        raw.started = started
        return ProcessUsage(raw)
    }

    private func text(_ usage: ProcessUsage, now: UInt64) -> String {
        var writer = JSONWriter()
        usage.write(now, to: &writer)
        return String(decoding: writer.bytes, as: UTF8.self)
    }

    @Test func nothingIsKnownOfWhoHasNoChannel() {
        var processes = EndpointProcesses()
        #expect(processes.sum == nil)
        processes.keep(usage(cpu: 5, started: 1))
        #expect(processes.sum == nil)
    }

    @Test func channelsOfAllLanesAreAddedUp() throws {
        var processes = EndpointProcesses()
        processes.byLane[0] = usage(memory: 100, cpu: 5, since: 70, processes: 1, started: 1)
        processes.byLane[3] = usage(memory: 10, cpu: 2, since: 60, processes: 2, started: 4)
        processes.byLane[4] = usage()
        let sum = try #require(processes.sum).last
        #expect(sum.memory == 110 && sum.cpu_ns == 7 && sum.processes == 3 && sum.started == 5)
        #expect(sum.since_ns == 60, "the oldest that takes calls; 0 is none")
        processes.byLane[3] = nil
        #expect(processes.sum?.last.since_ns == 70)
    }

    @Test func sessionsThatEndedLeaveTheirTimeAndCounts() throws {
        var processes = EndpointProcesses()
        processes.byLane[0] = usage(memory: 100, cpu: 5, processes: 1, started: 1)
        for _ in 0..<3 { processes.keep(usage(memory: 50, cpu: 10, since: 9, processes: 2, started: 2)) }
        let sum = try #require(processes.sum).last
        #expect(sum.memory == 100 && sum.processes == 1 && sum.since_ns == 0)
        #expect(sum.cpu_ns == 35 && sum.started == 7)
    }

    @Test func timesAreAges() {
        let whole = text(usage(memory: 4096, cpu: 3_000_000, since: 2_000_000, processes: 1), now: 9_000_000)
        #expect(whole.contains(#""count":1,"memory_bytes":4096,"cpu_ms":3"#) && whole.contains(#""up_ms":7"#))
        // Measured on another lane a moment after `now` was read; and nothing runs.
        #expect(text(usage(since: 9_500_000), now: 9_000_000).contains(#""up_ms":0"#))
        #expect(!text(usage(), now: 9_000_000).contains("up_ms"))
        // What a hostile connector may say is still JSON.
        #expect(text(usage(memory: .max), now: 1).contains(#""memory_bytes":9223372036854775807"#))
    }
}
