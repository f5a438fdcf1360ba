// SPDX-License-Identifier: Apache-2.0
// What a strategy is told by hosts of ABI 1.0 and of 1.1.

import CJackfield
import Testing

@testable import JackfieldPlugin

/// Lends a copy that ends after `size` bytes, as an older host has it. What lies behind must not be read.
private func withCut<T>(_ whole: T, _ size: Int, _ body: (UnsafePointer<T>) -> Void) {
    let room = MemoryLayout<T>.size
    let memory = UnsafeMutableRawPointer.allocate(byteCount: room, alignment: 8)
    defer { memory.deallocate() }
    memory.initializeMemory(as: UInt8.self, repeating: 0xAA, count: room)
    withUnsafeBytes(of: whole) { memory.copyMemory(from: $0.baseAddress!, byteCount: size) }
    memory.storeBytes(of: UInt32(size), as: UInt32.self)
    body(UnsafePointer(memory.assumingMemoryBound(to: T.self)))
}

/// Views that stay for good, as the tests' texts do.
private func lent(_ text: StaticString) -> jf_view {
    jf_view(ptr: text.utf8Start, len: UInt64(text.utf8CodeUnitCount))
}

private func endpoint(_ labels: UnsafePointer<jf_pair>?, _ count: Int) -> jf_endpoint {
    var it = jf_endpoint()
    it.size = UInt32(MemoryLayout<jf_endpoint>.size)
    it.flags = 9
    it.id = 7
    it.weight = 3
    it.in_flight = 2
    it.latency_ns = 11
    it.name = lent("a")
    it.ready = 250
    it.priority = 1
    it.recent_calls = 40
    it.recent_failures = 4
    it.cost = 9
    it.version = lent("2.1")
    it.zone = lent("z1")
    it.labels = labels
    it.label_count = UInt64(count)
    it.revision = 5
    return it
}

private var labels: [jf_pair] {
    [jf_pair(name: lent("model"), value: lent("large")), jf_pair(name: lent("gpu"), value: lent(""))]
}

@Suite struct RoutingViewTests {
    @Test func endpointsOfANewHost() {
        labels.withUnsafeBufferPointer { labels in
            withCut(endpoint(labels.baseAddress, labels.count), 144) { pointer in
                var pointer: UnsafePointer<jf_endpoint>? = pointer
                let it = Endpoints(&pointer, 1)[0]
                #expect([it.weight, it.inFlight] == [3, 2] && it.id == EndpointID(7))
                #expect(it.name.text == "a" && it.latencyNanoseconds == 11)
                let numbers = [it.ready, it.priority, it.recentCalls, it.recentFailures]
                #expect(numbers == [250, 1, 40, 4])
                #expect(it.cost == 9 && it.revision == 5 && it.state == [.sameZone, .degraded])
                #expect([it.version?.text, it.zone?.text, it.region?.text] == ["2.1", "z1", nil])
                #expect(it.labels.map { "\($0.name)=\($0.value)" } == ["model=large", "gpu="])
                #expect([it.label("gpu")?.text, it.label("cpu")?.text] == ["", nil])
            }
        }
    }

    @Test func endpointsOfAnOldHost() {
        var old = endpoint(nil, 0)
        old.flags = 0
        withCut(old, 48) { pointer in
            var pointer: UnsafePointer<jf_endpoint>? = pointer
            let it = Endpoints(&pointer, 1)[0]
            #expect([it.weight, it.inFlight] == [3, 2] && it.id == EndpointID(7) && it.name.text == "a")
            #expect([it.ready, it.priority, it.recentCalls, it.recentFailures] == [nil, nil, nil, nil])
            #expect(it.cost == nil && it.revision == nil && it.state == [])
            #expect([it.version?.text, it.zone?.text, it.region?.text] == [nil, nil, nil])
            #expect(it.labels.isEmpty && it.label("gpu")?.text == nil)
        }
    }

    private func call(_ headers: UnsafePointer<jf_pair>?) -> jf_pick {
        var call = jf_pick()
        call.attempt = 2
        call.method = lent("tools/call")
        call.name = lent("add")
        call.session = lent("s")
        call.traits = 3
        call.total = 1
        call.arguments = lent("{}")
        call.client = lent("cli")
        call.headers = headers
        call.header_count = 1
        call.now_ns = 12
        return call
    }

    @Test func callsOfANewHost() {
        let header = [jf_pair(name: lent("x-tier"), value: lent("gold"))]
        header.withUnsafeBufferPointer { header in
            withCut(endpoint(nil, 0), 144) { pointer in
                var all: UnsafePointer<jf_endpoint>? = pointer
                withUnsafePointer(to: &all) { all in
                    var whole = call(header.baseAddress)
                    whole.all = all
                    withCut(whole, 184) { pointer in
                        let it = RoutingCall(pointer)
                        #expect(it.attempt == 2 && it.name.text == "add" && it.session?.text == "s")
                        #expect(it.traits == [.readOnly, .idempotent] && it.total == 1)
                        #expect(it.nowNanoseconds == 12)
                        let texts = [it.arguments?.text, it.client?.text, it.tenant?.text]
                        #expect(texts == ["{}", "cli", nil])
                        #expect([it.header("x-tier")?.text, it.header("x")?.text] == ["gold", nil])
                        #expect(it.headers.map { "\($0.name): \($0.value)" } == ["x-tier: gold"])
                        let ready = it.all?[0].ready
                        #expect(ready == 250)
                    }
                }
            }
        }
    }

    @Test func callsOfAnOldHost() {
        withCut(call(nil), 96) { pointer in
            let it = RoutingCall(pointer)
            #expect(it.attempt == 2 && it.name.text == "add" && it.session?.text == "s")
            #expect(it.traits == nil && it.total == nil && it.nowNanoseconds == nil)
            #expect([it.arguments?.text, it.client?.text, it.tenant?.text] == [nil, nil, nil])
            let count = it.all?.count
            #expect(it.headers.isEmpty && it.header("x-tier")?.text == nil && count == nil)
        }
    }
}
