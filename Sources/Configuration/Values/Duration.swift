// SPDX-License-Identifier: Apache-2.0
// Durations as text: 250ms, 30s, 5m, 1h, 1h30m.

private let units: [(name: String, nanoseconds: UInt64)] = [
    ("h", 3_600_000_000_000), ("m", 60_000_000_000), ("s", 1_000_000_000), ("ms", 1_000_000),
]

/// Nanoseconds of a duration such as `30s` or `1h30m`: whole numbers, each with its unit, the larger units
/// first. Nil where the text is none or is longer than 2^64 ns.
func durationNanoseconds(_ text: String) -> UInt64? {
    var rest = text.utf8[...]
    var total: UInt64 = 0
    var nextUnit = 0
    guard !rest.isEmpty else { return nil }
    while !rest.isEmpty {
        let digits = rest.prefix { (0x30...0x39).contains($0) }
        guard let value = UInt64(Substring(digits)) else { return nil }
        rest = rest[digits.endIndex...]
        let letters = rest.prefix { !(0x30...0x39).contains($0) }
        rest = rest[letters.endIndex...]
        guard let unit = units[nextUnit...].firstIndex(where: { $0.name.utf8.elementsEqual(letters) }) else {
            return nil
        }
        let (part, tooLong) = value.multipliedReportingOverflow(by: units[unit].nanoseconds)
        let (sum, overflow) = total.addingReportingOverflow(part)
        guard !tooLong, !overflow else { return nil }
        total = sum
        nextUnit = unit + 1
    }
    return total
}

/// The shortest spelling of a duration of whole milliseconds: `90m`, `1500ms`.
func durationText(nanoseconds: UInt64) -> String {
    if nanoseconds == 0 { return "0s" }
    for unit in units where nanoseconds % unit.nanoseconds == 0 {
        return "\(nanoseconds / unit.nanoseconds)\(unit.name)"
    }
    return "\(nanoseconds)ns"
}

/// What was probably meant by a text that is no duration: `30` is `30s`, `1.5 min` is `90s`.
func durationSuggestion(for text: String) -> String? {
    if let seconds = wholeNumber(text), (1..<1000).contains(seconds) { return "\(seconds)s" }
    guard let (number, unit) = numberAndUnit(text) else { return nil }
    let milliseconds: Double? =
        switch unit {
        // Numbers without a unit: thousands are the habit of those who count milliseconds.
        case "": number >= 1000 ? number : number * 1000
        case "ms", "msec", "millis", "millisecond", "milliseconds": number
        case "s", "sec", "secs", "second", "seconds": number * 1000
        case "m", "min", "mins", "minute", "minutes": number * 60_000
        case "h", "hr", "hrs", "hour", "hours": number * 3_600_000
        case "d", "day", "days": number * 86_400_000
        default: nil
        }
    guard let milliseconds, milliseconds >= 1, milliseconds < 1e12 else { return nil }
    return durationText(nanoseconds: UInt64(milliseconds.rounded()) * 1_000_000)
}

/// A decimal number and the lower-case word behind it.
func numberAndUnit(_ text: String) -> (number: Double, unit: String)? {
    let digits = text.prefix { $0.isASCII && ($0.isNumber || $0 == "." || $0 == "_") }
    guard !digits.isEmpty, digits.utf8.count <= 15, let number = Double(digits.filter { $0 != "_" }) else {
        return nil
    }
    let unit = text[digits.endIndex...].drop { $0 == " " }
    guard unit.utf8.count <= 16 else { return nil }
    return (number, unit.lowercased())
}
