// SPDX-License-Identifier: Apache-2.0
// What a record says of a call's arguments: their digest, or what may be shown of them.

import JSON

struct AuditArguments {
    /// Members whose values are never written, whatever the configuration adds.
    static let standard = [
        "password", "passwd", "passphrase", "secret", "client_secret", "token", "access_token",
        "refresh_token",
        "id_token", "api_key", "apikey", "authorization", "cookie", "private_key", "credentials",
    ]
    /// Longer ones are written as their digest.
    static let longest = 64 << 10
    private static let mask = JSONValue.string("[redacted]")
    /// Of `{}`, which many calls have.
    private static let empty = SHA256.digest(of: "{}").hex

    private let mode: AuditPlan.Arguments
    private let names: Set<String>
    private let pointers: [[String]]

    init(_ plan: AuditPlan) {
        mode = plan.arguments
        names = Set((Self.standard + plan.redact.filter { !$0.hasPrefix("/") }).map { $0.lowercased() })
        pointers = plan.redact.filter { $0.hasPrefix("/") }.map { pointer in
            pointer.dropFirst().split(separator: "/", omittingEmptySubsequences: false).map(Self.unescaped)
        }
    }

    /// One step of a JSON pointer (RFC 6901, section 4).
    private static func unescaped(_ step: Substring) -> String {
        var text = ""
        var isEscape = false
        for character in step {
            if isEscape {
                text.append(character == "1" ? "/" : "~")
                isEscape = false
            } else if character == "~" {
                isEscape = true
            } else {
                text.append(character)
            }
        }
        return text
    }

    /// Writes the member `arguments`, if there is something to say.
    func write(_ raw: UnsafeRawBufferPointer?, to writer: inout JSONWriter) {
        guard mode != .none, let raw else { return }
        writer.key("arguments")
        if raw.count == 2, raw[0] == UInt8(ascii: "{") { return digest(Self.empty, raw.count, &writer) }
        guard let value = try? JSONValue(parsing: raw) else {
            return digest(SHA256.digest(of: raw).hex, raw.count, &writer)
        }
        if mode == .full {
            let shown = redacted(value, [], pointers).serialized()
            if shown.count <= Self.longest { return writer.raw(shown) }
        }
        let canonical = value.canonicalized().serialized()
        digest(canonical.withUnsafeBytes { SHA256.digest(of: $0) }.hex, raw.count, &writer)
    }

    private func digest(_ hex: String, _ bytes: Int, _ writer: inout JSONWriter) {
        writer.beginObject()
        writer.key("sha256")
        writer.value(hex)
        writer.key("bytes")
        writer.value(bytes)
        writer.endObject()
    }

    /// The value without what may not be shown.
    /// - Parameter pointers: those that lead here so far.
    func redacted(_ value: JSONValue, _ path: [String], _ pointers: [[String]]) -> JSONValue {
        func inside(_ step: String, _ value: JSONValue) -> JSONValue {
            let next = pointers.filter { $0.count > path.count && $0[path.count] == step }
            let path = path + [step]
            if next.contains(where: { $0.count == path.count }) { return Self.mask }
            return redacted(value, path, next)
        }
        switch value {
        case .object(let members):
            return .object(
                members.map { member in
                    names.contains(member.key.lowercased())
                        ? JSONMemberValue(member.key, Self.mask)
                        : JSONMemberValue(member.key, inside(member.key, member.value))
                })
        case .array(let elements):
            return .array(elements.enumerated().map { inside(String($0.offset), $0.element) })
        default: return value
        }
    }
}
