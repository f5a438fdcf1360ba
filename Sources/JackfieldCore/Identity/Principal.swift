// SPDX-License-Identifier: Apache-2.0
// On whose behalf a request is made: one immutable object, lent to policies, filters and sources of credentials.

import CJackfield
import CLinux
import Glibc
import JSON

/// Who asks. Made once for its credentials and shared by all requests with them; any thread.
///
/// There may be a million: one object, one block of memory with what is lent and the texts that are its own, and what it has
/// in common with others (`PrincipalNames`). Texts are made anew whenever they are asked for: paths that every call takes
/// compare bytes instead.
final class Principal: @unchecked Sendable {
    /// What plugins are lent; lives as long as the object.
    let lent: UnsafePointer<jf_principal>
    private let names: PrincipalNames
    private let number: Int32
    /// Bytes of `presented`, at the end of the block.
    private let presentedCount: UInt32

    /// Nobody is known.
    static let nobody = Principal(PrincipalText(), provider: -1, name: "")

    /// Tenant, issuer and subject, in a text that no others have: what sessions, states, tasks, cached answers and limits
    /// are bound to. Empty: nobody.
    var key: String { lent.pointee.key.string }
    var subject: String { lent.pointee.subject.string }
    var tenant: String { lent.pointee.tenant.string }
    /// Stands for `key` in this process; 0: nobody.
    var id: UInt64 { lent.pointee.id }
    /// The provider that vouches for it, by its place in the configuration; -1: nobody.
    var provider: Int { Int(number) }
    /// When its credentials end, in milliseconds of Unix time; .max: not known to end.
    var expires: UInt64 { lent.pointee.expires_ms == 0 ? .max : lent.pointee.expires_ms }
    /// Names what it showed, without being it; may be empty.
    var credential: String { lent.pointee.credential.string }
    /// What it showed, for sources of credentials that exchange it; empty unless one does.
    var presented: UnsafeRawBufferPointer {
        let texts = lent.pointee.attributes.bytes
        guard presentedCount > 0, let base = texts.baseAddress else { return .init(start: nil, count: 0) }
        return UnsafeRawBufferPointer(start: base + texts.count, count: Int(presentedCount))
    }

    var isNobody: Bool { lent.pointee.key.len == 0 }
    /// Nobody in particular, be it nobody at all or nobody in particular of a tenant.
    var isAnonymous: Bool { lent.pointee.subject.len == 0 }

    /// - Parameter name: the provider's, in the configuration.
    init(_ text: PrincipalText, provider: Int, name: String, presented: [UInt8] = []) {
        names = .find(provider: name, roles: text.roles, scopes: text.scopes)
        number = Int32(clamping: provider)
        presentedCount = UInt32(clamping: presented.count)
        let key = text.key
        // Everything that the key holds is lent from there.
        let apart = key.isEmpty ? [text.subject, text.tenant, text.issuer] : []
        let texts = [key] + apart + [text.credential, text.attributes]
        let head = MemoryLayout<jf_principal>.size
        let bytes = texts.reduce(0) { $0 + $1.utf8.count } + presented.count
        let memory = UnsafeMutableRawPointer.allocate(byteCount: head + bytes, alignment: 16)
        var place = memory + head
        func keep(_ bytes: UnsafeRawBufferPointer) -> jf_view {
            if let base = bytes.baseAddress { place.copyMemory(from: base, byteCount: bytes.count) }
            defer { place += bytes.count }
            return jf_view(UnsafeRawBufferPointer(start: place, count: bytes.count))
        }
        func keep(_ text: String) -> jf_view {
            var text = text
            return text.withUTF8 { keep(UnsafeRawBufferPointer($0)) }
        }
        var shown = jf_principal()
        shown.size = UInt32(head)
        // Nobody in particular is nobody that plugins know, of a tenant or not.
        shown.id = text.subject.isEmpty ? 0 : max(1, Principal.hash(key))
        shown.key = keep(key)
        if key.isEmpty {
            shown.subject = keep(text.subject)
            shown.tenant = keep(text.tenant)
            shown.issuer = keep(text.issuer)
        } else {
            let whole = shown.key.bytes
            func part(_ text: String, endingAt end: Int) -> jf_view {
                jf_view(UnsafeRawBufferPointer(rebasing: whole[(end - text.utf8.count)..<end]))
            }
            shown.subject = part(text.subject, endingAt: whole.count)
            let issuerEnd = whole.count - text.subject.utf8.count
            shown.issuer = part(text.issuer, endingAt: issuerEnd)
            let issuer = text.issuer.utf8.count
            shown.tenant = part(text.tenant, endingAt: issuerEnd - issuer - "\(issuer):".utf8.count)
        }
        shown.provider = names.provider
        shown.credential = keep(text.credential)
        shown.attributes = keep(text.attributes)
        _ = presented.withUnsafeBytes { keep($0) }
        shown.roles = names.roles.baseAddress
        shown.role_count = UInt64(names.roles.count)
        shown.scopes = names.scopes.baseAddress
        shown.scope_count = UInt64(names.scopes.count)
        shown.expires_ms = text.expires
        memory.initializeMemory(as: jf_principal.self, to: shown)
        lent = UnsafePointer(memory.assumingMemoryBound(to: jf_principal.self))
    }

    deinit {
        if let shown = UnsafeMutableRawPointer(mutating: presented.baseAddress) {
            explicit_bzero(shown, presented.count)
        }
        UnsafeMutableRawPointer(mutating: lent).deallocate()
        names.giveBack()
    }

    /// Whether it is this principal to whom something belongs (`key`).
    @inline(__always)
    func owns(_ owner: String) -> Bool { lent.pointee.key.isText(owner) }

    /// Whether it is of a tenant.
    @inline(__always)
    func isOf(_ tenant: String) -> Bool { lent.pointee.tenant.isText(tenant) }

    /// Whether it showed this (`credential`).
    func showed(_ credential: String) -> Bool { lent.pointee.credential.isText(credential) }

    /// What it was granted.
    var scopes: [String] { names.scopes.map(\.string) }

    /// Whether everything in a list of scopes was granted.
    func hasScopes(_ needed: [String]) -> Bool {
        needed.allSatisfy { scope in names.scopes.contains { $0.isText(scope) } }
    }

    /// Seeded anew in each process, so that nobody can choose subjects that collide.
    private static func hash(_ key: String) -> UInt64 {
        var hasher = Hasher()
        hasher.combine(key)
        return UInt64(bitPattern: Int64(hasher.finalize()))
    }
}

/// What a provider says of a principal, as text (auth.h).
struct PrincipalText {
    static let mostBytes = 64 << 10
    static let mostNames = 256

    var subject = ""
    var tenant = ""
    var issuer = ""
    var credential = ""
    var attributes = "{}"
    var roles: [String] = []
    var scopes: [String] = []
    /// Milliseconds of Unix time; 0: never.
    var expires: UInt64 = 0
    /// For how long the host may answer itself, in milliseconds; nil: until it expires.
    var keep: UInt64?

    init() {}

    /// Tenant, issuer and subject; no others have this text.
    var key: String {
        subject.isEmpty && tenant.isEmpty
            ? "" : "\(tenant.utf8.count):\(tenant)\(issuer.utf8.count):\(issuer)\(subject)"
    }

    /// Reads a provider's answer. Throws a clause that says what is wrong with it.
    init(parsing bytes: UnsafeRawBufferPointer) throws(PrincipalProblem) {
        guard bytes.count <= Self.mostBytes else {
            throw PrincipalProblem("is larger than \(Self.mostBytes) bytes")
        }
        let json: JSONValue
        do throws(JSONError) { json = try JSONValue(parsing: bytes) } catch {
            throw PrincipalProblem("is not JSON: \(error.description)")
        }
        guard json.object != nil else { throw PrincipalProblem("is no JSON object") }
        func text(_ name: String) throws(PrincipalProblem) -> String {
            guard let value = json[name], value.kind != .null else { return "" }
            guard let text = value.string else { throw PrincipalProblem("has a \"\(name)\" that is no text") }
            return text
        }
        func names(_ name: String) throws(PrincipalProblem) -> [String] {
            guard let value = json[name], value.kind != .null else { return [] }
            let texts = value.array?.compactMap(\.string)
            guard let texts, texts.count == value.array?.count, texts.count <= Self.mostNames else {
                throw PrincipalProblem("has \"\(name)\" that are no list of at most \(Self.mostNames) texts")
            }
            return texts
        }
        func time(_ name: String) throws(PrincipalProblem) -> UInt64? {
            guard let value = json[name], value.kind != .null else { return nil }
            guard let number = value.int, number >= 0 else {
                throw PrincipalProblem("has a \"\(name)\" that is no number of milliseconds")
            }
            return UInt64(number)
        }
        subject = try text("subject")
        guard !subject.isEmpty else { throw PrincipalProblem("has no \"subject\"") }
        tenant = try text("tenant")
        issuer = try text("issuer")
        credential = try text("credential")
        roles = try names("roles")
        scopes = try names("scopes")
        expires = try time("expires_ms") ?? 0
        keep = try time("keep_ms")
        if let value = json["attributes"], value.kind != .null {
            guard value.object != nil else { throw PrincipalProblem("has \"attributes\" that are no object") }
            attributes = String(decoding: value.serialized(), as: UTF8.self)
        }
    }
}

/// Why a provider's answer names nobody.
struct PrincipalProblem: Error {
    let message: String
    init(_ message: String) { self.message = message }
}
