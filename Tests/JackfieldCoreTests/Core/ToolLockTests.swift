// SPDX-License-Identifier: Apache-2.0
// The lock file: written, read, refused.

import JSON
import Testing

@testable import JackfieldCore

private func tool(_ name: String, _ more: String = "") throws -> ToolDefinition {
    let text = #"{"name":"\#(name)","inputSchema":{"type":"object"}\#(more)}"#
    return try #require(ToolDefinition(JSONValue(parsing: text)))
}

private func read(_ text: String) -> Result<ToolLock, ToolLockProblem> {
    Result { () throws(ToolLockProblem) in try ToolLock(reading: Array(text.utf8)) }
}

@Suite struct ToolLockTests {
    @Test func whatIsWrittenIsRead() throws {
        var lock = ToolLock()
        lock.approve([try tool("b", #","description":"é \u202e \"""#), try tool("a")], of: "z")
        lock.approve([], of: "a")
        lock.approve([try tool("x y/"), try tool("é")], of: "m.n-o_p")
        let text = lock.serialized()
        #expect(try read(text).get() == lock)
        #expect(try read(text).get().serialized() == text)
        #expect(text.hasSuffix("}\n"))
    }

    @Test func theTextDoesNotDependOnTheOrder() throws {
        let tools = try (0..<50).map { try tool("t\($0)") }
        var (one, other) = (ToolLock(), ToolLock())
        one.approve(tools, of: "s")
        one.approve([], of: "r")
        other.approve([], of: "r")
        other.approve(tools.reversed(), of: "s")
        #expect(one.serialized() == other.serialized())
    }

    @Test func aToolStandsOnALineForEachMember() throws {
        var lock = ToolLock()
        let definition = try tool("a")
        lock.approve([definition], of: "s")
        #expect(
            lock.serialized() == """
                {
                  "servers": {
                    "s": {
                      "tools": {
                        "a": {
                          "definition": {
                            "inputSchema": {
                              "type": "object"
                            },
                            "name": "a"
                          },
                          "sha256": "\(definition.digest.hex)"
                        }
                      }
                    }
                  },
                  "version": 1
                }

                """)
    }

    static let bad: [(String, String)] = [
        ("", "not valid JSON"), ("{", "not valid JSON"), ("[]", "not a JSON object"),
        ("{}", "no \"version\""),
        (#"{"version":2,"tools":[]}"#, "version 2 is unknown; this build reads version 1"),
        (#"{"version":"1","servers":{}}"#, "version \"1\" is unknown"), (#"{"version":1}"#, "\"servers\""),
        (#"{"version":1,"servers":[]}"#, "\"servers\" is not an object"),
        (#"{"version":1,"servers":{},"x":1}"#, "unknown member \"x\""),
        (#"{"version":1,"version":1,"servers":{}}"#, "a member twice"),
        (#"{"version":1,"servers":{"s":{}}}"#, "server \"s\" has no object \"tools\""),
        (#"{"version":1,"servers":{"s":{"tools":{},"url":1}}}"#, "unknown member \"url\""),
        (#"{"version":1,"servers":{"s":{"tools":{}},"s":{"tools":{}}}}"#, "server \"s\" stands twice"),
        (#"{"version":1,"servers":{"s":{"tools":{"a":1}}}}"#, "tool \"a\" of server \"s\" is not an object"),
        (#"{"version":1,"servers":{"s":{"tools":{"a":{}}}}}"#, "no \"definition\""),
        (
            #"{"version":1,"servers":{"s":{"tools":{"a":{"definition":{"name":"b"},"sha256":""}}}}}"#,
            "no \"definition\" of a tool of that name"
        ),
        (
            #"{"version":1,"servers":{"s":{"tools":{"a":{"definition":{"name":"a","_meta":1},"sha256":""}}}}}"#,
            "no \"definition\""
        ),
        (
            #"{"version":1,"servers":{"s":{"tools":{"a":{"definition":{"name":"a"},"sha256":"00"}}}}}"#,
            "sha256"
        ),
    ]

    @Test(arguments: bad) func badFilesAreRefusedWithTheReason(_ text: String, _ expected: String) {
        guard case .failure(let problem) = read(text) else {
            Issue.record("it was read")
            return
        }
        #expect(problem.description.contains(expected), "\(problem)")
    }

    @Test func aChangedHashOrDefinitionIsFound() throws {
        var lock = ToolLock()
        lock.approve([try tool("a", #","description":"good""#)], of: "s")
        let text = lock.serialized()
        for changed in [
            text.replacing("good", with: "evil"), text.replacing("sha256\": \"", with: "sha256\": \"0"),
        ] {
            guard case .failure = read(changed) else {
                Issue.record("it was read")
                continue
            }
        }
    }

    @Test func hugeAndDeepFilesAreRefused() {
        let deep = #"{"version":1,"servers":"# + String(repeating: "[", count: 100_000)
        for text in [deep, String(repeating: " ", count: ToolLock.byteLimit + 1)] {
            guard case .failure = read(text) else {
                Issue.record("it was read")
                continue
            }
        }
    }

    /// What a listing may nest, a lock may hold.
    @Test func theDeepestToolThatIsListedCanBeLocked() throws {
        let nested = String(repeating: "[", count: 120) + String(repeating: "]", count: 120)
        var lock = ToolLock()
        lock.approve([try tool("a", #","annotations":{"x":\#(nested)}"#)], of: "s")
        #expect(try read(lock.serialized()).get() == lock)
    }

    @Test func changesAreFoundByName() throws {
        var lock = ToolLock()
        lock.approve([try tool("a"), try tool("b"), try tool("c")], of: "s")
        let now = try [tool("d"), tool("c", #","title":"C""#), tool("a")]
        let changes = lock.changes(of: "s", listed: now)
        #expect(changes.map(\.tool) == ["b", "c", "d"])
        #expect(changes.map(\.kind) == [.removed, .changed, .added])
        #expect(changes[1].difference?.lines == [#"title: added "C""#])
        #expect(lock.changes(of: "unknown", listed: now).map(\.kind) == [.added, .added, .added])
    }
}
