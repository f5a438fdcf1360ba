// SPDX-License-Identifier: Apache-2.0
// Where `config history`, `show` and `diff` read: the state directory, or the gateway where that is another user's.

import JSON
import JackfieldCore

/// The versions of one configuration.
struct ConfigSource {
    let versions: [ConfigVersion]
    /// What waits for approval.
    let pending: ConfigVersion?
    private let own: ConfigHistory?
    private let arguments: Arguments?

    init(_ history: ConfigHistory) {
        versions = history.versions
        pending = history.pending?.version
        own = history
        arguments = nil
    }

    /// As a running gateway tells it. Throws why it does not.
    init(askedOf arguments: Arguments, instead before: String) throws(UsageProblem) {
        var answer: JSONValue?
        let request = JSONValue.object([
            .init("do", .string("config")), .init("action", .string("history")),
        ])
        let problem = try askGateway(arguments, request) {
            answer = $0
            return false
        }
        guard problem == nil, let told = answer?["versions"]?.array else {
            throw arguments.problem(
                "\(before), and \(problem ?? "the gateway went away")",
                hint: "give --state-dir as in runtime.state_dir")
        }
        versions = told.compactMap { ConfigVersion($0) }
        pending = answer?["pending"].flatMap { ConfigVersion($0) }
        own = nil
        self.arguments = arguments
    }

    /// The text of a version, also of the one that waits; nil: it is not kept.
    func text(_ number: Int) throws(UsageProblem) -> [UInt8]? {
        if let own { return own.anyText(number) }
        guard let arguments else { return nil }
        var bytes: [UInt8] = []
        var from: Int? = 0
        while let start = from {
            from = nil
            var part: String?
            let request = JSONValue.object([
                .init("do", .string("config")), .init("action", .string("text")),
                .init("number", JSONValue(number)), .init("from", JSONValue(start)),
            ])
            let problem = try askGateway(arguments, request) {
                part = $0["text"]?.string
                from = $0["next"]?.int
                return false
            }
            guard let part else { throw arguments.problem(problem ?? "the gateway went away") }
            bytes += Array(part.utf8)
        }
        return bytes
    }
}
