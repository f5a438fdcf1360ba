// SPDX-License-Identifier: Apache-2.0
// The reference page docs/reference/command-line.md, made from the declarations.

/// All commands as one Markdown page.
func markdownReference(_ root: Command) -> String {
    var out = """
        # Command line

        \(wrapped(sentence(root.summary) + " " + root.details, width: 110, indent: 0).joined(separator: "\n"))

        | Exit status | Meaning |
        |---|---|
        | 0 | done |
        | 1 | failed at run time |
        | 2 | wrong usage or configuration |

        Data goes to standard output, messages to standard error. Colours appear on terminals only, and not
        where `NO_COLOR` is set. An option's value may be attached (`--url=URL`); words after `--` are never
        options.

        | Command | Does |
        |---|---|

        """
    let pages = leaves(root, [root.name])
    for (path, command) in pages {
        let name = path.dropFirst().joined(separator: " ")
        let anchor = "jackfield-" + path.dropFirst().joined(separator: "-")
        out += "| [`\(name)`](#\(anchor)) | \(command.summary) |\n"
    }
    for (path, command) in pages { out += section(path, command) }
    return out
}

private func leaves(_ command: Command, _ path: [String]) -> [([String], Command)] {
    if command.run != nil { return [(path, command)] }
    return command.commands.flatMap { leaves($0, path + [$0.name]) }
}

private func section(_ path: [String], _ command: Command) -> String {
    var out = "\n## \(path.joined(separator: " "))\n\n\(sentence(command.summary))\n\n"
    out += "```\n\(usageLine(path, command))\n```\n"
    if !command.details.isEmpty {
        out += "\n" + wrapped(command.details, width: 110, indent: 0).joined(separator: "\n") + "\n"
    }
    if !command.positionals.isEmpty {
        out += "\n| Argument | |\n|---|---|\n"
        for positional in command.positionals {
            out += "| `\(positional.usage)` | \(escaped(positional.summary)) |\n"
        }
    }
    out += "\n| Option | |\n|---|---|\n"
    for option in command.allOptions { out += "| `\(spelling(option))` | \(escaped(summary(option))) |\n" }
    guard !command.examples.isEmpty else { return out }
    out += "\n```sh\n"
    for example in command.examples { out += "# \(example.text)\n\(example.line)\n" }
    return out + "```\n"
}

private func sentence(_ summary: String) -> String {
    summary.prefix(1).uppercased() + summary.dropFirst() + "."
}

/// Text for a cell of a Markdown table.
func escaped(_ text: String) -> String {
    var out = ""
    for character in text {
        switch character {
        case "|": out += "\\|"
        case "<": out += "&lt;"
        case "\n": out += " "
        default: out.append(character)
        }
    }
    return out
}
