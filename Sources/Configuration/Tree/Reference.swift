// SPDX-License-Identifier: Apache-2.0
// The syntax of `${env:NAME}`, `${env:NAME:-default}`, `${file:PATH}` and `$${`.

/// Which references a file may hold.
enum ReferenceSyntax {
    /// `${env:NAME}`, `${env:NAME:-default}`, `${file:PATH}`; anything else in `${…}` is an error.
    case native
    /// Those, and what clients' files hold: `${NAME}`, `${input:…}`, `${workspaceFolder}`.
    case client
}

/// A piece of a scalar.
enum ReferencePart: Equatable {
    case literal(String)
    /// The text between `${` and `}`, and which `${` of the scalar it is, from 0.
    case reference(String, number: Int)
    /// A `${` without its `}`.
    case unterminated(number: Int)
}

/// What a reference names.
enum ReferenceTarget: Equatable {
    case variable(String, defaultValue: String?)
    case file(String)
    /// `${input:ID}` of a client's file: a question to the editor's user.
    case input(String)
    /// Any other `kind:name` or a bare name.
    case other(String)
}

/// Cuts a scalar into literals and references. `$${` is a literal `${`.
func referenceParts(of text: String) -> [ReferencePart] {
    let bytes = Array(text.utf8)
    var parts: [ReferencePart] = []
    var literal: [UInt8] = []
    var number = 0
    var index = 0
    func isOpening(_ at: Int) -> Bool {
        at + 1 < bytes.count && bytes[at] == UInt8(ascii: "$") && bytes[at + 1] == UInt8(ascii: "{")
    }
    func flush() {
        if !literal.isEmpty { parts.append(.literal(String(decoding: literal, as: UTF8.self))) }
        literal = []
    }
    while index < bytes.count {
        if bytes[index] == UInt8(ascii: "$"), isOpening(index + 1) {
            literal += [UInt8(ascii: "$"), UInt8(ascii: "{")]
            index += 3
            number += 1
        } else if isOpening(index) {
            flush()
            guard let close = bytes[index...].firstIndex(of: UInt8(ascii: "}")) else {
                parts.append(.unterminated(number: number))
                return parts
            }
            parts.append(
                .reference(String(decoding: bytes[(index + 2)..<close], as: UTF8.self), number: number))
            number += 1 + openings(in: bytes[(index + 2)..<close])
            index = close + 1
        } else {
            literal.append(bytes[index])
            index += 1
        }
    }
    flush()
    return parts
}

/// A `${` inside a reference is no reference of its own, but counts for the place of the next one.
private func openings(in bytes: ArraySlice<UInt8>) -> Int {
    zip(bytes, bytes.dropFirst()).reduce(0) { $1 == (UInt8(ascii: "$"), UInt8(ascii: "{")) ? $0 + 1 : $0 }
}

/// What the text between `${` and `}` names.
func referenceTarget(_ body: String, syntax: ReferenceSyntax) -> ReferenceTarget {
    if body.hasPrefix("env:") { return variable(body.dropFirst(4)) ?? .other(body) }
    if body.hasPrefix("file:"), body.utf8.count > 5 { return .file(String(body.dropFirst(5))) }
    guard syntax == .client else { return .other(body) }
    if body.hasPrefix("input:") { return .input(String(body.dropFirst(6))) }
    return variable(body[...]) ?? .other(body)
}

/// `NAME` or `NAME:-default`.
private func variable(_ text: Substring) -> ReferenceTarget? {
    let name = text.prefix { $0 != ":" }
    guard isVariableName(name) else { return nil }
    let rest = text[name.endIndex...]
    if rest.isEmpty { return .variable(String(name), defaultValue: nil) }
    guard rest.hasPrefix(":-") else { return nil }
    return .variable(String(name), defaultValue: String(rest.dropFirst(2)))
}

/// `[A-Za-z_][A-Za-z0-9_]*`
func isVariableName(_ text: Substring) -> Bool {
    guard let first = text.utf8.first, !(0x30...0x39).contains(first) else { return false }
    return text.utf8.allSatisfy { byte in
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x5F: true
        default: false
        }
    }
}

/// The variable name that is nearest to any text: `api-key` becomes `API_KEY`.
func variableName(like text: String) -> String {
    var name = ""
    for byte in text.utf8.prefix(64) {
        switch byte {
        case 0x61...0x7A: name.unicodeScalars.append(Unicode.Scalar(byte - 0x20))
        case 0x30...0x39, 0x41...0x5A: name.unicodeScalars.append(Unicode.Scalar(byte))
        default: name += "_"
        }
    }
    return isVariableName(name[...]) ? name : "V_" + name
}
