// SPDX-License-Identifier: Apache-2.0
// SchemaNode: one compiled subschema. Others are named by their index.

struct SchemaTypes: OptionSet, Sendable {
    let rawValue: UInt8
    static let null = SchemaTypes(rawValue: 1)
    static let bool = SchemaTypes(rawValue: 2)
    static let number = SchemaTypes(rawValue: 4)
    static let integer = SchemaTypes(rawValue: 8)
    static let string = SchemaTypes(rawValue: 16)
    static let array = SchemaTypes(rawValue: 32)
    static let object = SchemaTypes(rawValue: 64)
    static let all = SchemaTypes(rawValue: 127)

    static let named: [(name: String, type: SchemaTypes, phrase: String)] = [
        ("null", .null, "null"), ("boolean", .bool, "a boolean"), ("number", .number, "a number"),
        ("integer", .integer, "an integer"), ("string", .string, "a string"), ("array", .array, "an array"),
        ("object", .object, "an object"),
    ]

    func allows(_ value: JSONValue) -> Bool {
        switch value {
        case .null: contains(.null)
        case .bool: contains(.bool)
        case .number(let spelling):
            contains(.number) || (contains(.integer) && SchemaNumber(spelling).isInteger)
        case .string: contains(.string)
        case .array: contains(.array)
        case .object: contains(.object)
        }
    }

    /// "a string or an array"
    var phrase: String {
        let phrases = Self.named.filter { contains($0.type) }.map(\.phrase)
        guard phrases.count > 1, let last = phrases.last else { return phrases.first ?? "nothing" }
        return phrases.dropLast().joined(separator: ", ") + " or " + last
    }
}

/// A name compared by its code points; Swift's String compares canonically equivalent spellings as equal.
struct SchemaName: Hashable, Sendable {
    let text: String
    init(_ text: String) { self.text = text }
    static func == (left: SchemaName, right: SchemaName) -> Bool {
        left.text.utf8.elementsEqual(right.text.utf8)
    }
    func hash(into hasher: inout Hasher) {
        for byte in text.utf8 { hasher.combine(byte) }
    }
}

struct SchemaNode: Sendable {
    /// Where in the schema.
    var pointer: JSONPointer
    /// The schema `false`.
    var refusesAll = false
    var types = SchemaTypes.all
    /// Canonical spellings of what `enum` allows, and the values for messages.
    var enumeration: Set<[UInt8]>?
    var enumerationValues: [JSONValue] = []
    var constant: [UInt8]?
    var constantValue: JSONValue = .null

    var minimum: SchemaNumber?
    var maximum: SchemaNumber?
    var exclusiveMinimum: SchemaNumber?
    var exclusiveMaximum: SchemaNumber?
    var multipleOf: SchemaNumber?

    var minLength: Int?
    var maxLength: Int?
    var pattern: JSONSchemaPattern?

    var properties: [SchemaName: Int] = [:]
    /// In the schema's order.
    var propertyOrder: [(name: String, schema: Int)] = []
    var patternProperties: [(pattern: JSONSchemaPattern, schema: Int)] = []
    var additionalProperties: Int?
    var propertyNames: Int?
    var required: [String] = []
    var minProperties: Int?
    var maxProperties: Int?
    var dependentRequired: [(name: String, requires: [String])] = []
    var dependentSchemas: [(name: String, schema: Int)] = []

    var prefixItems: [Int] = []
    var items: Int?
    var contains: Int?
    var minContains: Int?
    var maxContains: Int?
    var minItems: Int?
    var maxItems: Int?
    var uniqueItems = false

    var reference: Int?
    var allOf: [Int] = []
    var anyOf: [Int] = []
    var oneOf: [Int] = []
    var not: Int?
    var condition: Int?
    var then: Int?
    var otherwise: Int?

    var fallback: JSONValue?

    init(pointer: JSONPointer) { self.pointer = pointer }

    /// Subschemas applied to the same value; they must not form a circle.
    var inPlace: [Int] {
        [reference, not, condition, then, otherwise].compactMap { $0 } + allOf + anyOf + oneOf
            + dependentSchemas.map(\.schema)
    }
}
