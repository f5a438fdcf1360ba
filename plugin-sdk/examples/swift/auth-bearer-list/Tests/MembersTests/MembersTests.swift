// SPDX-License-Identifier: Apache-2.0
// The plugin under the mock host, which looks for leaks and broken rules as it goes.

import JackfieldPlugin
import JackfieldPluginTesting
import Members
import Testing

@Suite(.serialized) struct MembersTests {
    let people: JSONValue = [
        "people": [
            ["subject": "alice", "token": "token-of-alice-1", "roles": ["admin"]],
            ["subject": "bob", "token": "token-of-bob-123"],
        ]
    ]

    @Test func knowsPeople() throws {
        let host = try MockHost(entry)
        let list = try host.attachAuth("staff", people)
        #expect(
            list.identify("Bearer token-of-alice-1").answer.result
                == #"{"subject":"alice","roles":["admin"]}"#)
        #expect(list.identify("bearer token-of-bob-123").answer.value("/subject") == "bob")
        list.detach()
        #expect(host.end() == [])
    }

    @Test func refusesOthers() throws {
        let host = try MockHost(entry)
        let list = try host.attachAuth("staff", people)
        #expect(
            list.identify(nil).answer.status == .absent
                && list.identify("Basic YTpi").answer.status == .absent)
        for token in ["token-of-alice-", "token-of-alice-1token-of-alice-1", "x"] {
            let answer = list.identify("Bearer \(token)").answer
            #expect(answer.status == .denied && answer.isPublic && answer.why == "nobody has this token")
        }
        #expect(host.end() == [])
    }

    @Test func needsTokens() throws {
        let host = try MockHost(entry)
        #expect(throws: MockFailure.self) {
            try host.attachAuth("staff", ["people": [["subject": "eve", "token": "short"]]])
        }
        #expect(host.end() == [])
    }
}
