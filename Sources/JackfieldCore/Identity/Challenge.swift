// SPDX-License-Identifier: Apache-2.0
// What those outside are told: 401 and 403 with WWW-Authenticate (RFC 6750, RFC 9728, MCP "Authorization").

import CJackfield
import JSON
import MCP

/// Why somebody is not let in.
struct Challenge {
    let status: Int
    /// RFC 6750's word; nil: no credentials were shown.
    let error: String?
    let text: String
    /// All scopes that are needed; empty: not said.
    var scopes: [String] = []
    var retry: UInt32 = 0
    /// What clients are told where no credentials would help; nil: they are challenged.
    var code: ErrorCode?
    /// For the audit log.
    var rule: String?

    init(status: Int, error: String?, text: String, scopes: [String] = []) {
        self.status = status
        self.error = error
        self.text = text
        self.scopes = scopes
    }

    /// Other credentials would not help.
    static func refusal(_ status: Int, _ code: ErrorCode, _ text: String, rule: String) -> Challenge {
        var challenge = Challenge(status: status, error: nil, text: text)
        challenge.code = code
        challenge.rule = rule
        return challenge
    }

    /// Nobody can say now who it is.
    static func unavailable(retry: UInt32) -> Challenge {
        var challenge = Challenge(
            status: JF_STATUS_UNAVAILABLE, error: nil,
            text: "credentials cannot be checked at the moment; try again later")
        challenge.retry = retry == 0 ? 1000 : retry
        return challenge
    }

    /// The value of WWW-Authenticate.
    /// - Parameter metadata: the URL of the endpoint's metadata (RFC 9728); nil: it has none.
    func value(metadata: String?) -> String {
        var parts: [String] = []
        if let error {
            parts.append("error=\"\(error)\"")
            parts.append("error_description=\"\(Challenge.quotable(text))\"")
        }
        if let metadata { parts.append("resource_metadata=\"\(Challenge.quotable(metadata))\"") }
        let names = scopes.filter(Challenge.isScope)
        if !names.isEmpty { parts.append("scope=\"\(names.joined(separator: " "))\"") }
        return parts.isEmpty ? "Bearer" : "Bearer " + parts.joined(separator: ", ")
    }

    /// Whether a text is a scope-token (RFC 6749 section 3.3): tokens and policies may bring others.
    static func isScope(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != 0x22 && $0 != 0x5C }
    }

    /// Text between the quotes of a parameter (RFC 6750 section 3: no quotes, no backslashes, ASCII).
    private static func quotable(_ text: String) -> String {
        String(
            decoding: text.utf8.map { $0 < 0x20 || $0 > 0x7E ? 0x3F : $0 == 0x22 || $0 == 0x5C ? 0x27 : $0 },
            as: UTF8.self)
    }
}

extension Lane {
    /// Turns a message away.
    func refuseStranger(
        _ client: Client, _ message: jf_message, _ gate: IdentityGate, _ challenge: Challenge
    ) {
        counters.add(challenge.status == JF_STATUS_UNAVAILABLE ? .unknownCallers : .refusedCallers)
        let code: ErrorCode =
            challenge.code
            ?? (challenge.status == JF_STATUS_FORBIDDEN
                ? .denied : challenge.status == JF_STATUS_UNAVAILABLE ? .internalError : .unauthorized)
        let values =
            challenge.status == JF_STATUS_UNAVAILABLE || challenge.code != nil
            ? [] : challenges(challenge, gate, client, message)
        if audit != nil, challenge.status != JF_STATUS_UNAVAILABLE {
            recordDenial(
                .nobody, from: client.address, method: message.method.string,
                shownName: message.name.present.map { String(decoding: $0, as: UTF8.self) },
                reason: .identity, rule: challenge.rule ?? challenge.error, challenge.text)
        }
        // A shared channel tells requests from notifications by their ids alone.
        let id = client.isShared ? requestId(message) : nil
        if client.isShared, id == nil { return }
        let reason =
            challenge.status == JF_STATUS_UNAVAILABLE
            ? "unavailable" : challenge.code == nil ? "unauthorized" : "denied"
        var data = "{\"reason\":\"\(reason)\""
        if !challenge.scopes.isEmpty {
            let scopes = challenge.scopes.joined(separator: " ")
            data += ",\"scopes\":\(String(decoding: JSONWriter.quoted(scopes), as: UTF8.self))"
        }
        reply.reset()
        (id ?? []).withUnsafeBytes { bytes in
            Answers.error(
                id: id == nil ? nil : bytes, code, challenge.text, data: data + "}", into: reply)
        }
        withFields(values) {
            send(
                client, exchange: message.exchange, reply.finish(), final: true, status: challenge.status,
                retryAfter: challenge.retry, fields: $0)
        }
    }

    /// Values of WWW-Authenticate for an endpoint: the Bearer one first.
    private func challenges(
        _ challenge: Challenge, _ gate: IdentityGate, _ client: Client, _ message: jf_message
    ) -> [String] {
        let path = message.target.len == 0 ? "/mcp" : message.target.string
        let origin = gate.plan.resource ?? Origin.of(host(of: message), client, ownOrigin)
        let hasMetadata = gate.metadata(resource: origin, scopes: []) != nil
        let url = hasMetadata ? origin + ResourceMetadata.path + path : nil
        let own = challenge.value(metadata: url)
        // Who has no tokens is not asked for one.
        let others = gate.challenges
        return hasMetadata || others.isEmpty || challenge.error != nil ? [own] + others : others
    }

    func host(of message: jf_message) -> UnsafeRawBufferPointer? {
        for at in 0..<Int(message.field_count) {
            if let pair = message.fields?[at], Origin.isHost(pair.name.bytes) { return pair.value.bytes }
        }
        return nil
    }

    /// The id of a request, raw JSON; nil: it is none.
    private func requestId(_ message: jf_message) -> [UInt8]? {
        guard let body = message.body?.pointee, let text = try? JSONText(copying: body.bytes) else {
            return nil
        }
        return text.withRoot { root in
            guard root.kind == .object, root.member("method") != nil, let id = root.member("id") else {
                return nil
            }
            return id.kind == .string || id.kind == .number ? [UInt8](id.raw) : nil
        }
    }

    /// Lends values of WWW-Authenticate as header fields.
    @discardableResult
    func withFields<R>(_ challenges: [String], _ body: (UnsafeBufferPointer<jf_pair>) -> R) -> R {
        let bytes = challenges.map { Array($0.utf8) }
        func lend(_ at: Int, _ pairs: [jf_pair]) -> R {
            guard at < bytes.count else { return pairs.withUnsafeBufferPointer(body) }
            return bytes[at].withUnsafeBytes { value in
                lend(at + 1, pairs + [jf_pair(name: jf_view("www-authenticate"), value: jf_view(value))])
            }
        }
        return lend(0, [])
    }

    // MARK: Step-up

    /// Scopes that a caller lacks for a server, all that are needed; nil: it has them.
    func lackingScopes(_ caller: Principal, _ server: Server) -> [String]? {
        guard let gate = modules.identity, !server.plan.scopes.isEmpty,
            !caller.hasScopes(server.plan.scopes)
        else { return nil }
        return stepUp(caller, gate, server.plan.scopes)
    }

    /// All that a client should ask for: what everybody needs, what it lacks, and what it has. Clients of 2025-11-25 ask
    /// for what the challenge names and nothing else, and would lose here what they were granted there.
    func stepUp(_ caller: Principal, _ gate: IdentityGate, _ needed: [String]) -> [String] {
        var all: [String] = []
        let scopes = caller.scopes
        let granted = scopes.count <= Self.mostRepeated ? scopes : []
        for scope in gate.plan.scopes + needed + granted
        where !all.contains(scope) && Challenge.isScope(scope) {
            all.append(scope)
        }
        return all
    }

    /// Tokens with more scopes than these hear only what is needed: a challenge must fit into a head.
    private static var mostRepeated: Int { 32 }

    /// Refuses a request whose credentials would do with more scopes.
    func refuseScopes(_ asking: Asking, _ scopes: [String], _ server: Server) {
        guard let gate = modules.identity else { return }
        let text = "server \(server.name) needs the scopes \(server.plan.scopes.joined(separator: " "))"
        recordDenial(asking, .identity, rule: "insufficient_scope", text)
        guard !asking.client.isShared else {
            return refuse(
                asking.client, asking.message, id: asking.id, .denied, text,
                data: scopeData(scopes), status: JF_STATUS_FORBIDDEN)
        }
        counters.add(.refusedCallers)
        let challenge = Challenge(
            status: JF_STATUS_FORBIDDEN, error: "insufficient_scope", text: text, scopes: scopes)
        reply.reset()
        Answers.error(id: asking.id, .denied, text, data: scopeData(scopes), into: reply)
        withFields(challenges(challenge, gate, asking.client, asking.message)) {
            send(
                asking.client, exchange: asking.message.exchange, reply.finish(), final: true,
                status: JF_STATUS_FORBIDDEN, fields: $0)
        }
    }

    private func scopeData(_ scopes: [String]) -> String {
        "{\"reason\":\"denied\",\"scopes\":"
            + String(decoding: JSONWriter.quoted(scopes.joined(separator: " ")), as: UTF8.self) + "}"
    }

    /// The header fields of a call's last answer; empty for most.
    func answerFields(_ call: Call) -> [String] {
        guard let scopes = call.neededScopes, let gate = modules.identity else { return [] }
        let names = scopes.split(separator: " ").map(String.init)
        let challenge = Challenge(
            status: JF_STATUS_FORBIDDEN, error: "insufficient_scope", text: "more scopes are needed",
            scopes: names)
        let origin = gate.plan.resource ?? ownOrigin
        let path = call.session?.path ?? call.path
        let hasMetadata = gate.metadata(resource: origin, scopes: []) != nil
        return [challenge.value(metadata: hasMetadata ? origin + ResourceMetadata.path + path : nil)]
    }
}
