// SPDX-License-Identifier: Apache-2.0
// Where plugins run by default, what cannot run there, and which may leave their lane.

import CJackfield
import JSON
import Synchronization
import Testing

@testable import JackfieldCore

@Suite struct PlacementTests {
    private func manifest(_ more: String = "") throws -> PluginManifest {
        try PluginManifest(
            parsing: Array(
                """
                {"id":"p","version":"1.0.0","abi":"1.0","threads":"serial","facets":["jf.toolset/1"]\(more)}
                """.utf8))
    }

    private static let here = "/opt/jackfield/lib/jackfield/plugins"

    private func choice(
        _ manifest: PluginManifest, at path: String, _ wish: PlacementWish? = nil, pinned: Bool = false
    ) -> PlacementChoice {
        PlacementChoice(manifest, path: path, wish: wish, isPinned: pinned, installed: Self.here)
    }

    @Test func whoDecidesComesFirst() throws {
        let plain = try manifest()
        let shy = try manifest(#","placement":"cell""#)
        let mine = Self.here + "/p.so"
        #expect(choice(plain, at: "/x/p.so") == PlacementChoice(isCell: true, reason: .stranger))
        #expect(choice(plain, at: mine) == PlacementChoice(isCell: false, reason: .firstParty))
        #expect(choice(plain, at: Self.here + "/sub/p.so").reason == .stranger)
        #expect(
            choice(plain, at: "/x/p.so", pinned: true) == PlacementChoice(isCell: false, reason: .pinned))
        #expect(choice(shy, at: mine, pinned: true) == PlacementChoice(isCell: true, reason: .author))
        #expect(
            choice(shy, at: "/x/p.so", .inproc) == PlacementChoice(isCell: false, reason: .configured))
        #expect(
            choice(plain, at: mine, .cell, pinned: true) == PlacementChoice(isCell: true, reason: .configured)
        )
        let nowhere = PlacementChoice(
            plain, path: mine, wish: nil, isPinned: false, installed: nil)
        #expect(nowhere.reason == .stranger)
    }

    @Test func authorsAskForCellsOnly() throws {
        #expect(try manifest().asksForCell == false)
        #expect(try manifest(#","placement":"cell""#).asksForCell)
        for text in [#""inproc""#, "true", "null"] {
            #expect(throws: PluginManifest.Fault.self) { try manifest(#","placement":\#(text)"#) }
        }
    }

    @Test(arguments: [
        (#","requires":["jf.http/1"]"#, "requires jf.http/1"),
        (#","requires":["com.acme.x/1"]"#, "requires com.acme.x/1"),
        (#","provides":["com.acme.x/1"]"#, "offers com.acme.x/1"),
    ])
    func whatACellLacks(more: String, what: String) throws {
        let manifest = try manifest(more)
        let text = try #require(choice(manifest, at: "/x/p.so").problem(manifest))
        #expect(text.hasPrefix("plugin p: it \(what)"))
        #expect(text.hasSuffix("pin it by sha256 or write placement: inproc"))
        #expect(choice(manifest, at: Self.here + "/p.so").problem(manifest) == nil)
        #expect(choice(manifest, at: "/x/p.so", pinned: true).problem(manifest) == nil)
    }

    @Test func anOperatorMayDoWithoutWhatAPluginOffers() throws {
        let offering = try manifest(#","provides":["com.acme.x/1"]"#)
        #expect(choice(offering, at: "/x/p.so", .cell).problem(offering) == nil)
        let needing = try manifest(#","requires":["jf.http/1"]"#)
        #expect(choice(needing, at: "/x/p.so", .cell).problem(needing)?.contains("placement: inproc") == true)
        let sealing = try manifest(#","provides":["jf.seal/1"],"requires":["jf.loop/1","jf.log/1"]"#)
        #expect(choice(sealing, at: "/x/p.so").problem(sealing) == nil)
    }

    // MARK: Slow ones

    @Test func strikesCountWithinAWindow() {
        var plan = SlowPlan()
        plan.strikes = 3
        plan.window = 100
        var count = StrikeCount(plan)
        #expect([1000, 1050, 1100].map { count.isTooMany(at: $0) } == [false, false, true])
        // Anew after that, and after a pause.
        #expect(
            [1101, 1102, 1202, 1203, 1204].map { count.isTooMany(at: $0) }
                == [false, false, false, false, true])
    }

    @Test func whatBindsAPluginToItsLane() throws {
        #expect(try manifest().mayLeaveLane)
        #expect(try manifest(#","requires":["jf.ops/1"],"optional":["jf.log/1","jf.clock/1"]"#).mayLeaveLane)
        for more in [
            #","requires":["jf.loop/1"]"#, #","optional":["jf.calls/1"]"#, #","optional":["jf.memory/1"]"#,
            #","provides":["com.acme.x/1"]"#,
        ] { #expect(try !manifest(more).mayLeaveLane, "\(more)") }
        for (threads, facets) in [
            ("per-loop", #""jf.toolset/1""#), ("concurrent", #""jf.toolset/1""#),
            ("serial", #""jf.toolset/1","com.acme.y/1""#),
        ] {
            let other = try PluginManifest(
                parsing: Array(
                    """
                    {"id":"p","version":"1.0.0","abi":"1.0","threads":"\(threads)","facets":[\(facets)]}
                    """.utf8))
            #expect(!other.mayLeaveLane, "\(threads) \(facets)")
        }
    }

    @Test func workInALineIsDoneInOrderAndAlone() async {
        let pool = WorkerPool(threads: 4)
        let line = WorkerTurn()
        let seen = Mutex<(order: [Int], inside: Int, most: Int)>(([], 0, 0))
        await withCheckedContinuation { (done: CheckedContinuation<Void, Never>) in
            for number in 0..<200 {
                let isQueued = line.run(on: pool) {
                    seen.withLock { seen in
                        seen.inside += 1
                        seen.most = max(seen.most, seen.inside)
                        seen.order.append(number)
                    }
                    seen.withLock { $0.inside -= 1 }
                    if number == 199 { done.resume() }
                }
                #expect(isQueued)
            }
        }
        #expect(seen.withLock { $0.order } == Array(0..<200))
        #expect(seen.withLock { $0.most } == 1)
        #expect(line.alone { 7 } == 7)
        pool.stop()
        #expect(!line.run(on: pool) {})
    }
}
