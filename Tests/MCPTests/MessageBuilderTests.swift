// SPDX-License-Identifier: Apache-2.0
// MessageBuilder: segments, growth under them, numbers and quoted text, reuse.

import JSON
import MCP
import Testing

@Suite("Message builder") struct MessageBuilderTests {
    /// The segments of a finished message, joined here.
    static func concatenated(_ out: MessageBuilder) -> [UInt8] {
        out.finish().flatMap { part in
            [UInt8](UnsafeBufferPointer(start: part.pointer, count: Int(part.count)))
        }
    }

    @Test func anEmptyMessageHasNoSegments() {
        let out = MessageBuilder()
        #expect(out.finish().isEmpty)
        #expect(out.joined() == [])
    }

    @Test func freshBytesShareOneSegment() {
        let out = MessageBuilder()
        out.literal("{\"a\":")
        out.integer(UInt64(12))
        out.byte(44)
        out.text("\"b\":")
        out.copy(Array("null".utf8))
        withBytes("}") { out.bytes($0) }
        #expect(out.finish().count == 1)
        #expect(text(out) == #"{"a":12,"b":null}"#)
    }

    @Test("small spans are copied, large ones referenced", arguments: [1, 2048, 2049, 100_000])
    func references(_ size: Int) {
        let large = [UInt8](repeating: 120, count: size)
        large.withUnsafeBytes { span in
            let out = MessageBuilder()
            out.byte(34)
            out.bytes(span)
            out.byte(34)
            let parts = out.finish()
            let isReferenced = parts.contains { $0.pointer.map { UnsafeRawPointer($0) } == span.baseAddress }
            #expect(isReferenced == (size > 2048))
            #expect(parts.count == (size > 2048 ? 3 : 1))
            #expect(out.joined() == [34] + large + [34])
        }
    }

    @Test func emptySpansAddNothing() {
        let out = MessageBuilder()
        out.bytes(UnsafeRawBufferPointer(start: nil, count: 0))
        [UInt8]().withUnsafeBytes { out.bytes($0) }
        out.copy([])
        out.text("")
        out.literal("")
        #expect(out.finish().isEmpty)
    }

    @Test func arraysAreCopiedWhateverTheirSize() {
        let out = MessageBuilder()
        var array = [UInt8](repeating: 97, count: 50_000)
        out.copy(array)
        for at in array.indices { array[at] = 98 }
        #expect(out.joined() == [UInt8](repeating: 97, count: 50_000))
        #expect(out.finish().count == 1)
    }

    @Test func growthKeepsTheRunsThatSegmentsPointTo() {
        // Alternating fresh runs and referenced spans, far beyond the first capacity of scratch and of segments.
        let large = [UInt8](repeating: 46, count: 3000)
        large.withUnsafeBytes { span in
            let out = MessageBuilder()
            var wanted: [UInt8] = []
            for round in 0..<300 {
                let fresh = Array("<\(round):\(String(repeating: "y", count: round * 7))>".utf8)
                out.copy(fresh)
                out.bytes(span)
                wanted += fresh + large
            }
            let parts = out.finish()
            #expect(parts.count == 600)
            #expect(parts.filter { $0.pointer.map { UnsafeRawPointer($0) } == span.baseAddress }.count == 300)
            #expect(Self.concatenated(out) == wanted)
            #expect(out.joined() == wanted)
        }
    }

    @Test func oneAppendMayExceedManyDoublings() {
        let out = MessageBuilder()
        out.literal("ab")
        out.copy([UInt8](repeating: 1, count: 5_000_000))
        out.literal("cd")
        let joined = out.joined()
        #expect(joined.count == 5_000_004)
        #expect(joined.prefix(3) == [97, 98, 1])
        #expect(joined.suffix(3) == [1, 99, 100])
    }

    @Test func writingGoesOnAfterFinish() {
        let out = MessageBuilder()
        out.literal("one")
        #expect(out.finish().count == 1)
        out.literal("two")
        #expect(text(out) == "onetwo")
        // Looking twice changes nothing.
        #expect(text(out) == "onetwo")
    }

    @Test func randomMessagesJoinToTheConcatenationOfTheirParts() {
        var random = Generator(state: 0x6a61_636b)
        let pool = (0..<20_000).map { UInt8(truncatingIfNeeded: $0 * 31) }
        pool.withUnsafeBytes { pool in
            let out = MessageBuilder()
            for _ in 0..<200 {
                out.reset()
                var wanted: [UInt8] = []
                for _ in 0..<Int.random(in: 0...80, using: &random) {
                    let size = Int.random(in: 0...(Bool.random(using: &random) ? 64 : 6000), using: &random)
                    let from = Int.random(in: 0...(pool.count - size), using: &random)
                    let span = UnsafeRawBufferPointer(rebasing: pool[from..<from + size])
                    switch Int.random(in: 0...2, using: &random) {
                    case 0: out.bytes(span)
                    case 1: out.copy([UInt8](span))
                    default: for byte in span { out.byte(byte) }
                    }
                    wanted += span
                }
                #expect(Self.concatenated(out) == wanted)
                #expect(out.joined() == wanted)
                var kept: [UInt8] = [1, 2, 3]
                out.copy(into: &kept)
                #expect(kept == wanted)
            }
        }
    }

    @Test func aResetForgetsEverythingAlsoAfterLargeMessages() {
        let out = MessageBuilder()
        let large = [UInt8](repeating: 7, count: 4000)
        for size in [10, 70_000, 3_000_000, 10, 0, 200_000] {
            out.reset()
            #expect(out.finish().isEmpty)
            large.withUnsafeBytes { span in
                out.copy([UInt8](repeating: UInt8(truncatingIfNeeded: size), count: size))
                out.bytes(span)
                out.literal("end")
                #expect(
                    out.joined()
                        == [UInt8](repeating: UInt8(truncatingIfNeeded: size), count: size) + large
                        + Array("end".utf8))
            }
        }
    }

    @Test func unsignedIntegersAreDecimal() {
        var samples: [UInt64] = [0, 1, 9, .max, .max - 1, UInt64(Int64.max), 1 << 63, 1 << 52]
        var power: UInt64 = 1
        for _ in 0..<19 {
            power *= 10
            samples += [power - 1, power, power + 1]
        }
        for sample in samples {
            let out = MessageBuilder()
            out.integer(sample)
            #expect(text(out) == String(sample))
        }
    }

    @Test("signed integers are decimal", arguments: [0, 1, -1, -32700, 42, Int.max, Int.min, Int.min + 1])
    func signed(_ sample: Int) {
        let out = MessageBuilder()
        out.integer(sample)
        #expect(text(out) == String(sample))
    }

    @Test func integersFitAtTheVeryEndOfTheScratch() {
        for before in (64 * 1024 - 22)...(64 * 1024) {
            let out = MessageBuilder()
            out.copy([UInt8](repeating: 32, count: before))
            out.integer(UInt64.max)
            out.integer(Int.min)
            #expect(
                out.joined().dropFirst(before).elementsEqual("18446744073709551615-9223372036854775808".utf8))
        }
    }

    @Test func hexadecimalHasSixteenLowerCaseDigits() {
        for (number, digits) in [
            (0, "0000000000000000"), (1, "0000000000000001"), (.max, "ffffffffffffffff"),
            (0x0123_4567_89ab_cdef, "0123456789abcdef"),
        ] as [(UInt64, String)] {
            let out = MessageBuilder()
            out.hexadecimal(number)
            #expect(text(out) == digits)
        }
    }

    @Test func quotedTextIsAJSONStringOfTheSameText() throws {
        var samples = [
            "", "plain", "\"", "\\", "\\\"", "a/b", "tab\tline\nreturn\r", "ü€😀", "\u{7f}\u{85}\u{2028}",
        ]
        samples += (0..<32).map { "x\(Unicode.Scalar(UInt8($0)))y" }
        samples.append(String(repeating: "é\"\u{1}", count: 40_000))
        for sample in samples {
            let out = MessageBuilder()
            out.quoted(sample)
            let read = try JSONValue(parsing: out.joined())
            #expect(read == .string(sample))
        }
    }
}

/// A small generator with a fixed seed, so that failures repeat (SplitMix64).
struct Generator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
