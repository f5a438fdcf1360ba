// SPDX-License-Identifier: Apache-2.0
// JSONValue: writing it out, compact or for people.

extension JSONValue: CustomStringConvertible {
    /// Compact JSON.
    public func serialized() -> [UInt8] {
        var out: [UInt8] = []
        append(to: &out)
        return out
    }

    /// JSON with one member or element per line, two spaces per level, without a final line feed.
    public func pretty() -> String {
        var out: [UInt8] = []
        append(to: &out, level: 0)
        return String(decoding: out, as: UTF8.self)
    }

    /// Compact JSON.
    public var description: String { String(decoding: serialized(), as: UTF8.self) }

    /// Appends compact JSON.
    public func append(to out: inout [UInt8]) { append(to: &out, level: nil) }

    private func append(to out: inout [UInt8], level: Int?) {
        switch self {
        case .null: appendASCII("null", to: &out)
        case .bool(let truth): appendASCII(truth ? "true" : "false", to: &out)
        case .number(let spelling): out.append(contentsOf: spelling.utf8)
        case .string(let text): Self.append(text, to: &out)
        case .array(let elements):
            let inner = level.map { $0 + 1 }
            out.append(UInt8(ascii: "["))
            for (position, element) in elements.enumerated() {
                if position > 0 { out.append(UInt8(ascii: ",")) }
                Self.breakLine(inner, &out)
                element.append(to: &out, level: inner)
            }
            if !elements.isEmpty { Self.breakLine(level, &out) }
            out.append(UInt8(ascii: "]"))
        case .object(let members):
            let inner = level.map { $0 + 1 }
            out.append(UInt8(ascii: "{"))
            for (position, member) in members.enumerated() {
                if position > 0 { out.append(UInt8(ascii: ",")) }
                Self.breakLine(inner, &out)
                Self.append(member.key, to: &out)
                out.append(UInt8(ascii: ":"))
                if inner != nil { out.append(UInt8(ascii: " ")) }
                member.value.append(to: &out, level: inner)
            }
            if !members.isEmpty { Self.breakLine(level, &out) }
            out.append(UInt8(ascii: "}"))
        }
    }

    private static func append(_ text: String, to out: inout [UInt8]) {
        var text = text
        text.withUTF8 { JSONWriter.appendQuoted(UnsafeRawBufferPointer($0), to: &out) }
    }

    private static func breakLine(_ level: Int?, _ out: inout [UInt8]) {
        guard let level else { return }
        out.append(UInt8(ascii: "\n"))
        out.append(contentsOf: repeatElement(UInt8(ascii: " "), count: 2 * level))
    }
}
