// SPDX-License-Identifier: Apache-2.0
// Which calls of a server share an answer: `response_cache` and `coalesce` of an entry of `servers`.

extension Configuration {
    /// Answers that are kept for later calls (`response_cache`; false: none).
    public struct ResponseCache: Sendable, Equatable {
        /// Who gets an answer that is kept.
        public enum Scope: String, Sendable, CaseIterable {
            /// The principal whose call it answered.
            case principal
            /// Everybody who may make the call.
            case `public`
        }

        /// Patterns for the server's own names of tools, and for URIs.
        @Redacted public var tools: [String] = []
        @Redacted public var resources: [String] = []
        /// Tools whose calls change what the others read.
        @Redacted public var clearedBy: [String] = []
        /// In nanoseconds.
        public var ttl: UInt64 = 30_000_000_000
        public var scope = Scope.principal
        /// Bytes of all answers that are kept, and of one.
        public var maxBytes = 16 << 20
        public var maxEntry = 1 << 20
        /// Tools that do not say that they are read-only, too.
        public var allowUnannotated = false

        public init() {}
    }

    /// Identical calls under way at the same time are one (`coalesce`; true: of all read-only tools and resources).
    public struct Coalesce: Sendable, Equatable {
        /// Patterns for the server's own names of tools, and for URIs.
        @Redacted public var tools: [String] = []
        @Redacted public var resources: [String] = []

        public init() {}
    }
}

private func patterns(_ value: Redacted<[String]>) -> String {
    value.shown ?? "[" + value.wrappedValue.map(jsonString).joined(separator: ", ") + "]"
}

extension Configuration.ResponseCache {
    var line: String {
        "{ tools: \(patterns($tools)), resources: \(patterns($resources)), "
            + "cleared_by: \(patterns($clearedBy)), ttl: \(durationText(nanoseconds: ttl)), scope: \(scope.rawValue), "
            + "max_bytes: \(byteSizeText(maxBytes)), max_entry: \(byteSizeText(maxEntry)), "
            + "allow_unannotated: \(allowUnannotated) }"
    }
}

extension Configuration.Coalesce {
    var line: String { "{ tools: \(patterns($tools)), resources: \(patterns($resources)) }" }
}
