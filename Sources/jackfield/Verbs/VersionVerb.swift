// SPDX-License-Identifier: Apache-2.0
// `jackfield version` and `jackfield help`.

import JSON
import JackfieldCore

let versionCommand: Command = Command(
    name: "version",
    summary: "print the version",
    options: [CommonOptions.json],
    examples: [Example("jackfield version", "the same as jackfield --version")]
) { arguments in printVersion(asJSON: arguments.has("json")) }

func printVersion(asJSON: Bool) -> Int32 {
    if asJSON {
        standardOutput.write(JSONValue.object([.init("version", .string(Product.version))]).pretty() + "\n")
    } else {
        standardOutput.write("jackfield \(Product.version)\n")
    }
    return standardOutput.hasFailed ? 1 : 0
}

let helpCommand: Command = Command(
    name: "help",
    summary: "explain a command",
    options: [.flag("markdown", "print the reference of all commands as Markdown")],
    positionals: [
        Positional(
            name: "COMMAND", kind: .command, isRequired: false, isRepeatable: true, summary: "its name")
    ],
    examples: [Example("jackfield help call", "the same as jackfield call --help")]
) { arguments throws(UsageProblem) in
    let root = jackfieldCommand
    if arguments.has("markdown") {
        standardOutput.write(markdownReference(root))
        return 0
    }
    var path = [root.name]
    var command = root
    for word in arguments.positionals {
        guard let next = command.command(word) else {
            let near = nearestSpelling(of: word, among: command.commands.map(\.name))
            throw arguments.problem(
                "unknown command '\(word)'",
                hint: near.map { "did you mean '\($0)'?" } ?? "see '\(path.joined(separator: " ")) --help'")
        }
        command = next
        path.append(word)
    }
    standardOutput.write(helpText(path: path, command, style: Style(descriptor: 1)))
    return 0
}
