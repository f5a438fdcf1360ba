// SPDX-License-Identifier: Apache-2.0
// Completion scripts for shells, made from the declarations.

/// A command with the words that lead to it, the program's name left out.
private func everyCommand(_ command: Command, _ path: [String] = []) -> [(path: [String], command: Command)] {
    [(path, command)] + command.commands.flatMap { everyCommand($0, path + [$0.name]) }
}

private func quoted(_ text: String) -> String {
    "'" + text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''") + "'"
}

private func spellings(_ option: Option) -> [String] {
    ["--\(option.name)"] + (option.short.map { ["-\($0)"] } ?? [])
}

/// What may stand where a value of a kind is expected.
private enum Candidates {
    case words([String]), files, directories, none

    init(_ kind: ValueKind, _ root: Command) {
        switch kind {
        case .choice(let words): self = .words(words)
        case .file: self = .files
        case .directory: self = .directories
        case .command: self = .words(root.commands.map(\.name))
        default: self = .none
        }
    }
}

// MARK: bash

func bashCompletion(_ root: Command) -> String {
    let name = root.name
    let paths = everyCommand(root).map { $0.path.joined(separator: " ") }.filter { !$0.isEmpty }
    var out = """
        # bash completion for \(name); made by '\(name) completion bash'
        _\(name)() {
            local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]} path='' word
            for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
                case "$path${path:+ }$word" in
                    \(paths.map(quoted).joined(separator: "|"))) path="$path${path:+ }$word" ;;
                esac
            done
            COMPREPLY=()
            case "$path:$previous" in

        """
    func action(_ candidates: Candidates) -> String {
        switch candidates {
        case .words(let words):
            "mapfile -t COMPREPLY < <(compgen -W \(quoted(words.joined(separator: " "))) -- \"$current\")"
        case .files: "compopt -o default"
        case .directories: "compopt -o dirnames"
        case .none: ":"
        }
    }
    for (path, command) in everyCommand(root) {
        for option in command.options where option.placeholder != nil {
            let patterns = spellings(option).map { quoted(path.joined(separator: " ") + ":" + $0) }
            out +=
                "        \(patterns.joined(separator: "|"))) "
                + "\(action(Candidates(option.kind, root))); return ;;\n"
        }
    }
    out += "    esac\n    case \"$path\" in\n"
    for (path, command) in everyCommand(root) {
        let options = command.allOptions.map { "--\($0.name)" }
        var words = command.commands.map(\.name)
        var more = ""
        for positional in command.positionals {
            switch Candidates(positional.kind, root) {
            case .words(let some): words += some
            case .files: more = "; [[ $current == -* ]] || compopt -o default"
            case .directories: more = "; [[ $current == -* ]] || compopt -o dirnames"
            case .none: break
            }
        }
        out += "        \(quoted(path.joined(separator: " ")))) "
        out += "\(action(.words(words + options)))\(more) ;;\n"
    }
    return out + "    esac\n}\ncomplete -F _\(name) \(name)\n"
}

// MARK: zsh

func zshCompletion(_ root: Command) -> String {
    let name = root.name
    var out = "#compdef \(name)\n# zsh completion for \(name); made by '\(name) completion zsh'\n"
    for (path, command) in everyCommand(root).reversed() { out += zshFunction(name, path, command, root) }
    return out
        + "\nif [ \"$funcstack[1]\" = \"_\(name)\" ]; then\n    _\(name) \"$@\"\n"
        + "else\n    compdef _\(name) \(name)\nfi\n"
}

private func zshFunction(_ name: String, _ path: [String], _ command: Command, _ root: Command) -> String {
    let function = (["_" + name] + path).joined(separator: "_")
    var specs: [String] = []
    for option in command.allOptions {
        let others = "(" + spellings(option).joined(separator: " ") + ")"
        var tail = "[\(zshEscaped(option.summary))]"
        if let placeholder = option.placeholder {
            tail += ":\(zshEscaped(placeholder)):\(zshAction(Candidates(option.kind, root)))"
        }
        for spelled in spellings(option) {
            specs.append(quoted((option.isRepeatable ? "*" : others) + spelled + tail))
        }
    }
    var out = "\n\(function)() {\n"
    guard !command.commands.isEmpty else {
        for (at, positional) in command.positionals.enumerated() {
            let place = positional.isRepeatable ? "*" : String(at + 1)
            specs.append(
                quoted(
                    "\(place):\(zshEscaped(positional.name)):\(zshAction(Candidates(positional.kind, root)))")
            )
        }
        out += "    _arguments -s \\\n        " + specs.joined(separator: " \\\n        ") + "\n}\n"
        return out
    }
    let words = command.commands.map { quoted("\($0.name):\(zshEscaped($0.summary))") }
    out += "    local line state\n    local -a commands\n    commands=(\n        "
    out += words.joined(separator: "\n        ") + "\n    )\n    _arguments -C \\\n        "
    out +=
        specs.joined(separator: " \\\n        ") + " \\\n        '1: :->command' \\\n        '*:: :->rest'\n"
    out +=
        "    case $state in\n        command) _describe 'command' commands ;;\n"
        + "        rest)\n            case $line[1] in\n"
    for next in command.commands {
        out += "                \(next.name)) \(function)_\(next.name) ;;\n"
    }
    return out + "            esac ;;\n    esac\n}\n"
}

private func zshAction(_ candidates: Candidates) -> String {
    switch candidates {
    case .words(let words): "(" + words.joined(separator: " ") + ")"
    case .files: "_files"
    case .directories: "_files -/"
    case .none: " "
    }
}

/// Text inside an `_arguments` specification, where `:`, `[` and `]` mean something.
private func zshEscaped(_ text: String) -> String {
    var out = ""
    for character in text {
        if ":[]\\".contains(character) { out.append("\\") }
        out.append(character)
    }
    return out
}

// MARK: fish

func fishCompletion(_ root: Command) -> String {
    let name = root.name
    let groups = everyCommand(root).filter { !$0.command.commands.isEmpty }
    let known = groups.flatMap { group in
        group.command.commands.map { (group.path + [$0.name]).joined(separator: " ") }
    }
    var out = """
        # fish completion for \(name); made by '\(name) completion fish'
        function __\(name)_path
            set -l path ''
            for word in (commandline -opc)[2..-1]
                set -l longer (string trim -- "$path $word")
                contains -- $longer \(known.map(quoted).joined(separator: " ")); and set path $longer
            end
            echo $path
        end
        complete -c \(name) -f

        """
    for (path, command) in everyCommand(root) {
        let condition = "-n " + quoted("test (__\(name)_path) = \"\(path.joined(separator: " "))\"")
        let prefix = "complete -c \(name) \(condition)"
        for next in command.commands { out += "\(prefix) -a \(next.name) -d \(quoted(next.summary))\n" }
        for option in command.allOptions {
            out += "\(prefix) -l \(option.name)" + (option.short.map { " -s \($0)" } ?? "")
            if option.placeholder != nil { out += fishValue(Candidates(option.kind, root)) }
            out += " -d \(quoted(option.summary))\n"
        }
        for positional in command.positionals {
            switch Candidates(positional.kind, root) {
            case .words(let words): out += "\(prefix) -a \(quoted(words.joined(separator: " ")))\n"
            case .files, .directories: out += "\(prefix) -F\n"
            case .none: break
            }
        }
    }
    return out
}

private func fishValue(_ candidates: Candidates) -> String {
    switch candidates {
    case .words(let words): " -x -a " + quoted(words.joined(separator: " "))
    case .files: " -r -F"
    case .directories: " -x -a '(__fish_complete_directories)'"
    case .none: " -x"
    }
}
