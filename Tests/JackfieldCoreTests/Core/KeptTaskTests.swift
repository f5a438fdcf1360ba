// SPDX-License-Identifier: Apache-2.0
// TaskTable: the limits of kept tasks hold from any number of threads, and what is over leaves nothing behind.

import Glibc
import MCP
import Synchronization
import Testing

@testable import JackfieldCore

@Suite("Kept tasks") struct KeptTaskTests {
    private static let place = CallPlace(lane: 0, handle: 9)

    private func table(_ count: Int, _ bytes: Int) -> TaskTable {
        var limits = LimitsPlan()
        limits.tasks = count
        limits.taskBytes = bytes
        return TaskTable(limits)
    }

    private func add(
        _ table: TaskTable, at now: UInt64 = 1000, ttl: UInt64? = 100, running: Bool = true,
        named: Bool = true
    ) -> UInt64? {
        let record = TaskRecord(now: now, ttl: ttl, pollInterval: nil)
        let handle = table.add(
            record, revision: .newest, call: Self.place, serverName: "s", now: now,
            name: { named ? "task-\($0)" : nil })
        if let handle, !running { _ = table.change(handle) { $0.call = nil } }
        return handle
    }

    @Test func whatIsKeptIsFound() throws {
        let table = table(10, 1000)
        let handle = try #require(add(table))
        let task = try #require(table.find(handle))
        #expect(task.id == "task-\(handle)")
        #expect(task.call == Self.place)
        #expect(task.serverName == "s")
        #expect(task.record.status == .working)
        #expect(table.find(handle + 1) == nil)
        #expect(table.find(0) == nil)
        let status = table.change(handle) { task -> TaskStatus in
            task.record.complete([1], isError: false, now: 1001)
            return task.record.status
        }
        #expect(status == .completed)
        #expect(table.find(handle)?.record.status == .completed)
        #expect(table.change(99) { _ in 1 } == nil)
    }

    @Test func aTaskWithoutANameIsNotKept() {
        let table = table(1, 1000)
        #expect(add(table, named: false) == nil)
        #expect(table.count == 0, "it takes no place")
        #expect(add(table) != nil)
    }

    @Test func handlesAreNeverUsedTwice() throws {
        let table = table(2, 1000)
        var seen: Set<UInt64> = []
        for round in 0..<50 as Range<UInt64> {
            let handle = try #require(add(table, at: 1000 * round))
            #expect(seen.insert(handle).inserted)
            #expect(table.sweep(1000 * round + 100).map(\.handle) == [handle])
        }
    }

    @Test func tasksAreCounted() throws {
        let table = table(2, 1000)
        let first = try #require(add(table))
        #expect(add(table) != nil)
        #expect(add(table) == nil)
        #expect(table.count == 2)
        #expect(table.find(first) != nil, "nobody gives way who still has time")
        #expect(self.table(0, 1000).count == 0)
        #expect(add(self.table(0, 1000)) == nil)
    }

    @Test("what is over and out of time makes room")
    func expiredOnesGiveWay() throws {
        let table = table(2, 100)
        let over = try #require(add(table, running: false))
        let running = try #require(add(table))
        #expect(table.take(bytes: 100, for: over))
        #expect(add(table, at: 1099) == nil)
        let fresh = try #require(add(table, at: 1100))
        #expect(table.find(over) == nil)
        #expect(table.find(running) != nil, "a call runs behind it; its end is the sweep's affair")
        #expect(table.take(bytes: 100, for: fresh), "its bytes are free again")
        #expect(add(table, at: 5000) == nil)
    }

    @Test func bytesAreCounted() throws {
        let table = table(10, 100)
        let one = try #require(add(table, ttl: 10))
        let two = try #require(add(table, ttl: 20))
        #expect(table.take(bytes: 60, for: one))
        #expect(table.take(bytes: 40, for: two), "the limit itself is allowed")
        #expect(!table.take(bytes: 1, for: two))
        #expect(!table.take(bytes: 1, for: 77), "nobody's")
        #expect(table.sweep(1010).map(\.handle) == [one])
        #expect(table.take(bytes: 60, for: two), "a refusal took nothing, the sweep gave it back")
        #expect(!table.take(bytes: 1, for: two))
        #expect(table.sweep(1020).map(\.handle) == [two])
        let last = try #require(add(table))
        #expect(table.take(bytes: 100, for: last))
    }

    @Test func theSweepTakesWhatIsOver() throws {
        let table = table(10, 1000)
        let short = try #require(add(table, ttl: 10))
        let long = try #require(add(table, ttl: 20))
        let lasting = try #require(add(table, ttl: nil))
        #expect(table.sweep(1009).isEmpty)
        let gone = table.sweep(1010)
        #expect(gone.map(\.handle) == [short])
        #expect(gone.first?.task.call == Self.place, "whose call is to be ended")
        #expect(table.find(long) != nil)
        #expect(table.sweep(.max).map(\.handle) == [long])
        #expect(table.find(lasting) != nil && table.count == 1)
    }

    @Test("limits hold from many threads")
    func crowds() {
        let table = table(100, 1000)
        let kept = Mutex<[UInt64]>([])
        let taken = Atomic(0)
        crowd(8) {
            for _ in 0..<100 {
                guard let handle = self.add(table) else { continue }
                kept.withLock { $0.append(handle) }
                for _ in 0..<3 where table.take(bytes: 7, for: handle) {
                    taken.add(7, ordering: .relaxed)
                }
                #expect(table.count <= 100)
            }
        }
        let handles = kept.withLock { $0 }
        #expect(handles.count == 100 && Set(handles).count == 100)
        #expect(taken.load(ordering: .relaxed) == 994, "142 times 7 of 1000")
        let swept = Atomic(0)
        crowd(4) { swept.add(table.sweep(2000).count, ordering: .relaxed) }
        #expect(swept.load(ordering: .relaxed) == 100, "each is taken by one of them")
        #expect(table.count == 0)
    }

    /// Runs a body on so many threads at once.
    private func crowd(_ count: Int, _ body: @escaping @Sendable () -> Void) {
        let threads = (0..<count).map { _ in Thread(body) }
        for thread in threads { thread.join() }
    }
}

/// A joinable thread.
private final class Thread {
    private final class Body {
        let run: @Sendable () -> Void
        init(_ run: @escaping @Sendable () -> Void) { self.run = run }
    }

    private var id = pthread_t()

    init(_ run: @escaping @Sendable () -> Void) {
        let body = Unmanaged.passRetained(Body(run)).toOpaque()
        let status = pthread_create(
            &id, nil,
            { raw in
                if let raw { Unmanaged<Body>.fromOpaque(raw).takeRetainedValue().run() }
                return nil
            }, body)
        precondition(status == 0, "no thread")
    }

    func join() { pthread_join(id, nil) }
}
