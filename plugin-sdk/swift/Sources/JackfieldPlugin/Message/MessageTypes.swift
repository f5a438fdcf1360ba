// SPDX-License-Identifier: Apache-2.0
// The envelope of a message: kind, status, exchange, fields.

import CJackfield

/// Names one exchange: a request and its answers. On a shared channel there is only ``shared``.
public struct Exchange: Hashable, Sendable {
    /// The handle; whose it is depends on the direction.
    public let rawValue: UInt64

    /// - Parameter rawValue: a handle; 0 is ``shared``.
    public init(_ rawValue: UInt64) { self.rawValue = rawValue }

    /// None: messages of a shared channel, and those that expect no answer.
    public static let shared = Exchange(0)
}

/// What a message is for.
public struct MessageKind: Hashable, Sendable {
    let rawValue: UInt32

    /// It carries a JSON-RPC message.
    public static let message = MessageKind(rawValue: UInt32(JF_KIND_MESSAGE))
    /// It opens a stand-alone stream for messages of the server; no body.
    public static let stream = MessageKind(rawValue: UInt32(JF_KIND_STREAM))
    /// It ends the session that it names; no body.
    public static let end = MessageKind(rawValue: UInt32(JF_KIND_END))
}

/// How an exchange went, in words that every transport can express.
public struct MessageStatus: Hashable, Sendable {
    let rawValue: Int32

    private init(_ value: Int) { rawValue = Int32(truncatingIfNeeded: value) }
    init(rawValue: Int32) { self.rawValue = rawValue }

    /// HTTP 200
    public static let ok = MessageStatus(JF_STATUS_OK)
    /// HTTP 202, no body
    public static let accepted = MessageStatus(JF_STATUS_ACCEPTED)
    /// HTTP 400
    public static let badRequest = MessageStatus(JF_STATUS_BAD_REQUEST)
    /// HTTP 401
    public static let unauthorized = MessageStatus(JF_STATUS_UNAUTHORIZED)
    /// HTTP 403
    public static let forbidden = MessageStatus(JF_STATUS_FORBIDDEN)
    /// HTTP 404
    public static let notFound = MessageStatus(JF_STATUS_NOT_FOUND)
    /// HTTP 405
    public static let notAllowed = MessageStatus(JF_STATUS_NOT_ALLOWED)
    /// HTTP 406
    public static let notAcceptable = MessageStatus(JF_STATUS_NOT_ACCEPTABLE)
    /// HTTP 413
    public static let tooLarge = MessageStatus(JF_STATUS_TOO_LARGE)
    /// HTTP 429
    public static let overloaded = MessageStatus(JF_STATUS_OVERLOADED)
    /// HTTP 500
    public static let internalError = MessageStatus(JF_STATUS_INTERNAL)
    /// HTTP 503
    public static let unavailable = MessageStatus(JF_STATUS_UNAVAILABLE)
    /// HTTP 504
    public static let timeout = MessageStatus(JF_STATUS_TIMEOUT)
}

/// Everything about a message that a plugin delivers, but for its body. Set what the wire knows; absent stays
/// nil.
public struct MessageFields: Sendable {
    /// What it is for.
    public var kind = MessageKind.message
    /// Answers: how the exchange went.
    public var status = MessageStatus.ok
    /// The exchange that it belongs to.
    public var exchange = Exchange.shared
    /// The last message of its exchange; otherwise more follow.
    public var isFinal = false
    /// Of a client: it accepts one JSON answer.
    public var acceptsJSON = false
    /// Of a client: it accepts an event stream.
    public var acceptsStream = false
    /// Of a client: a mirrored header is repeated or cannot be decoded.
    public var hasBadHeaders = false
    /// Requests: monotonic nanoseconds at which the answer stops being of use; 0: none.
    public var deadlineNanoseconds: UInt64 = 0
    /// Answers with ``MessageStatus/overloaded`` or ``MessageStatus/unavailable``.
    public var retryAfter = Duration.zero
    /// The endpoint asked for, such as "/mcp/servers/time"; nil on stdio.
    public var target: String?
    /// MCP-Protocol-Version
    public var protocolVersion: String?
    /// Mcp-Method
    public var method: String?
    /// Mcp-Name, decoded
    public var name: String?
    /// Mcp-Session-Id
    public var session: String?
    /// Last-Event-ID, at most 256 bytes
    public var resume: String?
    /// Further mirrored headers (Mcp-Param-*): names as spelled, values decoded.
    public var headers: [(name: String, value: String)] = []

    /// The fields of a message on a shared channel.
    public init() {}

    /// The fields of a message of one exchange.
    public init(exchange: Exchange, isFinal: Bool = true, status: MessageStatus = .ok) {
        self.exchange = exchange
        self.isFinal = isFinal
        self.status = status
    }

    /// Lends the fields and a body (nil: none) as the ABI's message.
    func withMessage<Answer>(
        _ body: UnsafeBufferPointer<UInt8>?, _ deliver: (UnsafePointer<jf_message>) -> Answer
    ) -> Answer {
        var message = jf_message()
        message.size = UInt32(MemoryLayout<jf_message>.size)
        message.kind = kind.rawValue
        message.status = status.rawValue
        message.exchange = exchange.rawValue
        message.deadline_ns = deadlineNanoseconds
        message.retry_ms = UInt32(clamping: retryAfter.nanoseconds / 1_000_000)
        for (isSet, flag) in [
            (isFinal, JF_MSG_FINAL), (acceptsJSON, JF_MSG_ACCEPTS_JSON),
            (acceptsStream, JF_MSG_ACCEPTS_STREAM), (hasBadHeaders, JF_MSG_BAD_HEADERS),
        ] where isSet {
            message.flags |= UInt32(flag)
        }
        func withBody() -> Answer {
            guard let body else { return deliver(&message) }
            return withUnsafePointer(to: jf_view(body)) { segment in
                message.body = segment
                message.body_count = 1
                return deliver(&message)
            }
        }
        let texts = [target, protocolVersion, method, name, session, resume]
        if headers.isEmpty, texts.allSatisfy({ $0 == nil }) { return withBody() }
        var joined = JoinedTexts()
        for text in texts { joined.append(text) }
        return joined.withViews { views in
            message.target = views[0]
            message.protocol = views[1]
            message.method = views[2]
            message.name = views[3]
            message.session = views[4]
            message.resume = views[5]
            return withPairs(headers.map { ($0.name, $0.value) }) { pairs in
                message.headers = pairs.baseAddress
                message.header_count = UInt64(pairs.count)
                return withBody()
            }
        }
    }
}
