// SPDX-License-Identifier: Apache-2.0
// Revision: the five dates, their order and eras; byte comparisons with literals.

import MCP
import Testing

@Suite("Revision") struct RevisionTests {
    static let dates = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28"]

    @Test func datesAndRevisionsMatchOneToOneInOrder() {
        #expect(Revision.allCases.map { "\($0.text)" } == Self.dates)
        for (date, revision) in zip(Self.dates, Revision.allCases) {
            #expect(withBytes(date) { Revision($0) } == revision)
        }
        #expect(Revision.allCases == Revision.allCases.sorted())
    }

    @Test func onlyTheLastIsModern() {
        #expect(Revision.allCases.filter(\.isModern) == [.v2026_07_28])
        #expect(Revision.newest == .v2026_07_28)
        #expect(Revision.newestLegacy == .v2025_11_25)
    }

    @Test(
        "other strings name no revision",
        arguments: [
            "", "2026-07-2", "2026-07-280", "2026-07-29", "2099-01-01", "draft", "2026_07_28", "2025-06-18 ",
        ])
    func unknown(_ text: String) {
        #expect(withBytes(text) { Revision($0) } == nil)
    }

    @Test func bytesEqualALiteralOnlyAsAWhole() {
        let literal: StaticString = "0123456789abcdefXYZ"
        let text = "\(literal)"
        withBytes(text) { #expect($0.equals(literal)) }
        for length in 0..<text.utf8.count {
            withBytes(String(text.prefix(length))) { #expect(!$0.equals(literal), "prefix of \(length)") }
            var changed = Array(text.utf8)
            changed[length] ^= 1
            changed.withUnsafeBytes { #expect(!$0.equals(literal), "changed at \(length)") }
            changed.withUnsafeBytes { changed in
                withBytes(text) { #expect(!changed.equals($0), "changed at \(length)") }
            }
        }
        #expect(UnsafeRawBufferPointer(start: nil, count: 0).equals(""))
        #expect(!UnsafeRawBufferPointer(start: nil, count: 0).equals("x"))
    }

    @Test func prefixesAreFoundAtTheStartOnly() {
        withBytes("io.example/key") {
            #expect($0.starts(with: "io.example/"))
            #expect($0.starts(with: "io.example/key"))
            #expect($0.starts(with: ""))
            #expect(!$0.starts(with: "io.example/key2"))
            #expect(!$0.starts(with: "o.example/"))
        }
    }
}
