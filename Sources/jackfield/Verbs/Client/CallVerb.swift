// SPDX-License-Identifier: Apache-2.0
// `jackfield call`: one tool call.

import JSON
import JackfieldCore

let callCommand: Command = Command(
    name: "call",
    summary: "call a tool",
    details: """
        ARGUMENT is key=value, or one JSON object, or - for a JSON object on standard input. A value is \
        text where the tool's schema takes text or says nothing, and JSON where it wants a number, a truth \
        value, a list or an object. key=@FILE takes the value from a file; key=@@text is a text that \
        begins with @.
        A tool that fails says so on standard error, and the exit status is 1.
        """,
    options: CommonOptions.client,
    positionals: [
        Positional(name: "TOOL", summary: "its name as 'jackfield tools' shows it"),
        Positional(
            name: "ARGUMENT", isRequired: false, isRepeatable: true, summary: "key=value, a JSON object, or -"
        ),
    ],
    examples: [
        Example(
            "jackfield call time__convert_time time=16:30 target_timezone=Asia/Tokyo", "a tool with two texts"
        ),
        Example("jackfield call files__write path=notes.txt content=@notes.txt", "a value from a file"),
        Example("jackfield call search '{\"query\": \"mcp\", \"limit\": 3}' --json", "JSON in, JSON out"),
        Example(
            "jq '{query: .title}' issue.json | jackfield call search -", "arguments from another program"),
    ]
) { arguments throws(UsageProblem) in
    let name = arguments.positionals[0]
    let given = try GivenArguments(Array(arguments.positionals.dropFirst()))
    let isJSON = arguments.has("json")
    return withRemote(try RemoteOptions(arguments)) { remote, _ in
        let tools = remote.list("tools/list", "tools")
        guard let tool = tools.first(where: { $0["name"]?.string == name }) else {
            report(unknownName(name, "tool", among: tools, "jackfield tools"))
            return 1
        }
        let values: JSONValue
        do throws(ToolSchema.Argument.Mismatch) {
            values = try given.object(for: ToolSchema(tool["inputSchema"]))
        } catch {
            report(error.message)
            return 2
        }
        let answer = remote.ask("tools/call", ["name": .string(name), "arguments": values])
        guard !answer.isError, let result = try? JSONValue(parsing: answer.body) else {
            if isJSON { printJSON(answer.body) }
            report("\(name): \(remote.explain(answer))")
            return 1
        }
        let hasFailed = result["isError"]?.bool == true
        if isJSON {
            printJSON(answer.body)
        } else if let kind = result["resultType"]?.string, kind == "input_required" {
            report(
                "\(name) asks for input, which this command cannot give; --json shows what it asks"
            )
            return 1
        } else if hasFailed {
            let text = toolResultText(result)
            standardError.write(
                printable(text.isEmpty ? "\(name) failed without a word" : text, keepsLines: true) + "\n")
        } else {
            standardOutput.write(shown(toolResultText(result)))
        }
        return hasFailed ? 1 : 0
    }
}

/// That there is no such thing, and what was probably meant.
func unknownName(_ name: String, _ kind: String, among items: [JSONValue], _ listing: String) -> String {
    let names = items.compactMap { $0["name"]?.string }
    var near = nearestSpelling(of: name, among: names).map { [$0] } ?? []
    // A name without its server's prefix is the commonest mistake, perhaps misspelled besides.
    let bare = names.map { shown in
        shown.firstRange(of: "__").map { String(shown[$0.upperBound...]) } ?? shown
    }
    if let meant = nearestSpelling(of: name, among: bare) {
        near += zip(names, bare).filter { $0.1 == meant && !near.contains($0.0) }.map(\.0)
    }
    let hint =
        near.isEmpty
        ? "'\(listing)' lists what there is" : "did you mean \(near.prefix(3).joined(separator: " or "))?"
    return "there is no \(kind) '\(name)'; \(hint)"
}
