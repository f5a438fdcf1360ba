// SPDX-License-Identifier: Apache-2.0
// JSONParser: validates a JSON text in place and indexes its values (RFC 8259).

public import CSimdjson

/// Validates JSON texts and records where their values are. Owns index memory that grows and is reused, so
/// keep one per event loop. Not thread-safe.
///
/// Duplicate member names pass: which one counts is for the layer above to say. `JSONNode.member` finds the
/// first, `JSONNode.members` yields all. A leading byte order mark is refused.
public final class JSONParser {
    /// Readable bytes that must follow a text's end; their content does not matter.
    public static let padding = Int(CSIMDJSON_PADDING)

    @usableFromInline let handle: OpaquePointer

    /// Texts longer than `maxBytes` (at most 4 GiB) and texts with more than `maxDepth` (at most 1024) nested
    /// arrays and objects are refused.
    public init(maxBytes: Int = 16 << 20, maxDepth: Int = 128) {
        let depth = UInt32(clamping: maxDepth)
        guard let handle = csimdjson_parser_create(max(0, maxBytes), depth) else {
            fatalError("No memory for a JSON parser.")
        }
        self.handle = handle
    }

    deinit { csimdjson_parser_destroy(handle) }

    /// Validates all of `bytes` strictly and records values down to `recordDepth` (the root is 0, its members
    /// are 1, …); deeper values are validated, not recorded.
    ///
    /// `bytes` must have `JSONParser.padding` (64) readable bytes behind its end. The document is valid until
    /// the next parse on this parser, and while `bytes` lives.
    @inlinable
    public func parse(
        _ bytes: UnsafeRawBufferPointer, recordDepth: Int = 255
    ) throws(JSONError) -> JSONDocument {
        guard let base = bytes.baseAddress, !bytes.isEmpty else { throw JSONError(code: .empty, offset: 0) }
        let text = base.assumingMemoryBound(to: UInt8.self)
        var result = csimdjson_result()
        let depth = UInt32(clamping: recordDepth)
        let status = csimdjson_parser_parse(handle, text, bytes.count, depth, &result)
        guard status == 0, let nodes = result.nodes else {
            throw JSONError(code: .init(rawValue: status), offset: Int(result.offset))
        }
        return JSONDocument(bytes: bytes, text: text, nodes: nodes, nodeCount: Int(result.count))
    }
}

/// A validated text and its index. Borrows both: see `JSONParser.parse`.
public struct JSONDocument {
    /// The text, without padding.
    public let bytes: UnsafeRawBufferPointer
    @usableFromInline let text: UnsafePointer<UInt8>
    @usableFromInline let nodes: UnsafePointer<csimdjson_node>
    /// Values recorded.
    public let nodeCount: Int

    @inlinable
    init(
        bytes: UnsafeRawBufferPointer, text: UnsafePointer<UInt8>, nodes: UnsafePointer<csimdjson_node>,
        nodeCount: Int
    ) {
        self.bytes = bytes
        self.text = text
        self.nodes = nodes
        self.nodeCount = nodeCount
    }

    /// The text's one value.
    @inlinable
    public var root: JSONNode { JSONNode(text: text, nodes: nodes, index: 0) }
}
