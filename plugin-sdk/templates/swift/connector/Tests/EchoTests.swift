// SPDX-License-Identifier: Apache-2.0
// The connector under the mock host, which looks for leaks and broken rules as it goes.

import JackfieldPlugin
import JackfieldPluginTesting
import Testing

@testable import PLUGIN_MODULE

@Suite(.serialized) struct EchoTests {
    private func withChannel(_ body: (MockHost, MockChannel) throws -> Void) throws {
        let host = try MockHost(entry)
        let channel = try host.openChannel("test", ["says": "You said: "])
        #expect(host.wait(for: .channelReady) != nil)
        try body(host, channel)
        #expect(channel.close())
        #expect(host.end() == [])
    }

    @Test func serves() throws {
        try withChannel { host, channel in
            let exchange = channel.newExchange()
            let request =
                #"{"jsonrpc":"2.0","id":"c","method":"tools/call","params":{"name":"echo","arguments":{"text":"a \"b\""}}}"#
            #expect(channel.send(request, exchange) == .ok)
            let answer = try #require(host.wait(for: .channelMessage, exchange: exchange))
            #expect(answer.isFinal && answer.text?.contains(#""id":"c""#) == true)
            #expect(answer.text?.contains(#""text":"You said: a \"b\"""#) == true)
        }
    }

    @Test func forgetsWhatIsGivenUp() throws {
        try withChannel { host, channel in
            let exchange = channel.newExchange()
            #expect(channel.send(#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#, exchange) == .ok)
            channel.cancel(exchange)
            host.settle()
            #expect(!host.events.contains { $0.kind == .channelMessage })
        }
    }

    @Test(arguments: [
        (#"{"id":1,"method":"server/discover"}"#, "2026-07-28"),
        (#"{ "method" : "tools/list" , "id" : 2 }"#, "echo"),
        (#"{"id":3,"method":"initialize"}"#, "-32601"), ("[]", "-32600"), ("{", "-32600"),
        (#"{"id":4,"method":"tools/call","params":{"name":"echo","arguments":{"text":1}}}"#, "-32602"),
    ])
    func answers(request: String, part: String) {
        let answer = EchoServer(prefix: "").serve(Array(request.utf8))
        #expect(String(decoding: answer, as: UTF8.self).contains(part))
    }
}
