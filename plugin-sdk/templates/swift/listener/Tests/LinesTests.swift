// SPDX-License-Identifier: Apache-2.0
// The listener under the mock host, with clients on real sockets.

import Glibc
import JackfieldPlugin
import JackfieldPluginTesting
import PLUGIN_MODULE
import Testing

@Suite(.serialized) struct LinesTests {
    /// Listens, and connects one client.
    private func withClient(_ body: (MockHost, MockListener, Int32) throws -> Void) throws {
        let host = try MockHost(entry)
        let listener = try host.listen(["address": "127.0.0.1:0", "max_message": 1024])
        let port = try #require(listener.address.split(separator: ":").last.flatMap { UInt16($0) })
        let client = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(client) }
        var at = sockaddr_in()
        at.sin_family = sa_family_t(AF_INET)
        at.sin_port = port.bigEndian
        at.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let status = withUnsafePointer(to: &at) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(client, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        #expect(status == 0 && host.wait(for: .clientOpened) != nil)
        try body(host, listener, client)
        #expect(host.end() == [])
    }

    private func say(_ text: String, _ client: Int32) {
        let bytes = Array(text.utf8)
        #expect(send(client, bytes, bytes.count, Int32(MSG_NOSIGNAL)) == bytes.count)
    }

    @Test func carriesLinesBothWays() throws {
        try withClient { host, listener, client in
            say("{\"id\":1}\r\n\n{\"id\"", client)
            let first = try #require(host.wait(for: .clientMessage))
            #expect(first.text == #"{"id":1}"#)
            say(":2}\n", client)
            #expect(host.wait(for: .clientMessage, count: 2)?.text == #"{"id":2}"#)
            #expect(listener.reply("{\"a\":\n1}", to: first.peer, .shared) == .ok)
            var line = [UInt8](repeating: 0, count: 100)
            let count = recv(client, &line, line.count, 0)
            #expect(String(decoding: line.prefix(max(0, count)), as: UTF8.self) == "{\"a\": 1}\n")
            listener.close(first.peer)
            #expect(recv(client, &line, line.count, 0) == 0 && host.wait(for: .clientClosed) != nil)
        }
    }

    @Test func hangsUpOnEndlessLines() throws {
        try withClient { host, _, client in
            say(String(repeating: " ", count: 2000), client)
            #expect(host.wait(for: .clientClosed) != nil)
        }
    }

    @Test func endsWithClientsConnected() throws {
        try withClient { host, _, client in
            say("{\"half\":", client)
            host.settle()
        }
    }

    @Test func staysOnThisMachine() throws {
        let host = try MockHost(entry)
        #expect(throws: MockFailure.self) { try host.listen(["address": "0.0.0.0:0"]) }
        #expect(host.why.contains("loopback"))
        #expect(host.end() == [])
    }
}
