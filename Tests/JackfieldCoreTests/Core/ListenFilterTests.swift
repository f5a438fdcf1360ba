// SPDX-License-Identifier: Apache-2.0
// ListenFilter: what a listen request may ask for, and how the honoured part is written.

import JSON
import MCP
import Testing

@testable import JackfieldCore

@Suite("Listen filter") struct ListenFilterTests {
    private func read(_ text: String, limit: Int = 3) throws -> ListenFilter {
        try JSONText(text).withRoot { root in try ListenFilter(root, limit: limit) }
    }

    private func written(_ filter: ListenFilter) -> String {
        let out = MessageBuilder()
        filter.write(into: out)
        return "{\(String(decoding: out.joined(), as: UTF8.self))}"
    }

    @Test func onlyTrueOptsIn() throws {
        let filter = try read(
            #"{"toolsListChanged":true,"promptsListChanged":false,"resourcesListChanged":"true","other":1}"#)
        #expect(filter.kinds == .tools)
        #expect(filter.resources == [])
        #expect(written(filter) == #"{"toolsListChanged":true}"#)
    }

    @Test func resourcesComeOnceAndInOrder() throws {
        let filter = try read(#"{"resourceSubscriptions":["b","a\/x","b"]}"#)
        #expect(filter.resources == ["b", "a/x"])
        #expect(written(filter) == #"{"resourceSubscriptions":["b","a/x"]}"#)
    }

    @Test func everythingTogether() throws {
        let text =
            #"{"toolsListChanged":true,"promptsListChanged":true,"resourcesListChanged":true,"#
            + #""resourceSubscriptions":["q\"q"]}"#
        #expect(written(try read(text)) == text)
        #expect(written(ListenFilter()) == "{}")
    }

    @Test(arguments: [
        "[]", "null", #""x""#, #"{"resourceSubscriptions":{}}"#, #"{"resourceSubscriptions":[1]}"#,
        #"{"resourceSubscriptions":["a",null]}"#, #"{"resourceSubscriptions":["a","b","c","d"]}"#,
    ])
    func wrongFiltersAreRefused(_ text: String) {
        #expect(throws: ListenProblem.self) { try read(text) }
    }

    @Test func repetitionsDoNotCountAgainstTheLimit() throws {
        #expect(try read(#"{"resourceSubscriptions":["a","a","a","a","a"]}"#).resources == ["a"])
    }

    @Test func aMissingFilterIsRefused() {
        #expect(throws: ListenProblem.self) { try ListenFilter(nil, limit: 1) }
    }
}
