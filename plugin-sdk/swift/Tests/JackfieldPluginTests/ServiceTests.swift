// SPDX-License-Identifier: Apache-2.0
// Services beyond those of toolsets: calls, memory, watches, seal, HTTP; instances that facets share.

import CJackfield
import CMockHost
import Glibc
import JackfieldPlugin
import JackfieldPluginTesting
import Testing

/// Hands its host to the test, and is shared by two facets.
private final class Shared: Plugin {
    let host: Host
    nonisolated(unsafe) static weak var last: Shared?
    nonisolated(unsafe) static var notes: [String] = []

    static var facets: [PluginFacet] { [.routing(SharedRouting.self), .toolset(SharedTools.self)] }

    init(host: Host) throws {
        if let why = host.configuration["refuse"]?.text {
            host.after(.seconds(1)) { Shared.notes.append("never") }
            throw PluginError.denied(why)
        }
        self.host = host
        Shared.last = self
        Shared.notes = []
    }

    func start() throws {
        if host.configuration["stall"]?.bool == true { throw PluginError.gone("no fuel") }
        Shared.notes.append("start")
    }

    func drain(deadlineNanoseconds: UInt64) {
        Shared.notes.append(deadlineNanoseconds > host.monotonicNanoseconds ? "drain" : "late")
    }

    func stop() { Shared.notes.append("stop") }
}

private struct SharedRouting: Routing {
    init(server: String, configuration: JSONReader, host: Host) throws {
        Shared.notes.append(host.plugin(Shared.self) === Shared.last ? "routing" : "stranger")
    }

    func pick(_ call: borrowing RoutingCall, among endpoints: borrowing Endpoints) -> Int? { 0 }
}

private struct SharedTools: Toolset {
    init(name: String, configuration: JSONReader, host: Host) throws {
        Shared.notes.append(host.plugin(Shared.self) === Shared.last ? "tools" : "stranger")
    }

    /// Asks a server behind the gateway, and answers with what it says.
    func call(_ name: String, arguments: Arguments, context: CallContext) throws -> ToolResult {
        try context.later { pending in
            let call = try context.host.call(.tool(name, ["n": 1], principal: context.principal)) { result in
                do {
                    pending.finish(.text(try result.get()["answer"]?.text ?? "?"))
                } catch {
                    pending.fail(error)
                }
            }
            pending.onCancel { call.cancel() }
        }
    }
}

@c(shared_entry) public func sharedEntry(_ offer: PluginOffer, _ why: PluginRefusal) -> PluginTable {
    PluginEntry<Shared>.entry(offer, why)
}

@Suite(.serialized) struct ServiceTests {
    private func withShared(
        _ settings: MockSettings = MockSettings(), _ body: (MockHost, Host) throws -> Void
    ) throws {
        let mock = try MockHost(sharedEntry, settings: settings)
        try body(mock, try #require(Shared.last?.host))
        #expect(mock.end() == [])
    }

    // MARK: Life

    @Test func sharesAnInstance() throws {
        try withShared { mock, _ in
            let routing = try mock.attachRouting()
            let set = try mock.openSet()
            #expect(Shared.notes == ["start", "routing", "tools"])
            routing.detach()
            set.close()
            mock.drain()
            mock.stop()
            #expect(Shared.notes.suffix(2) == ["drain", "stop"])
        }
        #expect(Shared.last == nil)
    }

    @Test func refusesToStart() throws {
        #expect {
            _ = try MockHost(sharedEntry, configuration: ["stall": true])
        } throws: {
            "\($0)".contains("no fuel")
        }
        #expect(Shared.last == nil && Shared.notes == ["stop"])
        #expect {
            _ = try MockHost(sharedEntry, configuration: ["refuse": "not here"])
        } throws: {
            "\($0)".contains("not here")
        }
    }

    // MARK: Calls

    @Test func callsThroughTheRouter() throws {
        try withShared { mock, _ in
            let set = try mock.openSet()
            #expect(set.call("ask").wait().status == .unsupported)
            nonisolated(unsafe) var seen: [String] = []
            mock.onCall { method, params in
                seen = [method, params]
                switch mock.value("/name", in: params) {
                case "ask": return .result(["answer": "42"])
                case "break": return .failure(.timedOut, ["code": -32001, "message": "too slow"])
                case "full": return .refused(.busy)
                default: return .never
                }
            }
            let answer = set.call("ask").wait()
            #expect(answer.text == "42" && !answer.isInline)
            #expect(seen == ["tools/call", #"{"name":"ask","arguments":{"n":1}}"#])
            let broken = set.call("break").wait()
            #expect(broken.status == .timedOut && broken.why == "too slow")
            #expect(set.call("full").answer.status == .busy)
            let left = set.call("hang")
            left.cancel()
            #expect(left.wait().status == .gone)
            // Open when the plugin stops: failed by the SDK, canceled with the host.
            let open = set.call("hang")
            #expect(open.answer.status == .pending)
            mock.stop()
            #expect(open.answer.status == .gone)
        }
    }

    // MARK: Memory

    @Test func accountsMemory() throws {
        var settings = MockSettings()
        settings.memoryLimit = 1 << 20
        try withShared(settings) { mock, host in
            var buffer = host.allocate(1000)
            #expect(buffer?.count == 1000 && buffer?.withBytes { $0.array.allSatisfy { $0 == 0 } } == true)
            buffer?.withMutableBytes { $0[999] = 7 }
            #expect(buffer?.withBytes { $0[999] } == 7 && jf_mock_bytes(mock.mock) >= 1000)
            #expect(host.allocate(2 << 20) == nil && host.allocate(0) == nil && host.allocate(-1) == nil)
            buffer = nil
            #expect(jf_mock_bytes(mock.mock) == 0)
            var pooled = host.borrowBuffer(atLeast: 100)
            #expect(pooled.map { $0.count >= 100 } == true && jf_mock_buffers(mock.mock) == 1)
            pooled = nil
            #expect(jf_mock_buffers(mock.mock) == 0)
            // What the author forgets goes back with the instance, and is empty from then on.
            let kept = [host.allocate(10), host.borrowBuffer(atLeast: 10)]
            mock.stop()
            #expect(kept.allSatisfy { $0?.count == 0 } && host.allocate(10) == nil)
        }
    }

    // MARK: The loop

    @Test func watchesADescriptor() throws {
        var settings = MockSettings()
        settings.loop = (2, 4)
        try withShared(settings) { mock, host in
            var pipe: [Int32] = [0, 0]
            #expect(pipe2(&pipe) == 0)
            var events: [Readiness] = []
            let watch = try host.watch(pipe[0], for: .readable) { events.append($0) }
            mock.settle()
            #expect(events.isEmpty && watch.isActive)
            write(pipe[1], "x", 1)
            #expect(mock.wait(until: { !events.isEmpty }) && events[0].contains(.readable))
            close(pipe[1])
            #expect(mock.wait(until: { events.count > 1 }) && events[1].contains(.hangup))
            watch.stop()
            watch.stop()
            #expect(!watch.isActive)
            // Left to the end of the instance.
            let other = try host.watch(pipe[0], for: [.readable, .writable]) { _ in }
            // The mock takes a descriptor that is none for a broken rule.
            #expect(throws: PluginError.self) { try host.watch(-1, for: .readable) { _ in } }
            mock.forgiveProblems()
            #expect(host.loop == (2, 4) && host.batchNanoseconds > 0)
            mock.stop()
            #expect(!other.isActive)
            #expect(throws: PluginError.self) { try host.watch(pipe[0], for: .readable) { _ in } }
            close(pipe[0])
        }
    }

    // MARK: Services of other plugins

    @Test func seals() throws {
        let table = UnsafeMutablePointer<jf_seal_1>.allocate(capacity: 1)
        defer { table.deallocate() }
        table.initialize(
            to: jf_seal_1(
                size: UInt32(MemoryLayout<jf_seal_1>.size), flags: 0, context: nil, seal: fakeSeal,
                open: fakeOpen))
        var settings = MockSettings()
        settings.services = [JF_SEAL_1: UnsafeRawPointer(table)]
        try withShared(settings) { mock, host in
            let seal = try #require(host.seal)
            let sealed = try seal.seal(Array("state".utf8), for: "ada")
            #expect(sealed == "ada:state")
            #expect(try seal.open(sealed, for: "ada") == Array("state".utf8))
            #expect {
                try seal.open(sealed, for: "bob")
            } throws: { error in
                let error = error as? PluginError
                return error?.code == .invalid && error?.isPublic == true && error?.description == "forged"
            }
            mock.stop()
            #expect(throws: PluginError.self) { try seal.seal([]) }
            #expect(host.seal == nil)
        }
        try withShared { _, host in #expect(host.seal == nil && host.http == nil) }
    }

    @Test func speaksHTTP() throws {
        let fake = FakeHTTP()
        var settings = MockSettings()
        settings.services = [JF_HTTP_1: UnsafeRawPointer(fake.table)]
        try withShared(settings) { mock, host in
            let http = try #require(host.http)
            // Out
            var got: [String] = []
            let request = HTTPRequest("POST", "http://x/", headers: [("a", "b")], body: [65])
            try http.request(request) { result in
                switch result {
                case .success(let response):
                    got.append("\(response.status) \(response.headers[0].value) \(response.body)")
                case .failure(let error): got.append(error.description)
                }
            }
            #expect(fake.seen == ["POST http://x/ a=b A 30000000000"])
            fake.answer(201, "yes")
            fake.answer(201, "twice")
            try http.request(HTTPRequest("GET", "http://y/")) { got.append("\($0)") }
                .abandon()
            #expect(fake.abandoned == 1)
            #expect(throws: PluginError.self) { try http.request(HTTPRequest("GET", "bad")) { _ in } }
            try http.request(HTTPRequest("GET", "http://z/")) { result in
                if case .failure(let error) = result { got.append(error.description) }
            }
            fake.answer(Int32(JF_E_TIMEOUT), "too late")
            #expect(got == ["201 t [121, 101, 115]", "too late"])
            // In
            var exchange: HTTPExchange?
            let mount = try http.mount("/x/") { exchange = $0 }
            #expect(throws: PluginError.self) { try http.mount("/taken") { _ in } }
            fake.arrive("/x/1?q")
            #expect(exchange?.method == "GET" && exchange?.url == "/x/1?q" && exchange?.body == [66])
            #expect(exchange?.respond(HTTPResponse(200, body: [1]), more: true) == true)
            #expect(exchange?.respond(.text("end")) == true && exchange?.respond(.text("more")) == false)
            fake.arrive("/x/2")
            exchange = nil
            #expect(fake.responses == ["200 1 more", "200 3", "500 0"])
            mount.unmount()
            mount.unmount()
            #expect(fake.unmounted == 1)
            // Left to the end of the instance.
            try http.mount("/y") { _ in }
            try http.request(HTTPRequest("GET", "http://late/")) { _ in got.append("never") }
            mock.stop()
            #expect(fake.unmounted == 2 && fake.abandoned == 2 && got.count == 2)
            #expect(throws: PluginError.self) { try http.mount("/z") { _ in } }
        }
    }

    // MARK: async

    @Test func answersFromATask() throws {
        let mock = try MockHost(asyncEntry)
        let set = try mock.openSet()
        #expect(set.call("double", ["n": 21]).wait().text == "42")
        let left = set.call("double", ["n": -1])
        left.cancel()
        #expect(left.wait().status == .gone)
        #expect(mock.end() == [])
    }
}

/// Work in Swift concurrency: on other threads, cancelled with the request.
private struct AsyncTools: Toolset {
    init(name: String, configuration: JSONReader, host: Host) throws {}

    func call(_ name: String, arguments: Arguments, context: CallContext) throws -> ToolResult {
        let number = try arguments.integer("n")
        return context.later { pending in
            let task = Task {
                do {
                    pending.finish(.text(String(try await AsyncTools.double(number))))
                } catch {
                    pending.giveUp()
                }
            }
            pending.onCancel { task.cancel() }
        }
    }

    private static func double(_ number: Int) async throws -> Int {
        if number < 0 { try await Task.sleep(for: .seconds(1000)) }
        return number * 2
    }
}

@c(async_entry) public func asyncEntry(_ offer: PluginOffer, _ why: PluginRefusal) -> PluginTable {
    PluginEntry<AsyncTools>.entry(offer, why)
}

private func pipe2(_ pipe: inout [Int32]) -> Int32 {
    let status = Glibc.pipe(&pipe)
    for descriptor in pipe where status == 0 { _ = fcntl(descriptor, F_SETFL, O_NONBLOCK) }
    return status
}
