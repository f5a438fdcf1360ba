// SPDX-License-Identifier: Apache-2.0
// The chain of an audit log: lines of JSON, each with the digest of the one before and of itself.

import JSON

/// The form of lines, for whoever writes and whoever checks them.
///
/// A line is `{"seq":N,"prev":"HEX",…,"hash":"HEX"}`: `hash` is the SHA-256 of the line's bytes before `,"hash"`, `prev` the
/// `hash` of the line before. The bytes as they stand are what counts, so nothing has to be put into another form to check
/// them.
enum AuditChain {
    /// What the first record of all names as the one before.
    static let origin = [UInt8](repeating: UInt8(ascii: "0"), count: 64)
    /// Bytes behind what is hashed: `,"hash":"` 64 digits `"}`.
    static let tail = 9 + 64 + 2
    private static let hashMember = Array(",\"hash\":\"".utf8)
    static let signatureMember = Array(",\"signature\":\"".utf8)

    /// Ends a line that was begun at `start`: adds its digest, and gives it.
    static func close(_ writer: inout JSONWriter, from start: Int) -> [UInt8] {
        let digest = writer.bytes.withUnsafeBytes {
            SHA256.digest(of: UnsafeRawBufferPointer(rebasing: $0[start...]))
        }
        let hex = hexadecimal(digest)
        writer.bytes.append(contentsOf: hashMember)
        writer.bytes.append(contentsOf: hex)
        writer.bytes.append(contentsOf: "\"}\n".utf8)
        return hex
    }

    /// Where the hashed part of a line ends, if the line has the form, and the digest that it says.
    static func split(_ line: UnsafeRawBufferPointer) -> (body: UnsafeRawBufferPointer, hash: [UInt8])? {
        let end = line.count - tail
        guard end > 1, line[line.count - 1] == UInt8(ascii: "}"), line[line.count - 2] == UInt8(ascii: "\""),
            line[end..<(end + 9)].elementsEqual(hashMember)
        else { return nil }
        return (UnsafeRawBufferPointer(rebasing: line[..<end]), [UInt8](line[(end + 9)..<(end + 73)]))
    }

    /// What a signature is made of: the bytes before its member. The signature: 128 digits at the end of the body.
    static func splitSigned(
        _ body: UnsafeRawBufferPointer
    ) -> (message: UnsafeRawBufferPointer, signature: [UInt8])? {
        let end = body.count - 128 - 1 - signatureMember.count
        guard end > 1, body[body.count - 1] == UInt8(ascii: "\""),
            body[end..<(end + signatureMember.count)].elementsEqual(signatureMember),
            let signature = bytes(ofHexadecimal: body[(end + signatureMember.count)..<(body.count - 1)])
        else { return nil }
        return (UnsafeRawBufferPointer(rebasing: body[..<end]), signature)
    }

    static func hexadecimal(_ digest: SHA256Digest) -> [UInt8] {
        var text: [UInt8] = []
        text.reserveCapacity(64)
        for index in digest.words.indices {
            for shift in stride(from: 28, through: 0, by: -4) {
                let digit = UInt8(truncatingIfNeeded: digest.words[index] >> UInt32(shift)) & 0xf
                text.append(digit < 10 ? 48 + digit : 87 + digit)
            }
        }
        return text
    }

    static func hexadecimal(_ bytes: [UInt8]) -> [UInt8] {
        bytes.flatMap { byte -> [UInt8] in
            [byte >> 4, byte & 0xf].map { $0 < 10 ? 48 + $0 : 87 + $0 }
        }
    }

    /// Lower-case digits only: a record has one spelling.
    static func bytes(ofHexadecimal digits: some Collection<UInt8>) -> [UInt8]? {
        var bytes: [UInt8] = []
        var high: UInt8?
        for digit in digits {
            guard let value = hexadecimalValue(digit) else { return nil }
            if let first = high {
                bytes.append(first << 4 | value)
                high = nil
            } else {
                high = value
            }
        }
        return high == nil ? bytes : nil
    }
}

/// The names of an audit log's files.
enum AuditFiles {
    static let head = "audit-head.json"
    static let lock = "audit.lock"

    static func name(_ number: Int) -> String {
        let digits = String(number)
        return "audit-" + String(repeating: "0", count: max(0, 6 - digits.count)) + digits + ".jsonl"
    }

    static func number(_ name: String) -> Int? {
        guard name.hasPrefix("audit-"), name.hasSuffix(".jsonl") else { return nil }
        let digits = name.dropFirst(6).dropLast(6)
        guard digits.count >= 6, digits.utf8.allSatisfy({ (48...57).contains($0) }), let number = Int(digits)
        else { return nil }
        return Self.name(number) == name ? number : nil
    }

    /// Numbers of the files in a directory, ascending; nil with errno.
    static func found(_ directory: String) -> [Int]? {
        directoryEntries(directory).map { $0.compactMap(number).sorted() }
    }
}
