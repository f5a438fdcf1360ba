// SPDX-License-Identifier: Apache-2.0
// How commands are declared. Parser, help, completion and the reference page are made from it.

/// What a value must look like, checked before a command runs.
enum ValueKind: Sendable, Equatable {
    case text
    case file
    case directory
    /// One of these words.
    case choice([String])
    /// `30s`, `1m30s`, `500ms`.
    case duration
    /// `HOST:PORT`.
    case address
    /// `http://…` or `https://…`.
    case url
    /// `Name: value`.
    case header
    /// A server's name as configurations spell it.
    case serverName
    /// The name of a command.
    case command
}

/// An option: `--name VALUE`, or `--name` alone.
struct Option: Sendable {
    /// Without the dashes.
    let name: String
    var short: Character?
    /// What stands for the value in help texts; nil: a flag.
    var placeholder: String?
    var kind = ValueKind.text
    var isRepeatable = false
    var isRequired = false
    let summary: String
    /// Shown in help texts, and used where the option is missing.
    var fallback: String?
    /// An environment variable that stands in for a missing option.
    var variable: String?

    static func flag(_ name: String, short: Character? = nil, _ summary: String) -> Option {
        Option(name: name, short: short, summary: summary)
    }

    static func value(
        _ name: String, short: Character? = nil, _ placeholder: String, _ kind: ValueKind = .text,
        repeats: Bool = false,
        required: Bool = false, _ summary: String, fallback: String? = nil, variable: String? = nil
    ) -> Option {
        Option(
            name: name, short: short, placeholder: placeholder, kind: kind, isRepeatable: repeats,
            isRequired: required, summary: summary, fallback: fallback, variable: variable)
    }
}

/// An argument known by its place.
struct Positional: Sendable {
    let name: String
    var kind = ValueKind.text
    var isRequired = true
    var isRepeatable = false
    let summary: String

    /// `NAME`, `[NAME]`, `[NAME…]`.
    var usage: String {
        let text = isRepeatable ? name + "…" : name
        return isRequired ? text : "[\(text)]"
    }
}

/// A line to copy, and what it does.
struct Example: Sendable {
    let text: String
    let line: String

    init(_ line: String, _ text: String) {
        self.line = line
        self.text = text
    }
}

/// A command, or a group of commands where `run` is nil.
struct Command: Sendable {
    /// What runs it: the exit status, or why it was called wrongly.
    typealias Action = @Sendable (Arguments) throws(UsageProblem) -> Int32

    let name: String
    /// One line without a full stop.
    let summary: String
    /// Paragraphs below the usage line; may be empty.
    var details = ""
    var options: [Option] = []
    var positionals: [Positional] = []
    var commands: [Command] = []
    var examples: [Example] = []
    var run: Action?

    /// The options of every command, after its own.
    static let common = [Option.flag("help", short: "h", "show this text")]

    var allOptions: [Option] { options + Command.common }

    func option(_ name: String) -> Option? { allOptions.first { $0.name == name } }

    func command(_ name: String) -> Command? { commands.first { $0.name == name } }
}

/// A command line that cannot be understood: what is wrong, and what to do.
struct UsageProblem: Error, Equatable {
    let message: String
    let hint: String

    init(_ message: String, hint: String) {
        self.message = message
        self.hint = hint
    }
}

/// What the parser understood.
struct Arguments: Sendable {
    /// `jackfield plugin list`
    let path: [String]
    let command: Command
    /// Values by option name, in the order of the command line; a flag has none.
    private(set) var values: [String: [String]] = [:]
    private(set) var positionals: [String] = []

    init(path: [String], command: Command) {
        self.path = path
        self.command = command
    }

    mutating func add(_ value: String?, for option: Option) {
        values[option.name, default: []] += value.map { [$0] } ?? []
    }

    mutating func add(positional: String) { positionals.append(positional) }

    func has(_ name: String) -> Bool { values[name] != nil }

    /// The option's last value, else its environment variable, else its fallback.
    func value(_ name: String) -> String? {
        if let given = values[name]?.last { return given }
        guard let option = command.option(name) else { return nil }
        return option.variable.flatMap(environmentValue) ?? option.fallback
    }

    func all(_ name: String) -> [String] { values[name] ?? [] }

    /// A duration in nanoseconds; the parser has checked it.
    func duration(_ name: String) -> UInt64? { value(name).flatMap(nanoseconds) }

    /// `jackfield tools`
    var line: String { path.joined(separator: " ") }
    /// `jackfield tools --help`
    var helpLine: String { line + " --help" }

    /// A problem that a command found by itself.
    func problem(_ message: String, hint: String? = nil) -> UsageProblem {
        UsageProblem(message, hint: hint ?? "see '\(helpLine)'")
    }
}
