// SPDX-License-Identifier: Apache-2.0
// Runs what the command line asks for.

import Glibc

/// Runs the words after the program's name. Exit status: 0 done, 1 failed at run time, 2 wrong usage or
/// configuration.
func runCommandLine(_ words: [String]) -> Int32 {
    // A reader that went away is an error of the write, not the end of this process.
    signal(SIGPIPE, SIG_IGN)
    let root = jackfieldCommand
    if words == ["--version"] || words == ["-V"] { return printVersion(asJSON: false) }
    guard !words.isEmpty else {
        standardError.write(helpText(path: [root.name], root, style: Style(descriptor: 2)))
        return 2
    }
    do throws(UsageProblem) {
        switch try parse(words, root) {
        case .help(let path, let command):
            // A group that was named without one of its commands is misuse; help that was asked for is data.
            let isAsked = words.contains("--help") || words.contains("-h")
            let stream = isAsked ? standardOutput : standardError
            stream.write(helpText(path: path, command, style: Style(descriptor: stream.descriptor)))
            return isAsked ? 0 : 2
        case .run(let arguments):
            guard let run = arguments.command.run else { return 2 }
            let status = try run(arguments)
            return status == 0 && standardOutput.hasFailed ? 1 : status
        }
    } catch {
        standardError.write("jackfield: \(printable(error.message)); \(printable(error.hint))\n")
        return 2
    }
}
