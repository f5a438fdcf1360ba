// SPDX-License-Identifier: Apache-2.0
// Columns of text.

/// A table. Columns are as wide as their widest cell; on a terminal the last one is cut where the line ends.
struct Table {
    let head: [String]
    var rows: [[String]] = []

    init(_ head: [String]) { self.head = head }

    /// The table with its line feeds. `width`: the terminal's; nil: nothing is cut.
    func text(width: Int?, style: Style) -> String {
        let cells = [head] + rows.map { row in row.map { printable($0) } }
        let last = head.count - 1
        var widths = head.indices.map { column in cells.map { columns(of: $0[column]) }.max() ?? 0 }
        if let width { shrink(&widths, to: width) }
        var out = ""
        for (number, row) in cells.enumerated() {
            var line = ""
            for (column, cell) in row.enumerated() {
                let shown = fitted(cell, width == nil ? .max : widths[column])
                line += shown
                guard column < last else { break }
                line += String(repeating: " ", count: max(0, widths[column] - columns(of: shown)) + 2)
            }
            while line.last == " " { line.removeLast() }
            out += (number == 0 ? style.bold(line) : line) + "\n"
        }
        return out
    }

    /// Takes from the widest column until the line fits; none gets narrower than 12.
    private func shrink(_ widths: inout [Int], to width: Int) {
        while widths.reduce(0, +) + 2 * (widths.count - 1) > width {
            guard
                let widest = widths.indices.max(by: {
                    widths[$0] <= widths[$1] && !(widths[$0] == widths[$1] && $0 > $1)
                }),
                widths[widest] > 12
            else { return }
            widths[widest] -= 1
        }
    }

    private func fitted(_ text: String, _ width: Int) -> String {
        guard columns(of: text) > width else { return text }
        var out = ""
        var used = 0
        for character in text {
            let wide = columns(of: String(character))
            if used + wide > width - 1 { break }
            out.append(character)
            used += wide
        }
        return out + "…"
    }
}

/// Columns that a text takes on a terminal: East Asian wide characters and emoji take two.
func columns(of text: String) -> Int {
    if text.utf8.count == text.unicodeScalars.count { return text.utf8.count }
    return text.reduce(0) { sum, character in
        let isWide = character.unicodeScalars.contains { scalar in
            switch scalar.value {
            case 0x1100...0x115F, 0x2E80...0xA4CF, 0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE30...0xFE6F,
                0xFF00...0xFF60,
                0xFFE0...0xFFE6, 0x1F300...0x1FAFF, 0x20000...0x3FFFD:
                true
            default: false
            }
        }
        return sum + (isWide ? 2 : 1)
    }
}
