// SPDX-License-Identifier: Apache-2.0
// Reads JSON (RFC 8259), with the comments and trailing commas that editors allow in their settings.
//
// libyaml refuses some valid JSON (surrogate pairs, keys of over 1024 characters, DEL), so JSON has its own
// reader.

/// Feeds the events of one JSON document to a builder.
func readJSON(_ source: SourceText, into builder: inout TreeBuilder) throws(SyntaxFailure) {
    var reader = JSONReader(bytes: source.bytes)
    try reader.document(into: &builder)
}

private struct JSONReader {
    let bytes: [UInt8]
    private var index = 0
    private var line = 1
    private var column = 1

    init(bytes: [UInt8]) { self.bytes = bytes }

    private var position: SourcePosition { SourcePosition(line: line, column: column) }

    private var here: UInt8? { index < bytes.count ? bytes[index] : nil }

    private mutating func advance() {
        let byte = bytes[index]
        index += 1
        if byte == 0x0A || (byte == 0x0D && here != 0x0A) {
            line += 1
            column = 1
        } else if byte & 0xC0 != 0x80 {
            column += 1
        }
    }

    /// What may follow inside the containers that are open.
    private enum Expected { case value, valueOrEnd, key, keyOrEnd, separator }

    mutating func document(into builder: inout TreeBuilder) throws(SyntaxFailure) {
        var isObject: [Bool] = []
        var expected = Expected.value
        repeat {
            try skipBlanks()
            switch expected {
            case .separator:
                try separator(&isObject, &expected, &builder)
                if isObject.isEmpty { break }
            case .keyOrEnd where here == UInt8(ascii: "}"), .valueOrEnd where here == UInt8(ascii: "]"):
                advance()
                isObject.removeLast()
                try builder.end()
                expected = .separator
            case .key, .keyOrEnd:
                try key(into: &builder)
                expected = .value
            case .value, .valueOrEnd:
                try value(&isObject, &expected, &builder)
            }
        } while !isObject.isEmpty
        try skipBlanks()
        if here != nil { throw SyntaxFailure(position, "text after the end of the JSON document") }
    }

    private mutating func separator(
        _ isObject: inout [Bool], _ expected: inout Expected, _ builder: inout TreeBuilder
    ) throws(SyntaxFailure) {
        let inObject = isObject[isObject.count - 1]
        let close = UInt8(ascii: inObject ? "}" : "]")
        if here == UInt8(ascii: ",") {
            advance()
            // Editors let a comma stand before the closing bracket.
            expected = inObject ? .keyOrEnd : .valueOrEnd
        } else if here == close {
            advance()
            isObject.removeLast()
            try builder.end()
        } else {
            throw unexpected("\",\" or \"\(inObject ? "}" : "]")\"")
        }
    }

    private mutating func key(into builder: inout TreeBuilder) throws(SyntaxFailure) {
        guard here == UInt8(ascii: "\"") else { throw unexpected("a key in double quotes") }
        let start = position
        let text = try string()
        try builder.scalar(.init(text: text, style: .quoted), at: start)
        try skipBlanks()
        guard here == UInt8(ascii: ":") else { throw unexpected("\":\"") }
        advance()
    }

    private mutating func value(
        _ isObject: inout [Bool], _ expected: inout Expected, _ builder: inout TreeBuilder
    ) throws(SyntaxFailure) {
        let start = position
        expected = .separator
        switch here {
        case UInt8(ascii: "{"):
            try builder.begin(mapping: true, at: start)
            advance()
            isObject.append(true)
            expected = .keyOrEnd
        case UInt8(ascii: "["):
            try builder.begin(mapping: false, at: start)
            advance()
            isObject.append(false)
            expected = .valueOrEnd
        case UInt8(ascii: "\""):
            try builder.scalar(.init(text: try string(), style: .quoted), at: start)
        default:
            let from = index
            while let byte = here, isWordByte(byte) { advance() }
            let word = String(decoding: bytes[from..<index], as: UTF8.self)
            guard ["true", "false", "null"].contains(word) || isJSONNumber(word) else {
                if word.isEmpty { throw unexpected("a value") }
                throw SyntaxFailure(
                    start, "\(quoted(word)) is not a JSON value; text stands in double quotes")
            }
            try builder.scalar(.init(text: word, style: .plain), at: start)
        }
    }

    private func isWordByte(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2B, 0x2D, 0x2E, 0x5F, 0x80...: true
        default: false
        }
    }

    private mutating func skipBlanks() throws(SyntaxFailure) {
        while let byte = here {
            switch byte {
            case 0x20, 0x09, 0x0A, 0x0D: advance()
            case UInt8(ascii: "/"): try skipComment()
            default: return
            }
        }
    }

    private mutating func skipComment() throws(SyntaxFailure) {
        let start = position
        advance()
        switch here {
        case UInt8(ascii: "/"):
            while let byte = here, byte != 0x0A, byte != 0x0D { advance() }
        case UInt8(ascii: "*"):
            advance()
            while let byte = here {
                advance()
                if byte == UInt8(ascii: "*"), here == UInt8(ascii: "/") { return advance() }
            }
            throw SyntaxFailure(start, "this comment has no end")
        default: throw SyntaxFailure(start, "unexpected \"/\"")
        }
    }

    private mutating func string() throws(SyntaxFailure) -> String {
        let start = position
        advance()
        var text: [UInt8] = []
        while let byte = here {
            switch byte {
            case UInt8(ascii: "\""):
                advance()
                return String(decoding: text, as: UTF8.self)
            case UInt8(ascii: "\\"): try escape(into: &text)
            case 0x0A, 0x0D: throw SyntaxFailure(start, "this text has no closing quote on its line")
            case ..<0x20:
                throw SyntaxFailure(
                    position, "a control character in a JSON text; write it as an escape such as \\t")
            default:
                text.append(byte)
                advance()
            }
        }
        throw SyntaxFailure(start, "this text has no closing quote")
    }

    private mutating func escape(into text: inout [UInt8]) throws(SyntaxFailure) {
        let start = position
        advance()
        guard let letter = here else { throw SyntaxFailure(start, "an escape without its letter") }
        advance()
        switch letter {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(letter)
        case UInt8(ascii: "b"): text.append(0x08)
        case UInt8(ascii: "f"): text.append(0x0C)
        case UInt8(ascii: "n"): text.append(0x0A)
        case UInt8(ascii: "r"): text.append(0x0D)
        case UInt8(ascii: "t"): text.append(0x09)
        case UInt8(ascii: "u"):
            var value = try hex4(start)
            if value & 0xFC00 == 0xD800, here == UInt8(ascii: "\\"),
                index + 1 < bytes.count, bytes[index + 1] == UInt8(ascii: "u")
            {
                advance()
                advance()
                let low = try hex4(start)
                if low & 0xFC00 == 0xDC00 { value = 0x10000 + (value & 0x3FF) << 10 + (low & 0x3FF) }
            }
            guard let scalar = Unicode.Scalar(value) else {
                throw SyntaxFailure(start, "half of a surrogate pair")
            }
            text.append(contentsOf: Array(String(Character(scalar)).utf8))
        default:
            let shown = letter < 0x80 ? String(Character(Unicode.Scalar(letter))) : "…"
            throw SyntaxFailure(start, "JSON knows no escape \(quoted("\\" + shown))")
        }
    }

    private mutating func hex4(_ start: SourcePosition) throws(SyntaxFailure) -> UInt32 {
        var value: UInt32 = 0
        for _ in 0..<4 {
            guard let byte = here, let digit = Character(Unicode.Scalar(byte)).hexDigitValue else {
                throw SyntaxFailure(start, "\\u needs four hexadecimal digits")
            }
            value = value << 4 | UInt32(digit)
            advance()
        }
        return value
    }

    private func unexpected(_ expected: String) -> SyntaxFailure {
        guard let byte = here else {
            return SyntaxFailure(position, "expected \(expected), found the end of the file")
        }
        if byte == UInt8(ascii: "\"") { return SyntaxFailure(position, "expected \(expected), found a text") }
        let character = byte < 0x80 ? String(Character(Unicode.Scalar(byte))) : "…"
        return SyntaxFailure(position, "expected \(expected), found \(quoted(character))")
    }
}
