// SPDX-License-Identifier: Apache-2.0
// The facet jf.connector/1 as a plugin author writes it: channels to MCP servers.

import CJackfield

/// A channel to one MCP server, on one event loop. A class, since what arrives from the server comes between
/// the calls of the host: watches and timers need something to refer to.
///
/// All methods are called on the instance's lane and must not block. The host may call ``send(_:)``,
/// ``cancel(_:)`` and ``close(deadlineNanoseconds:)`` from inside of what this calls on its ``Channel``:
/// bring your own state in order before.
public protocol Connector: AnyObject {
    /// Opens the channel. Connecting may go on after it returns: ``Channel/ready(_:)`` or
    /// ``Channel/failed(_:)`` tell.
    /// - Parameters:
    ///   - channel: the host's side; to be kept for as long as this object lives.
    ///   - server: the configured name, for logs.
    ///   - configuration: the server's entry, valid against the manifest's `connector.config` schema.
    /// - Throws: why it cannot be opened; nothing may be called on `channel` then.
    init(channel: Channel, server: String, configuration: JSONReader) throws

    /// Sends one message.
    /// - Throws: why nothing of it was sent; no failure is reported for its exchange then.
    ///   ``PluginError/busy(_:retryAfter:)`` when the queue is full: ``Channel/writable()`` must follow.
    func send(_ message: borrowing Message) throws

    /// Gives an exchange up: delivers nothing more for it. Without effect where it is unknown.
    func cancel(_ exchange: Exchange)

    /// Closes the channel by that monotonic time and then calls ``Channel/closed()``. What was sent without
    /// an exchange should still go out.
    func close(deadlineNanoseconds: UInt64)

    /// What the channel's processes use. Must not block.
    /// - Returns: nil: nothing is known yet, ask again.
    /// - Throws: as without this method, an error of code `unsupported`: the channel has no processes of its own.
    func usage() throws -> ChannelUsage?

    /// The instance ends with this channel open: closes descriptors and ends children at once. Watches and
    /// timers have ended already, and the host does nothing any more.
    func stop()
}

extension Connector {
    /// Exchanges cannot be given up, as on a shared channel.
    public func cancel(_ exchange: Exchange) {}
    /// What is left ends with the object.
    public func stop() {}
    /// There are no processes.
    public func usage() throws -> ChannelUsage? {
        throw PluginError(.unsupported, "a channel without processes")
    }
}

/// What the processes of a channel's server use, and have used. 0 is "none" where that can be, else "not known".
public struct ChannelUsage: Sendable, Equatable {
    /// When the processes were looked at, monotonic.
    public var measuredNanoseconds: UInt64 = 0
    /// Resident bytes of all processes.
    public var memory: UInt64 = 0
    /// Processor time since the channel opened, that of ended processes too.
    public var processorNanoseconds: UInt64 = 0
    /// When the process that takes the calls began; 0: there is none now.
    public var sinceNanoseconds: UInt64 = 0
    /// Alive, all generations.
    public var processes: UInt32 = 0
    /// Threads of all of them.
    public var threads: UInt32 = 0
    /// Descriptors that are open in all of them.
    public var descriptors: UInt32 = 0
    /// Started processes that stand by.
    public var spares: UInt32 = 0
    /// Processes started since the channel opened.
    public var started: UInt32 = 0
    /// How often one ended, or did not start, without being asked to.
    public var failures: UInt32 = 0
    /// How often one made room for a successor without a failure.
    public var replaced: UInt32 = 0
    /// Requests that wait for a place in a process.
    public var waiting: UInt32 = 0

    /// Nothing is used.
    public init() {}
}

/// What a channel is like.
public struct ChannelFlags: OptionSet, Sendable {
    /// The ABI's bits.
    public let rawValue: UInt32

    /// - Parameter rawValue: the ABI's bits.
    public init(rawValue: UInt32) { self.rawValue = rawValue }

    /// Answers are matched by JSON-RPC id; messages carry ``Exchange/shared`` (stdio, WebSocket).
    public static let shared = ChannelFlags(rawValue: JF_CHANNEL_SHARED)
    /// Every request is an exchange of its own, and its answers carry it (HTTP).
    public static let exchanges = ChannelFlags(rawValue: JF_CHANNEL_EXCHANGES)
    /// One per process, not one per loop: the host opens it on one loop.
    public static let local = ChannelFlags(rawValue: JF_CHANNEL_LOCAL)
}

/// The host's side of a channel. Confined to the lane. After ``closed()`` and after the plugin has stopped
/// its methods do nothing.
public final class Channel {
    private let services: HostServices
    private let table: jf_channels_1
    private let handle: jf_ref
    private var isOpen = true
    /// Called once, when the channel is over.
    private var onClosed: (() -> Void)?
    /// The gateway.
    public let host: Host

    init(_ host: Host, _ table: jf_channels_1, _ handle: jf_ref) {
        self.host = host
        self.table = table
        self.handle = handle
        services = host.services
    }

    private var isUsable: Bool { isOpen && services.isRunning }

    /// The channel can carry messages. To be called again after each restart; the host then starts over with
    /// its handshake. [lane]
    public func ready(_ flags: ChannelFlags) {
        if isUsable { table.ready(table.context, handle, flags.rawValue) }
    }

    /// One message of the server: `body` is exactly one JSON text, which the host checks. [lane]
    public func deliver(_ body: Span<UInt8>, _ fields: MessageFields = MessageFields()) {
        guard isUsable else { return }
        body.withUnsafeBufferPointer { body in
            _ = fields.withMessage(body) { table.deliver(table.context, handle, $0) }
        }
    }

    /// An answer without a body: its status, and the end of its exchange. [lane]
    public func deliver(_ fields: MessageFields) {
        if isUsable { _ = fields.withMessage(nil) { table.deliver(table.context, handle, $0) } }
    }

    /// An exchange ended without its answer; it is over. [lane]
    public func failed(_ exchange: Exchange, _ why: PluginError) {
        guard isUsable else { return }
        var fault = jf_fault.empty()
        fault.set(Refusal(why))
        table.failed(table.context, handle, exchange.rawValue, &fault)
    }

    /// The whole channel went down with everything open on it. `retryAfter` of the error says when the
    /// plugin itself tries again, with ``ready(_:)`` to follow; zero: it gave up. [lane]
    public func failed(_ why: PluginError) { failed(.shared, why) }

    /// There is room again after ``Connector/send(_:)`` had thrown that the queue is full. [lane]
    public func writable() {
        if isUsable { table.writable(table.context, handle) }
    }

    /// The channel is closed for good, as ``Connector/close(deadlineNanoseconds:)`` asked; the gateway lets
    /// go of the connector. [lane]
    public func closed() {
        guard isUsable else { return }
        isOpen = false
        table.closed(table.context, handle)
        let onClosed = onClosed
        self.onClosed = nil
        onClosed?()
    }

    func whenClosed(_ body: @escaping () -> Void) { if isOpen { onClosed = body } else { body() } }

    /// No call to the host any more.
    func cut() {
        isOpen = false
        onClosed = nil
    }
}
