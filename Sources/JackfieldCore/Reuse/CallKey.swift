// SPDX-License-Identifier: Apache-2.0
// What makes two calls the same: who asks, what, and with which arguments, compared by value.

import JSON
import MCP

/// Everything of a call that its answer may depend on, as bytes. Equal keys: the same call; the bytes are compared,
/// a hash only finds them.
///
/// The bytes are prefix-free: the principal (or that there is none), the method, the server's own name, marks of
/// plugins, then the arguments, each value with its kind and its length. Members are sorted by their decoded names.
/// Numbers are exact decimal values: `1`, `1.0` and `10e-1` are one, and no two values are one because a double cannot
/// tell them apart; `-0` is not `0`.
struct CallKey: Hashable, Sendable {
    let bytes: [UInt8]
    /// Of the bytes, found once: who looks for a key holds a lock.
    private let hash: Int

    /// Arrays and objects in one another; what is deeper is nobody's twin.
    private static let deepest = 128

    /// - Parameter principal: nil: whoever asks gets the same answer.
    /// - Returns: nil where the request says something whose effect on the answer is not known: other parameters, `_meta`
    ///   beyond this hop's own, arguments that two parsers could read differently.
    init?(_ method: Method, name: String, params: JSONNode?, principal: String?) {
        guard let params else { return nil }
        let argument: StaticString
        switch method {
        case .toolsCall: argument = "name"
        case .resourcesRead: argument = "uri"
        default: return nil
        }
        var out: [UInt8] = []
        out.reserveCapacity(64 + params.raw.count)
        if let principal {
            out.append(1)
            Self.append(principal.utf8, to: &out)
        } else {
            out.append(0)
        }
        out.append(method.rawValue)
        Self.append(name.utf8, to: &out)
        var arguments: JSONNode?
        var chain: [UInt8] = []
        for member in params.members {
            if member.keyEquals(argument) { continue }
            if member.keyEquals("_meta") {
                guard Self.isOfThisHop(member.value, chain: &chain) else { return nil }
            } else if method == .toolsCall, member.keyEquals("arguments") {
                arguments = member.value
            } else {
                return nil
            }
        }
        Self.append(chain, to: &out)
        // The server sees whether there are any.
        if let arguments, !Self.append(arguments, to: &out, depth: 0) { return nil }
        bytes = out
        hash = out.hashValue
    }

    static func == (one: CallKey, other: CallKey) -> Bool {
        one.hash == other.hash && one.bytes == other.bytes
    }

    func hash(into hasher: inout Hasher) { hasher.combine(hash) }

    /// Whether all that `_meta` says is about the caller's connection and not about the answer: progress, the trace, and
    /// the protocol's own keys, which the gateway writes anew.
    private static func isOfThisHop(_ meta: JSONNode, chain: inout [UInt8]) -> Bool {
        guard meta.kind == .object else { return false }
        for member in meta.members {
            if member.keyEquals("progressToken") || member.keyEquals("traceparent")
                || member.keyEquals("tracestate")
            {
                continue
            }
            if isOfTheChain(member) {
                chain.append(contentsOf: member.key)
                chain.append(58)
                chain.append(contentsOf: member.value.raw)
                continue
            }
            guard member.keyString().utf8.starts(with: "io.modelcontextprotocol/".utf8) else { return false }
        }
        return true
    }

    /// Whether a member of `_meta` is of the gateway's plugins, for each other: how deep in other calls this one is. It is
    /// passed on and part of the key, so that a call never waits for one that it is a part of.
    static func isOfTheChain(_ member: JSONMember) -> Bool { member.key.starts(with: "jackfield/".utf8) }

    private static func append(_ text: some Collection<UInt8>, to out: inout [UInt8]) {
        append(text.count, to: &out)
        out.append(contentsOf: text)
    }

    /// LEB128.
    private static func append(_ number: Int, to out: inout [UInt8]) {
        var rest = UInt(number)
        while rest >= 0x80 {
            out.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        out.append(UInt8(rest))
    }

    private static func append(_ node: JSONNode, to out: inout [UInt8], depth: Int) -> Bool {
        guard depth < deepest else { return false }
        switch node.kind {
        case .null: out.append(UInt8(ascii: "z"))
        case .bool: out.append(UInt8(ascii: node.bool == true ? "t" : "f"))
        case .number: append(number: node.raw, to: &out)
        case .string:
            guard let text = decoded(node.content, node.hasEscapes) else { return false }
            out.append(UInt8(ascii: "s"))
            append(text, to: &out)
        case .array, .object:
            guard node.isRecorded else {
                // The index of a request stops at the depth that calls need.
                guard let text = try? JSONText(copying: node.raw, maxBytes: .max, maxDepth: 1024) else {
                    return false
                }
                return text.withRoot { append($0, to: &out, depth: depth) }
            }
            if node.kind == .object { return append(members: node, to: &out, depth: depth) }
            out.append(UInt8(ascii: "a"))
            append(node.count, to: &out)
            for element in node.elements where !append(element, to: &out, depth: depth + 1) { return false }
        }
        return true
    }

    private static func append(members node: JSONNode, to out: inout [UInt8], depth: Int) -> Bool {
        var members: [(key: [UInt8], value: JSONNode)] = []
        members.reserveCapacity(node.count)
        for member in node.members {
            guard let key = decoded(member.key, member.keyHasEscapes) else { return false }
            members.append((key, member.value))
        }
        members.sort { $0.key.lexicographicallyPrecedes($1.key) }
        out.append(UInt8(ascii: "o"))
        append(members.count, to: &out)
        for (at, member) in members.enumerated() {
            // Which of two members counts is for each reader to say.
            if at > 0, members[at - 1].key == member.key { return false }
            append(member.key, to: &out)
            guard append(member.value, to: &out, depth: depth + 1) else { return false }
        }
        return true
    }

    /// Nil for a text in which different escapes may have become the same replacement character.
    private static func decoded(_ content: UnsafeRawBufferPointer, _ hasEscapes: Bool) -> [UInt8]? {
        guard hasEscapes else { return [UInt8](content) }
        var text: [UInt8] = []
        guard jsonUnescape(content, into: &text) else { return nil }
        var at = 0
        while at + 2 < text.count {
            if text[at] == 0xEF, text[at + 1] == 0xBF, text[at + 2] == 0xBD { return nil }
            at += 1
        }
        return text
    }

    /// A number as sign, significant digits and power of ten: one spelling for each value.
    private static func append(number raw: UnsafeRawBufferPointer, to out: inout [UInt8]) {
        var digits: [UInt8] = []
        var power = 0
        var at = 0
        let isNegative = raw.first == UInt8(ascii: "-")
        if isNegative { at += 1 }
        var isFraction = false
        while at < raw.count, raw[at] | 0x20 != UInt8(ascii: "e") {
            if raw[at] == UInt8(ascii: ".") {
                isFraction = true
            } else {
                if !digits.isEmpty || raw[at] != UInt8(ascii: "0") { digits.append(raw[at]) }
                if isFraction { power -= 1 }
            }
            at += 1
        }
        if at < raw.count {
            var text = raw[(at + 1)...]
            if text.first == UInt8(ascii: "+") { text = text.dropFirst() }
            let sum = Int(String(decoding: text, as: UTF8.self))?.addingReportingOverflow(power)
            guard let sum, !sum.overflow, sum.partialValue.magnitude < 1 << 40 else {
                // An exponent of no earthly use: as it is spelled.
                out.append(UInt8(ascii: "x"))
                return append(raw, to: &out)
            }
            power = sum.partialValue
        }
        while digits.last == UInt8(ascii: "0") {
            digits.removeLast()
            power += 1
        }
        if digits.isEmpty { power = 0 }
        out.append(UInt8(ascii: isNegative ? "m" : "n"))
        append(digits, to: &out)
        append(Array(String(power).utf8), to: &out)
    }
}
