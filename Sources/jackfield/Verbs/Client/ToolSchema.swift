// SPDX-License-Identifier: Apache-2.0
// What a tool's inputSchema says about its arguments, as far as a command line needs it.

import JSON

/// The arguments of a tool.
struct ToolSchema {
    /// One property of the schema.
    struct Argument {
        let name: String
        let isRequired: Bool
        /// JSON Schema's names of the types that it may have; empty: any.
        let types: Set<String>
        /// Values that it must be one of; empty: any.
        let choices: [JSONValue]

        /// `text*:string`, `level:info|debug`.
        var label: String {
            var text = name + (isRequired ? "*" : "")
            let words = choices.compactMap(\.string)
            if !words.isEmpty, words.count == choices.count, words.joined().count <= 40 {
                text += ":" + words.joined(separator: "|")
            } else if !types.isEmpty {
                let known = ["string", "integer", "number", "boolean", "array", "object", "null"]
                text += ":" + known.filter { types.contains($0) && $0 != "null" }.joined(separator: "|")
                if types == ["null"] { text += "null" }
            }
            return text
        }
    }

    /// In the order of the schema.
    let arguments: [Argument]
    /// Whether arguments that it does not name may be given.
    let isOpen: Bool

    init(_ schema: JSONValue?) {
        let root = schema ?? [:]
        let required = Set((root["required"]?.array ?? []).compactMap(\.string))
        arguments = (root["properties"]?.object ?? []).map { member in
            var types: Set<String> = []
            var choices: [JSONValue] = []
            ToolSchema.read(member.value, root, depth: 0, &types, &choices)
            return Argument(
                name: member.key, isRequired: required.contains(member.key), types: types, choices: choices)
        }
        isOpen = root["additionalProperties"]?.bool != false
    }

    func argument(_ name: String) -> Argument? { arguments.first { $0.name == name } }

    /// Collects the types of a schema through `anyOf`, `oneOf`, `allOf` and local references.
    private static func read(
        _ schema: JSONValue, _ root: JSONValue, depth: Int, _ types: inout Set<String>,
        _ choices: inout [JSONValue]
    ) {
        guard depth < 8 else { return }
        if let name = schema["type"]?.string { types.insert(name) }
        for name in schema["type"]?.array ?? [] { if let name = name.string { types.insert(name) } }
        if let constant = schema["const"] { choices.append(constant) }
        choices += schema["enum"]?.array ?? []
        if let reference = schema["$ref"]?.string, reference.hasPrefix("#"),
            let target = JSONPointer(String(reference.dropFirst()))?.find(in: root)
        {
            read(target, root, depth: depth + 1, &types, &choices)
        }
        for keyword in ["anyOf", "oneOf", "allOf"] {
            for part in schema[keyword]?.array ?? [] { read(part, root, depth: depth + 1, &types, &choices) }
        }
    }
}

extension ToolSchema.Argument {
    /// Why a text is no value for the argument.
    struct Mismatch: Error, Equatable {
        let message: String
    }

    /// The value that a text on the command line stands for: the text itself where the schema takes
    /// strings or says nothing, JSON otherwise.
    func value(of text: String) throws(Mismatch) -> JSONValue {
        if types.isEmpty, !choices.isEmpty {
            if choices.contains(.string(text)) { return .string(text) }
            if let parsed = try? JSONValue(parsing: text), choices.contains(parsed) { return parsed }
            let all = choices.map { $0.string ?? $0.description }.joined(separator: ", ")
            throw Mismatch(message: "\(name): '\(text)' is not one of \(all)")
        }
        if types.isEmpty || types.contains("string") { return .string(text) }
        guard let parsed = try? JSONValue(parsing: text), isOfType(parsed) else {
            let wanted = types.sorted().joined(separator: " or ")
            throw Mismatch(message: "\(name): '\(text)' is not of type \(wanted)")
        }
        return parsed
    }

    private func isOfType(_ value: JSONValue) -> Bool {
        switch value {
        case .null: types.contains("null")
        case .bool: types.contains("boolean")
        case .string: types.contains("string")
        case .array: types.contains("array")
        case .object: types.contains("object")
        case .number: types.contains("number") || types.contains("integer") && isWhole(value)
        }
    }

    private func isWhole(_ value: JSONValue) -> Bool {
        value.double.map { $0 == $0.rounded() } ?? false
    }
}
