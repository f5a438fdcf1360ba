// SPDX-License-Identifier: Apache-2.0
// The argument parser: words in, arguments or one clear problem out.

import Testing

@testable import jackfield

private let nothing: Command.Action = { (_: Arguments) throws(UsageProblem) -> Int32 in 0 }

private let sample: Command = Command(
    name: "tool", summary: "a sample",
    commands: [
        Command(
            name: "run", summary: "runs",
            options: [
                .value("url", short: "u", "URL", .url, "where", fallback: "http://127.0.0.1/"),
                .value("header", short: "H", "TEXT", .header, repeats: true, "a header"),
                .value("era", "ERA", .choice(["auto", "modern"]), "the era"),
                .value("timeout", "TIME", .duration, "the time"),
                .flag("json", "JSON"),
            ],
            positionals: [
                Positional(name: "NAME", summary: "the name"),
                Positional(name: "MORE", isRequired: false, isRepeatable: true, summary: "more"),
            ], run: nothing),
        Command(
            name: "check", summary: "checks",
            options: [.value("config", "FILE", .file, required: true, "the file")], run: nothing),
        Command(
            name: "group", summary: "groups",
            commands: [Command(name: "inner", summary: "is inside", run: nothing)]),
    ])

private func arguments(_ words: String...) throws -> Arguments {
    guard case .run(let arguments) = try parse(words, sample) else { throw UsageProblem("help", hint: "") }
    return arguments
}

private func problem(_ words: String...) -> UsageProblem? {
    do throws(UsageProblem) {
        _ = try parse(words, sample)
        return nil
    } catch {
        return error
    }
}

@Suite struct ParserTests {
    @Test func readsOptionsAndPositionalsInAnyOrder() throws {
        let got = try arguments("run", "a", "--json", "-u", "http://h/mcp", "b", "--era=modern", "c")
        #expect(got.positionals == ["a", "b", "c"])
        #expect(got.value("url") == "http://h/mcp")
        #expect(got.value("era") == "modern")
        #expect(got.has("json"))
        #expect(got.path == ["tool", "run"])
    }

    @Test func attachesValues() throws {
        let got = try arguments("run", "-uhttp://h/", "--header=A: b=c", "-HX: 1", "n")
        #expect(got.value("url") == "http://h/")
        #expect(got.all("header") == ["A: b=c", "X: 1"])
    }

    @Test func fallsBack() throws {
        let got = try arguments("run", "n")
        #expect(got.value("url") == "http://127.0.0.1/")
        #expect(got.value("era") == nil)
        #expect(!got.has("url"))
    }

    @Test func takesDashesAfterTheDoubleDash() throws {
        #expect(try arguments("run", "--", "--json", "-x").positionals == ["--json", "-x"])
        #expect(try arguments("run", "-").positionals == ["-"])
    }

    @Test func findsCommandsInGroups() throws {
        #expect(try arguments("group", "inner").path == ["tool", "group", "inner"])
    }

    @Test(arguments: [
        (["rum"], "unknown command 'rum'", "did you mean 'tool run'?"),
        (["zzzzzz"], "unknown command 'zzzzzz'", "see 'tool --help'"),
        (["--jso"], "unknown option '--jso'", "see 'tool --help'"),
        (["run", "n", "--jsn"], "unknown option '--jsn'", "did you mean '--json'?"),
        (
            ["run", "n", "-x"], "unknown option '-x'",
            "see 'tool run --help'; a word that begins with '-' goes behind '--'"
        ),
        (["run"], "NAME is missing: the name", "see 'tool run --help'"),
        (["run", "n", "--url"], "--url needs a value", "write --url URL"),
        (["run", "n", "--url", "--json"], "--url needs a value", "write --url URL"),
        (["run", "n", "--json=1"], "--json takes no value", "see 'tool run --help'"),
        (
            ["run", "n", "--era", "moden"], "--era: 'moden' is not one of auto, modern",
            "did you mean 'modern'?"
        ),
        (["run", "n", "--era", "auto", "--era", "auto"], "--era is given twice", "give it once"),
        (["check"], "--config is missing: the file", "write 'tool check --config FILE'"),
        (["check", "--config", "f", "g"], "'g' is one word too many", "see 'tool check --help'"),
        (["group", "outer"], "unknown command 'outer'", "see 'tool group --help'"),
    ])
    func saysWhatIsWrong(_ words: [String], _ message: String, _ hint: String) {
        #expect(throws: UsageProblem(message, hint: hint)) { try parse(words, sample) }
    }

    @Test(arguments: [["--help"], ["run", "--help"], ["run", "x", "-h"], ["group"], ["group", "-h"], []])
    func showsHelp(_ words: [String]) throws {
        guard case .help(let path, let command) = try parse(words, sample) else {
            Issue.record("no help for \(words)")
            return
        }
        #expect(path.last == command.name)
    }

    @Test(
        arguments: [
            (
                ValueKind.duration, ["30s", "500ms", "1m30s", "2h"],
                ["", "30", "s", "-1s", "0s", "1.5s", "1 s", "99999999999h"]
            ),
            (
                .address, ["127.0.0.1:0", "[::1]:8808", "localhost:80"],
                ["nowhere", ":80", "h:", "h:65536", "h:-1", "::1:80"]
            ),
            (
                .url, ["http://h", "https://h:1/p?q", "http://[::1]:80/mcp"],
                ["h", "ftp://h", "http://", "http://a b/", "http://u@h/", "http://h:99999/", "http://h:x/"]
            ),
            (.header, ["A: b", "X-Y:z", "A:"], ["A", ": b", "A b: c", "A: b\nC: d"]),
            (
                .serverName, ["a", "a.b-c_d", "0"],
                ["", ".a", "a/b", "a b", String(repeating: "a", count: 65)]
            ),
            (.choice(["a", "b"]), ["a"], ["c", ""]),
            (.file, ["x"], [""]),
        ] as [(ValueKind, [String], [String])])
    func checksValues(_ kind: ValueKind, _ good: [String], _ bad: [String]) {
        for text in good { #expect(objection(to: text, kind) == nil, "\(text)") }
        for text in bad { #expect(objection(to: text, kind) != nil, "\(text)") }
    }

    @Test func readsDurations() {
        #expect(nanoseconds("1m30s") == 90_000_000_000)
        #expect(nanoseconds("250ms") == 250_000_000)
    }

    @Test func readsHeaders() {
        #expect(header("X-Key:  a: b ")?.name == "X-Key")
        #expect(header("X-Key:  a: b ")?.value == "a: b")
    }
}

@Suite struct EndpointTests {
    @Test func takesURLsApart() throws {
        let plain = try #require(Endpoint("HTTP://Host:81/a/b?c=d#e"))
        #expect(plain.text == "http://Host:81/a/b?c=d")
        #expect(plain.host == "Host")
        #expect(plain.port == 81)
        let bare = try #require(Endpoint("https://[::1]"))
        #expect(bare.host == "::1")
        #expect(bare.port == 443)
        #expect(bare.path == "/")
    }

    @Test func leadsToOneServer() throws {
        let endpoint = try #require(Endpoint("http://127.0.0.1:8808/mcp?x=1"))
        #expect(endpoint.server("time").text == "http://127.0.0.1:8808/mcp/servers/time")
    }
}
