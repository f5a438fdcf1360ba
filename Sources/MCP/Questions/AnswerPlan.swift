// SPDX-License-Identifier: Apache-2.0
// How an answer to a converted question becomes one to the question as it was asked.

import JSON

/// What to do with a client's answer. Made by `QuestionEdit.writeParams`, kept until the client has answered.
public struct AnswerPlan: Equatable, Sendable {
    /// A field of several choices that the client saw as one check box per choice.
    struct Field: Equatable, Sendable {
        /// The field's name, decoded.
        var name: [UInt8]
        var choices: [Choice]
        var isRequired: Bool
        var minItems: Int64
    }

    struct Choice: Equatable, Sendable {
        /// The check box's name, decoded.
        var name: [UInt8]
        /// What it stands for: a JSON string, raw.
        var value: [UInt8]
    }

    var fields: [Field] = []

    /// The question was put as it is, and so is the answer.
    public static let asIs = AnswerPlan()

    /// Whether answers stay as they are.
    public var isAsIs: Bool { fields.isEmpty }

    /// An accepted form's content with the choices back in their fields, raw. `content` is recorded whole.
    func recombine(_ content: JSONNode) throws(QuestionProblem) -> [UInt8] {
        let known = Set(fields.flatMap { field in [field.name] + field.choices.map(\.name) })
        var chosen: [[UInt8]: Bool] = [:]
        for member in content.members {
            let name = ObjectCopy.decodedKey(member)
            guard known.contains(name) else { continue }
            guard chosen.updateValue(member.value.bool == true, forKey: name) == nil else {
                throw QuestionProblem("\"content\" repeats a member")
            }
        }
        var out = ObjectCopy.bytes(content) { known.contains(ObjectCopy.decodedKey($0)) ? .drop : .keep }
        for field in fields {
            let values = field.choices.filter { chosen[$0.name] == true }.map(\.value)
            let wasSeen = field.choices.contains { chosen[$0.name] != nil }
            // An optional field left alone is absent: an empty choice may be less than it allows.
            guard field.isRequired || !values.isEmpty || (wasSeen && field.minItems <= 0) else { continue }
            out.removeLast()
            if out.count > 1 { out.append(44) }
            field.name.withUnsafeBytes { JSONWriter.appendQuoted($0, to: &out) }
            out.append(58)
            out.append(91)
            for (at, value) in values.enumerated() {
                if at > 0 { out.append(44) }
                out.append(contentsOf: value)
            }
            out.append(93)
            out.append(125)
        }
        return out
    }
}
