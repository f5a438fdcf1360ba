// SPDX-License-Identifier: Apache-2.0
// What a strategy sees of a call and of the endpoints: borrowed until `pick` returns; nil where a host of ABI
// 1.0 does not tell it.

import CJackfield

/// The sizes of ABI 1.1: a host that says less does not tell what was appended then.
private let pickSize: UInt32 = 184
private let endpointSize: UInt32 = 144

/// The call to place.
public struct RoutingCall: ~Escapable {
    private let raw: jf_pick

    /// `raw` must stay readable for as long as the pointer's owner lends it.
    @_lifetime(borrow pointer)
    init(_ pointer: UnsafePointer<jf_pick>) { raw = attach(pointer, jf_pick()) ?? jf_pick() }

    /// 0 for the first try, then counting up.
    public var attempt: Int { Int(raw.attempt) }
    /// Monotonic nanoseconds at which the call ends; 0: never.
    public var deadlineNanoseconds: UInt64 { raw.deadline_ns }

    /// "tools/call"
    public var method: Span<UInt8> {
        @_lifetime(copy self) get { span(raw.method, within: self) }
    }
    /// The tool, prompt or URI as the server spells it.
    public var name: Span<UInt8> {
        @_lifetime(copy self) get { span(raw.name, within: self) }
    }
    /// The raw `params` object, JSON.
    public var params: Span<UInt8> {
        @_lifetime(copy self) get { span(raw.params, within: self) }
    }
    /// Who asks; nil when not authenticated.
    public var principal: Span<UInt8>? {
        @_lifetime(copy self) get { optionalSpan(raw.principal, within: self) }
    }
    /// The client's session; nil when stateless.
    public var session: Span<UInt8>? {
        @_lifetime(copy self) get { optionalSpan(raw.session, within: self) }
    }

    // MARK: Since ABI 1.1

    private var isTold: Bool { raw.size >= pickSize }

    /// What the tool's annotations say; nil: not told.
    public var traits: RoutingTraits? { isTold ? RoutingTraits(rawValue: raw.traits) : nil }
    /// How many endpoints the server has, eligible or not; nil: not told.
    public var total: Int? { isTold ? Int(raw.total) : nil }
    /// The monotonic time now, in nanoseconds; nil: not told.
    public var nowNanoseconds: UInt64? { raw.now_ns > 0 ? raw.now_ns : nil }

    /// The raw `params.arguments` object, JSON; nil without.
    public var arguments: Span<UInt8>? {
        @_lifetime(copy self) get { optionalSpan(raw.arguments, within: self) }
    }
    /// The client's implementation name; nil when unknown.
    public var client: Span<UInt8>? {
        @_lifetime(copy self) get { optionalSpan(raw.client, within: self) }
    }
    /// The tenant; nil without tenants.
    public var tenant: Span<UInt8>? {
        @_lifetime(copy self) get { optionalSpan(raw.tenant, within: self) }
    }

    /// The client's headers, copied: lower-case names, as far as its listener delivers them.
    public var headers: [(name: String, value: String)] { texts(raw.headers, raw.header_count) }

    /// The first header of this name, in lower case; costs no allocation.
    @_lifetime(copy self)
    public func header(_ name: StaticString) -> Span<UInt8>? {
        optionalSpan(find(name, raw.headers, raw.header_count), within: self)
    }

    /// All ``total`` endpoints in configured order, eligible or not: of those that are not, only what was
    /// configured is up to date. Nil: not told.
    public var all: Endpoints? {
        @_lifetime(copy self) get {
            guard let all = raw.all else { return nil }
            return _overrideLifetime(Endpoints(all, UInt64(raw.total)), copying: self)
        }
    }
}

/// What a tool's annotations say of a call; what is absent is unknown or false.
public struct RoutingTraits: OptionSet, Sendable {
    /// `JF_PICK_*`
    public let rawValue: UInt32

    /// - Parameter rawValue: `JF_PICK_*`.
    public init(rawValue: UInt32) { self.rawValue = rawValue }

    /// `readOnlyHint`
    public static let readOnly = RoutingTraits(rawValue: 1)
    /// `idempotentHint`, or read-only.
    public static let idempotent = RoutingTraits(rawValue: 2)
    /// `destructiveHint` said true.
    public static let destructive = RoutingTraits(rawValue: 4)
    /// `openWorldHint` said true.
    public static let openWorld = RoutingTraits(rawValue: 8)
    /// A second try beside one that is still open, whose endpoint is marked ``EndpointState/tried``.
    public static let hedge = RoutingTraits(rawValue: 16)
}

/// Endpoints in configured order: those that may take a call, at least one, or all of a server.
public struct Endpoints: ~Escapable {
    private let pointers: UnsafeBufferPointer<UnsafePointer<jf_endpoint>?>

    /// Empty when one of them is missing.
    @_lifetime(borrow pointer)
    init(_ pointer: UnsafePointer<UnsafePointer<jf_endpoint>?>, _ count: UInt64) {
        pointers = UnsafeBufferPointer(start: pointer, count: Int(clamping: count))
    }

    /// How many there are.
    public var count: Int { pointers.count }
    /// All indices.
    public var indices: Range<Int> { pointers.indices }

    /// One of them.
    /// - Precondition: `index` is below ``count``.
    public subscript(index: Int) -> Endpoint {
        @_lifetime(copy self) get {
            precondition(index >= 0 && index < pointers.count, "there is no such endpoint")
            return _overrideLifetime(Endpoint(pointers[index]), copying: self)
        }
    }
}

/// An endpoint as a strategy sees it, on this loop.
public struct Endpoint: ~Escapable {
    private let raw: jf_endpoint

    @_lifetime(borrow pointer)
    fileprivate init(_ pointer: UnsafePointer<jf_endpoint>?) {
        raw = attach(pointer, jf_endpoint()) ?? jf_endpoint()
    }

    /// Stable for the life of the endpoint, equal on all loops.
    public var id: EndpointID { EndpointID(raw.id) }
    /// As configured, 1 by default.
    public var weight: Int { Int(raw.weight) }
    /// Calls open on it: of all loops where known, else of this one.
    public var inFlight: Int { Int(raw.in_flight) }
    /// Moving average of answered calls; 0: none yet.
    public var latencyNanoseconds: UInt64 { raw.latency_ns }
    /// The server's name, or its URL for a replica.
    public var name: Span<UInt8> {
        @_lifetime(copy self) get { span(raw.name, within: self) }
    }

    // MARK: Since ABI 1.1

    private var isTold: Bool { raw.size >= endpointSize }

    /// Near, tried before, suspected. Empty from a host of 1.0.
    public var state: EndpointState { EndpointState(rawValue: raw.flags) }
    /// Share of its weight that it can bear now, permille: below 1000 while it starts; nil: not told.
    public var ready: Int? { isTold ? Int(raw.ready) : nil }
    /// Configured tier, 0 is used first; nil: not told.
    public var priority: Int? { isTold ? Int(raw.priority) : nil }
    /// Calls that ended in the last 10 s, all loops together; nil: not told.
    public var recentCalls: Int? { isTold ? Int(raw.recent_calls) : nil }
    /// Of those, failed: not answered, or answered by the server's own failure; nil: not told.
    public var recentFailures: Int? { isTold ? Int(raw.recent_failures) : nil }
    /// Configured cost of one call, in millionths of the operator's unit; nil: not told.
    public var cost: UInt64? { isTold ? raw.cost : nil }
    /// Another one whenever name, version, zone, region or labels became others: what was derived from them
    /// is stale then. Nil: not told.
    public var revision: UInt64? { isTold ? raw.revision : nil }

    /// Configured or announced version; nil: unknown.
    public var version: Span<UInt8>? {
        @_lifetime(copy self) get { optionalSpan(raw.version, within: self) }
    }
    /// Configured zone; nil: unknown.
    public var zone: Span<UInt8>? {
        @_lifetime(copy self) get { optionalSpan(raw.zone, within: self) }
    }
    /// Configured region; nil: unknown.
    public var region: Span<UInt8>? {
        @_lifetime(copy self) get { optionalSpan(raw.region, within: self) }
    }

    /// Configured `labels` and `tags`, copied; a tag has an empty value.
    public var labels: [(name: String, value: String)] { texts(raw.labels, raw.label_count) }

    /// The label of this name; costs no allocation.
    @_lifetime(copy self)
    public func label(_ name: StaticString) -> Span<UInt8>? {
        optionalSpan(find(name, raw.labels, raw.label_count), within: self)
    }
}

/// How an endpoint stands, beside its numbers.
public struct EndpointState: OptionSet, Sendable {
    /// `JF_ENDPOINT_*`
    public let rawValue: UInt32

    /// - Parameter rawValue: `JF_ENDPOINT_*`.
    public init(rawValue: UInt32) { self.rawValue = rawValue }

    /// In the gateway's own zone (`runtime.zone`).
    public static let sameZone = EndpointState(rawValue: 1)
    /// In the gateway's own region (`runtime.region`).
    public static let sameRegion = EndpointState(rawValue: 2)
    /// An earlier attempt of this very call went there and failed.
    public static let tried = EndpointState(rawValue: 4)
    /// Up, but suspected: its breaker is half open, or it is an outlier.
    public static let degraded = EndpointState(rawValue: 8)
}

private func texts(_ pairs: UnsafePointer<jf_pair>?, _ count: UInt64) -> [(name: String, value: String)] {
    guard let pairs else { return [] }
    return (0..<Int(clamping: count)).map { (pairs[$0].name.text ?? "", pairs[$0].value.text ?? "") }
}

/// The first value of that name; absent: there is none.
private func find(_ name: StaticString, _ pairs: UnsafePointer<jf_pair>?, _ count: UInt64) -> jf_view {
    guard let pairs, name.hasPointerRepresentation else { return .absent }
    let wanted = UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount)
    for index in 0..<Int(clamping: count) where pairs[index].name.bytes.elementsEqual(wanted) {
        return pairs[index].value
    }
    return .absent
}
