// SPDX-License-Identifier: Apache-2.0
// Reading a filter's verdict (filter.h) and applying its splices. The bytes are a plugin's: nothing in them is trusted.

import CJackfield

/// What a filter says of a passage.
struct FilterVerdict {
    enum Decision {
        case pass
        /// The body as it is to be from here on. Whether it is JSON has not been looked at.
        case changed([UInt8])
        /// A result object, as it says.
        case answer([UInt8])
        /// A link takes the place of a result that is kept.
        case spill(Spill)
    }

    /// What is to stand in place of a result. Whether it is JSON has not been looked at.
    struct Spill {
        /// How long the result is kept, in milliseconds.
        let ttl: UInt64
        /// Bytes that all kept results may have.
        let most: UInt64
        /// A result object that lacks the link.
        let preview: [UInt8]
        /// The result where it cannot be kept.
        let otherwise: [UInt8]
    }

    let decision: Decision
    let memory: UInt64

    /// - Parameters:
    ///   - verdict: the blob; empty: the passage goes on.
    ///   - body: what was shown.
    ///   - most: how large a body may become, in bytes.
    /// - Throws: what is wrong with it, as a clause.
    init(
        _ verdict: UnsafeRawBufferPointer, of body: UnsafeRawBufferPointer, most: Int
    ) throws(FilterProblem) {
        guard verdict.count > 0 else {
            decision = .pass
            memory = 0
            return
        }
        guard verdict.count >= MemoryLayout<jf_verdict>.size else {
            throw FilterProblem("its verdict has \(verdict.count) bytes, fewer than a verdict's head")
        }
        let head = verdict.loadUnaligned(as: jf_verdict.self)
        memory = head.memory
        let rest = UnsafeRawBufferPointer(rebasing: verdict[MemoryLayout<jf_verdict>.size...])
        switch Int(head.decision) {
        case JF_PASS: decision = .pass
        case JF_SPLICE: decision = .changed(try Self.spliced(body, rest, count: head.count, most: most))
        case JF_ANSWER:
            guard rest.count <= most else {
                throw FilterProblem("its answer has \(rest.count) bytes, more than \(most)")
            }
            decision = .answer([UInt8](rest))
        case JF_SPILL: decision = .spill(try Self.spill(body, rest, count: head.count, most: most))
        default: throw FilterProblem("its verdict says \(head.decision), which is no decision")
        }
    }

    private static func spill(
        _ body: UnsafeRawBufferPointer, _ rest: UnsafeRawBufferPointer, count: UInt32, most: Int
    ) throws(FilterProblem) -> Spill {
        let size = MemoryLayout<jf_spill>.size
        guard rest.count >= size else {
            throw FilterProblem("its verdict ends within the head of what is to be kept")
        }
        let head = rest.loadUnaligned(as: jf_spill.self)
        guard head.len <= UInt64(min(rest.count - size, most)) else {
            throw FilterProblem("its preview says \(head.len) bytes, more than the verdict has or may have")
        }
        guard head.ttl_ms >= 1, head.ttl_ms <= UInt64(JF_STORE_TTL_MOST) else {
            throw FilterProblem("it wants a result kept for \(head.ttl_ms) ms")
        }
        let end = size + Int(head.len)
        // Without splices the zeros may be left out.
        let splices = UnsafeRawBufferPointer(rebasing: rest[min((end + 7) & ~7, rest.count)...])
        return Spill(
            ttl: head.ttl_ms, most: head.most, preview: [UInt8](rest[size..<end]),
            otherwise: try spliced(body, splices, count: count, most: most))
    }

    private static func spliced(
        _ body: UnsafeRawBufferPointer, _ splices: UnsafeRawBufferPointer, count: UInt32, most: Int
    ) throws(FilterProblem) -> [UInt8] {
        let head = MemoryLayout<jf_splice>.size
        var out: [UInt8] = []
        out.reserveCapacity(min(body.count + splices.count, most))
        var at = 0
        var done = 0
        for number in 0..<count {
            guard splices.count - at >= head else {
                throw FilterProblem("its verdict announces \(count) splices and ends within number \(number)")
            }
            let splice = splices.loadUnaligned(fromByteOffset: at, as: jf_splice.self)
            at += head
            guard splice.start <= splice.end, splice.end <= UInt64(body.count) else {
                throw FilterProblem(
                    "splice \(number) covers bytes \(splice.start) to \(splice.end) of \(body.count)")
            }
            guard splice.start >= UInt64(done) else {
                throw FilterProblem("splice \(number) begins before the one before it ends")
            }
            guard splice.len <= UInt64(splices.count - at) else {
                throw FilterProblem(
                    "splice \(number) says \(splice.len) bytes, more than the verdict has left")
            }
            let length = Int(splice.len)
            let (start, end) = (Int(splice.start), Int(splice.end))
            guard out.count + (start - done) + length <= most else {
                throw FilterProblem("its splices make more than \(most) bytes")
            }
            out.append(contentsOf: UnsafeRawBufferPointer(rebasing: body[done..<start]))
            out.append(contentsOf: UnsafeRawBufferPointer(rebasing: splices[at..<(at + length)]))
            done = end
            // The last one's zeros may be left out.
            at = min(at + (length + 7) & ~7, splices.count)
        }
        guard at == splices.count else {
            throw FilterProblem("\(splices.count - at) bytes follow the last of its \(count) splices")
        }
        guard out.count + body.count - done <= most else {
            throw FilterProblem("its splices make more than \(most) bytes")
        }
        out.append(contentsOf: UnsafeRawBufferPointer(rebasing: body[done...]))
        return out
    }
}

/// What is wrong with what a filter said, as a clause.
struct FilterProblem: Error, Equatable {
    let message: String
    init(_ message: String) { self.message = message }
}
