// SPDX-License-Identifier: Apache-2.0
// JSONWriter: builds JSON text into an array of bytes.

import CSimdjson

/// Appends JSON to `bytes` and puts the commas. It does not check nesting: begin and end in pairs, and put a
/// key before each member's value. Spelling is compact: no white space.
public struct JSONWriter: Sendable {
    /// What was written so far.
    public var bytes: [UInt8]
    @usableFromInline var needsComma = false

    @inlinable
    public init(capacity: Int = 0) {
        bytes = []
        if capacity > 0 { bytes.reserveCapacity(capacity) }
    }

    /// Goes on behind `bytes`, as if at the start of a text.
    @inlinable
    public init(appendingTo bytes: [UInt8]) { self.bytes = bytes }

    @inlinable @inline(__always)
    mutating func separate() {
        if needsComma { bytes.append(UInt8(ascii: ",")) }
        needsComma = true
    }

    @inlinable
    public mutating func beginObject() { open("{") }
    @inlinable
    public mutating func endObject() { close("}") }
    @inlinable
    public mutating func beginArray() { open("[") }
    @inlinable
    public mutating func endArray() { close("]") }

    @inlinable @inline(__always)
    mutating func open(_ bracket: Unicode.Scalar) {
        separate()
        bytes.append(UInt8(ascii: bracket))
        needsComma = false
    }

    @inlinable @inline(__always)
    mutating func close(_ bracket: Unicode.Scalar) {
        bytes.append(UInt8(ascii: bracket))
        needsComma = true
    }

    /// The name of the member whose value comes next.
    @inlinable
    public mutating func key(_ name: StaticString) {
        key(UnsafeRawBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount))
    }

    @_disfavoredOverload
    public mutating func key(_ name: String) {
        var name = name
        name.withUTF8 { key(UnsafeRawBufferPointer($0)) }
    }

    /// A member name from its decoded UTF-8.
    @inlinable
    public mutating func key(_ utf8: UnsafeRawBufferPointer) {
        separate()
        Self.appendQuoted(utf8, to: &bytes)
        bytes.append(UInt8(ascii: ":"))
        needsComma = false
    }

    @inlinable
    public mutating func value(_ text: StaticString) {
        separate()
        Self.appendQuoted(
            UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount), to: &bytes)
    }

    @_disfavoredOverload
    public mutating func value(_ text: String) {
        separate()
        var text = text
        text.withUTF8 { Self.appendQuoted(UnsafeRawBufferPointer($0), to: &bytes) }
    }

    @inlinable
    public mutating func value(_ number: some FixedWidthInteger) {
        separate()
        appendDecimal(number, to: &bytes)
    }

    /// JSON has no infinities and no NaN: those become null.
    public mutating func value(_ number: Double) {
        separate()
        bytes.append(contentsOf: (number.isFinite ? number.description : "null").utf8)
    }

    @inlinable
    public mutating func value(_ truth: Bool) {
        separate()
        appendASCII(truth ? "true" : "false", to: &bytes)
    }

    /// `value(nil)` writes null.
    @inlinable
    public mutating func value(_ nothing: Never?) { null() }

    @inlinable
    public mutating func null() {
        separate()
        appendASCII("null", to: &bytes)
    }

    /// A string value from its decoded UTF-8.
    @inlinable
    public mutating func string(_ utf8: UnsafeRawBufferPointer) {
        separate()
        Self.appendQuoted(utf8, to: &bytes)
    }

    /// A value as it stands in its text.
    @inlinable
    public mutating func value(_ node: JSONNode) { raw(node.raw) }

    /// A value of the small DOM.
    @_disfavoredOverload
    public mutating func value(_ value: JSONValue) {
        separate()
        value.append(to: &bytes)
    }

    /// A value that is JSON already; not checked.
    @inlinable
    public mutating func raw(_ json: UnsafeRawBufferPointer) {
        separate()
        bytes.append(contentsOf: json)
    }

    /// A value that is JSON already; not checked.
    @inlinable
    public mutating func raw(_ json: [UInt8]) {
        separate()
        bytes.append(contentsOf: json)
    }

    /// `text` as a JSON string with quotes.
    public static func quoted(_ text: String) -> [UInt8] {
        var out: [UInt8] = []
        var text = text
        text.withUTF8 { appendQuoted(UnsafeRawBufferPointer($0), to: &out) }
        return out
    }

    /// Appends `utf8` as a JSON string with quotes. Malformed UTF-8 is repaired with U+FFFD, so that the
    /// result is always JSON. Escapes what RFC 8259 section 7 requires and nothing else.
    public static func appendQuoted(_ utf8: UnsafeRawBufferPointer, to out: inout [UInt8]) {
        guard let base = utf8.baseAddress, !utf8.isEmpty else { return appendASCII("\"\"", to: &out) }
        let text = base.assumingMemoryBound(to: UInt8.self)
        if csimdjson_is_utf8(text, utf8.count) == 1 {
            appendValidQuoted(text, utf8.count, to: &out)
        } else {
            var repaired = String(decoding: utf8, as: UTF8.self)
            repaired.withUTF8 { fixed in
                if let base = fixed.baseAddress { appendValidQuoted(base, fixed.count, to: &out) }
            }
        }
    }
}

private func appendValidQuoted(_ text: UnsafePointer<UInt8>, _ count: Int, to out: inout [UInt8]) {
    out.append(UInt8(ascii: "\""))
    var at = 0
    while true {
        let plain = csimdjson_plain_prefix(text + at, count - at)
        out.append(contentsOf: UnsafeBufferPointer(start: text + at, count: plain))
        at += plain
        guard at < count else { break }
        appendEscape(text[at], to: &out)
        at += 1
    }
    out.append(UInt8(ascii: "\""))
}

private func appendEscape(_ byte: UInt8, to out: inout [UInt8]) {
    switch byte {
    case UInt8(ascii: "\""): appendASCII("\\\"", to: &out)
    case UInt8(ascii: "\\"): appendASCII("\\\\", to: &out)
    case 0x08: appendASCII("\\b", to: &out)
    case 0x09: appendASCII("\\t", to: &out)
    case 0x0A: appendASCII("\\n", to: &out)
    case 0x0C: appendASCII("\\f", to: &out)
    case 0x0D: appendASCII("\\r", to: &out)
    default:
        appendASCII("\\u00", to: &out)
        for nibble in [byte >> 4, byte & 0xF] {
            out.append(nibble < 10 ? UInt8(ascii: "0") + nibble : UInt8(ascii: "a") + nibble - 10)
        }
    }
}

@inlinable
func appendASCII(_ text: StaticString, to out: inout [UInt8]) {
    out.append(contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
}

/// Digits without a String in between.
@inlinable
func appendDecimal<Number: FixedWidthInteger>(_ number: Number, to out: inout [UInt8]) {
    withUnsafeTemporaryAllocation(byteCount: 40, alignment: 1) { space in
        guard Number.bitWidth <= 64 else {
            out.append(contentsOf: String(number).utf8)
            return
        }
        var rest = UInt64(number.magnitude)
        var at = 40
        repeat {
            at &-= 1
            space[at] = UInt8(ascii: "0") &+ UInt8(truncatingIfNeeded: rest % 10)
            rest /= 10
        } while rest > 0
        if number < 0 {
            at &-= 1
            space[at] = UInt8(ascii: "-")
        }
        out.append(contentsOf: UnsafeRawBufferPointer(rebasing: space[at...]))
    }
}
