// SPDX-License-Identifier: Apache-2.0
// `jackfield drain` and `undrain`: replicas of a running gateway's servers get no new calls, and get them again.

import JSON
import JackfieldCore

private let whichReplica = Positional(
    name: "SERVER[/REPLICA]",
    summary: "a server, or those of its replicas: by place in the configuration, from 0, or by version")

let drainCommand: Command = Command(
    name: "drain",
    summary: "send no new calls to a server or to some of its replicas",
    details: """
        Calls under way end as usual. Other replicas take what comes; where none is left, the server's tools \
        stay listed and calls are answered with status 503, Retry-After and the reason "draining". Sessions \
        and connections stay, idle, until 'jackfield undrain'. It holds through reloads and swaps as long as the \
        server's replicas are the same, and until the gateway ends. With --wait the exit status is 0 once no call is under way, and 1 \
        when that does not come in time.
        """,
    options: [
        .flag("wait", "wait until no call is under way, and say how many are"),
        .value("timeout", "TIME", .duration, "how long to wait", fallback: "5m"),
        RunningGateway.pid, RunningGateway.state, CommonOptions.json,
    ],
    positionals: [whichReplica],
    examples: [
        Example("jackfield drain tickets", "the whole server"),
        Example("jackfield drain search/2 --wait", "its third replica, until it is empty"),
        Example("jackfield drain search/2.1.0 --wait --timeout 30s", "all replicas of a version"),
    ]
) { arguments throws(UsageProblem) in
    var members = subject(arguments, "drain")
    if arguments.has("wait") {
        let timeout = (arguments.duration("timeout") ?? 0) / 1_000_000
        members.append(.init("wait_ms", JSONValue(timeout)))
    }
    return try follow(arguments, members)
}

let undrainCommand: Command = Command(
    name: "undrain",
    summary: "send calls again to what was drained",
    options: [RunningGateway.pid, RunningGateway.state, CommonOptions.json],
    positionals: [whichReplica],
    examples: [Example("jackfield undrain search/2", "the replica gets calls again")]
) { arguments throws(UsageProblem) in try follow(arguments, subject(arguments, "undrain")) }

private func subject(_ arguments: Arguments, _ what: String) -> [JSONMemberValue] {
    // No server's name has a slash; a version may have some.
    let parts = arguments.positionals[0].split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
    var members: [JSONMemberValue] = [.init("do", .string(what)), .init("server", .string(String(parts[0])))]
    if parts.count > 1 { members.append(.init("replica", .string(String(parts[1])))) }
    return members
}

/// Prints what the gateway says until its last word.
private func follow(_ arguments: Arguments, _ members: [JSONMemberValue]) throws(UsageProblem) -> Int32 {
    let isJSON = arguments.has("json")
    var isDone = false
    var isOver = false
    let problem = try askGateway(arguments, .object(members)) { answer in
        isOver = answer["final"] == .bool(true)
        isDone = answer["done"] == .bool(true)
        standardOutput.write(isJSON ? "\(answer)\n" : "\(printable(answer["text"]?.string ?? ""))\n")
        return !isOver
    }
    if let problem { report(problem) }
    if problem == nil, !isOver { report("the gateway went away") }
    return problem == nil && isDone ? 0 : 1
}
