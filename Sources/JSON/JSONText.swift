// SPDX-License-Identifier: Apache-2.0
// JSONText: a JSON text that owns its bytes and its whole index.

import CSimdjson

/// An immutable, validated JSON text with its own padded copy of the bytes. May be shared between threads.
/// Nodes point into it: keep it alive while they are in use (`withRoot` does).
public final class JSONText: @unchecked Sendable {  // written only in init, before anybody else can see it
    /// The text, without padding. Valid while this object lives.
    public let bytes: UnsafeRawBufferPointer
    private let memory: Memory

    private struct Memory {
        let text: UnsafeMutablePointer<UInt8>
        let count: Int
        let nodes: UnsafeMutablePointer<csimdjson_node>

        init(copying source: UnsafeRawBufferPointer, maxBytes: Int, maxDepth: Int) throws(JSONError) {
            guard source.count <= maxBytes else { throw JSONError(code: .tooLarge, offset: maxBytes) }
            let text = UnsafeMutablePointer<UInt8>.allocate(capacity: source.count + JSONParser.padding)
            if let from = source.baseAddress {
                UnsafeMutableRawPointer(text).copyMemory(from: from, byteCount: source.count)
            }
            (text + source.count).initialize(repeating: 0, count: JSONParser.padding)
            let parser = JSONParser(maxBytes: maxBytes, maxDepth: maxDepth)
            do throws(JSONError) {
                let copy = UnsafeRawBufferPointer(start: text, count: source.count)
                let document = try parser.parse(copy, recordDepth: .max)
                nodes = .allocate(capacity: document.nodeCount)
                nodes.initialize(from: document.nodes, count: document.nodeCount)
            } catch {
                text.deallocate()
                throw error
            }
            self.text = text
            count = source.count
        }
    }

    private init(_ memory: Memory) {
        self.memory = memory
        bytes = UnsafeRawBufferPointer(start: memory.text, count: memory.count)
    }

    /// Copies, validates and indexes `source`. Limits as in `JSONParser.init`.
    public convenience init(
        copying source: UnsafeRawBufferPointer, maxBytes: Int = 16 << 20, maxDepth: Int = 128
    ) throws(JSONError) {
        try self.init(Memory(copying: source, maxBytes: maxBytes, maxDepth: maxDepth))
    }

    /// Copies, validates and indexes `bytes`, with the default limits.
    public convenience init(_ bytes: some Collection<UInt8>) throws(JSONError) {
        let memory = ContiguousArray(bytes).withUnsafeBytes { bytes in
            Result { () throws(JSONError) in
                try Memory(copying: bytes, maxBytes: 16 << 20, maxDepth: 128)
            }
        }
        try self.init(memory.get())
    }

    /// Copies, validates and indexes `text`, with the default limits.
    public convenience init(_ text: String) throws(JSONError) {
        try self.init(text.utf8)
    }

    deinit {
        memory.text.deallocate()
        memory.nodes.deallocate()
    }

    /// The text's one value. Valid while this object lives.
    public var root: JSONNode {
        JSONNode(text: UnsafePointer(memory.text), nodes: UnsafePointer(memory.nodes), index: 0)
    }

    /// Calls `body` with the root and keeps this object alive until it returns.
    public func withRoot<Value, Failure: Error>(
        _ body: (JSONNode) throws(Failure) -> Value
    ) throws(Failure) -> Value {
        defer { withExtendedLifetime(self) {} }
        return try body(root)
    }
}
