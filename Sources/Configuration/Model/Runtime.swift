// SPDX-License-Identifier: Apache-2.0
// The blocks `runtime`, `naming`, `limits`, `tasks` and `log`.

extension Configuration {
    /// The process itself (`runtime`).
    public struct Runtime: Sendable, Equatable {
        /// For a plugin whose slots keep their event loop.
        public enum SlowAction: String, Sendable, CaseIterable {
            /// The log says so.
            case log
            /// Its calls go to a worker thread where it allows that, else it goes to a cell.
            case move
        }

        /// Event loops; nil (`auto`): one for each core that the process may use. Needs a restart.
        public var loops: Int?
        /// Where the gateway stands: endpoints in the same place can be preferred.
        public var zone: String?
        public var region: String?
        /// How long running calls may go on after TERM or INT, in nanoseconds.
        public var drainTimeout: UInt64 = 30_000_000_000
        /// How long clients' first requests wait for programs that are still starting, in nanoseconds.
        public var startupWait: UInt64 = 5_000_000_000
        /// How long a plugin's old build stands ready after a new one took its place, in nanoseconds.
        public var swapTrial: UInt64 = 30_000_000_000
        /// Fewer calls than this do not end a trial.
        public var swapCalls = 10
        /// Percentage points by which a new build's failure rate may exceed the old one's during its trial.
        public var swapFailures = 5
        /// Builds of one plugin that may be in memory.
        public var pluginGenerations = 4
        /// What becomes of a plugin that keeps its event loop waiting again and again. Needs a restart.
        public var slowAction = SlowAction.move
        /// So many slots above their budget are too many ...
        public var slowStrikes = 100
        /// ... within this time, in nanoseconds.
        public var slowWindow: UInt64 = 10_000_000_000
        /// Who must agree before another configuration is applied.
        public enum Approval: String, Sendable, CaseIterable {
            /// Whoever may ask for it.
            case none
            /// Somebody else as well.
            case twoPerson = "two-person"
        }

        public var configApproval = Approval.none
        /// Who comes in at the control socket beside the gateway's own user and root: names of users, `group:NAME`.
        public struct Control: Sendable, Equatable {
            /// Everything.
            public var operators: [String] = []
            /// Read configurations and approve what somebody else applied.
            public var approvers: [String] = []
            /// Look.
            public var viewers: [String] = []

            public init() {}
        }

        public var control = Control()
        /// Applied configurations that are kept.
        public var configVersions = 100
        /// Where plugins may keep state; nil: nothing is kept. Needs a restart.
        @Redacted public var stateDirectory: String? = nil
        /// Further folders in which plugins are looked for, before the built-in one. Needs a restart.
        @Redacted public var pluginDirectories: [String] = []

        public init() {}
    }

    /// How tools and prompts are named where servers are put together (`naming`).
    public struct Naming: Sendable, Equatable {
        /// When a server's prefix is put before a name.
        public enum Prefix: String, Sendable { case always, onConflict = "on-conflict", never }

        public var prefix = Prefix.always
        /// What stands between prefix and name: 1 to 4 of `[A-Za-z0-9_-]`.
        public var separator = "__"
        /// Longer names are shortened and get a stable hash. 16 to 128, in characters.
        public var maxLength = 64

        public init() {}
    }

    /// Bounds of what clients, servers and messages may take (`limits`). At a bound the one who asked gets
    /// a clear error; nobody else is affected.
    public struct Limits: Sendable, Equatable {
        /// Bytes of one message, in either direction.
        public var message = 4 << 20
        /// Bytes of the head of one message: all its headers together.
        public var header = 64 << 10
        /// Levels of nesting in one message.
        public var depth = 128
        /// Calls in flight for one client.
        public var callsPerClient = 256
        /// Calls in flight to one server.
        public var callsPerServer = 1024
        /// Calls in flight in the gateway.
        public var calls = 16_384
        /// Sessions of clients from before 2026-07-28.
        public var sessions = 10_000
        /// Principals that each event loop remembers by their credentials.
        public var principals = 100_000
        /// Items on one page of the gateway's own lists; 0: all on one.
        public var pageSize = 0
        /// How long a call may take (`timeout`), in nanoseconds, where its server says nothing else.
        public var callTimeout: UInt64 = 60_000_000_000
        /// Standing streams of clients, over which changes are announced.
        public var streams = 10_000
        /// Resources that one stream, or one session, may subscribe to.
        public var subscriptionsPerStream = 1000
        /// Bytes of sent events that a session keeps for a client that comes back for them; 0: none.
        public var replay = 256 << 10
        /// Calls that wait, without a connection, for an answer of their client's user.
        public var parkedCalls = 1024
        /// How long a question to a user may stay unanswered, in nanoseconds.
        public var parkedAge: UInt64 = 600_000_000_000
        /// Bytes that all waiting calls may hold together.
        public var parkedBytes = 64 << 20
        /// How often one call may come back with questions.
        public var rounds = 10
        /// Questions that a server may ask during one call.
        public var questionsPerCall = 256
        /// Further sessions with one endpoint of a server from before 2026-07-28, for each event loop.
        public var upstreamSessions = 8
        /// How long such a session may stay unused, in nanoseconds.
        public var upstreamIdle: UInt64 = 300_000_000_000
        /// Tasks that the gateway itself keeps, under way or done.
        public var tasks = 1024
        /// Bytes that the results of all these tasks may hold together.
        public var taskBytes = 64 << 20

        public init() {}
    }

    /// Calls that go on as tasks of the gateway (`tasks`).
    public struct Tasks: Sendable, Equatable {
        /// A call that takes longer becomes a task, where its client declared the extension, in nanoseconds;
        /// nil (`off`): none does.
        public var promoteAfter: UInt64?
        /// How long the result of such a task is kept, in nanoseconds.
        public var ttl: UInt64 = 3_600_000_000_000
        /// How often clients are asked to look, in nanoseconds.
        public var pollInterval: UInt64 = 1_000_000_000

        public init() {}
    }

    /// The gateway's own log, on standard error (`log`).
    public struct Log: Sendable, Equatable {
        /// The least severe records that are written.
        public enum Level: String, Sendable, CaseIterable { case trace, debug, info, warning, error }
        /// How a record is written.
        public enum Format: String, Sendable, CaseIterable { case text, json }

        public var level = Level.info
        public var format = Format.text

        public init() {}
    }
}
