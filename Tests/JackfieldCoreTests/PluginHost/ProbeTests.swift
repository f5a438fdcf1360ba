// SPDX-License-Identifier: Apache-2.0
// The rehearsal in a child process: what it catches, what it remembers, and that it is not repeated.

import CLinux
import Glibc
import JSON
import Testing

@testable import JackfieldCore

extension PluginHostTests {
    @Suite("Probe") struct ProbeTests {
        @Test("a crash is told with its signal and last words, and stays on file")
        func crash() throws {
            let workshop = try PluginWorkshop()
            let path = try workshop.build("abort_in_constructor")
            let before = ProcessSnapshot()
            let first = try #require(refusal(workshop.loader(), path))
            #expect(first.stage == .probe)
            #expect(first.message.hasPrefix("crashed with SIGABRT in "))
            #expect(first.message.hasSuffix(" ms, saying \"the licence has expired\""))
            #expect(first.advice == "run 'jackfield plugin inspect \(path)'")
            #expect(before.changes(undoing: false) == [])

            // A cell that cannot even start shows that the second answer comes from the file.
            let cell = try countingCell(workshop)
            _ = refusal(workshop.loader(cell: cell.path), path)
            #expect(try cell.runs() == 1)
            let again = try #require(refusal(workshop.loader(cell: cell.path), path))
            #expect(try cell.runs() == 1)
            #expect(again.message.hasSuffix("on an earlier start"))
            #expect(again.advice == "run 'jackfield plugin inspect \(path)' to try again")
        }

        @Test("a hanging constructor is ended")
        func hang() throws {
            let workshop = try PluginWorkshop()
            let path = try workshop.build("hang_in_constructor")
            let refused = try #require(refusal(workshop.loader(probeTimeout: 300_000_000), path))
            #expect(refused.stage == .probe)
            #expect(refused.message == "it was not loaded after 300 ms, probably stuck in a constructor")
        }

        @Test("a constructor that ends the process is not taken for success")
        func exit() throws {
            let workshop = try PluginWorkshop()
            let path = try workshop.build("exit_in_constructor")
            let refused = try #require(refusal(workshop.loader(), path))
            #expect(refused.message.hasPrefix("ended the process with status 3 in "))
        }

        @Test("descriptors and threads that are left behind are seen")
        func leftBehind() throws {
            let workshop = try PluginWorkshop()
            let report = workshop.loader().inspect(try workshop.build("leaves_things"))
            #expect(report.isLoadable)
            #expect(report.probe?.sideEffects == ["started 1 thread", "left descriptor 3 open (/dev/zero)"])
        }

        @Test("a warm start runs no child; another version or another build of the cell does")
        func warm() throws {
            let workshop = try PluginWorkshop()
            let path = try workshop.build("good")
            let cell = try countingCell(workshop)
            func start(_ version: String = "1") throws {
                let loader = workshop.loader(cell: cell.path, version: version)
                _ = try loader.load(loader.candidate(at: path))
            }
            try start()
            #expect(try cell.runs() == 1)
            try start()
            #expect(try cell.runs() == 1)
            try start("2")
            #expect(try cell.runs() == 2)
            try workshop.write(try workshop.read(cell.path) + Array("# rebuilt\n".utf8), to: cell.path)
            try start("2")
            #expect(try cell.runs() == 3)
        }

        @Test("inspecting forgets a crash that does not happen any more")
        func forgets() throws {
            let workshop = try PluginWorkshop()
            let path = try workshop.build("good")
            let loader = workshop.loader()
            let digest = try #require(loader.inspect(path).digest)
            let file = "\(workshop.state)/probes/\(digest.hex).json"
            let kept = try JSONValue(parsing: try workshop.read(file))
            var crashed = ProbeVerdict(.crashed)
            crashed.message = "crashed with SIGSEGV in 1 ms"
            let doctored: JSONValue = ["host": try #require(kept["host"]), "probe": crashed.json]
            try workshop.write(doctored.serialized(), to: file)
            #expect(
                refusal(workshop.loader(), path)?.message
                    == "crashed with SIGSEGV in 1 ms on an earlier start")
            #expect(workshop.loader().inspect(path).isLoadable)
            _ = try workshop.loader().load(workshop.loader().candidate(at: path))
        }

        @Test("a missing cell is not blamed on the plugin and leaves no verdict")
        func missingCell() throws {
            let workshop = try PluginWorkshop()
            let path = try workshop.build("good")
            let refused = try #require(refusal(workshop.loader(cell: workshop.root + "/no-cell"), path))
            #expect(refused.message == "cannot find \(workshop.root)/no-cell: No such file or directory")
            #expect(directoryEntries(workshop.state + "/probes") == nil)
        }

        @Test("a verdict survives being written and read")
        func roundTrip() {
            var verdict = ProbeVerdict(.refused)
            verdict.stage = "open"
            verdict.message = "a \"quoted\" text"
            verdict.advice = "nothing"
            verdict.sideEffects = ["changed the umask"]
            verdict.milliseconds = 1.5
            #expect(ProbeVerdict(verdict.json) == verdict)
            #expect(ProbeVerdict(["verdict": "perhaps"]) == nil)
        }

        @Test("the cell says what it is and refuses what it does not know")
        func commandLine() throws {
            func run(_ arguments: [String]) throws -> ChildProcess.End {
                try ChildProcess.run(PluginWorkshop.cell, arguments, environment: [], timeout: 10_000_000_000)
            }
            #expect(
                String(decoding: try run(["--version"]).output, as: UTF8.self)
                    == "jackfield-cell \(Product.version)\n")
            #expect(try run(["--help"]).output.isEmpty == false)
            let wrong = try run(["--nonsense"])
            #expect(wrong.status == 2)
            #expect(wrong.output.isEmpty)
            #expect(!wrong.errors.isEmpty)
            #expect(try run(["--probe"]).status == 2)
        }

        /// A cell that notes each run before it does its work.
        private func countingCell(_ workshop: PluginWorkshop) throws -> (path: String, runs: () throws -> Int)
        {
            let path = workshop.root + "/counting-cell"
            let log = workshop.root + "/runs"
            try workshop.write([], to: log)
            let script = "#!/bin/sh\necho run >> '\(log)'\nexec '\(PluginWorkshop.cell)' \"$@\"\n"
            try workshop.write(Array(script.utf8), to: path)
            return (path, { try workshop.read(log).count { $0 == UInt8(ascii: "\n") } })
        }
    }
}
