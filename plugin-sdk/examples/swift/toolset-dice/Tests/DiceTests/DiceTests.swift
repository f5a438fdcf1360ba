// SPDX-License-Identifier: Apache-2.0
// The plugin under the mock host, which checks the rules of the ABI as it goes.

import CMockHost
import Dice
import Testing

@Suite(.serialized) struct DiceTests {
    /// Brings up the plugin with one server, runs `body`, and ends it; no rule may be broken.
    private func withDice(
        _ server: String = "{}", _ body: (_ mock: OpaquePointer, _ set: UInt64) throws -> Void
    ) throws {
        let mock = try #require(jf_mock_new())
        #expect(
            jf_mock_attach(mock, entry) == 0 && jf_mock_create(mock, "{}") == 0 && jf_mock_start(mock) == 0)
        let set = jf_mock_open_set(mock, "dice", server)
        try body(mock, set)
        #expect(jf_mock_free(mock) == 0)
    }

    private func call(_ mock: OpaquePointer, _ set: UInt64, _ tool: String, _ arguments: String) -> UInt64 {
        jf_mock_request(mock, set, UInt32(JF_MOCK_CALL), tool, arguments)
    }

    @Test func rolls() throws {
        try withDice { mock, set in
            let op = jf_mock_op_at(mock, call(mock, set, "roll", #"{"dice":"2d2"}"#))
            let result = String(cString: try #require(op.result))
            #expect(
                ["[1,1],\"sum\":2", "[1,2],\"sum\":3", "[2,1],\"sum\":3", "[2,2],\"sum\":4"].contains {
                    result.hasSuffix("\"structuredContent\":{\"dice\":\($0)}}")
                })
        }
    }

    @Test func refusesTooManyDice() throws {
        try withDice(#"{"limit":3}"#) { mock, set in
            #expect(jf_mock_op_at(mock, call(mock, set, "roll", #"{"dice":"3d6"}"#)).status == 0)
            let op = jf_mock_op_at(mock, call(mock, set, "roll", #"{"dice":"4d6"}"#))
            #expect(op.status == -1 && String(cString: op.why).contains("at most 3 dice"))
        }
    }

    @Test func shakesForASecond() throws {
        try withDice { mock, set in
            let shaken = call(mock, set, "shake", "{}")
            let left = call(mock, set, "shake", "{}")
            #expect(jf_mock_op_at(mock, shaken).status == 1)
            jf_mock_cancel_op(mock, left, -7)
            jf_mock_settle(mock)
            #expect(jf_mock_op_at(mock, left).status == -7)
            jf_mock_advance(mock, 1_000_000_000)
            #expect(jf_mock_wait_op(mock, shaken, 5000) && jf_mock_op_at(mock, shaken).status == 0)
        }
    }
}
