// SPDX-License-Identifier: Apache-2.0
// Verdicts of filters: splices that fit, and everything that a plugin could get wrong about them.

import CJackfield
import MCP
import Testing

@testable import JackfieldCore

private struct Splice {
    var start: UInt64
    var end: UInt64
    var text: String
    /// Says another length than it has.
    var length: UInt64?

    init(_ start: UInt64, _ end: UInt64, _ text: String, length: UInt64? = nil) {
        self.start = start
        self.end = end
        self.text = text
        self.length = length
    }
}

private func head(_ decision: Int, count: UInt32 = 0, memory: UInt64 = 0) -> [UInt8] {
    withUnsafeBytes(of: jf_verdict(decision: UInt32(decision), count: count, memory: memory)) { [UInt8]($0) }
}

private func verdict(_ splices: [Splice], count: UInt32? = nil, memory: UInt64 = 0) -> [UInt8] {
    var out = head(JF_SPLICE, count: count ?? UInt32(splices.count), memory: memory)
    for splice in splices {
        let length = splice.length ?? UInt64(splice.text.utf8.count)
        let head = jf_splice(start: splice.start, end: splice.end, len: length)
        withUnsafeBytes(of: head) { out.append(contentsOf: $0) }
        out.append(contentsOf: splice.text.utf8)
        while out.count % 8 != 0 { out.append(0) }
    }
    return out
}

private func read(
    _ bytes: [UInt8], of body: String = "{\"a\":1,\"b\":2}", most: Int = 1 << 20
) throws -> FilterVerdict {
    try bytes.withUnsafeBytes { verdict in
        try Array(body.utf8).withUnsafeBytes { try FilterVerdict(verdict, of: $0, most: most) }
    }
}

private func changed(_ bytes: [UInt8], of body: String = "{\"a\":1,\"b\":2}", most: Int = 1 << 20) throws
    -> String
{
    guard case .changed(let out) = try read(bytes, of: body, most: most).decision else { return "unchanged" }
    return String(decoding: out, as: UTF8.self)
}

@Suite struct FilterVerdictTests {
    @Test func nothingIsAPass() throws {
        #expect(try changed([]) == "unchanged")
        let remembered = head(JF_PASS, memory: 7)
        #expect(try changed(remembered) == "unchanged")
        #expect(try read(remembered).memory == 7)
    }

    @Test func splicesReplaceInsertAndRemove() throws {
        #expect(try changed(verdict([Splice(5, 6, "\"long text\"")])) == "{\"a\":\"long text\",\"b\":2}")
        #expect(try changed(verdict([Splice(1, 1, "\"c\":0,")])) == "{\"c\":0,\"a\":1,\"b\":2}")
        #expect(try changed(verdict([Splice(1, 7, "")])) == "{\"b\":2}")
        #expect(
            try changed(verdict([Splice(5, 6, "7"), Splice(6, 6, ",\"x\":8"), Splice(11, 12, "9")]))
                == "{\"a\":7,\"x\":8,\"b\":9}")
        #expect(try changed(verdict([])) == "{\"a\":1,\"b\":2}")
        #expect(try changed(verdict([Splice(0, 13, "{}")])) == "{}")
    }

    @Test func theLastOnesZerosMayBeLeftOut() throws {
        let whole = verdict([Splice(5, 6, "7")])
        #expect(try changed(Array(whole.dropLast(7))) == "{\"a\":7,\"b\":2}")
    }

    @Test(arguments: [
        [Splice(6, 5, "")], [Splice(0, 14, "")], [Splice(14, 14, "x")], [Splice(.max, .max, "")],
        [Splice(5, .max, "")], [Splice(7, 8, "x"), Splice(1, 2, "y")], [Splice(1, 6, ""), Splice(5, 7, "")],
        [Splice(5, 6, "7", length: 9)], [Splice(5, 6, "7", length: .max)],
        [Splice(5, 6, "7", length: 1 << 63)],
    ])
    fileprivate func whatDoesNotFitIsRefused(_ splices: [Splice]) {
        #expect(throws: FilterProblem.self) { try read(verdict(splices)) }
    }

    @Test func countsThatAreWrong() {
        #expect(throws: FilterProblem.self) { try read(verdict([Splice(5, 6, "7")], count: 2)) }
        #expect(throws: FilterProblem.self) { try read(verdict([Splice(5, 6, "7")], count: .max)) }
        #expect(throws: FilterProblem.self) { try read(verdict([Splice(5, 6, "7")], count: 0)) }
        for cut in 1..<40 {
            let whole = verdict([Splice(5, 6, "7"), Splice(11, 12, "twelve bytes")])
            #expect(throws: FilterProblem.self) { try read(Array(whole.dropLast(cut + 4))) }
        }
    }

    @Test func sizesAreBounded() throws {
        let large = String(repeating: "x", count: 100)
        #expect(throws: FilterProblem.self) { try changed(verdict([Splice(5, 6, large)]), most: 100) }
        #expect(throws: FilterProblem.self) { try changed(verdict([]), most: 12) }
        #expect(try changed(verdict([]), most: 13).utf8.count == 13)
        #expect(throws: FilterProblem.self) { try read(head(JF_ANSWER) + Array(large.utf8), most: 99) }
    }

    @Test func unknownDecisionsAndShortHeads() {
        #expect(throws: FilterProblem.self) { try read(head(77)) }
        for count in 1..<16 {
            #expect(throws: FilterProblem.self) { try read([UInt8](repeating: 0, count: count)) }
        }
    }

    @Test func anAnswerIsWhatFollows() throws {
        guard case .answer(let bytes) = try read(head(JF_ANSWER, memory: 1) + Array("{}".utf8)).decision
        else {
            Issue.record("it is no answer")
            return
        }
        #expect(bytes == Array("{}".utf8))
    }

    private func spill(
        _ preview: String, ttl: UInt64 = 1000, length: UInt64? = nil, _ splices: [Splice] = []
    ) -> [UInt8] {
        var out = head(JF_SPILL, count: UInt32(splices.count))
        let head = jf_spill(ttl_ms: ttl, most: 7, len: length ?? UInt64(preview.utf8.count))
        withUnsafeBytes(of: head) { out.append(contentsOf: $0) }
        out.append(contentsOf: preview.utf8)
        while out.count % 8 != 0 { out.append(0) }
        return out + verdict(splices).dropFirst(MemoryLayout<jf_verdict>.size)
    }

    @Test func whatIsKeptHasAPreviewAndAWayOut() throws {
        for preview in ["{}", "{\"content\":[]}", "{\"a\":12}"] {
            guard case .spill(let it) = try read(spill(preview, [Splice(5, 6, "77")])).decision else {
                Issue.record("it keeps nothing")
                return
            }
            #expect(it.ttl == 1000 && it.most == 7)
            #expect(it.preview == Array(preview.utf8))
            #expect(it.otherwise == Array("{\"a\":77,\"b\":2}".utf8))
        }
    }

    @Test func whatIsKeptIsAnnouncedRightly() {
        let good = spill("{}", [Splice(5, 6, "77")])
        for count in 17..<good.count - 6 {
            #expect(throws: FilterProblem.self) { try read(Array(good.prefix(count))) }
        }
        #expect(throws: FilterProblem.self) { try read(spill("{}", length: 99)) }
        #expect(throws: FilterProblem.self) { try read(spill("{}", length: .max)) }
        #expect(throws: FilterProblem.self) { try read(spill("{}", ttl: 0)) }
        #expect(throws: FilterProblem.self) { try read(spill("{}", ttl: .max)) }
        #expect(throws: FilterProblem.self) { try read(spill("{}", [Splice(5, 99, "7")])) }
        #expect(throws: FilterProblem.self) { try read(spill("{\"long\":1}"), most: 9) }
    }
}

@Suite struct FilterScopeTests {
    private func scope(_ servers: [String], _ items: [String]) -> FilterScope {
        var plan = ModulePlan(kind: "x", name: "x")
        plan.servers = servers
        plan.items = items
        var table = jf_filter_1()
        table.request = { _, _, _, _, _, _ in 0 }
        return FilterScope(plan, nil as PluginManifest.Module?, table)
    }

    @Test func patternsAreMatchedOncePerServerAndItem() {
        let scope = scope(["s*"], ["get_?"])
        var asked = 0
        func name(_ text: String) -> String {
            asked += 1
            return text
        }
        for _ in 0..<3 {
            let phases = [
                scope.phases(.toolsCall, 1, name("south"), item: "get_a"),
                scope.phases(.toolsCall, 1, name("south"), item: "put_a"),
                scope.phases(.toolsCall, 2, name("north"), item: "get_a"),
            ]
            #expect(phases == [.request, [], []])
        }
        #expect(asked == 2)
    }

    @Test func whatIsKnownIsBounded() {
        let scope = scope([], ["a*"])
        for number in 0..<(3 * FilterScope.mostItems) {
            #expect(scope.phases(.toolsCall, 1, "s", item: "b\(number)") == [])
        }
        #expect(scope.phases(.toolsCall, 1, "s", item: "a") == .request)
    }

    @Test func otherMethodsAreNoBusinessOfFilters() {
        #expect(scope([], []).phases(.toolsList, 1, "s", item: "a") == [])
        #expect(scope([], []).phases(.completionComplete, 1, "s", item: "a") == .request)
    }
}
