// SPDX-License-Identifier: Apache-2.0
// Naming: prefixes, conflicts, length, characters; names stay apart and stay the same.

import Testing

@testable import JackfieldCore

@Suite("Naming") struct NamingTests {
    /// `server:tool`, or `server:tool>renamed`.
    static func candidates(_ items: [String], prefixes: [String: String] = [:]) -> [Naming.Candidate] {
        var servers: [String] = []
        return items.map { item in
            let parts = item.split(separator: ":", maxSplits: 1).map(String.init)
            let names = parts[1].split(separator: ">", maxSplits: 1).map(String.init)
            if !servers.contains(parts[0]) { servers.append(parts[0]) }
            return Naming.Candidate(
                server: servers.firstIndex(of: parts[0]) ?? 0, serverName: parts[0],
                prefix: prefixes[parts[0]] ?? parts[0], original: names[0], shown: names.last ?? names[0])
        }
    }

    static func names(
        _ prefix: NamingPlan.Prefix, _ items: [String], prefixes: [String: String] = [:],
        _ change: (inout NamingPlan) -> Void = { _ in }
    ) -> [String] {
        var plan = NamingPlan()
        plan.prefix = prefix
        change(&plan)
        return Naming(plan: plan).names(for: candidates(items, prefixes: prefixes))
    }

    // MARK: Prefixes

    @Test func alwaysPrefixesEverything() {
        #expect(Self.names(.always, ["a:x", "a:y", "b:x"]) == ["a__x", "a__y", "b__x"])
        #expect(Self.names(.always, []) == [])
    }

    @Test func neverPrefixesNothing() {
        #expect(Self.names(.never, ["a:x", "b:y"]) == ["x", "y"])
    }

    @Test func onConflictPrefixesWhatSeveralServersHave() {
        let names = Self.names(.onConflict, ["a:x", "a:only", "b:x", "c:other", "c:x"])
        #expect(names == ["a__x", "only", "b__x", "other", "c__x"])
    }

    @Test func onConflictLooksAtTheNamesShown() {
        #expect(Self.names(.onConflict, ["a:x>y", "b:x", "c:y"]) == ["a__y", "x", "c__y"])
        #expect(Self.names(.onConflict, ["a:x>z", "b:x"]) == ["z", "x"])
    }

    @Test func separatorAndPrefixAreSettings() {
        #expect(Self.names(.always, ["a:x"], prefixes: ["a": "alpha"]) { $0.separator = "-" } == ["alpha-x"])
        #expect(Self.names(.always, ["a:x", "b:x"], prefixes: ["a": ""]) == ["x", "b__x"])
    }

    @Test func renamedItemsArePrefixedLikeAnyOther() {
        #expect(Self.names(.always, ["a:x>y"]) == ["a__y"])
    }

    // MARK: Length and characters

    @Test func longNamesAreShortenedToTheLimitWithAHash() {
        for length in [60, 61, 62, 100, 5_000] {
            let tool = String(repeating: "t", count: length)
            let name = Self.names(.always, ["a:\(tool)"])[0]
            if length + 3 <= 64 {
                #expect(name == "a__" + tool)
            } else {
                #expect(name.utf8.count == 64)
                #expect(name.hasPrefix("a__ttttt"))
                #expect(name.dropLast(8).last == "_")
                #expect(name.suffix(8).allSatisfy { "0123456789abcdef".contains($0) })
            }
        }
    }

    @Test func longNamesThatDifferOnlyAtTheEndStayApart() {
        let items = (0..<200).map { "a:\(String(repeating: "t", count: 90))\($0)" }
        let names = Self.names(.always, items)
        #expect(Set(names).count == 200)
        #expect(names.filter { $0.utf8.count != 64 } == [])
    }

    @Test func theLimitIsASetting() {
        let names = Self.names(.always, ["a:\(String(repeating: "t", count: 40))", "a:short"]) {
            $0.maxLength = 24
        }
        #expect(names[0].utf8.count == 24)
        #expect(names[1] == "a__short")
    }

    @Test(
        "other characters become underscores",
        arguments: [
            ("a.b", "a_b"), ("a/b c", "a_b_c"), ("ü", "_"), ("日本", "__"), ("A-z_09", "A-z_09"),
            ("a\u{0}b", "a_b"),
        ])
    func sanitizes(_ name: String, _ wanted: String) {
        #expect(Naming.sanitized(name) == wanted)
        #expect(Self.names(.never, ["s:\(name)"]) == [wanted])
    }

    @Test(
        "whatever servers list, names are apart and well formed",
        arguments: [NamingPlan.Prefix.always, .onConflict, .never])
    func alwaysApart(_ prefix: NamingPlan.Prefix) {
        var random = Generator(state: 19)
        let alphabet = ["a", "b", ".", "/", "_", "__", "é", String(repeating: "l", count: 30)]
        for _ in 0..<100 {
            var items: Set<String> = []
            for _ in 0..<40 {
                let server = ["a", "b", "a.b", "a_b"].randomElement(using: &random) ?? "a"
                let parts = (0..<Int.random(in: 1...4, using: &random)).map { _ in
                    alphabet.randomElement(using: &random) ?? "a"
                }
                items.insert("\(server):\(parts.joined())")
            }
            let names = Self.names(prefix, items.sorted())
            #expect(Set(names).count == names.count)
            let bad = names.filter { name in
                name.utf8.count > 64 || name.isEmpty || name != Naming.sanitized(name)
            }
            #expect(bad == [])
        }
    }

    @Test func namesStayApartFromOnesThatLookLikeAHashedName() {
        // A server may list, by chance or on purpose, the very name that a collision would be given.
        let tag = Naming.tag("a\u{0}x.y")
        for items in [
            ["a:x_y", "a:x_y_\(tag)", "a:x.y"], ["a:x_y", "a:x.y", "a:x_y_\(tag)"],
            ["a:x_y_\(tag)", "a:x_y", "a:x.y"],
        ] {
            let names = Self.names(.never, items)
            #expect(Set(names).count == 3, "\(names)")
        }
    }

    // MARK: Stability

    @Test func theSameItemsGetTheSameNamesAgain() {
        let items = ["a:x", "a:x.y", "a:x_y", "b:x", "b:\(String(repeating: "t", count: 90))"]
        for prefix in [NamingPlan.Prefix.always, .onConflict, .never] {
            #expect(Self.names(prefix, items) == Self.names(prefix, items))
        }
    }

    @Test(
        "names do not depend on the order in which a server lists",
        arguments: [
            NamingPlan.Prefix.always, .onConflict, .never,
        ])
    func orderWithinAServer(_ prefix: NamingPlan.Prefix) {
        // Servers may list in any order; a name that moves to another tool makes clients call the wrong one.
        let items = ["a:x.y", "a:x_y", "a:x/y", "a:z", "a:\(String(repeating: "t", count: 90))"]
        let wanted = Dictionary(uniqueKeysWithValues: zip(items, Self.names(prefix, items)))
        var random = Generator(state: 3)
        var others = 0
        for _ in 0..<20 {
            let shuffled = items.shuffled(using: &random)
            let names = Dictionary(uniqueKeysWithValues: zip(shuffled, Self.names(prefix, shuffled)))
            if names != wanted { others += 1 }
        }
        #expect(others == 0)
    }

    @Test func prefixedNamesDoNotDependOnTheOrderOfServers() {
        let items = ["a:x", "b:x", "c:x", "c:y"]
        for prefix in [NamingPlan.Prefix.always, .onConflict] {
            let forward = Dictionary(uniqueKeysWithValues: zip(items, Self.names(prefix, items)))
            let backward = Dictionary(
                uniqueKeysWithValues: zip(items.reversed(), Self.names(prefix, items.reversed())))
            #expect(forward == backward)
        }
    }

    @Test func hashedNamesNeverChangeBetweenVersions() {
        // Clients store names; the shortened ones are therefore a contract.
        #expect(Naming.tag("") == Naming.tag(""))
        #expect(Naming.tag("a") != Naming.tag("b"))
        let name = Self.names(.always, ["files:\(String(repeating: "read_", count: 20))"])[0]
        #expect(
            name == "files__" + String(String(repeating: "read_", count: 20).prefix(48)) + "_" + expectedTag)
    }

    /// FNV-1a of `files`, NUL, and twenty times `read_`, folded as `Naming.tag` says.
    private var expectedTag: String {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in Array("files\u{0}".utf8) + Array(String(repeating: "read_", count: 20).utf8) {
            hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3
        }
        hash ^= hash >> 32
        let digits = String(UInt32(truncatingIfNeeded: hash ^ (hash >> 29)), radix: 16)
        return String(repeating: "0", count: 8 - digits.count) + digits
    }
}
