// SPDX-License-Identifier: Apache-2.0
// The bytes of a configuration file, and the way from a byte to a line and column.

/// Bounds of what a configuration file may hold. Far above any real file: they keep a broken or hostile one
/// from taking the process down.
enum FileLimits {
    /// Bytes of a file.
    static let bytes = 8 << 20
    /// Levels of nesting, what aliases stand for included.
    static let depth = 64
    /// Cost of the tree in the sense of `ConfigurationNode.size`, what aliases repeat included.
    static let expanded = 64 << 20
    /// Bytes of a file that `${file:…}` names.
    static let referencedFile = 1 << 20
}

/// A file can't be read any further. Thrown by the readers; becomes one finding.
struct SyntaxFailure: Error {
    let position: SourcePosition
    let message: String
    var suggestion: String?

    init(_ position: SourcePosition, _ message: String, suggestion: String? = nil) {
        self.position = position
        self.message = message
        self.suggestion = suggestion
    }
}

/// The bytes of a configuration file: valid UTF-8, without a byte order mark.
struct SourceText {
    let bytes: [UInt8]

    /// Checks size and encoding.
    init(_ raw: [UInt8]) throws(SyntaxFailure) {
        guard raw.count <= FileLimits.bytes else {
            throw SyntaxFailure(
                .start, "the file has \(raw.count) bytes, more than \(FileLimits.bytes >> 20) MiB")
        }
        if raw.starts(with: [0xFF, 0xFE]) || raw.starts(with: [0xFE, 0xFF]) {
            throw SyntaxFailure(.start, "the file is UTF-16; save it as UTF-8")
        }
        bytes = raw.starts(with: [0xEF, 0xBB, 0xBF]) ? Array(raw.dropFirst(3)) : raw
        do {
            _ = try UTF8Span(validating: bytes.span)
        } catch {
            let offset = error.byteOffsets.lowerBound
            let value = "0x" + String(bytes[offset], radix: 16, uppercase: true)
            throw SyntaxFailure(
                position(ofByte: offset), "byte \(value) is not valid UTF-8; save the file as UTF-8")
        }
    }

    /// The line and column of a byte. Line breaks are those of YAML 1.1: LF, CR, CRLF, NEL, LS and PS.
    func position(ofByte offset: Int) -> SourcePosition {
        var line = 1
        var lineStart = 0
        while let next = endOfLine(from: lineStart), next <= offset {
            line += 1
            lineStart = next
        }
        let end = min(offset, bytes.count)
        let column = bytes[lineStart..<end].reduce(1) { $1 & 0xC0 == 0x80 ? $0 : $0 + 1 }
        return SourcePosition(line: line, column: column)
    }

    /// The byte at a line and column; the end of the line where the column lies beyond it.
    func byte(at position: SourcePosition) -> Int {
        var lineStart = 0
        for _ in 1..<max(position.line, 1) {
            guard let next = endOfLine(from: lineStart) else { break }
            lineStart = next
        }
        var offset = lineStart
        var column = 1
        while offset < bytes.count, column < position.column {
            offset += 1
            while offset < bytes.count, bytes[offset] & 0xC0 == 0x80 { offset += 1 }
            column += 1
        }
        return offset
    }

    /// Where the `number`th (from 0) `${` at or after a scalar's beginning stands.
    func position(ofReference number: Int, after start: SourcePosition) -> SourcePosition {
        var offset = byte(at: start)
        var left = number
        while offset + 1 < bytes.count {
            if bytes[offset] == UInt8(ascii: "$"), bytes[offset + 1] == UInt8(ascii: "{") {
                if left == 0 { return position(ofByte: offset) }
                left -= 1
            }
            offset += 1
        }
        return start
    }

    /// The first byte after the line that begins at `start`; nil on the last line.
    private func endOfLine(from start: Int) -> Int? {
        var index = start
        while index < bytes.count {
            switch bytes[index] {
            case 0x0A: return index + 1
            case 0x0D: return index + 1 < bytes.count && bytes[index + 1] == 0x0A ? index + 2 : index + 1
            case 0xC2 where index + 1 < bytes.count && bytes[index + 1] == 0x85: return index + 2
            case 0xE2
            where index + 2 < bytes.count && bytes[index + 1] == 0x80 && bytes[index + 2] & 0xFE == 0xA8:
                return index + 3
            default: index += 1
            }
        }
        return nil
    }
}
