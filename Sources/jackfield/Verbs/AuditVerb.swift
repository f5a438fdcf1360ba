// SPDX-License-Identifier: Apache-2.0
// `jackfield audit`: checks and reads the log of calls, denials and changes.

import Configuration
import Glibc
import JSON
import JackfieldCore

let auditCommand: Command = Command(
    name: "audit",
    summary: "check and read the audit log: who called what, who was denied, who changed something",
    details: "A gateway writes it whose configuration has the block 'audit'.",
    commands: [auditVerifyCommand, auditShowCommand, auditExportCommand],
    examples: [
        Example("jackfield audit verify", "of the standard state directory"),
        Example("jackfield audit show --denied --since 1h", "who was turned away"),
    ]
)

private let auditVerifyCommand: Command = Command(
    name: "verify",
    summary: "find every record that was removed, changed, reordered, inserted or cut off",
    details: """
        Each record holds the digest of the one before, checkpoints are signed, and a file beside the log says how \
        far it reaches. Each finding is one line: FILE:LINE, and what is wrong. Without PATH it checks the log \
        of a gateway in the standard state directory; several files are checked as parts of one log, in the \
        order in which they are given. Signatures are checked with --key, else with audit.pub beside the log: \
        whoever can change the log can change that, too, so keep a copy of it elsewhere. Exit status: 0 nothing is \
        wrong, 1 something is, 2 the log cannot be read.
        """,
    options: [
        .value("key", "FILE", .file, "the public key (audit.pub); a copy from elsewhere proves more"),
        CommonOptions.json, RunningGateway.state, CommonOptions.pluginDirectories,
    ],
    positionals: [
        Positional(
            name: "PATH", kind: .file, isRequired: false, isRepeatable: true,
            summary: "the log's folder, or some of its files")
    ],
    examples: [
        Example("jackfield audit verify", "the log in the standard state directory"),
        Example(
            "jackfield audit verify /var/lib/jackfield/audit --key /etc/jackfield/audit.pub",
            "with a key kept elsewhere"),
        Example("jackfield audit verify copy/audit-000007.jsonl --json", "one file, for a program"),
    ]
) { arguments throws(UsageProblem) in
    var paths = arguments.positionals
    if paths.isEmpty { paths = [try auditDirectory(arguments)] }
    let key: AuditKey?
    switch auditKey(arguments.value("key"), near: paths[0]) {
    case .success(let found): key = found
    case .failure(let problem):
        report(problem.description)
        return 2
    }
    var judge: AuditVerification.Judge?
    var held: Gateway?
    if let key {
        switch signingGateway(arguments.all("plugin-dir")) {
        case .failure(let problem):
            report("signatures cannot be checked: \(problem.description)")
            return 2
        case .success(let gateway):
            held = gateway
            judge = gateway.signing.map { service in { service.judge(key, $0, $1) } }
        }
    }
    defer { withExtendedLifetime(held) {} }
    do {
        let checked = try AuditVerification(paths, key: key?.id, judge: judge)
        printVerification(checked, key, asJSON: arguments.has("json"))
        return checked.isGood ? 0 : 1
    } catch {
        report("\(error)")
        return 2
    }
}

/// Where the log of a gateway lies that was not configured otherwise.
func auditDirectory(_ arguments: Arguments) throws(UsageProblem) -> String {
    let states = arguments.value("state-dir").map { [$0] } ?? standardStateDirectories()
    for state in states where access(state + "/audit", F_OK) == 0 { return state + "/audit" }
    throw arguments.problem(
        "there is no audit log in \(states.map { $0 + "/audit" }.joined(separator: " or "))",
        hint: "name its folder, or --state-dir as in runtime.state_dir of the gateway's configuration")
}

/// The key to check with; nil: none is at hand.
private func auditKey(_ given: String?, near path: String) -> Result<AuditKey?, LineProblem> {
    let folder =
        path.hasSuffix(".jsonl") ? (path.split(separator: "/").dropLast().joined(separator: "/")) : path
    let root = path.hasPrefix("/") && !folder.hasPrefix("/") ? "/" : ""
    let base = folder.isEmpty ? "." : root + folder
    let places =
        given.map { [$0] } ?? ["\(base)/\(AuditKey.publicName)", "\(base)/../\(AuditKey.publicName)"]
    for place in places {
        guard let bytes = wholeFile(place) else { continue }
        guard let key = AuditKey(pem: bytes) else {
            return .failure(LineProblem("\(place) holds no public key of Ed25519 in PEM"))
        }
        return .success(key)
    }
    if let given { return .failure(LineProblem("cannot read \(given)")) }
    return .success(nil)
}

/// A gateway that does nothing but offer what signs.
private func signingGateway(_ pluginDirectories: [String]) -> Result<Gateway, LineProblem> {
    let log = Log(level: .error)
    let plugins = PluginSet(nil, extra: pluginDirectories, log: log)
    var plan = GatewayPlan()
    var plugin = PluginPlan()
    plugin.id = "signing-openssl"
    plan.plugins = [plugin]
    do {
        let gateway = try Gateway(plan, choice: plugins.choice, libraries: plugins.load(plan), log: log)
        guard gateway.signing != nil else {
            return .failure(LineProblem("no plugin offers jf.signing/1; install signing-openssl"))
        }
        return .success(gateway)
    } catch {
        return .failure(LineProblem("\(error)"))
    }
}

private func printVerification(_ checked: AuditVerification, _ key: AuditKey?, asJSON: Bool) {
    if asJSON {
        let findings = checked.findings.map { finding in
            JSONValue.object([
                .init("file", .string(finding.file)), .init("line", JSONValue(finding.line)),
                .init("text", .string(finding.text)), .init("note", .bool(finding.isNote)),
            ])
        }
        let value = JSONValue.object([
            .init("good", .bool(checked.isGood)), .init("files", JSONValue(checked.files)),
            .init("records", JSONValue(checked.records)),
            .init("first", checked.first.map { JSONValue($0) } ?? .null),
            .init("last", checked.last.map { JSONValue($0) } ?? .null),
            .init("checkpoints", JSONValue(checked.checkpoints)),
            .init("signatures", JSONValue(checked.signatures)), .init("lost", JSONValue(checked.lost)),
            .init("key", key.map { .string($0.id) } ?? .null), .init("findings", .array(findings)),
        ])
        return standardOutput.write(value.pretty() + "\n")
    }
    for finding in checked.findings {
        let place = finding.line > 0 ? "\(finding.file):\(finding.line)" : finding.file
        let text = "\(place): \(finding.isNote ? "note: " : "")\(finding.text)"
        standardOutput.write(printable(text) + "\n")
    }
    var parts = [counted(checked.records, "record"), counted(checked.files, "file")]
    if let first = checked.first, let last = checked.last { parts.append("numbers \(first) to \(last)") }
    parts.append(
        key == nil
            ? "\(counted(checked.checkpoints, "checkpoint")) without a key to check them"
            : "\(counted(checked.signatures, "signature")) by key \(key?.id ?? "") checked")
    if checked.lost > 0 {
        parts.append("\(counted(checked.lost, "record")) lost when they could not be written")
    }
    let wrong = checked.findings.count { !$0.isNote }
    standardOutput.write(
        "\(checked.isGood ? "ok" : counted(wrong, "finding")): \(parts.joined(separator: ", "))\n")
}

/// One sentence of what went wrong.
struct LineProblem: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

/// A small file's bytes; nil: it cannot be read.
func wholeFile(_ path: String, limit: Int = 64 << 20) -> [UInt8]? {
    let fd = open(path, O_RDONLY | O_CLOEXEC)
    guard fd >= 0 else { return nil }
    defer { close(fd) }
    var bytes: [UInt8] = []
    var part = [UInt8](repeating: 0, count: 64 << 10)
    while bytes.count <= limit {
        let count = read(fd, &part, part.count)
        if count < 0, errno == EINTR { continue }
        guard count >= 0 else { return nil }
        if count == 0 { return bytes }
        bytes.append(contentsOf: part[..<count])
    }
    return nil
}
