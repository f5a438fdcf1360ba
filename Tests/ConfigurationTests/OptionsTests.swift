// SPDX-License-Identifier: Apache-2.0
// What plugins get of an entry, and where it stands in the file.

import Configuration
import Testing

@Suite struct OptionsTests {
    @Test(arguments: [
        ("a: 1.10", #""a":1.10"#), ("a: 1e3", #""a":1e3"#), ("a: -0", #""a":-0"#), ("a: +1", #""a":"+1""#),
        ("a: 007", #""a":"007""#), ("a: 0x1F", #""a":"0x1F""#), ("a: 1_000", #""a":"1_000""#),
        ("a: .5", #""a":".5""#),
        ("a: .inf", #""a":".inf""#), ("a: '1'", #""a":"1""#), ("a: true", #""a":true"#),
        ("a: yes", #""a":"yes""#),
        ("a: True", #""a":"True""#), ("a: null", #""a":null"#), ("a: ~", #""a":null"#), ("a: ", #""a":null"#),
        ("a: ''", #""a":"""#), ("a: 2025-11-25", #""a":"2025-11-25""#), ("a: 12:30:45", #""a":"12:30:45""#),
        (#"a: "x\ty\"\\\u00e9\u0001""#, #""a":"x\ty\"\\é\u0001""#),
        ("a: [1, [x], { b: 2 }]", #""a":[1,["x"],{"b":2}]"#),
        ("a: 5s", #""a_ms":5000"#), ("a: 250ms", #""a_ms":250"#), ("a: 1h30m", #""a_ms":5400000"#),
        ("a: '5s'", #""a":"5s""#), ("a_ms: 5s", #""a_ms":5000"#), ("A-Header: 5s", #""A-Header":"5s""#),
        ("a: 1MiB", #""a":1048576"#), ("a: '1MiB'", #""a":"1MiB""#), ("a: 1MB", #""a":"1MB""#),
        ("a: { b_timeout: 5s, c: 2KiB }", #""a":{"b_timeout_ms":5000,"c":2048}"#),
        ("a: [ { b: 5s } ]", #""a":[{"b_ms":5000}]"#), ("a: [5s]", #""a":["5s"]"#),
        ("env: { A: 5s, B: 8080, C: true, D: ~ }", #""env":{"A":"5s","B":"8080","C":"true","D":null}"#),
        ("headers: { retry: 5s, X: 1.0 }", #""headers":{"retry":"5s","X":"1.0"}"#),
        ("args: [-p, 8080, true, 5s]", #""args":["-p","8080","true","5s"]"#),
        ("a: { env: { b: 5s } }", #""a":{"env":{"b_ms":5000}}"#),
    ])
    func valuesAsJSON(_ written: String, _ expected: String) throws {
        let configuration = try good("version: 1\nplugins:\n  - id: x\n    config:\n      \(written)\n")
        #expect(configuration.plugins[0].configJSON == "{\(expected)}")
    }

    @Test func inNativeJSONEveryTextIsConverted() throws {
        let configuration = try good(
            #"{"version":1,"plugins":[{"id":"x","config":{"a":"5s","b":"1KiB","env":{"a":"5s"}}}]}"#,
            file: "a.json")
        #expect(configuration.plugins[0].configJSON == #"{"a_ms":5000,"b":1024,"env":{"a":"5s"}}"#)
    }

    @Test func pointersAreFoundInTheFile() throws {
        let configuration = try good(
            """
            version: 1
            plugins:
              - id: x
                config:
                  list: [ { "a/b": 1, m~n: 2 }, plain ]
                  connect_timeout: 5s
            """)
        let options = configuration.plugins[0].config
        func place(_ pointer: String, key: Bool = false) -> String {
            "\(options.position(ofPointer: pointer, key: key))"
        }
        #expect(place("") == "5:7")
        #expect(place("/list") == "5:13")
        #expect(place("/list", key: true) == "5:7")
        #expect(place("/list/0/a~1b") == "5:24")
        #expect(place("/list/0/m~0n", key: true) == "5:27")
        #expect(place("/list/1") == "5:37")
        #expect(place("/list/7") == "5:13")
        #expect(place("/list/0/nope/deeper") == "5:15")
        #expect(place("/connect_timeout_ms") == "6:24")
        #expect(place("/connect_timeout_ms", key: true) == "6:7")
        let problem = configuration.problem(at: options.position(ofPointer: "/list/1"), "not an object")
        #expect(problem.description == "gateway.yaml:5:37: error: not an object")
    }

    @Test func equalityIsThatOfThePlugin() throws {
        let one = try server("{ command: x, a: { b: 1, c: [2] } }").options
        #expect(try server("{ a: { c: [2], b: 1 },   command: 'x' }").options == one)
        #expect(try server("{ command: x, a: { b: '1', c: [2] } }").options != one)
        #expect(try server("{ command: x, a: { b: 1, c: [2, 2] } }").options != one)
        #expect(try server("{ command: x }").options == .init(["command": "x"]))
    }

    @Test func mergeKeysAndAliases() throws {
        let server = try good(
            """
            version: 1
            x-a: &a { one: 1, two: 2 }
            x-b: &b { two: 3, three: 3 }
            x-list: &list [p, q]
            servers:
              one: { <<: [*a, *b], command: x, three: 4, args: *list, "<<": literal }
            """
        ).servers[0]
        #expect(
            server.optionsJSON
                == #"{"command":"x","three":4,"args":["p","q"],"<<":"literal","one":1,"two":2}"#)
        #expect(server.options.position(ofPointer: "/two") == .init(line: 2, column: 24))
    }
}
