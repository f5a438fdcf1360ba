// SPDX-License-Identifier: Apache-2.0
// Runs: which cases are chosen, what the end of a child means, and how a case is run again.

import CPluginCheck
import Glibc
import Testing

@testable import PluginCheck

@Suite("Runs of the plugin check") struct RunTests {
    private func run(
        _ selection: [String] = [], seed: UInt64 = 42, options: [String] = [],
        path: String = "/no/such/acme.so",
        program: String = "/opt/bin/jackfield"
    ) -> CheckRun {
        CheckRun(
            CheckSubject(path: path), seed: seed, timeout: 2_000_000_000, program: program, options: options,
            selection: selection)
    }

    // MARK: Selection

    @Test("nothing chosen means everything; a name means one; a group means its cases")
    func selection() {
        let all = CheckCase.all
        #expect(all.allSatisfy { run().isSelected($0) })
        #expect(all.filter { run(["ops.cancel"]).isSelected($0) }.map(\.name) == ["ops.cancel"])
        let chosen = all.filter { run(["memory", "lanes.own"]).isSelected($0) }
        #expect(chosen.count(where: { $0.group == "memory" }) == all.count { $0.group == "memory" })
        #expect(chosen.filter { $0.group != "memory" }.map(\.name) == ["lanes.own"])
        #expect(!all.contains { run(["mem", "ops.", "cancel"]).isSelected($0) })
    }

    @Test("where a gate fails, the rest is skipped and says why")
    func gates() {
        var told: [String] = []
        let results = run(program: "/bin/false").run { told.append($0.name) }
        #expect(told == results.map(\.name) && results.count == CheckCase.all.count)
        #expect(results[0].outcome == .crash && results[0].name == "file.elf")
        for result in results.dropFirst() {
            #expect(result.outcome == .skip && result.reason == "file.elf failed", "\(result.name)")
        }
    }

    @Test("a gate that fails is told, though it was not chosen")
    func unchosenGate() {
        let results = run(["ops.cancel"], program: "/bin/false").run { _ in }
        #expect(results.map(\.name) == ["file.elf", "ops.cancel"])
    }

    @Test("a program that is not there is a failure with its reason")
    func noProgram() {
        let results = run(["file.elf"], program: "/no/such/program").run { _ in }
        #expect(results.count == 1 && results[0].outcome == .fail)
        #expect(results[0].reason == "/no/such/program cannot be run: No such file or directory")
    }

    // MARK: Seeds and commands

    @Test("the seed and the options go along", arguments: [0, 42, UInt64.max])
    func arguments(_ seed: UInt64) {
        let words = run(seed: seed, options: ["--config", "{\"a\":1}"]).arguments("ops.cancel")
        let expected = ["plugin", "check", "/no/such/acme.so", "--case", "ops.cancel", "--seed", "\(seed)"]
        #expect(words == expected + ["--config", "{\"a\":1}"])
    }

    @Test("the command to run a case again can be pasted into a shell")
    func again() {
        let line = run(options: ["--config", "{\"it's\": 1}"], path: "/no/such dir/a.so").again("ops.cancel")
        #expect(
            line == #"jackfield plugin check '/no/such dir/a.so' --case ops.cancel --seed 42 --config "#
                + #"'{"it'\''s": 1}'"#)
    }

    @Test(
        "words as a shell reads them",
        arguments: [
            ("plain-1.0_x/y:z", "plain-1.0_x/y:z"), ("", "''"), ("a b", "'a b'"), ("$HOME", "'$HOME'"),
            ("'", #"''\'''"#), ("a;b", "'a;b'"), ("grüß", "'grüß'"), ("~", "'~'"), ("*", "'*'"),
        ])
    func quoting(_ word: String, _ written: String) {
        #expect(CheckRun.quoted(word) == written)
    }

    // MARK: Ends

    private func judge(_ change: (inout check_end) -> Void, output: String = "", errors: String = "")
        -> CheckResult
    {
        var end = check_end()
        end.output = strdup(output)
        end.errors = strdup(errors)
        defer {
            free(end.output)
            free(end.errors)
        }
        change(&end)
        return run().judge("ops.cancel", end)
    }

    @Test("the first report of the case counts, whatever stands around it")
    func told() {
        let lines = """
            the plugin prints
            {"no":"result"}
            {"case":"ops.cancel","outcome":"warn","reason":"so so","advice":"Mend it."}
            {"case":"ops.cancel","outcome":"pass"}
            """
        let result = judge({ $0.signal = SIGSEGV }, output: lines)
        #expect(result == CheckResult("ops.cancel", .warn, "so so", advice: "Mend it."))
    }

    @Test("a report of another case is none")
    func other() {
        let result = judge({ $0.status = 3 }, output: #"{"case":"ops.once","outcome":"pass"}"#)
        #expect(result.outcome == .crash && result.reason == "it ended the process with status 3")
    }

    @Test("time that is up is a failure; a signal and an exit are crashes, with the last words")
    func ends() {
        let late = judge({ $0.timed_out = true }, errors: "first\nlast words\n")
        #expect(late.outcome == .fail)
        #expect(late.reason == "it did not end in 2000 ms, saying \"last words\"")
        let killed = judge { $0.signal = SIGKILL }
        #expect(killed.outcome == .crash && killed.reason == "it was ended by signal 9")
        let left = judge { $0.status = 0 }
        #expect(left.outcome == .crash && left.reason == "it ended the process with status 0")
        for result in [late, killed, left] { #expect(result.advice.hasSuffix("."), "\(result.advice)") }
    }
}
