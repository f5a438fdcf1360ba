// SPDX-License-Identifier: Apache-2.0
// What the gateway is asked to run: plain values, already checked for form. The command line fills them from a file.

/// Everything the gateway runs. Two plans can be compared, which is how a reload finds what changed.
public struct GatewayPlan: Sendable {
    /// Event loops; each runs on a thread of its own.
    public var loops = 1
    /// Where the gateway itself stands.
    public var zone: String?
    public var region: String?
    /// How long open calls may take to end when the gateway stops, in nanoseconds.
    public var drainTimeout: UInt64 = 30_000_000_000
    public var listeners: [ListenerPlan] = []
    public var servers: [ServerPlan] = []
    public var bundles: [BundlePlan] = []
    public var plugins: [PluginPlan] = []
    /// Who may come in, who may do what, and what looks at what passes.
    public var auth = AuthPlan()
    public var policies: [ModulePlan] = []
    public var filters: [ModulePlan] = []
    /// Who shares the gateway; nil: nobody is told apart by tenant.
    public var tenants: TenantsPlan?
    /// Where plugins' state lives.
    public var store = StorePlan()
    /// Where the plugins run that it needs, by id, with the paths that it gives them; others run in process.
    public var placements: [String: PluginPlacement] = [:]
    /// Where relative paths in plugins' options begin, absolute; empty: they stay as they are.
    public var folder = ""
    /// Ids of the plugins whose every call across the border is logged.
    public var tracedPlugins: [String] = []
    public var naming = NamingPlan()
    public var limits = LimitsPlan()
    public var tasks = TasksPlan()
    public var swap = SwapPlan()
    /// What tools are held to; nil: nothing.
    public var lock: LockPlan?
    /// What is recorded; nil: nothing.
    public var audit: AuditPlan?
    public var slow = SlowPlan()
    /// Bounds that transports keep; they become the defaults of their own settings.
    public var transport = TransportLimits()
    /// Shown to clients in `serverInfo.instructions` of the aggregate; nil: made from the servers' own.
    public var instructions: String?

    public init() {}

    /// What is asked for at a plugin's border.
    func border(of id: String) -> BorderPlan {
        var border = BorderPlan()
        border.faults = plugins.filter { $0.id == id }.flatMap(\.faults)
        border.isTraced = tracedPlugins.contains(id)
        return border
    }
}

/// Bounds that hold before a message reaches the core.
public struct TransportLimits: Sendable, Equatable {
    public var message = 4 << 20
    public var header = 64 << 10

    public init() {}
}

public struct ListenerPlan: Sendable, Equatable {
    /// Which plugin: the `listener.transport` of its manifest.
    public var transport: String
    /// The plugin's options, JSON text.
    public var options: String

    public init(transport: String, options: String) {
        self.transport = transport
        self.options = options
    }
}

/// How the names of many servers share one endpoint.
public struct NamingPlan: Sendable, Equatable {
    public enum Prefix: Sendable { case always, onConflict, never }
    public var prefix = Prefix.always
    public var separator = "__"
    public var maxLength = 64

    public init() {}
}

/// Bounds; each is a named setting.
public struct LimitsPlan: Sendable, Equatable {
    /// Largest message, in bytes.
    public var message = 4 << 20
    /// Deepest nesting of a message.
    public var depth = 128
    public var callsPerClient = 256
    public var callsPerServer = 1024
    public var calls = 16384
    public var sessions = 10_000
    /// A legacy session that nobody used for this long ends, in nanoseconds.
    public var sessionIdle: UInt64 = 3_600_000_000_000
    /// How long a call may take unless its server says otherwise, in nanoseconds.
    public var callTimeout: UInt64 = 60_000_000_000
    /// How long a server may take to answer a probe, a handshake step or a listing page, in nanoseconds.
    public var probeTimeout: UInt64 = 10_000_000_000
    /// Items of one kind that one server may list.
    public var itemsPerServer = 10_000
    /// How long first requests wait for programs that are still starting, in nanoseconds.
    public var startupWait: UInt64 = 5_000_000_000
    /// Principals that each loop knows by their credentials without asking a provider again.
    public var principals = 100_000
    /// Items on one page of our own lists; 0: all on one.
    public var pageSize = 0
    /// Standing streams of clients: `subscriptions/listen` and the legacy stand-alone stream.
    public var streams = 10_000
    /// Resources that one stream or one legacy session may subscribe to.
    public var subscriptionsPerStream = 1000
    /// Calls that wait for an answer of their client's user.
    public var parkedCalls = 1024
    /// How long a question may stay unanswered, in nanoseconds.
    public var parkedAge: UInt64 = 600_000_000_000
    /// Bytes that the requests and questions of all waiting calls may hold together.
    public var parkedBytes = 64 << 20
    /// How often one call may come back with questions.
    public var rounds = 10
    /// Questions that a legacy server may ask during one call.
    public var questionsPerCall = 256
    /// Sessions per endpoint of a legacy server beside the first: for clients that can be asked.
    public var upstreamSessions = 8
    /// How long such a session may stay unused, in nanoseconds.
    public var upstreamIdle: UInt64 = 300_000_000_000
    /// Bytes of sent events that a legacy session keeps for a client that comes back for them.
    public var replay = 256 << 10
    /// Tasks that the gateway itself keeps, under way or done.
    public var tasks = 1024
    /// Bytes that the results of all these tasks may hold together.
    public var taskBytes = 64 << 20

    public init() {}
}

/// Calls that go on as tasks of the gateway.
public struct TasksPlan: Sendable, Equatable {
    /// A call that takes longer becomes a task, if its client knows tasks, in nanoseconds; nil: never.
    public var promoteAfter: UInt64?
    /// How long the result of such a task is kept, in nanoseconds.
    public var ttl: UInt64 = 3_600_000_000_000
    /// How often a client is asked to look, in nanoseconds.
    public var pollInterval: UInt64 = 1_000_000_000

    public init() {}
}

public struct ServerPlan: Sendable, Equatable {
    public enum Era: Sendable, Equatable {
        case auto, modern, legacy
        case pinned(String)
    }

    /// Who may keep an answer; `auto`: as the server says, private where it says nothing.
    public enum CacheScope: Sendable, Equatable { case auto, `public`, `private` }

    public var name: String
    /// The id of a toolset plugin; nil: a connector is chosen by the options' keys or their URL's scheme.
    public var plugin: String?
    /// At least one; several are replicas.
    public var endpoints: [EndpointPlan] = []
    public var era = Era.auto
    /// Nanoseconds; nil: the general one.
    public var timeout: UInt64?
    public var tools = SelectionPlan()
    public var resources = SelectionPlan()
    public var prompts = SelectionPlan()
    /// Replaces the server's name in prefixes; empty: no prefix for this server.
    public var prefix: String?
    /// Keep showing what a server listed while it is down.
    public var keepStale = true
    /// The strategy's name and its options, JSON text.
    public var strategy = "round-robin"
    public var strategyOptions = "{}"
    public var breaker = BreakerPlan()
    public var retry = RetryPlan()
    /// Nil: no call is made at a second endpoint beside the first.
    public var hedge: HedgePlan?
    /// How long a call may take whose server tells of progress, in nanoseconds; nil: not longer than others.
    public var longestTimeout: UInt64?
    public var room = RoomPlan()
    public var health = HealthPlan()
    public var objective: ObjectivePlan?
    /// Kept answers and shared calls.
    public var reuse = ReusePlan()
    public var rollout: RolloutPlan?
    public var versions: VersionsPlan?
    /// How it is let in at the server; nil: as the transport's own options say.
    public var credentials: ModulePlan?
    /// What whoever uses the server must have been granted.
    public var scopes: [String] = []
    /// Who may keep what the server lists and what is read from it.
    public var cacheScope = CacheScope.auto
    /// For how long, in milliseconds from each answer; nil: as the server says.
    public var cacheTTL: UInt64?

    public init(name: String) { self.name = name }
}

public struct EndpointPlan: Sendable, Equatable {
    /// The connector's or toolset's options, JSON text.
    public var options: String
    public var weight: Int
    /// What strategies may go by.
    public var standing = EndpointStanding()

    public init(options: String, weight: Int = 1) {
        self.options = options
        self.weight = weight
    }
}

/// Where an endpoint stands among its server's others.
public struct EndpointStanding: Sendable, Equatable {
    /// A label; a tag has an empty value.
    public struct Label: Sendable, Equatable {
        public var name: String
        public var value: String

        public init(name: String, value: String) {
            self.name = name
            self.value = value
        }
    }

    /// Its tier: 0 is used first.
    public var priority = 0
    public var zone: String?
    public var region: String?
    public var version: String?
    public var labels: [Label] = []
    /// Of one call, in millionths of the operator's unit.
    public var cost: UInt64 = 0

    public init() {}
}

/// Which of a server's items are shown, and under which names.
public struct SelectionPlan: Sendable, Equatable {
    /// Patterns with `*` and `?`; empty: everything.
    public var allow: [String] = []
    public var deny: [String] = []
    /// The server's name of an item, and the one shown (prefixed like any other).
    public var rename: [String: String] = [:]
    /// A name of its own choice, never prefixed, beside the ordinary one: alias → the server's name.
    public var aliases: [String: String] = [:]

    public init() {}
}

/// A curated set, served at `/mcp/bundles/NAME`.
public struct BundlePlan: Sendable, Equatable {
    public var name: String
    public var description: String?
    /// Patterns over the aggregate's names, or over `server` names when they contain no separator.
    public var include: [String] = []
    public var exclude: [String] = []
    /// The aggregate's name of an item, and the one shown here.
    public var rename: [String: String] = [:]

    public init(name: String) { self.name = name }
}

public struct PluginPlan: Sendable, Equatable {
    public var id: String?
    public var file: String?
    public var sha256: String?
    public var enabled = true
    /// Where it runs. `wish` is what the configuration says of that, `cell` what it may do in one.
    public var placement = PluginPlacement.inproc
    public var wish: PlacementWish?
    public var cell = CellPlan()
    /// The plugin's own configuration, JSON text.
    public var config = "{}"
    /// What goes wrong at its border on purpose: for tests.
    public var faults: [BorderPlan.Fault] = []

    public init() {}
}

/// The gateway as it names itself to clients and servers.
public enum Product {
    public static let version = "0.1.0"
    /// Raw JSON of MCP's Implementation object.
    static let identity: StaticString =
        "{\"name\":\"jackfield\",\"title\":\"Jackfield\",\"version\":\"0.1.0\"}"
}
