// SPDX-License-Identifier: Apache-2.0
// JSONNode: one recorded value of a document, read in place.

public import CSimdjson

/// The six kinds of JSON value.
public enum JSONKind: UInt8, Sendable { case null, bool, number, string, array, object }

/// A value in a document: two pointers and an index, no ownership. Valid as long as its document.
public struct JSONNode {
    @usableFromInline let text: UnsafePointer<UInt8>
    @usableFromInline let nodes: UnsafePointer<csimdjson_node>
    @usableFromInline let index: UInt32

    @inlinable @inline(__always)
    init(text: UnsafePointer<UInt8>, nodes: UnsafePointer<csimdjson_node>, index: UInt32) {
        self.text = text
        self.nodes = nodes
        self.index = index
    }

    @inlinable @inline(__always)
    var record: UnsafePointer<csimdjson_node> { nodes + Int(index) }

    @inlinable @inline(__always)
    func slice(_ start: UInt32, _ end: UInt32) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: text + Int(start), count: Int(end &- start))
    }

    @inlinable @inline(__always)
    func has(_ flag: UInt32) -> Bool { UInt32(record.pointee.flags) & flag != 0 }

    @inlinable @inline(__always)
    public var kind: JSONKind { JSONKind(rawValue: record.pointee.kind).unsafelyUnwrapped }

    /// Where the raw value stands in the text; strings include their quotes.
    @inlinable @inline(__always)
    public var range: Range<Int> {
        Range(uncheckedBounds: (Int(record.pointee.start), Int(record.pointee.end)))
    }

    /// The raw value; strings include their quotes.
    @inlinable @inline(__always)
    public var raw: UnsafeRawBufferPointer { slice(record.pointee.start, record.pointee.end) }

    /// Members or elements, recorded or not; 0 for scalars.
    @inlinable @inline(__always)
    public var count: Int { Int(record.pointee.count) }

    /// Whether an array's or object's contents have nodes. False below the parse's `recordDepth`.
    @inlinable @inline(__always)
    public var isRecorded: Bool { !has(CSIMDJSON_UNRECORDED) }

    /// 0 for the root.
    @inlinable @inline(__always)
    public var depth: Int { Int(record.pointee.depth) }

    /// The members of a recorded object in document order, duplicates included; empty for anything else.
    @inlinable @inline(__always)
    public var members: JSONMembers { JSONMembers(elements(of: CSIMDJSON_OBJECT)) }

    /// The elements of a recorded array; empty for anything else.
    @inlinable @inline(__always)
    public var elements: JSONElements { elements(of: CSIMDJSON_ARRAY) }

    @inlinable @inline(__always)
    func elements(of kind: Int) -> JSONElements {
        let own = record.pointee
        guard Int(own.kind) == kind else {
            return JSONElements(text: text, nodes: nodes, next: 0, end: 0)
        }
        return JSONElements(text: text, nodes: nodes, next: index &+ 1, end: own.next)
    }

    /// The value of the first member whose decoded name is `name`; nil when there is none, or this is not a
    /// recorded object.
    @inlinable @inline(__always)
    public func member(_ name: StaticString) -> JSONNode? {
        member(UnsafeRawBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount))
    }

    /// As `member(_: StaticString)`, with the name's UTF-8.
    @inlinable
    public func member(_ name: UnsafeRawBufferPointer) -> JSONNode? {
        guard record.pointee.kind == JSONKind.object.rawValue else { return nil }
        let end = record.pointee.next
        var at = index &+ 1
        while at < end {
            let candidate = JSONNode(text: text, nodes: nodes, index: at)
            if candidate.keyEquals(name) { return candidate }
            at = candidate.record.pointee.next
        }
        return nil
    }

    /// As `member(_: StaticString)`, for the control plane.
    public func member(named name: String) -> JSONNode? {
        var name = name
        return name.withUTF8 { member(UnsafeRawBufferPointer($0)) }
    }

    @inlinable @inline(__always)
    func keyEquals(_ name: UnsafeRawBufferPointer) -> Bool {
        let own = record
        if _fastPath(!has(CSIMDJSON_KEY_ESCAPED)) {
            let length = Int(own.pointee.key_end &- own.pointee.key)
            return length == name.count && sameBytes(text + Int(own.pointee.key), name)
        }
        return decodedEquals(slice(own.pointee.key, own.pointee.key_end), name)
    }
}

/// Compares `name.count` bytes, eight at a time: names are short, a call of memcmp costs more than they do.
@inlinable @inline(__always)
func sameBytes(_ bytes: UnsafePointer<UInt8>, _ name: UnsafeRawBufferPointer) -> Bool {
    let count = name.count
    guard count > 0, let other = name.baseAddress else { return true }
    let own = UnsafeRawPointer(bytes)
    if count >= 8 {
        var at = 0
        let last = count &- 8
        while at < last {
            let left = own.loadUnaligned(fromByteOffset: at, as: UInt64.self)
            if left != other.loadUnaligned(fromByteOffset: at, as: UInt64.self) { return false }
            at &+= 8
        }
        return own.loadUnaligned(fromByteOffset: last, as: UInt64.self)
            == other.loadUnaligned(fromByteOffset: last, as: UInt64.self)
    }
    if count >= 4 {
        let last = count &- 4
        return own.loadUnaligned(as: UInt32.self) == other.loadUnaligned(as: UInt32.self)
            && own.loadUnaligned(fromByteOffset: last, as: UInt32.self)
                == other.loadUnaligned(fromByteOffset: last, as: UInt32.self)
    }
    var at = 0
    while at < count {
        if own.load(fromByteOffset: at, as: UInt8.self) != other.load(fromByteOffset: at, as: UInt8.self) {
            return false
        }
        at &+= 1
    }
    return true
}

/// The rare case: a raw text with escapes against plain UTF-8.
@usableFromInline
func decodedEquals(_ raw: UnsafeRawBufferPointer, _ name: UnsafeRawBufferPointer) -> Bool {
    // An escape is at least as long as what it stands for, at most six times.
    guard raw.count >= name.count, raw.count <= 6 * name.count else { return false }
    return withUnsafeTemporaryAllocation(byteCount: raw.count, alignment: 1) { space in
        guard let from = raw.baseAddress, let to = space.baseAddress else { return name.isEmpty }
        let length = csimdjson_unescape(
            from.assumingMemoryBound(to: UInt8.self), raw.count, to.assumingMemoryBound(to: UInt8.self))
        return length == name.count && sameBytes(to.assumingMemoryBound(to: UInt8.self), name)
    }
}
