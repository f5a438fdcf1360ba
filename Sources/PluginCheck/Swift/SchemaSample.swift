// SPDX-License-Identifier: Apache-2.0
// Values that a JSON Schema allows, and values that it forbids.

import JSON

/// Makes values from a schema. What it makes is checked against the compiled schema, so that a keyword it
/// does not understand costs a value and never truth.
struct SchemaSample {
    enum Extent {
        /// Required members only.
        case least
        /// Every member.
        case full
        /// Some members, other values; the same for the same number.
        case random(UInt64)
    }

    private let root: JSONValue
    private let compiled: JSONSchema?

    init(_ schema: JSONValue) {
        root = schema
        compiled = try? JSONSchema(schema)
    }

    /// A value that the schema allows; nil: none was found.
    func valid(_ extent: Extent) -> JSONValue? {
        guard let compiled else { return nil }
        for example in root["examples"]?.array ?? [] where compiled.validate(example).isEmpty {
            return example
        }
        guard let value = attempt(extent), compiled.validate(value).isEmpty else { return nil }
        return value
    }

    /// The same without the check: a start for somebody who knows better.
    func attempt(_ extent: Extent) -> JSONValue? {
        var maker = Maker(root: root, extent: extent)
        return maker.value(root, depth: 0)
    }

    /// Values that the schema forbids, each `base` with one change. `strictly`: also unknown members and null
    /// for what may be left out, which many readers forgive.
    func forbidden(from base: JSONValue, strictly: Bool) -> [JSONValue] {
        guard let compiled else { return [] }
        var values: [JSONValue] = []
        func add(_ value: JSONValue, most: Int = .max, _ count: inout Int) {
            guard count < most, !compiled.validate(value).isEmpty else { return }
            values.append(value)
            count += 1
        }
        let required = Set((root["required"]?.array ?? []).compactMap(\.string))
        var all = 0
        for member in root["properties"]?.object ?? [] {
            var ofMember = 0
            if required.contains(member.key) {
                var changed = base
                changed[member.key] = nil
                add(changed, &all)
            }
            for wrong in SchemaSample.wrong where strictly || required.contains(member.key) || wrong != .null
            {
                var changed = base
                changed[member.key] = wrong
                add(changed, most: 4, &ofMember)
            }
        }
        guard strictly else { return values }
        var changed = base
        changed["unexpected_member"] = 1
        add(changed, &all)
        for whole: JSONValue in [.null, .array([]), "text", 1, true] { add(whole, &all) }
        return values
    }

    /// Values that the schema allows, each `base` with one member at a bound of its own.
    func bounds(from base: JSONValue) -> [JSONValue] {
        guard let compiled else { return [] }
        var values: [JSONValue] = []
        for member in root["properties"]?.object ?? [] {
            let schema = member.value
            var candidates = schema["enum"]?.array ?? []
            candidates += ["minimum", "maximum"].compactMap { schema[$0] }
            if schema["type"]?.string == "boolean" { candidates += [true, false] }
            for candidate in candidates.prefix(12) {
                var changed = base
                changed[member.key] = candidate
                if changed != base, compiled.validate(changed).isEmpty { values.append(changed) }
            }
        }
        return values
    }

    private static let wrong: [JSONValue] = [
        .null, true, "no such choice", -1, .number("1.5"), .array([]), .object([]),
        .number("99999999999999999999"), "", .number("-99999999999999999999"), .array([.array([])]),
    ]
}

/// Builds one value. Follows `$ref` inside the schema, takes the first alternative (any one in random ones).
private struct Maker {
    let root: JSONValue
    let extent: SchemaSample.Extent
    private var state: UInt64 = 0

    init(root: JSONValue, extent: SchemaSample.Extent) {
        self.root = root
        self.extent = extent
        if case .random(let seed) = extent { state = seed }
    }

    private var isRandom: Bool { if case .random = extent { true } else { false } }

    /// A number below `limit`; 0 where nothing is random.
    private mutating func pick(_ limit: Int) -> Int {
        guard isRandom, limit > 1 else { return 0 }
        state &+= 0x9e37_79b9_7f4a_7c15
        var x = state
        x = (x ^ (x >> 30)) &* 0xbf58_476d_1ce4_e5b9
        x = (x ^ (x >> 27)) &* 0x94d0_49bb_1331_11eb
        return Int((x ^ (x >> 31)) % UInt64(limit))
    }

    mutating func value(_ given: JSONValue, depth: Int) -> JSONValue? {
        guard depth < 8 else { return nil }
        if given.bool == true { return "text" }
        guard given.object != nil else { return nil }
        let schema = merged(given, depth: depth)
        if let constant = schema["const"] { return constant }
        if let choices = schema["enum"]?.array, !choices.isEmpty { return choices[pick(choices.count)] }
        if !isRandom || pick(4) == 0 {
            if let standard = schema["default"] { return standard }
            if let example = schema["examples"]?[0] { return example }
        }
        switch type(of: schema) {
        case "null": return .null
        case "boolean": return .bool(pick(2) == 1)
        case "integer", "number": return number(schema)
        case "string": return string(schema)
        case "array": return array(schema, depth: depth)
        default: return object(schema, depth: depth)
        }
    }

    private func type(of schema: JSONValue) -> String {
        if let name = schema["type"]?.string { return name }
        if let name = schema["type"]?.array?.compactMap(\.string).first(where: { $0 != "null" }) {
            return name
        }
        if schema["items"] != nil { return "array" }
        return schema["minLength"] != nil || schema["pattern"] != nil || schema["format"] != nil
            ? "string" : "object"
    }

    /// The schema with its reference and first alternatives laid into it.
    private mutating func merged(_ given: JSONValue, depth: Int) -> JSONValue {
        var schema = given
        for _ in 0..<8 {
            var parts: [JSONValue] = []
            if let reference = schema["$ref"]?.string, reference.hasPrefix("#") {
                if let target = JSONPointer(String(reference.dropFirst()))?.find(in: root) {
                    parts.append(target)
                }
            }
            parts += schema["allOf"]?.array ?? []
            for key in ["oneOf", "anyOf"] {
                if let choices = schema[key]?.array, !choices.isEmpty {
                    parts.append(choices[pick(choices.count)])
                }
            }
            guard !parts.isEmpty else { return schema }
            for key in ["$ref", "allOf", "oneOf", "anyOf"] { schema[key] = nil }
            for part in parts { schema = union(schema, part) }
        }
        return schema
    }

    private func union(_ a: JSONValue, _ b: JSONValue) -> JSONValue {
        var out = a
        for member in b.object ?? [] {
            switch member.key {
            case "properties":
                var all = out["properties"]?.object ?? []
                all += (member.value.object ?? []).filter { new in !all.contains { $0.key == new.key } }
                out["properties"] = .object(all)
            case "required":
                out["required"] = .array((out["required"]?.array ?? []) + (member.value.array ?? []))
            default: if out[member.key] == nil { out[member.key] = member.value }
            }
        }
        return out
    }

    private mutating func number(_ schema: JSONValue) -> JSONValue {
        let isInteger = schema["type"]?.string == "integer"
        var low = schema["minimum"]?.double ?? -.infinity
        var high = schema["maximum"]?.double ?? .infinity
        if let above = schema["exclusiveMinimum"]?.double {
            low = max(low, isInteger ? above + 1 : above.nextUp)
        }
        if let below = schema["exclusiveMaximum"]?.double {
            high = min(high, isInteger ? below - 1 : below.nextDown)
        }
        if low == -.infinity { low = min(high, 1) }
        if high == .infinity { high = low + 10 }
        if let step = schema["multipleOf"]?.double, step > 0 { low = (low / step).rounded(.up) * step }
        let span = min(high - low, 1000)
        let chosen = low + Double(pick(isInteger ? Int(span) + 1 : 2)) * (isInteger ? 1 : span)
        return abs(chosen) < 1e15 && chosen == chosen.rounded() ? JSONValue(Int64(chosen)) : JSONValue(chosen)
    }

    private static let texts = [
        "text", "a", "Hello, world", "0", "grüß \u{1F600}", "https://example.com/", "2024-05-06T07:08:09Z",
        "name@example.com", "127.0.0.1:0", "UTC", "/tmp", "00000000-0000-4000-8000-000000000000",
        "2024-05-06",
    ]
    private static let formats = [
        "uri": "https://example.com/", "date-time": "2024-05-06T07:08:09Z", "date": "2024-05-06",
        "email": "name@example.com", "uuid": "00000000-0000-4000-8000-000000000000",
        // As hosts make them: absolute, in a folder that is there.
        "path": SampleFolder.path + "/sample",
    ]

    private mutating func string(_ schema: JSONValue) -> JSONValue {
        if let format = schema["format"]?.string, let text = Maker.formats[format] { return .string(text) }
        let least = schema["minLength"]?.int ?? 0
        let most = schema["maxLength"]?.int ?? .max
        var text = Maker.texts[pick(Maker.texts.count)]
        if let pattern = schema["pattern"] {
            let only = try? JSONSchema(.object([.init("pattern", pattern)]))
            text = Maker.texts.first { only?.validate(.string($0)).isEmpty == true } ?? text
        }
        while text.unicodeScalars.count < min(least, 10_000) { text += "x" }
        if text.unicodeScalars.count > most { text = String(text.unicodeScalars.prefix(most)) }
        return .string(text)
    }

    private mutating func array(_ schema: JSONValue, depth: Int) -> JSONValue? {
        var count = schema["minItems"]?.int ?? 0
        if case .full = extent { count = max(count, 1) }
        if isRandom { count += pick(4) }
        count = min(count, schema["maxItems"]?.int ?? .max, 100)
        var elements: [JSONValue] = []
        for index in 0..<count {
            let item = schema["prefixItems"]?[index] ?? schema["items"] ?? true
            guard let element = value(item, depth: depth + 1) else { return nil }
            if schema["uniqueItems"]?.bool == true, elements.contains(element) { continue }
            elements.append(element)
        }
        return .array(elements)
    }

    private mutating func object(_ schema: JSONValue, depth: Int) -> JSONValue? {
        let required = Set((schema["required"]?.array ?? []).compactMap(\.string))
        var members: [JSONMemberValue] = []
        for property in schema["properties"]?.object ?? [] {
            var isWanted = required.contains(property.key)
            switch extent {
            case .least: break
            case .full: isWanted = isWanted || depth < 3
            case .random: isWanted = isWanted || pick(2) == 1
            }
            guard isWanted else { continue }
            guard let made = value(property.value, depth: depth + 1) else {
                if required.contains(property.key) { return nil }
                continue
            }
            members.append(JSONMemberValue(property.key, made))
        }
        for name in required where !members.contains(where: { $0.key == name }) {
            members.append(JSONMemberValue(name, "text"))
        }
        return .object(members)
    }
}
