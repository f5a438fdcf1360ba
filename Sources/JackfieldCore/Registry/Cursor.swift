// SPDX-License-Identifier: Apache-2.0
// Cursors of our own lists: opaque to clients, authenticated, bound to the list they came from.

import CLinux
import Glibc

/// A page position. The text is 48 hexadecimal digits: list fingerprint, offset, and a keyed checksum, so that a
/// made-up cursor and one of another list or generation are told apart from a good one.
struct Cursor {
    let fingerprint: UInt64
    let offset: UInt64

    /// One key per process: cursors do not survive a restart, lists may have changed by then.
    private static let key: UInt64 = {
        var value: UInt64 = 0
        _ = getrandom(&value, 8, 0)
        return value
    }()

    init(fingerprint: UInt64, offset: Int) {
        self.fingerprint = fingerprint
        self.offset = UInt64(offset)
    }

    /// Reads a cursor; nil for anything that we did not make.
    init?(_ bytes: UnsafeRawBufferPointer) {
        guard bytes.count == 48 else { return nil }
        var words: [UInt64] = []
        for word in 0..<3 {
            var value: UInt64 = 0
            for unit in bytes[(word * 16)..<(word * 16 + 16)] {
                switch unit {
                case 48...57: value = value << 4 | UInt64(unit - 48)
                case 97...102: value = value << 4 | UInt64(unit - 87)
                default: return nil
                }
            }
            words.append(value)
        }
        fingerprint = words[0]
        offset = words[1]
        guard Cursor.checksum(fingerprint, offset) == words[2] else { return nil }
    }

    var text: String {
        func digits(_ value: UInt64) -> String {
            let text = String(value, radix: 16)
            return String(repeating: "0", count: 16 - text.count) + text
        }
        return digits(fingerprint) + digits(offset) + digits(Cursor.checksum(fingerprint, offset))
    }

    /// A keyed mix. It guards against accidents and idle tampering; nothing secret hangs on a page position.
    private static func checksum(_ a: UInt64, _ b: UInt64) -> UInt64 {
        var x = key ^ a &* 0x9E37_79B9_7F4A_7C15
        for word in [b, key.byteSwapped, a] {
            x = (x ^ word) &* 0xBF58_476D_1CE4_E5B9
            x ^= x >> 31
            x = x &* 0x94D0_49BB_1331_11EB
            x ^= x >> 29
        }
        return x
    }
}
