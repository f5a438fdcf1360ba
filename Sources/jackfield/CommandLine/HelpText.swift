// SPDX-License-Identifier: Apache-2.0
// Help texts, made from the declarations.

/// Widest line of a help text, in columns.
private let helpWidth = 100

/// `jackfield tools --help`.
func helpText(path: [String], _ command: Command, style: Style = Style(isOn: false)) -> String {
    var lines = ["\(path.joined(separator: " ")): \(command.summary)", ""]
    lines += [style.bold("Usage:"), "  " + usageLine(path, command)]
    if !command.details.isEmpty { lines += [""] + wrapped(command.details, width: helpWidth, indent: 0) }
    if !command.commands.isEmpty {
        lines += ["", style.bold("Commands:")]
        lines += entries(command.commands.map { ($0.name, $0.summary) })
    }
    if !command.positionals.isEmpty {
        lines += ["", style.bold("Arguments:")]
        lines += entries(command.positionals.map { ($0.name, $0.summary) })
    }
    lines += ["", style.bold("Options:")]
    lines += entries(command.allOptions.map { (spelling($0), summary($0)) })
    if !command.examples.isEmpty {
        lines += ["", style.bold("Examples:")]
        for example in command.examples {
            lines += wrapped("# \(example.text)", width: helpWidth, indent: 2).map { style.dim($0) }
            lines.append("  \(example.line)")
        }
    }
    if !command.commands.isEmpty {
        lines += ["", "'\(path.joined(separator: " ")) COMMAND --help' says more about one of them."]
    }
    return lines.joined(separator: "\n") + "\n"
}

/// `jackfield call [OPTIONS] TOOL [ARGUMENT…]`.
func usageLine(_ path: [String], _ command: Command) -> String {
    var parts = path
    if command.run == nil { parts.append("COMMAND") }
    for option in command.options where option.isRequired {
        parts.append("--\(option.name) \(option.placeholder ?? "")")
    }
    if command.options.contains(where: { !$0.isRequired }) { parts.append("[OPTIONS]") }
    parts += command.positionals.map(\.usage)
    return parts.joined(separator: " ")
}

/// `-h, --help`, `--url URL`, `--header 'Name: value'…`.
func spelling(_ option: Option) -> String {
    var text = option.short.map { "-\($0), " } ?? ""
    text += "--\(option.name)"
    if let placeholder = option.placeholder { text += " \(placeholder)" }
    return text
}

/// The summary with default, choices and environment variable.
func summary(_ option: Option) -> String {
    var notes: [String] = []
    if case .choice(let words) = option.kind { notes.append(words.joined(separator: " | ")) }
    if option.isRepeatable { notes.append("may be repeated") }
    if let fallback = option.fallback { notes.append("default: \(fallback)") }
    if let variable = option.variable { notes.append("environment: \(variable)") }
    return notes.isEmpty ? option.summary : "\(option.summary) (\(notes.joined(separator: "; ")))"
}

/// Two columns; long entries of the first stand on a line of their own.
private func entries(_ pairs: [(String, String)]) -> [String] {
    let column = min(26, (pairs.map(\.0.count).max() ?? 0) + 4)
    var lines: [String] = []
    for (name, text) in pairs {
        let wrappedText = wrapped(text, width: helpWidth, indent: column)
        guard name.count + 4 <= column, let first = wrappedText.first else {
            lines += ["  \(name)"] + wrappedText
            continue
        }
        lines.append(
            "  " + name + String(repeating: " ", count: column - name.count - 2) + first.dropFirst(column))
        lines += wrappedText.dropFirst()
    }
    return lines
}

/// Breaks text at spaces. Line feeds stay.
func wrapped(_ text: String, width: Int, indent: Int) -> [String] {
    let margin = String(repeating: " ", count: indent)
    var lines: [String] = []
    for paragraph in text.split(separator: "\n", omittingEmptySubsequences: false) {
        var line = ""
        for word in paragraph.split(separator: " ") {
            if !line.isEmpty, indent + line.count + 1 + word.count > width {
                lines.append(margin + line)
                line = ""
            }
            line += (line.isEmpty ? "" : " ") + word
        }
        lines.append(line.isEmpty ? "" : margin + line)
    }
    return lines
}
