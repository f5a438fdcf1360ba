// SPDX-License-Identifier: Apache-2.0
// Looks a member up in the raw text of an object whose contents have no nodes, without allocating.

import JSON

/// Reads validated JSON text only. As in `JSONNode.member`, the first member of a name counts, escapes decoded.
enum RawMembers {
    /// The raw value of a member; nil where there is none, or `object` is no object.
    static func value(_ name: StaticString, in object: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer? {
        guard object.first == 123 else { return nil }
        var at = skipSpace(object, 1)
        while at < object.count, object[at] == 34 {
            let keyEnd = skipString(object, at)
            let key = slice(object, at + 1, keyEnd - 1)
            let start = skipSpace(object, skipSpace(object, keyEnd) + 1)
            let end = skipValue(object, start)
            if isText(key, name) { return slice(object, start, end) }
            at = skipSpace(object, end)
            guard at < object.count, object[at] == 44 else { return nil }
            at = skipSpace(object, at + 1)
        }
        return nil
    }

    /// As `value(_:in:)`, for a node recorded or not.
    static func value(_ name: StaticString, of node: JSONNode) -> UnsafeRawBufferPointer? {
        guard node.kind == .object else { return nil }
        return node.isRecorded ? node.member(name)?.raw : value(name, in: node.raw)
    }

    /// Whether a member is there and is an object.
    static func hasObject(_ name: StaticString, in object: UnsafeRawBufferPointer) -> Bool {
        value(name, in: object)?.first == 123
    }

    /// Whether a raw value is a string that decodes to `text`.
    static func isString(_ raw: UnsafeRawBufferPointer, _ text: StaticString) -> Bool {
        guard raw.count >= 2, raw[0] == 34 else { return false }
        return isText(slice(raw, 1, raw.count - 1), text)
    }

    private static func isText(_ content: UnsafeRawBufferPointer, _ text: StaticString) -> Bool {
        if content.equals(text) { return true }
        // An escape is at most six times as long as what it stands for.
        guard content.count > text.utf8CodeUnitCount, content.count <= 6 * text.utf8CodeUnitCount,
            content.contains(92)
        else { return false }
        var decoded: [UInt8] = []
        guard jsonUnescape(content, into: &decoded) else { return false }
        return decoded.withUnsafeBytes { $0.equals(text) }
    }

    private static func slice(
        _ bytes: UnsafeRawBufferPointer, _ start: Int, _ end: Int
    ) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: bytes[min(start, bytes.count)..<max(start, min(end, bytes.count))])
    }

    private static func skipSpace(_ bytes: UnsafeRawBufferPointer, _ from: Int) -> Int {
        var at = from
        while at < bytes.count, bytes[at] <= 32 { at += 1 }
        return at
    }

    /// Behind the string that begins at `from`.
    private static func skipString(_ bytes: UnsafeRawBufferPointer, _ from: Int) -> Int {
        var at = from + 1
        while at < bytes.count {
            if bytes[at] == 34 { return at + 1 }
            at += bytes[at] == 92 ? 2 : 1
        }
        return bytes.count
    }

    /// Behind the value that begins at `from`.
    private static func skipValue(_ bytes: UnsafeRawBufferPointer, _ from: Int) -> Int {
        var at = from
        var depth = 0
        while at < bytes.count {
            switch bytes[at] {
            case 34:
                at = skipString(bytes, at)
                if depth == 0 { return at }
            case 123, 91:
                depth += 1
                at += 1
            case 125, 93:
                if depth == 0 { return at }
                depth -= 1
                at += 1
                if depth == 0 { return at }
            case 44, 0...32:
                if depth == 0 { return at }
                at += 1
            default: at += 1
            }
        }
        return bytes.count
    }
}
