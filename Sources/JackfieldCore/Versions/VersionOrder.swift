// SPDX-License-Identifier: Apache-2.0
// Which of two version labels is the newer one.

/// A version as operators write it: `2.1`, `v2.1.0-rc.1`, `2026-11`. Parts between points, dashes and changes from letters to
/// digits are compared one by one: numbers by value, words by their letters, and a version with a word at its end (`-rc.1`)
/// comes before the same one without (Semantic Versioning 2.0.0, section 11). What follows `+` does not count.
struct VersionOrder: Comparable, Sendable {
    private enum Part: Equatable {
        case number([UInt8])
        case word([UInt8])
    }

    private let parts: [Part]

    /// - Parameter text: nil, for an endpoint without a version, is older than everything.
    init(_ text: String?) {
        var parts: [Part] = []
        var current: [UInt8] = []
        func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }
        func close() {
            guard let first = current.first else { return }
            if isDigit(first) {
                let digits = Array(current.drop { $0 == 0x30 })
                parts.append(.number(digits))
            } else {
                parts.append(.word(current))
            }
            current = []
        }
        var bytes = Array((text ?? "").utf8.prefix { $0 != UInt8(ascii: "+") })[...]
        if let head = bytes.first, head | 0x20 == UInt8(ascii: "v"),
            bytes.dropFirst().first.map(isDigit) == true
        {
            bytes.removeFirst()
        }
        for byte in bytes {
            if byte == UInt8(ascii: ".") || byte == UInt8(ascii: "-") {
                close()
                continue
            }
            if let last = current.last, isDigit(last) != isDigit(byte) { close() }
            current.append(byte)
        }
        close()
        self.parts = parts
    }

    static func < (one: VersionOrder, other: VersionOrder) -> Bool { one.comes(before: other) == true }

    static func == (one: VersionOrder, other: VersionOrder) -> Bool { one.comes(before: other) == nil }

    /// Nil: they are the same.
    private func comes(before other: VersionOrder) -> Bool? {
        if parts.isEmpty || other.parts.isEmpty {
            return parts.isEmpty == other.parts.isEmpty ? nil : parts.isEmpty
        }
        // Behind the first word stands what tells preliminary versions apart.
        var isPreliminary = false
        for at in 0..<max(parts.count, other.parts.count) {
            let left = at < parts.count ? parts[at] : nil
            let right = at < other.parts.count ? other.parts[at] : nil
            switch (left, right) {
            case (.number(let a)?, .number(let b)?):
                if a != b { return a.count != b.count ? a.count < b.count : a.lexicographicallyPrecedes(b) }
            case (.word(let a)?, .word(let b)?):
                if a != b { return a.lexicographicallyPrecedes(b) }
                isPreliminary = true
            case (.word?, .number?): return !isPreliminary
            case (.number?, .word?): return isPreliminary
            // 2 is 2.0, and later than 2-rc.
            case (nil, .number(let b)?): if isPreliminary || !b.isEmpty { return true }
            case (.number(let a)?, nil): if isPreliminary || !a.isEmpty { return false }
            case (nil, .word?): return isPreliminary
            case (.word?, nil): return !isPreliminary
            case (nil, nil): break
            }
        }
        return nil
    }
}
