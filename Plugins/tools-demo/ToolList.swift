// SPDX-License-Identifier: Apache-2.0
// The tools as tools/list shows them.

import JackfieldPlugin

extension DemoTools {
    /// Same arguments, same answer.
    private static let pure = Tool.Hints(
        readOnly: true, destructive: false, idempotent: true, openWorld: false)
    /// Changes nothing, but answers differently each time.
    private static let varying = Tool.Hints(
        readOnly: true, destructive: false, idempotent: false, openWorld: false)

    static let all: [Tool] = [
        Tool(
            "echo", title: "Echo", "Answers with the text that it gets.",
            input: [.text("text", "Any text.")], hints: pure),
        Tool(
            "add", title: "Add", "Adds two numbers.",
            input: [.number("a", "The first number."), .number("b", "The second number.")],
            output: [.number("sum", "a + b")], hints: pure),
        Tool(
            "now", title: "Current time", "Tells the date and time, in UTC or at a fixed offset from it.",
            input: [.text("offset", "Offset from UTC, such as +02:00 or -05:30.", default: "Z")],
            output: [
                .text("time", "ISO 8601 with milliseconds and offset."),
                .text("offset", "The offset of that time."),
                .integer("unix_ms", "Milliseconds since 1970-01-01 UTC."),
            ], hints: varying),
        Tool(
            "uuid", title: "UUID", "Makes UUIDs: random ones (version 4) or time-ordered ones (version 7).",
            input: [
                Field(
                    "version",
                    schema: ["type": "integer", "description": "4 or 7.", "enum": [4, 7], "default": 4],
                    required: false),
                .integer("count", "How many.", in: 1...100, default: 1),
            ],
            output: [.list("uuids", "The UUIDs.", of: ["type": "string", "format": "uuid"])], hints: varying),
        Tool(
            "random", title: "Random integers",
            "Draws integers, all equally likely, from the system's random source.",
            input: [
                .integer("min", "The least possible value.", default: 1),
                .integer("max", "The greatest possible value.", default: 100),
                .integer("count", "How many.", in: 1...1000, default: 1),
            ],
            output: [.list("values", "The integers, in the order drawn.", of: ["type": "integer"])],
            hints: varying),
        Tool(
            "wait", title: "Wait", "Answers after a while. Reports progress on the way, and can be canceled.",
            input: [.integer("milliseconds", "How long to wait.", in: 0...Wait.longest)],
            output: [.integer("waited_ms", "How long it really took.")], hints: pure),
        Tool(
            "fail", title: "Fail", "Fails on purpose, to see how a client shows the error of a tool.",
            input: [.text("message", "What the error says.", default: "This tool always fails.")], hints: pure
        ),
    ]
}
