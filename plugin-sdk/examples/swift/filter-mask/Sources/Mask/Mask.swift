// SPDX-License-Identifier: Apache-2.0
// A filter: of one argument of a call only the last characters reach the server, the rest is stars.

import JackfieldPlugin

/// The one exported function.
@c(jf_entry_1) public func entry(_ offer: PluginOffer, _ why: PluginRefusal) -> PluginTable {
    PluginEntry<Mask>.entry(offer, why)
}

/// One configured filter, on one event loop.
struct Mask: Filter {
    private let argument: String
    private let keep: Int

    init(name: String, configuration: JSONReader, host: Host) throws {
        guard let argument = configuration["argument"]?.text, !argument.isEmpty else {
            throw PluginError.invalid("argument must be the name of one")
        }
        // A JSON Pointer (RFC 6901): ~ and / stand for themselves as ~0 and ~1.
        self.argument = argument.reduce("/") { $0 + ($1 == "~" ? "~0" : $1 == "/" ? "~1" : String($1)) }
        keep = configuration["keep"]?.integer ?? 4
    }

    func request(_ passage: borrowing Passage, context: AnswerContext) throws -> Verdict {
        // What does not concern it goes on as it is.
        guard let part = passage.argument(argument), part.value.kind == .text else { return .pass }
        guard let text = part.value.text else {
            throw PluginError.invalid("\(argument.dropFirst()) is no valid text").shownToClient
        }
        let stars = String(repeating: "*", count: max(text.count - keep, 0))
        var verdict = Verdict.pass
        verdict.replace(part, with: .text(stars + text.suffix(keep)))
        return verdict
    }
}
