// SPDX-License-Identifier: Apache-2.0
// OperationTable: the right to finish is given once, whoever asks from wherever.

import CJackfield
import Testing

@testable import JackfieldCore

@Suite("Operation table") struct OperationTableTests {
    @Test func anOperationIsFinishedOnce() {
        let table = OperationTable()
        #expect(!table.close(1))
        #expect(table.state(1) == Int32(JF_E_STALE))
        table.open(1, on: 7)
        #expect(table.state(1) == Int32(JF_OK))
        #expect(table.count == 1)
        #expect(table.close(1))
        #expect(!table.close(1))
        #expect(table.state(1) == Int32(JF_E_STALE))
        #expect(table.count == 0)
    }

    @Test("an abandoned operation stays until it is finished", arguments: [true, false])
    func abandoned(_ timedOut: Bool) {
        let table = OperationTable()
        table.open(1, on: 7)
        table.abandon(1, timedOut: timedOut)
        #expect(table.state(1) == Int32(timedOut ? JF_E_TIMEOUT : JF_E_GONE))
        #expect(table.count == 1)
        #expect(table.close(1))
        #expect(!table.close(1))
        #expect(table.count == 0)
    }

    @Test func abandoningWhatIsFinishedOrUnknownLeavesNothing() {
        let table = OperationTable()
        table.abandon(1, timedOut: false)
        table.open(2, on: 7)
        #expect(table.close(2))
        table.abandon(2, timedOut: true)
        #expect(table.count == 0)
        #expect(table.state(2) == Int32(JF_E_STALE))
    }

    @Test func operationsDoNotTouchEachOther() {
        let table = OperationTable()
        for handle in 0..<100 as Range<UInt64> { table.open(handle, on: 7) }
        for handle in stride(from: 0, to: 100, by: 2) as StrideTo<UInt64> { #expect(table.close(handle)) }
        for handle in 0..<100 as Range<UInt64> {
            #expect(table.state(handle) == Int32(handle % 2 == 0 ? JF_E_STALE : JF_OK))
        }
        #expect(table.count == 50)
    }

    @Test func operationsAreCountedByChannelTombstonesIncluded() {
        let table = OperationTable()
        table.open(1, on: 10)
        table.open(2, on: 10)
        table.open(3, on: 20)
        #expect([10, 20, 30].map { table.count(on: $0) } == [2, 1, 0])
        table.abandon(1, timedOut: false)
        #expect(table.count(on: 10) == 2)
        #expect(table.close(1))
        #expect(table.close(3))
        #expect([10, 20].map { table.count(on: $0) } == [1, 0])
        #expect(table.count == 1)
    }

    @Test func fromManyThreadsExactlyOneFinishes() throws {
        let table = OperationTable()
        let operations: UInt64 = 20_000
        for handle in 0..<operations { table.open(handle, on: 7) }
        let finished = Counter(0)
        let threads = try (0..<4).map { number in
            try TestThread {
                for step in 0..<operations {
                    // Each thread goes its own way round, some abandon while others finish.
                    let handle = number % 2 == 0 ? step : operations - 1 - step
                    if number == 3 { table.abandon(handle, timedOut: step % 2 == 0) }
                    if table.close(handle) { finished.add(1) }
                }
            }
        }
        for thread in threads { thread.wait() }
        #expect(finished.value == Int(operations))
        #expect(table.count == 0)
    }
}
