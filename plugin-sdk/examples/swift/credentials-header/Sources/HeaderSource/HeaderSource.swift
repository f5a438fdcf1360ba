// SPDX-License-Identifier: Apache-2.0
// A source of credentials: one header field, whose value comes from an environment variable.

import Glibc
import JackfieldPlugin

/// The one exported function.
@c(jf_entry_1) public func entry(_ offer: PluginOffer, _ why: PluginRefusal) -> PluginTable {
    PluginEntry<HeaderSource>.entry(offer, why)
}

/// One server, on one event loop.
struct HeaderSource: CredentialSource {
    private let header: String
    private let value: String

    init(server: String, configuration: JSONReader, host: Host) throws {
        let variable = configuration["variable"]?.text ?? ""
        guard let value = getenv(variable).map({ String(cString: $0) }), !value.isEmpty else {
            throw PluginError.invalid("the environment variable \(variable) is not set, or empty")
        }
        // RFC 9110 section 5.5
        guard value.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7f }) else {
            throw PluginError.invalid("\(variable) has a character that no header may have")
        }
        header = configuration["header"]?.text ?? "authorization"
        self.value = (configuration["prefix"]?.text ?? "Bearer ") + value
    }

    /// The same for everybody and every endpoint of the server: the host may keep it.
    func supply(_ demand: borrowing Demand, context: AnswerContext) throws -> Supply {
        if demand.isRefused {
            throw PluginError.denied("the server refuses the credentials: is the variable right?")
        }
        return .headers([header: value])
    }
}
