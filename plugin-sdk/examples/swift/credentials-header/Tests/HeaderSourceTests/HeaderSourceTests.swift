// SPDX-License-Identifier: Apache-2.0
// The plugin under the mock host, which looks for leaks and broken rules as it goes.

import Glibc
import HeaderSource
import JackfieldPlugin
import JackfieldPluginTesting
import Testing

@Suite(.serialized) struct HeaderSourceTests {
    func attach(_ host: MockHost, _ value: String?, _ options: JSONValue) throws -> MockCredentials {
        if let value { setenv("SEARCH_KEY", value, 1) } else { unsetenv("SEARCH_KEY") }
        return try host.attachCredentials("search", options)
    }

    @Test func suppliesTheHeader() throws {
        let host = try MockHost(entry)
        let source = try attach(host, "s3cret", ["variable": "SEARCH_KEY"])
        #expect(source.supply().answer.result == #"{"headers":{"authorization":"Bearer s3cret"}}"#)
        let refused = source.supply(refused: true).answer
        #expect(refused.status == .denied && !refused.why.contains("s3cret"))
        source.detach()
        #expect(host.end() == [])
    }

    @Test func takesAnotherHeader() throws {
        let host = try MockHost(entry)
        let source = try attach(host, "k", ["variable": "SEARCH_KEY", "header": "X-Api-Key", "prefix": ""])
        #expect(source.supply().answer.result == #"{"headers":{"X-Api-Key":"k"}}"#)
        #expect(host.end() == [])
    }

    @Test func refusesVariablesThatAreNoValue() throws {
        for value in [nil, "", "a\r\nb: c"] {
            let host = try MockHost(entry)
            #expect(throws: MockFailure.self) { try attach(host, value, ["variable": "SEARCH_KEY"]) }
            #expect(host.why.contains("SEARCH_KEY") && host.end() == [])
        }
    }
}
