// SPDX-License-Identifier: Apache-2.0
// Turns a client's answer into a neutral one, and a neutral one into what a legacy server gets.

import JSON

public enum AnswerEdit {
    /// Reads a legacy client's result. The neutral answer has the shape of an `inputResponses` value: what concerns the
    /// client's hop goes, the content of a form stays only with `accept`, and split fields are put together again.
    /// - Throws: what is malformed.
    public static func neutral(
        _ result: JSONNode, of method: Method, plan: AnswerPlan
    ) throws(QuestionProblem) -> [UInt8] {
        try Recorded.whole(result) { (result) throws(QuestionProblem) in
            try QuestionCheck.answer(method, result)
            return try clean(result, method, plan)
        }
    }

    /// Checks a modern client's `inputResponses` value.
    /// - Throws: what is malformed.
    public static func check(_ value: JSONNode, of method: Method) throws(QuestionProblem) {
        try Recorded.whole(value) { (value) throws(QuestionProblem) in
            try QuestionCheck.answer(method, value)
        }
    }

    /// Writes the `result` of the JSON-RPC answer to a legacy server of `revision`. `value` was checked. Members of the
    /// modern era are dropped; before 2025-11-25 the content of a sampled message is one block. Copies all it writes.
    public static func writeResult(
        _ value: JSONNode, of method: Method, for revision: Revision, into out: MessageBuilder
    ) {
        guard let text = Recorded.text(value.raw) else { return out.literal("{}") }
        text.withRoot { value in
            // Only recombining throws, and there is nothing to recombine.
            guard var bytes = try? clean(value, method, .asIs) else { return out.literal("{}") }
            if method == .samplingCreateMessage, revision < .v2025_11_25,
                let content = value.member("content"), content.kind == .array,
                let cleaned = Recorded.text(bytes)
            {
                bytes = cleaned.withRoot { value in
                    ObjectCopy.bytes(value) {
                        $0.keyEquals("content") ? .value(SamplingEdit.singleBlock(content)) : .keep
                    }
                }
            }
            out.copy(bytes)
        }
    }

    private static func clean(
        _ value: JSONNode, _ method: Method, _ plan: AnswerPlan
    ) throws(QuestionProblem) -> [UInt8] {
        let isForm = method == .elicitationCreate
        let isAccepted = isForm && value.member("action")?.equals("accept") == true
        return try ObjectCopy.bytes(value) { (member) throws(QuestionProblem) in
            if member.keyEquals("_meta") { return ObjectCopy.metaFate(member) }
            if member.keyEquals("resultType") { return .drop }
            guard isForm, member.keyEquals("content") else { return .keep }
            // What the user did not submit is not the server's to see.
            guard isAccepted, member.value.kind == .object else { return .drop }
            return plan.isAsIs ? .keep : .value(try plan.recombine(member.value))
        }
    }

    /// Writes the whole JSON-RPC answer by which we refuse a legacy server's question: an elicitation is declined where
    /// the client cannot be asked (the server then need not ask again) and cancelled otherwise; sampling gets the error
    /// -1 of a user's refusal; everything else is a method that is not there. `id` is raw JSON.
    public static func writeRefusal(
        id: UnsafeRawBufferPointer, _ method: Method, _ why: Refusal, into out: MessageBuilder
    ) {
        switch method {
        case .elicitationCreate:
            out.literal("{\"jsonrpc\":\"2.0\",\"id\":")
            out.bytes(id)
            out.literal(
                why == .undeclared
                    ? ",\"result\":{\"action\":\"decline\"}}" : ",\"result\":{\"action\":\"cancel\"}}")
        case .samplingCreateMessage:
            Answers.error(id: id, ErrorCode(rawValue: -1), reason(why), into: out)
        default:
            Answers.error(id: id, .methodNotFound, reason(why), into: out)
        }
    }

    private static func reason(_ why: Refusal) -> String {
        switch why {
        case .cancelled: "the call that this belongs to was cancelled"
        case .undeclared: "the client did not declare that it can be asked this"
        case .unattributable: "it cannot be told which client's call this belongs to"
        case .expired: "the client did not answer in time"
        }
    }
}
