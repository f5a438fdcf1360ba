// SPDX-License-Identifier: Apache-2.0
// Files that are made to hurt, or broken beyond reading.

import Configuration
import Testing

@Suite struct HostileFileTests {
    private func message(_ text: String, file: String = "gateway.yaml") -> String {
        let parsed = parse(text, file: file)
        return parsed.configuration == nil ? parsed.problems.first?.message ?? "" : "accepted"
    }

    @Test func billionLaughs() {
        var text = "version: 1\nx-a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol, lol]\n"
        for level in 1...12 {
            let aliases = Array(repeating: "*a\(level - 1)", count: 10).joined(separator: ", ")
            text += "x-a\(level): &a\(level) [\(aliases)]\n"
        }
        #expect(message(text).contains("its aliases repeat too much"))
    }

    @Test func quadraticBlowUp() {
        let long = String(repeating: "x", count: 1 << 20)
        let aliases = Array(repeating: "*a", count: 10_000).joined(separator: ", ")
        #expect(
            message("version: 1\nx-a: &a \(long)\nx-b: [\(aliases)]\n").contains(
                "its aliases repeat too much"))
    }

    @Test func aliasesCountForDepth() {
        var text = "version: 1\nx-a0: &a0 [x]\n"
        for level in 1...80 { text += "x-a\(level): &a\(level) [*a\(level - 1)]\n" }
        #expect(message(text) == "nested deeper than 64 levels")
    }

    @Test(arguments: [("[", "]"), ("{\"a\":", "}")])
    func deepNesting(_ open: String, _ close: String) {
        func nested(_ depth: Int) -> String {
            String(repeating: open, count: depth) + "1" + String(repeating: close, count: depth)
        }
        #expect(message("{\"version\":1,\"x-a\":" + nested(63) + "}", file: "a.json") == "accepted")
        #expect(
            message("{\"version\":1,\"x-a\":" + nested(64) + "}", file: "a.json")
                == "nested deeper than 64 levels")
        #expect(message("version: 1\nx-a: " + nested(63)) == "accepted")
        #expect(message("version: 1\nx-a: " + nested(64)) == "nested deeper than 64 levels")
        #expect(message(nested(100_000), file: "a.json") == "nested deeper than 64 levels")
        #expect(message(nested(100_000)) != "accepted")
    }

    @Test func deepBlocks() {
        let text = "version: 1\nx-a:\n" + (1...70).map { String(repeating: " ", count: $0) + "k:\n" }.joined()
        #expect(message(text) == "nested deeper than 64 levels")
        #expect(
            message("version: 1\nx-a:\n" + String(repeating: "- ", count: 5000) + "x")
                == "nested deeper than 64 levels")
    }

    @Test func invalidUTF8() {
        let bytes = Array("version: 1\nlog: é".utf8) + [0xFF] + Array("\n".utf8)
        let parsed = Configuration.parse(bytes, file: "gateway.yaml", environment: testEnvironment)
        #expect(
            parsed.problems.map(\.description) == [
                "gateway.yaml:2:7: error: byte 0xFF is not valid UTF-8; save the file as UTF-8"
            ])
        let overlong = Configuration.parse([0x61, 0xC0, 0x80], file: "a", environment: testEnvironment)
        #expect(overlong.problems.map(\.position) == [.init(line: 1, column: 2)])
    }

    @Test func otherEncodings() {
        let parsed = Configuration.parse([0xFF, 0xFE, 0x61, 0], file: "a.yaml", environment: testEnvironment)
        #expect(parsed.problems.map(\.message) == ["the file is UTF-16; save it as UTF-8"])
    }

    @Test func hugeScalars() throws {
        let long = String(repeating: "é", count: 2 << 20)
        #expect(
            try good("version: 1\nservers: { a: { command: x, note: \(long) } }").servers[0].optionsJSON.utf8
                .count > 4 << 20)
        #expect(message("version: 1\nlog: { level: \(long) }").utf8.count < 300)
        #expect(message("version: 1\n'\(long)': 1").utf8.count < 500)
        #expect(message("version: \(String(repeating: "1", count: 1 << 20))").utf8.count < 200)
        #expect(message("version: 1\nlimits: { calls: \(String(repeating: "9", count: 50)) }") != "accepted")
        #expect(
            message("version: 1\nlimits: { timeout: \(String(repeating: "9", count: 50))s }") != "accepted")
        #expect(message("version: 1\nlimits: { message: 99999999999999999GiB }") != "accepted")
    }

    @Test func hugeFiles() {
        #expect(message(String(repeating: "#", count: (8 << 20) + 1)).contains("more than 8 MiB"))
        #expect(
            message("version: 1\nx-a: [" + String(repeating: "1,", count: 1_500_000) + "1]").contains(
                "too many values"))
    }

    @Test func referencesThatStandForTooMuch() {
        var environment = testEnvironment
        environment.file = { _ in .success([UInt8](repeating: 0x78, count: 1 << 20)) }
        let text =
            "version: 1\nlisteners:\n  - transport: http\n    a: ["
            + Array(repeating: "'${file:/big}'", count: 70).joined(separator: ", ") + "]\n"
        let parsed = parse(text, environment: environment)
        #expect(parsed.problems.first?.message == "references stand for more than 64MiB in all")
    }

    @Test func controlCharactersDoNotReachTheTerminal() {
        for text in ["{\"version\":1,\"\\u001b[31m\\u202e\":1}", "{\"version\":\"\\u0007\\u009b\"}"] {
            for problem in parse(text, file: "a.json").problems {
                #expect(
                    problem.description.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x202E })
                #expect(!problem.description.unicodeScalars.contains { (0x7F...0x9F).contains($0.value) })
            }
        }
    }

    @Test func wideFilesAreReadInLinearTime() {
        let servers = (0..<20_000).map { "  s\($0): { command: x }\n" }.joined()
        let clock = ContinuousClock()
        let time = clock.measure { #expect(message("version: 1\nservers:\n" + servers) == "accepted") }
        #expect(time < .seconds(30))
    }
}
