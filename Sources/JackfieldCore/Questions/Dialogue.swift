// SPDX-License-Identifier: Apache-2.0
// What one call has been asked on its way, and what was answered.

import JSON
import MCP

/// Where a question came from, and so where its answer goes.
enum QuestionSource {
    /// An entry of a modern server's `input_required` result, under this key (raw JSON, quotes included).
    case entry([UInt8])
    /// A JSON-RPC request of a legacy server, with this id (raw JSON).
    case request([UInt8])
    /// The call's part on its home lane, which knows the question by this number.
    case home(UInt64)
    /// A kept task, which knows the question by this key.
    case task(TaskQuestion)
}

/// A kept task's question, as it is put to a legacy client that waits for the task's result.
struct TaskQuestion {
    let task: UInt64
    /// Where its call runs; calls change their handles, never their lane.
    let lane: Int
    let key: String
    /// The task's id, as its client knows it.
    let id: String
    /// The server that asks, where its name is shown.
    let serverName: String?
}

/// What became of a question.
enum AnswerOutcome {
    /// The neutral answer, raw JSON.
    case value([UInt8])
    /// The client refused with a JSON-RPC error object, raw JSON.
    case error([UInt8])
    /// Nobody can or will answer.
    case refusal(Refusal)
}

/// One question under way. Belongs to its call's lane.
final class Asked {
    unowned let call: Call
    /// Counts up within the call: names the question to modern clients and between lanes.
    let number: UInt64
    let question: Question
    let source: QuestionSource
    /// In the lane's `questions` while a legacy client is asked; 0 otherwise.
    var handle: UInt64 = 0
    /// How the client's answer is turned back.
    var plan = AnswerPlan.asIs
    /// The key under which a kept task shows it.
    var taskKey: String?
    /// A URL that the user is asked to open, and the id minted for that.
    var opening: (url: [UInt8], id: String)?
    /// Bytes counted for it while its call is parked.
    var held = 0
    /// What was written of it, as long as the message may point there.
    var shown: JSONText?
    var answer: [UInt8]?

    init(_ call: Call, number: UInt64, _ question: Question, _ source: QuestionSource) {
        self.call = call
        self.number = number
        self.question = question
        self.source = source
    }

    /// Its key among the `inputRequests` of a modern client.
    var key: String { "q\(number)" }
}

/// A call's conversation with its client. Made with the first question; most calls never have one.
final class Dialogue {
    /// Questions that are not over.
    var asked: [Asked] = []
    /// Questions so far.
    var count: UInt64 = 0
    /// How often an `input_required` went to or came from the other side.
    var rounds = 0
    /// Keys of a modern server's task that were asked already.
    var seen: Set<[UInt8]> = []
    /// Raw JSON that a modern server wants back with the answers.
    var requestState: [UInt8]?

    // Parked calls.
    /// No client is attached: the next message about this call is its client's retry.
    var isParked = false
    /// The call has been parked once: its lane owns it whoever asks next.
    var isOwned = false
    var isParkingSoon = false
    /// SHA-256 of what a retry must repeat.
    var digest: SHA256Digest?
    /// What came while no client was attached: the server's last message, padded.
    var outcome: [UInt8]?
    /// Counted in the gateway's `parkedBytes`.
    var bytes = 0

    // URL elicitations shown to a legacy client.
    /// URLs that the user agreed to open, and the ids minted for them.
    var opened: [(url: [UInt8], id: String)] = []

    var isWaiting: Bool { asked.contains { $0.answer == nil } }

    func find(_ number: UInt64) -> Asked? { asked.first { $0.number == number } }
    func remove(_ gone: Asked) { asked.removeAll { $0 === gone } }
}

extension Call {
    /// Its client can be asked something: a legacy server is met in a session that says so.
    var usesSession: Bool { method.mayAsk && abilities.isInteractive || isPersonal }
}

extension Method {
    /// Requests that a server may answer with questions (MCP 2026-07-28, Multi Round-Trip Requests).
    var mayAsk: Bool { self == .toolsCall || self == .promptsGet || self == .resourcesRead }
}
