// SPDX-License-Identifier: Apache-2.0
// `jackfield plugin check`: tries a plugin against the rules of the ABI, each case in a process of its own.

import CLinux
import Glibc
import JSON
import JackfieldCore
import PluginCheck

let pluginCheckCommand: Command = Command(
    name: "check",
    summary: "try a plugin against the rules of the plugin ABI",
    details: """
        Each case loads the plugin in a child process with a host of its own, and ends with pass, warn, skip, \
        fail or crash; nothing of the plugin runs in this process. The exit status is 1 where a case failed or \
        crashed. --case runs one case in this very process, where a debugger can look at it, unless a report \
        is written with --junit.
        """,
    options: [
        .value(
            "case", "NAME", .text, repeats: true,
            "only this case, in this process; given more than once, or as a group: only these, in children"),
        .flag("list", "list the cases and what they make sure of"),
        .value("seed", "NUMBER", .text, "where random input begins; a run prints its seed"),
        .value("timeout", "TIME", .duration, "how long one case may take", fallback: "10s"),
        .value("config", "JSON", .text, "the plugin's configuration, where none can be made from its schema"),
        .value("server", "JSON", .text, "an entry of `servers`, for connectors and toolsets"),
        .value("listener", "JSON", .text, "an entry of `listeners`"),
        .value("routing", "JSON", .text, "the `routing` of a server"),
        .value("auth", "JSON", .text, "the options of an entry of `auth.providers`"),
        .value("credentials", "JSON", .text, "the `credentials` of a server"),
        .value("policy", "JSON", .text, "the options of an entry of `policies`"),
        .value("filter", "JSON", .text, "the options of an entry of `filters`"),
        CommonOptions.json,
        .value("junit", "FILE", .text, "write the results as JUnit XML, too"),
        CommonOptions.pluginDirectories,
    ],
    positionals: [
        Positional(
            name: "FILE", kind: .file, isRequired: false,
            summary: "a shared object, or the id of an installed plugin")
    ],
    examples: [
        Example("jackfield plugin check ./libacme.so", "all cases"),
        Example("jackfield plugin check ./libacme.so --case lifecycle --case memory", "two groups"),
        Example(
            "gdb --args jackfield plugin check ./libacme.so --case ops.cancel --seed 7", "one, in a debugger"),
        Example("jackfield plugin check ./libacme.so --junit results.xml", "for a CI system"),
    ]
) { arguments throws(UsageProblem) in
    if arguments.all("case") == [goldenServerCase] { return runGoldenServer() }
    if arguments.has("list") {
        listCases(asJSON: arguments.has("json"))
        return 0
    }
    guard let named = arguments.positionals.first else {
        throw arguments.problem("FILE is missing: a shared object, or the id of an installed plugin")
    }
    let inputs = try checkInputs(arguments)
    let seed = try checkSeed(arguments)
    let selection = try checkSelection(arguments)
    let subject = CheckSubject(path: installedFile(named, arguments))
    guard let program = selfPath() else {
        report("cannot find this program under /proc/self/exe")
        return 1
    }
    if let only = selection.first, selection.count == 1, only.contains("."), arguments.value("junit") == nil {
        return runAlone(only, subject, inputs, seed, program, asJSON: arguments.has("json"))
    }
    var passed: [String] = []
    for option in ["config", "server", "listener", "routing"] + CheckInputs.attachedParts {
        if let value = arguments.value(option) { passed += ["--\(option)", value] }
    }
    let run = CheckRun(
        subject, seed: seed, timeout: arguments.duration("timeout") ?? 10_000_000_000, program: program,
        options: passed, selection: selection)
    let printer = CheckPrinter(isQuiet: arguments.has("json"))
    printer.begin(run)
    let done = CheckReport(run, run.run { printer.show($0, run) })
    printer.end(done)
    if arguments.has("json") { standardOutput.write(done.json.pretty() + "\n") }
    if let file = arguments.value("junit"), let failure = write(done.junit, to: file) {
        report("cannot write \(file): \(failure)")
        return 1
    }
    return done.isGood ? 0 : 1
}

/// One case in this process. What the plugin prints goes to standard error.
private func runAlone(
    _ name: String, _ subject: CheckSubject, _ inputs: CheckInputs, _ seed: UInt64, _ program: String,
    asJSON: Bool
) -> Int32 {
    let descriptor = jf_duplicate(1, 100)
    guard descriptor >= 0, dup2(2, 1) >= 0 else {
        report("cannot set up standard output")
        return 1
    }
    let output = Stream(descriptor)
    // For people and debuggers signals keep their meaning; the parent process wants to know what happened.
    guard
        let result = runCase(
            name, subject, inputs, seed: seed, program: program, report: asJSON ? descriptor : -1)
    else {
        report("there is no case \(name)")
        return 2
    }
    output.write(
        asJSON
            ? result.json.description + "\n" : CheckPrinter.text(result, style: Style(descriptor: descriptor))
    )
    // Not exit(): a thread that the plugin left behind must not race with destructors.
    SampleFolder.clear()
    _exit(result.isBad ? 1 : 0)
}

private func listCases(asJSON: Bool) {
    guard asJSON else {
        var table = Table(["CASE", "FACET", "MAKES SURE THAT"])
        table.rows = CheckCase.all.map { [$0.name, $0.facet ?? "", $0.summary] }
        standardOutput.write(table.text(width: terminalWidth(1), style: Style(descriptor: 1)))
        return
    }
    let all = CheckCase.all.map { check in
        JSONValue.object([
            .init("case", .string(check.name)), .init("facet", check.facet.map { .string($0) } ?? .null),
            .init("summary", .string(check.summary)),
        ])
    }
    standardOutput.write(JSONValue.object([.init("cases", .array(all))]).pretty() + "\n")
}

// MARK: Arguments

private func checkInputs(_ arguments: Arguments) throws(UsageProblem) -> CheckInputs {
    func value(_ option: String) throws(UsageProblem) -> JSONValue? {
        guard let text = arguments.value(option) else { return nil }
        do throws(JSONError) {
            return try JSONValue(parsing: text)
        } catch {
            throw arguments.problem(
                "--\(option) is no JSON: \(error.description)",
                hint: "write it in single quotes: '{\"key\": 1}'")
        }
    }
    var inputs = CheckInputs()
    inputs.config = try value("config")
    inputs.server = try value("server")
    inputs.listener = try value("listener")
    inputs.routing = try value("routing")
    for part in CheckInputs.attachedParts { inputs.attached[part] = try value(part) }
    return inputs
}

private func checkSeed(_ arguments: Arguments) throws(UsageProblem) -> UInt64 {
    guard let text = arguments.value("seed") else { return UInt64.random(in: 0...0xFFFF_FFFF) }
    guard let seed = UInt64(text) else {
        throw arguments.problem("--seed: '\(text)' is no whole number", hint: "write --seed 42")
    }
    return seed
}

private func checkSelection(_ arguments: Arguments) throws(UsageProblem) -> [String] {
    let selection = arguments.all("case")
    let names = CheckCase.all.flatMap { [$0.name, $0.group] }
    for word in selection where !names.contains(word) {
        let near = nearestSpelling(of: word, among: names)
        throw arguments.problem(
            "there is no case '\(word)'",
            hint: near.map { "did you mean '\($0)'?" } ?? "'\(arguments.line) --list' lists them")
    }
    return selection
}

private func installedFile(_ name: String, _ arguments: Arguments) -> String {
    guard !name.contains("/"), access(name, F_OK) != 0 else { return name }
    let plugins = PluginSet(nil, extra: arguments.all("plugin-dir"), log: Log(level: .error))
    return plugins.candidates.first { $0.manifest?.id == name }?.path ?? name
}

private func selfPath() -> String? {
    guard let path = realpath("/proc/self/exe", nil) else { return nil }
    defer { free(path) }
    return String(cString: path)
}

/// Nil: done; else why not.
private func write(_ text: String, to path: String) -> String? {
    let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { return String(cString: strerror(jf_errno())) }
    let stream = Stream(descriptor)
    stream.write(text)
    return close(descriptor) != 0 || stream.hasFailed ? "the file is not complete" : nil
}
