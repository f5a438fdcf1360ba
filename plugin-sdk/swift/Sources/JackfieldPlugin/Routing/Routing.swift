// SPDX-License-Identifier: Apache-2.0
// The facet jf.routing/1 as a plugin author writes it: a strategy that picks endpoints.

import CJackfield

/// A routing strategy. There is one value per server that uses it, on each event loop (the manifest says
/// `threads: per-loop`), so stored properties belong to one server on one thread. All methods are called on
/// the instance's lane, one at a time.
///
/// ``pick(_:among:)`` is on the path of every call: it should stay below a microsecond. What it gets is
/// borrowed; reading it allocates nothing, so long as no text or array is made of it.
public protocol Routing {
    /// Begins to serve one server's endpoints.
    /// - Parameters:
    ///   - server: its configured name.
    ///   - configuration: its `routing` options, valid against the manifest's `routing.config` schema.
    ///   - host: to be kept for as long as this value lives.
    /// - Throws: why it cannot; the text goes to the gateway's log.
    init(server: String, configuration: JSONReader, host: Host) throws

    /// Chooses: the index of one of the endpoints, of which there is at least one; nil refuses them all. They
    /// come in configured order, and only those that may take the call.
    mutating func pick(_ call: borrowing RoutingCall, among endpoints: borrowing Endpoints) -> Int?

    /// Tells how a picked call ended.
    mutating func observe(_ outcome: RoutingOutcome)

    /// The server is not served any more.
    mutating func detach()
}

extension Routing {
    /// Nothing is learnt.
    public mutating func observe(_ outcome: RoutingOutcome) {}
    /// Nothing to let go of.
    public mutating func detach() {}
}

/// A strategy that hands what it learnt to its next generation, so that a new version of the plugin does not
/// begin afresh.
public protocol StatefulRouting: Routing {
    /// What was learnt, in a form of your own that begins with a version.
    func exportState() throws -> [UInt8]
    /// Takes over what a former generation exported, in place of what was learnt. Check it: it may come from
    /// another version, and be damaged.
    /// - Throws: ``PluginError/invalid(_:)`` for state that it cannot use; nothing must have changed then.
    mutating func importState(_ state: [UInt8]) throws
}

/// Names an endpoint as long as it lives; equal on all loops.
public struct EndpointID: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// The host's handle.
    public let rawValue: UInt64

    /// - Parameter rawValue: the host's handle.
    public init(_ rawValue: UInt64) { self.rawValue = rawValue }

    /// Ascending by number.
    public static func < (left: EndpointID, right: EndpointID) -> Bool { left.rawValue < right.rawValue }
    /// The number.
    public var description: String { String(rawValue) }
}

/// How a picked call ended.
public struct RoutingOutcome: Sendable {
    /// Where it went.
    public let endpoint: EndpointID
    /// Why it failed; nil: it did not.
    public let failure: PluginError.Code?
    /// Nanoseconds from sending to the last byte of the answer.
    public let latencyNanoseconds: UInt64
    /// What else is known of it; nil: not told, by a host of ABI 1.0.
    public let traits: Traits?
    /// ``RoutingCall/attempt`` of its call; nil: not told, by a host of ABI 1.0.
    public let attempt: Int?
    /// The monotonic time when it ended, in nanoseconds; nil: not told.
    public let nowNanoseconds: UInt64?

    /// What is known of an outcome beside its failure.
    public struct Traits: OptionSet, Sendable {
        /// `JF_OUTCOME_*`
        public let rawValue: UInt32

        /// - Parameter rawValue: `JF_OUTCOME_*`.
        public init(rawValue: UInt32) { self.rawValue = rawValue }

        /// Answered, with `isError`: the tool's failure, not the endpoint's.
        public static let toolError = Traits(rawValue: 1)
        /// Nobody waited any more: says nothing about the endpoint.
        public static let canceled = Traits(rawValue: 2)
        /// A health probe, not a call.
        public static let probe = Traits(rawValue: 4)
    }

    /// An outcome, for tests.
    public init(
        endpoint: EndpointID, failure: PluginError.Code? = nil, latencyNanoseconds: UInt64 = 0,
        traits: Traits? = nil, attempt: Int? = nil, nowNanoseconds: UInt64? = nil
    ) {
        self.endpoint = endpoint
        self.failure = failure
        self.latencyNanoseconds = latencyNanoseconds
        self.traits = traits
        self.attempt = attempt
        self.nowNanoseconds = nowNanoseconds
    }
}
