// SPDX-License-Identifier: Apache-2.0
// Shapes of questions and answers: what every revision requires of them, and no more, for all their objects are open.

import JSON

/// Takes nodes with everything in them recorded.
enum QuestionCheck {
    /// Checks the params of a question (2026-07-28: ElicitRequestParams, CreateMessageRequestParams).
    static func params(_ method: Method, _ params: JSONNode) throws(QuestionProblem) {
        guard params.kind == .object else { throw QuestionProblem("its params are not an object") }
        if ObjectCopy.isAmbiguous(params) {
            throw QuestionProblem("its params repeat a member, or have too many")
        }
        switch method {
        case .elicitationCreate: try elicitation(params)
        case .samplingCreateMessage: try sampling(params)
        case .rootsList: break
        default: throw QuestionProblem("its method is not one that a client can be asked")
        }
    }

    private static func elicitation(_ params: JSONNode) throws(QuestionProblem) {
        try string("message", params)
        if let id = params.member("elicitationId"), id.kind != .string {
            throw QuestionProblem("\"elicitationId\" is not a string")
        }
        guard let mode = params.member("mode"), !mode.equals("form") else {
            guard let schema = params.member("requestedSchema"), schema.kind == .object else {
                throw QuestionProblem("\"requestedSchema\" is not an object")
            }
            if let properties = schema.member("properties"), properties.kind != .object {
                throw QuestionProblem("the \"properties\" of \"requestedSchema\" are not an object")
            }
            return
        }
        guard mode.equals("url") else { throw QuestionProblem("its mode is neither \"form\" nor \"url\"") }
        try string("url", params)
    }

    private static func sampling(_ params: JSONNode) throws(QuestionProblem) {
        guard let messages = params.member("messages"), messages.kind == .array else {
            throw QuestionProblem("\"messages\" is not an array")
        }
        guard params.member("maxTokens")?.kind == .number else {
            throw QuestionProblem("\"maxTokens\" is not a number")
        }
        if let tools = params.member("tools"), tools.kind != .array, !tools.isNull {
            throw QuestionProblem("\"tools\" is not an array")
        }
        for message in messages.elements { try self.message(message) }
    }

    /// A role and its content: one block, or several.
    private static func message(_ node: JSONNode) throws(QuestionProblem) {
        guard node.kind == .object else { throw QuestionProblem("a sampling message is not an object") }
        guard let role = node.member("role"), role.equals("user") || role.equals("assistant") else {
            throw QuestionProblem("a sampling message's role is neither \"user\" nor \"assistant\"")
        }
        guard let content = node.member("content") else {
            throw QuestionProblem("a sampling message has no content")
        }
        if content.kind == .array {
            for block in content.elements { try self.block(block) }
        } else {
            try block(content)
        }
    }

    private static func block(_ node: JSONNode) throws(QuestionProblem) {
        guard node.kind == .object, node.member("type")?.kind == .string else {
            throw QuestionProblem("a content block is not an object with a \"type\"")
        }
    }

    private static func string(_ name: StaticString, _ node: JSONNode) throws(QuestionProblem) {
        guard node.member(name)?.kind == .string else { throw QuestionProblem("\"\(name)\" is not a string") }
    }

    /// Checks a client's answer (2026-07-28: ElicitResult, CreateMessageResult, ListRootsResult).
    static func answer(_ method: Method, _ value: JSONNode) throws(QuestionProblem) {
        guard value.kind == .object else { throw QuestionProblem("the answer is not an object") }
        if ObjectCopy.isAmbiguous(value) {
            throw QuestionProblem("the answer repeats a member, or has too many")
        }
        switch method {
        case .elicitationCreate:
            guard let action = value.member("action"),
                action.equals("accept") || action.equals("decline") || action.equals("cancel")
            else { throw QuestionProblem("\"action\" is none of accept, decline and cancel") }
            if let content = value.member("content"), content.kind != .object, !content.isNull {
                throw QuestionProblem("\"content\" is not an object")
            }
        case .samplingCreateMessage:
            try message(value)
            try string("model", value)
        case .rootsList:
            guard let roots = value.member("roots"), roots.kind == .array else {
                throw QuestionProblem("\"roots\" is not an array")
            }
            for root in roots.elements where root.member("uri")?.kind != .string {
                throw QuestionProblem("a root is not an object with a \"uri\"")
            }
        default: throw QuestionProblem("its method is not one that a client can be asked")
        }
    }
}
