// SPDX-License-Identifier: Apache-2.0
// Bounds-checked reading of untrusted ELF bytes, from memory or from an open file.

import CLinux
import Glibc

/// What is wrong with an ELF file, as one clause for people.
public struct ELFFault: Error, Equatable, CustomStringConvertible {
    /// Begins with a verb ("is not an ELF file"), to follow a file name.
    public let text: String
    init(_ text: String) { self.text = text }
    public var description: String { text }
}

/// A file's bytes, read in tables. Every range is checked against the size before anything is touched, so no
/// content can make it trap; a file that shrinks meanwhile is a fault. A file is read with pread and not
/// mapped: a linker that rewrites it in place must not be able to raise SIGBUS here.
struct ELFInput {
    private enum Backing {
        case memory(UnsafeRawBufferPointer)
        case file(Int32)
    }

    private let backing: Backing
    /// Bytes in all.
    let size: UInt64

    /// Bytes that stay valid as long as this value is in use.
    init(memory: UnsafeRawBufferPointer) {
        backing = .memory(memory)
        size = UInt64(memory.count)
    }

    /// An open descriptor, borrowed, and the size that fstat told.
    init(descriptor: Int32, size: UInt64) {
        backing = .file(descriptor)
        self.size = size
    }

    /// A copy of `count` bytes from `offset`; a fault naming `what` when the file does not have them.
    func table(_ what: String, at offset: UInt64, count: UInt64) throws(ELFFault) -> ELFTable {
        let (end, overflow) = offset.addingReportingOverflow(count)
        guard !overflow, end <= size else {
            throw ELFFault("is truncated or damaged: \(what) lies beyond its \(size) bytes")
        }
        switch backing {
        case .memory(let memory):
            return ELFTable(what: what, bytes: Array(memory[Int(offset)..<Int(end)]))
        case .file(let descriptor):
            var failure: Int32 = 0
            let bytes = [UInt8](unsafeUninitializedCapacity: Int(count)) { buffer, filled in
                while filled < buffer.count {
                    let got = pread(
                        descriptor, buffer.baseAddress! + filled, buffer.count - filled,
                        off_t(offset) + off_t(filled))
                    if got > 0 {
                        filled += got
                    } else if got == 0 || jf_errno() != EINTR {
                        failure = got == 0 ? ENODATA : jf_errno()
                        return
                    }
                }
            }
            guard failure == 0 else {
                throw ELFFault(
                    "cannot be read: \(failure == ENODATA ? "it shrank meanwhile" : errorText(failure))")
            }
            return ELFTable(what: what, bytes: bytes)
        }
    }
}

/// A table's bytes. Reads beyond its end are faults.
struct ELFTable {
    let what: String
    let bytes: [UInt8]

    var count: Int { bytes.count }

    /// A little-endian integer.
    func integer<Number: FixedWidthInteger & UnsignedInteger>(
        _ offset: Int, as type: Number.Type = Number.self
    ) throws(ELFFault) -> Number {
        let width = MemoryLayout<Number>.size
        guard offset >= 0, offset <= bytes.count - width else {
            throw ELFFault("is damaged: \(what) ends early")
        }
        let value = bytes.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: offset, as: Number.self) }
        return Number(littleEndian: value)
    }

    /// The NUL-terminated text at `offset`; nil when it is not there, not UTF-8 or over `limit` bytes.
    func text(at offset: Int, limit: Int) -> String? {
        guard offset >= 0, offset < bytes.count else { return nil }
        let window = bytes[offset..<min(bytes.count, offset + limit + 1)]
        guard let end = window.firstIndex(of: 0) else { return nil }
        return String(validating: window[..<end], as: UTF8.self)
    }

    /// The text at `offset` up to its NUL or `limit` bytes, malformed UTF-8 repaired; nil when it is not
    /// there.
    func clippedText(at offset: Int, limit: Int) -> String? {
        guard offset >= 0, offset < bytes.count else { return nil }
        let window = bytes[offset..<min(bytes.count, offset + limit)]
        return String(decoding: window.prefix { $0 != 0 }, as: UTF8.self)
    }
}

/// strerror(3) as a Swift text.
func errorText(_ code: Int32) -> String {
    String(cString: strerror(code))
}
