// SPDX-License-Identifier: Apache-2.0
// SchemaReader: takes the keywords of one schema object and checks their form.

struct SchemaReader {
    let schema: JSONValue
    let pointer: JSONPointer

    func error(_ keyword: String, _ message: String) -> JSONSchemaError {
        JSONSchemaError(pointer: pointer.appending(keyword), message: message)
    }

    /// Everything that does not hold subschemas.
    mutating func readAssertions(into node: inout SchemaNode) throws(JSONSchemaError) {
        try readTypes(into: &node)
        if let value = schema["enum"] {
            guard case .array(let values) = value else {
                throw error("enum", "must be an array, not \(value.phrase)")
            }
            node.enumerationValues = values
            node.enumeration = Set(values.map { $0.canonical() })
        }
        if let value = schema["const"] {
            node.constantValue = value
            node.constant = value.canonical()
        }
        node.minimum = try number("minimum")
        node.maximum = try number("maximum")
        node.exclusiveMinimum = try number("exclusiveMinimum")
        node.exclusiveMaximum = try number("exclusiveMaximum")
        node.multipleOf = try number("multipleOf")
        if let divisor = node.multipleOf, divisor.isZero || divisor.negative || divisor.digits.count > 17 {
            throw error("multipleOf", "must be greater than zero and have at most 17 digits")
        }
        node.minLength = try size("minLength")
        node.maxLength = try size("maxLength")
        if let text = try text("pattern") {
            node.pattern = try Self.pattern(text, pointer.appending("pattern"))
        }
        if let value = schema["required"] {
            node.required = try Self.names(value, pointer.appending("required"))
        }
        node.minProperties = try size("minProperties")
        node.maxProperties = try size("maxProperties")
        for member in try object("dependentRequired") {
            let place = pointer.appending("dependentRequired").appending(member.key)
            node.dependentRequired.append((member.key, try Self.names(member.value, place)))
        }
        node.minContains = try size("minContains")
        node.maxContains = try size("maxContains")
        node.minItems = try size("minItems")
        node.maxItems = try size("maxItems")
        if let value = schema["uniqueItems"] {
            guard let truth = value.bool else {
                throw error("uniqueItems", "must be true or false, not \(value.phrase)")
            }
            node.uniqueItems = truth
        }
        node.fallback = schema["default"]
    }

    private func readTypes(into node: inout SchemaNode) throws(JSONSchemaError) {
        guard let value = schema["type"] else { return }
        let names = value.array ?? [value]
        var types: SchemaTypes = []
        for name in names {
            guard let entry = SchemaTypes.named.first(where: { $0.name == name.string }) else {
                let known = SchemaTypes.named.map(\.name)
                let hint = name.string.flatMap { nearestSpelling(of: $0, among: known) }
                let help = hint.map { "; did you mean \"\($0)\"?" } ?? ""
                throw error("type", "\(name.shortened) is not a type\(help)")
            }
            types.insert(entry.type)
        }
        guard !types.isEmpty else { throw error("type", "must name at least one type") }
        node.types = types
    }

    func text(_ keyword: String) throws(JSONSchemaError) -> String? {
        guard let value = schema[keyword] else { return nil }
        guard let text = value.string else {
            throw error(keyword, "must be a string, not \(value.phrase)")
        }
        return text
    }

    func object(_ keyword: String) throws(JSONSchemaError) -> [JSONMemberValue] {
        guard let value = schema[keyword] else { return [] }
        guard let members = value.object else {
            throw error(keyword, "must be an object, not \(value.phrase)")
        }
        return members
    }

    private func number(_ keyword: String) throws(JSONSchemaError) -> SchemaNumber? {
        guard let value = schema[keyword] else { return nil }
        guard case .number(let spelling) = value else {
            throw error(keyword, "must be a number, not \(value.phrase)")
        }
        return SchemaNumber(spelling)
    }

    private func size(_ keyword: String) throws(JSONSchemaError) -> Int? {
        guard let number = try number(keyword) else { return nil }
        guard number.isInteger, !number.negative, let size = JSONValue.number(number.spelling).wholeDouble
        else {
            throw error(keyword, "must be a whole number that is not negative")
        }
        // A size that no value reaches may as well be the largest Int.
        return size >= 0x1p62 ? .max : Int(size)
    }

    static func names(_ value: JSONValue, _ place: JSONPointer) throws(JSONSchemaError) -> [String] {
        guard let values = value.array else {
            throw JSONSchemaError(
                pointer: place, message: "must be an array of property names, not \(value.phrase)")
        }
        var names: [String] = []
        for value in values {
            guard let name = value.string else {
                throw JSONSchemaError(
                    pointer: place, message: "must hold property names only, not \(value.phrase)")
            }
            names.append(name)
        }
        return names
    }

    static func pattern(_ text: String, _ place: JSONPointer) throws(JSONSchemaError) -> JSONSchemaPattern {
        do throws(JSONSchemaPatternError) {
            return try JSONSchemaPattern(text)
        } catch {
            throw JSONSchemaError(
                pointer: place, message: "pattern \(JSONValue(text).shortened): \(error.message)")
        }
    }
}

extension JSONValue {
    /// A number's double, infinity included.
    fileprivate var wholeDouble: Double? {
        guard case .number = self else { return nil }
        return double ?? .infinity
    }

    /// "an array", for messages.
    var phrase: String {
        switch self {
        case .null: "null"
        case .bool: "a boolean"
        case .number: "a number"
        case .string: "a string"
        case .array: "an array"
        case .object: "an object"
        }
    }

    /// The value as JSON, cut to a length that fits a message.
    var shortened: String {
        switch self {
        case .array(let elements) where elements.count > 8: return "an array of \(elements.count)"
        case .object(let members) where members.count > 8: return "an object of \(members.count)"
        case .string(let text) where text.utf8.count > 60:
            return String(decoding: JSONWriter.quoted(String(text.prefix(40)) + "…"), as: UTF8.self)
        default:
            let text = description
            return text.utf8.count > 80 ? String(text.prefix(60)) + "…" : text
        }
    }
}
