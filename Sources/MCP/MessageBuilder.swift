// SPDX-License-Identifier: Apache-2.0
// Joins fresh bytes and spans of received ones into the segments of an outgoing message, without copying large spans.

/// A run of bytes; laid out like the ABI's `jf_view`, so that an array of them crosses the boundary as it is.
public struct ByteSegment {
    public var pointer: UnsafePointer<UInt8>?
    public var count: UInt64

    public init(pointer: UnsafePointer<UInt8>?, count: UInt64) {
        self.pointer = pointer
        self.count = count
    }
}

/// Builds one message at a time and is reused for the next: one per loop and direction, no allocation in steady
/// state. Spans above `copyLimit` are referenced, so they must stay valid until the message has been handed over.
public final class MessageBuilder {
    private static let copyLimit = 2048
    private static let initialCapacity = 64 * 1024

    private var scratch: UnsafeMutablePointer<UInt8>
    private var capacity: Int
    private var used = 0
    /// Where the scratch run that is still open began.
    private var runStart = 0
    private var segments: UnsafeMutablePointer<ByteSegment>
    private var segmentCapacity = 32
    private var segmentCount = 0

    public init() {
        capacity = MessageBuilder.initialCapacity
        scratch = .allocate(capacity: capacity)
        segments = .allocate(capacity: segmentCapacity)
    }

    deinit {
        scratch.deallocate()
        segments.deallocate()
    }

    /// Forgets the last message.
    public func reset() {
        used = 0
        runStart = 0
        segmentCount = 0
        if capacity > 16 * MessageBuilder.initialCapacity {
            scratch.deallocate()
            capacity = MessageBuilder.initialCapacity
            scratch = .allocate(capacity: capacity)
        }
    }

    @inline(__always)
    private func reserve(_ count: Int) {
        if used + count > capacity { grow(count) }
    }

    private func grow(_ count: Int) {
        var size = capacity * 2
        while size < used + count { size *= 2 }
        let larger = UnsafeMutablePointer<UInt8>.allocate(capacity: size)
        larger.update(from: scratch, count: used)
        // Closed runs point into the scratch: move them along.
        let old = UnsafePointer(scratch)
        for at in 0..<segmentCount {
            if let pointer = segments[at].pointer, pointer >= old, pointer < old + capacity {
                segments[at].pointer = UnsafePointer(larger) + (pointer - old)
            }
        }
        scratch.deallocate()
        scratch = larger
        capacity = size
    }

    private func closeRun() {
        if used > runStart {
            push(UnsafePointer(scratch) + runStart, used - runStart)
            runStart = used
        }
    }

    private func push(_ pointer: UnsafePointer<UInt8>, _ count: Int) {
        if segmentCount == segmentCapacity {
            let larger = UnsafeMutablePointer<ByteSegment>.allocate(capacity: segmentCapacity * 2)
            larger.update(from: segments, count: segmentCount)
            segments.deallocate()
            segments = larger
            segmentCapacity *= 2
        }
        segments[segmentCount] = ByteSegment(pointer: pointer, count: UInt64(count))
        segmentCount += 1
    }

    @inline(__always)
    public func literal(_ text: StaticString) {
        let count = text.utf8CodeUnitCount
        reserve(count)
        (scratch + used).update(from: text.utf8Start, count: count)
        used += count
    }

    public func byte(_ value: UInt8) {
        reserve(1)
        scratch[used] = value
        used += 1
    }

    /// Appends received bytes: small ones are copied, large ones referenced.
    @inline(__always)
    public func bytes(_ bytes: UnsafeRawBufferPointer) {
        guard let base = bytes.baseAddress, bytes.count > 0 else { return }
        if bytes.count <= MessageBuilder.copyLimit {
            reserve(bytes.count)
            UnsafeMutableRawPointer(scratch + used).copyMemory(from: base, byteCount: bytes.count)
            used += bytes.count
        } else {
            closeRun()
            push(base.assumingMemoryBound(to: UInt8.self), bytes.count)
        }
    }

    /// Appends bytes of an array, always copied (an array's storage may move).
    public func copy(_ array: [UInt8]) {
        reserve(array.count)
        array.withUnsafeBufferPointer { from in
            if let base = from.baseAddress { (scratch + used).update(from: base, count: from.count) }
        }
        used += array.count
    }

    public func text(_ value: String) {
        var value = value
        value.withUTF8 { utf8 in
            reserve(utf8.count)
            if let base = utf8.baseAddress { (scratch + used).update(from: base, count: utf8.count) }
            used += utf8.count
        }
    }

    /// Appends a decimal integer.
    public func integer(_ value: UInt64) {
        reserve(20)
        var rest = value
        var digits = 1
        var bound: UInt64 = 10
        while digits < 20 && rest >= bound {
            digits += 1
            bound = bound.multipliedReportingOverflow(by: 10).partialValue
        }
        var at = used + digits
        repeat {
            at -= 1
            scratch[at] = UInt8(truncatingIfNeeded: rest % 10) &+ 48
            rest /= 10
        } while rest > 0
        used += digits
    }

    public func integer(_ value: Int) {
        if value < 0 {
            byte(45)
            integer(UInt64(value.magnitude))
        } else {
            integer(UInt64(value))
        }
    }

    /// Appends a JSON string with its quotes and the escapes it needs.
    public func quoted(_ value: String) {
        byte(34)
        for unit in value.utf8 {
            switch unit {
            case 34: literal("\\\"")
            case 92: literal("\\\\")
            case 10: literal("\\n")
            case 13: literal("\\r")
            case 9: literal("\\t")
            case 0..<32:
                literal("\\u00")
                byte(MessageBuilder.hex(unit >> 4))
                byte(MessageBuilder.hex(unit & 15))
            default: byte(unit)
            }
        }
        byte(34)
    }

    /// Sixteen lower-case hexadecimal digits.
    public func hexadecimal(_ value: UInt64) {
        for shift in stride(from: 60, through: 0, by: -4) {
            byte(MessageBuilder.hex(UInt8(truncatingIfNeeded: value >> UInt64(shift)) & 15))
        }
    }

    private static func hex(_ nibble: UInt8) -> UInt8 { nibble < 10 ? 48 + nibble : 87 + nibble }

    /// Ends the message and lends its segments. They stay valid until the next `reset`.
    public func finish() -> UnsafeBufferPointer<ByteSegment> {
        closeRun()
        return UnsafeBufferPointer(start: segments, count: segmentCount)
    }

    /// Copies the message into an array that is kept for the purpose: no allocation once it is large enough.
    public func copy(into array: inout [UInt8]) {
        array.removeAll(keepingCapacity: true)
        for part in finish() {
            array.append(contentsOf: UnsafeBufferPointer(start: part.pointer, count: Int(part.count)))
        }
    }

    /// The message as one owned array, for what must outlive the loop turn.
    public func joined() -> [UInt8] {
        let parts = finish()
        var total = 0
        for part in parts { total += Int(part.count) }
        return [UInt8](unsafeUninitializedCapacity: total) { out, count in
            var at = 0
            for part in parts {
                if let pointer = part.pointer, let base = out.baseAddress {
                    (base + at).update(from: pointer, count: Int(part.count))
                }
                at += Int(part.count)
            }
            count = total
        }
    }
}
