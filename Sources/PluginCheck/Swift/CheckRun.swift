// SPDX-License-Identifier: Apache-2.0
// Runs all cases, each in a child process of its own.

import CPluginCheck
import Glibc
import JSON
import JackfieldCore

/// A run over a plugin's cases.
public struct CheckRun: Sendable {
    public let subject: CheckSubject
    public let seed: UInt64
    /// For one case, in nanoseconds.
    public let timeout: UInt64
    /// The program that runs one case: this one, called with ``arguments(_:)``.
    public let program: String
    /// Options that every child gets.
    public let options: [String]
    /// Names or groups; empty: all.
    public let selection: [String]

    public init(
        _ subject: CheckSubject, seed: UInt64, timeout: UInt64, program: String, options: [String],
        selection: [String]
    ) {
        self.subject = subject
        self.seed = seed
        self.timeout = timeout
        self.program = program
        self.options = options
        self.selection = selection
    }

    /// The words behind the program's name that run one case again, alone.
    public func arguments(_ name: String) -> [String] {
        ["plugin", "check", subject.path, "--case", name, "--seed", String(seed)] + options
    }

    /// The same as a line for a shell, for people.
    public func again(_ name: String) -> String {
        let first = program.split(separator: "/").last.map(String.init) ?? "jackfield"
        return ([first] + arguments(name)).map(CheckRun.quoted).joined(separator: " ")
    }

    /// A word as a POSIX shell reads it back.
    static func quoted(_ word: String) -> String {
        let isPlain = word.utf8.allSatisfy { byte in
            switch byte {
            case 48...57, 65...90, 97...122: true
            default: "%+,-./:=@_".utf8.contains(byte)
            }
        }
        if isPlain, !word.isEmpty { return word }
        return "'" + word.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''")
            + "'"
    }

    /// Runs the cases in order. `each` is told about every result at once.
    public func run(_ each: (CheckResult) -> Void) -> [CheckResult] {
        // A crash is a result here: no report by the runtime, which takes seconds.
        setenv("SWIFT_BACKTRACE", "enable=no", 1)
        SampleFolder.announce()
        var results: [CheckResult] = []
        var gate: String?
        for check in CheckCase.all where isSelected(check) || check.isGate {
            let isWanted = isSelected(check)
            let result: CheckResult
            if let gate {
                result = CheckResult(check.name, .skip, "\(gate) failed")
            } else if let facet = check.facet, subject.manifest?.facets.contains(facet) == false {
                result = CheckResult(check.name, .skip, "it has no \(facet)")
            } else {
                result = runInChild(check.name)
            }
            if check.isGate, result.isBad, gate == nil { gate = check.name }
            guard isWanted || result.isBad else { continue }
            results.append(result)
            each(result)
        }
        return results
    }

    func isSelected(_ check: CheckCase) -> Bool {
        selection.isEmpty || selection.contains(check.name) || selection.contains(check.group)
    }

    private func runInChild(_ name: String) -> CheckResult {
        var words = ([program] + arguments(name) + ["--json"]).map { strdup($0) }
        words.append(nil)
        defer { for word in words { free(word) } }
        var end = check_end()
        check_spawn(program, &words, timeout, &end)
        defer {
            free(end.output)
            free(end.errors)
        }
        var result = judge(name, end)
        result.milliseconds = Double(end.time_ns) / 1e6
        return result
    }

    /// What the end of a case's process says of the case.
    func judge(_ name: String, _ end: check_end) -> CheckResult {
        if end.failure != 0 {
            return CheckResult(
                name, .fail, "\(program) cannot be run: \(String(cString: strerror(end.failure)))",
                advice: "Reinstall jackfield.")
        }
        let lines = String(cString: end.output).split(separator: "\n")
        // The first word counts: what follows a crash report comes from a process that is beyond help.
        let told = lines.lazy.compactMap { try? JSONValue(parsing: String($0)) }.compactMap {
            CheckResult($0)
        }.first
        if let told, told.name == name { return told }
        let again = "Run this case alone under a debugger."
        let words = CheckRun.lastWords(end)
        if end.timed_out {
            return CheckResult(
                name, .fail, "it did not end in \(timeout / 1_000_000) ms\(words)", advice: again)
        }
        if end.signal != 0 {
            return CheckResult(name, .crash, "it was ended by signal \(end.signal)\(words)", advice: again)
        }
        return CheckResult(
            name, .crash, "it ended the process with status \(end.status)\(words)",
            advice: "A plugin never ends the process: answer with an error instead.")
    }

    /// The end of what the child wrote to standard error, as part of a sentence.
    private static func lastWords(_ end: check_end) -> String {
        let lines = String(cString: end.errors).split(whereSeparator: \.isNewline)
        return lines.last.map { ", saying \"\($0.prefix(160))\"" } ?? ""
    }
}
