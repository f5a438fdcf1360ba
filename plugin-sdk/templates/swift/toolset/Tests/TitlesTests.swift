// SPDX-License-Identifier: Apache-2.0
// The plugin under the mock host, which looks for leaks and broken rules as it goes.

import JackfieldPlugin
import JackfieldPluginTesting
import PLUGIN_MODULE
import Testing

@Suite(.serialized) struct TitlesTests {
    @Test func makesSlugs() throws {
        let host = try MockHost(entry)
        let titles = try host.openSet("titles")
        let answer = titles.call("slugify", ["text": "Hello, World!"]).wait()
        #expect(answer.value("/structuredContent/slug") == "hello-world" && answer.text == "hello-world")
        #expect(titles.call("slugify", ["text": " -- a  b", "max_length": 2]).wait().text == "a")
        let others = try host.openSet("others", ["separator": "_"])
        #expect(others.call("slugify", ["text": "Hello, World!"]).wait().text == "hello_world")
        #expect(host.end() == [])
    }

    @Test func tellsTheModelWhenNothingIsLeft() throws {
        let host = try MockHost(entry)
        let answer = try host.openSet("titles").call("slugify", ["text": "?!"]).wait()
        #expect(answer.status == .ok && answer.value("/isError") == "true")
        #expect(host.end() == [])
    }

    @Test(arguments: [[:], ["text": 7], ["text": "a", "max_length": 0]] as [JSONValue])
    func refusesWrongArguments(arguments: JSONValue) throws {
        let host = try MockHost(entry)
        let answer = try host.openSet("titles").call("slugify", arguments).wait()
        #expect(answer.status == .invalid && answer.isPublic)
        #expect(host.end() == [])
    }
}
