// SPDX-License-Identifier: Apache-2.0
// NameTable: what is found, what is not, crowded slots, many names.

import Testing

@testable import JackfieldCore

@Suite("Name table") struct NameTableTests {
    @Test func anEmptyTableFindsNothing() {
        let table = NameTable([])
        #expect(table.count == 0)
        for name in ["", "a", "tools"] { #expect(table.find(name) == nil) }
    }

    @Test func namesAreFoundByTheirWholeBytes() {
        let names = ["", "a", "b", "ab", "abc", "Abc", "ü", "u\u{308}", "x\u{0}y", "x", "dots.and-dashes_1"]
        let table = NameTable(names.enumerated().map { ($0.element, $0.offset) })
        #expect(table.count == names.count)
        for (value, name) in names.enumerated() { #expect(table.find(name) == value, "\(name)") }
        for name in ["abcd", "A", "y", "x\u{0}", " a", "b "] { #expect(table.find(name) == nil, "\(name)") }
        #expect(table.find(UnsafeRawBufferPointer(start: nil, count: 0)) == 0)
    }

    @Test func theFirstOfEqualNamesWins() {
        let table = NameTable([("a", 7), ("b", 8), ("a", 9), ("b", 10), ("c", 0)])
        #expect(table.count == 3)
        #expect(table.find("a") == 7)
        #expect(table.find("b") == 8)
        #expect(table.find("c") == 0)
    }

    @Test func namesThatWantTheSameSlotAreKeptApart() {
        // Eight slots for up to four names, sixteen for up to eight: names whose hashes end alike, the last slot too.
        for (count, mask) in [(4, UInt64(7)), (8, UInt64(15))] {
            for slot in [0, mask] {
                let crowd = (0...).lazy.map { "n\($0)" }
                    .filter { withBytes($0) { NameTable.hash($0) } & mask == slot }
                let names = Array(crowd.prefix(count + 3))
                let table = NameTable(names.prefix(count).enumerated().map { ($0.element, $0.offset) })
                #expect(table.count == count)
                for (value, name) in names.prefix(count).enumerated() { #expect(table.find(name) == value) }
                for name in names.suffix(3) { #expect(table.find(name) == nil) }
            }
        }
    }

    @Test func tenThousandNames() {
        let names = (0..<10_000).map { "server\($0 % 97)__tool_\($0)" }
        let table = NameTable(names.enumerated().map { ($0.element, $0.offset) })
        #expect(table.count == 10_000)
        var wrong = 0
        for (value, name) in names.enumerated() {
            if table.find(name) != value { wrong += 1 }
            if table.find(name + "_") != nil { wrong += 1 }
        }
        #expect(wrong == 0)
    }
}
