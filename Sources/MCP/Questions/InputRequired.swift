// SPDX-License-Identifier: Apache-2.0
// The `input_required` result of MCP 2026-07-28: read from a server, written for a client.

import JSON

/// An `input_required` result of a modern server. Nodes are borrowed from its document.
public struct InputRequired {
    /// How many questions one result may hold.
    public static let maxEntries = ObjectCopy.maxMembers

    /// A string, to be given back unchanged; nil where there is none (or it is null).
    public let requestState: JSONNode?
    private let requests: JSONNode?
    private let repeatsMember: Bool

    /// Nil unless the result's `resultType` is `input_required`.
    public init?(_ result: JSONNode) {
        guard result.member("resultType")?.equals("input_required") == true else { return nil }
        var state: JSONNode?
        var requests: JSONNode?
        var seen = (type: 0, state: 0, requests: 0)
        for member in result.members {
            if member.keyEquals("resultType") {
                seen.type += 1
            } else if member.keyEquals("requestState") {
                seen.state += 1
                state = member.value.isNull ? nil : member.value
            } else if member.keyEquals("inputRequests") {
                seen.requests += 1
                requests = member.value.isNull ? nil : member.value
            }
        }
        requestState = state
        self.requests = requests
        repeatsMember = seen.type > 1 || seen.state > 1 || seen.requests > 1
    }

    /// Whether the result breaks the rules: it repeats a member, it asks nothing and has no state, its questions are not
    /// an object of objects, two have the same key, or there are more than `maxEntries`.
    public var isMalformed: Bool {
        if repeatsMember { return true }
        if let requestState, requestState.kind != .string { return true }
        guard let requests else { return requestState == nil }
        guard requests.kind == .object, requests.isRecorded || requests.count == 0 else { return true }
        if requests.count == 0 { return requestState == nil }
        if ObjectCopy.isAmbiguous(requests) { return true }
        return requests.members.contains { $0.value.kind != .object }
    }

    /// Calls `body` with each question: its key, and the entry for `QuestionEdit.neutral(entry:)`.
    public func forEachEntry(_ body: (JSONMember) throws -> Void) rethrows {
        guard let requests else { return }
        for member in requests.members { try body(member) }
    }

    /// How many questions there are.
    public var count: Int { requests.map { $0.kind == .object ? $0.count : 0 } ?? 0 }
}

/// Writes an `input_required` answer for a modern client: `begin`, any number of `entry`, `end`.
public enum InputRequiredWriter {
    /// Begins the answer to the request `id` (raw JSON). `identity` is the raw JSON of our Implementation object.
    public static func begin(
        id: UnsafeRawBufferPointer, identity: StaticString, into out: MessageBuilder
    ) {
        out.literal("{\"jsonrpc\":\"2.0\",\"id\":")
        out.bytes(id)
        out.literal(
            ",\"result\":{\"resultType\":\"input_required\",\"_meta\":{\"io.modelcontextprotocol/serverInfo\":"
        )
        out.literal(identity)
        out.literal("},\"inputRequests\":{")
    }

    /// Adds a question under a key that must be unique in the answer. `serverName` as in `QuestionEdit.writeEntry`.
    public static func entry(
        key: String, _ question: Question, serverName: String?, into out: MessageBuilder
    ) {
        // The first question follows the opening brace, every other one the brace that closed the last.
        if let last = out.finish().last, let bytes = last.pointer, bytes[Int(last.count) - 1] == 125 {
            out.byte(44)
        }
        out.quoted(key)
        out.byte(58)
        QuestionEdit.writeEntry(question, serverName: serverName, into: out)
    }

    /// Ends the answer. `requestState` is text, not JSON; nil leaves it out.
    public static func end(requestState: UnsafeRawBufferPointer?, into out: MessageBuilder) {
        out.byte(125)
        if let requestState {
            out.literal(",\"requestState\":")
            var quoted: [UInt8] = []
            JSONWriter.appendQuoted(requestState, to: &quoted)
            out.copy(quoted)
        }
        out.literal("}}")
    }
}
