// SPDX-License-Identifier: Apache-2.0
// Values of a configuration file as JSON text (RFC 8259).

/// Whether JSON text may hold what references stand for.
enum SecretText { case plain, hidden }

/// Whether `text` is a number by the grammar of JSON: no `+`, no leading zeros, no `0x`, no `.5`.
func isJSONNumber(_ text: String) -> Bool {
    var bytes = text.utf8[...]
    func digits() -> Int {
        let run = bytes.prefix { (0x30...0x39).contains($0) }
        bytes = bytes[run.endIndex...]
        return run.count
    }
    func take(_ choices: UInt8...) -> Bool {
        guard let first = bytes.first, choices.contains(first) else { return false }
        bytes = bytes.dropFirst()
        return true
    }
    _ = take(0x2D)
    if !take(0x30) { guard digits() > 0 else { return false } }
    if take(0x2E) { guard digits() > 0 else { return false } }
    if take(0x65, 0x45) {
        _ = take(0x2B, 0x2D)
        guard digits() > 0 else { return false }
    }
    return bytes.isEmpty
}

/// The text as a JSON string with its quotes.
func jsonString(_ text: String) -> String {
    var out = ""
    appendJSONString(text, to: &out)
    return out
}

func appendJSONString(_ text: String, to out: inout String) {
    out += "\""
    for scalar in text.unicodeScalars {
        switch scalar {
        case "\"": out += "\\\""
        case "\\": out += "\\\\"
        case "\n": out += "\\n"
        case "\r": out += "\\r"
        case "\t": out += "\\t"
        case _ where scalar.value < 0x20 || scalar.value == 0x7F:
            let digits = String(scalar.value, radix: 16)
            out += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
        default: out.unicodeScalars.append(scalar)
        }
    }
    out += "\""
}

/// A scalar as JSON. Numbers keep their spelling.
func appendJSONScalar(_ scalar: ConfigurationNode.Scalar, secrets: SecretText, to out: inout String) {
    if scalar.isSecret && secrets == .hidden { return appendJSONString(scalar.shown, to: &out) }
    switch scalar.kind {
    case .null: out += "null"
    case .boolean, .number: out += scalar.text
    default: appendJSONString(scalar.text, to: &out)
    }
}

/// A value as JSON, as it stands in the file.
func jsonText(of node: ConfigurationNode, secrets: SecretText) -> String {
    var out = ""
    appendJSON(node, secrets: secrets, to: &out)
    return out
}

private func appendJSON(_ node: ConfigurationNode, secrets: SecretText, to out: inout String) {
    switch node.content {
    case .scalar(let scalar): appendJSONScalar(scalar, secrets: secrets, to: &out)
    case .sequence(let items):
        out += "["
        for (index, item) in items.enumerated() {
            if index > 0 { out += "," }
            appendJSON(item, secrets: secrets, to: &out)
        }
        out += "]"
    case .mapping(let entries):
        out += "{"
        for (index, entry) in entries.enumerated() {
            if index > 0 { out += "," }
            appendJSONString(entry.key, to: &out)
            out += ":"
            appendJSON(entry.value, secrets: secrets, to: &out)
        }
        out += "}"
    }
}
