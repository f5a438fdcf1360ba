// SPDX-License-Identifier: Apache-2.0
// The cell's command line.

import CCell
import CLinux
import Glibc
import JSON
import JackfieldCore

/// Exit status of wrong usage.
private let usageStatus: Int32 = 2

/// Does what the arguments say and answers the exit status.
func runCell(_ arguments: [String]) -> Int32 {
    switch (arguments.first, arguments.count) {
    case ("--version", 1):
        write("jackfield-cell \(Product.version)\n", to: 1)
        return 0
    case ("--help", 1):
        write(usage, to: 1)
        return 0
    case ("--probe", 2):
        return probe(arguments[1])
    case ("--run", 2):
        guard let descriptor = Int32(arguments[1]), descriptor > 2 else {
            write(usage, to: 2)
            return usageStatus
        }
        // C from here on: a plugin in C needs no Swift, and nothing of it may run before the limits are set.
        return jf_cell_run(descriptor)
    default:
        write(usage, to: 2)
        return usageStatus
    }
}

private let usage = """
    usage: jackfield-cell --probe FILE | --run FD | --version | --help

      --probe FILE   loads the plugin FILE into this process and prints one line of JSON that tells how it
                     went; the gateway runs this before it loads a plugin itself
      --run FD       serves one instance of a plugin on the gateway's socket FD; of use to the gateway only

    example: jackfield-cell --probe ./libacme_auth.so

    """

/// Loads a plugin under limits and prints the verdict, which is the only thing on standard output.
private func probe(_ path: String) -> Int32 {
    // Kept away from the plugin: what it prints goes to standard error.
    let report = jf_duplicate(1, 100)
    guard report >= 0, dup2(2, 1) >= 0 else {
        write("jackfield-cell: cannot set up standard output\n", to: 2)
        return 1
    }
    let problem = ProbeLimits.apply(keeping: report)
    if let problem {
        write("jackfield-cell: \(problem)\n", to: 2)
        return 1
    }
    let verdict = rehearsePlugin(at: path)
    write(verdict.json.description + "\n", to: report)
    // Not exit(): destructors of a plugin that is being rehearsed have nothing to add.
    _exit(0)
}

/// Writes all of a text; a reader that is gone is nobody's loss.
private func write(_ text: String, to descriptor: Int32) {
    var text = text
    text.withUTF8 { bytes in
        var written = 0
        while written < bytes.count {
            let count = Glibc.write(descriptor, bytes.baseAddress! + written, bytes.count - written)
            if count > 0 { written += count } else if jf_errno() != EINTR { return }
        }
    }
}
