// SPDX-License-Identifier: Apache-2.0
// The JSON-RPC envelope of one message, as spans of its bytes.

import JSON

/// Why bytes that are valid JSON are not a JSON-RPC 2.0 message.
public struct EnvelopeError: Error {
    public let message: StaticString
    /// Where the raw id stands in the message, where it could be read.
    public let id: Range<Int>?

    init(message: StaticString, id: JSONNode?) {
        self.message = message
        self.id = id?.range
    }
}

/// One JSON-RPC 2.0 message. Nodes point into the document it was read from and share its lifetime.
public struct Envelope {
    public enum Kind: UInt8, Sendable { case request, notification, result, error }

    public let kind: Kind
    public let method: Method
    /// The method's name as sent; nil for answers.
    public let methodName: JSONNode?
    /// A request's or answer's id: a string or an integer. Nil on notifications, and on an error that could not read it.
    public let id: JSONNode?
    public let params: JSONNode?
    /// The result object, or the error object.
    public let outcome: JSONNode?

    /// Reads the envelope. Duplicate envelope members are refused, since two parsers could disagree about them.
    public static func read(_ root: JSONNode) throws(EnvelopeError) -> Envelope {
        guard root.kind == .object else {
            throw EnvelopeError(message: "a message must be one JSON object", id: nil)
        }
        var id: JSONNode?
        var version: JSONNode?
        var method: JSONNode?
        var params: JSONNode?
        var result: JSONNode?
        var error: JSONNode?
        var repeated = false
        for member in root.members {
            if member.keyEquals("jsonrpc") {
                repeated = repeated || version != nil
                version = member.value
            } else if member.keyEquals("id") {
                repeated = repeated || id != nil
                id = member.value
            } else if member.keyEquals("method") {
                repeated = repeated || method != nil
                method = member.value
            } else if member.keyEquals("params") {
                repeated = repeated || params != nil
                params = member.value
            } else if member.keyEquals("result") {
                repeated = repeated || result != nil
                result = member.value
            } else if member.keyEquals("error") {
                repeated = repeated || error != nil
                error = member.value
            }
        }
        let usable = id.flatMap { isUsableId($0) ? $0 : nil }
        if repeated { throw EnvelopeError(message: "a member of the message is repeated", id: usable) }
        guard let version, version.kind == .string, version.equals("2.0") else {
            throw EnvelopeError(message: "\"jsonrpc\" must be \"2.0\"", id: usable)
        }
        if let method {
            guard method.kind == .string else {
                throw EnvelopeError(message: "\"method\" must be a string", id: usable)
            }
            if result != nil || error != nil {
                throw EnvelopeError(message: "a request carries no \"result\" or \"error\"", id: usable)
            }
            if let params, params.kind != .object {
                throw EnvelopeError(message: "\"params\" must be an object", id: usable)
            }
            if id != nil && usable == nil {
                throw EnvelopeError(
                    message: "\"id\" must be a string of at most 512 bytes, or an integer of 64 bits", id: nil
                )
            }
            return Envelope(
                kind: id == nil ? .notification : .request, method: Method(method), methodName: method,
                id: usable, params: params, outcome: nil)
        }
        if let result, error == nil {
            guard usable != nil else {
                throw EnvelopeError(message: "an answer needs the \"id\" of its request", id: nil)
            }
            return Envelope(
                kind: .result, method: .unknown, methodName: nil, id: usable, params: nil, outcome: result)
        }
        if let error, result == nil {
            guard error.kind == .object else {
                throw EnvelopeError(message: "\"error\" must be an object", id: usable)
            }
            return Envelope(
                kind: .error, method: .unknown, methodName: nil, id: usable, params: nil, outcome: error)
        }
        throw EnvelopeError(message: "neither a request nor an answer", id: usable)
    }

    /// Whether a member of `params` that decides where a call goes, or what is allowed, stands there twice: two parsers
    /// could then disagree about it.
    public var repeatsParameter: Bool {
        guard let params else { return false }
        var seen: UInt8 = 0
        for member in params.members {
            let bit: UInt8 =
                member.keyEquals("name")
                ? 1
                : member.keyEquals("arguments")
                    ? 2
                    : member.keyEquals("_meta")
                        ? 4 : member.keyEquals("uri") ? 8 : member.keyEquals("ref") ? 16 : 0
            if seen & bit != 0 { return true }
            seen |= bit
        }
        return false
    }

    /// Ids are strings or integers, never null; a spelled-out fraction or exponent is not an integer here.
    private static func isUsableId(_ node: JSONNode) -> Bool {
        switch node.kind {
        case .string: return node.range.count <= 514
        case .number: return node.int64 != nil
        default: return false
        }
    }
}
