// SPDX-License-Identifier: Apache-2.0
// What a plugin did, as the mock host recorded it.

import CJackfield
import CMockHost
import JackfieldPlugin

/// How something ended: the ABI's statuses.
public struct MockStatus: Hashable, Sendable, CustomStringConvertible {
    /// The number.
    public let rawValue: Int32

    init(_ value: Int) { rawValue = Int32(truncatingIfNeeded: value) }
    init(_ value: Int32) { rawValue = value }

    /// Done.
    public static let ok = MockStatus(JF_OK)
    /// Not over yet.
    public static let pending = MockStatus(JF_PENDING)
    /// Nothing there.
    public static let absent = MockStatus(JF_ABSENT)
    /// Bad input.
    public static let invalid = MockStatus(JF_E_INVALID)
    /// No such capability.
    public static let unsupported = MockStatus(JF_E_UNSUPPORTED)
    /// What was named is gone.
    public static let stale = MockStatus(JF_E_STALE)
    /// A limit was reached.
    public static let busy = MockStatus(JF_E_BUSY)
    /// Not allowed.
    public static let denied = MockStatus(JF_E_DENIED)
    /// Out of time.
    public static let timedOut = MockStatus(JF_E_TIMEOUT)
    /// The caller or peer left.
    public static let gone = MockStatus(JF_E_GONE)
    /// A defect or an unexpected failure.
    public static let fault = MockStatus(JF_E_FAULT)

    /// The number.
    public var description: String { String(rawValue) }
}

/// One thing that the plugin did.
public struct MockEvent: Sendable, CustomStringConvertible {
    /// What it was.
    public enum Kind: UInt32, Sendable {
        /// ``Inbound/accept(_:_:)``: `text` is the address.
        case clientOpened = 1
        /// ``Client/deliver(_:_:)``: `text` is the body.
        case clientMessage
        /// ``Client/gone(_:)``
        case clientGone
        /// ``Client/writable(_:)``
        case clientWritable
        /// ``Client/closed()``
        case clientClosed
        /// ``Channel/ready(_:)``: `flags` are ``ChannelFlags``.
        case channelReady
        /// ``Channel/deliver(_:_:)``: `text` is the body.
        case channelMessage
        /// ``Channel/failed(_:_:)``: `text` says why.
        case channelFailed
        /// ``Channel/writable()``
        case channelWritable
        /// ``Channel/closed()``
        case channelClosed
        /// ``Host/toolsChanged()`` and its like.
        case setChanged
        /// A request was answered later.
        case requestFinished
        /// ``Pending/progress(_:of:_:)``
        case requestProgress
        /// A store told of a change: `text` is the key.
        case storeChanged
        /// ``Host/forgetIdentities(credential:)``: `text` is the credential, nil for all.
        case identitiesForgotten
        /// ``Host/policyChanged()``: `peer` is the policy.
        case policyChanged
        /// ``Host/connected(_:failure:)``: `text` is the id.
        case connected
        /// ``Host/forgetSupplies(of:)``: `text` is the key, nil for all.
        case suppliesForgotten
    }

    /// What it was.
    public let kind: Kind
    /// The client, channel, set or request.
    public let peer: UInt64
    /// The exchange, where there is one.
    public let exchange: Exchange
    /// A message's body, an address, or why something failed.
    public let text: String?
    /// The number of a message's status, or how something ended.
    public let status: Int32
    /// Channel flags, or those of a message.
    public let flags: UInt32
    /// Messages: the last one of their exchange.
    public var isFinal: Bool {
        (kind == .clientMessage || kind == .channelMessage) && flags & JF_MSG_FINAL != 0
    }
    /// Messages: Mcp-Session-Id.
    public let session: String?
    /// Messages: the endpoint asked for.
    public let target: String?
    /// Messages: further headers.
    public let headers: [String: String]

    init(_ event: jf_mock_event) {
        kind = Kind(rawValue: event.type) ?? .setChanged
        peer = event.peer
        exchange = Exchange(event.exchange)
        status = event.status
        flags = event.flags
        session = Self.text(event.message.session)
        target = Self.text(event.message.target)
        var headers: [String: String] = [:]
        for index in 0..<Int(clamping: event.message.header_count) {
            guard let pair = event.message.headers?[index] else { continue }
            headers[Self.text(pair.name) ?? ""] = Self.text(pair.value) ?? ""
        }
        self.headers = headers
        if kind == .channelFailed {
            text = withUnsafeBytes(of: event.fault.text) { room in
                String(decoding: room.prefix(Int(event.fault.text_len)), as: UTF8.self)
            }
        } else {
            text = event.text.map { String(cString: $0) }
        }
    }

    private static func text(_ view: jf_view) -> String? {
        guard let address = view.ptr else { return nil }
        return String(
            decoding: UnsafeBufferPointer(start: address, count: Int(clamping: view.len)), as: UTF8.self)
    }

    /// For failed expectations.
    public var description: String { "\(kind) \(text ?? "") status \(status)" }
}
