// SPDX-License-Identifier: Apache-2.0
// What there is to check, and how a case ends.

import CPluginCheck
import JSON

/// One case of `jackfield plugin check`.
public struct CheckCase: Sendable {
    /// "lifecycle.thousand": the group, a dot, its own name.
    public let name: String
    /// What it makes sure of, without a full stop.
    public let summary: String
    /// Only for plugins with this facet; nil: for all.
    public let facet: String?
    /// When it fails, nothing that follows can be judged.
    public let isGate: Bool

    public var group: String { String(name.prefix { $0 != "." }) }

    /// All cases in the order in which they run: first what the file shows, then what needs it loaded.
    public static let all: [CheckCase] = FileCase.all.map(\.description) + loaded

    private static var loaded: [CheckCase] {
        var cases: [CheckCase] = []
        var info = check_case_info()
        while check_case_at(cases.count, &info) {
            cases.append(
                CheckCase(
                    name: String(cString: info.name), summary: String(cString: info.summary),
                    facet: info.facet.map { String(cString: $0) }, isGate: info.is_gate))
        }
        return cases
    }
}

/// How a case ended.
public struct CheckResult: Sendable {
    public enum Outcome: String, Sendable, CaseIterable { case pass, warn, skip, fail, crash }

    public var name: String
    public var outcome: Outcome
    /// One sentence without its full stop; empty where it passed.
    public var reason: String
    /// What to do, with its full stop; empty where there is nothing to do.
    public var advice: String
    public var milliseconds: Double = 0

    public var group: String { String(name.prefix { $0 != "." }) }
    public var isBad: Bool { outcome == .fail || outcome == .crash }

    public init(_ name: String, _ outcome: Outcome, _ reason: String = "", advice: String = "") {
        self.name = name
        self.outcome = outcome
        self.reason = reason
        self.advice = advice
    }

    /// Reads what ``json`` and the C half write; nil: it is something else.
    init?(_ json: JSONValue) {
        guard let name = json["case"]?.string,
            let outcome = json["outcome"]?.string.flatMap(Outcome.init(rawValue:))
        else { return nil }
        self.init(name, outcome, json["reason"]?.string ?? "", advice: json["advice"]?.string ?? "")
    }

    init(_ name: String, _ result: check_result) {
        let outcomes: [Int32: Outcome] = [
            Int32(CHECK_PASS): .pass, Int32(CHECK_WARN): .warn, Int32(CHECK_SKIP): .skip,
            Int32(CHECK_FAIL): .fail,
        ]
        self.init(
            name, outcomes[result.outcome] ?? .crash, text(of: result.reason), advice: text(of: result.advice)
        )
    }

    public var json: JSONValue {
        var members = [
            JSONMemberValue("case", .string(name)), JSONMemberValue("outcome", .string(outcome.rawValue)),
        ]
        if !reason.isEmpty { members.append(JSONMemberValue("reason", .string(reason))) }
        if !advice.isEmpty { members.append(JSONMemberValue("advice", .string(advice))) }
        members.append(JSONMemberValue("milliseconds", JSONValue((milliseconds * 10).rounded() / 10)))
        return .object(members)
    }
}

/// The text in a C array of characters.
func text<Array>(of array: Array) -> String {
    withUnsafeBytes(of: array) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
}
