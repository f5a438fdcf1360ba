// SPDX-License-Identifier: Apache-2.0
// Providers, policies, filters, credential sources and a store: what they see, what their answers become.

import CJackfield
import JackfieldPlugin
import JackfieldPluginTesting
import Testing

/// All of them in one plugin: what each does is in the names and arguments that it is asked with.
private final class Gate: Plugin {
    static var facets: [PluginFacet] {
        [
            .auth(Door.self), .policy(Rules.self), .filter(Sieve.self), .credentials(Purse.self),
            .store(Shelf.self),
        ]
    }
    init(host: Host) throws {}
}

@c(gate_entry) public func gateEntry(_ offer: PluginOffer, _ why: PluginRefusal) -> PluginTable {
    PluginEntry<Gate>.entry(offer, why)
}

private struct Door: AuthProvider {
    let host: Host

    init(name: String, configuration: JSONReader, host: Host) throws {
        if configuration["refuse"]?.bool == true { throw PluginError.invalid("\(name) refuses") }
        self.host = host
    }

    var metadata: JSONValue? { ["scopes_supported": ["mcp"]] }

    func identify(_ credentials: borrowing Credentials, context: AnswerContext) throws -> Identification {
        guard let token = try credentials.bearer() else { return .absent }
        switch token {
        case "bad": throw PluginError.denied("the token is bad").shownToClient
        case "later":
            return context.later { (pending: Pending<Identification>) in
                host.after(.seconds(1)) { pending.finish(.identity(Identity("slow"))) }
            }
        case "never": return context.later { (_: Pending<Identification>) in }
        case "forget":
            host.forgetIdentities(credential: "key-1")
            return .absent
        default:
            return .identity(
                Identity(
                    token, tenant: "t", roles: ["reader"], scopes: ["mcp"],
                    attributes: [.init("target", .text(credentials.target.text))], credential: "key-1",
                    expiresMilliseconds: 99, keep: .seconds(2)))
        }
    }
}

private struct Rules: Policy {
    let host: Host

    init(name: String, configuration: JSONReader, host: Host) throws { self.host = host }

    func decide(_ access: borrowing Access, context: AnswerContext) throws -> Ruling {
        if access.principal.hasRole("admin") { return .allow(rule: "role admin") }
        if access.isListing { return access.name.isEqual(to: "secret") ? .hide() : .allow }
        switch access.name.text {
        case "write": return .needs(["write", "mcp"], rule: "rules[1]", "writing needs more")
        case "dry": return .deny(rule: "rules[2]").dry
        case "later":
            return context.later { (pending: Pending<Ruling>) in
                host.onLane { pending.finish(.deny(rule: "slow")) }
            }
        case "broken": throw PluginError.gone("no answer from the engine")
        case "change":
            host.policyChanged()
            return .allow
        default:
            let amount = host.read(access.arguments)?["amount"]?.integer ?? 0
            return amount > 10 ? .deny(rule: "amount", "at most 10") : .allow
        }
    }

    func classify(_ principal: borrowing Principal) -> PrincipalClass {
        principal.isKnown ? .named(principal.roles.joined(separator: ",")) : .own
    }
}

private final class Sieve: Filter {
    nonisolated(unsafe) static var ended: [UInt64] = []
    let host: Host

    init(name: String, configuration: JSONReader, host: Host) throws { self.host = host }

    func request(_ passage: borrowing Passage, context: AnswerContext) throws -> Verdict {
        var verdict = Verdict.pass
        if let text = passage.argument("/text") {
            verdict.replace(text, with: .text(text.value.text?.uppercased() ?? ""))
        }
        if let deep = passage.argument("/deep") {
            verdict.add("a", 1, to: deep)
            verdict.add("b", [2], to: deep)
        }
        if let number = passage.part("/arguments/number") { verdict.replace(number, with: 0) }
        if passage.argument("/remember") != nil { verdict.memory = 42 }
        if passage.name.isEqual(to: "answer") { return .answer(["content": []]) }
        if passage.name.isEqual(to: "busy") {
            throw PluginError.busy("too many", retryAfter: .seconds(3)).shownToClient
        }
        if passage.name.isEqual(to: "later") {
            let done = verdict
            return context.later { (pending: Pending<Verdict>) in host.onLane { pending.finish(done) } }
        }
        return verdict
    }

    func result(_ passage: borrowing Passage, context: AnswerContext) throws -> Verdict {
        var verdict = Verdict.pass
        if let flag = passage.part("/note") {
            verdict.replace(flag, with: .text(passage.isError ? "error" : "memory \(passage.memory)"))
        }
        if passage.part("/large") != nil {
            verdict.keep(for: 1000, most: 9, preview: ["content": []])
        }
        return verdict
    }

    func ended(_ call: PassedCall) { Sieve.ended.append(call.memory) }
}

private struct Purse: CredentialSource {
    let host: Host

    init(server: String, configuration: JSONReader, host: Host) throws { self.host = host }

    func supply(_ demand: borrowing Demand, context: AnswerContext) throws -> Supply {
        if demand.isRefused { throw PluginError.denied("nothing else to show") }
        if !demand.principal.isKnown { return .nothing }
        if demand.mayConnect {
            host.connected("1", failure: .denied)
            host.forgetSupplies(of: demand.principal.key.text)
            return .connect(url: "https://a.example", message: "agree", id: "1")
        }
        return .headers(["X-User": demand.principal.subject.text], keep: .zero)
    }
}

/// A store that keeps what it keeps in jf.state/1 of its own host, for the sake of the test.
private final class Shelf: Store {
    private let host: Host
    private var entries: [[UInt8]: StoreEntry] = [:]
    private var revision: UInt64 = 0

    init(host: Host) throws { self.host = host }

    func get(_ key: [UInt8], context: AnswerContext) throws -> StoreAnswer {
        entries[key].map { .entry($0) } ?? .absent
    }
    func put(_ put: StorePut, context: AnswerContext) throws -> StoreAnswer {
        let old = entries[put.key]
        switch put.condition {
        case .create where old != nil: return .stale
        case .match(let revision) where old?.revision != revision: return .stale
        default: break
        }
        revision += 1
        let entry = StoreEntry(key: put.key, value: put.value, revision: revision)
        entries[put.key] = entry
        return .entry(StoreEntry(key: put.key, revision: revision))
    }
    func remove(_ key: [UInt8], revision: UInt64?, context: AnswerContext) throws -> StoreAnswer {
        entries.removeValue(forKey: key) == nil ? .absent : .done
    }
    func list(_ list: StoreList, context: AnswerContext) throws -> StoreAnswer {
        let found = entries.values.filter { $0.key.starts(with: list.prefix) }
            .sorted { $0.key.lexicographicallyPrecedes($1.key) }
        return found.isEmpty ? .absent : .entries(Array(found.prefix(list.most)))
    }
    func add(_ add: StoreAdd, context: AnswerContext) throws -> StoreAnswer {
        revision += 1
        let entry = StoreEntry(
            counter: (entries[add.key]?.counter ?? 0) + add.delta, key: add.key, revision: revision)
        entries[add.key] = entry
        return .entry(entry)
    }
    func take(_ limits: [StoreLimit], context: AnswerContext) throws -> StoreAnswer {
        guard let state = host.state else { throw PluginError.gone("no state") }
        return try context.later { (pending: Pending<StoreAnswer>) in
            try state.take(limits) { result in
                switch result {
                case .success(let verdicts): pending.finish(.verdicts(verdicts))
                case .failure(let error): pending.fail(error)
                }
            }
        }
    }
}

@Suite(.serialized) struct GuardTests {
    @Test func refusesAHostWithoutTheFacets() throws {
        var offer = jf_offer()
        offer.major = 1
        var why = jf_fault()
        why.size = UInt32(MemoryLayout<jf_fault>.size)
        #expect(gateEntry(&offer, &why) == nil && why.code == -2)
        offer.minor = 1
        #expect(gateEntry(&offer, &why) != nil)
    }

    @Test func identifies() throws {
        let host = try MockHost(gateEntry)
        let door = try host.attachAuth("door")
        #expect(
            door.identify("Bearer ann").answer.result
                == #"{"subject":"ann","tenant":"t","roles":["reader"],"scopes":["mcp"],"#
                + #""attributes":{"target":"/mcp"},"credential":"key-1","expires_ms":99,"keep_ms":2000}"#)
        #expect(
            door.identify(nil).answer.status == .absent && door.identify("Basic x").answer.status == .absent)
        let bad = door.identify("bearer bad").answer
        #expect(bad.status == .denied && bad.isPublic && bad.why == "the token is bad")
        #expect(door.identify("Bearer  ").answer.status == .denied)
        let later = door.identify("Bearer later")
        #expect(later.answer.status == .pending)
        host.advance(.seconds(2))
        #expect(later.answer.result == #"{"subject":"slow"}"# && !later.answer.isInline)
        #expect(door.identify("Bearer never").answer.status == .fault)
        _ = door.identify("Bearer forget")
        #expect(host.events.last?.kind == .identitiesForgotten && host.events.last?.text == "key-1")
        #expect(door.metadata == #"{"scopes_supported":["mcp"]}"#)
        door.detach()
        #expect(door.identify("Bearer ann").answer.status == .stale)
        #expect(throws: MockFailure.self) { try host.attachAuth("x", ["refuse": true]) }
        #expect(host.why == "x refuses" && host.end() == [])
    }

    @Test func decides() throws {
        let host = try MockHost(gateEntry)
        let rules = try host.attachPolicy()
        func decide(_ tool: String, _ who: MockPrincipal? = nil, listing: Bool = false) -> MockPolicy.Decision
        {
            let request = rules.decide(tool, by: who, isListing: listing)
            _ = request.wait()
            return rules.decision(of: request)
        }
        #expect(decide("read").decision == "allow" && decide("read").rule == nil)
        let admin = host.principal(Identity("a", roles: ["dev", "admin"]))
        #expect(decide("write", admin).rule == "role admin")
        let write = decide("write")
        #expect(write.decision == "deny" && write.scopes == "write mcp" && write.text == "writing needs more")
        #expect(decide("dry").isDry && decide("later").rule == "slow")
        #expect(decide("secret", listing: true).decision == "hide")
        #expect(decide("broken").status == .gone && decide("broken").decision == nil)
        let much = rules.decide("pay", arguments: ["amount": 11])
        #expect(rules.decision(of: much).text == "at most 10")
        _ = decide("change")
        #expect(host.events.last { $0.kind == .policyChanged }?.peer == rules.handle)
        #expect(rules.classify(admin) == "dev,admin" && rules.classify(host.principal()) == nil)
        #expect(host.end() == [])
    }

    @Test func filters() throws {
        Sieve.ended = []
        let host = try MockHost(gateEntry)
        let sieve = try host.attachFilter()
        #expect(sieve.request("t", nil).decision == .pass && sieve.request("t").decision == .pass)
        let all = sieve.request("t", ["number": 7, "deep": [:], "text": "a\"é", "remember": true])
        #expect(all.decision == .splice && all.memory == 42)
        #expect(
            all.body
                == #"{"name":"t","arguments":{"number":0,"deep":{"a":1,"b":[2]},"text":"A\"É","remember":true}}"#
        )
        #expect(all.result(["note": 1]).body == #"{"note":"memory 42"}"#)
        #expect(all.result(["isError": true, "note": 1]).body == #"{"isError":true,"note":"error"}"#)
        let kept = all.result(["large": 1, "note": 1])
        #expect(kept.decision == .spill && kept.body == #"{"large":1,"note":"memory 42"}"#)
        #expect(all.result(["large": 1]).decision == .spill)
        all.end()
        #expect(Sieve.ended == [42])
        let answered = sieve.request("answer")
        #expect(answered.decision == .answer && answered.body == #"{"content":[]}"#)
        let busy = sieve.request("busy").answer
        #expect(busy.status == .busy && busy.retryAfter == .seconds(3) && busy.isPublic)
        let later = sieve.request("later", ["text": "x"])
        #expect(later.wait().status == .ok && later.body == #"{"name":"later","arguments":{"text":"X"}}"#)
        #expect(host.end() == [])
    }

    @Test func supplies() throws {
        let host = try MockHost(gateEntry)
        let purse = try host.attachCredentials("server")
        #expect(purse.supply().answer.status == .absent)
        let ann = host.principal(Identity("ann"))
        #expect(purse.supply(for: ann).answer.result == #"{"headers":{"X-User":"ann"},"keep_ms":0}"#)
        #expect(purse.supply(for: ann, refused: true).answer.status == .denied)
        let connect = purse.supply(for: ann, mayConnect: true).answer
        #expect(connect.value("/connect/url") == "https://a.example" && connect.value("/connect/id") == "1")
        #expect(host.events.contains { $0.kind == .connected && $0.text == "1" && $0.status == -5 })
        #expect(host.events.contains { $0.kind == .suppliesForgotten && $0.text == "\n\nann" })
        #expect(host.end() == [])
    }

    @Test func stores() throws {
        let host = try MockHost(gateEntry)
        let store = host.store
        #expect(store.get("a").answer.status == .absent && store.put("a", "1").answer.status == .ok)
        let entry = try #require(store.entries(of: store.get("a")).first)
        #expect(entry.value == Array("1".utf8) && entry.revision == 1)
        #expect(store.put("a", "2", condition: .create).answer.status == .stale)
        #expect(store.put("a", "2", condition: .match(1)).answer.status == .ok)
        #expect(store.entries(of: store.add("n", -3)).first?.counter == -3)
        #expect(store.entries(of: store.list()).map(\.key) == [Array("a".utf8), Array("n".utf8)])
        #expect(store.remove("a").answer.status == .ok && store.remove("a").answer.status == .absent)
        #expect(store.get("").answer.status == .invalid && store.list(most: 0).answer.status == .invalid)
        let takes = (0..<3).map { _ in store.take("ann", burst: 2, rate: 1, periodMilliseconds: 60_000) }
        #expect(takes.allSatisfy { $0.wait().status == .ok })
        #expect(takes.map { store.verdict(of: $0)?.fits } == [true, true, false])
        host.failState(.gone)
        #expect(store.take("ann", burst: 2, rate: 1, periodMilliseconds: 60_000).wait().status == .gone)
        #expect(host.end() == [])
    }
}

// MARK: jf.state/1

/// A policy that lets each call three times pass, and keeps count in the store.
private struct Thrice: Policy {
    let state: State

    init(name: String, configuration: JSONReader, host: Host) throws {
        guard let state = host.state else { throw PluginError(.unsupported, "no store") }
        self.state = state
    }

    func decide(_ access: borrowing Access, context: AnswerContext) throws -> Ruling {
        let key = access.name.text
        return try context.later { (pending: Pending<Ruling>) in
            switch key {
            case "put":
                try state.put("k", Array("v".utf8), for: .seconds(5)) { _ in
                    _ = try? state.get("k") { got in
                        pending.finish(
                            .allow(
                                rule: (try? got.get())?.flatMap { String(decoding: $0.value, as: UTF8.self) }
                                    ?? ""))
                    }
                }
            case "clash":
                try state.put("k", [], condition: .create) { result in
                    if case .failure(let error) = result {
                        pending.finish(.deny(rule: "\(error.code == .stale)"))
                    }
                }
            case "list":
                try state.list { result in
                    let keys = ((try? result.get()) ?? []).map { String(decoding: $0.key, as: UTF8.self) }
                    _ = try? state.remove("k") { removed in
                        pending.finish(
                            .allow(rule: keys.joined(separator: ",") + " \((try? removed.get()) ?? false)"))
                    }
                }
            default:
                try state.add(key) { result in
                    switch result {
                    case .success(let count):
                        pending.finish(count <= 3 ? .allow : .deny(rule: "count \(count)"))
                    case .failure(let error): pending.fail(error)
                    }
                }
            }
        }
    }
}

@c(thrice_entry) public func thriceEntry(_ offer: PluginOffer, _ why: PluginRefusal) -> PluginTable {
    PluginEntry<Thrice>.entry(offer, why)
}

@Suite(.serialized) struct StateTests {
    @Test func keepsState() throws {
        let host = try MockHost(thriceEntry)
        let policy = try host.attachPolicy()
        func decide(_ tool: String) -> MockPolicy.Decision {
            let request = policy.decide(tool)
            _ = request.wait()
            return policy.decision(of: request)
        }
        #expect((0..<4).map { _ in decide("read").decision } == ["allow", "allow", "allow", "deny"])
        #expect(host.keptState("read") == "4")
        #expect(decide("put").rule == "v" && decide("clash").rule == "true")
        #expect(decide("list").rule == "k,read true" && decide("list").rule == "read false")
        host.failState(.gone)
        #expect(decide("read").status == .gone)
        // One that is under way when the plugin stops is given up.
        host.failState(.ok)
        let last = policy.decide("read")
        #expect(host.end() == [] && last.answer.status == .gone)
    }

    @Test func needsAStore() throws {
        var settings = MockSettings()
        settings.hiddenServices = ["jf.state/1"]
        let host = try MockHost(thriceEntry, settings: settings)
        #expect(throws: MockFailure.self) { try host.attachPolicy() }
        #expect(host.why == "no store" && host.end() == [])
    }
}
