// SPDX-License-Identifier: Apache-2.0
// MCP results as people read them.

import JSON

/// A content block (2026-07-28 "ContentBlock"): text as it is, everything else as a note in brackets.
func contentText(_ block: JSONValue) -> String {
    switch block["type"]?.string {
    case "text": return block["text"]?.string ?? ""
    case "image", "audio":
        let bytes = block["data"]?.string.map(base64Size) ?? 0
        return "[\(block["mimeType"]?.string ?? "unknown type"), \(bytes) bytes]"
    case "resource_link":
        let title = block["title"]?.string ?? block["name"]?.string
        return "[\(block["uri"]?.string ?? "")\(title.map { ": \($0)" } ?? "")]"
    case "resource":
        guard let resource = block["resource"] else { return "[resource]" }
        if let text = resource["text"]?.string { return text }
        return blobText(resource)
    default:
        return block.description
    }
}

/// `[application/pdf, 1234 bytes, test://file]`
func blobText(_ resource: JSONValue) -> String {
    let type = resource["mimeType"]?.string ?? "application/octet-stream"
    let bytes = resource["blob"]?.string.map(base64Size) ?? 0
    return "[\(type), \(bytes) bytes\(resource["uri"]?.string.map { ", \($0)" } ?? "")]"
}

/// The result of a tool: its content, or its structured content where there is no text.
func toolResultText(_ result: JSONValue) -> String {
    let blocks = result["content"]?.array ?? []
    let hasText = blocks.contains { block in
        block["type"]?.string == "text" && block["text"]?.string?.isEmpty == false
    }
    var parts = blocks.map(contentText).filter { !$0.isEmpty }
    if !hasText, let structured = result["structuredContent"], !structured.isNull {
        parts.append(structured.pretty())
    }
    return parts.joined(separator: "\n")
}

/// A JSON-RPC error: its message, and what it carries.
func errorText(_ body: [UInt8]) -> String {
    guard let error = try? JSONValue(parsing: body) else { return "an error that cannot be read" }
    var text = error["message"]?.string ?? "an error without a message"
    if let code = error["code"]?.int { text += " (\(code))" }
    if let data = error["data"], !data.isNull { text += ": \(data.string ?? data.description)" }
    return text
}

/// Bytes behind a base64 text.
func base64Size(_ text: String) -> Int {
    let digits = text.utf8.reduce(0) { $0 + (isBase64Digit($1) ? 1 : 0) }
    return digits * 3 / 4
}

private func isBase64Digit(_ byte: UInt8) -> Bool { base64Value(byte) != nil }

private func base64Value(_ byte: UInt8) -> UInt32? {
    switch byte {
    case 0x41...0x5A: UInt32(byte - 0x41)
    case 0x61...0x7A: UInt32(byte - 0x61 + 26)
    case 0x30...0x39: UInt32(byte - 0x30 + 52)
    case 0x2B, 0x2D: 62
    case 0x2F, 0x5F: 63
    default: nil
    }
}

/// The bytes of a base64 text (RFC 4648, both alphabets); nil: it is none.
func base64Bytes(_ text: String) -> [UInt8]? {
    var out: [UInt8] = []
    out.reserveCapacity(text.utf8.count * 3 / 4)
    var bits: UInt32 = 0
    var count = 0
    var isOver = false
    for byte in text.utf8 {
        if byte == 0x3D {
            isOver = true
            continue
        }
        if byte == 10 || byte == 13 { continue }
        guard !isOver, let value = base64Value(byte) else { return nil }
        bits = bits << 6 | value
        count += 6
        if count >= 8 {
            count -= 8
            out.append(UInt8(truncatingIfNeeded: bits >> UInt32(count)))
        }
    }
    return count < 6 ? out : nil
}

/// Text for standard output: on a terminal without control characters, elsewhere as it is. Ends with
/// a line feed.
func shown(_ text: String) -> String {
    let text = standardOutput.isTerminal ? printable(text, keepsLines: true) : text
    return text.isEmpty || text.hasSuffix("\n") ? text : text + "\n"
}

/// JSON for standard output: laid out for people on a terminal, as it came elsewhere.
func printJSON(_ body: [UInt8]) {
    if standardOutput.isTerminal, let value = try? JSONValue(parsing: body) {
        standardOutput.write(value.pretty() + "\n")
    } else {
        standardOutput.write(body + [10])
    }
}
