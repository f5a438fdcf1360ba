// SPDX-License-Identifier: Apache-2.0
// The part of the plugin that needs no host.

import JackfieldPlugin
import Testing

@testable import Dice

@Suite struct CupTests {
    @Test(arguments: [("3d6", 3, 6), ("d20", 1, 20), ("1D2", 1, 2), ("100d1000", 100, 1000)])
    func readsNotation(notation: String, count: Int, sides: Int) {
        let cup = Cup(notation)
        #expect(cup?.count == count && cup?.sides == sides)
    }

    @Test(arguments: [
        "", "d", "6", "0d6", "-1d6", "1d1", "1d1001", "1d6d6", "1d 6", "xd6", "99999999999999999999d6",
    ])
    func refusesOtherText(notation: String) { #expect(Cup(notation) == nil) }

    @Test func rollsWithinTheSides() throws {
        let result = Dice.roll(try #require(Cup("100d3")))
        guard case .object(let members) = result.structured, case .array(let dice) = members[0].value else {
            Issue.record("no dice in \(result)")
            return
        }
        #expect(dice.count == 100 && dice.allSatisfy { [1, 2, 3].contains($0) })
    }
}
