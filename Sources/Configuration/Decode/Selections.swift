// SPDX-License-Identifier: Apache-2.0
// Decodes `tools`, `resources` and `prompts` of a server.

/// `{ allow: […], deny: […], rename: {…} }`, or a list, which is `allow`.
func decodeSelection(
    _ node: ConfigurationNode, _ label: String, _ sink: ProblemSink, renames: Bool = true
) -> Configuration.Selection {
    var selection = Configuration.Selection()
    if node.kind == .sequence {
        selection.allowOnly(node, label, sink)
        return selection
    }
    let expected = "a mapping with \"allow\", \"deny\"\(renames ? ", \"rename\"" : ""), or a list of patterns"
    guard var section = Section(node, label, sink, expected: expected) else { return selection }
    selection.readPatterns(from: &section)
    if renames {
        selection.rename = decodeRenames(&section)
    } else if let entry = section.takeEntry("rename") {
        sink.error(entry.keyPosition, "\(label): resources keep their URIs and can't be renamed")
    }
    section.refuseUnknown()
    return selection
}

extension Configuration.Selection {
    fileprivate mutating func allowOnly(_ node: ConfigurationNode, _ label: String, _ sink: ProblemSink) {
        guard let patterns = sink.texts(node, label, expected: "a list of patterns", atMost: 1024) else {
            return
        }
        $allow = Redacted(patterns, shown: node.holdsSecret ? node.description : nil)
    }

    fileprivate mutating func readPatterns(from section: inout Section) {
        $allow = section.readTexts("allow", expected: "a list of patterns", atMost: 1024)
        $deny = section.readTexts("deny", expected: "a list of patterns", atMost: 1024)
    }
}

func decodeRenames(_ section: inout Section) -> [Configuration.Rename] {
    let label = section.label("rename")
    let sink = section.sink
    guard let node = section.take("rename"),
        let names = Section(node, label, sink, expected: "a mapping from names to new names")
    else { return [] }
    var targets: [String: SourcePosition] = [:]
    return names.rest.compactMap { entry in
        let path = "\(label).\(quotedKey(entry.key))"
        guard let to = sink.text(entry.value, path, expected: "a new name"),
            isPublicName(to, at: entry.value.position, path, sink, shown: entry.value.scalar?.shown)
        else { return nil }
        if let first = targets[to] {
            let shown = quoted(entry.value.scalar?.shown ?? to)
            sink.error(
                entry.value.position,
                "\(path): \(shown) is the new name of another tool on line \(first.line)")
            return nil
        }
        targets[to] = entry.value.position
        return Configuration.Rename(from: entry.key, to: to)
    }
}

/// A name that clients see: 1 to 64 of `[A-Za-z0-9_-]`.
func isPublicName(
    _ name: String, at position: SourcePosition, _ label: String, _ sink: ProblemSink, shown: String? = nil
) -> Bool {
    if (1...64).contains(name.utf8.count), name.utf8.allSatisfy(isToolNameByte) { return true }
    sink.error(
        position,
        "\(label): a name has 1 to 64 letters, digits, \"_\" or \"-\", found \(quoted(shown ?? name))")
    return false
}
