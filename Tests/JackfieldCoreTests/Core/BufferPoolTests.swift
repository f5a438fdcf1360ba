// SPDX-License-Identifier: Apache-2.0
// BufferPool: size classes, readable padding, reuse.

import JSON
import Testing

@testable import JackfieldCore

extension BufferPool {
    /// As `borrow`, where there must be memory.
    fileprivate mutating func lent(_ size: Int) throws -> (UnsafeMutablePointer<UInt8>, Int) {
        let buffer = borrow(size)
        return try #require(buffer)
    }
}

@Suite("Buffer pool") struct BufferPoolTests {
    @Test(
        "a buffer has its class's capacity",
        arguments: [
            (0, 65_536), (1, 65_536), (65_536, 65_536), (65_537, 1_048_576), (1_048_576, 1_048_576),
            (1_048_577, 1_048_577), (3_000_001, 3_000_001),
        ])
    func classes(_ size: Int, _ capacity: Int) throws {
        var pool = BufferPool()
        let (buffer, actual) = try pool.lent(size)
        #expect(actual == capacity)
        #expect(pool.borrowed == 1)
        // All of it can be written, and what the scanner reads behind it is there.
        buffer.update(repeating: 0xAA, count: actual)
        #expect(BufferPool.padding >= JSONParser.padding)
        for at in 0..<BufferPool.padding { #expect(buffer[actual + at] == 0) }
        #expect(UInt(bitPattern: buffer) % 16 == 0)
        pool.giveBack(buffer)
        #expect(pool.borrowed == 0)
        pool.purge()
    }

    @Test func aTextThatFillsItsBufferCanBeParsedInPlace() throws {
        var pool = BufferPool()
        let (buffer, capacity) = try pool.lent(10)
        buffer.update(repeating: 32, count: capacity)
        buffer[0] = 91
        buffer[capacity - 1] = 93
        let document = try JSONParser().parse(UnsafeRawBufferPointer(start: buffer, count: capacity))
        #expect(document.root.kind == .array)
        pool.giveBack(buffer)
        pool.purge()
    }

    @Test func whatComesBackIsLentAgainInItsClass() throws {
        var pool = BufferPool()
        let (small, _) = try pool.lent(100)
        let (large, _) = try pool.lent(100_000)
        pool.giveBack(small)
        pool.giveBack(large)
        let (largeAgain, largeCapacity) = try pool.lent(1_000_000)
        let (smallAgain, smallCapacity) = try pool.lent(65_536)
        #expect(largeAgain == large)
        #expect(largeCapacity == BufferPool.large)
        #expect(smallAgain == small)
        #expect(smallCapacity == BufferPool.small)
        pool.giveBack(largeAgain)
        pool.giveBack(smallAgain)
        pool.purge()
    }

    @Test func lentBuffersNeverOverlap() throws {
        var random = Generator(state: 77)
        var pool = BufferPool()
        var lent: [(start: UnsafeMutablePointer<UInt8>, capacity: Int, mark: UInt8)] = []
        for step in 0..<2_000 {
            if lent.count > 40 || (!lent.isEmpty && Bool.random(using: &random)) {
                let (start, capacity, mark) = lent.remove(at: Int.random(in: 0..<lent.count, using: &random))
                #expect(start[0] == mark && start[capacity - 1] == mark)
                pool.giveBack(start)
            } else {
                let size = [10, 65_536, 70_000, 1_200_000].randomElement(using: &random) ?? 10
                let (start, capacity) = try pool.lent(size)
                #expect(capacity >= size)
                let mark = UInt8(truncatingIfNeeded: step)
                start[0] = mark
                start[capacity - 1] = mark
                lent.append((start, capacity, mark))
            }
            #expect(pool.borrowed == lent.count)
        }
        let starts = Set(lent.map { UInt(bitPattern: $0.start) })
        #expect(starts.count == lent.count)
        for item in lent { pool.giveBack(item.start) }
        #expect(pool.borrowed == 0)
        pool.purge()
    }

    @Test func moreThanIsKeptComesBackWithoutHarm() throws {
        var pool = BufferPool()
        for size in [10, 100_000] {
            let all = try (0..<50).map { _ in try pool.lent(size).0 }
            #expect(Set(all.map { UInt(bitPattern: $0) }).count == 50)
            for buffer in all { pool.giveBack(buffer) }
        }
        #expect(pool.borrowed == 0)
        pool.purge()
        let (last, capacity) = try pool.lent(1)
        #expect(capacity == BufferPool.small)
        pool.giveBack(last)
        pool.purge()
    }
}
