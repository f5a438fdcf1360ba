// SPDX-License-Identifier: Apache-2.0
// The block `lock`.

extension Configuration {
    /// The lock file that tools are held to (`lock`).
    public struct Lock: Sendable, Equatable {
        /// What happens to a tool whose definition is not the approved one.
        public enum OnChange: String, Sendable, CaseIterable {
            /// It is logged and served on.
            case warn
            /// It is hidden, and calls of it are refused.
            case quarantine
            /// So is everything of its server.
            case refuse
        }

        /// What happens to a tool that nobody approved.
        public enum NewTools: String, Sendable, CaseIterable { case allow, quarantine }

        /// Where it is.
        @Redacted public var file: String = ""
        public var onChange = OnChange.quarantine
        public var newTools = NewTools.quarantine
        /// Names of servers that are not held to it.
        public var except: [String] = []
        /// Where the block stands.
        public var position = SourcePosition.none

        public init(file: String) { self.file = file }

        /// The file's name where a configuration does not say one; in the configuration's folder.
        public static let standardName = "jackfield.lock"
    }
}
