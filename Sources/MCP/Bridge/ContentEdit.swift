// SPDX-License-Identifier: Apache-2.0
// Content that older revisions cannot express, said in their words: resource links before 2025-06-18 become text, audio
// before 2025-03-26 an embedded resource.

import JSON

enum ContentEdit {
    /// Whether results for this revision need a look at their content at all.
    static func applies(to client: Revision, _ method: Method) -> Bool {
        client < .v2025_06_18 && (method == .toolsCall || method == .promptsGet)
    }

    /// Writes the member that holds content: `content` of a tool's result, `messages` of a prompt's.
    static func write(_ member: JSONMember, _ client: Revision, _ out: MessageBuilder) {
        out.byte(34)
        out.bytes(member.key)
        out.literal("\":")
        guard member.value.kind == .array else { return out.bytes(member.value.raw) }
        let isPrompt = member.keyEquals("messages")
        out.byte(91)
        var first = true
        for element in member.value.elements {
            if !first { out.byte(44) }
            first = false
            if isPrompt { message(element, client, out) } else { block(element, client, out) }
        }
        out.byte(93)
    }

    static func holdsContent(_ member: JSONMember) -> Bool {
        member.keyEquals("content") || member.keyEquals("messages")
    }

    private static func message(_ node: JSONNode, _ client: Revision, _ out: MessageBuilder) {
        guard node.kind == .object, let content = node.member("content") else { return out.bytes(node.raw) }
        var edit = ObjectEdit(node, out)
        edit.begin()
        edit.separator()
        out.literal("\"content\":")
        block(content, client, out)
        edit.rest { $0.keyEquals("content") }
    }

    private static func block(_ node: JSONNode, _ client: Revision, _ out: MessageBuilder) {
        guard node.kind == .object, let type = node.member("type") else { return out.bytes(node.raw) }
        if type.equals("resource_link") {
            let uri = node.member("uri")?.string() ?? ""
            let name = node.member("title")?.string() ?? node.member("name")?.string()
            out.literal("{\"type\":\"text\",\"text\":")
            out.quoted(name.map { "\($0): \(uri)" } ?? uri)
            out.byte(125)
        } else if type.equals("audio"), client < .v2025_03_26 {
            out.literal("{\"type\":\"resource\",\"resource\":{\"uri\":\"audio:inline\"")
            if let mimeType = node.member("mimeType") {
                out.literal(",\"mimeType\":")
                out.bytes(mimeType.raw)
            }
            out.literal(",\"blob\":")
            if let data = node.member("data") { out.bytes(data.raw) } else { out.literal("\"\"") }
            out.literal("}}")
        } else {
            out.bytes(node.raw)
        }
    }
}
