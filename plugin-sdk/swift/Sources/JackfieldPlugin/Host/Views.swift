// SPDX-License-Identifier: Apache-2.0
// Between Swift values and the ABI's views, blobs and tables. The only place that touches their memory.

import CJackfield

extension jf_view {
    /// The borrowed bytes as text, invalid UTF-8 repaired; nil when absent.
    var text: String? { ptr == nil ? nil : String(decoding: bytes, as: UTF8.self) }

    /// The borrowed bytes; empty when absent.
    var bytes: UnsafeBufferPointer<UInt8> {
        UnsafeBufferPointer(start: ptr, count: ptr == nil ? 0 : Int(len))
    }

    static var absent: jf_view { jf_view(ptr: nil, len: 0) }

    /// Where another view lies inside this one; nil: not in here.
    func range(of other: jf_view) -> Range<Int>? {
        guard let ptr, let start = other.ptr, start >= ptr, start + Int(other.len) <= ptr + Int(len) else {
            return nil
        }
        return start - ptr..<start - ptr + Int(other.len)
    }

    init(_ bytes: UnsafeBufferPointer<UInt8>) {
        // Present, also when it is empty and has no address.
        self.init(ptr: bytes.baseAddress ?? UnsafePointer(bitPattern: 1), len: UInt64(bytes.count))
    }
}

/// Lends the text's bytes for the call.
func withView<Result>(_ text: String, _ body: (jf_view) -> Result) -> Result {
    var text = text
    return text.withUTF8 { body(jf_view($0)) }
}

extension jf_blob {
    static var none: jf_blob { jf_blob(ptr: nil, len: 0, owner: nil, drop: nil) }

    /// An owned copy; whoever gets it drops it.
    static func copying(_ bytes: [UInt8]) -> jf_blob {
        let memory = UnsafeMutableRawPointer.allocate(byteCount: max(bytes.count, 1), alignment: 16)
        bytes.withUnsafeBytes {
            memory.copyMemory(from: $0.baseAddress ?? UnsafeRawPointer(memory), byteCount: $0.count)
        }
        return jf_blob(
            ptr: UnsafePointer(memory.assumingMemoryBound(to: UInt8.self)), len: UInt64(bytes.count),
            owner: memory,
            drop: dropCopy)
    }

    /// Reads the bytes and drops the blob.
    mutating func takeText() -> String {
        let text = jf_view(ptr: ptr, len: len).text ?? ""
        drop?(owner)
        self = .none
        return text
    }
}

private func dropCopy(_ owner: UnsafeMutableRawPointer?) { owner?.deallocate() }

/// Copies a peer's table, of whatever size, into one of ours: what the peer lacks stays zero.
func attach<Table>(_ table: UnsafeRawPointer?, _ empty: Table) -> Table? {
    guard let table else { return nil }
    let declared = Int(table.load(as: UInt32.self))
    var own = empty
    withUnsafeMutableBytes(of: &own) { own in
        own.copyMemory(from: UnsafeRawBufferPointer(start: table, count: min(declared, own.count)))
    }
    return own
}

extension Duration {
    /// Whole nanoseconds, clamped to what the ABI can say.
    var nanoseconds: UInt64 {
        let (seconds, attoseconds) = components
        guard seconds >= 0, attoseconds >= 0 else { return 0 }
        let (whole, overflow) = UInt64(seconds).multipliedReportingOverflow(by: 1_000_000_000)
        return overflow
            ? .max : whole.addingReportingOverflow(UInt64(attoseconds / 1_000_000_000)).partialValue
    }
}
