// SPDX-License-Identifier: Apache-2.0
// Sizes in bytes as text: 64KiB, 4MiB, 1GiB, 1000000.

private let sizeUnits: [(name: String, bytes: Int)] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)]

/// Bytes of a size with a unit, such as `4MiB`. Nil where the text is none.
func byteSizeWithUnit(_ text: String) -> Int? {
    let digits = text.utf8.prefix { (0x30...0x39).contains($0) }
    let unit = text.utf8[digits.endIndex...]
    guard let value = Int(Substring(digits)),
        let factor = sizeUnits.first(where: { $0.name.utf8.elementsEqual(unit) })?.bytes
    else { return nil }
    let (bytes, overflow) = value.multipliedReportingOverflow(by: factor)
    return overflow ? nil : bytes
}

/// Bytes of a size: a whole number, with a unit or alone.
func byteSize(_ text: String) -> Int? {
    wholeNumber(text) ?? byteSizeWithUnit(text)
}

/// The shortest spelling of a size.
func byteSizeText(_ bytes: Int) -> String {
    for unit in sizeUnits where bytes >= unit.bytes && bytes % unit.bytes == 0 {
        return "\(bytes / unit.bytes)\(unit.name)"
    }
    return "\(bytes)"
}

/// What was probably meant by a text that is no size: `4MB` and `4 m` are `4MiB`.
func byteSizeSuggestion(for text: String) -> String? {
    guard let (number, unit) = numberAndUnit(text) else { return nil }
    let factor: Double? =
        switch unit {
        case "", "b", "byte", "bytes": 1
        case "k", "kb", "kib": 1024
        case "m", "mb", "mib": 1_048_576
        case "g", "gb", "gib": 1_073_741_824
        default: nil
        }
    guard let factor, number * factor >= 1, number * factor < 1e15 else { return nil }
    return byteSizeText(Int((number * factor).rounded()))
}

/// A whole decimal number without sign, separators or leading zeros. Nil where the text is none or too large.
func wholeNumber(_ text: String) -> Int? {
    guard text.utf8.allSatisfy({ (0x30...0x39).contains($0) }), text == "0" || !text.hasPrefix("0") else {
        return nil
    }
    return Int(text)
}
