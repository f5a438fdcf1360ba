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
        self.argument = argument
        keep = configuration["keep"]?.integer ?? 4
    }

    func request(_ passage: borrowing Passage, context: AnswerContext) throws -> Verdict {
        var verdict = Verdict.pass
        // Of repeated members servers take the first or the last: all of them are masked.
        for part in passage.everyArgument(argument) where part.value.kind == .text {
            guard let text = part.value.text else {
                throw PluginError.invalid("\(argument) is no valid text").shownToClient
            }
            let stars = String(repeating: "*", count: max(text.count - keep, 0))
            verdict.replace(part, with: .text(stars + text.suffix(keep)))
        }
        return verdict  // without a change it goes on as it is
    }
}
