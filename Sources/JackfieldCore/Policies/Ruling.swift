// SPDX-License-Identifier: Apache-2.0
// What policies answer.

import CJackfield
import JSON

/// A policy's decision, copied from what it lent.
struct Ruling: Sendable, Equatable {
    enum Decision: UInt32, Sendable {
        case allow = 0
        case deny, hide

        var word: String {
            switch self {
            case .allow: "allow"
            case .deny: "deny"
            case .hide: "hide"
            }
        }
    }

    /// Longest rule and text, in bytes; what is longer is cut.
    static let longest = 1000

    var decision: Decision
    var rule: String?
    /// One sentence for the client.
    var text: String?
    /// Scopes that would lift a denial, joined by spaces.
    var scopes: String?
    /// It would be so, and is only recorded.
    var isDry = false

    init(_ decision: Decision, rule: String? = nil, text: String? = nil, scopes: String? = nil) {
        self.decision = decision
        self.rule = rule
        self.text = text
        self.scopes = scopes
    }

    /// Nil: there is no such decision.
    init?(_ lent: jf_ruling) {
        guard let decision = Decision(rawValue: lent.decision) else { return nil }
        func text(_ view: jf_view) -> String? {
            guard view.len > 0 else { return nil }
            return String(decoding: view.bytes.prefix(Self.longest), as: UTF8.self)
        }
        self.init(decision, rule: text(lent.rule), text: text(lent.text), scopes: text(lent.scopes))
        isDry = lent.flags & UInt32(JF_RULING_DRY) != 0
    }

    /// Reads what `finish` brought: a JSON object as policy.h describes it. Nil: it is none.
    init?(parsing bytes: UnsafeRawBufferPointer) {
        guard bytes.count <= 64 << 10, let json = try? JSONValue(parsing: bytes),
            let word = json["decision"]?.string
        else { return nil }
        switch word {
        case "allow": self.init(.allow)
        case "deny": self.init(.deny)
        case "hide": self.init(.hide)
        default: return nil
        }
        func text(_ name: String) -> String? {
            guard let text = json[name]?.string, !text.isEmpty else { return nil }
            return String(decoding: text.utf8.prefix(Self.longest), as: UTF8.self)
        }
        rule = text("rule")
        self.text = text("text")
        if let list = json["scopes"]?.array?.compactMap(\.string), !list.isEmpty {
            scopes = String(list.joined(separator: " ").prefix(Self.longest))
        }
        isDry = json["dry"]?.bool == true
    }
}

/// How a policy reacts when it is asked.
enum PolicyAnswer {
    case allowed
    case ruled(Ruling)
    /// It has no decision; why, for the log.
    case failed(String)
    /// `Lane.wait` for it, in the same turn.
    case pending(UInt64)
}

/// What all policies together say.
enum Verdict {
    case allowed
    case denied(Ruling, policy: String)
    case hidden(Ruling, policy: String)
}

extension Lane {
    /// How long a policy may take over one decision, unless the call itself ends sooner. 5 s.
    static var rulingWait: UInt64 { 5_000_000_000 }

    /// Asks one policy about one access.
    /// - Parameter explains: rulings that let it through are copied, too.
    @inline(__always)
    func ask(
        _ policy: PolicyBinding, _ access: UnsafePointer<jf_access>, explains: Bool = false
    ) -> PolicyAnswer {
        guard let own = policy.instance.own, let slot = policy.instance.policy?.decide else {
            return .failed("its plugin has no table")
        }
        var ruling = jf_ruling()
        ruling.size = UInt32(MemoryLayout<jf_ruling>.size)
        let handle = policy.handle
        let (now, operation) = operate { operation, _, fault in
            slot(own, operation, handle, access, &ruling, &fault)
        }
        guard let answer = now else { return .pending(operation) }
        guard answer.status == JF_OK else { return .failed(failure(answer)) }
        if ruling.decision == JF_ALLOW, !explains { return .allowed }
        return Ruling(ruling).map { .ruled($0) } ?? .failed("it answered decision \(ruling.decision)")
    }

    /// Reads what a pending decision came to.
    func answer(_ answer: ModuleAnswer) -> PolicyAnswer {
        guard answer.status == JF_OK else { return .failed(failure(answer)) }
        return Ruling(parsing: answer.blob.bytes).map { .ruled($0) }
            ?? .failed("it finished with what is no decision")
    }

    func failure(_ answer: ModuleAnswer) -> String {
        answer.message.isEmpty ? "it answered \(statusName(answer.status))" : answer.message
    }

    /// What one policy's answer means for whoever asked; nil: this policy lets it through.
    func verdict(
        _ answer: PolicyAnswer, of policy: PolicyBinding, _ caller: Principal, server: String, name: String
    ) -> Verdict? {
        switch answer {
        case .allowed, .pending: return nil
        case .ruled(let ruling):
            if ruling.decision == .allow { return nil }
            record(ruling, policy, caller, server: server, name: name)
            if ruling.isDry { return nil }
            return ruling.decision == .hide
                ? .hidden(ruling, policy: policy.plan.name) : .denied(ruling, policy: policy.plan.name)
        case .failed(let why):
            counters.add(.policyFailures)
            log.write(
                .warning,
                policy.plan.allowsOnError
                    ? "a policy gave no decision; the call goes on (on_error: allow)"
                    : "a policy gave no decision; the call is refused",
                [
                    .init("policy", policy.plan.name), .init("plugin", policy.instance.id),
                    .init("server", server), .init("item", name), .init("why", why),
                ])
            if policy.plan.allowsOnError { return nil }
            return .denied(
                Ruling(
                    .deny, rule: "on_error",
                    text: "policy \(policy.plan.name) gave no decision; try again later"),
                policy: policy.plan.name)
        }
    }

    private func record(
        _ ruling: Ruling, _ policy: PolicyBinding, _ caller: Principal, server: String, name: String
    ) {
        counters.add(ruling.isDry ? .dryDenials : .denials)
        guard ruling.isDry || log.isEnabled(.debug) else { return }
        log.write(
            ruling.isDry ? .info : .debug,
            ruling.isDry ? "a policy would refuse this (dry run)" : "a policy refused this",
            [
                .init("policy", policy.plan.name), .init("rule", ruling.rule ?? ""),
                .init("decision", ruling.decision.word),
                .init("subject", caller.subject), .init("tenant", caller.tenant), .init("server", server),
                .init("item", name),
            ])
    }
}
