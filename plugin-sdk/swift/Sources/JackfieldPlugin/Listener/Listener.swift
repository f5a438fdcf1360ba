// SPDX-License-Identifier: Apache-2.0
// The facet jf.listener/1 as a plugin author writes it: a way in for MCP clients.

import CJackfield

/// A listener, on one event loop. It accepts clients, and gives each a ``ClientConnection`` of the author's.
/// All methods are called on the instance's lane and must not block.
public protocol Listener: AnyObject {
    /// Opens the listener.
    /// - Parameters:
    ///   - inbound: where accepted clients go; to be kept for as long as this object lives.
    ///   - address: overrides the one in the configuration, where there is one: another loop bound it first,
    ///     share it (SO_REUSEPORT).
    ///   - configuration: valid against the manifest's `listener.config` schema.
    /// - Throws: why it cannot be opened.
    init(inbound: Inbound, address: String?, configuration: JSONReader) throws

    /// Where it listens, as text that a user can connect to: "http://127.0.0.1:8808". Asked once, after
    /// `init`.
    var boundAddress: String { get }

    /// Accepts no more clients. Those that are there stay until they end or the instance stops.
    func unlisten()

    /// The instance ends: closes every descriptor, those of clients too. Watches and timers have ended
    /// already, and the host does nothing any more. Called once for each listener, unlistened or not.
    func stop()
}

extension Listener {
    /// What is left ends with the object.
    public func stop() {}
}

/// One client, as the author's listener keeps it. The gateway holds on to it from ``Inbound/accept(_:)`` to
/// ``Client/closed()``. All methods are called on the instance's lane and must not block. The host may call
/// them from inside of what this calls on its ``Client``: bring your own state in order before.
public protocol ClientConnection: AnyObject {
    /// Writes one message to the client. Without ``Message/isFinal`` its exchange becomes an event stream and
    /// stays open; a final one without a body ends it; status ``MessageStatus/accepted``, final and without a
    /// body acknowledges a notification.
    func reply(_ message: borrowing Message) -> ReplyStatus
    /// Closes the connection once written answers are out, and then calls ``Client/closed()``.
    func close()
}

/// What became of a reply.
public struct ReplyStatus: Hashable, Sendable {
    let status: Int32

    /// Taken.
    public static let taken = ReplyStatus(status: Int32(JF_OK))
    /// Taken, but the reader is slow: ``Client/writable(_:)`` must follow before more is sent.
    public static let slowReader = ReplyStatus(status: Int32(JF_E_BUSY))
    /// The client or the exchange is gone.
    public static let gone = ReplyStatus(status: Int32(JF_E_STALE))
    /// ``Message/resume`` cannot be an event id; nothing was written.
    public static let badEventID = ReplyStatus(status: Int32(JF_E_INVALID))
}

/// What a listener knows of a client when it connects.
public struct ClientInfo: Sendable {
    /// "127.0.0.1:51234", "stdio"
    public var address: String
    /// One shared, ordered channel (stdio, WebSocket): messages carry ``Exchange/shared``, no headers exist.
    public var isShared: Bool
    /// The gateway was started for this one client and ends when it leaves (stdio).
    public var isSole: Bool

    /// A client.
    public init(address: String, isShared: Bool = false, isSole: Bool = false) {
        self.address = address
        self.isShared = isShared
        self.isSole = isSole
    }
}
