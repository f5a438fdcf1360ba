// SPDX-License-Identifier: Apache-2.0
// Cursor: read back as made; anything else is refused.

import Testing

@testable import JackfieldCore

@Suite("Cursor") struct CursorTests {
    @Test(
        "is read back as it was made", arguments: [0, 1, UInt64.max, 0x0123_4567_89ab_cdef],
        [0, 1, 255, Int.max])
    func roundTrips(_ fingerprint: UInt64, _ offset: Int) throws {
        let text = Cursor(fingerprint: fingerprint, offset: offset).text
        #expect(text.utf8.count == 48)
        let read = withBytes(text) { Cursor($0) }
        let cursor = try #require(read)
        #expect(cursor.fingerprint == fingerprint)
        #expect(cursor.offset == UInt64(offset))
        #expect(cursor.text == text)
    }

    @Test func anyChangedDigitIsRefused() {
        let text = Array(Cursor(fingerprint: 0xfeed_0000_0000_beef, offset: 3).text.utf8)
        for at in text.indices {
            for digit in Array("0123456789abcdef".utf8) where digit != text[at] {
                var changed = text
                changed[at] = digit
                #expect(changed.withUnsafeBytes { Cursor($0) } == nil, "digit \(at) made \(digit)")
            }
        }
    }

    @Test func partsOfTwoCursorsMakeNoThird() {
        let a = Cursor(fingerprint: 1, offset: 1).text
        let b = Cursor(fingerprint: 2, offset: 7).text
        let words = [a, b].map { text in (0..<3).map { String(text.dropFirst($0 * 16).prefix(16)) } }
        for mix in 1..<7 {
            let text = (0..<3).map { words[mix >> $0 & 1][$0] }.joined()
            #expect(withBytes(text) { Cursor($0) } == nil, "mix \(mix)")
        }
    }

    @Test(
        "what is no cursor is refused",
        arguments: [
            "", "1", String(repeating: "0", count: 47), String(repeating: "0", count: 49),
            String(repeating: "g", count: 48), String(repeating: " ", count: 48),
            String(repeating: "é", count: 24),
        ])
    func garbage(_ text: String) {
        #expect(withBytes(text) { Cursor($0) } == nil)
    }

    @Test func upperCaseAndSurroundingsAreRefused() {
        // Chosen so that the text has letters.
        let text = Cursor(fingerprint: 0xabcd_efab_cdef_abcd, offset: 1).text
        #expect(withBytes(text.uppercased()) { Cursor($0) } == nil)
        #expect(withBytes(text + "0") { Cursor($0) } == nil)
        #expect(withBytes(" " + text.dropLast()) { Cursor($0) } == nil)
    }
}
