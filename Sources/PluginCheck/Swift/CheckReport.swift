// SPDX-License-Identifier: Apache-2.0
// Reports of a run for machines: JSON and JUnit XML.

import JSON
import JackfieldCore

/// The results of a run and what they belong to.
public struct CheckReport: Sendable {
    public let run: CheckRun
    public let results: [CheckResult]

    public init(_ run: CheckRun, _ results: [CheckResult]) {
        self.run = run
        self.results = results
    }

    /// The manifest's id, else the file's name.
    public var name: String {
        run.subject.manifest?.id ?? String(run.subject.path.split(separator: "/").last ?? "plugin")
    }

    public func count(_ outcome: CheckResult.Outcome) -> Int { results.count { $0.outcome == outcome } }

    /// Warnings and skips are no failures.
    public var isGood: Bool { !results.contains(where: \.isBad) }

    /// The number of the report's shape: members may be added under the same number, and none change or go.
    public static let format = 1

    public var json: JSONValue {
        var members: [JSONMemberValue] = [
            .init("format", JSONValue(CheckReport.format)), .init("plugin", .string(name)),
            .init("file", .string(run.subject.path)),
        ]
        if let version = run.subject.manifest?.version { members.append(.init("version", .string(version))) }
        // A text: seeds do not fit into every reader's numbers.
        members.append(.init("seed", .string(String(run.seed))))
        members.append(.init("good", .bool(isGood)))
        for outcome in CheckResult.Outcome.allCases {
            members.append(.init(outcome.rawValue, JSONValue(count(outcome))))
        }
        members.append(.init("cases", .array(results.map(describe))))
        return .object(members)
    }

    /// One result, with the command that runs it again where it is bad.
    private func describe(_ result: CheckResult) -> JSONValue {
        var json = result.json
        if result.isBad { json["again"] = .string(run.again(result.name)) }
        return json
    }

    /// One test suite, one test case each, as CI systems read it.
    public var junit: String {
        let seconds = results.reduce(0) { $0 + $1.milliseconds } / 1000
        var out = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
        out += "<testsuite name=\"\(escaped(name))\" tests=\"\(results.count)\" failures=\"\(count(.fail))\" "
        out += "errors=\"\(count(.crash))\" skipped=\"\(count(.skip))\" time=\"\(shown(seconds))\">\n"
        let facts = [
            ("file", run.subject.path), ("version", run.subject.manifest?.version ?? ""),
            ("seed", String(run.seed)),
        ]
        out += "  <properties>\n"
        for (name, value) in facts where !value.isEmpty {
            out += "    <property name=\"\(name)\" value=\"\(escaped(value))\"/>\n"
        }
        out += "  </properties>\n"
        for result in results {
            out +=
                "  <testcase classname=\"\(escaped(name)).\(result.group)\" name=\"\(escaped(result.name))\" "
            out += "time=\"\(shown(result.milliseconds / 1000))\""
            let message = escaped(result.reason), advice = escaped(result.advice)
            let body = result.isBad ? "\(advice)\nagain: \(escaped(run.again(result.name)))" : advice
            switch result.outcome {
            case .pass: out += "/>\n"
            case .skip: out += "><skipped message=\"\(message)\"/></testcase>\n"
            case .fail: out += "><failure message=\"\(message)\">\(body)</failure></testcase>\n"
            case .crash: out += "><error message=\"\(message)\">\(body)</error></testcase>\n"
            case .warn: out += "><system-out>warning: \(message). \(advice)</system-out></testcase>\n"
            }
        }
        return out + "</testsuite>\n"
    }

    /// Three decimals.
    private func shown(_ seconds: Double) -> String {
        let milliseconds = Int((seconds * 1000).rounded())
        let fraction = String(milliseconds % 1000)
        return "\(milliseconds / 1000).\(String(repeating: "0", count: 3 - fraction.count))\(fraction)"
    }

    /// Characters that XML 1.0 has no place for become '?'.
    private func escaped(_ text: String) -> String {
        var out = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": out += "&amp;"
            case "<": out += "&lt;"
            case ">": out += "&gt;"
            case "\"": out += "&quot;"
            case "\n", "\t": out += " "
            case _ where scalar.value < 32 || scalar.value == 0xFFFE || scalar.value == 0xFFFF: out += "?"
            default: out.unicodeScalars.append(scalar)
            }
        }
        return out
    }
}
