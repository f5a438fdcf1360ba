// SPDX-License-Identifier: Apache-2.0
// UUIDs (RFC 9562) from the system's random source.

/// Version 4: 122 random bits.
func randomUUID() -> String {
    uuid(UInt64.random(in: .min ... .max), UInt64.random(in: .min ... .max), version: 4)
}

/// Version 7: the time in the 48 leading bits, the rest random.
func timeOrderedUUID(milliseconds: UInt64) -> String {
    uuid(milliseconds << 16 | UInt64.random(in: 0...0xffff), UInt64.random(in: .min ... .max), version: 7)
}

private func uuid(_ high: UInt64, _ low: UInt64, version: UInt64) -> String {
    let words = [high & ~0xf000 | version << 12, low & ~(0b11 << 62) | 0b10 << 62]
    let hex = Array("0123456789abcdef")
    var text = ""
    for nibble in 0..<32 {
        if [8, 12, 16, 20].contains(nibble) { text.append("-") }
        text.append(hex[Int(words[nibble / 16] >> UInt64(60 - nibble % 16 * 4) & 0xf)])
    }
    return text
}
