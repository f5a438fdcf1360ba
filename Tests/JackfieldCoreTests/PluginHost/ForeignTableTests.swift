// SPDX-License-Identifier: Apache-2.0
// What a manifest says of a third party's table: what is read, and where a fault is.

import CJackfield
import JSON
import Testing

@testable import JackfieldCore

@Suite("Third parties' tables") struct ForeignTableTests {
    private static let id = "com.acme.ranker/1"

    private func read(_ slots: [String]) throws(PluginManifest.Fault) -> ForeignTable {
        let value = JSONValue.object([.init(Self.id, .array(slots.map { .string($0) }))])
        return try ForeignTable.read(value, provides: [Self.id])[0]
    }

    private func fault(_ slot: String) -> String? {
        do throws(PluginManifest.Fault) {
            _ = try read(["void good()", slot])
            return nil
        } catch {
            return error.text
        }
    }

    @Test("slots become shapes")
    func shapes() throws {
        let table = try read([
            "[lane] status rank(view query, secret key, u32 count, out u32 chosen, fault why)",
            " f64  weight ( f64 of,f32 by , i8 sign ) ",
            "void forget(text what, ref item)", "ref next()", "pointer raw(pointer a, blob b, out ref c)",
        ])
        #expect(
            table.slots.map(\.shape) == [
                "i32(pointer,view,view,u32,pointer,pointer)", "f64(pointer,f64,f32,i8)",
                "void(pointer,pointer,u64)",
                "u64(pointer)", "pointer(pointer,pointer,pointer,pointer)",
            ])
        #expect(table.slots.map(\.lane) == ["lane", "any", "any", "any", "any"])
        #expect(table.slots.map(\.givesStatus) == [true, false, false, false, false])
        #expect(table.slots[0].parameters[3] == .init(name: "chosen", type: "u32", isOut: true))
        #expect(table.slot(named: "rank")?.name == "rank")
        #expect(table.slot(named: "com.acme.ranker/1.weight")?.name == "weight")
        #expect(table.slot(named: "ranker.rank") == nil)
    }

    @Test(
        "a fault has its place",
        arguments: [
            ("", 1, "a result is missing; there are: void, status"),
            ("viod f()", 1, "there is no result 'viod'"),
            ("void f(strng x)", 8, "there is no type 'strng'"), ("void f(u32)", 11, "a name is missing"),
            ("void F()", 6, "'F' is no name"), ("void f", 7, "'(' is missing"),
            ("void f(u32 a", 13, "')' is missing"),
            ("void f() x", 10, "nothing may follow"), ("[loop] void f()", 2, "there is no lane 'loop'"),
            ("[lane void f()", 7, "']' is missing"),
            ("void f(out view a)", 12, "type of an 'out' parameter 'view'"),
            ("void f(u8 a, u8 a)", 14, "there is a parameter 'a' before it"),
            ("void good()", 1, "there is a slot 'good' before it"),
        ])
    func faults(_ slot: String, _ place: Int, _ text: String) {
        let said = fault(slot) ?? "nothing"
        let start = "manifest member 'signatures.com.acme.ranker/1'[1] is wrong at character \(place): "
        #expect(said.hasPrefix(start) && said.contains(text), "\(said)")
    }

    @Test("at most 15 parameters and 64 slots")
    func limits() {
        let most = (0..<15).map { "u8 a\($0)" }.joined(separator: ",")
        #expect(fault("void f(\(most))") == nil)
        #expect(fault("void f(\(most),u8 b)")?.contains("at most 15 parameters") == true)
        #expect((try? read((0..<64).map { "void f\($0)()" })) != nil)
        #expect((try? read((0..<65).map { "void f\($0)()" })) == nil)
    }

    @Test(
        "providers come before those who use them, also of optional services, and the interposer before all")
    func order() throws {
        func manifest(_ id: String, _ more: String) throws -> PluginManifest {
            try PluginManifest(
                parsing: #"{"id":"\#(id)","version":"1.0.0","abi":"1.0","threads":"serial",\#(more)}"#.utf8)
        }
        let all = [
            try manifest(
                "user", #""facets":["jf.toolset/1"],"optional":["com.acme.ranker/1","jf.callback/1"]"#),
            try manifest(
                "ranker",
                #""provides":["com.acme.ranker/1"],"signatures":{"com.acme.ranker/1":["void f()"]}"#),
            try manifest("ffi", #""provides":["jf.callback/1","jf.interpose/1"]"#),
            try manifest("a", #""provides":["com.acme.a/1"],"requires":["com.acme.b/1"]"#),
            try manifest("b", #""provides":["com.acme.b/1"],"requires":["com.acme.a/1"]"#),
        ]
        var plan = GatewayPlan()
        var entry = PluginPlan()
        entry.id = "user"
        plan.plugins = [entry]
        #expect(PluginChoice(all).needed(plan) == ["ffi", "ranker", "user"])
        // Two that need each other end the search all the same.
        entry.id = "a"
        plan.plugins = [entry]
        #expect(PluginChoice(all).needed(plan) == ["b", "a"])
    }

    @Test("a fault needs something that stands in front")
    func injected() throws {
        let manifest = try PluginManifest(
            parsing: #"""
                {"id":"r","version":"1.0.0","abi":"1.0","threads":"serial","provides":["com.acme.ranker/1"],
                "signatures":{"com.acme.ranker/1":["status rank()","void forget()"]}}
                """#.utf8)
        func problem(_ slot: String, _ status: Int32, _ interposes: Bool = true) -> String? {
            BorderPlan.problem(
                .slot(slot, delay: 1, status: status, every: 1), manifest, interposes: interposes)
        }
        #expect(problem("rank", Int32(JF_E_BUSY)) == nil)
        #expect(problem("com.acme.ranker/1.forget", 0) == nil)
        #expect(problem("forget", Int32(JF_E_BUSY))?.contains("cannot fail") == true)
        #expect(problem("rank", 0, false)?.contains("install abi-libffi") == true)
        #expect(problem("rnak", 0)?.contains("has a slot 'rnak'") == true)
    }
}
