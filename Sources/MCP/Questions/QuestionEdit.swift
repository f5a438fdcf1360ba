// SPDX-License-Identifier: Apache-2.0
// Turns a server's question into a neutral one, and a neutral one into what a client of either era is asked.

import JSON

public enum QuestionEdit {
    // MARK: From servers

    /// Reads a legacy server's JSON-RPC request. What concerns its hop alone goes (`task`, `progressToken`, the reserved
    /// keys of `_meta`); every other member keeps its spelling.
    /// - Throws: what is malformed, or that the server's revision has no such question.
    public static func neutral(
        _ method: Method, _ params: JSONNode?, from revision: Revision
    ) throws(QuestionProblem) -> Question {
        if method == .elicitationCreate, revision < .v2025_06_18 {
            throw QuestionProblem("revision \(revision.text) has no elicitation")
        }
        let question = try neutral(method, params)
        if method == .elicitationCreate, revision < .v2025_11_25, question.needs == .url {
            throw QuestionProblem("revision \(revision.text) has no elicitation by URL")
        }
        return question
    }

    /// Reads an entry of a modern server's `inputRequests`: `{"method":…,"params":…}`. An `elicitationId` is dropped, a
    /// modern server has none to give.
    /// - Throws: what is malformed.
    public static func neutral(entry: JSONNode) throws(QuestionProblem) -> Question {
        guard entry.kind == .object else { throw QuestionProblem("an input request is not an object") }
        return try Recorded.whole(entry) { (entry) throws(QuestionProblem) in
            if ObjectCopy.isAmbiguous(entry) {
                throw QuestionProblem("an input request repeats a member, or has too many")
            }
            guard let name = entry.member("method"), name.kind == .string else {
                throw QuestionProblem("an input request has no method")
            }
            return try neutral(Method(name), entry.member("params"), isModern: true)
        }
    }

    private static func neutral(
        _ method: Method, _ params: JSONNode?, isModern: Bool = false
    ) throws(QuestionProblem) -> Question {
        guard let params else {
            guard method == .rootsList else {
                throw QuestionProblem(
                    isQuestion(method)
                        ? "it has no params" : "its method is not one that a client can be asked")
            }
            return Question(method: method, params: [123, 125])
        }
        return try Recorded.whole(params) { (params) throws(QuestionProblem) in
            try QuestionCheck.params(method, params)
            let bytes = ObjectCopy.bytes(params) { member in
                if member.keyEquals("_meta") { return ObjectCopy.metaFate(member) }
                // To a client of 2025-11-25 `task` would ask for a task of its own, whoever sent it.
                if member.keyEquals("task") { return .drop }
                return isModern && member.keyEquals("elicitationId") ? .drop : .keep
            }
            return Question(method: method, params: bytes)
        }
    }

    private static func isQuestion(_ method: Method) -> Bool {
        method == .elicitationCreate || method == .samplingCreateMessage || method == .rootsList
    }

    // MARK: To clients

    /// Writes the entry of an `input_required` result for a modern client. `serverName` stands before the message of an
    /// elicitation, so that the user knows who asks. Copies all it writes.
    public static func writeEntry(_ question: Question, serverName: String?, into out: MessageBuilder) {
        out.literal("{\"method\":\"")
        out.literal(question.method.name)
        out.literal("\",\"params\":")
        let isPlain = question.method != .elicitationCreate
        if !isPlain, let text = Recorded.text(question.params) {
            text.withRoot { params in
                out.copy(
                    ObjectCopy.bytes(params) { member in
                        member.keyEquals("elicitationId") ? .drop : messageFate(member, serverName)
                    })
            }
        } else {
            out.copy(question.params)
        }
        out.byte(125)
    }

    /// Writes the params of the JSON-RPC request that puts a question to a legacy client of `revision`. Copies all it
    /// writes, and writes nothing when it throws.
    /// - Parameters:
    ///   - abilities: what the client declared.
    ///   - serverName: stands before the message of an elicitation; nil leaves it as it is.
    ///   - elicitationId: for a URL elicitation whose server gave none; must be unique for the client.
    /// - Returns: how the client's answer becomes one to the question as it was asked.
    /// - Throws: what keeps the question from being put to this client.
    public static func writeParams(
        _ question: Question, for revision: Revision, _ abilities: Abilities, serverName: String?,
        elicitationId: String?, into out: MessageBuilder
    ) throws(QuestionProblem) -> AnswerPlan {
        guard let text = Recorded.text(question.params) else {
            throw QuestionProblem("its params are not JSON")
        }
        let written = try text.withRoot { (params) throws(QuestionProblem) -> ([UInt8], AnswerPlan) in
            switch question.method {
            case .elicitationCreate:
                return try elicitation(params, revision, abilities, serverName, elicitationId)
            case .samplingCreateMessage:
                return (try SamplingEdit.params(params, for: revision, abilities), .asIs)
            case .rootsList:
                if !abilities.contains(.roots) { throw QuestionProblem("the client did not declare roots") }
                return (question.params, .asIs)
            default: throw QuestionProblem("its method is not one that a client can be asked")
            }
        }
        out.copy(written.0)
        return written.1
    }

    private static func elicitation(
        _ params: JSONNode, _ revision: Revision, _ abilities: Abilities, _ serverName: String?,
        _ elicitationId: String?
    ) throws(QuestionProblem) -> ([UInt8], AnswerPlan) {
        let isURL = params.member("mode")?.equals("url") == true
        if revision < .v2025_06_18 {
            throw QuestionProblem("clients of revision \(revision.text) have no elicitation")
        }
        if isURL, revision < .v2025_11_25 {
            throw QuestionProblem("clients of revision \(revision.text) have no elicitation by URL")
        }
        guard abilities.contains(isURL ? .url : .form) else {
            throw QuestionProblem("the client did not declare elicitation by \(isURL ? "URL" : "form")")
        }
        if revision >= .v2025_11_25 {
            var added: [(name: StaticString, value: [UInt8])] = []
            if isURL, params.member("elicitationId") == nil {
                guard let elicitationId else {
                    throw QuestionProblem("an elicitation by URL needs an id for this client")
                }
                added.append((name: "elicitationId", value: JSONWriter.quoted(elicitationId)))
            }
            return (ObjectCopy.bytes(params, adding: added) { messageFate($0, serverName) }, .asIs)
        }
        var plan = AnswerPlan.asIs
        let bytes = try ObjectCopy.bytes(params) { (member) throws(QuestionProblem) in
            if member.keyEquals("mode") { return .drop }
            guard member.keyEquals("requestedSchema") else { return messageFate(member, serverName) }
            var form = FormEdit()
            let schema = try form.schema(member.value)
            plan = AnswerPlan(fields: form.split)
            return .value(schema)
        }
        return (bytes, plan)
    }

    /// `[name] message`, the message as it was spelled.
    private static func messageFate(_ member: JSONMember, _ serverName: String?) -> MemberFate {
        guard let serverName, member.keyEquals("message") else { return .keep }
        var value = JSONWriter.quoted("[\(serverName)] ")
        value.removeLast()
        value.append(contentsOf: member.value.raw.dropFirst())
        return .value(value)
    }
}
