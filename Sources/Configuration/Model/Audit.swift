// SPDX-License-Identifier: Apache-2.0
// The block `audit`.

extension Configuration {
    /// What is recorded of calls, denials and changes (`audit`).
    public struct Audit: Sendable, Equatable {
        /// What a record says of a call's arguments.
        public enum Arguments: String, Sendable, CaseIterable { case digest, none, full }
        /// What happens to calls that cannot be recorded.
        public enum OnFull: String, Sendable, CaseIterable { case block, drop }
        /// When records are on disk for certain.
        public enum Sync: String, Sendable, CaseIterable { case batch, interval, never }

        /// The log's folder; nil: `audit` in the state directory.
        @Redacted public var path: String? = nil
        public var arguments = Arguments.digest
        /// Names of members, or JSON pointers, whose values are never written.
        public var redact: [String] = []
        public var onFull = OnFull.drop
        public var sync = Sync.interval
        /// Durations in nanoseconds.
        public var syncInterval: UInt64 = 1_000_000_000
        public var rotateBytes = 64 << 20
        public var rotateAge: UInt64 = 86_400_000_000_000
        /// What is kept of closed files; 0: all.
        public var keepFiles = 0
        public var keepBytes = 0
        public var keepAge: UInt64 = 0
        public var sign = true
        public var signEvery = 10_000
        public var signInterval: UInt64 = 60_000_000_000
        /// Bytes of records that wait on one event loop.
        public var buffer = 8 << 20
        public var calls = true
        public var lists = false
        public var denials = true
        public var changes = true

        public init() {}
    }
}
