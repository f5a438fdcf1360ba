// SPDX-License-Identifier: Apache-2.0
// What the rehearsal of a plugin in a child process found, and the child's side of it.

import CJackfield
import CLinux
import Glibc
import JSON

/// The result of loading a plugin in a child process.
public struct ProbeVerdict: Sendable, Equatable {
    public enum Outcome: String, Sendable {
        /// It loads and its table is good.
        case accepted
        /// It cannot be loaded, or it refused.
        case refused
        /// The child died.
        case crashed
        /// The child did not end in time.
        case timedOut = "timed-out"
    }

    public var outcome: Outcome
    /// Name of the stage that failed, empty when accepted.
    public var stage = ""
    /// One clause; empty when accepted.
    public var message = ""
    public var advice = ""
    /// The newest minor that the plugin was built for, and its table's size.
    public var minor: UInt32 = 0
    public var tableSize: UInt32 = 0
    /// What loading it changed in the child.
    public var sideEffects: [String] = []
    /// From dlopen to the checked table.
    public var milliseconds: Double = 0

    public init(_ outcome: Outcome) { self.outcome = outcome }

    /// Reads what ``json`` wrote.
    public init?(_ json: JSONValue) {
        guard let outcome = json["verdict"]?.string.flatMap(Outcome.init(rawValue:)) else { return nil }
        self.outcome = outcome
        stage = json["stage"]?.string ?? ""
        message = json["message"]?.string ?? ""
        advice = json["advice"]?.string ?? ""
        minor = UInt32(clamping: json["minor"]?.int ?? 0)
        tableSize = UInt32(clamping: json["tableSize"]?.int ?? 0)
        sideEffects = json["sideEffects"]?.array?.compactMap(\.string) ?? []
        milliseconds = json["milliseconds"]?.double ?? 0
    }

    public var json: JSONValue {
        var members: [(String, JSONValue)] = [("verdict", .string(outcome.rawValue))]
        if outcome != .accepted {
            members += [
                ("stage", .string(stage)), ("message", .string(message)), ("advice", .string(advice)),
            ]
        } else {
            members += [("minor", JSONValue(minor)), ("tableSize", JSONValue(tableSize))]
        }
        members.append(("sideEffects", .array(sideEffects.map { .string($0) })))
        members.append(("milliseconds", JSONValue(milliseconds)))
        return .object(members.map { JSONMemberValue($0.0, $0.1) })
    }
}

/// The child's side: loads a plugin into this process and tells what came of it. Only for processes that end
/// right after: the plugin stays mapped and what it changed stays changed.
public func rehearsePlugin(at path: String) -> ProbeVerdict {
    let start = jf_monotonic_ns()
    let before = ProcessSnapshot()
    var verdict: ProbeVerdict
    do throws(EntryFault) {
        let plugin = try OpenedPlugin(path: path)
        let table = try plugin.table()
        // The entry function promises to be callable twice.
        let again = try plugin.table()
        guard table.minor == again.minor, table.size == again.size else {
            throw EntryFault(
                .table, "jf_entry_1 answers differently the second time", advice: "keep no state in it")
        }
        verdict = ProbeVerdict(.accepted)
        verdict.minor = table.minor
        verdict.tableSize = table.size
    } catch {
        verdict = ProbeVerdict(.refused)
        verdict.stage = error.stage.name
        verdict.message = error.text
        verdict.advice = error.advice ?? ""
    }
    verdict.sideEffects = before.changes(undoing: false).map(\.text)
    verdict.milliseconds = Double((jf_monotonic_ns() - start) / 1000) / 1000
    return verdict
}
