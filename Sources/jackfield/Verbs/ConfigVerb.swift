// SPDX-License-Identifier: Apache-2.0
// `jackfield config`: versions of a running gateway's configuration, and how to change it.

import CLinux
import Glibc
import JSON
import JackfieldCore

let configCommand: Command = Command(
    name: "config",
    summary: "versions of the configuration: apply, approve, compare, go back",
    details: """
        A gateway keeps each configuration that it applied, as the file was (references such as ${env:…} are not \
        expanded), in config/ of its state directory.
        """,
    commands: [
        configApplyCommand, configApproveCommand, configRollbackCommand, configHistoryCommand,
        configShowCommand,
        configDiffCommand,
    ],
    examples: [
        Example("jackfield config apply new.yaml --message 'search moved'", "and the file is replaced"),
        Example("jackfield config history", "who changed what, and when"),
    ]
)

private let emergency: [Option] = [
    .flag("emergency", "go past the approval of a second person; recorded"),
    .value("reason", "TEXT", .text, "why it is an emergency"),
]

private let configApplyCommand: Command = Command(
    name: "apply",
    summary: "give a running gateway another configuration",
    details: """
        The gateway checks FILE, puts it in place of its configuration file, and reloads. Relative paths in it \
        count from the configuration file's folder. A bad file changes nothing. Where \
        runtime.config_approval is two-person it waits until another user approves it.
        """,
    options: [.value("message", short: "m", "TEXT", .text, required: true, "what changes, and why")]
        + emergency
        + [RunningGateway.pid, RunningGateway.state],
    positionals: [Positional(name: "FILE", kind: .file, summary: "the configuration")],
    examples: [
        Example("jackfield config apply new.yaml --message 'search moved'", "at once, or for approval"),
        Example(
            "jackfield config apply fix.yaml -m 'drop search' --emergency --reason 'it leaks'",
            "past approval"),
    ]
) { arguments throws(UsageProblem) in
    let path = arguments.positionals[0]
    guard let real = realpath(path, nil) else {
        report("cannot read \(path): \(String(cString: strerror(errno)))")
        return 1
    }
    defer { free(real) }
    let file = String(cString: real)
    return try askChange(arguments, "apply", [.init("file", .string(file))], contentOf: file)
}

private let whichVersion = Positional(name: "N", summary: "a version's number, as 'config history' shows it")

private let configApproveCommand: Command = Command(
    name: "approve",
    summary: "agree to a version that waits; its author cannot",
    options: [
        .value("sha256", "DIGEST", .text, "what was read, or how it begins: anything else is not agreed to"),
        RunningGateway.pid, RunningGateway.state,
    ],
    positionals: [whichVersion],
    examples: [
        Example("jackfield config approve 8", "as another user than the author"),
        Example("jackfield config approve 8 --sha256 9f2c61d0", "as 'config history' shows it"),
    ]
) { arguments throws(UsageProblem) in
    var members: [JSONMemberValue] = [.init("number", JSONValue(try number(arguments, 0)))]
    if let digest = arguments.value("sha256") { members.append(.init("sha256", .string(digest))) }
    return try askChange(arguments, "approve", members)
}

private let configRollbackCommand: Command = Command(
    name: "rollback",
    summary: "apply an old version again, as a new one",
    options: [.value("message", short: "m", "TEXT", .text, "why")] + emergency
        + [RunningGateway.pid, RunningGateway.state],
    positionals: [whichVersion],
    examples: [Example("jackfield config rollback 6", "it becomes the newest version")]
) { arguments throws(UsageProblem) in
    try askChange(arguments, "rollback", [.init("number", JSONValue(try number(arguments, 0)))])
}

private func number(_ arguments: Arguments, _ at: Int) throws(UsageProblem) -> Int {
    guard let number = Int(arguments.positionals[at]), number > 0 else {
        throw arguments.problem("'\(arguments.positionals[at])' is no version's number")
    }
    return number
}

private func askChange(
    _ arguments: Arguments, _ action: String, _ more: [JSONMemberValue], contentOf file: String? = nil
) throws(UsageProblem) -> Int32 {
    var members: [JSONMemberValue] =
        [.init("do", .string("config")), .init("action", .string(action))] + more
    if let message = arguments.value("message") { members.append(.init("message", .string(message))) }
    if arguments.has("emergency") {
        guard let reason = arguments.value("reason"), !reason.isEmpty else {
            throw arguments.problem(
                "--emergency needs --reason", hint: "say why it cannot wait: --reason TEXT")
        }
        members += [.init("emergency", .bool(true)), .init("reason", .string(reason))]
    } else if arguments.has("reason") {
        throw arguments.problem("--reason is for --emergency", hint: "use --message for ordinary changes")
    }
    var answer: JSONValue?
    let problem = try askGateway(arguments, .object(members), contentOf: file) {
        answer = $0
        return false
    }
    guard problem == nil, let said = answer?["done"]?.string else {
        report(problem ?? "the gateway went away")
        return 1
    }
    standardOutput.write(printable(said) + "\n")
    for change in answer?["changes"]?.array ?? [] {
        standardOutput.write("  " + printable(change.string ?? "") + "\n")
    }
    return 0
}

// MARK: Reading

private let whichFile: [Option] = [
    CommonOptions.config(required: false, "whose history, where the state directory has several"),
    RunningGateway.pid, RunningGateway.state,
]

private func history(_ arguments: Arguments) throws(UsageProblem) -> ConfigSource {
    let states = arguments.value("state-dir").map { [$0] } ?? standardStateDirectories()
    let found = states.flatMap { ConfigHistory.found(in: $0) }
    if let file = arguments.value("config") {
        let path = absoluteFolder(file)
        if let known = found.first(where: { $0.path == path }) { return ConfigSource(known.history) }
        throw arguments.problem(
            "no version of \(path) is kept in \(states.joined(separator: " or "))",
            hint: "give --state-dir as in runtime.state_dir")
    }
    guard let only = found.first else {
        // The folder is the gateway's own user's; those whom it lets in ask it.
        return try ConfigSource(
            askedOf: arguments,
            instead: "no configuration is kept in \(states.joined(separator: " or ")) that this user can read"
        )
    }
    guard found.count == 1 else {
        let paths = found.prefix(8).map(\.path).joined(separator: ", ")
        throw arguments.problem(
            "there are histories of several files: \(paths)", hint: "choose one with --config FILE")
    }
    return ConfigSource(only.history)
}

private let configHistoryCommand: Command = Command(
    name: "history",
    summary: "list the versions: when, who, why, what changed",
    options: whichFile + [CommonOptions.json],
    examples: [
        Example("jackfield config history", "the newest last"),
        Example("jackfield config history -c jackfield.yaml --json", "for a program"),
    ]
) { arguments throws(UsageProblem) in
    let history = try history(arguments)
    let versions = history.versions
    let pending = history.pending
    if arguments.has("json") {
        let value = JSONValue.object([
            .init("versions", .array(versions.map(\.json))), .init("pending", pending?.json ?? .null),
        ])
        standardOutput.write(value.pretty() + "\n")
        return 0
    }
    let style = Style(descriptor: 1)
    for version in versions { standardOutput.write(versionText(version, style)) }
    if let pending {
        standardOutput.write(style.wary("waits for approval: ") + versionText(pending, style))
        standardOutput.write("  sha256 \(printable(pending.sha256))\n")
    }
    return 0
}

private func versionText(_ version: ConfigVersion, _ style: Style) -> String {
    var head = "\(version.number)  \(version.time)  \(version.how)  \(version.author)"
    if !version.approver.isEmpty { head += ", approved by \(version.approver)" }
    if !version.message.isEmpty { head += ": \(version.message)" }
    var lines = [style.bold(printable(head))]
    if !version.emergency.isEmpty {
        lines.append("  " + style.bad("emergency: " + printable(version.emergency)))
    }
    lines += version.changes.map { "  " + printable($0) }
    return lines.joined(separator: "\n") + "\n"
}

private let configShowCommand: Command = Command(
    name: "show",
    summary: "print a version as the file was",
    options: whichFile,
    positionals: [whichVersion],
    examples: [Example("jackfield config show 6 > old.yaml", "byte by byte")]
) { arguments throws(UsageProblem) in
    standardOutput.write(try text(arguments, try history(arguments), try number(arguments, 0)))
    return 0
}

private let configDiffCommand: Command = Command(
    name: "diff",
    summary: "compare two versions, line by line",
    details:
        "Without M, version N is compared with the one before it. The exit status is 1 where they differ.",
    options: whichFile,
    positionals: [
        whichVersion, Positional(name: "M", isRequired: false, summary: "the version that comes after"),
    ],
    examples: [
        Example("jackfield config diff 7", "what version 7 changed"),
        Example("jackfield config diff 3 7", "from version 3 to version 7"),
    ]
) { arguments throws(UsageProblem) in
    let history = try history(arguments)
    let first = try number(arguments, 0)
    let isPair = arguments.positionals.count > 1
    let after = isPair ? try number(arguments, 1) : first
    let before = isPair ? first : history.versions.last { $0.number < first }?.number
    guard let before else {
        throw arguments.problem("there is no version before \(first)", hint: "name two versions")
    }
    let lines = lineDifferences(try text(arguments, history, before), try text(arguments, history, after))
    let style = Style(descriptor: 1)
    for line in lines {
        let shown = printable(line)
        standardOutput.write(
            (line.hasPrefix("+") ? style.good(shown) : line.hasPrefix("-") ? style.bad(shown) : shown) + "\n")
    }
    return lines.isEmpty ? 0 : 1
}

private func text(_ arguments: Arguments, _ history: ConfigSource, _ number: Int) throws(UsageProblem)
    -> [UInt8]
{
    if let text = try history.text(number) { return text }
    throw arguments.problem("version \(number) is not kept", hint: "see 'jackfield config history'")
}
