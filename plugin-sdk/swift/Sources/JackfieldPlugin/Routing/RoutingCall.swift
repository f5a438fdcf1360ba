// SPDX-License-Identifier: Apache-2.0
// What a strategy sees of a call and of the endpoints: borrowed until `pick` returns.

import CJackfield

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
}

/// The endpoints that may take a call, at least one, in configured order.
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
}
