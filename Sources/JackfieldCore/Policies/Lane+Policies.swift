// SPDX-License-Identifier: Apache-2.0
// Policies: who may do what. Calls pass them in order; everything else that names an item asks them the same way.

import CJackfield
import JSON
import MCP
import Synchronization

extension Lane {
    // MARK: Calls

    /// Asks a policy about a call.
    func decide(
        _ call: Call, _ policy: PolicyBinding, _ target: Target, _ envelope: Envelope, at path: String
    ) -> AdmissionStep {
        if isOfPlugin(call), !policy.plan.appliesToPlugins { return .passed }
        let server = catalog.servers[target.server]
        // Should it become a task, its tool is asked about again.
        if call.method == .toolsCall { call.tool = target }
        let access = Access(call.method, kind(of: call.method, target), target, server, at: path)
        let arguments = envelope.params?.member("arguments").flatMap { $0.kind == .object ? $0.raw : nil }
        let answer = withLent(
            access, call.caller, address: call.client?.address ?? "", arguments: arguments
        ) { ask(policy, $0, explains: call.audit.isOpen) }
        switch answer {
        case .allowed: return .passed
        case .pending(let operation):
            let end = loop.now &+ min(server.timeout, Lane.rulingWait)
            let handle = call.handle
            let name = server.name
            let item = target.name
            wait(
                for: operation, of: policy.attachment,
                until: call.deadline == 0 ? end : min(end, call.deadline)
            ) { [weak self] answer in
                guard let self, let call = self.calls[handle], call.admission?.operation == operation else {
                    return
                }
                let ruled = self.answer(answer)
                self.admitFurther(
                    handle, self.step(call, ruled, policy, server: name, item: item, at: path, nil))
            }
            return .waits(operation: operation)
        case .ruled, .failed:
            return step(
                call, answer, policy, server: server.name, item: target.name, at: path, envelope.params)
        }
    }

    /// A plugin's own call, on nobody's behalf.
    private func isOfPlugin(_ call: Call) -> Bool { call.origin == .plugin && call.caller.isNobody }

    func kind(of method: Method, _ target: Target) -> ItemKind {
        if let kind = target.kind { return kind }
        return switch method {
        case .toolsCall: .tools
        case .promptsGet: .prompts
        default: .resources
        }
    }

    /// - Parameter params: the request's; nil: the call has kept its message.
    private func step(
        _ call: Call, _ answer: PolicyAnswer, _ policy: PolicyBinding, server: String, item: String,
        at path: String, _ params: JSONNode?
    ) -> AdmissionStep {
        let verdict = verdict(answer, of: policy, call.caller, server: server, name: item)
        if call.audit.isOpen, case .ruled(let ruling) = answer, let rule = ruling.rule {
            call.audit.rule = "\(policy.plan.name): \(rule)\(ruling.isDry ? " (dry run)" : "")"
        }
        switch verdict {
        case nil, .allowed: return .passed
        case .denied(let ruling, let name): deny(call, ruling, policy: name)
        case .hidden:
            if let params {
                hide(call, params, at: path)
            } else {
                withKeptRequest(call) { envelope, _ in hide(call, envelope.params, at: path) }
            }
        }
        return .over
    }

    private func deny(_ call: Call, _ ruling: Ruling, policy: String) {
        deny(
            call, ruling.text ?? "policy \(policy) does not allow this", rule: ruling.rule,
            scopes: ruling.scopes)
    }

    /// Refuses a call as if what it names were not there.
    func hide(_ call: Call, _ params: JSONNode?, at path: String) {
        noteDenial(call, .policy, rule: call.audit.rule, "it is hidden from this principal")
        if call.origin == .plugin {
            return fail(
                call, .invalidParams, "nothing at \(path) has that name", outcome: Int32(JF_E_INVALID))
        }
        let why = unknown(call.method, params, call.revision, nil)
        fail(
            call, why.code, why.text, data: why.data,
            status: call.revision.isModern ? JF_STATUS_BAD_REQUEST : JF_STATUS_OK,
            outcome: Int32(JF_E_DENIED))
    }

    // MARK: Whatever else names an item

    /// Asks all policies about one access; `done` is called once, in the same turn or later.
    func judge(
        _ access: Access, _ caller: Principal, address: String, _ done: @escaping (Verdict) -> Void
    ) {
        if let why = modules.tenants?.whyHidden(access.server, from: caller) {
            return done(.hidden(Ruling(.hide, rule: why), policy: "tenants"))
        }
        judge(access, caller, address, modules.policies[...], done)
    }

    private func judge(
        _ access: Access, _ caller: Principal, _ address: String, _ policies: ArraySlice<PolicyBinding>,
        _ done: @escaping (Verdict) -> Void
    ) {
        for at in policies.indices {
            let policy = policies[at]
            guard policy.plan.isFor(caller) else { continue }
            let answer = withLent(access, caller, address: address, arguments: nil) { ask(policy, $0) }
            if case .pending(let operation) = answer {
                let rest = policies[(at + 1)...]
                return wait(for: operation, of: policy.attachment, until: loop.now &+ Lane.rulingWait) {
                    [weak self] answer in
                    guard let self else { return }
                    let ruled = self.answer(answer)
                    if let verdict = self.verdict(
                        ruled, of: policy, caller, server: access.server.name, name: access.name)
                    {
                        return done(verdict)
                    }
                    let haveLeft = rest.contains { policy in !self.modules.policies.contains { $0 === policy }
                    }
                    self.judge(access, caller, address, haveLeft ? self.modules.policies[...] : rest, done)
                }
            }
            if let verdict = verdict(
                answer, of: policy, caller, server: access.server.name, name: access.name)
            {
                return done(verdict)
            }
        }
        done(.allowed)
    }

    // MARK: Changes

    /// Decisions may be others from now on: what was derived from them is dropped, and whoever listens hears of it where
    /// what they see is another.
    func policiesChanged() {
        shownViews.removeAll()
        for view in catalog.allViews { suspect(view.path, .all) }
    }
}

extension Gateway {
    /// A policy says that its decisions are others. Any thread; many at once are one.
    func policiesChanged() {
        guard !policyNews.exchange(true, ordering: .acquiringAndReleasing) else { return }
        control.post { [self] in
            policyNews.store(false, ordering: .releasing)
            onEveryLane { $0.policiesChanged() }
        }
    }
}
