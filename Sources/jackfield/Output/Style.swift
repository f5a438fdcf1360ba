// SPDX-License-Identifier: Apache-2.0
// Colours and widths of terminals, and text that is safe to show there.

import Glibc

/// Colours, or their absence (https://no-color.org).
struct Style: Sendable {
    let isOn: Bool

    init(isOn: Bool) { self.isOn = isOn }

    /// On for a terminal that can and may.
    init(descriptor: Int32) {
        isOn =
            isatty(descriptor) == 1 && environmentValue("NO_COLOR") == nil
            && environmentValue("TERM") != "dumb"
    }

    func bold(_ text: String) -> String { dressed(text, "1") }
    func dim(_ text: String) -> String { dressed(text, "2") }
    func good(_ text: String) -> String { dressed(text, "32") }
    func bad(_ text: String) -> String { dressed(text, "31") }
    func wary(_ text: String) -> String { dressed(text, "33") }

    private func dressed(_ text: String, _ code: String) -> String {
        isOn ? "\u{1B}[\(code)m\(text)\u{1B}[0m" : text
    }
}

/// Columns of the terminal behind a descriptor; nil: it is none.
func terminalWidth(_ descriptor: Int32) -> Int? {
    guard isatty(descriptor) == 1 else { return nil }
    var size = winsize()
    guard ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
    return Int(size.ws_col)
}

/// Text with control characters shown as escapes: what a server says must not move the cursor.
func printable(_ text: String, keepsLines: Bool = false) -> String {
    guard text.unicodeScalars.contains(where: isControl) else { return text }
    var out = ""
    for scalar in text.unicodeScalars {
        if keepsLines, scalar == "\n" || scalar == "\t" {
            out.unicodeScalars.append(scalar)
        } else if scalar == "\n" || scalar == "\t" {
            out += " "
        } else if isControl(scalar) {
            out += "\\u{\(String(scalar.value, radix: 16))}"
        } else {
            out.unicodeScalars.append(scalar)
        }
    }
    return out
}

/// C0, DEL, C1, and the marks that change the direction of text.
private func isControl(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0..<32, 127..<160, 0x202A...0x202E, 0x2066...0x2069: true
    default: false
    }
}

/// The first line of a text, without what surrounds it.
func firstLine(_ text: String) -> String {
    let lines = text.split { $0.isNewline }
    let line = lines.first { !$0.allSatisfy(\.isWhitespace) } ?? ""
    let start = line.firstIndex { !$0.isWhitespace } ?? line.startIndex
    return printable(String(line[start...]))
}

/// `1.2 MB`: three digits at most, powers of 1024.
func sizeText(_ bytes: UInt64) -> String {
    let units = ["B", "KiB", "MiB", "GiB", "TiB"]
    var value = Double(bytes)
    var unit = 0
    while value >= 1024, unit + 1 < units.count {
        value /= 1024
        unit += 1
    }
    guard unit > 0, value < 100 else { return "\(Int(value.rounded())) \(units[unit])" }
    let tenths = Int((value * 10).rounded())
    return "\(tenths / 10).\(tenths % 10) \(units[unit])"
}
