// SPDX-License-Identifier: Apache-2.0
// Who asks: the providers' answer for what a request brought with it, remembered for as long as it holds.

import CJackfield
import CLinux
import JSON
import MCP

/// Credentials whose provider has yet to answer, and the requests that came with them.
final class IdentityQuestion {
    var requests: [WaitingRequest]
    var operation: UInt64 = 0

    init(_ first: WaitingRequest) { requests = [first] }
}

extension Lane {
    /// How long a provider may take to answer, in nanoseconds.
    static var identityWait: UInt64 { 10_000_000_000 }
    /// For how long a provider's answer holds at most, in nanoseconds.
    static var identityKept: UInt64 { 3_600_000_000_000 }
    /// Requests that may wait for providers.
    private static var mostWaiting: Int { 1000 }

    /// Whom a message is sent for; nil: it was refused, or waits for a provider's answer.
    func identify(_ client: Client, _ message: jf_message) -> Principal? {
        guard let gate = modules.identity else { return .nobody }
        let key = ShownCredentials.key(gate, client, message)
        if let known = identities.find(key, now: loop.now) {
            return admitted(known, gate, client, message)
        }
        let shown = ShownCredentials(gate, client, message, self, key: key)
        return ask(gate, from: 0, shown, client, message)
    }

    /// A principal who was let in may still lack what everybody needs here.
    private func admitted(
        _ caller: Principal, _ gate: IdentityGate, _ client: Client, _ message: jf_message
    ) -> Principal? {
        guard caller.hasScopes(gate.plan.scopes) else {
            refuseStranger(
                client, message, gate,
                Challenge(
                    status: JF_STATUS_FORBIDDEN, error: "insufficient_scope",
                    text: "the credentials lack a scope that is needed here", scopes: stepUp(caller, gate, [])
                ))
            return nil
        }
        return caller
    }

    /// Asks one provider after the other.
    private func ask(
        _ gate: IdentityGate, from first: Int, _ shown: ShownCredentials, _ client: Client,
        _ message: jf_message
    ) -> Principal? {
        if let question = identifying[shown.key] {
            join(question, client, message)
            return nil
        }
        for at in first..<gate.providers.count {
            let provider = gate.providers[at]
            guard let slot = provider.instance.auth?.identify, let own = provider.instance.own else {
                continue
            }
            var (now, operation) = shown.lend(gate, to: at) { credentials in
                operate { operation, blob, fault in
                    withUnsafePointer(to: credentials) {
                        slot(own, operation, provider.handle, $0, &blob, &fault)
                    }
                }
            }
            guard now != nil else {
                wait(gate, at, operation, provider, shown, client, message)
                return nil
            }
            defer { now?.blob.dropOnce() }
            switch verdict(now ?? ModuleAnswer(status: Int32(JF_E_FAULT)), gate, at, shown) {
            case .known(let caller): return admitted(caller, gate, client, message)
            case .next: continue
            case .refused(let challenge):
                refuseStranger(client, message, gate, challenge)
                return nil
            }
        }
        return unknown(gate, shown, client, message)
    }

    /// Nobody vouches for it.
    private func unknown(
        _ gate: IdentityGate, _ shown: ShownCredentials, _ client: Client, _ message: jf_message
    ) -> Principal? {
        // Whoever started the gateway for itself needs no other credentials.
        guard gate.plan.refusesNobody, !client.isSole else { return nobody(gate, shown, client, message) }
        refuseStranger(
            client, message, gate,
            Challenge(
                status: JF_STATUS_UNAUTHORIZED, error: shown.isEmpty(gate) ? nil : "invalid_token",
                text: shown.isEmpty(gate)
                    ? "credentials are needed here" : "no provider here knows these credentials",
                scopes: gate.plan.scopes))
        return nil
    }

    /// Nobody need be known here; whose the request is may still have to be.
    private func nobody(
        _ gate: IdentityGate, _ shown: ShownCredentials, _ client: Client, _ message: jf_message
    ) -> Principal? {
        guard let tenants = gate.tenants else { return .nobody }
        switch tenants.resolve("", shown.claims(gate), isSole: client.isSole) {
        case .refused(let refusal):
            refuseStranger(client, message, gate, refusal)
            return nil
        case .tenant(let name):
            if name.isEmpty { return .nobody }
            var text = PrincipalText()
            text.tenant = name
            let caller = Principal(text, provider: -1, name: "")
            // A reload may have brought another door meanwhile.
            if gate === modules.identity {
                identities.insert(
                    shown.key, caller, until: jf_monotonic_ns() + Self.identityKept, plugin: "")
            }
            return caller
        }
    }

    // MARK: Answers

    private enum Verdict {
        case known(Principal)
        case next
        case refused(Challenge)
    }

    private func verdict(
        _ answer: ModuleAnswer, _ gate: IdentityGate, _ at: Int, _ shown: ShownCredentials
    ) -> Verdict {
        let provider = gate.providers[at]
        switch answer.status {
        case Int32(JF_OK):
            do throws(PrincipalProblem) {
                let text = try PrincipalText(parsing: answer.blob.bytes)
                return accept(text, gate, at, shown)
            } catch {
                log.write(
                    .error, "a provider's answer names nobody",
                    [.init("provider", provider.plan.name), .init("why", "it \(error.message)")])
                return .refused(.unavailable(retry: 0))
            }
        case Int32(JF_ABSENT): return .next
        case Int32(JF_E_DENIED), Int32(JF_E_INVALID):
            log.write(
                .debug, "credentials were refused",
                [.init("provider", provider.plan.name), .init("why", answer.message)])
            return .refused(
                Challenge(
                    status: JF_STATUS_UNAUTHORIZED, error: "invalid_token",
                    text: answer.publicText ?? "the credentials are not good", scopes: gate.plan.scopes))
        default:
            log.write(
                .warning, "a provider cannot say who somebody is",
                [
                    .init("provider", provider.plan.name), .init("status", statusName(answer.status)),
                    .init("why", answer.message),
                ])
            return .refused(.unavailable(retry: answer.retry))
        }
    }

    private func accept(
        _ text: PrincipalText, _ gate: IdentityGate, _ at: Int, _ shown: ShownCredentials
    ) -> Verdict {
        let now = jf_realtime_ns() / 1_000_000
        guard text.expires == 0 || text.expires > now else {
            return .refused(
                Challenge(
                    status: JF_STATUS_UNAUTHORIZED, error: "invalid_token",
                    text: "the credentials have expired",
                    scopes: gate.plan.scopes))
        }
        var text = text
        if let tenants = gate.tenants {
            switch tenants.resolve(text.tenant, shown.claims(gate), isSole: shown.isSole) {
            case .tenant(let name): text.tenant = name
            case .refused(let refusal): return .refused(refusal)
            }
        }
        let provider = gate.providers[at]
        let caller = Principal(
            text, provider: at, name: provider.plan.name,
            presented: gateway.exchangesCredentials ? shown.bearer(gate) : [])
        let left = text.expires == 0 ? UInt64.max : text.expires - now
        let kept = min(text.keep ?? left, left, Self.identityKept / 1_000_000)
        // A reload may have brought another door meanwhile.
        if kept > 0, gate === modules.identity {
            identities.insert(
                shown.key, caller, until: jf_monotonic_ns() + kept * 1_000_000, plugin: provider.instance.id)
        }
        return .known(caller)
    }

    // MARK: Answers that take time

    private func wait(
        _ gate: IdentityGate, _ at: Int, _ operation: UInt64, _ provider: AuthBinding,
        _ shown: ShownCredentials, _ client: Client, _ message: jf_message
    ) {
        let question = IdentityQuestion(WaitingRequest(client, message))
        question.operation = operation
        let key = shown.key
        identifying[key] = question
        let kept = shown.kept()
        wait(for: operation, of: provider.attachment, until: jf_monotonic_ns() + Self.identityWait) {
            [weak self] answer in
            guard let self, self.identifying[key] === question else { return }
            self.identifying[key] = nil
            let verdict = self.verdict(answer, gate, at, kept)
            for request in question.requests { self.takeUp(request, verdict, gate, at, kept) }
        }
    }

    private func join(_ question: IdentityQuestion, _ client: Client, _ message: jf_message) {
        let waiting = identifying.values.reduce(0) { $0 + $1.requests.count }
        guard waiting < Self.mostWaiting else {
            return refuse(
                client, message, id: nil, .unauthorized, "too many requests wait for a provider of identity",
                data: "{\"reason\":\"overload\"}", status: JF_STATUS_UNAVAILABLE, retryAfter: 1000)
        }
        question.requests.append(WaitingRequest(client, message))
    }

    private func takeUp(
        _ request: WaitingRequest, _ verdict: Verdict, _ gate: IdentityGate, _ at: Int,
        _ shown: ShownCredentials
    ) {
        guard let client = clients[request.client] else { return }
        request.lend { message in
            switch verdict {
            case .known(let caller):
                if let caller = admitted(caller, gate, client, message) {
                    take(message, of: client, for: caller)
                }
            case .next:
                if let caller = ask(gate, from: at + 1, shown, client, message) {
                    take(message, of: client, for: caller)
                }
            case .refused(let challenge): refuseStranger(client, message, gate, challenge)
            }
        }
    }

    /// Requests whose client left.
    func dropUnknown(where isGone: (WaitingRequest) -> Bool) {
        for (key, question) in identifying {
            question.requests.removeAll(where: isGone)
            if question.requests.isEmpty {
                giveUp(question.operation)
                identifying[key] = nil
            }
        }
    }

    // MARK: Changes

    /// Another door, or other keepers of it: nobody is known any more, and listeners learn what to deliver.
    func identityChanged() {
        identities.removeAll()
        wants.pointee = modules.identity == nil ? 0 : UInt32(JF_WANTS_FIELDS)
    }

    /// A provider's plugin was swapped.
    func renewIdentity() {
        if let gate = modules.identity {
            modules.identity = IdentityGate(gate.plan, gate.providers, gate.tenants)
        }
        identityChanged()
    }

    /// What a plugin vouched for does not hold any more.
    func forgetIdentities(plugin: String, credential: String?) {
        identities.forget(plugin: plugin, credential: credential)
        guard let gate = modules.identity else { return }
        endStreams { caller in
            caller.provider >= 0 && caller.provider < gate.providers.count
                && gate.providers[caller.provider].instance.id == plugin
                && (credential.map { caller.credential == $0 } ?? true)
        }
    }
}
