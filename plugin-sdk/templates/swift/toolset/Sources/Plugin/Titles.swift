// SPDX-License-Identifier: Apache-2.0
// A toolset: an MCP server in process. Its one tool, `slugify`, turns a title into a part of a URL.

import JackfieldPlugin

/// The one exported function.
@c(jf_entry_1) public func entry(_ offer: PluginOffer, _ why: PluginRefusal) -> PluginTable {
    PluginEntry<Titles>.entry(offer, why)
}

/// One configured server.
struct Titles: Toolset {
    let separator: String

    init(name: String, configuration: JSONReader, host: Host) throws {
        separator = configuration["separator"]?.text ?? "-"
    }

    var tools: [Tool] {
        [
            Tool(
                "slugify", "Turns a title into a part of a URL.",
                input: [
                    .text("text", "The title."),
                    .integer("max_length", "How many characters at most.", in: 1...200, default: 80),
                ],
                output: [.text("slug", "The part of a URL.")], hints: .init(readOnly: true, openWorld: false))
        ]
    }

    /// Reading an argument checks it, and a wrong one becomes an error that the client can read.
    func call(_ name: String, arguments: Arguments, context: CallContext) throws -> ToolResult {
        guard name == "slugify" else { throw unknown(name) }
        let most = try arguments.integer("max_length", in: 1...200, default: 80)
        let slug = slug(of: try arguments.text("text"), most: most)
        guard !slug.isEmpty else { throw ToolFailure("The title has no ASCII letter or digit.") }
        return .structured(["slug": .text(slug)], text: slug)
    }

    func slug(of text: String, most: Int) -> String {
        let words = text.split { !$0.isASCII || !($0.isLetter || $0.isNumber) }
        var slug = words.map { $0.lowercased() }.joined(separator: separator).prefix(most)
        if slug.hasSuffix(separator) { slug.removeLast() }
        return String(slug)
    }
}
