// SPDX-License-Identifier: Apache-2.0
// Whether a value is of its kind.

import Glibc
import JSON

/// Why a value is not of its kind, and what would be; nil: it is.
func objection(to value: String, _ kind: ValueKind) -> (message: String, hint: String)? {
    switch kind {
    case .text, .command: return nil
    case .file, .directory:
        return value.isEmpty ? ("the path is empty", "give a path") : nil
    case .choice(let words):
        if words.contains(value) { return nil }
        let near = nearestSpelling(of: value, among: words).map { "did you mean '\($0)'?" }
        return ("'\(value)' is not one of \(words.joined(separator: ", "))", near ?? "use one of them")
    case .duration:
        if nanoseconds(value) != nil { return nil }
        return ("'\(value)' is no duration", "write a number with its unit: 500ms, 30s, 5m, 1h")
    case .address:
        if isAddress(value) { return nil }
        return (
            "'\(value)' is not HOST:PORT", "write 127.0.0.1:8808 or [::1]:8808; port 0 lets the system choose"
        )
    case .url:
        if Endpoint(value) != nil { return nil }
        return ("'\(value)' is no http:// or https:// URL", "write http://127.0.0.1:8808/mcp, say")
    case .header:
        if header(value) != nil { return nil }
        return ("'\(value)' is no header", "write 'Name: value'")
    case .serverName:
        if isServerName(value) { return nil }
        return ("'\(value)' is no server's name", "names have letters, digits and _.- only")
    }
}

/// Nanoseconds of `30s`, `1m30s`, `500ms`: whole numbers, each with its unit.
/// Nil: no duration, or none above zero.
func nanoseconds(_ text: String) -> UInt64? {
    let units: [(String, UInt64)] = [
        ("ms", 1_000_000), ("s", 1_000_000_000), ("m", 60_000_000_000), ("h", 3_600_000_000_000),
    ]
    var rest = text[...]
    var total: UInt64 = 0
    while !rest.isEmpty {
        let digits = rest.prefix { $0.isASCII && $0.isNumber }
        guard let number = UInt64(digits) else { return nil }
        rest = rest[digits.endIndex...]
        let name = rest.prefix { $0.isASCII && $0.isLetter }
        rest = rest[name.endIndex...]
        guard let unit = units.first(where: { $0.0 == name })?.1 else { return nil }
        let (part, isTooLong) = number.multipliedReportingOverflow(by: unit)
        let (sum, overflows) = total.addingReportingOverflow(part)
        if isTooLong || overflows { return nil }
        total = sum
    }
    return total > 0 ? total : nil
}

/// `HOST:PORT`; an IPv6 address stands in brackets.
private func isAddress(_ text: String) -> Bool {
    guard let colon = text.lastIndex(of: ":") else { return false }
    let host = text[..<colon]
    let port = text[text.index(after: colon)...]
    guard !host.isEmpty, port.utf8.allSatisfy({ (0x30...0x39).contains($0) }), UInt16(port) != nil else {
        return false
    }
    return !host.contains(":") || host.hasPrefix("[") && host.hasSuffix("]")
}

/// Name and value of `Name: value` (RFC 9110 §5); nil: not of that form.
func header(_ text: String) -> (name: String, value: String)? {
    guard let colon = text.firstIndex(of: ":") else { return nil }
    let name = text[..<colon]
    let value = text[text.index(after: colon)...]
    let marks = Set("!#$%&'*+-.^_`|~".utf8)
    let isToken = name.utf8.allSatisfy { byte in
        (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
            || marks.contains(byte)
    }
    guard !name.isEmpty, isToken, value.utf8.allSatisfy({ $0 >= 32 && $0 != 127 || $0 == 9 }) else {
        return nil
    }
    var trimmed = value[...]
    while trimmed.first == " " || trimmed.first == "\t" { trimmed.removeFirst() }
    while trimmed.last == " " || trimmed.last == "\t" { trimmed.removeLast() }
    return (String(name), String(trimmed))
}

/// `[A-Za-z0-9][A-Za-z0-9_.-]{0,63}`, as configurations demand.
func isServerName(_ text: String) -> Bool {
    guard (1...64).contains(text.utf8.count), let first = text.first, first.isLetter || first.isNumber else {
        return false
    }
    return text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "_.-".contains($0)) }
}

/// A variable of the environment; nil when unset or empty.
func environmentValue(_ name: String) -> String? {
    guard let value = getenv(name), value.pointee != 0 else { return nil }
    return String(cString: value)
}
