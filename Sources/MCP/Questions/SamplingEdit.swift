// SPDX-License-Identifier: Apache-2.0
// Sampling for clients that know less of it: content arrays, tools, context and content types by revision.

import JSON

enum SamplingEdit {
    /// Whether a request takes a client with tools: it offers some, or its messages tell of their use.
    static func usesTools(_ params: JSONNode) -> Bool {
        if let tools = RawMembers.value("tools", of: params), tools.first == 91, !isEmptyArray(tools) {
            return true
        }
        let used = try? Recorded.whole(params) { params in
            guard let messages = params.member("messages") else { return false }
            return messages.elements.contains { message in
                guard let content = message.member("content") else { return false }
                return content.kind == .array
                    ? content.elements.contains(where: isToolBlock) : isToolBlock(content)
            }
        }
        return used ?? false
    }

    private static func isEmptyArray(_ raw: UnsafeRawBufferPointer) -> Bool {
        raw.dropFirst().first { $0 > 32 } == 93
    }

    private static func isToolBlock(_ block: JSONNode) -> Bool {
        guard let type = block.member("type") else { return false }
        return type.equals("tool_use") || type.equals("tool_result")
    }

    /// The params for a legacy client of `revision`; `node` is recorded whole.
    static func params(
        _ node: JSONNode, for revision: Revision, _ abilities: Abilities
    ) throws(QuestionProblem) -> [UInt8] {
        guard abilities.contains(.sampling) else {
            throw QuestionProblem("the client did not declare sampling")
        }
        let hasTools = revision >= .v2025_11_25 && abilities.contains(.samplingTools)
        if !hasTools, usesTools(node) {
            throw QuestionProblem("the client did not declare sampling with tools")
        }
        return try ObjectCopy.bytes(node) { (member) throws(QuestionProblem) in
            if member.keyEquals("tools") || member.keyEquals("toolChoice") { return hasTools ? .keep : .drop }
            if member.keyEquals("includeContext") {
                if abilities.contains(.samplingContext) || member.value.equals("none") { return .keep }
                return .value(Array("\"none\"".utf8))
            }
            if member.keyEquals("messages"), revision < .v2025_11_25 {
                return .value(try messages(member.value, for: revision))
            }
            return .keep
        }
    }

    /// One block per message: an array becomes consecutive messages of the same role, the first with all other members.
    private static func messages(
        _ node: JSONNode, for revision: Revision
    ) throws(QuestionProblem) -> [UInt8] {
        var writer = JSONWriter(capacity: node.raw.count)
        writer.beginArray()
        for message in node.elements {
            guard let content = message.member("content"), content.kind == .array else {
                if let content = message.member("content") { try check(content, revision) }
                writer.value(message)
                continue
            }
            var isFirst = true
            for block in content.elements {
                try check(block, revision)
                writer.raw(
                    ObjectCopy.bytes(message) { member in
                        if member.keyEquals("content") { return .value(Array(block.raw)) }
                        return isFirst || member.keyEquals("role") ? .keep : .drop
                    })
                isFirst = false
            }
        }
        writer.endArray()
        return writer.bytes
    }

    private static func check(_ block: JSONNode, _ revision: Revision) throws(QuestionProblem) {
        if revision < .v2025_03_26, block.member("type")?.equals("audio") == true {
            throw QuestionProblem("clients of revision \(revision.text) take no audio in sampling")
        }
    }

    /// A result's content array as the one block of earlier revisions: its texts joined, else its first block.
    static func singleBlock(_ content: JSONNode) -> [UInt8] {
        let texts = content.elements.compactMap { block in
            block.member("type")?.equals("text") == true ? block.member("text")?.string() : nil
        }
        if texts.isEmpty, let first = content.elements.first(where: { _ in true }) { return Array(first.raw) }
        var writer = JSONWriter()
        writer.beginObject()
        writer.key("type")
        writer.value("text" as StaticString)
        writer.key("text")
        writer.value(texts.joined(separator: "\n"))
        writer.endObject()
        return writer.bytes
    }
}
