// SPDX-License-Identifier: Apache-2.0
// Lists that are suddenly empty: when that is believed.

import Testing

@testable import JackfieldCore

private let second: UInt64 = 1_000_000_000

@Suite struct EmptiedListsTests {
    @Test func anEmptyListIsBelievedAfterAWhile() {
        var lists = EmptiedLists()
        let answers = [100, 129, 130].map { lists.isBelieved(.tools, $0 * second) }
        #expect(answers == [false, false, true])
        let other = lists.isBelieved(.prompts, 130 * second)
        #expect(!other)
    }

    @Test func atOnceWhereItWasAnnounced() {
        var lists = EmptiedLists()
        lists.announced(.tools)
        let announced = lists.isBelieved(.tools, second)
        let silent = lists.isBelieved(.resources, second)
        #expect(announced && !silent)
        lists.settled(.tools)
        let later = lists.isBelieved(.tools, second)
        #expect(!later)
    }
}
