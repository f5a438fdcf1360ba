// SPDX-License-Identifier: Apache-2.0
// A policy: tools are called in office hours only, but by those who are on call.

import JackfieldPlugin

/// The one exported function.
@c(jf_entry_1) public func entry(_ offer: PluginOffer, _ why: PluginRefusal) -> PluginTable {
    PluginEntry<OfficeHours>.entry(offer, why)
}

/// One configured policy, on one event loop.
struct OfficeHours: Policy {
    private let from: Int
    private let to: Int
    private let zoneMinutes: Int
    private let onCall: String

    init(name: String, configuration: JSONReader, host: Host) throws {
        from = configuration["from"]?.integer ?? 8
        to = configuration["to"]?.integer ?? 18
        zoneMinutes = configuration["zone_minutes"]?.integer ?? 0
        onCall = configuration["on_call"]?.text ?? "on-call"
        // What the schema cannot say.
        guard from < to else { throw PluginError.invalid("from (\(from)) must be before to (\(to))") }
    }

    func decide(_ access: borrowing Access, context: AnswerContext) throws -> Ruling {
        if access.isListing { return .allow }  // lists are the same at any hour
        if access.principal.hasRole(onCall) { return .allow(rule: "on_call") }
        if isOpen(access.nowMilliseconds) { return .allow(rule: "open") }
        return .deny(rule: "closed", "Calls pass on weekdays from \(from) to \(to) h; try again then.")
    }

    /// Lists hide nothing from anybody: all principals are of one class.
    func classify(_ principal: borrowing Principal) -> PrincipalClass { .named("all") }

    /// Whether the office is open. 1970-01-01 was a Thursday: day 0 of Unix time is day 3 from Monday.
    private func isOpen(_ now: UInt64) -> Bool {
        let minutes = Int(now / 60_000) + zoneMinutes
        let hour = minutes / 60 % 24
        return (minutes / 1440 + 3) % 7 < 5 && hour >= from && hour < to
    }
}
