// SPDX-License-Identifier: Apache-2.0
// The examples and defaults of docs/reference/configuration.md are those of the code.

import Testing

@testable import Configuration

@Suite struct DocumentationTests {
    private let text: String

    init() throws {
        let here = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
        let bytes = try readFile("/\(here)/docs/reference/configuration.md", limit: 1 << 20).get()
        text = try #require(String(validating: bytes, as: UTF8.self))
    }

    /// The contents of the fenced blocks of a language.
    private func blocks(_ language: String) -> [String] {
        var blocks: [String] = []
        var current: [Substring]?
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            if line == "```\(language)" {
                current = []
            } else if line == "```", let lines = current {
                blocks.append(lines.joined(separator: "\n"))
                current = nil
            } else {
                current?.append(line)
            }
        }
        return blocks
    }

    /// The keys of the tables under a heading.
    private func keys(under heading: String) -> Set<String> {
        let lines = text.split(separator: "\n")
        guard let start = lines.firstIndex(of: "## `\(heading)`") else { return [] }
        let section = lines[(start + 1)...].prefix { !$0.hasPrefix("## ") }
        return Set(
            section.filter { $0.hasPrefix("| `") }.flatMap { row in
                row.split(separator: "|")[0].split(separator: "`").filter {
                    $0.allSatisfy { $0 != " " && $0 != "," }
                }
                .map(String.init)
            })
    }

    @Test func itsNativeExamplesAreGood() throws {
        var environment = testEnvironment
        environment.file = { _ in .success(Array("secret".utf8)) }
        let examples = blocks("yaml")
        #expect(examples.count >= 3)
        for example in examples {
            let configuration = try Configuration(parsing: example, file: "a.yaml", environment: environment)
            #expect(configuration.warnings.isEmpty)
        }
    }

    @Test func itsClientExampleIsGood() throws {
        for example in blocks("json") {
            #expect(try good(example, file: "mcp.json").servers.map(\.name) == ["time", "tickets"])
        }
    }

    @Test func itNamesEveryGeneralKeyOfAServer() {
        let documented = keys(under: "servers")
        for key in Configuration.Server.generalKeys { #expect(documented.contains(key)) }
    }

    /// An unknown key makes the finding list the known ones.
    @Test(arguments: ["runtime", "naming", "limits", "tasks", "lock", "log", "auth"])
    func itNamesEveryKeyOfABlock(_ block: String) throws {
        let problem = try #require(parse("version: 1\n\(block): { qqqqqqqqqqqqqqqqqqqq: 1 }").problems.first)
        let known =
            problem.message.split(separator: "are ").last?.split(separator: ", ").map(String.init) ?? []
        #expect(Set(known) == keys(under: block))
    }
}
