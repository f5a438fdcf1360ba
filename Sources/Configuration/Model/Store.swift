// SPDX-License-Identifier: Apache-2.0
// The block `store`.

extension Configuration {
    /// Where plugins' state lives that outlasts a call (`store`).
    public struct Store: Sendable, Equatable {
        /// Which plugin, in its own word for itself: `memory`, `sqlite`, `redis`, `postgres`.
        public var kind: String
        /// How long an operation may take, in nanoseconds.
        public var timeout: UInt64 = 2_000_000_000
        /// Operations under way on one event loop.
        public var operations = 4096
        /// How often it is asked whether it is there, in nanoseconds.
        public var probe: UInt64 = 5_000_000_000
        /// Whether the gateway is ready without it.
        public var required = false
        /// Whether sessions of clients from before 2026-07-28 are kept there; nil: unless it is memory.
        public var sessions: Bool?
        /// Everything else in the block.
        public var options = Options()
        public var position = SourcePosition.none

        public init(kind: String) { self.kind = kind }

        /// `options` as the plugin gets them. Holds secrets.
        public var optionsJSON: String { options.json }
    }
}
