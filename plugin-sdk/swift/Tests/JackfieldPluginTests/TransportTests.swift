// SPDX-License-Identifier: Apache-2.0
// The connector and listener facets: messages both ways, the end of channels and clients.

import CJackfield
import CMockHost
import JackfieldPlugin
import JackfieldPluginTesting
import Testing

/// A server in memory that answers with what it was sent.
private final class Echo: Connector {
    let channel: Channel
    var waiting: [Exchange] = []
    var held: KeptBytes?
    nonisolated(unsafe) static var notes: [String] = []
    nonisolated(unsafe) static weak var last: Echo?

    init(channel: Channel, server: String, configuration: JSONReader) throws {
        self.channel = channel
        if configuration["refuse"]?.bool == true {
            channel.ready(.shared)
            throw PluginError.denied("no way to \(server)")
        }
        Echo.last = self
        channel.ready(configuration["shared"]?.bool == true ? [.shared, .local] : .exchanges)
    }

    deinit { Echo.notes.append("deinit") }

    func send(_ message: borrowing Message) throws {
        let body = message.body
        switch String(decoding: body, as: UTF8.self) {
        case "1": throw PluginError.busy("full").beforeItStarted
        case "2": waiting.append(message.exchange)
        case "3":
            var fields = MessageFields(exchange: message.exchange, isFinal: false)
            fields.session = "s1"
            channel.deliver(body.span, fields)
            channel.deliver(MessageFields(exchange: message.exchange, status: .accepted))
        case "4": channel.failed(message.exchange, .gone("the wire broke"))
        case "5": held = message.keepSegment(0)
        default: channel.deliver(body.span, MessageFields(exchange: message.exchange))
        }
    }

    func cancel(_ exchange: Exchange) { waiting.removeAll { $0 == exchange } }

    func usage() throws -> ChannelUsage? {
        if waiting.isEmpty { return nil }
        var usage = ChannelUsage()
        usage.memory = 1 << 40
        usage.processes = 3
        usage.waiting = UInt32(waiting.count)
        return usage
    }

    func close(deadlineNanoseconds: UInt64) {
        Echo.notes.append("close")
        channel.closed()
        // Over: nothing reaches the host any more.
        channel.failed(.fault("late"))
    }

    func stop() {
        Echo.notes.append("stop")
        channel.ready(.shared)
    }
}

@c(echo_entry) public func echoEntry(_ offer: PluginOffer, _ why: PluginRefusal) -> PluginTable {
    PluginEntry<Echo>.entry(offer, why)
}

@Suite(.serialized) struct ConnectorTests {
    @Test func carriesMessages() throws {
        Echo.notes = []
        let host = try MockHost(echoEntry)
        let channel = try host.openChannel("echo")
        #expect(host.events.last?.kind == .channelReady)
        #expect(host.events.last?.flags == ChannelFlags.exchanges.rawValue)
        let exchange = channel.newExchange()
        #expect(channel.send(#"{"a":1}"#, exchange) == .ok)
        let answer = try #require(host.wait(for: .channelMessage, exchange: exchange))
        #expect(answer.text == #"{"a":1}"# && answer.isFinal && answer.session == nil)
        let stream = channel.newExchange()
        #expect(channel.send("3", stream) == .ok)
        let parts = host.events.filter { $0.exchange == stream }
        #expect(parts.map(\.isFinal) == [false, true] && parts.map(\.text) == ["3", nil])
        #expect(parts[0].session == "s1" && parts[1].status == Int32(JF_STATUS_ACCEPTED))
        #expect(channel.close() && Echo.notes == ["close", "deinit"])
        #expect(channel.send("9") == .stale)
        #expect(host.end() == [])
    }

    @Test func failsAndCancels() throws {
        let host = try MockHost(echoEntry)
        let channel = try host.openChannel("echo", ["shared": true])
        let waiting = channel.newExchange()
        #expect(channel.send("1", waiting) == .busy && host.why == "full")
        #expect(jf_mock_fault(host.mock) != nil)
        #expect(channel.send("4", waiting) == .ok)
        #expect(host.wait(for: .channelFailed, exchange: waiting)?.text == "the wire broke")
        let other = channel.newExchange()
        #expect(try channel.usage() == nil)
        #expect(channel.send("2", other) == .ok && Echo.last?.waiting == [other])
        let usage = try #require(try channel.usage())
        #expect(usage.memory == 1 << 40 && usage.processes == 3 && usage.waiting == 1 && usage.started == 0)
        channel.cancel(other)
        #expect(Echo.last?.waiting == [])
        Echo.last?.channel.writable()
        Echo.last?.channel.failed(.gone("down").beforeItStarted)
        #expect(host.wait(for: .channelWritable) != nil)
        #expect(host.events.last?.kind == .channelFailed && host.events.last?.exchange == .shared)
        #expect(host.end() == [])
    }

    @Test func refusesAndStops() throws {
        Echo.notes = []
        let host = try MockHost(echoEntry)
        #expect(throws: MockFailure.self) { try host.openChannel("far", ["refuse": true]) }
        #expect(host.why == "no way to far")
        Echo.notes = []
        let channel = try host.openChannel("near")
        #expect(channel.send("5") == .ok)
        // Bytes that were kept outlive the call, and the channel outlives nothing.
        #expect(Echo.last?.held?.withBytes { $0.text } == "5")
        #expect(host.end() == [] && Echo.notes == ["stop", "deinit"])
    }

    @Test func needsItsService() {
        var settings = MockSettings()
        settings.hiddenServices = [JF_CHANNELS_1]
        #expect {
            _ = try MockHost(echoEntry, settings: settings)
        } throws: {
            "\($0)".contains(JF_CHANNELS_1)
        }
    }
}

/// A listener whose clients are in memory.
private final class Lobby: Listener {
    let inbound: Inbound
    let boundAddress: String
    nonisolated(unsafe) static var notes: [String] = []
    nonisolated(unsafe) static weak var last: Lobby?

    init(inbound: Inbound, address: String?, configuration: JSONReader) throws {
        if configuration["refuse"]?.bool == true { throw PluginError.busy("the address is taken") }
        self.inbound = inbound
        boundAddress = address ?? "memory:0"
        Lobby.last = self
    }

    func unlisten() { Lobby.notes.append("unlisten") }
    func stop() { Lobby.notes.append("stop") }

    /// A client walks in.
    func enter(_ info: ClientInfo = ClientInfo(address: "memory:1")) throws -> Guest {
        let guest = Guest()
        guest.client = try inbound.accept(info, guest)
        return guest
    }
}

private final class Guest: ClientConnection {
    var client: Client?
    var replies: [String] = []
    var held: [KeptBytes] = []
    var answer = ReplyStatus.taken

    func reply(_ message: borrowing Message) -> ReplyStatus {
        if message.segmentCount > 1 {
            held = (0..<message.segmentCount).map { message.keepSegment($0) }
        }
        replies.append(
            "\(message.exchange.rawValue) \(message.isFinal) \(String(decoding: message.body, as: UTF8.self))"
        )
        return answer
    }

    func close() {
        Lobby.notes.append("close")
        client?.closed()
    }
}

@c(lobby_entry) public func lobbyEntry(_ offer: PluginOffer, _ why: PluginRefusal) -> PluginTable {
    PluginEntry<Lobby>.entry(offer, why)
}

@Suite(.serialized) struct ListenerTests {
    @Test func servesClients() throws {
        Lobby.notes = []
        let host = try MockHost(lobbyEntry)
        let listener = try host.listen()
        #expect(listener.address == "memory:0")
        let guest = try #require(try Lobby.last?.enter(ClientInfo(address: "memory:7", isShared: true)))
        let opened = try #require(host.events.last)
        #expect(opened.kind == .clientOpened && opened.text == "memory:7")
        #expect(opened.flags == JF_CLIENT_SHARED)
        var fields = MessageFields(exchange: Exchange(4))
        fields.acceptsJSON = true
        fields.target = "/mcp"
        fields.session = "s"
        fields.headers = [("Mcp-Param-A", "ü"), ("Mcp-Param-B", "")]
        #expect(guest.client?.deliver("{}".utf8.span, fields) == true)
        let message = try #require(host.events.last)
        #expect(message.text == "{}" && message.target == "/mcp" && message.session == "s")
        #expect(message.flags == JF_MSG_FINAL | JF_MSG_ACCEPTS_JSON)
        #expect(message.headers == ["Mcp-Param-A": "ü", "Mcp-Param-B": ""])
        #expect(listener.reply(#"{"r":1}"#, to: opened.peer, Exchange(4)) == .ok)
        guest.answer = .slowReader
        #expect(listener.reply(nil, to: opened.peer, Exchange(4), isFinal: false) == .busy)
        #expect(guest.replies == [#"4 true {"r":1}"#, "4 false "])
        guest.client?.writable(Exchange(4))
        guest.client?.gone(Exchange(4))
        #expect(host.events.suffix(2).map(\.kind) == [.clientWritable, .clientGone])
        listener.close(opened.peer)
        #expect(host.events.last?.kind == .clientClosed && guest.client?.isOpen == false)
        #expect(listener.reply("{}", to: opened.peer, Exchange(4)) == .stale)
        // Nothing follows the end.
        guest.client?.closed()
        #expect(guest.client?.deliver("{}".utf8.span) == false)
        listener.unlisten()
        #expect(host.end() == [] && Lobby.notes == ["close", "unlisten", "stop"])
    }

    @Test func repliesInsideDeliver() throws {
        let host = try MockHost(lobbyEntry)
        let listener = try host.listen([:], address: "memory:9")
        #expect(listener.address == "memory:9")
        let guest = try #require(try Lobby.last?.enter())
        let answer: jf_mock_event_fn = { _, mock, event in
            guard let event, event.pointee.type == UInt32(JF_MOCK_CLIENT_MESSAGE) else { return 0 }
            return jf_mock_reply(mock, event.pointee.peer, event.pointee.exchange, 1, 0, "[]")
        }
        jf_mock_on_event(host.mock, answer, nil)
        #expect(guest.client?.deliver("{}".utf8.span, MessageFields(exchange: Exchange(1))) == true)
        #expect(guest.replies == ["1 true []"])
        // A host that refuses the message has dropped the client.
        jf_mock_on_event(host.mock, { _, _, _ in Int32(JF_E_INVALID) }, nil)
        #expect(guest.client?.deliver("{}".utf8.span) == false && guest.client?.isOpen == false)
        #expect(throws: PluginError.self) { try Lobby.last?.enter() }
        #expect(host.end() == [])
    }

    @Test func keepsSegments() throws {
        let host = try MockHost(lobbyEntry)
        _ = try host.listen()
        let guest = try #require(try Lobby.last?.enter())
        let client = try #require(host.events.last).peer
        func reply() -> Int32 {
            let parts = ["[1,", "2]"].map { Array($0.utf8) }
            return parts[0].withUnsafeBufferPointer { first in
                parts[1].withUnsafeBufferPointer { second in
                    let segments = [
                        jf_view(ptr: first.baseAddress, len: 3), jf_view(ptr: second.baseAddress, len: 2),
                    ]
                    return jf_mock_reply_retainable(host.mock, client, 1, JF_MSG_FINAL, segments, 2, 0b10)
                }
            }
        }
        #expect(reply() == JF_OK && jf_mock_retained(host.mock) == 1)
        #expect(guest.held.map { $0.withBytes { $0.text } } == ["[1,", "2]"])
        guest.held = []
        #expect(jf_mock_retained(host.mock) == 0 && jf_mock_retains(host.mock) == 1)
        // What is still held when the instance ends goes back, and stays readable.
        #expect(reply() == JF_OK && jf_mock_retained(host.mock) == 1)
        jf_mock_refuse_retain(host.mock, true)
        host.stop()
        #expect(jf_mock_retained(host.mock) == 0)
        #expect(guest.held.map { $0.withBytes { $0.text } } == ["[1,", "2]"])
        #expect(host.end() == [])
    }

    @Test func refusesAnAddress() throws {
        let host = try MockHost(lobbyEntry)
        #expect(throws: MockFailure.self) { try host.listen(["refuse": true]) }
        #expect(host.why == "the address is taken")
        #expect(host.end() == [])
    }
}
