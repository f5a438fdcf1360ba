// SPDX-License-Identifier: Apache-2.0
// What is drained, how calls see it, and when it is over.

import Glibc
import Testing

@testable import JackfieldCore

@Suite struct TrafficTests {
    private func record(_ weights: [Int] = [1, 2], timeout: UInt64? = nil) throws -> ServerRecord {
        var record = try server("s", tools: ["a"]) {
            $0.endpoints = weights.map { EndpointPlan(options: "{}", weight: $0) }
            $0.timeout = timeout
            $0.keepStale = false
        }
        record.statuses = Array(repeating: record.statuses[0], count: weights.count)
        return record
    }

    private func states(_ traffic: Traffic, _ record: ServerRecord) -> [EndpointStatus.State] {
        traffic.shown(record).map(\.state)
    }

    @Test func oneReplicaOrAll() throws {
        let (traffic, record) = (Traffic(), try record())
        #expect(states(traffic, record) == [.up, .up])
        traffic.drain(record.server.plan, [1])
        #expect(states(traffic, record) == [.up, .draining])
        #expect(traffic.shown(record)[1].reason.contains("jackfield undrain"))
        traffic.drain(record.server.plan, [0])
        #expect(states(traffic, record) == [.draining, .draining])
        traffic.undrain(record.server.plan, [1])
        #expect(states(traffic, record) == [.draining, .up])
        traffic.undrain(record.server.plan, [0, 1])
        #expect(traffic.drains.isEmpty)
    }

    @Test func whatIsDownStaysDown() throws {
        let traffic = Traffic()
        var record = try record()
        record.statuses[0].state = .down
        record.statuses[0].reason = "it broke"
        traffic.drain(record.server.plan, [0, 1])
        #expect(states(traffic, record) == [.down, .draining])
        #expect(traffic.shown(record)[0].reason == "it broke")
    }

    /// Over a restart: by where replicas are, whatever else changed.
    @Test func itIsKept() throws {
        let path = "/tmp/jackfield-drains-\(getpid())-\(UInt64.random(in: 0 ... .max)).json"
        defer { unlink(path) }
        func plan(_ name: String, _ options: [String]) -> ServerPlan {
            var plan = ServerPlan(name: name)
            plan.endpoints = options.map { EndpointPlan(options: $0) }
            return plan
        }
        let urls = [#"{"url":"http://a/mcp"}"#, #"{"url":"http://b/mcp"}"#]
        let (kept, log) = (plan("s", urls), Log(level: .error))
        func restarted(_ plans: [ServerPlan]) -> Traffic {
            let traffic = Traffic()
            traffic.keep(KeptDrains(path, log), plans)
            return traffic
        }
        let first = restarted([kept])
        #expect(first.drains.isEmpty, "no file")
        first.drain(kept, [1])
        #expect(restarted([kept]).holding(kept)?.indexes == [1])
        let renewed = plan("s", [#"{"headers":{"a":"new"},"url":"http://a/mcp"}"#, urls[1]])
        #expect(restarted([renewed]).holding(renewed)?.indexes == [1], "another token")
        for other in [plan("s", [urls[1], urls[0]]), plan("s", [urls[0]]), plan("t", urls)] {
            #expect(restarted([other]).drains.isEmpty, "other replicas")
        }
        first.undrain(kept, [1])
        #expect(restarted([kept]).drains.isEmpty, "it was over before")
        for bad in ["", "{", #"{"version":2,"drains":{}}"#, #"{"version":1,"drains":{"s":{"drained":[0]}}}"#]
        {
            #expect(bad.utf8.withContiguousStorageIfAvailable { write(to: path, $0) } == true)
            #expect(restarted([kept]).drains.isEmpty)
        }
    }

    private func write(to path: String, _ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        replaceFile(path, with: UnsafeRawBufferPointer(bytes), mode: 0o600, durable: false) == nil
    }

    @Test func itBelongsToTheReplicas() throws {
        let (traffic, first) = (Traffic(), try record())
        traffic.drain(first.server.plan, [0])
        let later = try record(timeout: 5)
        #expect(states(traffic, later) == [.draining, .up], "another setting of the same replicas")
        let other = try record([3, 2])
        #expect(states(traffic, other) == [.up, .up], "other replicas")
        // Draining those is a new beginning.
        traffic.drain(other.server.plan, [1])
        #expect(states(traffic, other) == [.up, .draining])
        #expect(traffic.forget("s"))
        #expect(!traffic.forget("s"))
    }

    @Test func aDrainedServerKeepsItsTools() throws {
        let traffic = Traffic()
        var record = try record()
        traffic.drain(record.server.plan, [0, 1])
        record.statuses = traffic.shown(record)
        let shown = catalog([record])
        #expect(shown.view("/mcp")?.count(.tools) == 1)
        record.statuses = record.statuses.map { _ in EndpointStatus() }
        #expect(
            catalog([record]).view("/mcp")?.count(.tools) == 0,
            "while one that is down does not, without keep_stale")
    }
}
