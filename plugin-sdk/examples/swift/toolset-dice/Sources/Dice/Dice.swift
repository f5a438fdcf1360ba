// SPDX-License-Identifier: Apache-2.0 A first plugin in Swift: an MCP server in process with one tool that
// answers at once and one that takes its time.

import JackfieldPlugin

/// The one exported function.
@c(jf_entry_1) public func entry(_ offer: PluginOffer, _ why: PluginRefusal) -> PluginTable {
    PluginEntry<Dice>.entry(offer, why)
}

/// One configured server.
struct Dice: Toolset {
    let host: Host
    /// The most dice in one roll, from the configuration.
    let limit: Int
    var rolls = 0

    init(name: String, configuration: JSONReader, host: Host) throws {
        self.host = host
        limit = configuration["limit"]?.integer ?? 100
    }

    var tools: [Tool] {
        let dice = Field.text("dice", "Dice notation: 3d6 is three dice of six sides.", default: "1d6")
        return [
            Tool(
                "roll", title: "Roll dice", "Rolls dice and adds them up.", input: [dice],
                output: [.list("dice", "Each die.", of: ["type": "integer"]), .integer("sum", "Their sum.")],
                hints: .init(readOnly: true, openWorld: false)),
            Tool(
                "shake", title: "Shake, then roll", "Rolls dice after shaking the cup for a second.",
                input: [dice],
                hints: .init(readOnly: true, openWorld: false)),
        ]
    }

    mutating func call(_ name: String, arguments: Arguments, context: CallContext) throws -> ToolResult {
        let notation = try arguments.text("dice", default: "1d6")
        guard let cup = Cup(notation), cup.count <= limit else {
            throw ToolArgumentError(
                "argument 'dice' must be like 2d6, with at most \(limit) dice of 2 to 1000 sides")
        }
        rolls += 1
        host.log(.debug, "rolling", ["dice": notation, "roll": String(rolls)])
        switch name {
        case "roll": return Dice.roll(cup)
        case "shake":
            // Nothing may block here, so the answer comes from a timer; `pending` is the duty to answer.
            return context.later { [host] pending in
                let timer = host.after(.seconds(1)) { pending.finish(Dice.roll(cup)) }
                pending.onCancel {
                    timer.cancel()
                    pending.giveUp()
                }
            }
        default: throw unknown(name)
        }
    }

    static func roll(_ cup: Cup) -> ToolResult {
        let dice = (0..<cup.count).map { _ in Int.random(in: 1...cup.sides) }
        let sum = dice.reduce(0, +)
        return .structured(
            ["dice": .array(dice.map { .integer($0) }), "sum": .integer(sum)],
            text: dice.map(String.init).joined(separator: " + ") + " = \(sum)")
    }
}

/// Some dice of one kind.
struct Cup: Equatable {
    let count: Int
    let sides: Int

    /// Reads "3d6" or "d20". nil: something else.
    init?(_ notation: String) {
        let parts = notation.lowercased().split(separator: "d", omittingEmptySubsequences: false)
        guard parts.count == 2, let sides = Int(parts[1]), (2...1000).contains(sides) else { return nil }
        guard let count = parts[0].isEmpty ? 1 : Int(parts[0]), count >= 1 else { return nil }
        self.count = count
        self.sides = sides
    }
}
