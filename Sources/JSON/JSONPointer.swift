// SPDX-License-Identifier: Apache-2.0
// JSONPointer: names one value inside a text (RFC 6901).

/// A path to a value: member names and array positions.
public struct JSONPointer: Hashable, Sendable, CustomStringConvertible {
    /// The unescaped reference tokens; none for the whole text.
    public var tokens: [String]

    public init(tokens: [String] = []) { self.tokens = tokens }

    /// Reads a pointer such as `/params/items/0/a~1b`. Nil when it neither is empty nor begins with `/`, or
    /// has a `~` that is not `~0` or `~1`.
    public init?(_ text: String) {
        guard !text.isEmpty else {
            tokens = []
            return
        }
        guard text.utf8.first == UInt8(ascii: "/") else { return nil }
        var tokens: [String] = []
        for part in text.utf8.dropFirst().split(
            separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        {
            guard let token = Self.unescape(part) else { return nil }
            tokens.append(token)
        }
        self.tokens = tokens
    }

    private static func unescape(_ part: some Sequence<UInt8>) -> String? {
        var out: [UInt8] = []
        var escaped = false
        for byte in part {
            if escaped {
                guard byte == UInt8(ascii: "0") || byte == UInt8(ascii: "1") else { return nil }
                out.append(byte == UInt8(ascii: "0") ? UInt8(ascii: "~") : UInt8(ascii: "/"))
                escaped = false
            } else if byte == UInt8(ascii: "~") {
                escaped = true
            } else {
                out.append(byte)
            }
        }
        return escaped ? nil : String(decoding: out, as: UTF8.self)
    }

    public var description: String {
        var out: [UInt8] = []
        for token in tokens {
            out.append(UInt8(ascii: "/"))
            for byte in token.utf8 {
                switch byte {
                case UInt8(ascii: "~"): appendASCII("~0", to: &out)
                case UInt8(ascii: "/"): appendASCII("~1", to: &out)
                default: out.append(byte)
                }
            }
        }
        return String(decoding: out, as: UTF8.self)
    }

    /// The pointer to a member or element inside what this one names.
    public func appending(_ token: String) -> JSONPointer { JSONPointer(tokens: tokens + [token]) }

    /// The value this names in `root`, among recorded values; nil when there is none.
    public func find(in root: JSONNode) -> JSONNode? {
        var node = root
        for token in tokens {
            switch node.kind {
            case .object:
                guard let next = node.member(named: token) else { return nil }
                node = next
            case .array:
                guard let position = Self.position(token), position < node.count else { return nil }
                var elements = node.elements
                for _ in 0..<position { _ = elements.next() }
                guard let next = elements.next() else { return nil }
                node = next
            default: return nil
            }
        }
        return node
    }

    /// The value this names in `root`; nil when there is none.
    public func find(in root: JSONValue) -> JSONValue? {
        var value = root
        for token in tokens {
            guard let next = Self.position(token).flatMap({ value[$0] }) ?? value[token] else { return nil }
            value = next
        }
        return value
    }

    /// An array position: decimal digits without leading zeros.
    private static func position(_ token: String) -> Int? {
        let digits = token.utf8
        guard let first = digits.first, first != UInt8(ascii: "0") || digits.count == 1,
            digits.allSatisfy({ $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") })
        else { return nil }
        return Int(token)
    }
}
