// SPDX-License-Identifier: Apache-2.0
// Entries of `faults` of a plugin: what goes wrong at its border on purpose.

extension Configuration.Plugin {
    /// Something that goes wrong on purpose: `{ slot: pick, delay: 5ms }`, `{ slot: pick, error: busy, every:
    /// 10 }`, `{ absent: jf.loop/1 }`.
    public struct Fault: Sendable, Equatable {
        public enum Failure: String, Sendable, CaseIterable {
            case invalid, unsupported, stale, busy, denied, timeout, gone, fault
        }

        /// A slot of its facets, or `TABLE.SLOT`; nil where `absent` names a service.
        public var slot: String?
        /// The service that the plugin does not get.
        public var absent: String?
        /// How long each such call takes longer, in nanoseconds.
        public var delay: UInt64 = 0
        /// The status with which it ends, without reaching the other side.
        public var failure: Failure?
        /// Only each so many-th call.
        public var every = 1

        public init() {}
    }
}
