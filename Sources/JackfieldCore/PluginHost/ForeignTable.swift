// SPDX-License-Identifier: Apache-2.0
// Services of third parties, whose slots the manifest member `signatures` describes: what it says, read and checked.

import JSON

/// The table of a third party's service: what `signatures` says of its slots, in order (see ``Grammar``).
public struct ForeignTable: Sendable, Equatable {
    /// What is known of one parameter.
    public struct Parameter: Sendable, Equatable {
        public let name: String
        public let type: String
        /// A pointer to a value that the slot fills in.
        public let isOut: Bool

        /// How libffi passes it (`jackfield/callback.h`, Shapes).
        var shape: String {
            if isOut { return "pointer" }
            return switch type {
            case "view", "secret": "view"
            case "ref": "u64"
            case "text", "blob", "fault", "pointer": "pointer"
            default: type
            }
        }
    }

    /// One slot: `[lane] status rank(view query, u32 count, out u32 chosen, fault why)`.
    public struct Slot: Sendable, Equatable {
        public let name: String
        public let lane: String
        public let result: String
        /// Without the context, which every slot of a service has first.
        public let parameters: [Parameter]

        var givesStatus: Bool { result == "status" }

        var shape: String {
            let answer =
                switch result {
                case "status": "i32"
                case "ref": "u64"
                default: result
                }
            return answer + "(" + (["pointer"] + parameters.map(\.shape)).joined(separator: ",") + ")"
        }
    }

    /// The service's id, such as `com.acme.ranker/1`.
    public let id: String
    public let slots: [Slot]

    /// The slot that an operator means by `SLOT` or `ID.SLOT`.
    func slot(named name: String) -> Slot? {
        slots.first { $0.name == name || id + "." + $0.name == name }
    }

    /// Reads the member `signatures`: an object with a list of slots for each id, which `provides` must list.
    static func read(_ value: JSONValue?, provides: [String]) throws(PluginManifest.Fault) -> [ForeignTable] {
        guard let value else { return [] }
        guard let members = value.object, members.count <= 64 else {
            throw PluginManifest.Fault(
                text:
                    "manifest member 'signatures' must be an object with a list of slots for each service id")
        }
        var tables: [ForeignTable] = []
        for member in members {
            let place = "manifest member 'signatures.\(member.key)'"
            if member.key.hasPrefix("jf.") {
                throw PluginManifest.Fault(
                    text: "\(place) is out of place: services of the ABI need no description")
            }
            guard provides.contains(member.key) else {
                throw PluginManifest.Fault(
                    text: "\(place) is out of place, since 'provides' does not list it")
            }
            guard !tables.contains(where: { $0.id == member.key }) else {
                throw PluginManifest.Fault(text: "\(place) stands there twice")
            }
            guard let list = member.value.array, !list.isEmpty, list.count <= Grammar.mostSlots else {
                throw PluginManifest.Fault(
                    text: "\(place) must be a list of 1 to \(Grammar.mostSlots) slots, in the table's order")
            }
            var slots: [Slot] = []
            for (index, element) in list.enumerated() {
                guard let text = element.string, text.utf8.count <= Grammar.longest else {
                    throw PluginManifest.Fault(
                        text:
                            "\(place)[\(index)] must be a text such as \"status rank(view query, out u32 chosen)\""
                    )
                }
                var grammar = Grammar(text)
                do throws(Grammar.Problem) {
                    let slot = try grammar.slot()
                    guard !slots.contains(where: { $0.name == slot.name }) else {
                        throw Grammar.Problem(at: 0, text: "there is a slot '\(slot.name)' before it")
                    }
                    slots.append(slot)
                } catch {
                    throw PluginManifest.Fault(
                        text: "\(place)[\(index)] is wrong at character \(error.at + 1): \(error.text)")
                }
            }
            tables.append(ForeignTable(id: member.key, slots: slots))
        }
        return tables
    }
}

/// Reads one slot's text:
///
///     slot      = [ "[" lane "]" ] result NAME "(" [ parameter *( "," parameter ) ] ")"
///     lane      = "lane" / "worker" / "any" / "control"            ; absent: any
///     result    = "void" / "status" / "ref" / "pointer" / number
///     parameter = [ "out" ] type NAME                              ; out: of numbers and refs
///     type      = "view" / "secret" / "text" / "ref" / "blob" / "fault" / "pointer" / number
///     number    = "i8" / "u8" / "i16" / "u16" / "i32" / "u32" / "i64" / "u64" / "f32" / "f64"
///     NAME      = a-z, then a-z, 0-9 or "_", at most 40
private struct Grammar {
    struct Problem: Error {
        let at: Int
        let text: String
    }

    static let mostSlots = 64
    static let mostParameters = 15
    static let longest = 1000
    static let lanes = ["lane", "worker", "any", "control"]
    static let numbers = ["i8", "u8", "i16", "u16", "i32", "u32", "i64", "u64", "f32", "f64"]
    static let types = ["view", "secret", "text", "ref", "blob", "fault", "pointer"] + numbers
    static let results = ["void", "status", "ref", "pointer"] + numbers

    private let bytes: [UInt8]
    private var at = 0

    init(_ text: String) { bytes = Array(text.utf8) }

    mutating func slot() throws(Problem) -> ForeignTable.Slot {
        var lane = "any"
        if take("[") {
            lane = try word(of: Grammar.lanes, "lane")
            try expect("]")
        }
        let result = try word(of: Grammar.results, "result")
        let name = try name()
        try expect("(")
        var parameters: [ForeignTable.Parameter] = []
        if !take(")") {
            repeat { parameters.append(try parameter(parameters)) } while take(",")
            try expect(")")
        }
        skipSpace()
        guard at == bytes.count else { throw Problem(at: at, text: "nothing may follow its ')'") }
        return ForeignTable.Slot(name: name, lane: lane, result: result, parameters: parameters)
    }

    private mutating func parameter(
        _ before: [ForeignTable.Parameter]
    ) throws(Problem) -> ForeignTable.Parameter {
        skipSpace()
        let start = at
        guard before.count < Grammar.mostParameters else {
            throw Problem(
                at: at, text: "a slot has at most \(Grammar.mostParameters) parameters besides its context")
        }
        var type = try word(of: Grammar.types + ["out"], "type")
        let isOut = type == "out"
        if isOut { type = try word(of: Grammar.numbers + ["ref"], "type of an 'out' parameter") }
        let name = try name()
        guard !before.contains(where: { $0.name == name }) else {
            throw Problem(at: start, text: "there is a parameter '\(name)' before it")
        }
        return ForeignTable.Parameter(name: name, type: type, isOut: isOut)
    }

    private mutating func skipSpace() {
        while at < bytes.count, bytes[at] == UInt8(ascii: " ") { at += 1 }
    }

    private mutating func take(_ mark: Unicode.Scalar) -> Bool {
        skipSpace()
        guard at < bytes.count, bytes[at] == UInt8(ascii: mark) else { return false }
        at += 1
        return true
    }

    private mutating func expect(_ mark: Unicode.Scalar) throws(Problem) {
        guard take(mark) else { throw Problem(at: at, text: "'\(mark)' is missing") }
    }

    /// What stands up to the next mark or space.
    private mutating func word() -> (text: String, at: Int) {
        skipSpace()
        let start = at
        while at < bytes.count, !" (),[]".utf8.contains(bytes[at]) { at += 1 }
        return (String(decoding: bytes[start..<at], as: UTF8.self), start)
    }

    private mutating func word(of known: [String], _ what: String) throws(Problem) -> String {
        let (text, start) = word()
        guard known.contains(text) else {
            let found = text.isEmpty ? "a \(what) is missing" : "there is no \(what) '\(text.prefix(40))'"
            throw Problem(at: start, text: found + "; there are: " + known.joined(separator: ", "))
        }
        return text
    }

    private mutating func name() throws(Problem) -> String {
        let (text, start) = word()
        let isGood =
            text.utf8.count <= 40 && text.utf8.first.map { (97...122).contains($0) } ?? false
            && text.utf8.allSatisfy { (97...122).contains($0) || (48...57).contains($0) || $0 == 95 }
        guard isGood else {
            let found = text.isEmpty ? "a name is missing" : "'\(text.prefix(40))' is no name"
            throw Problem(
                at: start, text: found + ": a lower-case letter, then letters, digits and '_', at most 40")
        }
        return text
    }
}
