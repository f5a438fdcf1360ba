// SPDX-License-Identifier: Apache-2.0
// What is recorded of calls, denials and changes, where, and for how long.

/// The block `audit` of a configuration.
public struct AuditPlan: Sendable, Equatable {
    /// What a record says of a call's arguments.
    public enum Arguments: Sendable { case digest, none, full }

    /// What happens to calls that cannot be recorded.
    public enum OnFull: Sendable {
        /// They are refused.
        case block
        /// They are made, and counted.
        case drop
    }

    /// When records are on disk for certain.
    public enum Sync: Sendable { case batch, interval, never }

    /// Absolute; empty until `settle`.
    public var directory = ""
    /// Where the keys and the counts of usage are; empty until `settle`.
    public var stateDirectory = ""
    public var arguments = Arguments.digest
    /// Names of members, and JSON pointers ("/card/number"), whose values are never written.
    public var redact: [String] = []
    public var onFull = OnFull.drop
    public var sync = Sync.interval
    /// Of `sync: interval`, in nanoseconds.
    public var syncInterval: UInt64 = 1_000_000_000
    /// A file is closed at this size, and at this age in nanoseconds.
    public var rotateBytes = 64 << 20
    public var rotateAge: UInt64 = 86_400_000_000_000
    /// Closed files that are kept: so many, so many bytes, for so long in nanoseconds; 0: all.
    public var keepFiles = 0
    public var keepBytes = 0
    public var keepAge: UInt64 = 0
    /// Whether checkpoints are signed, and how far apart they are: in records, and in nanoseconds.
    public var isSigned = true
    public var signEvery = 10_000
    public var signInterval: UInt64 = 60_000_000_000
    /// Bytes of records that wait on one event loop.
    public var buffer = 8 << 20
    public var calls = true
    public var lists = false
    public var denials = true
    public var changes = true

    public init() {}

    /// Fills in where things lie that the configuration leaves to the state directory.
    public mutating func settle(in state: String) {
        stateDirectory = state
        if directory.isEmpty { directory = state + "/audit" }
    }
}

/// Why there can be no audit log, or why one cannot be read; one sentence.
public struct AuditProblem: Error, CustomStringConvertible {
    public let description: String
    init(_ description: String) { self.description = description }
}
