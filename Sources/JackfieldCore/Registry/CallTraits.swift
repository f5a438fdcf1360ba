// SPDX-License-Identifier: Apache-2.0
// What a repetition of a call would do, as far as its tool says so.

import CJackfield
import JSON

/// MCP's tool annotations, as far as they decide about a second try. They are hints: what is not said is taken as the
/// worse.
struct CallTraits: OptionSet, Sendable {
    let rawValue: UInt32

    static let readOnly = CallTraits(rawValue: UInt32(JF_PICK_READ_ONLY))
    static let idempotent = CallTraits(rawValue: UInt32(JF_PICK_IDEMPOTENT))
    static let destructive = CallTraits(rawValue: UInt32(JF_PICK_DESTRUCTIVE))
    static let openWorld = CallTraits(rawValue: UInt32(JF_PICK_OPEN_WORLD))

    /// Resources, prompts and completions: asking twice changes nothing.
    static let reading: CallTraits = [.readOnly, .idempotent]

    init(rawValue: UInt32) { self.rawValue = rawValue }

    init(annotations: JSONNode?) {
        self = []
        func says(_ name: StaticString) -> Bool { annotations?.member(name)?.bool == true }
        if says("readOnlyHint") { formUnion(.reading) }
        if says("idempotentHint") { insert(.idempotent) }
        if says("destructiveHint") { insert(.destructive) }
        if says("openWorldHint") { insert(.openWorld) }
    }

    /// Whether the call may be made again although the server may have begun.
    var mayRepeat: Bool { contains(.idempotent) }
}
