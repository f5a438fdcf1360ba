// SPDX-License-Identifier: Apache-2.0
// Forms for clients of 2025-06-18, whose fields are strings, numbers, booleans and enums with `enumNames`.

import JSON

/// Rewrites one `requestedSchema`. Choices with titles become `enumNames`; a field of several choices becomes one check
/// box per choice; defaults stay only where that revision has them (booleans); `$schema` goes, for validators of that
/// time refuse dialects that they do not know.
struct FormEdit {
    /// How many check boxes a form may be split into.
    static let maxChoices = 128
    /// Names and titles that are repeated per check box may have this many bytes.
    static let maxRepeated = 256
    /// How many names a check box may be tried under.
    private static let maxTries = 8

    /// The fields that were split, for the way back.
    private(set) var split: [AnswerPlan.Field] = []
    private var names: Set<[UInt8]> = []
    private var boxes = 0

    /// The schema (recorded whole) as a client of 2025-06-18 gets it, raw.
    mutating func schema(_ node: JSONNode) throws(QuestionProblem) -> [UInt8] {
        if ObjectCopy.isAmbiguous(node) {
            throw QuestionProblem("\"requestedSchema\" repeats a member, or has too many")
        }
        var required: Set<[UInt8]> = []
        if let listed = node.member("required") {
            for name in listed.elements {
                if let text = name.string() { required.insert(Array(text.utf8)) }
            }
        }
        var properties: [UInt8] = [123, 125]
        if let node = node.member("properties") { properties = try self.properties(node, required) }
        let gone = Set(split.map(\.name))
        return ObjectCopy.bytes(node) { member in
            if member.keyEquals("$schema") { return .drop }
            if member.keyEquals("properties") { return .value(properties) }
            guard member.keyEquals("required"), member.value.kind == .array, !gone.isEmpty else {
                return .keep
            }
            var writer = JSONWriter()
            writer.beginArray()
            for name in member.value.elements {
                if let text = name.string(), gone.contains(Array(text.utf8)) { continue }
                writer.value(name)
            }
            writer.endArray()
            return .value(writer.bytes)
        }
    }

    private mutating func properties(
        _ node: JSONNode, _ required: Set<[UInt8]>
    ) throws(QuestionProblem) -> [UInt8] {
        for member in node.members where !names.insert(ObjectCopy.decodedKey(member)).inserted {
            throw QuestionProblem("\"requestedSchema\" repeats a property")
        }
        var writer = JSONWriter(capacity: node.raw.count)
        writer.beginObject()
        for member in node.members {
            let name = ObjectCopy.decodedKey(member)
            if member.value.member("type")?.equals("array") == true {
                try checkBoxes(name, member.value, required.contains(name), &writer)
            } else {
                name.withUnsafeBytes { writer.key($0) }
                writer.raw(try FormEdit.field(member.value))
            }
        }
        writer.endObject()
        return writer.bytes
    }

    /// A field that stays one: `oneOf` of titled constants becomes `enum` and `enumNames`.
    private static func field(_ node: JSONNode) throws(QuestionProblem) -> [UInt8] {
        guard node.kind == .object else { throw QuestionProblem("a property of the form is not an object") }
        let isBoolean = node.member("type")?.equals("boolean") == true
        var added: [(name: StaticString, value: [UInt8])] = []
        if let listed = node.member("oneOf"), node.member("enum") == nil {
            let choices = try titled(listed)
            added = [("enum", array(choices.map(\.value))), ("enumNames", array(choices.map(\.title)))]
        }
        let hasChoices = !added.isEmpty
        return ObjectCopy.bytes(node, adding: added) { member in
            if member.keyEquals("default") { return isBoolean ? .keep : .drop }
            if hasChoices, member.keyEquals("oneOf") || member.keyEquals("enumNames") { return .drop }
            return .keep
        }
    }

    /// A field of several choices as one boolean per choice.
    private mutating func checkBoxes(
        _ name: [UInt8], _ node: JSONNode, _ isRequired: Bool, _ writer: inout JSONWriter
    ) throws(QuestionProblem) {
        let choices = try FormEdit.choices(node)
        boxes += max(choices.count, 1)
        guard boxes <= FormEdit.maxChoices, name.count <= FormEdit.maxRepeated else {
            throw QuestionProblem("its form has too many choices for a client of revision 2025-06-18")
        }
        let chosen = node.member("default")?.elements.compactMap { $0.string() }
        var field = AnswerPlan.Field(
            name: name, choices: [], isRequired: isRequired, minItems: node.member("minItems")?.int64 ?? 0)
        for (at, choice) in choices.enumerated() {
            let box = try freeName(name, at + 1)
            field.choices.append(AnswerPlan.Choice(name: box, value: choice.value))
            box.withUnsafeBytes { writer.key($0) }
            writer.beginObject()
            writer.key("type")
            writer.value("boolean" as StaticString)
            writer.key("title")
            writer.value(FormEdit.title(of: node, name) + choice.text)
            if at == 0, let text = FormEdit.description(of: node) {
                writer.key("description")
                writer.value(text)
            }
            if let chosen {
                writer.key("default")
                writer.value(chosen.contains { $0.utf8.elementsEqual(choice.constant.utf8) })
            }
            writer.endObject()
        }
        split.append(field)
    }

    /// `NAME_1`, with more underscores where the form has that already.
    private mutating func freeName(_ name: [UInt8], _ number: Int) throws(QuestionProblem) -> [UInt8] {
        var head = name
        for _ in 0..<FormEdit.maxTries {
            head.append(95)
            let candidate = head + Array(String(number).utf8)
            if names.insert(candidate).inserted { return candidate }
        }
        throw QuestionProblem("its form has too many fields of like names")
    }

    private static func title(of node: JSONNode, _ name: [UInt8]) -> String {
        if let title = node.member("title"), title.raw.count <= maxRepeated, let text = title.string() {
            return text + ": "
        }
        return String(decoding: name, as: UTF8.self) + ": "
    }

    /// The field's own description, and how many may be chosen.
    private static func description(of node: JSONNode) -> String? {
        let text = node.member("description")?.string()
        let least = node.member("minItems")?.int64
        let most = node.member("maxItems")?.int64
        let bounds: String? =
            switch (least, most) {
            case (let least?, let most?): "Choose \(least) to \(most)."
            case (let least?, nil): "Choose at least \(least)."
            case (nil, let most?): "Choose at most \(most)."
            case (nil, nil): nil
            }
        guard let text, let bounds else { return text ?? bounds }
        return "\(text) (\(bounds))"
    }
}

// MARK: Choices

extension FormEdit {
    private struct Listed {
        /// JSON strings, raw.
        var value: [UInt8]
        var title: [UInt8]
        /// The same, decoded.
        var constant: String
        var text: String
    }

    /// The choices of a multi-select: `items.enum`, or `items.anyOf` of titled constants.
    private static func choices(_ node: JSONNode) throws(QuestionProblem) -> [Listed] {
        guard let items = node.member("items"), items.kind == .object else {
            throw QuestionProblem("a list of \"requestedSchema\" has no items to choose from")
        }
        if let titled = items.member("anyOf") ?? items.member("oneOf") { return try self.titled(titled) }
        guard let plain = items.member("enum"), plain.kind == .array else {
            throw QuestionProblem("a list of \"requestedSchema\" has no items to choose from")
        }
        var found: [Listed] = []
        for value in plain.elements {
            guard let text = value.string() else { throw QuestionProblem("a choice is not a string") }
            found.append(Listed(value: Array(value.raw), title: Array(value.raw), constant: text, text: text))
        }
        return found
    }

    private static func titled(_ node: JSONNode) throws(QuestionProblem) -> [Listed] {
        guard node.kind == .array else { throw QuestionProblem("a list of choices is not an array") }
        var found: [Listed] = []
        for element in node.elements {
            guard let constant = element.member("const"), let value = constant.string() else {
                throw QuestionProblem("a choice has no \"const\" that is a string")
            }
            let title = element.member("title")
            let text = title?.string()
            found.append(
                Listed(
                    value: Array(constant.raw),
                    title: Array(text == nil ? constant.raw : (title ?? constant).raw),
                    constant: value, text: text ?? value))
        }
        return found
    }

    private static func array(_ values: [[UInt8]]) -> [UInt8] {
        var writer = JSONWriter()
        writer.beginArray()
        for value in values { writer.raw(value) }
        writer.endArray()
        return writer.bytes
    }
}
