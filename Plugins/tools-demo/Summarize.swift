// SPDX-License-Identifier: Apache-2.0
// The prompt `summarize` and the values of its argument `style`.

import JackfieldPlugin

enum Summarize {
    static let prompt = Prompt(
        "summarize", title: "Summarize", description: "Asks for a summary of a text, in a style of choice.",
        arguments: [
            .init("text", "The text to summarize."),
            .init(
                "style", "How to summarize: \(styles.map(\.name).joined(separator: ", ")).", required: false),
        ])

    /// The first one is the default.
    static let styles: [(name: String, instruction: String)] = [
        ("brief", "Summarize the following text in two or three sentences."),
        (
            "bullets",
            "Summarize the following text as a short list of bullet points, the most important first."
        ),
        ("headline", "Summarize the following text as one headline of at most twelve words."),
        ("plain", "Explain the following text in plain words that need no prior knowledge."),
        (
            "technical",
            "Summarize the following text for an expert: keep names, numbers and conditions exact."
        ),
    ]

    static func get(_ arguments: Arguments) throws -> PromptResult {
        let text = try arguments.text("text")
        let name = try arguments.text("style", of: styles.map(\.name), default: styles[0].name)
        let instruction = styles.first { $0.name == name }?.instruction ?? styles[0].instruction
        return .text("\(instruction)\n\n<text>\n\(text)\n</text>", description: "A \(name) summary")
    }
}
