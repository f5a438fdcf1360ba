// SPDX-License-Identifier: Apache-2.0
// Copies of objects, member by member: spelling and order stay, members go, come, or get another value.

import JSON

/// What becomes of a member in a copy.
enum MemberFate {
    case keep
    case drop
    /// The same name with another value (raw JSON), in the same place.
    case value([UInt8])
}

enum ObjectCopy {
    /// Appends a copy of a recorded object. Kept members leave as they are spelled, commas and white space between them
    /// included; `adding` (raw values) comes last.
    static func append<Failure: Error>(
        _ node: JSONNode, to out: inout [UInt8], adding: [(name: StaticString, value: [UInt8])] = [],
        _ fate: (JSONMember) throws(Failure) -> MemberFate
    ) throws(Failure) {
        let raw = node.raw
        let start = node.range.lowerBound
        var wroteAny = false
        var run: Range<Int>?
        func flush(_ out: inout [UInt8]) {
            guard let span = run else { return }
            if wroteAny { out.append(44) }
            wroteAny = true
            out.append(contentsOf: raw[(span.lowerBound - start)..<(span.upperBound - start)])
            run = nil
        }
        out.append(123)
        for member in node.members {
            switch try fate(member) {
            case .keep: run = (run?.lowerBound ?? member.range.lowerBound)..<member.range.upperBound
            case .drop: flush(&out)
            case .value(let value):
                flush(&out)
                if wroteAny { out.append(44) }
                wroteAny = true
                out.append(34)
                out.append(contentsOf: member.key)
                out.append(34)
                out.append(58)
                out.append(contentsOf: value)
            }
        }
        flush(&out)
        for (name, value) in adding {
            if wroteAny { out.append(44) }
            wroteAny = true
            JSONWriter.appendQuoted(
                UnsafeRawBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount), to: &out)
            out.append(58)
            out.append(contentsOf: value)
        }
        out.append(125)
    }

    /// As `append`, as bytes of their own.
    static func bytes<Failure: Error>(
        _ node: JSONNode, adding: [(name: StaticString, value: [UInt8])] = [],
        _ fate: (JSONMember) throws(Failure) -> MemberFate
    ) throws(Failure) -> [UInt8] {
        var out: [UInt8] = []
        out.reserveCapacity(node.raw.count)
        try append(node, to: &out, adding: adding, fate)
        return out
    }

    /// What becomes of a `_meta`: the keys that belong to one hop go, and with the last of them the member itself.
    static func metaFate(_ member: JSONMember) -> MemberFate {
        guard member.value.kind == .object else { return .drop }
        var isHopless = true
        var keepsAny = false
        for inner in member.value.members {
            if isOfHop(inner) { isHopless = false } else { keepsAny = true }
        }
        if isHopless { return .keep }
        guard keepsAny else { return .drop }
        return .value(bytes(member.value) { isOfHop($0) ? .drop : .keep })
    }

    private static func isOfHop(_ member: JSONMember) -> Bool {
        member.keyEquals("progressToken") || RequestEdit.isReserved(member)
    }

    /// How many members an object of the questions' own protocol may have, beside which it is refused unread.
    static let maxMembers = 64

    /// Whether a recorded object names a member twice, or has more than `maxMembers`: two parsers could disagree about it.
    static func isAmbiguous(_ node: JSONNode) -> Bool {
        if node.count > maxMembers { return true }
        var names: [[UInt8]] = []
        for member in node.members {
            let name = decodedKey(member)
            if names.contains(name) { return true }
            names.append(name)
        }
        return false
    }

    /// A member's name, escapes decoded.
    static func decodedKey(_ member: JSONMember) -> [UInt8] {
        member.keyHasEscapes ? Array(member.keyString().utf8) : Array(member.key)
    }
}

/// Nodes whose contents were recorded, however deep: the core records only the upper levels of a message.
enum Recorded {
    /// Parses bytes that are JSON already and lie inside a message that kept the limits. Nil only without memory.
    static func text(_ raw: UnsafeRawBufferPointer) -> JSONText? {
        try? JSONText(copying: raw, maxBytes: .max, maxDepth: 1024)
    }

    static func text(_ raw: [UInt8]) -> JSONText? { raw.withUnsafeBytes { text($0) } }

    /// Lends the node itself where its own members or elements are recorded, else as `whole`.
    static func contents<Value>(
        _ node: JSONNode, _ body: (JSONNode) throws(QuestionProblem) -> Value
    ) throws(QuestionProblem) -> Value {
        node.isRecorded ? try body(node) : try whole(node, body)
    }

    /// Lends a node like `node` with everything in it recorded.
    static func whole<Value>(
        _ node: JSONNode, _ body: (JSONNode) throws(QuestionProblem) -> Value
    ) throws(QuestionProblem) -> Value {
        guard let text = text(node.raw) else { throw QuestionProblem("it is nested too deeply") }
        return try text.withRoot(body)
    }
}
