// SPDX-License-Identifier: Apache-2.0
// The routing facet: what a strategy sees, what its answers mean, its state.

import JackfieldPlugin
import JackfieldPluginTesting
import Testing

/// Picks what the tool's name asks for.
private struct Obedient: StatefulRouting {
    let server: String
    let step: Int
    var picks = 0
    var failures: [EndpointID: Int] = [:]
    nonisolated(unsafe) static var seen: [String] = []
    nonisolated(unsafe) static var detached: [String] = []
    nonisolated(unsafe) static var told: [Int?] = []
    nonisolated(unsafe) static var outcome: RoutingOutcome?

    init(server: String, configuration: JSONReader, host: Host) throws {
        if configuration["refuse"]?.bool == true { throw PluginError.denied("not for \(server)") }
        self.server = server
        step = configuration["step"]?.integer ?? 1
    }

    mutating func pick(_ call: borrowing RoutingCall, among endpoints: borrowing Endpoints) -> Int? {
        picks += step
        let name = call.name
        if name.isEqual(to: "none") { return nil }
        if name.isEqual(to: "beyond") { return endpoints.count }
        if name.isEqual(to: "below") { return -1 }
        if name.isEqual(to: "count") { return picks % endpoints.count }
        if name.isEqual(to: "look") {
            Obedient.seen = [
                call.method.text, call.params.text, String(call.attempt), call.principal?.text ?? "nobody",
                call.session?.text ?? "stateless",
            ]
            Obedient.told = [call.total, endpoints[0].ready]
            for index in endpoints.indices {
                let endpoint = endpoints[index]
                Obedient.seen.append(
                    "\(endpoint.id) \(endpoint.name.text) \(endpoint.weight) \(endpoint.inFlight) "
                        + "\(endpoint.latencyNanoseconds)")
            }
            return 0
        }
        // The least busy one.
        var best = 0
        for index in endpoints.indices where endpoints[index].inFlight < endpoints[best].inFlight {
            best = index
        }
        return best
    }

    mutating func observe(_ outcome: RoutingOutcome) {
        Obedient.outcome = outcome
        if outcome.failure == .gone { failures[outcome.endpoint, default: 0] += 1 }
        if outcome.failure == nil { failures[outcome.endpoint] = nil }
    }

    mutating func detach() { Obedient.detached.append(server) }

    func exportState() throws -> [UInt8] {
        Array(failures.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: ",").utf8)
    }

    mutating func importState(_ state: [UInt8]) throws {
        guard state.first != UInt8(ascii: "?") else { throw PluginError.invalid("a question is no state") }
        picks = state.count
    }
}

@c(obedient_entry) public func obedientEntry(_ offer: PluginOffer, _ why: PluginRefusal) -> PluginTable {
    PluginEntry<Obedient>.entry(offer, why)
}

/// A strategy with the least that there can be.
private final class First: Routing {
    init(server: String, configuration: JSONReader, host: Host) throws {}
    func pick(_ call: borrowing RoutingCall, among endpoints: borrowing Endpoints) -> Int? { 0 }
}

@c(first_entry) public func firstEntry(_ offer: PluginOffer, _ why: PluginRefusal) -> PluginTable {
    PluginEntry<First>.entry(offer, why)
}

@Suite(.serialized) struct RoutingTests {
    private let two = [
        MockEndpoint(7, weight: 3, inFlight: 5, latencyNanoseconds: 11, name: "http://a"),
        MockEndpoint(1 << 40, inFlight: 2, name: ""),
    ]

    @Test func picks() throws {
        let host = try MockHost(obedientEntry)
        let routing = try host.attachRouting("search", ["step": 3])
        #expect(routing.pick("any", among: two) == .init(status: .ok, index: 1))
        #expect(routing.pick("count", among: two).index == 0)
        #expect(routing.pick("none", among: two) == .init(status: .absent, index: nil))
        routing.detach()
        #expect(host.end() == [])
    }

    @Test func refusesAnIndexThatIsNone() throws {
        let host = try MockHost(obedientEntry)
        let routing = try host.attachRouting()
        #expect(routing.pick("beyond", among: two).status == .fault && host.why.contains("endpoint 2 of 2"))
        #expect(routing.pick("below", among: two).status == .fault)
        #expect(host.end() == [])
    }

    @Test func showsTheCall() throws {
        let host = try MockHost(obedientEntry)
        let routing = try host.attachRouting()
        #expect(routing.pick("look", among: two, params: #"{"a":1}"#, session: "", attempt: 2).index == 0)
        #expect(
            Obedient.seen == [
                "tools/call", #"{"a":1}"#, "2", "nobody", "", "7 http://a 3 5 11",
                "\(UInt64(1) << 40)  1 2 0",
            ])
        #expect(Obedient.told == [2, 1000])
        #expect(routing.pick("look", among: two, method: "prompts/get", principal: "ada").index == 0)
        #expect(Obedient.seen[0] == "prompts/get" && Obedient.seen[3...4] == ["ada", "stateless"])
        #expect(host.end() == [])
    }

    @Test func keepsServersApart() throws {
        Obedient.detached = []
        let host = try MockHost(obedientEntry)
        let a = try host.attachRouting("a")
        let b = try host.attachRouting("b")
        #expect(a.pick("count", among: two).index == 1 && a.pick("count", among: two).index == 0)
        #expect(b.pick("count", among: two).index == 1)
        a.detach()
        #expect(a.pick("count", among: two).status == .stale && Obedient.detached == ["a"])
        // The slot is used again, the old handle stays stale.
        let c = try host.attachRouting("c")
        #expect(c.handle != a.handle && a.pick("count", among: two).status == .stale)
        #expect(c.pick("count", among: two).index == 1)
        a.observe(7, status: 0)
        #expect(host.end() == [] && Obedient.detached.sorted() == ["a", "b", "c"])
    }

    @Test func refusesAServer() throws {
        let host = try MockHost(obedientEntry)
        #expect(throws: MockFailure.self) { try host.attachRouting("x", ["refuse": true]) }
        #expect(host.why == "not for x")
        #expect(host.end() == [])
    }

    @Test func learnsAndHandsOver() throws {
        let host = try MockHost(obedientEntry)
        let routing = try host.attachRouting()
        for (endpoint, status) in [(9, -7), (5, -7), (9, -7), (5, 0), (4, -6)] as [(UInt64, Int32)] {
            routing.observe(endpoint, status: status)
        }
        // The mock is a host of ABI 1.1.
        let outcome = try #require(Obedient.outcome)
        #expect(outcome.traits == [] && outcome.attempt == 0 && outcome.nowNanoseconds == nil)
        #expect(try routing.exportState() == "9=2")
        #expect(routing.importState("12345") == .ok && routing.pick("count", among: two).index == 0)
        #expect(routing.importState("?") == .invalid && host.why == "a question is no state")
        #expect(host.end() == [])
    }

    @Test func needsLittle() throws {
        let host = try MockHost(firstEntry)
        let routing = try host.attachRouting()
        #expect(routing.pick("", among: two).index == 0)
        routing.observe(7, status: -7)
        // No slots for what the strategy cannot do.
        #expect(routing.importState("x") == .unsupported)
        #expect(throws: MockFailure.self) { try routing.exportState() }
        routing.detach()
        #expect(host.end() == [])
    }
}
