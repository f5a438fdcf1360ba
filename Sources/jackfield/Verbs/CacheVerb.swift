// SPDX-License-Identifier: Apache-2.0
// `jackfield cache clear`: a running gateway gives up the answers that it keeps.

import JSON
import JackfieldCore

let cacheCommand: Command = Command(
    name: "cache",
    summary: "answers that a running gateway keeps (response_cache)",
    commands: [cacheClearCommand],
    examples: [Example("jackfield cache clear search", "after its data changed")]
)

private let cacheClearCommand: Command = Command(
    name: "clear",
    summary: "give up the kept answers of a server, or of all",
    details: """
        Calls from now on are made anew. Calls under way are not touched, and nothing of theirs is kept. \
        What is kept, and how often it served, is at /healthz?servers=1.
        """,
    options: [RunningGateway.pid, RunningGateway.state],
    positionals: [
        Positional(
            name: "SERVER", kind: .serverName, isRequired: false, summary: "its name; without it, all servers"
        )
    ],
    examples: [
        Example("jackfield cache clear search", "of one server"),
        Example("jackfield cache clear --pid 4711", "of all, where several gateways run"),
    ]
) { arguments throws(UsageProblem) in
    var members: [JSONMemberValue] = [.init("do", .string("clear"))]
    if let name = arguments.positionals.first { members.append(.init("server", .string(name))) }
    var said: String?
    let problem = try askGateway(arguments, .object(members)) { answer in
        said = answer["done"]?.string
        return false
    }
    guard problem == nil, let said else {
        report(problem ?? "the gateway went away")
        return 1
    }
    standardOutput.write("\(printable(said))\n")
    return 0
}
