// SPDX-License-Identifier: Apache-2.0
// Steps through an array or object that the host has already found to be JSON.

/// Asking the host for one element after the other would scan the container anew each time; in a text that is
/// known to be valid, the ends of values are easy to see.
struct JSONWalker {
    private let bytes: [UInt8]
    private var at: Int
    private let end: Int

    /// `range` holds a valid array or object, from bracket to bracket.
    init(_ bytes: [UInt8], _ range: Range<Int>) {
        self.bytes = bytes
        at = range.lowerBound + 1
        end = range.upperBound - 1
    }

    /// The next element; in objects keys and values in turn.
    mutating func nextValue() -> (range: Range<Int>, kind: JSONKind)? {
        while at < end, isBetween(bytes[at]) { at += 1 }
        guard at < end else { return nil }
        let start = at
        switch bytes[at] {
        case UInt8(ascii: "\""):
            skipString()
            return (start..<at, .text)
        case UInt8(ascii: "{"), UInt8(ascii: "["):
            let kind: JSONKind = bytes[at] == UInt8(ascii: "{") ? .object : .array
            skipContainer()
            return (start..<at, kind)
        case let first:
            while at < end, !isBetween(bytes[at]) { at += 1 }
            let kind: JSONKind =
                switch first {
                case UInt8(ascii: "t"), UInt8(ascii: "f"): .bool
                case UInt8(ascii: "n"): .null
                default: .number
                }
            return (start..<at, kind)
        }
    }

    private func isBetween(_ byte: UInt8) -> Bool {
        byte <= 0x20 || byte == UInt8(ascii: ",") || byte == UInt8(ascii: ":")
    }

    private mutating func skipString() {
        at += 1
        while at < end, bytes[at] != UInt8(ascii: "\"") { at += bytes[at] == UInt8(ascii: "\\") ? 2 : 1 }
        at = min(at + 1, end)
    }

    private mutating func skipContainer() {
        var depth = 0
        while at < end {
            switch bytes[at] {
            case UInt8(ascii: "\""):
                skipString()
                continue
            case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"): depth -= 1
            default: break
            }
            at += 1
            if depth == 0 { return }
        }
    }
}
