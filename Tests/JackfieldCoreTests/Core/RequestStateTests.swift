// SPDX-License-Identifier: Apache-2.0
// RequestState: what is written is read again, and nothing else is taken for a state.

import JSON
import MCP
import Testing

@testable import JackfieldCore

@Suite("Request state") struct RequestStateTests {
    private func state(_ numbers: inout Generator) -> RequestState {
        var made = RequestState()
        made.kind = Bool.random(using: &numbers) ? .parked : .repeated
        made.instance = .random(in: 0...(.max), using: &numbers)
        made.lane = .random(in: 0...(.max), using: &numbers)
        made.call = .random(in: 0...(.max), using: &numbers)
        made.round = .random(in: 0...(.max), using: &numbers)
        made.expiry = .random(in: 0...(.max), using: &numbers)
        made.digest = (0..<32).map { _ in .random(in: 0...255, using: &numbers) }
        made.questions = made.kind == .repeated ? Array("{\"q1\":{}}".utf8) : []
        return made
    }

    private func read(_ bytes: [UInt8]) -> RequestState? { bytes.withUnsafeBytes { RequestState($0) } }

    @Test func everyFieldComesBack() {
        var numbers = Generator(state: 1)
        for _ in 0..<500 {
            let written = state(&numbers)
            #expect(read(written.bytes) == written)
        }
    }

    @Test func noFieldIsLeftOut() {
        var numbers = Generator(state: 2)
        let first = state(&numbers)
        var others = [RequestState](repeating: first, count: 8)
        others[0].kind = first.kind == .parked ? .repeated : .parked
        others[1].instance ^= 1 << 63
        others[2].lane ^= 1 << 31
        others[3].call ^= 1 << 63
        others[4].round ^= 1 << 31
        others[5].expiry ^= 1 << 63
        others[6].digest[31] ^= 128
        others[7].questions += [32]
        for other in others { #expect(other.bytes != first.bytes) }
        #expect(Set(others.map(\.bytes)).count == others.count)
    }

    @Test func whatIsCutShortIsNoState() {
        var numbers = Generator(state: 3)
        var whole = state(&numbers)
        whole.questions = []
        for count in 0..<whole.bytes.count { #expect(read(Array(whole.bytes.prefix(count))) == nil) }
        #expect(read([]) == nil)
    }

    @Test func otherVersionsAndKindsAreNoState() {
        var numbers = Generator(state: 4)
        let bytes = state(&numbers).bytes
        for value in 0...255 as ClosedRange<UInt8> {
            var changed = bytes
            changed[0] = value
            #expect((read(changed) != nil) == (value == bytes[0]))
            changed = bytes
            changed[1] = value
            #expect((read(changed) != nil) == (value == 1 || value == 2))
        }
    }

    @Test func itsSizeDoesNotTellWhatItHolds() {
        var numbers = Generator(state: 5)
        let sizes = Set(
            (0..<100).map { _ in
                var made = state(&numbers)
                made.questions = []
                return made.bytes.count
            })
        #expect(sizes.count == 1)
    }

    @Test func digestsAreWrittenMostSignificantByteFirst() {
        // FIPS 180-4, "abc".
        let digest = withBytes("abc") { SHA256.digest(of: $0) }
        let text = digest.bytes.map { byte in
            let digits = String(byte, radix: 16)
            return digits.count == 1 ? "0" + digits : digits
        }.joined()
        #expect(text == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    }
}

@Suite("Question id") struct QuestionIdTests {
    private func read(_ json: String) throws -> QuestionId? {
        try JSONText(Array(json.utf8)).withRoot { QuestionId($0) }
    }

    @Test(arguments: [(0, 1), (1, 1 << 20), (63, UInt64.max), (Int.max, 0)] as [(Int, UInt64)])
    func comesBackAsItWasSent(_ lane: Int, _ handle: UInt64) throws {
        let id = try #require(try read("\"\(QuestionId(lane: lane, handle: handle).text)\""))
        #expect(id.lane == lane && id.handle == handle)
    }

    @Test(
        "what no gateway sent is not read",
        arguments: [
            "1", "null", "true", "[]", "{}", "\"\"", "\"jf\"", "\"jf-\"", "\"jf-1\"", "\"jf-1-\"",
            "\"jf--1\"",
            "\"jf--1-1\"", "\"jf-1--1\"", "\"jf-1-1-1\"", "\"jf-1-1 \"", "\" jf-1-1\"", "\"JF-1-1\"",
            "\"jf-1-18446744073709551616\"", "\"jf-9223372036854775808-1\"", "\"jf-0x1-1\"", "\"jf-1-1e3\"",
            "\"jf-\u{661}-1\"", "1.5", "[\"jf-1-1\"]",
        ])
    func othersAreNotRead(_ json: String) throws {
        #expect(try read(json) == nil)
    }

    @Test func escapesDoNotHideIt() throws {
        let id = try #require(try read("\"\\u006af-2-3\""))
        #expect(id.lane == 2 && id.handle == 3)
    }
}
