// SPDX-License-Identifier: Apache-2.0
// JSONNode: the values of scalars.

public import CSimdjson

extension JSONNode {
    /// A string's raw text between its quotes, escapes kept; empty for other kinds.
    @inlinable @inline(__always)
    public var content: UnsafeRawBufferPointer {
        guard record.pointee.kind == JSONKind.string.rawValue else {
            return UnsafeRawBufferPointer(start: nil, count: 0)
        }
        return slice(record.pointee.start &+ 1, record.pointee.end &- 1)
    }

    /// Whether a string's raw text holds an escape sequence.
    @inlinable @inline(__always)
    public var hasEscapes: Bool { has(CSIMDJSON_ESCAPED) }

    /// Whether this is a string whose decoded value is `text`.
    @inlinable @inline(__always)
    public func equals(_ text: StaticString) -> Bool {
        equals(UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    /// Whether this is a string whose decoded value is the UTF-8 `utf8`.
    @inlinable
    public func equals(_ utf8: UnsafeRawBufferPointer) -> Bool {
        guard record.pointee.kind == JSONKind.string.rawValue else { return false }
        let own = content
        if _fastPath(!hasEscapes) {
            return own.count == utf8.count && sameBytes(text + Int(record.pointee.start &+ 1), utf8)
        }
        return decodedEquals(own, utf8)
    }

    /// A string's decoded value; nil for other kinds. Lone surrogates become U+FFFD, see `jsonUnescape`.
    public func string() -> String? {
        guard kind == .string else { return nil }
        return decodedString(content, escaped: hasEscapes)
    }

    /// Appends a string's decoded UTF-8 to `out`. False (and nothing appended) for other kinds.
    public func appendString(to out: inout [UInt8]) -> Bool {
        guard kind == .string else { return false }
        guard hasEscapes else {
            out.append(contentsOf: content)
            return true
        }
        return jsonUnescape(content, into: &out)
    }

    /// A number spelled without fraction and exponent that fits; nil otherwise, also for `1.0` and `1e2`.
    @inlinable
    public var int64: Int64? {
        guard has(CSIMDJSON_INTEGER) else { return nil }
        return decimalInt64(raw)
    }

    /// The double nearest to a number; nil for other kinds and when it is too large for a finite double.
    public var double: Double? {
        guard kind == .number else { return nil }
        return decimalDouble(raw)
    }

    @inlinable
    public var bool: Bool? {
        record.pointee.kind == JSONKind.bool.rawValue ? has(CSIMDJSON_TRUE) : nil
    }

    @inlinable
    public var isNull: Bool { record.pointee.kind == JSONKind.null.rawValue }
}

/// Decodes the raw text between a JSON string's quotes and appends its UTF-8 to `out`.
///
/// A surrogate without its other half becomes U+FFFD: RFC 8259 section 8.2 lets such texts pass and leaves
/// their meaning open, and real servers that cut strings in the middle of a pair send them.
/// - Returns: false, with nothing appended, when `content` holds a malformed escape sequence, which a
///   validated text never does.
public func jsonUnescape(_ content: UnsafeRawBufferPointer, into out: inout [UInt8]) -> Bool {
    guard let from = content.baseAddress, !content.isEmpty else { return true }
    return withUnsafeTemporaryAllocation(byteCount: content.count, alignment: 1) { space in
        guard let to = space.baseAddress else { return false }
        let length = csimdjson_unescape(
            from.assumingMemoryBound(to: UInt8.self), content.count, to.assumingMemoryBound(to: UInt8.self))
        guard length >= 0 else { return false }
        out.append(contentsOf: UnsafeRawBufferPointer(rebasing: space[..<length]))
        return true
    }
}

/// Validated raw string text as a String.
func decodedString(_ content: UnsafeRawBufferPointer, escaped: Bool) -> String {
    guard escaped, let from = content.baseAddress else { return String(decoding: content, as: UTF8.self) }
    return String(unsafeUninitializedCapacity: content.count) { space in
        guard let to = space.baseAddress else { return 0 }
        return max(0, csimdjson_unescape(from.assumingMemoryBound(to: UInt8.self), content.count, to))
    }
}

/// An optional minus and digits, as an Int64 when it fits.
@usableFromInline
func decimalInt64(_ digits: UnsafeRawBufferPointer) -> Int64? {
    let negative = digits.first == UInt8(ascii: "-")
    var value: Int64 = 0
    var at = negative ? 1 : 0
    guard at < digits.count else { return nil }
    while at < digits.count {
        let digit = digits[at] &- UInt8(ascii: "0")
        guard digit < 10 else { return nil }
        let (tens, overflow) = value.multipliedReportingOverflow(by: 10)
        let step = Int64(digit)
        let (next, overflow2) =
            negative ? tens.subtractingReportingOverflow(step) : tens.addingReportingOverflow(step)
        if overflow || overflow2 { return nil }
        value = next
        at &+= 1
    }
    return value
}

/// A JSON number as a finite double.
func decimalDouble(_ number: UnsafeRawBufferPointer) -> Double? {
    guard let base = number.baseAddress else { return nil }
    var value = 0.0
    let status = csimdjson_double(base.assumingMemoryBound(to: UInt8.self), number.count, &value)
    return status == 1 ? value : nil
}
