// SPDX-License-Identifier: Apache-2.0
// SubscriberTable: streams found by client, exchange, id, path and kind.

import Testing

@testable import JackfieldCore

/// A modern subscription.
func listener(
    _ client: UInt64, _ exchange: UInt64, id: String = "1", path: String = "/mcp", kinds: ListKinds = .all
) -> Subscriber {
    Subscriber(
        client: client, exchange: exchange, subscription: Array(id.utf8), session: nil, path: path,
        kinds: kinds)
}

@Suite("Subscriber table") struct SubscriberTableTests {
    @Test func aStreamIsFoundByItsExchange() {
        let table = SubscriberTable()
        let first = listener(1, 10)
        let second = listener(1, 11)
        let third = listener(2, 10)
        for one in [first, second, third] { #expect(table.insert(one)) }
        #expect(table.stream(1, 10) === first)
        #expect(table.stream(1, 11) === second)
        #expect(table.stream(2, 10) === third)
        #expect(table.stream(2, 11) == nil)
        #expect(!table.insert(listener(1, 10)))
        #expect(table.count == 3)
    }

    @Test func onASharedChannelItIsFoundByItsId() {
        let table = SubscriberTable()
        let number = listener(1, 0, id: "7")
        let text = listener(1, 0, id: "\"7\"")
        #expect(table.insert(number))
        #expect(table.insert(text))
        #expect(!table.insert(listener(1, 0, id: "7")))
        #expect(table.stream(1, 0, id: Array("7".utf8)) === number)
        #expect(table.stream(1, 0, id: Array("\"7\"".utf8)) === text)
        table.remove(number)
        #expect(table.stream(1, 0, id: Array("7".utf8)) == nil)
        #expect(table.stream(1, 0, id: Array("\"7\"".utf8)) === text)
    }

    @Test func onlyThoseWhoWantAKindListen() {
        let table = SubscriberTable()
        let tools = listener(1, 1, kinds: .tools)
        let both = listener(2, 1, kinds: [.tools, .prompts])
        let elsewhere = listener(3, 1, path: "/mcp/servers/a")
        let deaf = listener(4, 1, kinds: [])
        for one in [tools, both, elsewhere, deaf] { _ = table.insert(one) }
        #expect(table.listeners(at: "/mcp", .tools).map(\.client) == [1, 2])
        #expect(table.listeners(at: "/mcp", .prompts).map(\.client) == [2])
        #expect(table.listeners(at: "/mcp", .resources).isEmpty)
        #expect(table.listeners(at: "/mcp/servers/a", .resources).map(\.client) == [3])
        table.remove(tools)
        #expect(table.listeners(at: "/mcp", .tools).map(\.client) == [2])
        table.remove(elsewhere)
        #expect(table.listeners(at: "/mcp/servers/a", .resources).isEmpty)
    }

    /// Thousands of random steps against a plain list.
    @Test func anyOrderOfOpeningsAndEndsLeavesTheRest() {
        var random = Generator(state: 7)
        let table = SubscriberTable()
        var model: [Subscriber] = []
        var exchange: UInt64 = 0
        for _ in 0..<5_000 {
            if model.isEmpty || Bool.random(using: &random) {
                exchange += 1
                let one = listener(
                    UInt64.random(in: 1...20, using: &random), exchange,
                    path: ["/mcp", "/mcp/servers/a"].randomElement(using: &random) ?? "",
                    kinds: ListKinds(rawValue: UInt8.random(in: 0...7, using: &random)))
                #expect(table.insert(one))
                model.append(one)
            } else {
                let gone = model.remove(at: Int.random(in: model.indices, using: &random))
                table.remove(gone)
                table.remove(gone)
            }
        }
        #expect(table.count == model.count)
        for client in 1...20 as ClosedRange<UInt64> {
            let found = Set(table.streams(of: client).map(\.exchange))
            #expect(found == Set(model.filter { $0.client == client }.map(\.exchange)))
        }
        for path in ["/mcp", "/mcp/servers/a"] {
            for kind in ListKinds.each {
                let found = table.listeners(at: path, kind).map(\.exchange)
                let wanted = model.filter { $0.path == path && $0.kinds.contains(kind) }.map(\.exchange)
                #expect(found.count == wanted.count && Set(found) == Set(wanted))
            }
        }
        for one in model { table.remove(one) }
        #expect(table.count == 0)
    }
}
