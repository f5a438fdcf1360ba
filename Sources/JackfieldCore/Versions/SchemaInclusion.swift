// SPDX-License-Identifier: Apache-2.0
// Whether one JSON Schema takes everything that another one takes. Where that cannot be shown, it does not.

import JSON

/// Compares two schemas (JSON Schema 2020-12, as far as tools use it).
///
/// `narrow` is what is sent, `wide` what is taken. The comparison is one of form: it never says yes wrongly, as far as peers
/// keep to what their schemas name; it may say no to schemas that are equal in meaning and different in form. Keywords that it
/// does not know must be the same on both sides. Annotations do not count.
struct SchemaInclusion {
    /// Whose view it is: arguments that callers send to a tool, or results that they get from it.
    enum Direction { case arguments, results }

    private static let depthLimit = 64
    private static let stepLimit = 20_000

    private let narrowRoot: JSONValue
    private let wideRoot: JSONValue
    private let direction: Direction
    private var steps = 0
    /// Pairs of references that are being compared: a recursive schema is as it should be if nothing else is wrong.
    private var open: Set<String> = []
    private var sameDefinitions: Bool?

    /// Why `wide` does not take what `narrow` does, with the place; nil: it does.
    static func problem(_ narrow: JSONValue, in wide: JSONValue, _ direction: Direction, at place: String)
        -> String?
    {
        for schema in [narrow, wide] {
            if repeatsMember(schema, depthLimit * 2) {
                return "\(place): a member stands twice, or it is nested too deep"
            }
        }
        var inclusion = SchemaInclusion(narrowRoot: narrow, wideRoot: wide, direction: direction)
        return inclusion.problem(narrow, wide, place, 0)
    }

    private init(narrowRoot: JSONValue, wideRoot: JSONValue, direction: Direction) {
        self.narrowRoot = narrowRoot
        self.wideRoot = wideRoot
        self.direction = direction
    }

    private mutating func problem(
        _ narrow: JSONValue, _ wide: JSONValue, _ place: String, _ depth: Int
    ) -> String? {
        steps += 1
        guard depth < Self.depthLimit, steps < Self.stepLimit else { return "\(place): too much to compare" }
        if narrow == .bool(false) || wide == .bool(true) { return nil }
        if wide == .bool(false) {
            return "\(place): \(direction == .arguments ? "nothing is taken any more" : "it is new")"
        }
        let narrow = narrow == .bool(true) ? .object([]) : narrow
        guard case .object = narrow, case .object = wide else { return "\(place): not a schema" }
        if narrow["$ref"] != nil || wide["$ref"] != nil { return references(narrow, wide, place, depth) }
        return union(narrow, wide, place, depth)
            ?? types(narrow, wide, place) ?? values(narrow, wide, place) ?? bounds(narrow, wide, place)
            ?? members(narrow, wide, place, depth) ?? items(narrow, wide, place, depth)
            ?? others(narrow, wide, place)
    }

    // MARK: References

    private mutating func references(
        _ narrow: JSONValue, _ wide: JSONValue, _ place: String, _ depth: Int
    ) -> String? {
        let pair = "\(narrow["$ref"]?.string ?? place) \(wide["$ref"]?.string ?? place)"
        if narrow["$ref"] != nil, wide["$ref"] != nil {
            guard open.insert(pair).inserted else { return nil }
        }
        defer { open.remove(pair) }
        guard let left = resolved(narrow, narrowRoot), let right = resolved(wide, wideRoot) else {
            return "\(place): a reference that leads out of the schema, or has others beside it"
        }
        return problem(left, right, place, depth + 1)
    }

    /// What a reference into the same schema names. Other keywords beside it are more than this comparison follows.
    private func resolved(_ schema: JSONValue, _ root: JSONValue) -> JSONValue? {
        guard let reference = schema["$ref"] else { return schema }
        guard case .object(let members) = schema,
            members.allSatisfy({ $0.key == "$ref" || annotations.contains($0.key) }),
            let text = reference.string, text.hasPrefix("#/")
        else { return nil }
        var value = root
        for part in text.dropFirst(2).split(separator: "/", omittingEmptySubsequences: false) {
            guard !part.contains("~"), !part.contains("%"), let next = value[String(part)] else { return nil }
            value = next
        }
        return value
    }

    // MARK: Alternatives

    /// `anyOf`: each of the narrow alternatives must fit into one of the wide ones.
    private mutating func union(
        _ narrow: JSONValue, _ wide: JSONValue, _ place: String, _ depth: Int
    ) -> String? {
        guard narrow["anyOf"] != nil || wide["anyOf"] != nil else { return nil }
        let wideAlternatives = wide["anyOf"]?.array
        let narrowAlternatives = narrow["anyOf"]?.array
        if wide["anyOf"] != nil, wideAlternatives == nil { return "\(place).anyOf: not a list" }
        let rest = without(narrow, "anyOf")
        guard let wideAlternatives else {
            for alternative in narrowAlternatives ?? [] {
                if let found = problem(merge(rest, alternative), wide, place, depth + 1) { return found }
            }
            return nil
        }
        for (at, alternative) in (narrowAlternatives ?? [rest]).enumerated() {
            let merged = narrowAlternatives == nil ? alternative : merge(rest, alternative)
            let fits = wideAlternatives.contains { problem(merged, $0, place, depth + 1) == nil }
            if !fits {
                return narrowAlternatives == nil
                    ? "\(place): it is none of the alternatives"
                    : "\(place).anyOf[\(at)]: none of the alternatives takes it"
            }
        }
        return nil
    }

    /// An alternative with what holds for all of them, where it says nothing of its own.
    private func merge(_ rest: JSONValue, _ alternative: JSONValue) -> JSONValue {
        guard case .object(let common) = rest, case .object(let own) = alternative else { return alternative }
        return .object(own + common.filter { member in !own.contains { $0.key == member.key } })
    }

    /// The types that a schema allows; those of all its alternatives where it has some.
    private func types(of schema: JSONValue) -> Set<String>? {
        if let one = schema["type"]?.string { return [one] }
        if let some = schema["type"]?.array { return Set(some.compactMap(\.string)) }
        if let values = listed(schema) { return Set(values.map(typeName)) }
        guard let alternatives = schema["anyOf"]?.array else { return nil }
        var all: Set<String> = []
        for alternative in alternatives {
            guard let some = types(of: alternative) else { return nil }
            all.formUnion(some)
        }
        return all
    }

    private func types(_ narrow: JSONValue, _ wide: JSONValue, _ place: String) -> String? {
        guard wide["type"] != nil, let taken = types(of: wide) else { return nil }
        guard let sent = types(of: narrow) else { return "\(place).type: it was open and is \(words(taken))" }
        let missing = sent.filter { !taken.contains($0) && !($0 == "integer" && taken.contains("number")) }
        if missing.isEmpty { return nil }
        return direction == .arguments
            ? "\(place).type: \(words(missing)) is not taken any more"
            : "\(place).type: \(words(missing)) is new"
    }

    private func words(_ types: Set<String>) -> String {
        types.sorted().map { shown(.string($0)) }.joined(separator: ", ")
    }

    private func typeName(_ value: JSONValue) -> String {
        switch value {
        case .null: "null"
        case .bool: "boolean"
        case .number: value.int != nil ? "integer" : "number"
        case .string: "string"
        case .array: "array"
        case .object: "object"
        }
    }

    // MARK: Values

    private func listed(_ schema: JSONValue) -> [JSONValue]? {
        schema["const"].map { [$0] } ?? schema["enum"]?.array
    }

    private func values(_ narrow: JSONValue, _ wide: JSONValue, _ place: String) -> String? {
        if wide["enum"] != nil, wide["enum"]?.array == nil { return "\(place).enum: not a list" }
        guard let taken = listed(wide) else { return nil }
        guard let sent = listed(narrow) else { return "\(place).enum: it was open and is a list" }
        let known = Set(taken.map { $0.canonicalized().serialized() })
        guard let lost = sent.first(where: { !known.contains($0.canonicalized().serialized()) }) else {
            return nil
        }
        return direction == .arguments
            ? "\(place).enum: \(shown(lost)) is not taken any more" : "\(place).enum: \(shown(lost)) is new"
    }

    private func bounds(_ narrow: JSONValue, _ wide: JSONValue, _ place: String) -> String? {
        // Values that are listed keep to bounds that their own schema has; others must be shown to.
        for (keyword, isLower) in limits {
            guard let bound = wide[keyword] else { continue }
            guard let own = narrow[keyword] else { return "\(place).\(keyword): it is new" }
            guard let limit = bound.double, let given = own.double else {
                return "\(place).\(keyword): not a number"
            }
            if isLower ? given < limit : given > limit {
                return "\(place).\(keyword): \(shown(own)) → \(shown(bound))"
            }
        }
        return nil
    }

    // MARK: Members and elements

    private mutating func members(
        _ narrow: JSONValue, _ wide: JSONValue, _ place: String, _ depth: Int
    ) -> String? {
        let sent = narrow["properties"]?.object ?? []
        let taken = wide["properties"]?.object ?? []
        let sentNames = Set(sent.map { Array($0.key.utf8) })
        let known = Dictionary(
            taken.map { (Array($0.key.utf8), $0.value) }, uniquingKeysWith: { one, _ in one })
        let promised = Set((narrow["required"]?.array ?? []).compactMap { $0.string.map { Array($0.utf8) } })
        for name in (wide["required"]?.array ?? []).compactMap(\.string)
        where !promised.contains(Array(name.utf8)) {
            let text = direction == .arguments ? "is required now" : "is not promised any more"
            return "\(place).required: \(shown(.string(name))) \(text)"
        }
        for member in sent {
            let inner = "\(place).properties\(step(member.key))"
            if let own = known[Array(member.key.utf8)] {
                if let found = problem(member.value, own, inner, depth + 1) { return found }
            } else if let rest = wide["additionalProperties"], rest != .bool(true) {
                if let found = problem(member.value, rest, inner, depth + 1) {
                    return rest == .bool(false) && direction == .arguments
                        ? "\(inner): it was removed" : found
                }
            } else if direction == .arguments {
                return "\(inner): it was removed"
            }
        }
        // A name that the sender does not list is only sent by one who says expressly that he sends any.
        if let any = narrow["additionalProperties"], any != .bool(false) {
            for member in taken where !sentNames.contains(Array(member.key.utf8)) {
                let inner = "\(place).properties\(step(member.key))"
                if let found = problem(any, member.value, inner, depth + 1) { return found }
            }
        }
        guard let rest = wide["additionalProperties"], narrow["additionalProperties"] != .bool(false) else {
            return nil
        }
        let inner = "\(place).additionalProperties"
        if rest == .bool(false) {
            return direction == .arguments
                ? "\(inner): others are not taken any more" : "\(inner): others are new"
        }
        return problem(narrow["additionalProperties"] ?? .bool(true), rest, inner, depth + 1)
    }

    private mutating func items(
        _ narrow: JSONValue, _ wide: JSONValue, _ place: String, _ depth: Int
    ) -> String? {
        guard let taken = wide["items"] else { return nil }
        return problem(narrow["items"] ?? .bool(true), taken, "\(place).items", depth + 1)
    }

    // MARK: Everything else

    private mutating func others(_ narrow: JSONValue, _ wide: JSONValue, _ place: String) -> String? {
        let names = Set(((narrow.object ?? []) + (wide.object ?? [])).map(\.key))
        for name in names.sorted() where !compared.contains(name) && !annotations.contains(name) {
            let (left, right) = (narrow[name], wide[name])
            if right == nil, droppable.contains(name) { continue }
            guard let left, let right else {
                return
                    "\(place)\(step(name)): \(left == nil ? "it is only on one side" : "it is missing on one side")"
            }
            if !isSame(left, right) { return "\(place)\(step(name)): \(shown(left)) → \(shown(right))" }
        }
        return nil
    }

    private mutating func isSame(_ left: JSONValue, _ right: JSONValue) -> Bool {
        guard left.canonicalized() == right.canonicalized() else { return false }
        guard left.description.contains("\"$ref\"") else { return true }
        if let sameDefinitions { return sameDefinitions }
        let same =
            narrowRoot.canonicalized() == wideRoot.canonicalized()
            || ["$defs", "definitions"].allSatisfy {
                narrowRoot[$0]?.canonicalized() == wideRoot[$0]?.canonicalized()
            }
        sameDefinitions = same
        return same
    }

    private func without(_ schema: JSONValue, _ keyword: String) -> JSONValue {
        var copy = schema
        copy[keyword] = nil
        return copy
    }
}

/// A member's name as a part of a place.
private func step(_ name: String) -> String {
    let isPlain =
        !name.isEmpty && name.utf8.count <= 64
        && name.utf8.allSatisfy {
            ($0 | 0x20) >= 0x61 && ($0 | 0x20) <= 0x7A || (0x30...0x39).contains($0) || $0 == 0x5F
                || $0 == 0x2D || $0 == 0x24
        }
    return isPlain ? ".\(name)" : "[\(shown(.string(name)))]"
}

/// What tells people something and decides nothing.
private let annotations: Set<String> = [
    "$comment", "$schema", "default", "deprecated", "description", "example", "examples", "readOnly", "title",
    "writeOnly",
]

/// Bounds, and whether they are lower ones.
private let limits: [(String, Bool)] = [
    ("minimum", true), ("maximum", false), ("exclusiveMinimum", true), ("exclusiveMaximum", false),
    ("minLength", true), ("maxLength", false), ("minItems", true), ("maxItems", false),
    ("minProperties", true),
    ("maxProperties", false),
]

private let compared: Set<String> = Set(
    [
        "type", "enum", "const", "properties", "required", "additionalProperties", "items", "anyOf", "$defs",
        "definitions",
    ]
        + limits.map(\.0))

/// Keywords that only ever take something away: without them more is taken.
private let droppable: Set<String> = [
    "allOf", "contentEncoding", "contentMediaType", "dependentRequired", "dependentSchemas", "format",
    "multipleOf", "not",
    "oneOf", "pattern", "propertyNames", "uniqueItems",
]

/// Whether an object anywhere in a value has two members of one name: readers disagree on what it means.
private func repeatsMember(_ value: JSONValue, _ depth: Int) -> Bool {
    guard depth > 0 else { return true }
    switch value {
    case .array(let elements): return elements.contains { repeatsMember($0, depth - 1) }
    case .object(let members):
        return Set(members.map { Array($0.key.utf8) }).count != members.count
            || members.contains { repeatsMember($0.value, depth - 1) }
    default: return false
    }
}
