// SPDX-License-Identifier: Apache-2.0
// Arguments that HTTP mirrors in `Mcp-Param-*` headers: `x-mcp-header` of a tool's input schema (MCP 2026-07-28).

import JSON
import MCP

/// One mirrored argument.
struct ParameterHeader: Sendable, Equatable {
    /// The annotation: the header is `Mcp-Param-` followed by it.
    let name: String
    /// The property path from the root of the arguments.
    let path: [String]

    /// All annotations of an input schema. Throws where one is invalid: the tool must then not be shown.
    static func all(in schema: JSONNode) throws(ListingProblem) -> [ParameterHeader] {
        // Most schemas have none; the text search is much cheaper than the walk.
        guard contains(schema.raw, "x-mcp-header") || contains(schema.raw, "\\u") else { return [] }
        var found: [ParameterHeader] = []
        try collect(schema, path: [], isReachable: true, depth: 0, into: &found)
        var names: Set<String> = []
        for header in found where !names.insert(header.name.lowercased()).inserted {
            throw ListingProblem("two properties share the x-mcp-header \"\(header.name)\"")
        }
        return found
    }

    private static func contains(_ bytes: UnsafeRawBufferPointer, _ needle: StaticString) -> Bool {
        let length = needle.utf8CodeUnitCount
        guard bytes.count >= length else { return false }
        for at in 0...(bytes.count - length) where bytes[at] == needle.utf8Start[0] {
            if UnsafeRawBufferPointer(rebasing: bytes[at..<at + length]).equals(needle) { return true }
        }
        return false
    }

    private static func collect(
        _ node: JSONNode, path: [String], isReachable: Bool, depth: Int, into found: inout [ParameterHeader]
    ) throws(ListingProblem) {
        guard depth < 64 else { throw ListingProblem("its input schema is nested too deeply") }
        switch node.kind {
        case .array:
            for element in node.elements {
                try collect(element, path: path, isReachable: false, depth: depth + 1, into: &found)
            }
        case .object:
            for member in node.members {
                if member.keyEquals("x-mcp-header") {
                    guard isReachable, !path.isEmpty else {
                        throw ListingProblem("an x-mcp-header stands where `properties` alone do not lead")
                    }
                    guard let name = member.value.string(), isToken(name) else {
                        throw ListingProblem("an x-mcp-header is not a valid header name part")
                    }
                    guard let type = node.member("type"),
                        type.equals("string") || type.equals("integer") || type.equals("boolean")
                    else {
                        throw ListingProblem(
                            "the property of x-mcp-header \"\(name)\" is not a string, integer or boolean")
                    }
                    found.append(ParameterHeader(name: name, path: path))
                } else if member.keyEquals("properties"), member.value.kind == .object {
                    for property in member.value.members {
                        try collect(
                            property.value, path: path + [property.keyString()], isReachable: isReachable,
                            depth: depth + 1, into: &found)
                    }
                } else {
                    try collect(
                        member.value, path: path, isReachable: false, depth: depth + 1, into: &found)
                }
            }
        default: break
        }
    }

    /// RFC 9110 token.
    private static func isToken(_ text: String) -> Bool {
        !text.isEmpty
            && text.utf8.allSatisfy { unit in
                switch unit {
                case 48...57, 65...90, 97...122: true
                case 33, 35...39, 42, 43, 45, 46, 94, 95, 96, 124, 126: true
                default: false
                }
            }
    }

    /// The argument's value as header text; nil where the argument is absent or null.
    func value(in arguments: JSONNode) -> String? {
        var node = arguments
        for name in path {
            guard let next = node.member(named: name) else { return nil }
            node = next
        }
        switch node.kind {
        case .string: return node.string()
        case .number: return node.int64.map(String.init)
        case .bool: return node.bool == true ? "true" : "false"
        default: return nil
        }
    }
}
