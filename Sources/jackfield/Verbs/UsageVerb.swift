// SPDX-License-Identifier: Apache-2.0
// `jackfield usage`: what tenants used of tools.

import CLinux
import Glibc
import JSON
import JackfieldCore

let usageCommand: Command = Command(
    name: "usage",
    summary: "calls, errors, bytes, time and cost by tenant and tool",
    details: """
        A gateway counts whose configuration has the block 'audit', by the hour, and keeps the counts in its state \
        directory. Where one runs it is asked first, so that nothing is missing; else what is on disk is shown. \
        Cost is in millionths of the unit of the servers' 'cost'.
        """,
    options: [
        .value(
            "by", "NAMES", .text, "tenant, server, tool, hour: one or more, with commas",
            fallback: "tenant,server,tool"),
        .value("since", "TIME", .text, "2h or 24h ago, or 2026-11-22T10:00:00Z; whole hours"),
        CommonOptions.json, .flag("csv", "print CSV with a head line"), RunningGateway.pid,
        RunningGateway.state,
    ],
    examples: [
        Example("jackfield usage --since 24h", "the last day"),
        Example(
            "jackfield usage --by tenant --since 2026-11-01T00:00:00Z --csv > november.csv", "for a bill"),
    ]
) { arguments throws(UsageProblem) in
    let names = (arguments.value("by") ?? "").split(separator: ",").map(String.init)
    let known = ["tenant", "server", "tool", "hour"]
    if let unknown = names.first(where: { !known.contains($0) }) {
        throw arguments.problem("--by: '\(unknown)' is none of \(known.joined(separator: ", "))")
    }
    if arguments.has("json"), arguments.has("csv") {
        throw arguments.problem("--json and --csv exclude each other", hint: "give one of them")
    }
    let since = try arguments.value("since").map { text throws(UsageProblem) in
        try moment(text, "since", arguments)
    }
    var state: String?
    let problem = try askGateway(arguments, .object([.init("do", .string("flush"))])) { answer in
        state = answer["state"]?.string
        return false
    }
    if state == nil {
        let states = arguments.value("state-dir").map { [$0] } ?? standardStateDirectories()
        state = states.first { access(Usage.directory($0), F_OK) == 0 }
    }
    guard let state else {
        report(problem ?? "there are no counts of usage")
        return 1
    }
    var sums: [[String]: UsageCount] = [:]
    for row in Usage.rows(Usage.directory(state), since: since ?? 0) {
        let key = names.map { name in
            switch name {
            case "tenant": row.key.tenant
            case "server": row.key.server
            case "tool": row.key.tool
            default: row.key.hourText
            }
        }
        sums[key, default: UsageCount()].add(row.count)
    }
    let rows = sums.sorted { $0.key.lexicographicallyPrecedes($1.key) }
    standardOutput.write(
        arguments.has("json")
            ? usageJSON(names, rows) : arguments.has("csv") ? usageCSV(names, rows) : usageTable(names, rows))
    return 0
}

private func usageJSON(_ names: [String], _ rows: [(key: [String], value: UsageCount)]) -> String {
    var writer = JSONWriter()
    writer.beginArray()
    for row in rows {
        writer.beginObject()
        for (name, value) in zip(names, row.key) {
            writer.key(name)
            writer.value(value)
        }
        row.value.write(to: &writer)
        writer.endObject()
    }
    writer.endArray()
    return String(decoding: writer.bytes, as: UTF8.self) + "\n"
}

private let usageColumns = [
    "calls", "errors", "denied", "bytes_in", "bytes_out", "time_us", "cost_millionths",
]

private func numbers(_ count: UsageCount) -> [UInt64] {
    [
        count.calls, count.errors, count.denied, count.bytesIn, count.bytesOut, count.time / 1000, count.cost,
    ]
}

private func usageCSV(_ names: [String], _ rows: [(key: [String], value: UsageCount)]) -> String {
    func field(_ text: String) -> String {
        // A spreadsheet must not take a tenant's name for a formula.
        let safe = text.first.map { "=+-@\t".contains($0) } == true ? "'" + text : text
        return safe.contains { ",\"\n\r".contains($0) }
            ? "\"" + safe.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"")
                + "\"" : safe
    }
    let lines = rows.map { row in
        (row.key.map(field) + numbers(row.value).map { String($0) }).joined(separator: ",")
    }
    return ([(names + usageColumns).joined(separator: ",")] + lines).joined(separator: "\n") + "\n"
}

private func usageTable(_ names: [String], _ rows: [(key: [String], value: UsageCount)]) -> String {
    var table = Table(names + usageColumns)
    for row in rows {
        table.rows.append(row.key.map { $0.isEmpty ? "-" : $0 } + numbers(row.value).map { String($0) })
    }
    return table.text(width: nil, style: Style(descriptor: 1))
}
