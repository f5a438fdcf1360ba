// SPDX-License-Identifier: Apache-2.0
// JSONElements, JSONMembers, JSONMember: what is inside a recorded array or object.

public import CSimdjson

/// The elements of an array; its own iterator, without allocation. Valid as long as its document.
public struct JSONElements: Sequence, IteratorProtocol {
    @usableFromInline let text: UnsafePointer<UInt8>
    @usableFromInline let nodes: UnsafePointer<csimdjson_node>
    @usableFromInline var at: UInt32
    @usableFromInline let end: UInt32

    @inlinable @inline(__always)
    init(text: UnsafePointer<UInt8>, nodes: UnsafePointer<csimdjson_node>, next: UInt32, end: UInt32) {
        self.text = text
        self.nodes = nodes
        self.at = next
        self.end = end
    }

    @inlinable @inline(__always)
    public mutating func next() -> JSONNode? {
        guard at < end else { return nil }
        let node = JSONNode(text: text, nodes: nodes, index: at)
        at = node.record.pointee.next
        return node
    }
}

/// The members of an object in document order, duplicates included. Valid as long as its document.
public struct JSONMembers: Sequence, IteratorProtocol {
    @usableFromInline var values: JSONElements

    @inlinable @inline(__always)
    init(_ values: JSONElements) { self.values = values }

    @inlinable @inline(__always)
    public mutating func next() -> JSONMember? {
        guard let value = values.next() else { return nil }
        return JSONMember(value: value)
    }
}

/// One `"key":value` of an object.
public struct JSONMember {
    public let value: JSONNode

    @inlinable @inline(__always)
    init(value: JSONNode) { self.value = value }

    /// Where the raw key stands in the text, without quotes.
    @inlinable @inline(__always)
    public var keyRange: Range<Int> {
        let record = value.record
        return Range(uncheckedBounds: (Int(record.pointee.key), Int(record.pointee.key_end)))
    }

    /// The raw key without quotes, escapes kept.
    @inlinable @inline(__always)
    public var key: UnsafeRawBufferPointer {
        value.slice(value.record.pointee.key, value.record.pointee.key_end)
    }

    /// Whether the raw key holds an escape sequence.
    @inlinable @inline(__always)
    public var keyHasEscapes: Bool { value.has(CSIMDJSON_KEY_ESCAPED) }

    /// Where the whole member stands, from its key's opening quote to its value's end.
    @inlinable @inline(__always)
    public var range: Range<Int> {
        let record = value.record
        return Range(uncheckedBounds: (Int(record.pointee.key) &- 1, Int(record.pointee.end)))
    }

    /// Whether the decoded key is `name`.
    @inlinable @inline(__always)
    public func keyEquals(_ name: StaticString) -> Bool {
        value.keyEquals(UnsafeRawBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount))
    }

    /// Whether the decoded key is the UTF-8 `name`.
    @inlinable @inline(__always)
    public func keyEquals(_ name: UnsafeRawBufferPointer) -> Bool { value.keyEquals(name) }

    /// The decoded key, for the control plane.
    public func keyString() -> String { decodedString(key, escaped: keyHasEscapes) }
}
