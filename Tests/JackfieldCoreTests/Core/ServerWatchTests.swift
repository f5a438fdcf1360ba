// SPDX-License-Identifier: Apache-2.0
// ServerWatch: what all lanes want of one server, who has to hear its word, whom a change concerns.

import Testing

@testable import JackfieldCore

@Suite("Server watch") struct ServerWatchTests {
    private let refusal = InterestRefusal(code: -32602, text: "no")

    @Test func theServerIsAskedOnce() {
        let watch = ServerWatch()
        #expect(watch.want("a", lane: 0) == .new)
        #expect(watch.want("a", lane: 1) == .pending)
        #expect(watch.confirm("a") == [0, 1])
        #expect(watch.confirm("a") == [])
        #expect(watch.want("a", lane: 2) == .known)
        #expect(!watch.release("a", lane: 0))
        #expect(!watch.release("a", lane: 0))
        #expect(!watch.release("a", lane: 2))
        #expect(watch.wants("a"))
        #expect(watch.release("a", lane: 1))
        #expect(!watch.wants("a"))
        #expect(watch.isEmpty)
        #expect(watch.confirm("a") == [])
    }

    @Test func aRefusalCountsWhenEveryEndpointRefused() {
        let watch = ServerWatch()
        _ = watch.want("a", lane: 0)
        #expect(watch.refuse("a", endpoint: 0, refusal, of: [0, 1]) == [])
        #expect(watch.refuse("a", endpoint: 1, refusal, of: [0, 1]) == [0])
        #expect(watch.refuse("a", endpoint: 1, refusal, of: [0, 1]) == [])
        // Whoever comes now asks anew.
        #expect(watch.want("a", lane: 1) == .new)
        #expect(watch.confirm("a") == [1])
    }

    @Test func oneEndpointThatAgreesIsEnough() {
        let watch = ServerWatch()
        _ = watch.want("a", lane: 3)
        #expect(watch.refuse("a", endpoint: 0, refusal, of: [0, 1]) == [])
        #expect(watch.confirm("a") == [3])
        #expect(watch.refuse("a", endpoint: 1, refusal, of: [0, 1]) == [])
    }

    @Test func aChangeConcernsThoseWhoWantIt() {
        let watch = ServerWatch()
        _ = watch.want("u:a", lane: 0)
        _ = watch.want("u:a", lane: 1)
        _ = watch.want("u:b", lane: 2)
        #expect(watch.concerned(by: "u:a").lanes == [0, 1])
        #expect(watch.concerned(by: "u:a/part").uris == ["u:a"])
        #expect(watch.concerned(by: "u:b").lanes == [2])
        // Nothing covers it: everybody who wants anything of this server.
        #expect(watch.concerned(by: "u:c").uris == [])
        #expect(watch.concerned(by: "u:c").lanes == [0, 1, 2])
    }

    @Test func whatWasGivenUpIsNoNewsToOthers() {
        let watch = ServerWatch()
        _ = watch.want("u:a", lane: 0)
        _ = watch.want("u:b", lane: 0)
        _ = watch.release("u:a", lane: 0)
        #expect(watch.concerned(by: "u:a").lanes == [])
        #expect(watch.concerned(by: "u:a/part").lanes == [])
        watch.forget(["u:a"])
        #expect(watch.concerned(by: "u:a").lanes == [0])
    }
}
