// SPDX-License-Identifier: Apache-2.0
// Tables, escapes, sizes.

import Testing

@testable import jackfield

@Suite struct OutputTests {
    private let plain = Style(isOn: false)

    @Test func alignsColumns() {
        var table = Table(["A", "LONG", "C"])
        table.rows = [["wide cell", "x", "end"], ["日本", "y", ""]]
        #expect(
            table.text(width: nil, style: plain) == """
                A          LONG  C
                wide cell  x     end
                日本       y

                """)
    }

    @Test func cutsToTheTerminal() {
        var table = Table(["NAME", "TEXT"])
        table.rows = [["a", String(repeating: "x", count: 100)], ["b", "日本語日本語日本語日本語日本語日本語日本語"]]
        for line in table.text(width: 30, style: plain).split(separator: "\n") {
            #expect(columns(of: String(line)) <= 30)
        }
        #expect(table.text(width: 30, style: plain).contains("x…"))
        #expect(!table.text(width: nil, style: plain).contains("…"))
    }

    @Test func escapesWhatMovesTheCursor() {
        #expect(printable("a\u{1B}[2Jb\u{7}") == "a\\u{1b}[2Jb\\u{7}")
        #expect(printable("a\nb\tc") == "a b c")
        #expect(printable("a\nb", keepsLines: true) == "a\nb")
        #expect(printable("a\rb", keepsLines: true) == "a\\u{d}b")
        #expect(printable("\u{202E}x") == "\\u{202e}x")
        #expect(printable("grüße 日本") == "grüße 日本")
    }

    @Test func coloursOnlyWhenOn() {
        #expect(Style(isOn: true).bold("x") == "\u{1B}[1mx\u{1B}[0m")
        #expect(plain.bad("x") == "x")
    }

    @Test func takesTheFirstLine() {
        #expect(firstLine("\n  one\ntwo") == "one")
        #expect(firstLine("") == "")
    }

    @Test(
        arguments: [
            (0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (104_857_600, "100 MiB"), (25 << 30, "25.0 GiB"),
        ] as [(UInt64, String)])
    func printsSizes(_ bytes: UInt64, _ text: String) {
        #expect(sizeText(bytes) == text)
    }

    @Test func wraps() {
        #expect(wrapped("aa bb cc", width: 5, indent: 0) == ["aa bb", "cc"])
        #expect(wrapped("a\nb", width: 9, indent: 2) == ["  a", "  b"])
    }

    @Test func indentsFurtherLines() {
        #expect(keyed([("K", "a\nb"), ("Long", "c")], style: plain) == "K:     a\n       b\nLong:  c\n")
    }
}
