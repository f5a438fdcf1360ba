// SPDX-License-Identifier: Apache-2.0
// What the tests of questions share: shallow parses like the core's, questions and answers as texts.

import JSON
import MCP
import Testing

/// Parses a text as the core does: nothing below `depth` has nodes.
func withShallow<Value>(_ text: String, depth: Int = 4, _ body: (JSONNode) throws -> Value) throws -> Value {
    let padded = Array(text.utf8) + [UInt8](repeating: 0, count: JSONParser.padding)
    let parser = JSONParser()
    return try padded.withUnsafeBytes { bytes in
        let own = UnsafeRawBufferPointer(rebasing: bytes[..<text.utf8.count])
        return try body(try parser.parse(own, recordDepth: depth).root)
    }
}

/// A legacy server's question, neutral. Nil params: it sent none.
func asked(_ method: MCP.Method, _ params: String?, by revision: Revision = .v2025_11_25) throws -> Question {
    try withRoot(params ?? "null") { node in
        try QuestionEdit.neutral(method, params == nil ? nil : node, from: revision)
    }
}

/// An entry of a modern server's `inputRequests`, neutral.
func entry(_ text: String) throws -> Question { try withRoot(text) { try QuestionEdit.neutral(entry: $0) } }

extension Question {
    /// The raw params.
    var text: String { String(decoding: params, as: UTF8.self) }
}

let everyAbility: Abilities = [
    .form, .url, .sampling, .samplingTools, .samplingContext, .roots, .tasks, .apps,
]

/// The params that a legacy client gets, and the way back.
func put(
    _ question: Question, to revision: Revision = .v2025_11_25, _ abilities: Abilities = everyAbility,
    serverName: String? = nil, elicitationId: String? = "minted-1"
) throws -> (params: String, plan: AnswerPlan) {
    let out = MessageBuilder()
    let plan = try QuestionEdit.writeParams(
        question, for: revision, abilities, serverName: serverName, elicitationId: elicitationId, into: out)
    _ = try value(out)
    return (text(out), plan)
}

/// The entry that a modern client gets.
func shown(_ question: Question, serverName: String? = nil) throws -> String {
    let out = MessageBuilder()
    QuestionEdit.writeEntry(question, serverName: serverName, into: out)
    _ = try value(out)
    return text(out)
}

let schemaText = #"{"type":"object","properties":{"a":{"type":"string"}},"required":["a"]}"#
let formText = #"{"mode":"form","message":"Which?","requestedSchema":\#(schemaText)}"#
let urlText = #"{"mode":"url","message":"Go there","url":"https:\/\/a.example\/x","elicitationId":"e-1"}"#
let samplingText =
    #"{"messages":[{"role":"user","content":{"type":"text","text":"hi"}}],"maxTokens":1.0e2,"x":[1, 2]}"#
