// SPDX-License-Identifier: Apache-2.0
// Entries of `listeners`, `bundles` and `plugins`.

extension Configuration {
    /// A place where clients connect (an entry of `listeners`).
    public struct Listener: Sendable, Equatable {
        /// The transport, as its listener plugin calls it: `http`, `stdio`.
        public var transport: String
        /// Everything else in the entry, `address` among it.
        public var options: Options
        public var position: SourcePosition

        public init(transport: String, options: Options = Options(), position: SourcePosition = .none) {
            self.transport = transport
            self.options = options
            self.position = position
        }

        /// `options` as the plugin gets them. Holds secrets.
        public var optionsJSON: String { options.json }
    }

    /// A curated set of tools, served under `/mcp/bundles/NAME` (an entry of `bundles`).
    public struct Bundle: Sendable, Equatable {
        /// `[A-Za-z0-9][A-Za-z0-9_.-]{0,63}`
        public var name: String
        /// Names of servers, or patterns of them, whose tools it holds.
        @Redacted public var servers: [String] = []
        /// Patterns of names as the gateway shows them: `time__*`. What either list matches is in.
        @Redacted public var include: [String] = []
        /// Patterns of what is left out again.
        @Redacted public var exclude: [String] = []
        /// Names in this bundle only, from the name that the gateway shows.
        public var rename: [Rename] = []
        /// The tenants whose own it is; empty: everybody's.
        public var tenants: [String] = []
        /// What it is for, told to clients as instructions.
        @Redacted public var description: String? = nil
        public var position = SourcePosition.none

        public init(name: String) { self.name = name }
    }

    /// A plugin that differs from its defaults (an entry of `plugins`).
    public struct Plugin: Sendable, Equatable {
        /// Where it runs.
        public enum Placement: String, Sendable {
            /// In the gateway's process: fast, trusted.
            case inproc
            /// In child processes, one for each event loop that has an instance of it: isolated.
            case cell
            /// The same, said outright.
            case cellPerInstance = "cell-per-instance"
        }

        /// The id of an installed plugin; nil where `file` names it.
        public var id: String?
        /// Its shared object; a relative path counts from the configuration file's folder.
        @Redacted public var file: String? = nil
        /// The SHA-256 that its file must have, 64 lower-case hexadecimal digits.
        @Redacted public var sha256: String? = nil
        /// Nil: the gateway decides, by where the plugin comes from.
        public var placement: Placement?
        /// Rights and bounds where it runs in a cell.
        public var cell = Cell()
        public var enabled = true
        /// What goes wrong at its border on purpose: for tests, and in no reference.
        public var faults: [Fault] = []
        /// Its own configuration.
        public var config = Options()
        public var position = SourcePosition.none

        public init() {}

        /// `config` as the plugin gets it. Holds secrets.
        public var configJSON: String { config.json }

        /// The id or the file, whichever names it. May be printed.
        public var label: String { id ?? $file.shown ?? file ?? "plugin" }
    }
}
