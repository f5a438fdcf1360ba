// SPDX-License-Identifier: Apache-2.0
// SipHash-2-4 with 128 bits of output (Aumasson and Bernstein, 2012): stands for credentials without keeping them.

import CLinux

/// A keyed hash that nobody without the key can collide. Fed piece by piece.
struct SipHash {
    private var v0: UInt64
    private var v1: UInt64
    private var v2: UInt64
    private var v3: UInt64
    private var tail: UInt64 = 0
    private var count: UInt64 = 0

    /// This process's own key.
    private static let key: (UInt64, UInt64) = {
        var words: (UInt64, UInt64) = (0, 0)
        _ = withUnsafeMutableBytes(of: &words) { getrandom($0.baseAddress, $0.count, 0) }
        return words
    }()

    init() { self.init(key: Self.key) }

    init(key: (UInt64, UInt64)) {
        v0 = key.0 ^ 0x736f_6d65_7073_6575
        v1 = key.1 ^ 0x646f_7261_6e64_6f6d ^ 0xee
        v2 = key.0 ^ 0x6c79_6765_6e65_7261
        v3 = key.1 ^ 0x7465_6462_7974_6573
    }

    @inline(__always)
    private mutating func round() {
        v0 &+= v1
        v1 = v1 << 13 | v1 >> 51
        v1 ^= v0
        v0 = v0 << 32 | v0 >> 32
        v2 &+= v3
        v3 = v3 << 16 | v3 >> 48
        v3 ^= v2
        v0 &+= v3
        v3 = v3 << 21 | v3 >> 43
        v3 ^= v0
        v2 &+= v1
        v1 = v1 << 17 | v1 >> 47
        v1 ^= v2
        v2 = v2 << 32 | v2 >> 32
    }

    @inline(__always)
    private mutating func absorb(_ word: UInt64) {
        v3 ^= word
        round()
        round()
        v0 ^= word
    }

    mutating func feed(_ byte: UInt8) {
        tail |= UInt64(byte) << (8 * (count & 7))
        count &+= 1
        if count & 7 == 0 {
            absorb(tail)
            tail = 0
        }
    }

    mutating func feed(_ bytes: UnsafeRawBufferPointer) {
        var at = 0
        while at < bytes.count, count & 7 != 0 {
            feed(bytes[at])
            at += 1
        }
        while at + 8 <= bytes.count {
            absorb(UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: at, as: UInt64.self)))
            count &+= 8
            at += 8
        }
        while at < bytes.count {
            feed(bytes[at])
            at += 1
        }
    }

    /// A length and the bytes, so that neighbours cannot be mistaken for one another.
    mutating func feed(part bytes: UnsafeRawBufferPointer) {
        withUnsafeBytes(of: UInt32(truncatingIfNeeded: bytes.count).littleEndian) { feed($0) }
        feed(bytes)
    }

    /// The hash; nothing is fed after.
    mutating func finish() -> (low: UInt64, high: UInt64) {
        absorb(tail | (count & 0xff) << 56)
        v2 ^= 0xee
        for _ in 0..<4 { round() }
        let low = v0 ^ v1 ^ v2 ^ v3
        v1 ^= 0xdd
        for _ in 0..<4 { round() }
        return (low, v0 ^ v1 ^ v2 ^ v3)
    }
}
