// SPDX-License-Identifier: Apache-2.0
// JSONValue: its canonical form (RFC 8785), in which equal values have equal bytes.

extension JSONValue {
    /// The value with its members sorted by the UTF-16 units of their names and its numbers spelled as ECMAScript spells
    /// them: `serialized()` of it is the canonical text of RFC 8785.
    ///
    /// Two departures, so that no two values which some reader tells apart become one: members of equal names stay, in
    /// their order (RFC 8785 refuses them), and numbers that a double cannot hold keep their digits.
    public func canonicalized() -> JSONValue {
        switch self {
        case .null, .bool, .string: self
        case .number(let spelling): .number(canonicalNumber(spelling))
        case .array(let elements): .array(elements.map { $0.canonicalized() })
        case .object(let members):
            .object(
                members.enumerated()
                    .sorted { one, other in
                        let (left, right) = (one.element.key.utf16, other.element.key.utf16)
                        if left.elementsEqual(right) { return one.offset < other.offset }
                        return left.lexicographicallyPrecedes(right)
                    }
                    .map { JSONMemberValue($0.element.key, $0.element.value.canonicalized()) })
        }
    }
}

/// A JSON number as ECMAScript's Number::toString has it (ECMA-262, 6.1.6.1.20).
private func canonicalNumber(_ spelling: String) -> String {
    var text = spelling
    guard let value = text.withUTF8({ decimalDouble(UnsafeRawBufferPointer($0)) }), value.isFinite else {
        return spelling
    }
    if value == 0 { return "0" }
    let isWhole = !spelling.utf8.contains { $0 == 0x2E || $0 | 0x20 == 0x65 }
    // Longer ones may lie between two doubles.
    if isWhole, spelling.utf8.count > 15, Int64(spelling).flatMap({ Double(exactly: $0) }) == nil {
        return spelling
    }
    let (digits, point) = decimalDigits(value.magnitude.description)
    let sign = value < 0 ? "-" : ""
    let count = digits.count
    func zeros(_ number: Int) -> String { String(repeating: "0", count: number) }
    if count <= point, point <= 21 { return sign + digits + zeros(point - count) }
    if 0 < point, point <= 21 { return sign + digits.prefix(point) + "." + digits.dropFirst(point) }
    if -6 < point, point <= 0 { return sign + "0." + zeros(-point) + digits }
    let exponent = point - 1
    let tail = count > 1 ? "." + digits.dropFirst() : ""
    return "\(sign)\(digits.prefix(1))\(tail)e\(exponent < 0 ? "-" : "+")\(exponent.magnitude)"
}

/// The significant digits of a shortest decimal spelling, and where its point stands: 0.DIGITS × 10^POINT.
private func decimalDigits(_ text: String) -> (digits: String, point: Int) {
    let parts = text.split(separator: "e")
    let halves = parts[0].split(separator: ".", omittingEmptySubsequences: false)
    let whole = halves[0]
    let fraction = halves.count > 1 ? halves[1] : ""
    var point = whole.count + (parts.count > 1 ? Int(parts[1]) ?? 0 : 0)
    var digits = Substring(whole + fraction)
    while digits.first == "0", digits.count > 1 {
        digits.removeFirst()
        point -= 1
    }
    while digits.last == "0", digits.count > 1 { digits.removeLast() }
    return (String(digits), point)
}
