// SPDX-License-Identifier: Apache-2.0
// The report of `jackfield plugin check` for people: a line a group, and what went wrong.

import JackfieldCore
import PluginCheck

/// Prints results as they come. One thread.
final class CheckPrinter {
    private let isQuiet: Bool
    private let style = Style(descriptor: 1)
    private var group: [CheckResult] = []
    /// The case that gave a reason first: one fault is often seen by many.
    private var told: [String: String] = [:]

    init(isQuiet: Bool) { self.isQuiet = isQuiet }

    func begin(_ run: CheckRun) {
        guard !isQuiet else { return }
        let name = run.subject.manifest.map { "\($0.id) \($0.version)" } ?? "plugin"
        standardOutput.write("\(style.bold(printable(name)))  \(printable(run.subject.path))\n\n")
    }

    func show(_ result: CheckResult, _ run: CheckRun) {
        guard !isQuiet else { return }
        if let last = group.last, last.group != result.group { endGroup(run) }
        group.append(result)
    }

    func end(_ report: CheckReport) {
        guard !isQuiet else { return }
        endGroup(report.run)
        let counts = [
            (report.count(.pass), "passed"), (report.count(.warn), "with warnings"),
            (report.count(.skip), "skipped"),
            (report.count(.fail), "failed"), (report.count(.crash), "crashed"),
        ]
        let shown = counts.enumerated().filter { $0.offset == 0 || $0.element.0 > 0 }
            .map { "\($0.element.0) \($0.element.1)" }.joined(separator: ", ")
        let tenths = Int((report.results.reduce(0) { $0 + $1.milliseconds } / 100).rounded())
        let line = "\(shown) in \(tenths / 10).\(tenths % 10) s; seed \(report.run.seed)"
        standardOutput.write("\n" + (report.isGood ? style.good(line) : style.bad(line)) + "\n")
    }

    /// `lifecycle    9 passed`, and below it whatever did not pass.
    private func endGroup(_ run: CheckRun) {
        guard let name = group.first?.group else { return }
        let passed = group.count { $0.outcome == .pass }
        let title = name + String(repeating: " ", count: max(1, 12 - name.count))
        let reasons = Set(group.map(\.reason))
        if group.allSatisfy({ $0.outcome == .skip }), let reason = reasons.first, reasons.count == 1 {
            standardOutput.write("\(title)\(style.dim("skipped: \(printable(reason))"))\n")
        } else {
            let all =
                passed == group.count ? style.good("\(passed) passed") : "\(passed) of \(group.count) passed"
            standardOutput.write("\(title)\(all)\n")
            for result in group where result.outcome != .pass {
                if result.isBad, let first = told[result.reason] {
                    var short = result
                    (short.reason, short.advice) = ("the same as \(first)", "")
                    standardOutput.write(CheckPrinter.text(short, style: style, indent: "  "))
                    continue
                }
                if result.isBad { told[result.reason] = result.name }
                standardOutput.write(CheckPrinter.text(result, style: style, indent: "  "))
                guard result.isBad else { continue }
                standardOutput.write(style.dim("        again: \(printable(run.again(result.name)))") + "\n")
            }
        }
        group = []
    }

    /// `FAIL  ops.cancel  why` and below it what to do.
    static func text(_ result: CheckResult, style: Style, indent: String = "") -> String {
        let word: String
        switch result.outcome {
        case .pass: word = style.good("pass ")
        case .warn: word = style.wary("warn ")
        case .skip: word = style.dim("skip ")
        case .fail: word = style.bad("FAIL ")
        case .crash: word = style.bad("CRASH")
        }
        var out = "\(indent)\(word) \(result.name)"
        if !result.reason.isEmpty { out += ": \(printable(result.reason))" }
        if !result.advice.isEmpty { out += "\n\(indent)      \(printable(result.advice))" }
        return out + "\n"
    }
}
