// SPDX-License-Identifier: Apache-2.0
// Whose definition is shown, and which replicas do for it.

import JSON
import Testing

@testable import JackfieldCore

@Suite struct VersionChoiceTests {
    @Test func versionsAreOrdered() {
        let ascending: [String?] = [
            nil, "nightly", "0.9", "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta.2",
            "1.0.0-beta.11",
            "1.0.0-rc.1", "1.0.0", "1.0.1", "v1.2", "1.10", "2", "2.0.1", "10", "2026-11-01", "2026-11-21",
        ]
        for (at, one) in ascending.enumerated() {
            for (place, other) in ascending.enumerated() {
                #expect(
                    (VersionOrder(one) < VersionOrder(other)) == (at < place),
                    "\(one ?? "-") and \(other ?? "-")")
            }
        }
        #expect(VersionOrder("2.0") == VersionOrder("2"))
        #expect(VersionOrder("1.2+build7") == VersionOrder("1.2"))
        #expect(VersionOrder("99999999999999999999999") < VersionOrder("100000000000000000000000"))
        #expect(VersionOrder("") == VersionOrder(nil))
        #expect(VersionOrder("...") == VersionOrder("+"))
    }

    private func tool(_ name: String, _ properties: String) throws -> ListedItem {
        try listed(
            .tools, #"{"name":"\#(name)","inputSchema":{"type":"object","properties":{\#(properties)}}}"#)
    }

    private func offer(_ endpoint: Int, _ version: String?, _ tools: [ListedItem], withheld: [String] = [])
        -> VersionOffer
    {
        var listing = ServerListing()
        listing[.tools] = tools
        var ruling = ToolRuling.none
        for name in withheld { ruling.withheld[name] = "it was not approved" }
        return VersionOffer(endpoint: endpoint, version: version, listing: listing, ruling: ruling)
    }

    private func choice(_ show: VersionsPlan.Show, _ offers: [VersionOffer], endpoints: Int? = nil)
        -> VersionChoice?
    {
        var plan = VersionsPlan()
        plan.show = show
        return VersionChoice(plan, offers, endpoints: endpoints ?? offers.count) { known, served in
            guard let one = ToolDefinition(known), let other = ToolDefinition(served) else { return "?" }
            return DefinitionFit.problem(known: one, served: other)
        }
    }

    @Test func oneVersionIsShown() throws {
        let offers = [
            offer(0, "2.10", [try tool("a", #""x":{},"y":{}"#)]),
            offer(1, "2.2", [try tool("a", #""x":{}"#)]),
            offer(2, "1", [try tool("a", "")]),
        ]
        #expect(try #require(choice(.newest, offers)).shown == "2.10")
        #expect(try #require(choice(.oldest, offers)).shown == "1")
        #expect(try #require(choice(.version("2.2"), offers)).shown == "2.2")
        // Not there (yet): the last before it.
        #expect(try #require(choice(.version("2.9"), offers)).shown == "2.2")
        #expect(try #require(choice(.version("0.1"), offers)).shown == "1")
        #expect(choice(.newest, []) == nil)
    }

    @Test func callsGoWhereTheDefinitionFits() throws {
        let offers = [
            offer(0, "1", [try tool("a", #""x":{}"#), try tool("b", "")]),
            offer(1, "2", [try tool("a", #""x":{},"y":{}"#), try tool("b", "")]),
            offer(3, "3", [try tool("a", #""z":{}"#)]),
        ]
        let oldest = try #require(choice(.oldest, offers, endpoints: 4))
        let fit = try #require(oldest.listing[.tools][0].fit)
        #expect((0..<5).map { fit.contains($0) } == [true, true, false, false, false])
        #expect(oldest.fallbacks.map(\.tool) == ["a", "b"])
        #expect(oldest.fallbacks.allSatisfy { $0.endpoint == 3 && $0.version == "3" && $0.shown == "1" })
        #expect(oldest.fallbacks[1].why == "it does not list the tool")
        let newest = try #require(choice(.newest, offers, endpoints: 4))
        #expect(newest.listing[.tools].map(\.key) == ["a"])
        #expect((0..<4).map { newest.listing[.tools][0].fit?.contains($0) } == [false, false, false, true])
    }

    @Test func aTriflingDifferenceIsNone() throws {
        let offers = [offer(0, "1", [try tool("a", "")]), offer(1, "2", [try tool("a", #""x":{}"#)])]
        let found = try #require(choice(.oldest, offers))
        #expect(found.listing[.tools][0].fit == nil && found.fallbacks.isEmpty)
    }

    @Test func theLockHasItsSay() throws {
        let (one, two) = (try tool("a", ""), try tool("a", #""x":{}"#))
        let found = try #require(
            choice(.newest, [offer(0, "1", [one]), offer(1, "2", [two], withheld: ["a"])]))
        #expect(found.listing[.tools][0].raw == one.raw, "the last one that was approved")
        #expect((0..<2).map { found.listing[.tools][0].fit?.contains($0) } == [true, false])
        #expect(found.ruling == .none)
        let none = try #require(
            choice(.newest, [offer(0, "1", [one], withheld: ["a"]), offer(1, "2", [two], withheld: ["a"])]))
        #expect(none.ruling.withheld == ["a": "it was not approved"])
    }

    @Test func aListThatNeverCameIsNotShown() throws {
        var failed = offer(1, "2", [])
        var listing = failed.listing
        listing.failed = [.tools]
        failed = VersionOffer(endpoint: 1, version: "2", listing: listing)
        #expect(try #require(choice(.newest, [offer(0, "1", [try tool("a", "")]), failed])).shown == "1")
    }

    @Test func replicasAreNamedByPlaceOrVersion() {
        let versions: [String?] = ["2.1", "2.2", nil, "2.2", "1"]
        func find(_ text: String?) -> Result<Set<Int>, ReplicaProblem> {
            ReplicaChoice.find(text, server: "s", versions: versions)
        }
        #expect(find(nil) == .success([0, 1, 2, 3, 4]))
        #expect(find("2.2") == .success([1, 3]))
        #expect(find("1") == .success([1]), "a place comes before a version")
        #expect(find("2") == .success([2]))
        for wrong in ["5", "-1", "01", "", "2.3", "9999999999999999999999"] {
            guard case .failure(let problem) = find(wrong) else {
                Issue.record("'\(wrong)' was found")
                continue
            }
            #expect(
                problem.message.contains(
                    "there are: 0 (version 2.1), 1 (version 2.2), 2, 3 (version 2.2), 4 (version 1)"))
        }
    }
}
