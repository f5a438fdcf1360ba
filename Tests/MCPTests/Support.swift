// SPDX-License-Identifier: Apache-2.0
// What the MCP tests share: texts as nodes and bytes, built messages as JSON values.

import JSON
import MCP
import Testing

/// Parses a text and lends its root.
func withRoot<Value>(_ text: String, _ body: (JSONNode) throws -> Value) throws -> Value {
    try JSONText(text).withRoot { root in try body(root) }
}

/// Lends the UTF-8 of a text.
func withBytes<Value>(_ text: String, _ body: (UnsafeRawBufferPointer) throws -> Value) rethrows -> Value {
    try Array(text.utf8).withUnsafeBytes { try body($0) }
}

/// The text of a finished message.
func text(_ out: MessageBuilder) -> String { String(decoding: out.joined(), as: UTF8.self) }

/// A finished message as a value. Fails where it is not JSON, or where an object names a member twice.
func value(_ out: MessageBuilder, sourceLocation: SourceLocation = #_sourceLocation) throws -> JSONValue {
    let value = try JSONValue(parsing: out.joined())
    #expect(repeatedKeys(value) == [], "in \(value)", sourceLocation: sourceLocation)
    return value
}

/// Names that some object inside a value holds more than once.
func repeatedKeys(_ value: JSONValue) -> [String] {
    switch value {
    case .array(let elements): return elements.flatMap { repeatedKeys($0) }
    case .object(let members):
        var seen: Set<String> = []
        let own = members.map(\.key).filter { !seen.insert($0).inserted }
        return own + members.flatMap { repeatedKeys($0.value) }
    default: return []
    }
}

/// Expects two values to be the same JSON, whatever the order of members.
func expectSame(_ built: JSONValue, _ wanted: String, sourceLocation: SourceLocation = #_sourceLocation)
    throws
{
    let wanted = try JSONValue(parsing: wanted)
    #expect(built.isEqual(to: wanted), "built \(built), wanted \(wanted)", sourceLocation: sourceLocation)
}

let identity: StaticString = #"{"name":"gw","version":"1"}"#
let identityText = #"{"name":"gw","version":"1"}"#
