// SPDX-License-Identifier: Apache-2.0
// Writes JSON text, front to back.

/// Writes one JSON text. Commas and colons set themselves:
/// `writer.object { $0.member("sum", 3); $0.member("terms") { $0.array([1, 2]) } }`.
public struct JSONWriter: Sendable {
    /// What was written so far, UTF-8.
    public private(set) var bytes: [UInt8] = []

    /// An empty text.
    public init() {}

    /// What was written so far.
    public var text: String { String(decoding: bytes, as: UTF8.self) }

    // MARK: Values

    /// Any value.
    public mutating func value(_ value: JSONValue) {
        switch value {
        case .null: word("null")
        case .bool(let flag): word(flag ? "true" : "false")
        case .integer(let number): self.number(number)
        case .number(let number): self.number(number)
        case .text(let text): string(text)
        case .array(let elements): array(elements)
        case .object(let members):
            object { writer in for member in members { writer.member(member.name, member.value) } }
        case .raw(let json): raw(json)
        }
    }

    /// A string, escaped where need be.
    public mutating func string(_ text: String) {
        separate()
        quote(text)
    }

    /// A whole number.
    public mutating func number(_ number: Int) { word(String(number)) }

    /// Whole numbers are written without a fraction, infinities and NaN as `null`.
    public mutating func number(_ number: Double) {
        guard number.isFinite else { return word("null") }
        // Not Int(exactly:), which would make libm a library that every plugin needs.
        let isExact = number.magnitude < 0x1p53 && Double(Int(number)) == number
        let isNegativeZero = number == 0 && number.sign == .minus
        word(isExact && !isNegativeZero ? String(Int(number)) : number.description)
    }

    /// Valid JSON, as it is.
    public mutating func raw(_ json: String) { word(json) }

    /// An array of values.
    public mutating func array(_ elements: [JSONValue]) {
        array { writer in for element in elements { writer.value(element) } }
    }

    /// An array; `write` writes its elements.
    public mutating func array(_ write: (inout JSONWriter) -> Void) {
        separate()
        bytes.append(UInt8(ascii: "["))
        write(&self)
        bytes.append(UInt8(ascii: "]"))
    }

    /// An object; `write` writes its members.
    public mutating func object(_ write: (inout JSONWriter) -> Void) {
        separate()
        bytes.append(UInt8(ascii: "{"))
        write(&self)
        bytes.append(UInt8(ascii: "}"))
    }

    // MARK: Members

    /// A member of the object at hand; `write` writes its one value.
    public mutating func member(_ name: String, _ write: (inout JSONWriter) -> Void) {
        separate()
        quote(name)
        bytes.append(UInt8(ascii: ":"))
        write(&self)
    }

    /// A member with any value.
    public mutating func member(_ name: String, _ value: JSONValue) { member(name) { $0.value(value) } }
    /// A member with a string.
    public mutating func member(_ name: String, _ text: String) { member(name) { $0.string(text) } }

    /// A member that is left out when there is no text.
    public mutating func member(_ name: String, ifPresent text: String?) {
        if let text { member(name, text) }
    }

    /// A member that is left out when there is no flag.
    public mutating func member(_ name: String, ifPresent flag: Bool?) {
        if let flag { member(name, .bool(flag)) }
    }

    // MARK: Bytes

    private mutating func word(_ word: String) {
        separate()
        bytes.append(contentsOf: word.utf8)
    }

    /// A complete value never ends with one of these three, so the last byte tells whether a comma is due.
    private mutating func separate() {
        switch bytes.last {
        case nil, UInt8(ascii: "{"), UInt8(ascii: "["), UInt8(ascii: ":"): break
        default: bytes.append(UInt8(ascii: ","))
        }
    }

    private mutating func quote(_ text: String) {
        bytes.append(UInt8(ascii: "\""))
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                bytes.append(UInt8(ascii: "\\"))
                bytes.append(byte)
            case UInt8(ascii: "\n"): bytes.append(contentsOf: "\\n".utf8)
            case UInt8(ascii: "\r"): bytes.append(contentsOf: "\\r".utf8)
            case UInt8(ascii: "\t"): bytes.append(contentsOf: "\\t".utf8)
            case 0..<0x20:
                bytes.append(contentsOf: byte < 0x10 ? "\\u000".utf8 : "\\u00".utf8)
                bytes.append(contentsOf: String(byte, radix: 16).utf8)
            default: bytes.append(byte)
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }
}

/// Base64 (RFC 4648 section 4), with padding: how JSON carries bytes.
func base64(_ bytes: [UInt8]) -> String {
    let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
    var text: [UInt8] = []
    text.reserveCapacity((bytes.count + 2) / 3 * 4)
    for start in stride(from: 0, to: bytes.count, by: 3) {
        let group = bytes[start..<min(start + 3, bytes.count)]
        var bits = 0
        for byte in group { bits = bits << 8 | Int(byte) }
        bits <<= 8 * (3 - group.count)
        for digit in 0..<4 {
            text.append(digit <= group.count ? digits[bits >> (18 - 6 * digit) & 63] : UInt8(ascii: "="))
        }
    }
    return String(decoding: text, as: UTF8.self)
}
