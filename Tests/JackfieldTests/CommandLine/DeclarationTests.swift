// SPDX-License-Identifier: Apache-2.0
// The declarations themselves, and what is made from them: help, completion, the reference page.

import Glibc
import JSON
import Testing

@testable import jackfield

private func every(_ command: Command, _ path: [String]) -> [(path: [String], command: Command)] {
    [(path, command)] + command.commands.flatMap { every($0, path + [$0.name]) }
}

private let all = every(jackfieldCommand, ["jackfield"])

/// Whether a shell accepts a script without running it; nil: there is no such shell.
private func accepts(_ shell: String, _ options: [String], _ script: String) throws -> Bool? {
    let found = ["/bin/", "/usr/bin/", "/usr/local/bin/"].first { access($0 + shell, X_OK) == 0 }
    guard let found else { return nil }
    var template = Array("/tmp/jackfield-test-XXXXXX".utf8CString)
    let descriptor = mkstemp(&template)
    try #require(descriptor >= 0)
    let path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    defer { unlink(path) }
    Stream(descriptor).write(script)
    close(descriptor)
    var words: [UnsafeMutablePointer<CChar>?] =
        ([found + shell] + options + [path]).map { strdup($0) } + [nil]
    defer { for word in words { free(word) } }
    var child = pid_t()
    try #require(posix_spawn(&child, found + shell, nil, nil, &words, nil) == 0)
    var status: Int32 = 0
    waitpid(child, &status, 0)
    return status == 0
}

@Suite struct DeclarationTests {
    @Test func namesAreUnique() {
        for (path, command) in all {
            #expect(Set(command.commands.map(\.name)).count == command.commands.count, "\(path)")
            #expect(Set(command.allOptions.map(\.name)).count == command.allOptions.count, "\(path)")
            let letters = command.allOptions.compactMap(\.short)
            #expect(Set(letters).count == letters.count, "\(path)")
        }
    }

    @Test func eachCommandRunsOrGroups() {
        for (path, command) in all { #expect((command.run == nil) == !command.commands.isEmpty, "\(path)") }
    }

    @Test func fallbacksAreOfTheirKind() {
        for (path, command) in all {
            for option in command.options {
                if let fallback = option.fallback {
                    #expect(objection(to: fallback, option.kind) == nil, "\(path)")
                }
            }
        }
    }

    @Test func helpHasExamplesAndFits() {
        for (path, command) in all {
            let text = helpText(path: path, command)
            #expect(text.contains("Examples:"), "\(path)")
            for option in command.allOptions { #expect(text.contains("--\(option.name)"), "\(path)") }
            for line in text.split(separator: "\n") { #expect(line.count <= 110, "\(line)") }
        }
    }

    /// The examples that need neither a shell nor standard input are understood by the parser.
    @Test func examplesAreValid() throws {
        var count = 0
        for (path, command) in all {
            for example in command.examples where example.line.hasPrefix("jackfield ") {
                guard !example.line.contains(where: { "'|<>(~".contains($0) }) else { continue }
                let words = example.line.split(separator: " ").map(String.init)
                #expect(throws: Never.self, "\(path): \(example.line)") {
                    _ = try parse(Array(words.dropFirst()), jackfieldCommand)
                }
                count += 1
            }
        }
        #expect(count > 10)
    }

    @Test func bashAcceptsItsCompletion() throws {
        let script = bashCompletion(jackfieldCommand)
        #expect(try accepts("bash", ["--norc", "-n"], script) != false)
        #expect(script.contains("--plugin-dir"))
    }

    @Test func zshAcceptsItsCompletion() throws {
        let script = zshCompletion(jackfieldCommand)
        #expect(try accepts("zsh", ["-f", "-n"], script) != false)
        #expect(script.hasPrefix("#compdef jackfield\n"))
        for (path, command) in all where command.run != nil {
            #expect(script.contains("_" + path.joined(separator: "_") + "() {"))
        }
    }

    @Test func fishAcceptsItsCompletion() throws {
        let script = fishCompletion(jackfieldCommand)
        #expect(try accepts("fish", ["--no-execute"], script) != false)
        #expect(script.contains("-l plugin-dir"))
    }

    @Test func bashCompletes() throws {
        let script =
            bashCompletion(jackfieldCommand) + """

                complete_words() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _jackfield 2>/dev/null; }
                complete_words jackfield plug; [ "${COMPREPLY[*]}" = plugin ] || exit 1
                complete_words jackfield plugin ''; [[ " ${COMPREPLY[*]} " == *" inspect "* ]] || exit 2
                complete_words jackfield tools --era ''
                [ "${COMPREPLY[*]}" = "auto modern legacy" ] || exit 3
                complete_words jackfield tools --er; [ "${COMPREPLY[*]}" = --era ] || exit 4
                """
        #expect(try accepts("bash", ["--norc"], script) != false)
    }

    @Test func referencePageIsCurrent() throws {
        let folder = #filePath.split(separator: "/").dropLast(4).joined(separator: "/")
        guard case .success(let bytes) = readWholeFile("/\(folder)/docs/reference/command-line.md") else {
            Issue.record("docs/reference/command-line.md cannot be read")
            return
        }
        #expect(
            String(decoding: bytes, as: UTF8.self) == markdownReference(jackfieldCommand),
            "run: jackfield help --markdown > docs/reference/command-line.md")
    }
}
