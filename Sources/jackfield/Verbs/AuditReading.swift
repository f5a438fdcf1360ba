// SPDX-License-Identifier: Apache-2.0
// `jackfield audit show` and `export`: records of an audit log, for people and for programs.

import CLinux
import Glibc
import JSON
import JackfieldCore

/// Which records are wanted.
private struct AuditFilter {
    var since: UInt64 = 0
    var until: UInt64 = .max
    var principal: String?
    var tool: String?
    var deniedOnly = false

    init(_ arguments: Arguments) throws(UsageProblem) {
        if let text = arguments.value("since") { since = try moment(text, "since", arguments) }
        if let text = arguments.value("until") { until = try moment(text, "until", arguments) }
        principal = arguments.value("principal")
        tool = arguments.value("tool")
        deniedOnly = arguments.has("denied")
    }

    func takes(_ record: JSONValue) -> Bool {
        guard let time = record["time"]?.string.flatMap({ nanoseconds(ofTime: $0) }), time >= since,
            time < until
        else { return false }
        if deniedOnly, record["outcome"]?.string != "denied" { return false }
        if let principal {
            let who = record["principal"]
            let names = ["subject", "key", "credential"].compactMap { who?[$0]?.string }
            guard names.contains(principal) || record["user"]?.string?.hasPrefix(principal) == true else {
                return false
            }
        }
        if let tool { return record["tool"]?.string == tool || record["name"]?.string == tool }
        return true
    }
}

/// Nanoseconds of Unix time of `2h` (so long ago) or `2026-11-22T10:00:00Z`.
func moment(_ text: String, _ name: String, _ arguments: Arguments) throws(UsageProblem) -> UInt64 {
    if let time = nanoseconds(ofTime: text) { return time }
    if let time = nanoseconds(ofTime: text + "T00:00:00Z") { return time }
    var now = timespec()
    clock_gettime(CLOCK_REALTIME, &now)
    if let age = nanoseconds(text) {
        let time = UInt64(now.tv_sec) * 1_000_000_000 + UInt64(now.tv_nsec)
        return time > age ? time - age : 0
    }
    throw arguments.problem(
        "--\(name): '\(text)' is no time", hint: "write 30m or 2h for so long ago, or 2026-11-22T10:00:00Z")
}

private let filterOptions: [Option] = [
    .value("since", "TIME", .text, "30m or 2h ago, or 2026-11-22T10:00:00Z"),
    .value("principal", "NAME", .text, "subject, key or credential, or the local user of changes"),
    .value("tool", "NAME", .text, "as it is shown, or as its server calls it"),
    .flag("denied", "only what was denied"),
]

private let whichLog = Positional(
    name: "PATH", kind: .file, isRequired: false, isRepeatable: true,
    summary: "the log's folder or some of its files; without it, the log in the standard state directory")

let auditShowCommand: Command = Command(
    name: "show",
    summary: "print records of the audit log, one line each",
    details:
        "A record is shown as it stands, unchecked: 'jackfield audit verify' says whether it can be trusted.",
    options: filterOptions + [
        .flag("follow", short: "f", "go on with what is recorded from now on"), RunningGateway.state,
    ],
    positionals: [whichLog],
    examples: [
        Example("jackfield audit show --since 1h", "the last hour"),
        Example("jackfield audit show --denied --follow", "who is turned away, as it happens"),
        Example("jackfield audit show --principal alice --tool search", "one user's calls of one tool"),
    ]
) { arguments throws(UsageProblem) in
    let filter = try AuditFilter(arguments)
    var reader = AuditReader(try logPaths(arguments))
    let style = Style(descriptor: 1)
    while !standardOutput.hasFailed {
        reader.read { line in
            guard let record = try? JSONValue(parsing: line), filter.takes(record) else { return }
            standardOutput.write(auditLine(record, style) + "\n")
        }
        guard arguments.has("follow") else { break }
        usleep(200_000)
    }
    return 0
}

let auditExportCommand: Command = Command(
    name: "export",
    summary: "print records of the audit log as they are, as lines of JSON",
    options: filterOptions + [
        .value("until", "TIME", .text, "as for --since: up to there"), RunningGateway.state,
    ],
    positionals: [whichLog],
    examples: [
        Example("jackfield audit export --since 24h > yesterday.jsonl", "the last day"),
        Example(
            "jackfield audit export --since 2026-11-01T00:00:00Z --until 2026-12-01T00:00:00Z", "a month"),
    ]
) { arguments throws(UsageProblem) in
    let filter = try AuditFilter(arguments)
    var reader = AuditReader(try logPaths(arguments))
    reader.read { line in
        guard !standardOutput.hasFailed, let record = try? JSONValue(parsing: line), filter.takes(record)
        else {
            return
        }
        standardOutput.write(Array(line) + [10])
    }
    return 0
}

private func logPaths(_ arguments: Arguments) throws(UsageProblem) -> [String] {
    if !arguments.positionals.isEmpty { return arguments.positionals }
    return [try auditDirectory(arguments)]
}

/// Reads whole lines of a log's files, and what is added to them.
private struct AuditReader {
    private let paths: [String]
    private var places: [String: Int] = [:]

    init(_ paths: [String]) { self.paths = paths }

    private var files: [String] {
        paths.flatMap { path -> [String] in
            guard let directory = opendir(path) else { return [path] }
            defer { closedir(directory) }
            var names: [String] = []
            while let entry = readdir(directory) {
                let name = withUnsafePointer(to: &entry.pointee.d_name) {
                    $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
                }
                if name.hasPrefix("audit-"), name.hasSuffix(".jsonl") { names.append(name) }
            }
            return names.sorted().map { path + "/" + $0 }
        }
    }

    mutating func read(_ each: (ArraySlice<UInt8>) -> Void) {
        for file in files {
            let fd = open(file, O_RDONLY | O_CLOEXEC)
            guard fd >= 0 else {
                report("cannot read \(file): \(String(cString: strerror(errno)))")
                continue
            }
            defer { close(fd) }
            var at = places[file] ?? 0
            var rest: [UInt8] = []
            var part = [UInt8](repeating: 0, count: 256 << 10)
            while true {
                let count = pread(fd, &part, part.count, off_t(at + rest.count))
                guard count > 0 else { break }
                rest.append(contentsOf: part[..<count])
                var start = 0
                while let end = rest[start...].firstIndex(of: 10) {
                    each(rest[start..<end])
                    start = end + 1
                }
                at += start
                rest.removeSubrange(..<start)
            }
            places[file] = at
        }
    }
}

/// A record in one line: when, what, who, how it ended.
private func auditLine(_ record: JSONValue, _ style: Style) -> String {
    func text(_ name: String) -> String? { record[name]?.string }
    let kind = text("kind") ?? "?"
    let outcome = text("outcome") ?? ""
    let who = record["principal"].flatMap { who in
        who["tenant"]?.string.map { "\(who["subject"]?.string ?? "?") of \($0)" } ?? who["subject"]?.string
    }
    var parts = [text("time") ?? "?", kind]
    parts.append(who ?? text("user") ?? text("client") ?? "-")
    parts += [text("action"), text("method"), text("tool")].compactMap { $0 }
    if let server = text("server") { parts.append("at \(server)") }
    if let details = record["details"] { parts.append("\(details)") }
    let end = ([outcome, text("reason"), text("rule")].compactMap { $0 }).filter { !$0.isEmpty }
    var line = printable(parts.joined(separator: " "))
    if !end.isEmpty {
        let shown = printable(end.joined(separator: " "))
        line +=
            " "
            + (outcome == "ok"
                ? style.good(shown) : outcome == "denied" ? style.bad(shown) : style.wary(shown))
    }
    if let latency = record["latency_us"]?.int { line += " \(Double(latency) / 1000) ms" }
    if let why = text("text") { line += ": " + printable(why) }
    return line
}
