// SPDX-License-Identifier: Apache-2.0
// Between Swift values and the ABI's views, blobs and tables.

import CJackfield

extension jf_view {
    /// The borrowed bytes as text, invalid UTF-8 repaired; nil when absent.
    var text: String? { ptr == nil ? nil : String(decoding: bytes, as: UTF8.self) }

    /// The borrowed bytes; empty when absent.
    var bytes: UnsafeBufferPointer<UInt8> {
        UnsafeBufferPointer(start: ptr, count: ptr == nil ? 0 : Int(clamping: len))
    }

    static var absent: jf_view { jf_view(ptr: nil, len: 0) }

    /// Where another view lies inside this one; nil: not in here.
    func range(of other: jf_view) -> Range<Int>? {
        guard let ptr, let start = other.ptr, start >= ptr else { return nil }
        let offset = start - ptr
        let room = Int(clamping: len) - offset
        guard room >= 0, other.len <= UInt64(room) else { return nil }
        return offset..<offset + Int(other.len)
    }

    init(_ bytes: UnsafeBufferPointer<UInt8>) {
        // Present, also when it is empty and has no address.
        self.init(ptr: bytes.baseAddress ?? UnsafePointer(bitPattern: 1), len: UInt64(bytes.count))
    }
}

/// Lends the text's bytes for the call.
func withView<Result>(_ text: String, _ body: (jf_view) throws -> Result) rethrows -> Result {
    var text = text
    return try text.withUTF8 { try body(jf_view($0)) }
}

/// Lends names and values for the call: one block of bytes, however many there are.
func withPairs<Result>(
    _ fields: [(String, String)], _ body: (UnsafeBufferPointer<jf_pair>) throws -> Result
) rethrows -> Result {
    if fields.isEmpty { return try body(UnsafeBufferPointer(start: nil, count: 0)) }
    var joined = JoinedTexts()
    for (name, value) in fields {
        joined.append(name)
        joined.append(value)
    }
    return try joined.withViews { views in
        let pairs = stride(from: 0, to: views.count, by: 2).map { index in
            jf_pair(name: views[index], value: views[index + 1])
        }
        return try pairs.withUnsafeBufferPointer(body)
    }
}

/// Texts one behind the other, to be lent all at once. An absent text stays absent.
struct JoinedTexts {
    private var bytes: [UInt8] = []
    private var ranges: [Range<Int>?] = []

    mutating func append(_ text: String?) {
        guard let text else { return ranges.append(nil) }
        let start = bytes.count
        bytes.append(contentsOf: text.utf8)
        ranges.append(start..<bytes.count)
    }

    func withViews<Result>(_ body: ([jf_view]) throws -> Result) rethrows -> Result {
        try bytes.withUnsafeBufferPointer { bytes in
            try body(
                ranges.map { range in
                    range.map { jf_view(UnsafeBufferPointer(rebasing: bytes[$0])) } ?? .absent
                })
        }
    }
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

    /// Copies the bytes and drops the blob.
    mutating func takeBytes() -> [UInt8] {
        let bytes = Array(jf_view(ptr: ptr, len: len).bytes)
        drop?(owner)
        self = .none
        return bytes
    }
}

private func dropCopy(_ owner: UnsafeMutableRawPointer?) { owner?.deallocate() }

/// Copies a peer's table or growable struct, of whatever size, into one of ours: what the peer lacks stays
/// zero.
@inline(__always)
func attach<Table>(_ table: UnsafeRawPointer?, _ empty: Table) -> Table? {
    guard let table else { return nil }
    let declared = Int(table.load(as: UInt32.self))
    if declared >= MemoryLayout<Table>.size { return table.load(as: Table.self) }
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
        if overflow { return .max }
        let (sum, isTooLong) = whole.addingReportingOverflow(UInt64(attoseconds / 1_000_000_000))
        return isTooLong ? .max : sum
    }
}
