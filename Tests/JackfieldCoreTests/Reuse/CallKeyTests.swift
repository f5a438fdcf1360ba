// SPDX-License-Identifier: Apache-2.0
// Which calls are the same: arguments by value, principals apart, nothing unknown shared.

import JSON
import MCP
import Testing

@testable import JackfieldCore

@Suite struct CallKeyTests {
    private func key(
        _ arguments: String?, meta: String? = nil, more: String = "", tool: String = "t",
        principal: String? = ""
    ) throws -> CallKey? {
        let text =
            "{\"name\":\"shown\"" + (arguments.map { ",\"arguments\":\($0)" } ?? "")
            + (meta.map { ",\"_meta\":\($0)" } ?? "") + more + "}"
        return try JSONText(text).withRoot {
            CallKey(.toolsCall, name: tool, params: $0, principal: principal)
        }
    }

    @Test(arguments: [
        (#"{"a":1,"b":2}"#, #"{ "b" : 2, "a" : 1 }"#), (#"{"a":1}"#, #"{"a":1.0}"#),
        (#"{"a":1}"#, #"{"a":10e-1}"#), (#"{"a":100}"#, #"{"a":1E+2}"#), (#"{"a":0}"#, #"{"a":0.000}"#),
        (#"{"a":-1.50}"#, #"{"a":-15e-1}"#), (#"{"a":"A/é"}"#, #"{"\u0061":"\u0041\/\u00e9"}"#),
        (#"{"a":[{"x":1,"y":[]}]}"#, #"{"a":[{"y":[ ],"x":1}]}"#),
        (#"{"a":[[[[[[[[1,{"p":1,"q":2}]]]]]]]]}"#, #"{"a":[[[[[[[[1,{"q":2,"p":1.0}]]]]]]]]}"#),
    ]) func sameByValue(_ one: String, _ other: String) throws {
        let first = try #require(try key(one))
        #expect(try first == key(other))
    }

    @Test func everyOtherValueIsAnotherCall() throws {
        let texts = [
            "{}", "null", "[]", "{\"a\":null}", "{\"a\":false}", "{\"a\":true}", "{\"a\":0}", "{\"a\":-0}",
            "{\"a\":1}", "{\"a\":-1}", "{\"a\":\"1\"}", "{\"a\":[1]}", "{\"a\":{}}", "{\"a\":[]}",
            "{\"a\":\"\"}",
            "{\"a\":[1,2]}", "{\"a\":[2,1]}", "{\"a\":[[1],2]}", "{\"a\":[[1,2]]}", "{\"a\":12}",
            "{\"ab\":1}", "{\"a\":\"b\"}", "{\"a\":{\"b\":1}}", "{\"a\":1,\"b\":1}",
            // What a double would take for one.
            "{\"a\":9007199254740992}", "{\"a\":9007199254740993}", "{\"a\":0.1}",
            "{\"a\":0.1000000000000000055511151231257827}", "{\"a\":1e400}", "{\"a\":1e401}",
            "{\"a\":1e99999999999999999999}", "{\"a\":1e99999999999999999998}",
            // Unicode's equivalence is not equality.
            "{\"a\":\"\u{E9}\"}", "{\"a\":\"e\u{301}\"}",
        ]
        var keys = try texts.map { try #require(try key($0)) }
        keys.append(try #require(try key(nil)))
        #expect(Set(keys).count == texts.count + 1)
    }

    @Test func whoAsksAndWhat() throws {
        let keys = [
            try key("{}"), try key("{}", principal: "a"), try key("{}", principal: "b"),
            try key("{}", principal: nil), try key("{}", tool: "u"), try key("{}", tool: "tt"),
            // No text can stand for the border between two parts.
            try key("{}", tool: "a\u{1}t", principal: ""), try key("{}", tool: "t", principal: "\u{1}a"),
        ]
        #expect(Set(keys.map { $0?.bytes }).count == keys.count)
    }

    @Test func whatIsAboutTheConnectionDoesNotCount() throws {
        let plain = try #require(try key("{}"))
        let meta = """
            {"progressToken":7,"traceparent":"00-x","tracestate":"a=b",
             "io.modelcontextprotocol/clientInfo":{"name":"x"},"io.modelcontextprotocol/logLevel":"debug"}
            """
        #expect(try key("{}", meta: meta) == plain)
        #expect(try key("{}", meta: "{}") == plain)
    }

    @Test func partsOfACallDoNotWaitForIt() throws {
        let whole = try #require(try key("{}"))
        let part = try #require(try key("{}", meta: #"{"jackfield/depth":1}"#))
        let deeper = try #require(try key("{}", meta: #"{"jackfield/depth":2}"#))
        #expect(Set([whole, part, deeper]).count == 3)
        #expect(try part == key("{}", meta: #"{"progressToken":1,"jackfield/depth":1}"#))
    }

    @Test(arguments: [
        #","requestState":"s""#, #","inputResponses":{}"#, #","task":{}"#, #","anything":1"#,
        #","_meta":{"com.example/tenant":1}"#, #","_meta":{"baggage":"a=b"}"#, #","_meta":7"#,
    ]) func whatMayChangeTheAnswerIsNotShared(_ more: String) throws {
        #expect(try key("{}", more: more) == nil)
    }

    @Test(arguments: [
        #"{"a":1,"a":1}"#, #"{"a":{"b":1,"b":2}}"#, #"{"a":1,"\u0061":2}"#, #"{"a":"\ud800"}"#,
        #"{"\udc00":1}"#,
        "{\"a\":" + String(repeating: "[", count: 200) + String(repeating: "]", count: 200) + "}",
    ]) func whatReadersMayTakeDifferentlyIsNotShared(_ arguments: String) throws {
        let text = "{\"name\":\"t\",\"arguments\":\(arguments)}"
        let document = try Array(text.utf8).withUnsafeBytes { try JSONText(copying: $0, maxDepth: 1024) }
        #expect(
            document.withRoot { CallKey(.toolsCall, name: "t", params: $0, principal: "") } == nil)
    }

    @Test func resourcesByTheServersOwnName() throws {
        func read(_ params: String, _ name: String) throws -> CallKey? {
            try JSONText(params).withRoot {
                CallKey(.resourcesRead, name: name, params: $0, principal: "")
            }
        }
        let one = try #require(try read(#"{"uri":"s+file:///a"}"#, "file:///a"))
        #expect(try read(#"{"uri":"file:///a"}"#, "file:///a") == one)
        #expect(try read(#"{"uri":"file:///b"}"#, "file:///b") != one)
        #expect(try read(#"{"uri":"file:///a","arguments":{}}"#, "file:///a") == nil)
        try JSONText(#"{"name":"p"}"#).withRoot {
            #expect(CallKey(.promptsGet, name: "p", params: $0, principal: "") == nil)
        }
    }
}
