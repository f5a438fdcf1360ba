// SPDX-License-Identifier: Apache-2.0
// `jackfield prompt`: a prompt with its arguments filled in, or the list of prompts.

import JSON
import JackfieldCore

let promptCommand: Command = Command(
    name: "prompt",
    summary: "print a prompt, or list the prompts",
    options: CommonOptions.client,
    positionals: [
        Positional(name: "NAME", isRequired: false, summary: "the prompt; without it, all are listed"),
        Positional(
            name: "ARGUMENT", isRequired: false, isRepeatable: true,
            summary: "key=value, key=@FILE, a JSON object of texts, or - for one on standard input"),
    ],
    examples: [
        Example("jackfield prompt", "which there are"),
        Example("jackfield prompt review__code language=swift code=@main.swift", "one of them"),
    ]
) { arguments throws(UsageProblem) in
    let given = try GivenArguments(Array(arguments.positionals.dropFirst()))
    let isJSON = arguments.has("json")
    let name = arguments.positionals.first
    return withRemote(try RemoteOptions(arguments)) { remote, _ in
        guard let name else { return listPrompts(remote, isJSON) }
        let prompts = remote.list("prompts/list", "prompts")
        guard prompts.contains(where: { $0["name"]?.string == name }) else {
            report(unknownName(name, "prompt", among: prompts, "jackfield prompt"))
            return 1
        }
        let answer = remote.ask("prompts/get", ["name": .string(name), "arguments": given.texts])
        guard !answer.isError, let result = try? JSONValue(parsing: answer.body) else {
            if isJSON { printJSON(answer.body) }
            report("\(name): \(remote.explain(answer))")
            return 1
        }
        if isJSON {
            printJSON(answer.body)
        } else {
            standardOutput.write(promptText(result, style: Style(descriptor: 1)))
        }
        return 0
    }
}

private func listPrompts(_ remote: Remote, _ isJSON: Bool) -> Int32 {
    let answer = remote.ask("prompts/list")
    guard !answer.isError, let result = try? JSONValue(parsing: answer.body) else {
        report(remote.explain(answer))
        return 1
    }
    if isJSON {
        printJSON(answer.body)
        return 0
    }
    let prompts = result["prompts"]?.array ?? []
    var table = Table(["PROMPT", "ARGUMENTS", "DESCRIPTION"])
    for prompt in prompts {
        let names = (prompt["arguments"]?.array ?? []).map { argument in
            (argument["name"]?.string ?? "") + (argument["required"]?.bool == true ? "*" : "")
        }
        table.rows.append([
            prompt["name"]?.string ?? "", names.isEmpty ? "-" : names.joined(separator: " "),
            firstLine(prompt["description"]?.string ?? prompt["title"]?.string ?? ""),
        ])
    }
    standardOutput.write(
        prompts.isEmpty ? "no prompts\n" : table.text(width: terminalWidth(1), style: Style(descriptor: 1)))
    return 0
}

/// Each message under its role.
private func promptText(_ result: JSONValue, style: Style) -> String {
    (result["messages"]?.array ?? []).map { message in
        let text = message["content"].map(contentText) ?? ""
        return style.bold("\(printable(message["role"]?.string ?? "")):") + "\n" + shown(text)
    }.joined(separator: "\n")
}
