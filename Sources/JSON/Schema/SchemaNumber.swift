// SPDX-License-Identifier: Apache-2.0
// SchemaNumber: a JSON number compared by value, exactly, whatever its spelling or size.

/// 0.d₁d₂d₃… × 10^exponent with neither leading nor trailing zero digits; zero has no digits.
struct SchemaNumber: Equatable, Sendable {
    private(set) var negative = false
    private(set) var digits: [UInt8] = []
    private(set) var exponent = 0
    let spelling: String

    /// `spelling` must be a JSON number.
    init(_ spelling: String) {
        self.spelling = spelling
        var point: Int?
        var scale = 0
        var scaleNegative = false
        var inScale = false
        for byte in spelling.utf8 {
            switch byte {
            case UInt8(ascii: "-"): if inScale { scaleNegative = true } else { negative = true }
            case UInt8(ascii: "+"): break
            case UInt8(ascii: "."): point = digits.count
            case UInt8(ascii: "e"), UInt8(ascii: "E"): inScale = true
            default:
                let digit = byte &- UInt8(ascii: "0")
                if inScale {
                    // Beyond this only the order of magnitudes counts, and texts are shorter than that.
                    if scale < 1 << 50 { scale = scale * 10 + Int(digit) }
                } else {
                    digits.append(digit)
                }
            }
        }
        exponent = (point ?? digits.count) + (scaleNegative ? -scale : scale)
        let leading = digits.prefix { $0 == 0 }.count
        digits.removeFirst(leading)
        exponent -= leading
        while digits.last == 0 { digits.removeLast() }
        if digits.isEmpty {
            negative = false
            exponent = 0
        }
    }

    static func == (left: SchemaNumber, right: SchemaNumber) -> Bool {
        left.negative == right.negative && left.exponent == right.exponent && left.digits == right.digits
    }

    static func < (left: SchemaNumber, right: SchemaNumber) -> Bool {
        if left.negative != right.negative { return left.negative }
        return left.negative ? magnitudeLess(right, left) : magnitudeLess(left, right)
    }

    private static func magnitudeLess(_ left: SchemaNumber, _ right: SchemaNumber) -> Bool {
        if left.digits.isEmpty || right.digits.isEmpty { return left.digits.isEmpty && !right.digits.isEmpty }
        if left.exponent != right.exponent { return left.exponent < right.exponent }
        return left.digits.lexicographicallyPrecedes(right.digits)
    }

    var isZero: Bool { digits.isEmpty }
    var isInteger: Bool { exponent >= digits.count }

    /// Whether this is a whole multiple of `divisor`, by long division in decimal. Nil when the two are too
    /// far apart in size, or the divisor has more digits than is sensible.
    func isMultiple(of divisor: SchemaNumber) -> Bool? {
        guard !isZero else { return true }
        guard !divisor.isZero, divisor.digits.count <= 17 else { return nil }
        // value = V·10^p, divisor = D·10^q with integers V and D: a multiple when D·10^q divides V·10^p.
        let shift = (exponent - digits.count) - (divisor.exponent - divisor.digits.count)
        guard shift > -400, shift < 10_000 else { return shift <= -400 ? false : nil }
        var modulus = divisor.digits.reduce(UInt64(0)) { $0 * 10 + UInt64($1) }
        if shift < 0 {
            // V has no factor 10 at its end; D·10^-shift must still divide it.
            for _ in 0..<(-shift) {
                let (wider, overflow) = modulus.multipliedReportingOverflow(by: 10)
                guard !overflow else { return false }
                modulus = wider
            }
        }
        var rest: UInt64 = 0
        func take(_ digit: UInt8) {
            let (high, low) = rest.multipliedFullWidth(by: 10)
            let (sum, carry) = low.addingReportingOverflow(UInt64(digit))
            rest = modulus.dividingFullWidth((high + (carry ? 1 : 0), sum)).remainder
        }
        for digit in digits { take(digit) }
        for _ in 0..<max(0, shift) { take(0) }
        return rest == 0
    }

    /// The same bytes for every spelling of the same number.
    func appendCanonical(to out: inout [UInt8]) {
        if negative { out.append(UInt8(ascii: "-")) }
        for digit in digits { out.append(UInt8(ascii: "0") + digit) }
        out.append(UInt8(ascii: "e"))
        appendDecimal(exponent, to: &out)
    }
}

extension JSONValue {
    /// Whether two values are equal as JSON Schema sees it: numbers by value, objects without order.
    public func isEqual(to other: JSONValue) -> Bool { canonical() == other.canonical() }

    /// The same bytes for all values that are equal.
    func canonical() -> [UInt8] {
        var out: [UInt8] = []
        appendCanonical(to: &out)
        return out
    }

    private func appendCanonical(to out: inout [UInt8]) {
        switch self {
        case .null, .bool, .string: append(to: &out)
        case .number(let spelling): SchemaNumber(spelling).appendCanonical(to: &out)
        case .array(let elements):
            out.append(UInt8(ascii: "["))
            for element in elements {
                element.appendCanonical(to: &out)
                out.append(UInt8(ascii: ","))
            }
            out.append(UInt8(ascii: "]"))
        case .object(let members):
            out.append(UInt8(ascii: "{"))
            for member in members.sorted(by: { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }) {
                out.append(contentsOf: JSONWriter.quoted(member.key))
                out.append(UInt8(ascii: ":"))
                member.value.appendCanonical(to: &out)
                out.append(UInt8(ascii: ","))
            }
            out.append(UInt8(ascii: "}"))
        }
    }
}
