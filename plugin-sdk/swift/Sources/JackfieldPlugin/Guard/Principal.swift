// SPDX-License-Identifier: Apache-2.0
// Who asks: borrowed, as policies, filters and credential sources see it.

import CJackfield

/// On whose behalf something happens; borrowed until the method returns.
public struct Principal: ~Escapable {
    private let raw: jf_principal

    /// `raw` must stay readable for as long as the pointer's owner lends it.
    @_lifetime(borrow pointer)
    init(_ pointer: UnsafePointer<jf_principal>?) {
        raw = attach(UnsafeRawPointer(pointer), jf_principal()) ?? jf_principal()
    }

    /// Whether anybody is known.
    public var isKnown: Bool { raw.id != 0 }
    /// Stands for tenant, issuer and subject in this process; 0: nobody is known.
    public var id: UInt64 { raw.id }
    /// When its credentials end, milliseconds of Unix time; nil: not known to end.
    public var expiresMilliseconds: UInt64? { raw.expires_ms > 0 ? raw.expires_ms : nil }

    /// Tenant, issuer and subject in one text that no others have; empty: nobody.
    public var key: Span<UInt8> {
        @_lifetime(copy self) get { span(raw.key, within: self) }
    }
    /// Who it is, as the provider names it; empty: nobody.
    public var subject: Span<UInt8> {
        @_lifetime(copy self) get { span(raw.subject, within: self) }
    }
    /// Whom it belongs to; empty: none.
    public var tenant: Span<UInt8> {
        @_lifetime(copy self) get { span(raw.tenant, within: self) }
    }
    /// Who vouches for it; empty: the gateway's own configuration.
    public var issuer: Span<UInt8> {
        @_lifetime(copy self) get { span(raw.issuer, within: self) }
    }
    /// The provider's name in the configuration.
    public var provider: Span<UInt8> {
        @_lifetime(copy self) get { span(raw.provider, within: self) }
    }
    /// Names what it showed, without being it.
    public var credential: Span<UInt8> {
        @_lifetime(copy self) get { span(raw.credential, within: self) }
    }
    /// What else is known: a JSON object. ``Host/read(_:)`` reads it.
    public var attributes: Span<UInt8> {
        @_lifetime(copy self) get { span(raw.attributes, within: self) }
    }

    /// Its roles, copied.
    public var roles: [String] { texts(raw.roles, raw.role_count) }
    /// What was granted to its credentials, copied.
    public var scopes: [String] { texts(raw.scopes, raw.scope_count) }

    /// Whether it has this role; costs no allocation.
    public func hasRole(_ role: String) -> Bool { has(role, raw.roles, raw.role_count) }
    /// Whether this scope was granted to its credentials; costs no allocation.
    public func hasScope(_ scope: String) -> Bool { has(scope, raw.scopes, raw.scope_count) }
}

private func texts(_ views: UnsafePointer<jf_view>?, _ count: UInt64) -> [String] {
    guard let views else { return [] }
    return (0..<Int(clamping: count)).map { views[$0].text ?? "" }
}

private func has(_ text: String, _ views: UnsafePointer<jf_view>?, _ count: UInt64) -> Bool {
    guard let views else { return false }
    for index in 0..<Int(clamping: count) where views[index].bytes.elementsEqual(text.utf8) { return true }
    return false
}

extension Host {
    /// Reads JSON that a method was lent, such as ``Principal/attributes``, as a copy; nil: it is none. [any]
    public func read(_ json: Span<UInt8>?) -> JSONReader? {
        guard let json else { return nil }
        return JSONReader(json.array, services)
    }
}
