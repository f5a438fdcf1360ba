// SPDX-License-Identifier: Apache-2.0
// What a file says reaches the core, and both halves have the same defaults.

import Configuration
import JackfieldCore
import Testing

@testable import jackfield

@Suite struct PlanMappingTests {
    private func plan(_ text: String) throws -> GatewayPlan {
        GatewayPlan(try Configuration(parsing: text, file: "gateway.yaml"))
    }

    @Test func theDefaultsAgree() throws {
        let plan = try plan("version: 1\nservers: { one: { command: x } }")
        #expect(plan.limits == LimitsPlan())
        #expect(plan.tasks == TasksPlan())
        #expect(plan.transport == TransportLimits())
        #expect(plan.drainTimeout == GatewayPlan().drainTimeout)
        #expect(plan.naming == NamingPlan())
        var server = ServerPlan(name: "one")
        server.endpoints = [EndpointPlan(options: #"{"command":"x"}"#)]
        #expect(plan.servers == [server])
    }

    @Test func swapSettingsReachTheCore() throws {
        let plan = try plan(
            """
            version: 1
            runtime: { swap_trial: 2s, swap_calls: 3, swap_failures: 4, plugin_generations: 5 }
            """)
        var swap = SwapPlan()
        swap.trial = 2_000_000_000
        swap.budget.calls = 3
        swap.budget.excess = 4
        swap.generations = 5
        #expect(plan.swap == swap)
        #expect(try self.plan("version: 1").swap == SwapPlan())
    }

    @Test func slowSettingsReachTheCore() throws {
        let plan = try plan("version: 1\nruntime: { slow_action: log, slow_strikes: 3, slow_window: 4s }")
        var slow = SlowPlan()
        slow.moves = false
        slow.strikes = 3
        slow.window = 4_000_000_000
        #expect(plan.slow == slow)
        #expect(try self.plan("version: 1").slow == SlowPlan())
    }

    @Test func aPlaceIsAWishUntilItIsSettled() throws {
        let plan = try plan(
            """
            version: 1
            plugins:
              - { id: a }
              - { id: b, placement: inproc }
              - { id: c, placement: cell-per-instance, cell: { files: 64 } }
            """)
        #expect(plan.plugins.map(\.wish) == [nil, .inproc, .cell])
        #expect(plan.plugins.map(\.cell.files) == [1024, 1024, 64])
        #expect(plan.folder.hasPrefix("/"))
    }

    @Test func everyLimitReachesTheCore() throws {
        let plan = try plan(
            """
            version: 1
            runtime: { startup_wait: 1s }
            limits:
              { message: 2KiB, header: 3KiB, depth: 9, calls_per_client: 2, calls_per_server: 3, calls: 4,
                sessions: 5, page_size: 6, timeout: 7s, streams: 8, subscriptions_per_stream: 9,
                replay: 10KiB, parked_calls: 11, parked_age: 12s, parked_bytes: 13MiB, rounds: 14,
                questions_per_call: 15, upstream_sessions: 16, upstream_idle: 17s, tasks: 18, task_bytes: 19MiB }
            """)
        var limits = LimitsPlan()
        limits.startupWait = 1_000_000_000
        limits.message = 2 << 10
        limits.depth = 9
        limits.callsPerClient = 2
        limits.callsPerServer = 3
        limits.calls = 4
        limits.sessions = 5
        limits.pageSize = 6
        limits.callTimeout = 7_000_000_000
        limits.streams = 8
        limits.subscriptionsPerStream = 9
        limits.replay = 10 << 10
        limits.parkedCalls = 11
        limits.parkedAge = 12_000_000_000
        limits.parkedBytes = 13 << 20
        limits.rounds = 14
        limits.questionsPerCall = 15
        limits.upstreamSessions = 16
        limits.upstreamIdle = 17_000_000_000
        limits.tasks = 18
        limits.taskBytes = 19 << 20
        #expect(plan.limits == limits)
        #expect(plan.transport.message == 2 << 10)
        #expect(plan.transport.header == 3 << 10)
    }

    @Test func tasks() throws {
        let plan = try plan("version: 1\ntasks: { promote_after: 20s, ttl: 30m, poll_interval: 500ms }")
        #expect(plan.tasks.promoteAfter == 20_000_000_000)
        #expect(plan.tasks.ttl == 1_800_000_000_000)
        #expect(plan.tasks.pollInterval == 500_000_000)
        #expect(try self.plan("version: 1\ntasks: { promote_after: off }").tasks == TasksPlan())
    }

    /// The core counts the span in milliseconds, as the protocol does.
    @Test func cacheFields() throws {
        let servers = try plan(
            """
            version: 1
            servers:
              a: { command: x, cache_scope: public, cache_ttl: 1500ms }
              b: { command: x, cache_scope: private, cache_ttl: 0s }
              c: { command: x, cache_scope: auto }
            """
        ).servers
        #expect(servers.map(\.cacheScope) == [.public, .private, .auto])
        #expect(servers.map(\.cacheTTL) == [1500, 0, nil])
    }

    @Test func sharedAnswers() throws {
        let servers = try plan(
            """
            version: 1
            servers:
              a: { command: x }
              b:
                command: x
                response_cache: { tools: [t], resources: [r], cleared_by: [w], ttl: 5s, scope: public,
                                  max_bytes: 8KiB, max_entry: 4KiB, allow_unannotated: true }
              c: { command: x, coalesce: true }
            """
        ).servers
        #expect(servers[0].reuse == ReusePlan() && servers[0].reuse.isEmpty)
        var expected = ReusePlan()
        expected.tools = ["t"]
        expected.resources = ["r"]
        expected.clearedBy = ["w"]
        expected.ttl = 5_000_000_000
        expected.isPublic = true
        expected.maxBytes = 8192
        expected.maxEntry = 4096
        expected.allowsUnannotated = true
        #expect(servers[1].reuse == expected)
        var coalesced = ReusePlan()
        coalesced.coalescedTools = ["*"]
        coalesced.coalescedResources = ["*"]
        #expect(servers[2].reuse == coalesced)
    }
}
