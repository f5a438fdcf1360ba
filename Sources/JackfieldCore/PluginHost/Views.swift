// SPDX-License-Identifier: Apache-2.0
// Between Swift values and the ABI's views, blobs and faults.

import CJackfield
import Glibc
import MCP

extension jf_view {
    static var absent: jf_view { jf_view(ptr: nil, len: 0) }

    @inline(__always)
    init(_ bytes: UnsafeRawBufferPointer) {
        self.init(ptr: bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), len: UInt64(bytes.count))
    }

    @inline(__always)
    init(_ literal: StaticString) {
        self.init(ptr: literal.utf8Start, len: UInt64(literal.utf8CodeUnitCount))
    }

    /// The bytes; empty when the view is absent.
    @inline(__always)
    var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: ptr, count: Int(len)) }

    /// The bytes, or nil when the view is absent.
    @inline(__always)
    var present: UnsafeRawBufferPointer? { ptr == nil ? nil : bytes }

    var string: String { String(decoding: bytes, as: UTF8.self) }

    /// Whether it is this text, byte by byte.
    @inline(__always)
    func isText(_ text: String) -> Bool {
        let own = bytes
        return text.utf8.withContiguousStorageIfAvailable { text in
            text.count == own.count
                && (own.isEmpty || memcmp(text.baseAddress!, own.baseAddress!, own.count) == 0)
        } ?? text.utf8.elementsEqual(own)
    }
}

/// Lends text as a view for the time of a call.
@inline(__always)
func withView<R>(_ text: String, _ body: (jf_view) throws -> R) rethrows -> R {
    var text = text
    return try text.withUTF8 { try body(jf_view(UnsafeRawBufferPointer($0))) }
}

extension jf_blob {
    static var none: jf_blob { jf_blob(ptr: nil, len: 0, owner: nil, drop: nil) }

    var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: ptr, count: Int(len)) }

    /// Gives the memory back to whoever made it.
    mutating func dropOnce() {
        if let drop { drop(owner) }
        self = .none
    }

    /// An owned copy in the C heap.
    static func copying(_ bytes: UnsafeRawBufferPointer) -> jf_blob {
        guard let memory = malloc(max(bytes.count, 1)) else { return .none }
        if let base = bytes.baseAddress { memcpy(memory, base, bytes.count) }
        return jf_blob(
            ptr: memory.assumingMemoryBound(to: UInt8.self), len: UInt64(bytes.count), owner: memory,
            drop: { free($0) })
    }
}

extension jf_fault {
    /// An empty fault, ready to be filled in.
    static func empty() -> jf_fault {
        var fault = jf_fault()
        fault.size = UInt32(MemoryLayout<jf_fault>.size)
        return fault
    }

    /// The sentence in it; empty when the plugin gave none.
    var message: String {
        withUnsafeBytes(of: text) { raw in
            String(decoding: raw.prefix(min(Int(text_len), raw.count)), as: UTF8.self)
        }
    }

    /// What a client may read of it: the sentence where it is marked public, else what its code says (base.h, Errors).
    var publicMessage: String {
        if isPublic, !message.isEmpty { return message }
        switch Int(code) {
        case JF_E_GONE: return "the connection to it ended without an answer; see the gateway's log"
        case JF_E_TIMEOUT: return "it could not be reached in time; see the gateway's log"
        case JF_E_BUSY: return "it takes no more calls at the moment"
        case JF_E_INVALID: return "its answer could not be used; see the gateway's log"
        case JF_E_DENIED: return "it may not be reached from here; see the gateway's log"
        default: return "it could not be reached; see the gateway's log"
        }
    }

    var isPublic: Bool { flags & UInt32(JF_FAULT_PUBLIC) != 0 }

    /// Writes a sentence, cut at the end of what fits.
    mutating func set(_ status: Int32, _ message: String, flags more: UInt32 = 0) {
        code = status
        flags |= more
        var message = message
        let capacity = MemoryLayout.size(ofValue: text)
        let length = message.withUTF8 { utf8 in
            var length = min(utf8.count, capacity)
            // Never cut inside a character.
            while length > 0 && length < utf8.count && utf8[length] & 0xC0 == 0x80 { length -= 1 }
            withUnsafeMutableBytes(of: &text) {
                $0.copyMemory(
                    from: UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(utf8)[0..<length]))
            }
            return length
        }
        text_len = UInt32(length)
    }
}

/// A copy of a peer's table in a zeroed local one: what a smaller peer lacks is NULL, what a larger one has more is
/// left alone.
func attach<Table>(_ table: UnsafeRawPointer, as type: Table.Type, empty: Table) -> Table {
    var local = empty
    let declared = Int(table.load(as: UInt32.self))
    withUnsafeMutableBytes(of: &local) { raw in
        let count = min(declared, raw.count)
        raw.copyMemory(from: UnsafeRawBufferPointer(start: table, count: count))
    }
    return local
}

/// A short name for a status, for logs.
func statusName(_ status: Int32) -> String {
    switch Int(status) {
    case JF_OK: "ok"
    case JF_PENDING: "pending"
    case JF_ABSENT: "absent"
    case JF_E_INVALID: "invalid"
    case JF_E_UNSUPPORTED: "unsupported"
    case JF_E_STALE: "stale"
    case JF_E_BUSY: "busy"
    case JF_E_DENIED: "denied"
    case JF_E_TIMEOUT: "timeout"
    case JF_E_GONE: "gone"
    case JF_E_FAULT: "fault"
    default: "status \(status)"
    }
}
