// SPDX-License-Identifier: Apache-2.0
// SHA-256 (FIPS 180-4), and the digest value that names staged plugins.

import CLinux

/// A SHA-256 digest: eight words as in the standard, H0 first.
public struct SHA256Digest: Sendable, Hashable, CustomStringConvertible {
    let words: [8 of UInt32]

    /// 64 lower-case hexadecimal digits.
    public var hex: String {
        String(unsafeUninitializedCapacity: 64) { text in
            var place = 0
            for index in words.indices {
                for shift in stride(from: 28, through: 0, by: -4) {
                    let digit = UInt8(truncatingIfNeeded: words[index] >> UInt32(shift)) & 0xf
                    text[place] = digit < 10 ? 48 + digit : 87 + digit
                    place += 1
                }
            }
            return 64
        }
    }

    /// Reads what ``hex`` wrote; nil unless it is exactly 64 hexadecimal digits.
    public init?(hex: some StringProtocol) {
        guard hex.utf8.count == 64 else { return nil }
        var words = [8 of UInt32](repeating: 0)
        for (position, byte) in hex.utf8.enumerated() {
            guard let digit = hexadecimalValue(byte) else { return nil }
            words[position / 8] = words[position / 8] << 4 | UInt32(digit)
        }
        self.words = words
    }

    init(words: [8 of UInt32]) { self.words = words }

    public var description: String { hex }

    public static func == (one: SHA256Digest, other: SHA256Digest) -> Bool {
        one.words.indices.allSatisfy { one.words[$0] == other.words[$0] }
    }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(words[0])
        hasher.combine(words[1])
    }
}

/// The value of a hexadecimal digit in ASCII, nil for any other byte.
func hexadecimalValue(_ byte: UInt8) -> UInt8? {
    switch byte {
    case 48...57: byte - 48
    case 65...70: byte - 55
    case 97...102: byte - 87
    default: nil
    }
}

/// Incremental SHA-256 (FIPS 180-4, section 6.2).
public struct SHA256 {
    private var state: [8 of UInt32] = [
        0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab,
        0x5be0_cd19,
    ]
    private var tail = [64 of UInt8](repeating: 0)
    private var tailCount = 0
    private var byteCount: UInt64 = 0

    public init() {}

    /// The digest of one buffer.
    public static func digest(of bytes: UnsafeRawBufferPointer) -> SHA256Digest {
        var hash = SHA256()
        hash.update(bytes)
        return hash.finish()
    }

    /// The digest of a text's UTF-8.
    public static func digest(of text: String) -> SHA256Digest {
        var text = text
        return text.withUTF8 { digest(of: UnsafeRawBufferPointer($0)) }
    }

    /// Takes in more bytes.
    public mutating func update(_ bytes: UnsafeRawBufferPointer) {
        byteCount &+= UInt64(bytes.count)
        var rest = bytes
        if tailCount > 0 {
            let taken = min(64 - tailCount, rest.count)
            for index in 0..<taken { tail[tailCount + index] = rest[index] }
            tailCount += taken
            rest = UnsafeRawBufferPointer(rebasing: rest[taken...])
            guard tailCount == 64 else { return }
            compressTail()
        }
        let whole = rest.count & ~63
        if whole > 0 {
            SHA256.compress(&state, rest.baseAddress!, blocks: whole / 64)
            rest = UnsafeRawBufferPointer(rebasing: rest[whole...])
        }
        for index in 0..<rest.count { tail[index] = rest[index] }
        tailCount = rest.count
    }

    /// Pads and answers the digest. The value is spent.
    public mutating func finish() -> SHA256Digest {
        let bits = byteCount &* 8
        tail[tailCount] = 0x80
        for index in (tailCount + 1)..<max(64, tailCount + 1) { tail[index] = 0 }
        if tailCount >= 56 {
            compressTail()
            for index in 0..<64 { tail[index] = 0 }
        }
        for index in 0..<8 { tail[56 + index] = UInt8(truncatingIfNeeded: bits >> UInt64(56 - 8 * index)) }
        compressTail()
        return SHA256Digest(words: state)
    }

    private mutating func compressTail() {
        let block = tail
        withUnsafeBytes(of: block) { SHA256.compress(&state, $0.baseAddress!, blocks: 1) }
        tailCount = 0
    }

    /// The compression function over whole blocks. Pointers instead of spans: this loop is the whole cost.
    private static func compress(_ state: inout [8 of UInt32], _ start: UnsafeRawPointer, blocks: Int) {
        roundConstants.withUnsafeBufferPointer { constants in
            let isDone = withUnsafeMutableBytes(of: &state) { words in
                jf_sha256_blocks(
                    words.bindMemory(to: UInt32.self).baseAddress, constants.baseAddress, start,
                    UInt64(blocks)) != 0
            }
            if isDone { return }
            withUnsafeTemporaryAllocation(of: UInt32.self, capacity: 64) { schedule in
                let k = constants.baseAddress!
                let w = schedule.baseAddress!
                var (h0, h1, h2, h3) = (state[0], state[1], state[2], state[3])
                var (h4, h5, h6, h7) = (state[4], state[5], state[6], state[7])
                for block in 0..<blocks {
                    expand(start + block &* 64, into: w)
                    var (a, b, c, d, e, f, g, h) = (h0, h1, h2, h3, h4, h5, h6, h7)
                    var index = 0
                    // Eight rounds at a time: the variables come round to their own names, so nothing moves.
                    while index < 64 {
                        round(a, b, c, &d, e, f, g, &h, k[index] &+ w[index])
                        round(h, a, b, &c, d, e, f, &g, k[index &+ 1] &+ w[index &+ 1])
                        round(g, h, a, &b, c, d, e, &f, k[index &+ 2] &+ w[index &+ 2])
                        round(f, g, h, &a, b, c, d, &e, k[index &+ 3] &+ w[index &+ 3])
                        round(e, f, g, &h, a, b, c, &d, k[index &+ 4] &+ w[index &+ 4])
                        round(d, e, f, &g, h, a, b, &c, k[index &+ 5] &+ w[index &+ 5])
                        round(c, d, e, &f, g, h, a, &b, k[index &+ 6] &+ w[index &+ 6])
                        round(b, c, d, &e, f, g, h, &a, k[index &+ 7] &+ w[index &+ 7])
                        index &+= 8
                    }
                    (h0, h1, h2, h3) = (h0 &+ a, h1 &+ b, h2 &+ c, h3 &+ d)
                    (h4, h5, h6, h7) = (h4 &+ e, h5 &+ f, h6 &+ g, h7 &+ h)
                }
                state = [h0, h1, h2, h3, h4, h5, h6, h7]
            }
        }
    }

    /// The message schedule of one block.
    @inline(__always)
    private static func expand(_ block: UnsafeRawPointer, into w: UnsafeMutablePointer<UInt32>) {
        for index in 0..<16 {
            w[index] = UInt32(
                bigEndian: block.loadUnaligned(fromByteOffset: index &* 4, as: UInt32.self))
        }
        for index in 16..<64 {
            let (x, y) = (w[index &- 15], w[index &- 2])
            let s0 = rotate(x, 7) ^ rotate(x, 18) ^ (x &>> 3)
            let s1 = rotate(y, 17) ^ rotate(y, 19) ^ (y &>> 10)
            w[index] = w[index &- 16] &+ s0 &+ w[index &- 7] &+ s1
        }
    }

    @inline(__always)
    private static func round(
        _ a: UInt32, _ b: UInt32, _ c: UInt32, _ d: inout UInt32,
        _ e: UInt32, _ f: UInt32, _ g: UInt32, _ h: inout UInt32, _ input: UInt32
    ) {
        let choice = g ^ (e & (f ^ g))
        let majority = (a & b) | (c & (a | b))
        let mixed = h &+ (rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)) &+ choice &+ input
        d = d &+ mixed
        h = mixed &+ (rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)) &+ majority
    }

    @inline(__always)
    private static func rotate(_ word: UInt32, _ count: UInt32) -> UInt32 {
        word &>> count | word &<< (32 &- count)
    }

    private static let roundConstants: [UInt32] = [
        0x428a_2f98, 0x7137_4491, 0xb5c0_fbcf, 0xe9b5_dba5, 0x3956_c25b, 0x59f1_11f1, 0x923f_82a4,
        0xab1c_5ed5,
        0xd807_aa98, 0x1283_5b01, 0x2431_85be, 0x550c_7dc3, 0x72be_5d74, 0x80de_b1fe, 0x9bdc_06a7,
        0xc19b_f174,
        0xe49b_69c1, 0xefbe_4786, 0x0fc1_9dc6, 0x240c_a1cc, 0x2de9_2c6f, 0x4a74_84aa, 0x5cb0_a9dc,
        0x76f9_88da,
        0x983e_5152, 0xa831_c66d, 0xb003_27c8, 0xbf59_7fc7, 0xc6e0_0bf3, 0xd5a7_9147, 0x06ca_6351,
        0x1429_2967,
        0x27b7_0a85, 0x2e1b_2138, 0x4d2c_6dfc, 0x5338_0d13, 0x650a_7354, 0x766a_0abb, 0x81c2_c92e,
        0x9272_2c85,
        0xa2bf_e8a1, 0xa81a_664b, 0xc24b_8b70, 0xc76c_51a3, 0xd192_e819, 0xd699_0624, 0xf40e_3585,
        0x106a_a070,
        0x19a4_c116, 0x1e37_6c08, 0x2748_774c, 0x34b0_bcb5, 0x391c_0cb3, 0x4ed8_aa4a, 0x5b9c_ca4f,
        0x682e_6ff3,
        0x748f_82ee, 0x78a5_636f, 0x84c8_7814, 0x8cc7_0208, 0x90be_fffa, 0xa450_6ceb, 0xbef9_a3f7,
        0xc671_78f2,
    ]
}
