// SPDX-License-Identifier: Apache-2.0
// The facet jf.credentials/1 as a plugin author writes it: what servers are shown to let the gateway in.

import CJackfield

/// Supplies what the gateway shows to a server: as itself, or for a principal. There is one value per server
/// that uses it, on each event loop. All methods are called on the instance's lane, one at a time.
public protocol CredentialSource {
    /// Begins to serve one server.
    /// - Parameters:
    ///   - server: its configured name.
    ///   - configuration: its `credentials` options, valid against the manifest's `credentials.config` schema.
    ///   - host: to be kept for as long as this value lives.
    /// - Throws: why it cannot; the text goes to the gateway's log.
    init(server: String, configuration: JSONReader, host: Host) throws

    /// What a request to the server needs.
    /// - Throws: ``PluginError/denied(_:)``: this principal gets none, the call is refused; anything else: they
    ///   cannot be had now.
    mutating func supply(_ demand: borrowing Demand, context: AnswerContext) throws -> Supply

    /// The server is not served any more.
    mutating func detach()
}

extension CredentialSource {
    /// Nothing to let go of.
    public mutating func detach() {}
}

/// What a request to a server needs; borrowed until the method returns.
public struct Demand: ~Escapable {
    private let raw: jf_demand

    /// `raw` must stay readable for as long as the pointer's owner lends it.
    @_lifetime(borrow pointer)
    init(_ pointer: UnsafePointer<jf_demand>) {
        raw = attach(UnsafeRawPointer(pointer), jf_demand()) ?? jf_demand()
    }

    /// For whom; the gateway itself where ``Principal/isKnown`` is false.
    public var principal: Principal {
        @_lifetime(copy self) get { _overrideLifetime(Principal(raw.principal), copying: self) }
    }
    /// The client can be sent to a URL.
    public var mayConnect: Bool { raw.flags & JF_DEMAND_URL != 0 }
    /// The server refused what it was shown for this very request.
    public var isRefused: Bool { raw.refused != 0 }
    /// How often it did.
    public var attempt: Int { Int(raw.attempt) }
    /// Milliseconds of Unix time.
    public var nowMilliseconds: UInt64 { raw.now_ms }

    /// The URL that the request goes to.
    public var endpoint: Span<UInt8> {
        @_lifetime(copy self) get { span(raw.endpoint, within: self) }
    }
    /// The MCP method.
    public var method: Span<UInt8> {
        @_lifetime(copy self) get { span(raw.method, within: self) }
    }
    /// What the principal itself showed, to be exchanged and never for the server; nil: not told.
    public var presented: Span<UInt8>? {
        @_lifetime(copy self) get { optionalSpan(raw.presented, within: self) }
    }
    /// After a refusal: the server's WWW-Authenticate; nil: none.
    public var challenge: Span<UInt8>? {
        @_lifetime(copy self) get { optionalSpan(raw.challenge, within: self) }
    }
}

/// What a source answers.
public struct Supply: Answer {
    private enum Form {
        case headers([(name: String, value: String)]), nothing, pending
        case connect(url: String, message: String, id: String)
    }
    private let form: Form
    /// When the headers end, milliseconds of Unix time; nil: not known to end.
    public var expiresMilliseconds: UInt64?
    /// For how long the host may use them again; nil: the usual.
    public var keep: Duration?

    private init(_ form: Form) { self.form = form }

    /// Header fields for the server.
    public static func headers(
        _ headers: KeyValuePairs<String, String>, expiresMilliseconds: UInt64? = nil, keep: Duration? = nil
    ) -> Supply {
        var supply = Supply(.headers(headers.map { ($0.key, $0.value) }))
        supply.expiresMilliseconds = expiresMilliseconds
        supply.keep = keep
        return supply
    }
    /// The server needs nothing.
    public static let nothing = Supply(.nothing)
    /// The user must agree first, at this URL; ``Host/connected(_:failure:)`` says when that was done.
    public static func connect(url: String, message: String, id: String) -> Supply {
        Supply(.connect(url: url, message: message, id: id))
    }
    /// Stands for an answer that comes later.
    public static let pending = Supply(.pending)
    /// Whether it stands for an answer that comes later.
    public var isPending: Bool { if case .pending = form { true } else { false } }

    /// As it goes to the host.
    public var encoded: EncodedAnswer {
        if case .nothing = form { return EncodedAnswer(outcome: .absent) }
        var writer = JSONWriter()
        encode(into: &writer)
        return EncodedAnswer(outcome: .result(writer.bytes))
    }

    /// Writes the supply's object.
    public func encode(into writer: inout JSONWriter) {
        writer.object { writer in
            switch form {
            case .headers(let headers):
                writer.member("headers") { writer in
                    writer.object { writer in
                        for header in headers { writer.member(header.name, header.value) }
                    }
                }
            case .connect(let url, let message, let id):
                writer.member("connect", ["url": .text(url), "message": .text(message), "id": .text(id)])
            case .nothing, .pending: break
            }
            if let expiresMilliseconds {
                writer.member("expires_ms", .integer(Int(clamping: expiresMilliseconds)))
            }
            if let keep { writer.member("keep_ms", .integer(Int(clamping: keep.nanoseconds / 1_000_000))) }
        }
    }
}

extension Host {
    /// The user did what a ``Supply/connect(url:message:id:)`` asked for, or `failure` says why it came to
    /// nothing. The manifest must list `jf.connected/1`. [lane]
    public func connected(_ id: String, failure: PluginError.Code? = nil) {
        guard let service = services.connectedService, let connected = service.connected else { return }
        withView(id) { view in
            _ = services.whileOpen { _ in connected(service.context, view, failure?.status ?? Int32(JF_OK)) }
        }
    }

    /// What was supplied before is not good any more: all of this plugin's, or those of one ``Principal/key``.
    /// The manifest must list `jf.connected/1`. [lane]
    public func forgetSupplies(of key: String? = nil) {
        guard let service = services.connectedService, let forget = service.forget else { return }
        func tell(_ view: jf_view) { _ = services.whileOpen { _ in forget(service.context, view) } }
        if let key { withView(key, tell) } else { tell(.absent) }
    }
}

// MARK: The table

class CredentialServer: GuardServer {
    func supply(_ demand: borrowing Demand, _ context: AnswerContext) throws -> Supply {
        fatalError("abstract")
    }
}

final class TypedCredentialServer<Source: CredentialSource>: CredentialServer {
    private var source: Source

    init(_ source: Source, _ host: Host) {
        self.source = source
        super.init(host)
    }

    override func supply(_ demand: borrowing Demand, _ context: AnswerContext) throws -> Supply {
        try source.supply(demand, context: context)
    }
    override func detach() { source.detach() }
}

func credentialsTable() -> jf_credentials_1 {
    jf_credentials_1(
        size: UInt32(MemoryLayout<jf_credentials_1>.size), flags: 0, attach: attachSource,
        detach: detachSource,
        supply: supply, cancel: cancelOperation)
}

private func attachSource(
    _ own: OpaquePointer?, _ server: jf_view, _ config: jf_view, _ handle: UnsafeMutablePointer<jf_ref>?,
    _ why: UnsafeMutablePointer<jf_fault>?
) -> Int32 {
    Instance.with(own) { $0.credentials?.attach(server, config, handle, why) ?? Int32(JF_E_FAULT) }
        ?? Int32(JF_E_FAULT)
}

private func detachSource(_ own: OpaquePointer?, _ handle: jf_ref) {
    Instance.with(own) { $0.credentials?.detach(handle) }
}

private func supply(
    _ own: OpaquePointer?, _ op: jf_ref, _ handle: jf_ref, _ demand: UnsafePointer<jf_demand>?,
    _ supply: UnsafeMutablePointer<jf_blob>?, _ why: UnsafeMutablePointer<jf_fault>?
) -> Int32 {
    guard let demand else { return Int32(JF_E_FAULT) }
    return Instance.with(own) { instance in
        guard let server = instance.credentials?[handle] else { return Int32(JF_E_STALE) }
        return answer(op, server.host, supply, why) { try server.supply(Demand(demand), $0) }
    } ?? Int32(JF_E_FAULT)
}
