// SPDX-License-Identifier: Apache-2.0
// A request's arguments, read with errors that the client can act on.

/// The arguments of a tool or prompt. The host passes on what the client sent, whatever the schema says:
/// every reading checks. A wrong or missing argument throws ``ToolArgumentError``; `null` counts as missing.
public struct Arguments: Sendable {
    /// The whole object.
    public let json: JSONReader

    /// Whether the client gave this argument.
    public func has(_ name: String) -> Bool { value(name) != nil }

    /// A string.
    public func text(_ name: String) throws(ToolArgumentError) -> String {
        try required(name, "a string") { $0.text }
    }
    /// A string, or what stands for none.
    public func text(_ name: String, default: String) throws(ToolArgumentError) -> String {
        try optional(name, "a string") { $0.text } ?? `default`
    }
    /// A string out of a few.
    public func text(_ name: String, of choices: [String], default: String? = nil) throws(ToolArgumentError)
        -> String
    {
        let expected = "one of \(choices.joined(separator: ", "))"
        let read = { (value: JSONReader) in value.text.flatMap { choices.contains($0) ? $0 : nil } }
        if let `default` { return try optional(name, expected, read) ?? `default` }
        return try required(name, expected, read)
    }

    /// An integer within a range; required if it has no default.
    public func integer(
        _ name: String, in range: ClosedRange<Int> = Int.min...Int.max, default: Int? = nil
    ) throws(ToolArgumentError) -> Int {
        let all = Int.min...Int.max
        let expected =
            range == all ? "an integer" : "an integer from \(range.lowerBound) to \(range.upperBound)"
        let read = { (value: JSONReader) in value.integer.flatMap { range.contains($0) ? $0 : nil } }
        if let `default` { return try optional(name, expected, read) ?? `default` }
        return try required(name, expected, read)
    }

    /// A number within a range; required if it has no default.
    public func number(
        _ name: String, in range: ClosedRange<Double>? = nil, default: Double? = nil
    ) throws(ToolArgumentError) -> Double {
        let expected = range.map { "a number from \($0.lowerBound) to \($0.upperBound)" } ?? "a number"
        let read = { (value: JSONReader) in value.real.flatMap { range?.contains($0) ?? true ? $0 : nil } }
        if let `default` { return try optional(name, expected, read) ?? `default` }
        return try required(name, expected, read)
    }

    /// True or false; required if it has no default.
    public func flag(_ name: String, default: Bool? = nil) throws(ToolArgumentError) -> Bool {
        if let `default` { return try optional(name, "true or false") { $0.bool } ?? `default` }
        return try required(name, "true or false") { $0.bool }
    }

    /// An array of strings; empty when it was not given.
    public func texts(_ name: String) throws(ToolArgumentError) -> [String] {
        try optional(name, "an array of strings") { value in
            guard value.kind == .array else { return nil }
            let elements = value.elements
            let texts = elements.compactMap(\.text)
            return texts.count == elements.count ? texts : nil
        } ?? []
    }

    private func value(_ name: String) -> JSONReader? { json[name].flatMap { $0.isNull ? nil : $0 } }

    private func optional<Value>(
        _ name: String, _ expected: String, _ read: (JSONReader) -> Value?
    ) throws(ToolArgumentError) -> Value? {
        guard let value = value(name) else { return nil }
        guard let read = read(value) else {
            throw ToolArgumentError("argument '\(name)' must be \(expected)")
        }
        return read
    }

    private func required<Value>(
        _ name: String, _ expected: String, _ read: (JSONReader) -> Value?
    ) throws(ToolArgumentError) -> Value {
        guard let value = try optional(name, expected, read) else {
            throw ToolArgumentError("argument '\(name)' is missing; it must be \(expected)")
        }
        return value
    }
}
