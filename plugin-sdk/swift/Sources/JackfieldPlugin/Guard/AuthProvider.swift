// SPDX-License-Identifier: Apache-2.0
// The facet jf.auth/1 as a plugin author writes it: tells who asks.

import CJackfield

/// Turns what a request brought with it into an identity. There is one value per configured provider, on each
/// event loop. All methods are called on the instance's lane, one at a time, and must not block: one that asks
/// somebody else answers with ``AnswerContext/later(_:)``.
public protocol AuthProvider {
    /// Begins to serve one configured provider.
    /// - Parameters:
    ///   - name: as the configuration calls it.
    ///   - configuration: its options, valid against the manifest's `auth.config` schema.
    ///   - host: to be kept for as long as this value lives.
    /// - Throws: why it cannot; the text goes to the gateway's log.
    init(name: String, configuration: JSONReader, host: Host) throws

    /// Says who it is, or ``Identification/absent`` where the request has no credentials of this kind: the
    /// next provider is asked then.
    /// - Throws: ``PluginError/denied(_:)`` for credentials that are not good (401; add ``PluginError/shownToClient``
    ///   for the client to read why); anything else where it cannot be known now (503).
    mutating func identify(_ credentials: borrowing Credentials, context: AnswerContext) throws
        -> Identification

    /// What a client without credentials must know (RFC 9728), an object; nil: nothing.
    var metadata: JSONValue? { get }

    /// The provider was taken out of the configuration, or the gateway stops.
    mutating func detach()
}

extension AuthProvider {
    /// Nothing.
    public var metadata: JSONValue? { nil }
    /// Nothing to let go of.
    public mutating func detach() {}
}

/// What a request brought with it; borrowed until the method returns.
public struct Credentials: ~Escapable {
    private let raw: jf_credentials

    /// `raw` must stay readable for as long as the pointer's owner lends it.
    @_lifetime(borrow pointer)
    init(_ pointer: UnsafePointer<jf_credentials>) {
        raw = attach(UnsafeRawPointer(pointer), jf_credentials()) ?? jf_credentials()
    }

    /// The client is on this machine.
    public var isLocal: Bool { raw.flags & JF_CREDENTIALS_LOCAL != 0 }
    /// The client is the one for which the gateway was started (stdio).
    public var isSole: Bool { raw.flags & JF_CREDENTIALS_SOLE != 0 }
    /// Milliseconds of Unix time.
    public var nowMilliseconds: UInt64 { raw.now_ms }

    /// The endpoint asked for.
    public var target: Span<UInt8> {
        @_lifetime(copy self) get { span(raw.target, within: self) }
    }
    /// Its canonical URI, for which a token must have been made (RFC 8707).
    public var resource: Span<UInt8> {
        @_lifetime(copy self) get { span(raw.resource, within: self) }
    }
    /// The client's address.
    public var address: Span<UInt8> {
        @_lifetime(copy self) get { span(raw.address, within: self) }
    }
    /// Its verified certificate (X.509, DER); nil: none.
    public var certificate: Span<UInt8>? {
        @_lifetime(copy self) get { optionalSpan(raw.certificate, within: self) }
    }

    /// The header fields that the manifest's `auth.fields` names, copied, in order of arrival.
    public var fields: [(name: String, value: String)] {
        guard let fields = raw.fields else { return [] }
        return (0..<Int(clamping: raw.field_count)).map {
            (fields[$0].name.text ?? "", fields[$0].value.text ?? "")
        }
    }

    /// The values of a field, by its name in lower case.
    public func values(of name: String) -> [String] { fields.filter { $0.name == name }.map(\.value) }

    /// What stands behind "Bearer " in the field authorization (RFC 6750 section 2.1); nil: nothing does.
    /// - Throws: ``PluginError/denied(_:)`` when it is there twice, or empty.
    public func bearer() throws -> String? {
        let values = values(of: "authorization")
        guard let value = values.first, value.utf8.count >= 7, value.prefix(7).lowercased() == "bearer "
        else { return nil }
        guard values.count == 1 else {
            throw PluginError.denied("there are two fields authorization").shownToClient
        }
        let token = value.dropFirst(7).drop { $0 == " " }
        guard !token.isEmpty else { throw PluginError.denied("the bearer token is empty").shownToClient }
        return String(token)
    }
}

/// Who somebody is, as a provider says it.
public struct Identity: Sendable, Equatable {
    /// Who it is.
    public var subject: String
    /// Whom it belongs to; nil: no tenants.
    public var tenant: String?
    /// Who vouches for it; nil: the gateway's own configuration.
    public var issuer: String?
    /// What policies may take it for.
    public var roles: [String]
    /// What was granted to its credentials.
    public var scopes: [String]
    /// What else is known.
    public var attributes: [JSONValue.Member]
    /// Names what it showed, without being it: a key's id.
    public var credential: String?
    /// When the credentials end, milliseconds of Unix time; nil: not known to end.
    public var expiresMilliseconds: UInt64?
    /// For how long the host may answer the same credentials itself; nil: the usual.
    public var keep: Duration?

    /// An identity; all but its subject has a default.
    public init(
        _ subject: String, tenant: String? = nil, issuer: String? = nil, roles: [String] = [],
        scopes: [String] = [], attributes: [JSONValue.Member] = [], credential: String? = nil,
        expiresMilliseconds: UInt64? = nil, keep: Duration? = nil
    ) {
        self.subject = subject
        self.tenant = tenant
        self.issuer = issuer
        self.roles = roles
        self.scopes = scopes
        self.attributes = attributes
        self.credential = credential
        self.expiresMilliseconds = expiresMilliseconds
        self.keep = keep
    }
}

/// What a provider answers.
public struct Identification: Answer {
    private enum Form { case identity(Identity), absent, pending }
    private let form: Form

    /// This is who it is.
    public static func identity(_ identity: Identity) -> Identification {
        Identification(form: .identity(identity))
    }
    /// There are no credentials of this provider's kind.
    public static let absent = Identification(form: .absent)
    /// Stands for an answer that comes later.
    public static let pending = Identification(form: .pending)
    /// Whether it stands for an answer that comes later.
    public var isPending: Bool { if case .pending = form { true } else { false } }

    /// As it goes to the host.
    public var encoded: EncodedAnswer {
        if case .absent = form { return EncodedAnswer(outcome: .absent) }
        var writer = JSONWriter()
        encode(into: &writer)
        return EncodedAnswer(outcome: .result(writer.bytes))
    }

    /// Writes the principal's object.
    public func encode(into writer: inout JSONWriter) {
        guard case .identity(let it) = form else { return writer.value(.null) }
        writer.object { writer in
            writer.member("subject", it.subject)
            writer.member("tenant", ifPresent: it.tenant)
            writer.member("issuer", ifPresent: it.issuer)
            if !it.roles.isEmpty { writer.member("roles", .array(it.roles.map { .text($0) })) }
            if !it.scopes.isEmpty { writer.member("scopes", .array(it.scopes.map { .text($0) })) }
            if !it.attributes.isEmpty { writer.member("attributes", .object(it.attributes)) }
            writer.member("credential", ifPresent: it.credential)
            if let expires = it.expiresMilliseconds {
                writer.member("expires_ms", .integer(Int(clamping: expires)))
            }
            if let keep = it.keep {
                writer.member("keep_ms", .integer(Int(clamping: keep.nanoseconds / 1_000_000)))
            }
        }
    }
}

extension Host {
    /// What was accepted before may not hold any more: principals of this plugin are asked for anew; with
    /// `credential` only those that showed it. The manifest must list `jf.identity/1`. [lane]
    public func forgetIdentities(credential: String? = nil) {
        guard let identity = services.identityService, let forget = identity.forget else { return }
        func tell(_ view: jf_view) { _ = services.whileOpen { _ in forget(identity.context, view) } }
        if let credential { withView(credential, tell) } else { tell(.absent) }
    }
}

// MARK: The table

class AuthServer: GuardServer {
    func identify(_ credentials: borrowing Credentials, _ context: AnswerContext) throws -> Identification {
        fatalError("abstract")
    }
    var metadata: JSONValue? { nil }
}

final class TypedAuthServer<Provider: AuthProvider>: AuthServer {
    private var provider: Provider

    init(_ provider: Provider, _ host: Host) {
        self.provider = provider
        super.init(host)
    }

    override func identify(
        _ credentials: borrowing Credentials, _ context: AnswerContext
    ) throws -> Identification { try provider.identify(credentials, context: context) }
    override var metadata: JSONValue? { provider.metadata }
    override func detach() { provider.detach() }
}

func authTable() -> jf_auth_1 {
    jf_auth_1(
        size: UInt32(MemoryLayout<jf_auth_1>.size), flags: 0, attach: attachAuth, detach: detachAuth,
        identify: identify, describe: describe, cancel: cancelOperation)
}

private func attachAuth(
    _ own: OpaquePointer?, _ name: jf_view, _ config: jf_view, _ handle: UnsafeMutablePointer<jf_ref>?,
    _ why: UnsafeMutablePointer<jf_fault>?
) -> Int32 {
    Instance.with(own) { $0.auth?.attach(name, config, handle, why) ?? Int32(JF_E_FAULT) }
        ?? Int32(JF_E_FAULT)
}

private func detachAuth(_ own: OpaquePointer?, _ handle: jf_ref) {
    Instance.with(own) { $0.auth?.detach(handle) }
}

private func identify(
    _ own: OpaquePointer?, _ op: jf_ref, _ handle: jf_ref, _ credentials: UnsafePointer<jf_credentials>?,
    _ principal: UnsafeMutablePointer<jf_blob>?, _ why: UnsafeMutablePointer<jf_fault>?
) -> Int32 {
    guard let credentials else { return Int32(JF_E_FAULT) }
    return Instance.with(own) { instance in
        guard let server = instance.auth?[handle] else { return Int32(JF_E_STALE) }
        return answer(op, server.host, principal, why) { try server.identify(Credentials(credentials), $0) }
    } ?? Int32(JF_E_FAULT)
}

private func describe(
    _ own: OpaquePointer?, _ handle: jf_ref, _ description: UnsafeMutablePointer<jf_blob>?,
    _ why: UnsafeMutablePointer<jf_fault>?
) -> Int32 {
    Instance.with(own) { instance in
        guard let server = instance.auth?[handle], let description else { return Int32(JF_E_STALE) }
        guard let metadata = server.metadata else { return Int32(JF_ABSENT) }
        description.pointee = .copying(Array(metadata.json.utf8))
        return Int32(JF_OK)
    } ?? Int32(JF_E_FAULT)
}
