// SPDX-License-Identifier: Apache-2.0
// Deadlines that progress moves: what moves them, and how far.

import Testing

@testable import JackfieldCore

private let second: UInt64 = 1_000_000_000

@Suite struct StretchTests {
    @Test func progressMovesTheDeadlineUpToTheCap() {
        let stretch = Stretch(quiet: 10 * second, cap: 25 * second)
        #expect(stretch.deadline(after: 1, 3 * second) == 13 * second)
        #expect(stretch.deadline(after: 2, 20 * second) == 25 * second)
        #expect(stretch.deadline(after: 3, 24 * second) == 25 * second)
    }

    @Test(arguments: [nil, 1, 0.5, -.infinity, .infinity, .nan] as [Double?])
    func whatDoesNotGrowIsNoProgress(_ value: Double?) {
        let stretch = Stretch(quiet: second, cap: 100 * second)
        #expect(stretch.deadline(after: 1, second) != nil)
        #expect(stretch.deadline(after: value, 2 * second) == nil)
        #expect(stretch.deadline(after: 1.5, 2 * second) == 3 * second)
    }

    @Test func anotherTryBeginsAnew() {
        let stretch = Stretch(quiet: second, cap: 100 * second)
        #expect(stretch.deadline(after: 7, second) != nil)
        stretch.begins()
        #expect(stretch.deadline(after: 1, second) != nil)
    }

    @Test func questionsDoNotCount() {
        let stretch = Stretch(quiet: second, cap: 10 * second)
        stretch.pause(4 * second)
        stretch.pause(5 * second)
        #expect(stretch.resume(60 * second, 50 * second) == 56 * second)
        #expect(stretch.cap == 56 * second)
        #expect(stretch.resume(55 * second, 51 * second) == 55 * second)
    }
}
