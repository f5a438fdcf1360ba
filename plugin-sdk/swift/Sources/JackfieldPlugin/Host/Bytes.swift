// SPDX-License-Identifier: Apache-2.0
// Borrowed bytes: spans that cannot outlive the call that they came with.

import CJackfield

extension Span where Element == UInt8 {
    /// A copy as text, invalid UTF-8 repaired.
    public var text: String {
        withUnsafeBufferPointer { String(decoding: $0, as: UTF8.self) }
    }

    /// A copy as an array.
    public var array: [UInt8] {
        withUnsafeBufferPointer { Array($0) }
    }

    /// Whether these are the bytes of a literal; costs no allocation.
    public func isEqual(to literal: StaticString) -> Bool {
        guard literal.hasPointerRepresentation, literal.utf8CodeUnitCount == count else { return false }
        for index in indices where self[index] != literal.utf8Start[index] { return false }
        return true
    }
}

/// The bytes of a view as a span that lives as long as `owner` does. The one place where a lifetime is
/// claimed rather than proven: `owner` must itself be bound to the call that lent the view.
@_lifetime(copy owner)
@inline(__always)
func span<Owner: ~Copyable & ~Escapable>(_ view: jf_view, within owner: borrowing Owner) -> Span<UInt8> {
    let bytes = UnsafeBufferPointer(start: view.ptr, count: view.ptr == nil ? 0 : Int(clamping: view.len))
    return _overrideLifetime(Span(_unsafeElements: bytes), copying: owner)
}

/// The same for a view that may be absent.
@_lifetime(copy owner)
@inline(__always)
func optionalSpan<Owner: ~Copyable & ~Escapable>(_ view: jf_view, within owner: borrowing Owner) -> Span<
    UInt8
>? {
    if view.ptr == nil { return nil }
    return span(view, within: owner)
}
