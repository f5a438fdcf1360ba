// SPDX-License-Identifier: Apache-2.0
// From words to arguments.

import JSON

/// What a command line asks for.
enum Invocation {
    case run(Arguments)
    case help(path: [String], Command)
}

/// Reads the words after the program's name.
func parse(_ words: [String], _ root: Command) throws(UsageProblem) -> Invocation {
    var path = [root.name]
    var command = root
    var rest = words[...]
    while command.run == nil {
        guard let word = rest.first else { return .help(path: path, command) }
        rest = rest.dropFirst()
        if word == "--help" || word == "-h" { return .help(path: path, command) }
        if let next = command.command(word) {
            command = next
            path.append(word)
            continue
        }
        throw unknownCommand(word, path, command)
    }
    var parser = OptionParser(arguments: Arguments(path: path, command: command), rest: rest)
    return try parser.run()
}

private func unknownCommand(_ word: String, _ path: [String], _ command: Command) -> UsageProblem {
    let line = path.joined(separator: " ")
    guard !word.hasPrefix("-") else {
        return UsageProblem("unknown option '\(word)'", hint: "see '\(line) --help'")
    }
    let near = nearestSpelling(of: word, among: command.commands.map(\.name))
    return UsageProblem(
        "unknown command '\(word)'",
        hint: near.map { "did you mean '\(line) \($0)'?" } ?? "see '\(line) --help'")
}

/// Reads the options and positionals of one command.
private struct OptionParser {
    var arguments: Arguments
    var rest: ArraySlice<String>

    var command: Command { arguments.command }

    mutating func run() throws(UsageProblem) -> Invocation {
        var takesOptions = true
        while let word = rest.popFirst() {
            if takesOptions, word == "--" {
                takesOptions = false
            } else if takesOptions, word.hasPrefix("--") {
                if word == "--help" { return .help(path: arguments.path, command) }
                try takeLong(word)
            } else if takesOptions, word.hasPrefix("-"), word.count > 1 {
                if word == "-h" { return .help(path: arguments.path, command) }
                try takeShort(word)
            } else {
                try takePositional(word)
            }
        }
        try checkMissing()
        try checkVariables()
        return .run(arguments)
    }

    private mutating func takeLong(_ word: String) throws(UsageProblem) {
        let body = word.dropFirst(2)
        let name = String(body.prefix { $0 != "=" })
        let attached = body.count > name.count ? String(body.dropFirst(name.count + 1)) : nil
        guard let option = command.option(name) else {
            let near = nearestSpelling(of: name, among: command.allOptions.map(\.name))
            throw arguments.problem(
                "unknown option '--\(name)'", hint: near.map { "did you mean '--\($0)'?" })
        }
        try take(option, attached, as: "--\(name)")
    }

    private mutating func takeShort(_ word: String) throws(UsageProblem) {
        let letter = word[word.index(after: word.startIndex)]
        guard let option = command.allOptions.first(where: { $0.short == letter }) else {
            throw arguments.problem(
                "unknown option '\(word)'",
                hint: "see '\(arguments.helpLine)'; a word that begins with '-' goes behind '--'")
        }
        let attached = word.count > 2 ? String(word.dropFirst(2)) : nil
        try take(option, attached, as: "-\(letter)")
    }

    private mutating func take(_ option: Option, _ attached: String?, as spelled: String) throws(UsageProblem)
    {
        guard let placeholder = option.placeholder else {
            if attached != nil { throw arguments.problem("\(spelled) takes no value") }
            return arguments.add(nil, for: option)
        }
        if !option.isRepeatable, arguments.has(option.name) {
            throw arguments.problem("\(spelled) is given twice", hint: "give it once")
        }
        guard let value = attached ?? next() else {
            throw arguments.problem(
                "\(spelled) needs a value", hint: "write \(spelled) \(placeholder)\(example(option.kind))")
        }
        if let wrong = objection(to: value, option.kind) {
            throw arguments.problem("\(spelled): \(wrong.message)", hint: wrong.hint)
        }
        arguments.add(value, for: option)
    }

    /// The next word, unless it is an option: those are forgotten values more often than values.
    private mutating func next() -> String? {
        guard let word = rest.first, !word.hasPrefix("--") else { return nil }
        return rest.popFirst()
    }

    private func example(_ kind: ValueKind) -> String {
        switch kind {
        case .choice(let words): " (one of \(words.joined(separator: ", ")))"
        case .duration: " (30s, say)"
        case .address: " (127.0.0.1:8808, say)"
        default: ""
        }
    }

    private mutating func takePositional(_ word: String) throws(UsageProblem) {
        let count = arguments.positionals.count
        guard let last = command.positionals.last, count < command.positionals.count || last.isRepeatable
        else {
            throw arguments.problem("'\(word)' is one word too many")
        }
        let positional = command.positionals[min(count, command.positionals.count - 1)]
        if let wrong = objection(to: word, positional.kind) {
            throw arguments.problem("\(positional.name): \(wrong.message)", hint: wrong.hint)
        }
        arguments.add(positional: word)
    }

    private func checkMissing() throws(UsageProblem) {
        let given = arguments.positionals.count
        if let missing = command.positionals.dropFirst(given).first(where: \.isRequired) {
            throw arguments.problem("\(missing.name) is missing: \(missing.summary)")
        }
        for option in command.options where option.isRequired && !arguments.has(option.name) {
            throw arguments.problem(
                "--\(option.name) is missing: \(option.summary)",
                hint:
                    "write '\(arguments.line) --\(option.name) \(option.placeholder ?? "")'"
            )
        }
    }

    /// What comes from the environment is checked like what was typed.
    private func checkVariables() throws(UsageProblem) {
        for option in command.options where !arguments.has(option.name) {
            guard let name = option.variable, let value = environmentValue(name) else { continue }
            if let wrong = objection(to: value, option.kind) {
                throw arguments.problem("$\(name): \(wrong.message)", hint: wrong.hint)
            }
        }
    }
}
