// SPDX-License-Identifier: Apache-2.0
// `jackfield rollout`: how far the new version of a running gateway's server has come, and what becomes of it.

import JSON
import JackfieldCore

let rolloutCommand: Command = Command(
    name: "rollout",
    summary: "show or change the rollout of a server's new version",
    details: """
        status: how far it is. promote: all calls go to the new version from now on, and nothing is rolled back \
        by itself any more. rollback: the new version gets no calls. pause: its share stays as it is; a rollback by itself \
        still happens. resume: goes on after a pause; after a rollback, or at its end, it begins anew with \
        the first step. The exit status of status is 1 after a rollback.
        """,
    options: [RunningGateway.pid, RunningGateway.state, CommonOptions.json],
    positionals: [
        Positional(
            name: "SERVER", kind: .serverName, summary: "a server with a rollout in its configuration"),
        Positional(
            name: "ACTION", kind: .choice(RolloutAction.allCases.map(\.rawValue)), isRequired: false,
            summary: RolloutAction.words + "; without one: status"),
    ],
    examples: [
        Example("jackfield rollout search", "its share, its calls, and how many of them failed"),
        Example("jackfield rollout search rollback", "back to the old version, at once"),
        Example("jackfield rollout search promote", "it has proved itself"),
    ]
) { arguments throws(UsageProblem) in
    let action = arguments.positionals.count > 1 ? arguments.positionals[1] : "status"
    let request = JSONValue.object([
        .init("do", .string("rollout")), .init("server", .string(arguments.positionals[0])),
        .init("action", .string(action)),
    ])
    var found: JSONValue?
    let problem = try askGateway(arguments, request) { answer in
        found = answer["rollout"]
        return false
    }
    guard problem == nil, let found else {
        report(problem ?? "the gateway went away")
        return 1
    }
    standardOutput.write(
        arguments.has("json") ? found.pretty() + "\n" : rolloutText(found, Style(descriptor: 1)))
    return action == "status" && found["state"]?.string == "rolled_back" ? 1 : 0
}

/// The object that the gateway shows, for people.
func rolloutText(_ rollout: JSONValue, _ style: Style) -> String {
    func number(_ value: JSONValue?) -> String {
        if case .number(let spelled)? = value { return spelled }
        return "0"
    }
    func counts(_ key: String) -> String {
        let side = rollout[key]
        let slow = side?["p95_ms"].map { ", 95 % within \(number($0)) ms" } ?? ""
        return "\(number(side?["calls"])) calls, \(number(side?["failures"])) failed\(slow)"
    }
    let state = (rollout["state"]?.string ?? "unknown").split(separator: "_").joined(separator: " ")
    let reason = rollout["reason"]?.string.map { ": \($0)" } ?? ""
    let share = (rollout["share"]?.double ?? 0) * 100
    let percent = share == share.rounded() ? String(Int(share)) : String((share * 100).rounded() / 100)
    return keyed(
        [
            ("Version", rollout["version"]?.string ?? "?"), ("State", state + reason),
            ("Share", "\(percent) %, step \(number(rollout["step"])) of \(number(rollout["steps"]))"),
            ("New, this step", counts("new")), ("Old", counts("old")),
            ("In all", "\(number(rollout["calls"])) calls, \(number(rollout["failed_calls"])) failed"),
        ], style: style)
}
