// SPDX-License-Identifier: Apache-2.0
// A question of a server to the client, as both eras could put it.

import JSON

/// Why a question or an answer cannot be handed on. `message` is for people: it says what is wrong, not with whom.
public struct QuestionProblem: Error, Equatable, Sendable {
    public let message: String
    public init(message: String) { self.message = message }
    init(_ message: String) { self.message = message }
}

/// A neutral question: the shape of 2026-07-28, with nothing of one hop in it. A legacy server's `elicitationId` stays as
/// an extra member, so that a legacy client sees it again.
public struct Question: Equatable, Sendable {
    /// `elicitation/create`, `sampling/createMessage` or `roots/list`.
    public let method: Method
    /// A valid JSON object, raw.
    public let params: [UInt8]

    init(method: Method, params: [UInt8]) {
        self.method = method
        self.params = params
    }

    /// What a client must have declared to be asked this.
    public var needs: Abilities {
        guard let text = Recorded.text(params) else { return [] }
        return text.withRoot { Abilities.needed(for: method, $0) }
    }

    /// The id that a legacy server gave to a URL elicitation, decoded.
    public var elicitationId: String? {
        guard method == .elicitationCreate, let text = Recorded.text(params) else { return nil }
        return text.withRoot { $0.member("elicitationId")?.string() }
    }
}

/// How a question ended that nobody answered.
public enum Refusal: Sendable, CaseIterable {
    /// The call it belonged to was cancelled, or the client is gone.
    case cancelled
    /// The client did not declare that it can be asked this.
    case undeclared
    /// It could not be told which client's call the question belongs to.
    case unattributable
    /// No answer came in time.
    case expired
}
