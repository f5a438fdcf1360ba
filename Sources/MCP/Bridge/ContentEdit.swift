// SPDX-License-Identifier: Apache-2.0
// Content in the client's words: resource links before 2025-06-18 become text, audio before 2025-03-26 an embedded
// resource, and resources that are shown under another URI are named by it.

import JSON

enum ContentEdit {
    /// Whether a result needs a look at its content at all.
    static func applies(_ form: ResultForm) -> Bool {
        (form.client < .v2025_06_18 || !form.shownURIs.isEmpty)
            && (form.method == .toolsCall || form.method == .promptsGet)
    }

    /// Writes the member that holds content: `content` of a tool's result, `messages` of a prompt's.
    static func write(_ member: JSONMember, _ form: ResultForm, _ out: MessageBuilder) {
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
            if isPrompt { message(element, form, out) } else { block(element, form, out) }
        }
        out.byte(93)
    }

    static func holdsContent(_ member: JSONMember) -> Bool {
        member.keyEquals("content") || member.keyEquals("messages")
    }

    private static func message(_ node: JSONNode, _ form: ResultForm, _ out: MessageBuilder) {
        guard node.kind == .object, let content = node.member("content") else { return out.bytes(node.raw) }
        var edit = ObjectEdit(node, out)
        edit.begin()
        edit.separator()
        out.literal("\"content\":")
        block(content, form, out)
        edit.rest { $0.keyEquals("content") }
    }

    private static func block(_ node: JSONNode, _ form: ResultForm, _ out: MessageBuilder) {
        guard node.kind == .object, let type = node.member("type") else { return out.bytes(node.raw) }
        if type.equals("resource_link") {
            if form.client < .v2025_06_18 {
                linkText(node, form, out)
            } else {
                renamed(node, form, out)
            }
        } else if type.equals("audio"), form.client < .v2025_03_26 {
            out.literal("{\"type\":\"resource\",\"resource\":{\"uri\":\"audio:inline\"")
            if let mimeType = node.member("mimeType") {
                out.literal(",\"mimeType\":")
                out.bytes(mimeType.raw)
            }
            out.literal(",\"blob\":")
            if let data = node.member("data") { out.bytes(data.raw) } else { out.literal("\"\"") }
            out.literal("}}")
        } else if type.equals("resource"), !form.shownURIs.isEmpty, let resource = node.member("resource") {
            embedded(node, resource, form, out)
        } else {
            out.bytes(node.raw)
        }
    }

    private static func linkText(_ node: JSONNode, _ form: ResultForm, _ out: MessageBuilder) {
        let own = node.member("uri")?.string() ?? ""
        let uri = form.shownURIs[own] ?? own
        let name = node.member("title")?.string() ?? node.member("name")?.string()
        out.literal("{\"type\":\"text\",\"text\":")
        out.quoted(name.map { "\($0): \(uri)" } ?? uri)
        out.byte(125)
    }

    private static func embedded(
        _ node: JSONNode, _ resource: JSONNode, _ form: ResultForm, _ out: MessageBuilder
    ) {
        var edit = ObjectEdit(node, out)
        edit.begin()
        edit.separator()
        out.literal("\"resource\":")
        // The index of an answer may end above the URI of a prompt's resource.
        if resource.isRecorded {
            renamed(resource, form, out)
        } else if let text = try? JSONText(copying: resource.raw, maxBytes: .max, maxDepth: 1024) {
            let part = MessageBuilder()
            text.withRoot { renamed($0, form, part) }
            out.copy(part.joined())
        } else {
            out.bytes(resource.raw)
        }
        edit.rest { $0.keyEquals("resource") }
    }

    /// An object with a `uri`, under the URI that the client knows.
    private static func renamed(_ node: JSONNode, _ form: ResultForm, _ out: MessageBuilder) {
        guard !form.shownURIs.isEmpty, let own = node.member("uri")?.string(), let uri = form.shownURIs[own]
        else { return out.bytes(node.raw) }
        var edit = ObjectEdit(node, out)
        edit.begin()
        edit.separator()
        out.literal("\"uri\":")
        out.quoted(uri)
        edit.rest { $0.keyEquals("uri") }
    }
}
