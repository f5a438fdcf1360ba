// SPDX-License-Identifier: Apache-2.0
// InterestTable and ResourcePath: who subscribed to what, what home lanes hear, which subscriptions a change concerns.

import Testing

@testable import JackfieldCore

@Suite("Resource interests") struct InterestTests {
    private func news(_ table: InterestTable) -> [String: [String: Bool]] {
        Dictionary(uniqueKeysWithValues: table.takeNews().map { ($0.server.name, $0.news) })
    }

    @Test func onlyFirstAndLastAreNews() throws {
        let table = InterestTable()
        let files = try server("files").server
        let one = listener(1, 1)
        let two = listener(2, 2)
        table.join(one, files, "a", shown: nil)
        table.join(one, files, "b", shown: nil)
        #expect(news(table) == ["files": ["a": true, "b": true]])
        table.join(two, files, "a", shown: "x+a")
        #expect(news(table) == [:])
        table.leave(one, at: 0)
        #expect(news(table) == [:])
        table.leaveAll(two)
        #expect(news(table) == ["files": ["a": false]])
        table.leaveAll(one)
        #expect(news(table) == ["files": ["b": false]])
        #expect(table.servers.isEmpty)
        #expect(table.count == 0)
    }

    @Test func comingAndGoingWithinATurnIsOnePieceOfNews() throws {
        let table = InterestTable()
        let files = try server("files").server
        let one = listener(1, 1)
        table.join(one, files, "a", shown: nil)
        table.leaveAll(one)
        table.join(one, files, "a", shown: nil)
        #expect(news(table) == ["files": ["a": true]])
    }

    @Test func laterHoldersOfAConfirmedResourceNeedNotWait() throws {
        let table = InterestTable()
        let files = try server("files").server
        let one = listener(1, 1)
        table.join(one, files, "a", shown: nil)
        #expect(one.unsettled == 1)
        let interest = try #require(table.interest("files", "a"))
        interest.isConfirmed = true
        one.confirm(at: 0)
        one.confirm(at: 0)
        #expect(one.unsettled == 0)
        let two = listener(2, 2)
        table.join(two, files, "a", shown: nil)
        #expect(two.unsettled == 0)
    }

    @Test func aSuccessorHearsEverything() throws {
        let table = InterestTable()
        let old = try server("files", generation: 1).server
        let new = try server("files", generation: 2).server
        let one = listener(1, 1)
        for uri in ["a", "b"] { table.join(one, old, uri, shown: nil) }
        _ = table.takeNews()
        table.follow(old)
        #expect(table.takeNews().isEmpty)
        table.follow(new)
        let told = table.takeNews()
        #expect(told.count == 1)
        #expect(told.first?.server === new)
        #expect(told.first?.news == ["a": true, "b": true])
    }

    /// Thousands of random steps; both ends of every subscription must keep pointing at each other.
    @Test func bothEndsStayLinked() throws {
        var random = Generator(state: 3)
        let table = InterestTable()
        let servers = try ["a", "b"].map { try server($0).server }
        let holders = (1...30).map { listener(UInt64($0), 1) }
        var model: [ObjectIdentifier: [String]] = [:]
        for step in 0..<8_000 {
            let holder = try #require(holders.randomElement(using: &random))
            let key = ObjectIdentifier(holder)
            if Int.random(in: 0..<5, using: &random) < 3 {
                let owner = try #require(servers.randomElement(using: &random))
                let uri = "u\(Int.random(in: 0..<40, using: &random))"
                table.join(holder, owner, uri, shown: nil)
                model[key, default: []].append("\(owner.name) \(uri)")
            } else if let at = holder.resources.indices.randomElement(using: &random) {
                let gone = holder.resources[at].interest
                let text = "\(gone.server.name) \(gone.uri)"
                table.leave(holder, at: at)
                let index = try #require(model[key]?.firstIndex(of: text))
                model[key]?.remove(at: index)
            } else {
                table.leaveAll(holder)
            }
            if step % 1_000 == 999 { check(table, holders) }
        }
        for holder in holders {
            let found = holder.resources.map { "\($0.interest.server.name) \($0.interest.uri)" }.sorted()
            #expect(found == (model[ObjectIdentifier(holder)] ?? []).sorted())
        }
        #expect(table.count == model.values.reduce(0) { $0 + $1.count })
        _ = table.takeNews()
        for holder in holders { table.leaveAll(holder) }
        let last = table.takeNews().flatMap { $0.news.values }
        #expect(!last.contains(true))
        #expect(table.servers.isEmpty)
    }

    private func check(_ table: InterestTable, _ holders: [Subscriber]) {
        var places = 0
        for interest in table.servers.values.flatMap({ $0.resources.values }) {
            for (place, entry) in interest.holders.enumerated() {
                let subscription = entry.holder.resources[Int(entry.index)]
                #expect(subscription.interest === interest)
                #expect(Int(subscription.place) == place)
                places += 1
            }
        }
        #expect(places == holders.reduce(0) { $0 + $1.resources.count })
    }

    // MARK: Paths

    @Test(arguments: [
        ("file:///a", ["file:///a"]),
        ("file:///a/b", ["file:///a"]),
        ("file:///a/b/c?x", ["file:///a", "file:///a/b/"]),
        ("file:///a?x=1", ["file:///a"]),
        ("file:///a#part", ["file:///a"]),
        ("file:///ab", []),
        ("file:///", []),
        ("other:x", []),
        ("", []),
    ])
    func partsBelongToWhatCoversThem(_ uri: String, _ covering: [String]) {
        let subscribed: Set = ["file:///a", "file:///a/b/", "file:///b"]
        let found = ResourcePath.covering(uri) { subscribed.contains($0) }
        #expect(found.sorted() == covering)
    }

    @Test func aMadeUpPathTakesBoundedWork() {
        var looks = 0
        let hostile = String(repeating: "/", count: 100_000)
        _ = ResourcePath.covering(hostile) { _ in
            looks += 1
            return false
        }
        #expect(looks < 200)
    }

    @Test(arguments: [
        ("u:x", "u:x", nil as String?, "u:x"),
        ("u:x/y", "u:x", nil, "u:x/y"),
        ("u:x", "u:x", "s+u:x", "s+u:x"),
        ("u:x/y", "u:x", "s+u:x", "s+u:x/y"),
        ("u:z", "u:x", "s+u:x", "s+u:z"),
        ("u:x/y", "u:x", "mine", "mine/y"),
        ("u:z", "u:x", "mine", "u:z"),
    ])
    func changesAreToldUnderShownNames(_ uri: String, _ own: String, _ shown: String?, _ told: String) {
        #expect(ResourcePath.shown(uri, of: own, as: shown) == told)
    }
}
