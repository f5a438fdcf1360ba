// SPDX-License-Identifier: Apache-2.0
// The plugin under the mock host, which looks for leaks and broken rules as it goes.

import JackfieldPlugin
import JackfieldPluginTesting
import OfficeHours
import Testing

@Suite(.serialized) struct OfficeHoursTests {
    /// So many hours after Monday, 1970-01-05.
    func decide(_ policy: MockPolicy, _ hours: Int, _ who: MockPrincipal? = nil) -> MockPolicy.Decision {
        policy.decision(
            of: policy.decide("search", by: who, nowMilliseconds: UInt64(4 * 24 + hours) * 3_600_000))
    }

    @Test func keepsOfficeHours() throws {
        let host = try MockHost(entry)
        let policy = try host.attachPolicy("hours", ["from": 9, "to": 17])
        for hours in 0..<7 * 24 {
            let isOpen = hours < 5 * 24 && (9..<17).contains(hours % 24)
            #expect(decide(policy, hours).decision == (isOpen ? "allow" : "deny"), "hour \(hours)")
        }
        #expect(
            decide(policy, 3).rule == "closed" && decide(policy, 3).text?.contains("from 9 to 17 h") == true)
        policy.detach()
        #expect(host.end() == [])
    }

    @Test func letsThoseOnCallPass() throws {
        let host = try MockHost(entry)
        let policy = try host.attachPolicy("hours", ["on_call": "sre"])
        #expect(decide(policy, 2, host.principal(Identity("eve", roles: ["dev"]))).decision == "deny")
        #expect(decide(policy, 2, host.principal(Identity("ann", roles: ["dev", "sre"]))).rule == "on_call")
        #expect(host.end() == [])
    }

    @Test func showsEverything() throws {
        let host = try MockHost(entry)
        let policy = try host.attachPolicy()
        let listed = policy.decide("search", isListing: true, nowMilliseconds: 0)
        #expect(policy.decision(of: listed).decision == "allow")
        #expect(policy.classify(host.principal()) == "all")
        #expect(throws: MockFailure.self) { try host.attachPolicy("hours", ["from": 18, "to": 8]) }
        #expect(host.end() == [])
    }
}
