// SPDX-License-Identifier: Apache-2.0
// Error -32042 of MCP 2025-11-25: a call that needs URL elicitations first, and is to be repeated after them.

import JSON

public enum URLElicitationRequired {
    /// The questions of an error object's `data.elicitations`; each keeps its `elicitationId`. Nil where the error is
    /// another one, or is malformed: no question, more than 64, or one that is no URL elicitation.
    public static func questions(_ error: JSONNode) -> [Question]? {
        try? Recorded.whole(error) { (error) throws(QuestionProblem) in
            let none = QuestionProblem("it names no elicitations")
            guard error.member("code")?.int64 == Int64(ErrorCode.urlElicitationRequired.rawValue),
                let listed = error.member("data")?.member("elicitations"), listed.kind == .array,
                listed.count > 0, listed.count <= InputRequired.maxEntries
            else { throw none }
            var found: [Question] = []
            for params in listed.elements {
                let question = try QuestionEdit.neutral(.elicitationCreate, params, from: .v2025_11_25)
                guard question.needs == .url else { throw none }
                found.append(question)
            }
            return found
        }
    }

    /// The ids of the same elicitations, decoded, in the same order; nil for one that has none.
    public static func elicitationIds(_ error: JSONNode) -> [String?]? {
        questions(error)?.map(\.elicitationId)
    }
}
