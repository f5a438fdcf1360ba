// SPDX-License-Identifier: Apache-2.0
// JSONParser: limits, truncation, mutation, reuse, recorded depth.

import JSON
import Testing

@Suite struct ParserTests {
    private func nested(_ depth: Int, _ open: String, _ inside: String, _ close: String) -> [UInt8] {
        Array((String(repeating: open, count: depth) + inside + String(repeating: close, count: depth)).utf8)
    }

    @Test(arguments: [1, 2, 16, 128, 1024]) func limitsDepth(_ depth: Int) {
        let parser = JSONParser(maxDepth: depth)
        #expect(parseError(nested(depth, "[", "1", "]"), with: parser) == nil)
        #expect(parseError(nested(depth, #"{"a":"#, "1", "}"), with: parser) == nil)
        #expect(
            parseError(nested(depth + 1, "[", "", "]"), with: parser)
                == JSONError(code: .depth, offset: depth))
        #expect(
            parseError(nested(depth + 1, #"{"a":"#, "1", "}"), with: parser)
                == JSONError(code: .depth, offset: 5 * depth))
    }

    @Test func depthZeroAllowsScalarsOnly() {
        let parser = JSONParser(maxDepth: 0)
        #expect(parseError(Array("1".utf8), with: parser) == nil)
        #expect(parseError(Array("[]".utf8), with: parser)?.code == .depth)
    }

    @Test func limitsSize() {
        let parser = JSONParser(maxBytes: 10)
        #expect(parseError(Array(#""12345678""#.utf8), with: parser) == nil)
        #expect(
            parseError(Array(#""123456789""#.utf8), with: parser) == JSONError(code: .tooLarge, offset: 10))
        #expect(throws: JSONError(code: .tooLarge, offset: 3)) {
            try Array("[1,2]".utf8).withUnsafeBytes { try JSONText(copying: $0, maxBytes: 3) }
        }
    }

    @Test func refusesEveryTruncation() {
        let parser = JSONParser()
        let whole = Array(sampleMessage.utf8)
        #expect(parseError(whole, with: parser) == nil)
        for length in 0..<whole.count {
            // The padding holds what was cut off: it must not count.
            let rest = Array(whole[length...]) + [UInt8](repeating: 0x20, count: JSONParser.padding)
            let error = parseError(Array(whole[..<length]), with: parser, padding: rest)
            #expect(error != nil, "cut at \(length)")
            #expect((0...length).contains(error?.offset ?? -1), "cut at \(length)")
        }
    }

    @Test func survivesMutations() throws {
        var generator = Generator(state: 42)
        let parser = JSONParser()
        let whole = Array(sampleMessage.utf8)
        let spices = Array("{}[]:,\"\\0-.eEtfnu \n\t".utf8) + [0, 0x1F, 0x7F, 0x80, 0xC3, 0xFF]
        var accepted = 0
        for _ in 0..<20_000 {
            var bytes = whole
            for _ in 0..<Int.random(in: 1...3, using: &generator) {
                let at = Int.random(in: 0..<bytes.count, using: &generator)
                switch Int.random(in: 0..<3, using: &generator) {
                case 0: bytes[at] = spices.randomElement(using: &generator) ?? 0
                case 1: bytes.insert(spices.randomElement(using: &generator) ?? 0, at: at)
                default: bytes.remove(at: at)
                }
            }
            do {
                // What is accepted must survive a round trip.
                let value = try parsing(bytes, with: parser) { JSONValue($0.root) }
                #expect(try JSONValue(parsing: value.serialized()) == value)
                accepted += 1
            } catch let error as JSONError {
                #expect((0...bytes.count).contains(error.offset))
            }
        }
        #expect(accepted > 500)
        #expect(accepted < 19_000)
    }

    @Test func isUsableAfterAnError() throws {
        let parser = JSONParser()
        for _ in 0..<3 {
            #expect(parseError(Array("[1,".utf8), with: parser)?.code == .truncated)
            #expect(try parsing(Array("[1,2]".utf8), with: parser) { $0.root.count } == 2)
        }
    }

    @Test func growsAndGivesBackMemory() throws {
        let parser = JSONParser(maxBytes: 64 << 20)
        let large = Array(("[" + String(repeating: "[1],", count: 1_000_000) + "0]").utf8)
        let small = Array("[1,2,3]".utf8)
        for _ in 0..<2 {
            let (count, nodes) = try parsing(large, with: parser) { ($0.root.count, $0.nodeCount) }
            #expect(count == 1_000_001)
            #expect(nodes == 2_000_002)
            // More small texts than the parser waits before it lets go of its memory.
            for _ in 0..<200 { #expect(try parsing(small, with: parser) { $0.nodeCount } == 4) }
        }
    }

    @Test(arguments: [0, 1, 2, 3, 4, 5, 255]) func recordsDownToDepth(_ depth: Int) throws {
        try parsing(Array(sampleMessage.utf8), recordDepth: depth) { document in
            #expect(document.root.count == 4)
            #expect(document.root.isRecorded == (depth > 0))
            #expect(Array(document.root.members).count == (depth > 0 ? 4 : 0))
            let expected = try countValues(JSONValue(parsing: sampleMessage), depth: depth)
            #expect(document.nodeCount == expected)
        }
    }

    private func countValues(_ value: JSONValue, depth: Int) -> Int {
        guard depth > 0 else { return 1 }
        switch value {
        case .array(let elements): return elements.reduce(1) { $0 + countValues($1, depth: depth - 1) }
        case .object(let members): return members.reduce(1) { $0 + countValues($1.value, depth: depth - 1) }
        default: return 1
        }
    }

    @Test func validatesBelowTheRecordedDepth() {
        let parser = JSONParser()
        for (json, offset) in [(#"{"a":{"b":[1,{"c":01}]}}"#, 19), (#"{"a":[[["\q"]]]}"#, 9)] {
            #expect(throws: JSONError.self) {
                try parsing(Array(json.utf8), with: parser, recordDepth: 0) { _ in }
            }
            #expect(parseError(Array(json.utf8), with: parser)?.offset == offset)
        }
    }

    @Test func unrecordedContainersKeepRangeAndCount() throws {
        let json = #"{"a":[1,[2,3],{"x":[4]}],"b":{"c":{"d":5}},"e":6}"#
        try parsing(Array(json.utf8), recordDepth: 1) { document in
            let a = try #require(document.root.member("a"))
            #expect(a.count == 3)
            #expect(!a.isRecorded)
            #expect(text(a.raw) == #"[1,[2,3],{"x":[4]}]"#)
            #expect(Array(a.elements).isEmpty)
            let b = try #require(document.root.member("b"))
            #expect(b.count == 1)
            #expect(b.member("c") == nil)
            #expect(document.root.member("e")?.int64 == 6)
            // The DOM reads on below.
            let whole = try JSONValue(parsing: json)
            #expect(JSONValue(document.root) == whole)
        }
    }
}
