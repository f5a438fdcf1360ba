// SPDX-License-Identifier: Apache-2.0
// Driving a connector or a listener.

import CJackfield
import CMockHost
import JackfieldPlugin

extension MockHost {
    /// Opens a channel of the connector.
    /// - Throws: ``MockFailure`` with what the plugin says.
    public func openChannel(_ server: String = "test", _ configuration: JSONValue = [:]) throws -> MockChannel
    {
        let handle = jf_mock_open(mock, server, configuration.json)
        guard handle != 0 else { throw MockFailure(description: why) }
        return MockChannel(host: self, handle: handle)
    }

    /// Opens the listener; `address` stands for one that another loop bound.
    /// - Throws: ``MockFailure`` with what the plugin says.
    public func listen(_ configuration: JSONValue = [:], address: String? = nil) throws -> MockListener {
        let size = 256
        let room = UnsafeMutablePointer<CChar>.allocate(capacity: size)
        defer { room.deallocate() }
        let handle =
            if let address {
                jf_mock_listen(mock, address, configuration.json, room, size)
            } else {
                jf_mock_listen(mock, nil, configuration.json, room, size)
            }
        guard handle != 0 else { throw MockFailure(description: why) }
        return MockListener(host: self, handle: handle, address: String(cString: room))
    }

    /// Runs the loop until such an event came, and returns the newest; nil: none within that time.
    public func wait(
        for kind: MockEvent.Kind, exchange: Exchange? = nil, count: Int = 1, timeout: Duration = .seconds(5)
    ) -> MockEvent? {
        let handle = exchange?.rawValue ?? 0
        guard
            jf_mock_wait_count(
                mock, UInt32(clamping: count), 0, kind.rawValue, 0, handle, milliseconds(timeout))
        else { return nil }
        return events.last { $0.kind == kind && (exchange == nil || $0.exchange == exchange) }
    }
}

/// A channel of a connector, as the gateway sees it.
public struct MockChannel {
    let host: MockHost
    /// The host's handle.
    public let handle: UInt64

    /// A new exchange, for ``send(_:_:)``.
    public func newExchange() -> Exchange { Exchange(jf_mock_exchange(host.mock)) }

    /// Sends a message; nil: one without a body.
    public func send(_ json: String?, _ exchange: Exchange = .shared) -> MockStatus {
        MockStatus(jf_mock_send(host.mock, handle, exchange.rawValue, json))
    }

    /// Gives an exchange up.
    public func cancel(_ exchange: Exchange) { jf_mock_cancel(host.mock, handle, exchange.rawValue) }

    /// What the channel's processes use; nil: nothing is known yet.
    /// - Throws: ``MockFailure`` with the status of any other answer.
    public func usage() throws -> ChannelUsage? {
        var raw = jf_usage()
        let status = MockStatus(jf_mock_usage(host.mock, handle, &raw))
        if status == .absent { return nil }
        guard status == .ok else { throw MockFailure(description: status.description) }
        var usage = ChannelUsage()
        usage.measuredNanoseconds = raw.measured_ns
        usage.memory = raw.memory
        usage.processorNanoseconds = raw.cpu_ns
        usage.sinceNanoseconds = raw.since_ns
        usage.processes = raw.processes
        usage.threads = raw.threads
        usage.descriptors = raw.descriptors
        usage.spares = raw.spares
        usage.started = raw.started
        usage.failures = raw.failures
        usage.replaced = raw.replaced
        usage.waiting = raw.waiting
        return usage
    }

    /// Closes the channel and runs the loop until it is closed; false: it is not within that time.
    public func close(timeout: Duration = .seconds(5)) -> Bool {
        jf_mock_close(host.mock, handle, milliseconds(timeout))
    }
}

/// A listener, as the gateway sees it. Its clients are in the events: ``MockEvent/Kind/clientOpened``.
public struct MockListener {
    let host: MockHost
    /// The host's handle.
    public let handle: UInt64
    /// Where it says it listens.
    public let address: String

    /// Answers a client (the `peer` of its events); nil: a message without a body.
    public func reply(
        _ json: String?, to client: UInt64, _ exchange: Exchange, isFinal: Bool = true,
        status: Int32 = 0
    ) -> MockStatus {
        MockStatus(
            jf_mock_reply(
                host.mock, client, exchange.rawValue, isFinal ? JF_MSG_FINAL : 0, status, json))
    }

    /// Closes a client's connection.
    public func close(_ client: UInt64) {
        jf_mock_listener(host.mock)?.pointee.close(jf_mock_self(host.mock), client)
    }

    /// Accepts no more.
    public func unlisten() {
        jf_mock_listener(host.mock)?.pointee.unlisten(jf_mock_self(host.mock), handle)
    }
}
