// SPDX-License-Identifier: Apache-2.0
// ReplayLog: what is kept of streams, what gives way, and that nobody skips what must not be skipped.

import Testing

@testable import JackfieldCore

@Suite("Replay log") struct ReplayLogTests {
    private static let room = ReplayLog.eventOverhead
    private let budget = ReplayBudget(limit: 1 << 20)

    private func log(_ limit: Int = 1 << 16, _ budget: ReplayBudget? = nil) -> ReplayLog {
        ReplayLog(limit: limit, budget: budget ?? self.budget)
    }

    private func reader(_ lane: Int = 0, client: UInt64 = 1, exchange: UInt64 = 1) -> StreamReader {
        StreamReader(lane: lane, client: client, exchange: exchange)
    }

    private func bytes(_ count: Int) -> [UInt8] { [UInt8](repeating: 120, count: count) }

    private func id(_ text: String) -> EventId? {
        var text = text
        return text.withUTF8 { EventId(UnsafeRawBufferPointer($0)) }
    }

    /// The numbers after an event; nil when they cannot be had.
    private func after(_ log: ReplayLog, _ stream: UInt32, _ number: UInt32) -> [UInt32]? {
        log.resume(EventId(stream: stream, number: number), reader(9))?.events.map(\.number)
    }

    @Test func idsAreReadBack() throws {
        for (stream, number) in [(UInt32(1), UInt32(1)), (7, 0), (UInt32.max, UInt32.max)] {
            let read = try #require(id(EventId(stream: stream, number: number).text))
            #expect(read.stream == stream && read.number == number)
        }
        for text in [
            "", "-", "1", "1-", "-1", "1-1-1", "1--1", "+1-1", "1-+1", " 1-1", "1-1 ", "4294967296-1",
            "1-4294967296", "a-1", "1-a", "１-1", "000000000000000000001-1",
            String(repeating: "1", count: 300),
        ] {
            #expect(id(text) == nil, "\(text)")
        }
    }

    @Test func eventsComeInOrderAndOnce() throws {
        let log = log()
        let stream = try #require(log.open(reader()))
        for number in UInt32(1)...5 {
            let kept = try #require(log.append(stream, bytes(10), .note, now: 0))
            #expect(
                kept.id.stream == stream && kept.id.number == number && kept.reader == reader() && kept.isKept
            )
        }
        #expect(after(log, stream, 0) == [1, 2, 3, 4, 5])
        #expect(after(log, stream, 3) == [4, 5])
        #expect(after(log, stream, 5) == [])
        #expect(after(log, stream, 6) == nil, "an event that has not been yet")
        #expect(after(log, stream + 1, 0) == nil, "a stream that has not been yet")
    }

    @Test func numbersOfElsewhereMeanNothing() throws {
        let log = ReplayLog(limit: 1 << 16, budget: budget, first: 1000)
        #expect(!log.hasOpened(1000))
        let stream = try #require(log.open(reader()))
        #expect(stream == 1000 && log.hasOpened(1000))
        #expect(!log.hasOpened(999) && !log.hasOpened(1001) && !log.hasOpened(1))
        _ = log.append(stream, bytes(1), .last, now: 0)
        log.trim(ReplayLog.keepDone + 1)
        #expect(log.count == 0 && log.hasOpened(1000), "one that is forgotten was opened all the same")
    }

    @Test func streamsOfOneSessionAreApart() throws {
        let log = log()
        let first = try #require(log.open(reader())), second = try #require(log.open(reader(exchange: 2)))
        #expect(first != second)
        _ = log.append(first, bytes(1), .note, now: 0)
        _ = log.append(second, bytes(2), .last, now: 0)
        #expect(log.resume(EventId(stream: second, number: 0), reader())?.events.map(\.bytes.count) == [2])
        #expect(log.append(second, bytes(1), .note, now: 0) == nil, "nothing follows an answer")
    }

    @Test func theLatestReaderHasTheStream() throws {
        let log = log()
        let stream = try #require(log.open(reader()))
        _ = log.append(stream, bytes(1), .note, now: 0)
        let first = try #require(log.resume(EventId(stream: stream, number: 1), reader(1)))
        #expect(first.former == reader() && !first.isDone)
        // The same client and exchange of another lane are somebody else.
        log.detach(stream, reader(0))
        #expect(log.append(stream, bytes(1), .note, now: 0)?.reader == reader(1))
        let second = try #require(log.resume(EventId(stream: stream, number: 1), reader(1, exchange: 2)))
        #expect(second.former == reader(1) && second.events.map(\.number) == [2])
        log.detach(stream, reader(1, exchange: 2))
        #expect(log.append(stream, bytes(1), .last, now: 0)?.reader == nil)
        let third = try #require(log.resume(EventId(stream: stream, number: 3), reader(2)))
        #expect(third.isDone && third.events.isEmpty && third.former == nil)
    }

    @Test func notesGiveWayToTheAnswer() throws {
        let log = log(8192)
        let stream = try #require(log.open(reader()))
        for _ in 0..<1000 { _ = log.append(stream, bytes(100), .note, now: 0) }
        _ = log.append(stream, bytes(100), .needed, now: 0)
        for _ in 0..<1000 { _ = log.append(stream, bytes(100), .note, now: 0) }
        #expect(log.append(stream, bytes(4000), .last, now: 0)?.isKept == true)
        let numbers = try #require(after(log, stream, 1))
        #expect(numbers.contains(1001) && numbers.last == 2002)
        #expect(numbers == numbers.sorted() && Set(numbers).count == numbers.count)
        #expect(budget.held <= 8192)
    }

    @Test func whatIsNeededIsNeverSkipped() throws {
        let log = log(4096)
        let stream = try #require(log.open(reader()))
        _ = log.append(stream, bytes(10), .needed, now: 0)
        let big = try #require(log.append(stream, bytes(5000), .needed, now: 0))
        #expect(!big.isKept && big.id.number == 2 && big.reader == reader(), "who reads now has it")
        _ = log.append(stream, bytes(10), .note, now: 0)
        #expect(after(log, stream, 0) == nil && after(log, stream, 1) == nil)
        #expect(after(log, stream, 2) == [3])
        let flood = try #require(log.append(stream, bytes(5000), .note, now: 0))
        #expect(!flood.isKept)
        #expect(after(log, stream, 2) != nil, "a note may be skipped")
        #expect(log.append(stream, bytes(5000), .last, now: 0)?.isKept == false)
        #expect(after(log, stream, 4) == nil)
        #expect(after(log, stream, 5) == [])
    }

    @Test func streamsThatAreOverGiveWayFirst() throws {
        let log = log(4096)
        let open = try #require(log.open(reader()))
        _ = log.append(open, bytes(500), .note, now: 0)
        var over: [UInt32] = []
        for turn in 0..<20 {
            let stream = try #require(log.open(reader(exchange: UInt64(turn))))
            _ = log.append(stream, bytes(500), .last, now: UInt64(turn))
            over.append(stream)
        }
        #expect(after(log, over[0], 0) == nil && after(log, over[19], 0) == [1])
        #expect(after(log, open, 0) == [1], "one that goes on stays")
        #expect(log.count < 10 && budget.held <= 4096)
    }

    @Test func whereNothingMayBeKeptNothingHasIds() {
        #expect(log(ReplayLog.streamOverhead - 1).open(reader()) == nil)
        let empty = ReplayBudget(limit: 0)
        #expect(log(1 << 16, empty).open(reader()) == nil && empty.held == 0)
    }

    @Test func sessionsShareABound() throws {
        let budget = ReplayBudget(limit: 4096)
        let first = log(1 << 16, budget), second = log(1 << 16, budget)
        let one = try #require(first.open(reader())), two = try #require(second.open(reader()))
        #expect(first.append(one, bytes(3000), .last, now: 0)?.isKept == true)
        #expect(second.append(two, bytes(3000), .last, now: 0)?.isKept == false)
        first.trim(ReplayLog.keepDone)
        #expect(first.count == 1, "not old enough")
        first.trim(ReplayLog.keepDone + 1)
        #expect(first.count == 0)
        let three = try #require(second.open(reader()))
        #expect(second.append(three, bytes(3000), .last, now: 0)?.isKept == true)
    }

    @Test func everythingIsGivenBack() throws {
        let budget = ReplayBudget(limit: 1 << 20)
        do {
            let log = log(8192, budget)
            for turn in 0..<200 {
                let stream = try #require(log.open(reader()))
                for size in [0, 10, 3000, 9000, 100] {
                    _ = log.append(stream, bytes(size), turn % 3 == 0 ? .needed : .note, now: 0)
                }
                if turn % 2 == 0 {
                    _ = log.append(stream, bytes(turn), .last, now: UInt64(turn))
                } else {
                    break
                }
            }
            #expect(budget.held > 0 && budget.held <= 8192)
            log.trim(UInt64.max)
        }
        #expect(budget.held == 0)
    }

    @Test func aFloodTakesTimeInProportion() throws {
        let log = log(1 << 18)
        let stream = try #require(log.open(reader()))
        for _ in 0..<100_000 { _ = log.append(stream, bytes(60), .note, now: 0) }
        #expect(log.append(stream, bytes(60), .last, now: 0)?.id.number == 100_001)
        #expect(after(log, stream, 0)?.last == 100_001)
    }
}
