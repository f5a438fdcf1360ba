// SPDX-License-Identifier: Apache-2.0
// A connector: channels to MCP servers. This one's server, in EchoServer.swift, is a few lines of its own, which
// echo: put the reading and writing of your wire in its place.

import JackfieldPlugin

/// The one exported function.
@c(jf_entry_1) public func entry(_ offer: PluginOffer, _ why: PluginRefusal) -> PluginTable {
    PluginEntry<EchoChannel>.entry(offer, why)
}

/// One open channel to one configured server, on one event loop.
final class EchoChannel: Connector {
    private let channel: Channel
    private let server: EchoServer
    private var opening: Timer?
    /// Answers on their way: they arrive with the next turn of the event loop.
    private var answers: [Exchange: Timer] = [:]

    init(channel: Channel, server: String, configuration: JSONReader) throws {
        self.channel = channel
        self.server = EchoServer(prefix: configuration["says"]?.text ?? "")
        opening = channel.host.after(.zero) { channel.ready(.exchanges) }
    }

    /// Messages without an exchange expect no answer.
    func send(_ message: borrowing Message) throws {
        let exchange = message.exchange
        guard exchange != .shared, message.segmentCount > 0 else { return }
        let answer = server.serve(message.body)
        answers[exchange] = channel.host.after(.zero) { [weak self] in
            guard let self else { return }
            // First: the gateway may call us back from inside of deliver.
            answers[exchange] = nil
            channel.deliver(answer.span, MessageFields(exchange: exchange))
        }
    }

    func cancel(_ exchange: Exchange) { answers.removeValue(forKey: exchange)?.cancel() }

    func close(deadlineNanoseconds: UInt64) {
        opening?.cancel()
        for timer in answers.values { timer.cancel() }
        answers = [:]
        opening = channel.host.after(.zero) { [channel] in channel.closed() }
    }
}
