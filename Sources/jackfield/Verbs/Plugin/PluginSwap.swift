// SPDX-License-Identifier: Apache-2.0
// `jackfield plugin swap`, `generations` and `restart`: plugins of a gateway that runs.

import Glibc
import JSON
import JackfieldCore

let pluginSwapCommand: Command = Command(
    name: "swap",
    summary: "replace a plugin of a running gateway by another build",
    details: """
        The new build is loaded beside the old one and has to bring up every server that the old one has up. \
        Then new calls go to it, and those under way end with the old one, which stands ready for a while \
        (runtime.swap_trial). If the new build cannot be used, or more of its calls fail than \
        runtime.swap_failures allows, everything goes back. The exit status is 1 unless the new build stays.
        """,
    options: [RunningGateway.pid, RunningGateway.state, CommonOptions.json],
    positionals: [
        Positional(name: "ID", summary: "the plugin's id"),
        Positional(name: "FILE", kind: .file, summary: "the new build, readable for the gateway"),
    ],
    examples: [
        Example("jackfield plugin swap acme-auth ./acme_auth.so", "with the one gateway of this user"),
        Example("jackfield plugin swap acme-auth ./acme_auth.so --pid 4711 --json", "for a script"),
    ]
) { arguments throws(UsageProblem) in
    let file = arguments.positionals[1]
    guard let real = realpath(file, nil) else {
        report("\(file): \(String(cString: strerror(errno)))")
        return 1
    }
    defer { free(real) }
    let request = JSONValue.object([
        .init("do", .string("swap")), .init("plugin", .string(arguments.positionals[0])),
        .init("file", .string(String(cString: real))),
    ])
    let isJSON = arguments.has("json")
    var isGood = false
    var isOver = false
    let problem = try askGateway(arguments, request) { answer in
        guard let step = answer["step"]?.string, let text = answer["text"]?.string else { return false }
        isOver = answer["final"] == .bool(true)
        isGood = step == SwapReport.Step.done.rawValue
        if isJSON {
            standardOutput.write("\(answer)\n")
        } else {
            standardOutput.write("\(printable(step)): \(printable(text))\n")
        }
        return !isOver
    }
    if let problem { report(problem) }
    if problem == nil, !isOver { report("the gateway went away before the swap was over") }
    return isGood ? 0 : 1
}

let pluginGenerationsCommand: Command = Command(
    name: "generations",
    summary: "list the builds of plugins that a running gateway has in memory",
    details: """
        current: new calls go there. trial: likewise, while its predecessor stands ready. draining: what is \
        under way may end. retired: nothing is left but the image, which stays in memory until the gateway ends.
        """,
    options: [RunningGateway.pid, RunningGateway.state, CommonOptions.json],
    examples: [
        Example("jackfield plugin generations", "of the one gateway of this user"),
        Example(
            "jackfield plugin generations --json | jq '.generations[] | select(.state == \"draining\")'",
            "what has not ended yet"),
    ]
) { arguments throws(UsageProblem) in
    var found: JSONValue?
    let problem = try askGateway(arguments, .object([.init("do", .string("generations"))])) { answer in
        found = answer
        return false
    }
    guard problem == nil, let found, case .array(let list)? = found["generations"] else {
        report(problem ?? "the gateway went away")
        return 1
    }
    if arguments.has("json") {
        standardOutput.write(found.pretty() + "\n")
        return 0
    }
    var table = Table([
        "PLUGIN", "GENERATION", "VERSION", "SHA-256", "STATE", "PLACEMENT", "OPEN", "CALLS", "WHY",
    ])
    for entry in list {
        func text(_ key: String) -> String {
            if case .number(let spelled)? = entry[key] { return spelled }
            return entry[key]?.string ?? "-"
        }
        table.rows.append([
            text("plugin"), text("generation"), text("version"), String(text("sha256").prefix(12)),
            text("state"), place(entry), text("open_calls"), text("calls"),
            text("reason").isEmpty ? cellTrouble(entry) ?? "-" : text("reason"),
        ])
    }
    standardOutput.write(table.text(width: terminalWidth(1), style: Style(descriptor: 1)))
    return 0
}

/// `inproc`, or `cell: 2 up, 1 quarantined`.
private func place(_ generation: JSONValue) -> String {
    let placement = generation["placement"]?.string ?? "-"
    guard case .array(let cells)? = generation["cells"], !cells.isEmpty else { return placement }
    let states = cells.compactMap { $0["state"]?.string }
    let order = CellSummary.State.allCases.map(\.rawValue)
    let counts = order.compactMap { state in
        let count = states.filter { $0 == state }.count
        return count > 0 ? "\(count) \(state)" : nil
    }
    return "\(placement): " + counts.joined(separator: ", ")
}

/// Why a cell does not run; nil: all do.
private func cellTrouble(_ generation: JSONValue) -> String? {
    guard case .array(let cells)? = generation["cells"] else { return nil }
    let down = cells.first { $0["state"]?.string != CellSummary.State.up.rawValue }
    return down?["reason"]?.string.map { printable($0) }
}

let pluginRestartCommand: Command = Command(
    name: "restart",
    summary: "start a plugin's cells again that are in quarantine or wait",
    details: """
        A plugin in a cell that ended too often is not started again by itself; `jackfield plugin generations` \
        shows that, and why it ended. This lifts the quarantine, as a reload does. Cells that run are left alone.
        """,
    options: [RunningGateway.pid, RunningGateway.state],
    positionals: [Positional(name: "ID", summary: "the plugin's id")],
    examples: [Example("jackfield plugin restart acme-auth", "once its cause is mended")]
) { arguments throws(UsageProblem) in
    let request = JSONValue.object([
        .init("do", .string("restart")), .init("plugin", .string(arguments.positionals[0])),
    ])
    var said: String?
    let problem = try askGateway(arguments, request) { answer in
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
