// SPDX-License-Identifier: Apache-2.0
// On whose behalf a request is made: one immutable object, lent to policies, filters and sources of credentials.

import CJackfield
import CLinux
import JSON

/// Who asks. Made once for its credentials and shared by all requests with them; any thread.
final class Principal: @unchecked Sendable {
    /// What plugins are lent; lives as long as the object.
    let lent: UnsafePointer<jf_principal>
    /// Tenant, issuer and subject, in a text that no others have: what sessions, states, tasks, cached answers and limits
    /// are bound to. Empty: nobody.
    let key: String
    let subject: String
    let tenant: String
    /// Stands for `key` in this process; 0: nobody.
    let id: UInt64
    /// The provider that vouches for it, by its place in the configuration; -1: nobody.
    let provider: Int
    /// When its credentials end, in milliseconds of Unix time; .max: not known to end.
    let expires: UInt64
    let scopes: [String]
    /// Names what it showed, without being it; may be empty.
    let credential: String
    /// What it showed, for sources of credentials that exchange it; empty unless one does.
    let presented: [UInt8]

    /// Nobody is known.
    static let nobody = Principal(PrincipalText(), provider: -1, name: "")

    var isNobody: Bool { id == 0 }
    /// Nobody in particular, be it nobody at all or nobody in particular of a tenant.
    var isAnonymous: Bool { subject.isEmpty }

    /// - Parameter name: the provider's, in the configuration.
    init(_ text: PrincipalText, provider: Int, name: String, presented: [UInt8] = []) {
        key = text.key
        subject = text.subject
        tenant = text.tenant
        self.provider = provider
        self.presented = presented
        expires = text.expires == 0 ? .max : text.expires
        scopes = text.scopes
        credential = text.credential
        id = text.key.isEmpty ? 0 : max(1, Principal.hash(text.key))
        let texts = [
            text.key, text.subject, text.tenant, text.issuer, name, text.credential, text.attributes,
        ]
        let lists = text.roles + text.scopes
        let bytes = (texts + lists).reduce(0) { $0 + $1.utf8.count }
        let views = lists.count * MemoryLayout<jf_view>.stride
        let head = MemoryLayout<jf_principal>.size
        let memory = UnsafeMutableRawPointer.allocate(byteCount: head + views + max(bytes, 1), alignment: 16)
        var place = memory + head + views
        func keep(_ text: String) -> jf_view {
            var text = text
            return text.withUTF8 { utf8 in
                if let base = utf8.baseAddress { place.copyMemory(from: base, byteCount: utf8.count) }
                defer { place += utf8.count }
                return jf_view(UnsafeRawBufferPointer(start: place, count: utf8.count))
            }
        }
        var shown = jf_principal()
        shown.size = UInt32(head)
        shown.id = id
        shown.key = keep(text.key)
        shown.subject = keep(text.subject)
        shown.tenant = keep(text.tenant)
        shown.issuer = keep(text.issuer)
        shown.provider = keep(name)
        shown.credential = keep(text.credential)
        shown.attributes = keep(text.attributes)
        let list = (memory + head).bindMemory(to: jf_view.self, capacity: max(lists.count, 1))
        for (at, text) in lists.enumerated() { list[at] = keep(text) }
        shown.roles = UnsafePointer(list)
        shown.role_count = UInt64(text.roles.count)
        shown.scopes = UnsafePointer(list + text.roles.count)
        shown.scope_count = UInt64(text.scopes.count)
        shown.expires_ms = text.expires
        memory.initializeMemory(as: jf_principal.self, to: shown)
        lent = UnsafePointer(memory.assumingMemoryBound(to: jf_principal.self))
    }

    deinit { UnsafeMutableRawPointer(mutating: lent).deallocate() }

    /// Whether everything in a list of scopes was granted.
    func hasScopes(_ needed: [String]) -> Bool { needed.allSatisfy { scopes.contains($0) } }

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
