// SPDX-License-Identifier: Apache-2.0
// What a plugin may do and use in a cell (an entry's `cell`).

extension Configuration {
    /// Rights and bounds of a plugin in a child process of its own. What is not given is refused there.
    public struct Cell: Sendable, Equatable {
        /// Bytes of writable memory.
        public var memory = 1 << 30
        /// Open descriptors.
        public var files = 1024
        /// Requests open at once.
        public var operations = 1024
        /// Internet sockets; else only those of this machine's file system. Nil: what listens or connects has them.
        public var network: Bool?
        /// Starting programs.
        public var processes = false
        /// Memory that is written may become code, as just-in-time compilers need.
        public var jit = false
        /// Every file that the gateway's user may open, in place of `read` and `write`.
        public var allFiles = false
        /// Files and folders beyond the system's libraries that it may read.
        @Redacted public var read: [String] = []
        /// Files and folders that it may change.
        @Redacted public var write: [String] = []

        public init() {}
    }
}
