// SPDX-License-Identifier: Apache-2.0
// The five revisions of the Model Context Protocol and the two eras they fall into.

import JSON

/// A protocol revision, ordered by date. Version strings are opaque dates; there are exactly these five.
public enum Revision: UInt8, Sendable, Comparable, CaseIterable {
    case v2024_11_05 = 0
    case v2025_03_26
    case v2025_06_18
    case v2025_11_25
    case v2026_07_28

    /// The newest session-based revision, and the newest of all.
    public static let newestLegacy = Revision.v2025_11_25
    public static let newest = Revision.v2026_07_28

    public var text: StaticString {
        switch self {
        case .v2024_11_05: "2024-11-05"
        case .v2025_03_26: "2025-03-26"
        case .v2025_06_18: "2025-06-18"
        case .v2025_11_25: "2025-11-25"
        case .v2026_07_28: "2026-07-28"
        }
    }

    /// Modern revisions are stateless: each request describes itself in `_meta`.
    @inlinable public var isModern: Bool { self >= .v2026_07_28 }

    public static func < (a: Revision, b: Revision) -> Bool { a.rawValue < b.rawValue }

    /// The revision that a version string names, or nil for an unknown one.
    public init?(_ bytes: UnsafeRawBufferPointer) {
        guard bytes.count == 10 else { return nil }
        for known in Revision.allCases where bytes.equals(known.text) {
            self = known
            return
        }
        return nil
    }

    /// The revision that a string of a message names, escapes decoded.
    public init?(_ node: JSONNode) {
        guard let known = Revision.allCases.first(where: { node.equals($0.text) }) else { return nil }
        self = known
    }
}

extension UnsafeRawBufferPointer {
    /// Byte equality with a literal.
    @inlinable
    public func equals(_ literal: StaticString) -> Bool {
        guard count == literal.utf8CodeUnitCount else { return false }
        guard let base = baseAddress else { return count == 0 }
        let other = UnsafeRawPointer(literal.utf8Start)
        var at = 0
        while at + 8 <= count {
            let a = base.loadUnaligned(fromByteOffset: at, as: UInt64.self)
            if a != other.loadUnaligned(fromByteOffset: at, as: UInt64.self) { return false }
            at += 8
        }
        while at < count {
            if base.load(fromByteOffset: at, as: UInt8.self)
                != other.load(fromByteOffset: at, as: UInt8.self)
            {
                return false
            }
            at += 1
        }
        return true
    }

    /// Byte equality with other bytes.
    @inlinable
    public func equals(_ other: UnsafeRawBufferPointer) -> Bool {
        guard count == other.count else { return false }
        for at in 0..<count where self[at] != other[at] { return false }
        return true
    }

    /// Whether the bytes begin with a literal.
    @inlinable
    public func starts(with literal: StaticString) -> Bool {
        let length = literal.utf8CodeUnitCount
        return count >= length && UnsafeRawBufferPointer(rebasing: self[0..<length]).equals(literal)
    }
}
