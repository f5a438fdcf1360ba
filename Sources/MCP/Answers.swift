// SPDX-License-Identifier: Apache-2.0
// Answers and notifications that the gateway itself writes.

public enum Answers {
    /// `{"jsonrpc":"2.0","id":ID,"error":{…}}`; without an id where none could be read.
    public static func error(
        id: UnsafeRawBufferPointer?, _ code: ErrorCode, _ message: String, data: String? = nil,
        into out: MessageBuilder
    ) {
        out.literal("{\"jsonrpc\":\"2.0\"")
        if let id, id.count > 0 {
            out.literal(",\"id\":")
            out.bytes(id)
        }
        out.literal(",\"error\":{\"code\":")
        out.integer(code.rawValue)
        out.literal(",\"message\":")
        out.quoted(message)
        if let data {
            out.literal(",\"data\":")
            out.text(data)
        }
        out.literal("}}")
    }

    /// An answer whose result object is ready bytes.
    public static func result(
        id: UnsafeRawBufferPointer, _ result: UnsafeRawBufferPointer, into out: MessageBuilder
    ) {
        out.literal("{\"jsonrpc\":\"2.0\",\"id\":")
        out.bytes(id)
        out.literal(",\"result\":")
        out.bytes(result)
        out.byte(125)
    }

    /// A parameterless notification, tagged with the subscription it belongs to where there is one (2026-07-28).
    public static func notification(
        _ method: Method, subscription: UnsafeRawBufferPointer?, into out: MessageBuilder
    ) {
        out.literal("{\"jsonrpc\":\"2.0\",\"method\":\"")
        out.literal(method.name)
        out.byte(34)
        if let subscription {
            out.literal(",\"params\":{\"_meta\":{\"io.modelcontextprotocol/subscriptionId\":")
            out.bytes(subscription)
            out.literal("}}")
        }
        out.byte(125)
    }

    /// `notifications/cancelled` for a request of ours.
    public static func cancelled(_ id: UInt64, reason: StaticString, into out: MessageBuilder) {
        out.literal("{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":")
        out.integer(id)
        out.literal(",\"reason\":\"")
        out.literal(reason)
        out.literal("\"}}")
    }
}
