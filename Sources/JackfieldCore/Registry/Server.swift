// SPDX-License-Identifier: Apache-2.0
// A configured server and its endpoints: what stays the same while the server lives, shared by all loops.

import CJackfield
import MCP
import Synchronization

/// A configured server. Its identity ends when the configuration changes it; a new one takes its place.
final class Server: Sendable {
    let plan: ServerPlan
    /// Counts up over the life of the gateway: tells an old server of this name from its successor.
    let generation: UInt64
    /// Where its supervision runs, and its child process if it has one.
    let homeLane: Int
    let endpoints: [Endpoint]
    /// How long one call may take, in nanoseconds.
    let timeout: UInt64
    /// The plugin whose strategy picks among several endpoints.
    let strategyPlugin: String?
    /// Calls under way on all loops, and what further tries they have earned.
    let inFlight = Atomic<Int>(0)
    let retryBudget: RetryBudget
    /// Nil: no call is made at a second endpoint beside the first.
    let hedge: ServerHedge?
    /// How long a call may take that tells of progress, in nanoseconds; 0: not longer than others.
    let longestTimeout: UInt64
    let room: ServerRoom
    let objective: ServerObjective?
    /// Kept answers and shared calls; nil: each call goes its own way.
    let reuse: ServerReuse?
    /// Nil: its configuration asks for none.
    let rollout: Rollout?
    let versions: VersionBoard?
    /// Where its endpoints are, as far as their configuration says.
    let regions: Set<String>

    /// - Parameter plugins: by endpoint, the builds that serve them; missing ones are served by nobody.
    init(
        _ plan: ServerPlan, generation: UInt64, homeLane: Int, limits: LimitsPlan,
        plugins: [PluginGeneration?] = [], strategyPlugin: String? = nil, rollout: Rollout? = nil
    ) {
        self.rollout = rollout
        versions = plan.versions == nil ? nil : VersionBoard()
        self.plan = plan
        regions = Set(plan.endpoints.compactMap(\.standing.region))
        self.generation = generation
        self.homeLane = homeLane
        self.strategyPlugin = strategyPlugin
        timeout = plan.timeout ?? limits.callTimeout
        retryBudget = RetryBudget(percent: plan.retry.budget)
        hedge = plan.endpoints.count > 1 ? plan.hedge.map { ServerHedge($0) } : nil
        longestTimeout = plan.longestTimeout ?? 0
        objective = plan.objective.map { ServerObjective($0) }
        reuse = plan.reuse.isEmpty ? nil : ServerReuse(plan.reuse)
        room = ServerRoom(plan.room, callsPerServer: limits.callsPerServer)
        endpoints = plan.endpoints.enumerated().map { index, endpoint in
            Endpoint(
                endpoint, id: generation << 8 | UInt64(index), index: index, breaker: plan.breaker,
                plugin: index < plugins.count ? plugins[index] : nil)
        }
    }

    var name: String { plan.name }
}

/// One replica of a server.
final class Endpoint: Sendable {
    let plan: EndpointPlan
    /// Stable for the endpoint's life, equal on all loops.
    let id: UInt64
    let index: Int
    var region: String? { plan.standing.region }
    /// The build of the connector or toolset that serves it, for as long as the endpoint lives.
    let plugin: PluginGeneration?
    let inFlight = Atomic<Int>(0)
    /// Moving average of answered calls, in nanoseconds; 0: none yet.
    let latency = Atomic<UInt64>(0)
    let health: EndpointHealth
    /// What its processes used when somebody last asked.
    let processes = Mutex(EndpointProcesses())

    init(
        _ plan: EndpointPlan, id: UInt64, index: Int, breaker: BreakerPlan = BreakerPlan(),
        plugin: PluginGeneration? = nil
    ) {
        health = EndpointHealth(breaker)
        self.plan = plan
        self.id = id
        self.index = index
        self.plugin = plugin
    }

    /// Takes a call's latency into the average (weight 1/8). Two loops at once may lose one sample; that is harmless.
    func observe(_ nanoseconds: UInt64) {
        let old = latency.load(ordering: .relaxed)
        let new = old == 0 ? nanoseconds : old - old / 8 + nanoseconds / 8
        latency.store(max(1, new), ordering: .relaxed)
    }
}

/// What is known of an endpoint right now. A value in the catalogue: readers keep the one they started with.
struct EndpointStatus: Sendable {
    /// `draining`: it is up, and an operator wants no new calls there. Only catalogues have it; its supervision does not
    /// know.
    enum State: String, Sendable { case connecting, up, down, draining }

    var state = State.connecting
    /// It answers, whether it gets calls or not.
    var isWell: Bool { state == .up || state == .draining }
    /// Why it is down, or what it is waiting for; one sentence.
    var reason: String {
        get { words.reason }
        set { words = Words(reason: newValue, instructions: words.instructions, info: words.info) }
    }
    /// The revision spoken with it; nil until the era is known.
    var revision: Revision?
    /// The session id of a legacy HTTP server.
    var session: [UInt8]?
    /// A legacy server's session: the log level it was asked for; nil: its own choice.
    var logLevel: LogLevel?
    /// Counts handshakes: tells whether a lost session has been replaced already.
    var epoch = 0
    var capabilities = ServerCapabilities()
    var instructions: String? {
        get { words.instructions }
        set { words = Words(reason: words.reason, instructions: newValue, info: words.info) }
    }
    /// Raw JSON of the server's own Implementation object.
    var info: String? {
        get { words.info }
        set { words = Words(reason: words.reason, instructions: words.instructions, info: newValue) }
    }
    /// Serves through a channel that only its home lane has (a child process, a serial toolset).
    var isLocal = false
    /// Plain HTTP semantics: mirrored headers go along.
    var hasHeaders = false
    private var words = Words(reason: "not connected yet", instructions: nil, info: nil)

    /// What no call needs: apart, since each call copies the rest.
    private final class Words: Sendable {
        let reason: String
        let instructions: String?
        let info: String?

        init(reason: String, instructions: String?, info: String?) {
            self.reason = reason
            self.instructions = instructions
            self.info = info
        }
    }
}

/// What a server says it can do.
struct ServerCapabilities: Sendable, Equatable {
    var tools = false
    var toolsListChanged = false
    var resources = false
    var resourcesListChanged = false
    var resourcesSubscribe = false
    var prompts = false
    var promptsListChanged = false
    var completions = false
    var logging = false
    var tasks = TaskAbilities()

    func offers(_ kind: ItemKind) -> Bool {
        switch kind {
        case .tools: tools
        case .resources, .templates: resources
        case .prompts: prompts
        }
    }
}
