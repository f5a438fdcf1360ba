// SPDX-License-Identifier: Apache-2.0
// The plugin under the mock host, which checks the rules of the ABI as it goes.

import Dice
import JackfieldPlugin
import JackfieldPluginTesting
import Testing

@Suite(.serialized) struct DiceTests {
    /// Brings up the plugin with one server, runs `body`, and ends it; no rule may be broken.
    private func withDice(_ server: JSONValue = [:], _ body: (MockHost, MockSet) throws -> Void) throws {
        let host = try MockHost(entry)
        try body(host, try host.openSet("dice", server))
        #expect(host.end() == [])
    }

    @Test func rolls() throws {
        try withDice { _, dice in
            let answer = dice.call("roll", ["dice": "2d2"]).answer
            let sum = try #require(answer.value("/structuredContent/sum").flatMap { Int($0) })
            #expect(answer.status == .ok && answer.isInline && (2...4).contains(sum))
            #expect(answer.text?.hasSuffix(" = \(sum)") == true)
        }
    }

    @Test func refusesTooManyDice() throws {
        try withDice(["limit": 3]) { _, dice in
            #expect(dice.call("roll", ["dice": "3d6"]).answer.status == .ok)
            let answer = dice.call("roll", ["dice": "4d6"]).answer
            #expect(answer.status == .invalid && answer.isPublic && answer.why.contains("at most 3 dice"))
        }
    }

    @Test func shakesForASecond() throws {
        try withDice { host, dice in
            let shaken = dice.call("shake")
            let left = dice.call("shake")
            #expect(shaken.answer.status == .pending)
            left.cancel()
            #expect(left.wait().status == .gone)
            host.advance(.seconds(1))
            #expect(shaken.wait().status == .ok)
        }
    }
}
