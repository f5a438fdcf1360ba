// SPDX-License-Identifier: Apache-2.0
// A message of the host's on its way to a client or server: borrowed until the method returns.

import CJackfield

/// One JSON-RPC message that the host gives to a connector or listener. Its body is in segments that, joined,
/// are one JSON text: write them at once, copy them, or keep them with ``keepSegment(_:)``.
public struct Message: ~Escapable {
    private let raw: jf_message
    private let services: HostServices

    @_lifetime(borrow pointer)
    init(_ pointer: UnsafePointer<jf_message>, _ services: HostServices) {
        raw = attach(pointer, jf_message()) ?? jf_message()
        self.services = services
    }

    /// What it is for.
    public var kind: MessageKind { MessageKind(rawValue: raw.kind) }
    /// Answers: how the exchange went.
    public var status: MessageStatus { MessageStatus(rawValue: raw.status) }
    /// The exchange that it belongs to.
    public var exchange: Exchange { Exchange(raw.exchange) }
    /// The last message of its exchange.
    public var isFinal: Bool { raw.flags & JF_MSG_FINAL != 0 }
    /// Requests: monotonic nanoseconds at which the answer stops being of use; 0: none.
    public var deadlineNanoseconds: UInt64 { raw.deadline_ns }
    /// Answers: when to try again; in an event stream that is not final: the event's `retry`. Zero: not said.
    public var retryAfter: Duration { .milliseconds(Int64(raw.retry_ms)) }

    /// MCP-Protocol-Version
    public var protocolVersion: Span<UInt8>? {
        @_lifetime(copy self) get { optionalSpan(raw.protocol, within: self) }
    }
    /// Mcp-Method
    public var method: Span<UInt8>? {
        @_lifetime(copy self) get { optionalSpan(raw.method, within: self) }
    }
    /// Mcp-Name, decoded
    public var name: Span<UInt8>? {
        @_lifetime(copy self) get { optionalSpan(raw.name, within: self) }
    }
    /// Mcp-Session-Id
    public var session: Span<UInt8>? {
        @_lifetime(copy self) get { optionalSpan(raw.session, within: self) }
    }
    /// To a client: the id of the event that carries this message. Nil on shared channels.
    public var resume: Span<UInt8>? {
        @_lifetime(copy self) get {
            // Empty counts as absent.
            if raw.resume.len == 0 { return nil }
            return optionalSpan(raw.resume, within: self)
        }
    }

    /// Further headers, copied.
    public var headers: [(name: String, value: String)] {
        guard let headers = raw.headers else { return [] }
        return (0..<Int(clamping: raw.header_count)).map {
            (headers[$0].name.text ?? "", headers[$0].value.text ?? "")
        }
    }

    // MARK: The body

    /// How many segments the body has; 0: there is no body.
    public var segmentCount: Int { raw.body == nil ? 0 : Int(raw.body_count) }

    /// One segment of the body.
    /// - Precondition: `index` is below ``segmentCount``.
    @_lifetime(copy self)
    public func segment(_ index: Int) -> Span<UInt8> {
        span(view(index), within: self)
    }

    /// How many bytes the body has.
    public var bodyCount: Int {
        (0..<segmentCount).reduce(0) { $0 &+ Int(clamping: view($1).len) }
    }

    /// Appends the body to `bytes`.
    public func appendBody(to bytes: inout [UInt8]) {
        bytes.reserveCapacity(bytes.count + bodyCount)
        for index in 0..<segmentCount { bytes.append(contentsOf: view(index).bytes) }
    }

    /// A copy of the body; empty: there is none.
    public var body: [UInt8] {
        var bytes: [UInt8] = []
        appendBody(to: &bytes)
        return bytes
    }

    /// Keeps a segment beyond this call: in place where the host allows it, as a copy otherwise. Let go of it
    /// on the lane.
    /// - Precondition: `index` is below ``segmentCount``.
    public func keepSegment(_ index: Int) -> KeptBytes {
        let bytes = view(index).bytes
        if index < 64, raw.retainable & (1 << UInt64(index)) != 0, let retain = raw.retain,
            let release = raw.release, retain(raw.owner) == JF_OK
        {
            return KeptBytes(services, retained: bytes, raw.owner, release)
        }
        return KeptBytes(services, copying: bytes)
    }

    private func view(_ index: Int) -> jf_view {
        precondition(index >= 0 && index < segmentCount, "there is no such segment")
        return raw.body[index]
    }
}
