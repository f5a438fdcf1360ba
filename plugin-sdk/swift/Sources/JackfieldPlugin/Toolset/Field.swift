// SPDX-License-Identifier: Apache-2.0
// Fields of a tool's input or output, from which its JSON Schema is made.

/// One member of an object schema. A field with a default is not required.
public struct Field: Sendable {
    /// Its key.
    public var name: String
    /// Whether it must be there.
    public var isRequired: Bool
    /// The JSON Schema of its value.
    public var schema: JSONValue

    /// A field with a schema of your own.
    public init(_ name: String, schema: JSONValue, required: Bool = true) {
        self.name = name
        self.schema = schema
        isRequired = required
    }

    /// A string; `choices` are the only values allowed, if there are any.
    public static func text(
        _ name: String, _ description: String, choices: [String] = [], maxLength: Int? = nil,
        required: Bool = true,
        default: String? = nil
    ) -> Field {
        var extra: [JSONValue.Member] = []
        if !choices.isEmpty { extra.append(.init("enum", .array(choices.map { .text($0) }))) }
        if let maxLength { extra.append(.init("maxLength", .integer(maxLength))) }
        return make(name, "string", description, extra, required, `default`.map { .text($0) })
    }

    /// An integer within a range.
    public static func integer(
        _ name: String, _ description: String, in range: ClosedRange<Int>? = nil, required: Bool = true,
        default: Int? = nil
    ) -> Field {
        var extra: [JSONValue.Member] = []
        if let range {
            extra = [
                .init("minimum", .integer(range.lowerBound)), .init("maximum", .integer(range.upperBound)),
            ]
        }
        return make(name, "integer", description, extra, required, `default`.map { .integer($0) })
    }

    /// A number within a range.
    public static func number(
        _ name: String, _ description: String, in range: ClosedRange<Double>? = nil, required: Bool = true,
        default: Double? = nil
    ) -> Field {
        var extra: [JSONValue.Member] = []
        if let range {
            extra = [
                .init("minimum", .number(range.lowerBound)), .init("maximum", .number(range.upperBound)),
            ]
        }
        return make(name, "number", description, extra, required, `default`.map { .number($0) })
    }

    /// True or false.
    public static func flag(
        _ name: String, _ description: String, required: Bool = true, default: Bool? = nil
    ) -> Field {
        make(name, "boolean", description, [], required, `default`.map { .bool($0) })
    }

    /// An array whose elements follow `schema`, such as `["type": "string"]`.
    public static func list(
        _ name: String, _ description: String, of schema: JSONValue, maxItems: Int? = nil,
        required: Bool = true
    ) -> Field {
        var extra: [JSONValue.Member] = [.init("items", schema)]
        if let maxItems { extra.append(.init("maxItems", .integer(maxItems))) }
        return make(name, "array", description, extra, required, nil)
    }

    private static func make(
        _ name: String, _ type: String, _ description: String, _ extra: [JSONValue.Member], _ required: Bool,
        _ standard: JSONValue?
    ) -> Field {
        var members: [JSONValue.Member] = [
            .init("type", .text(type)), .init("description", .text(description)),
        ]
        members += extra
        if let standard { members.append(.init("default", standard)) }
        return Field(name, schema: .object(members), required: required && standard == nil)
    }
}

extension JSONValue {
    /// The schema of an object with these members and no others.
    public static func object(fields: [Field]) -> JSONValue {
        var members: [Member] = [
            Member("type", "object"),
            Member("properties", .object(fields.map { Member($0.name, $0.schema) })),
        ]
        let required = fields.filter(\.isRequired).map { JSONValue.text($0.name) }
        if !required.isEmpty { members.append(Member("required", .array(required))) }
        members.append(Member("additionalProperties", false))
        return .object(members)
    }
}
