// SPDX-License-Identifier: Apache-2.0
// Joins a Policy to the table jf_policy_1.

import CJackfield

class PolicyServer: GuardServer {
    /// The texts of the last ruling: they stay until the next one.
    private var kept: UnsafeMutableRawBufferPointer?

    func decide(_ access: borrowing Access, _ context: AnswerContext) throws -> Ruling {
        fatalError("abstract")
    }
    func classify(_ principal: borrowing Principal) -> PrincipalClass { fatalError("abstract") }

    deinit { kept?.deallocate() }

    /// Fills in a decision that was made at once.
    final func fill(_ ruling: Ruling, _ out: inout jf_ruling) {
        out.decision = ruling.decision.rawValue
        if ruling.isDry { out.flags = UInt32(JF_RULING_DRY) }
        guard ruling.rule != nil || ruling.text != nil || !ruling.scopes.isEmpty else { return }
        let scopes = ruling.scopes.isEmpty ? nil : ruling.scopes.joined(separator: " ")
        let texts = [ruling.rule, ruling.text, scopes]
        let size = texts.reduce(1) { $0 + ($1?.utf8.count ?? 0) }
        if (kept?.count ?? 0) < size {
            kept?.deallocate()
            kept = .allocate(byteCount: max(size, 256), alignment: 1)
        }
        guard let kept else { return }
        var used = 0
        let views = texts.map { text -> jf_view in
            guard let text else { return .absent }
            let room = UnsafeMutableRawBufferPointer(rebasing: kept[used...])
            room.copyBytes(from: text.utf8)
            defer { used += text.utf8.count }
            return jf_view(
                ptr: room.baseAddress?.assumingMemoryBound(to: UInt8.self), len: UInt64(text.utf8.count))
        }
        out.rule = views[0]
        out.text = views[1]
        out.scopes = views[2]
    }
}

final class TypedPolicyServer<Rules: Policy>: PolicyServer {
    private var rules: Rules

    init(_ rules: Rules, _ host: Host) {
        self.rules = rules
        super.init(host)
    }

    override func decide(_ access: borrowing Access, _ context: AnswerContext) throws -> Ruling {
        try rules.decide(access, context: context)
    }
    override func classify(_ principal: borrowing Principal) -> PrincipalClass { rules.classify(principal) }
    override func detach() { rules.detach() }
}

func policyTable() -> jf_policy_1 {
    jf_policy_1(
        size: UInt32(MemoryLayout<jf_policy_1>.size), flags: 0, attach: attachPolicy, detach: detachPolicy,
        decide: decide, review: nil, classify: classify, cancel: cancelOperation)
}

private func attachPolicy(
    _ own: OpaquePointer?, _ name: jf_view, _ config: jf_view, _ handle: UnsafeMutablePointer<jf_ref>?,
    _ why: UnsafeMutablePointer<jf_fault>?
) -> Int32 {
    Instance.with(own) { $0.policy?.attach(name, config, handle, why) ?? Int32(JF_E_FAULT) }
        ?? Int32(JF_E_FAULT)
}

private func detachPolicy(_ own: OpaquePointer?, _ handle: jf_ref) {
    Instance.with(own) { $0.policy?.detach(handle) }
}

private func decide(
    _ own: OpaquePointer?, _ op: jf_ref, _ handle: jf_ref, _ access: UnsafePointer<jf_access>?,
    _ ruling: UnsafeMutablePointer<jf_ruling>?, _ why: UnsafeMutablePointer<jf_fault>?
) -> Int32 {
    guard let access, let ruling else { return Int32(JF_E_FAULT) }
    return Instance.with(own) { instance in
        guard let server = instance.policy?[handle] else { return Int32(JF_E_STALE) }
        // A decision at once is no blob, and is spared the way through JSON.
        let slot = RequestSlot(op)
        do {
            let made = try server.decide(Access(access), AnswerContext(host: server.host, slot: slot))
            if made.isPending, slot.operation != nil {
                slot.operation = nil
                return Int32(JF_PENDING)
            }
            if let operation = slot.operation, !operation.supersede() { return Int32(JF_PENDING) }
            guard !made.isPending else {
                return Refusal(JF_E_FAULT, "it answered 'pending' without an operation").fill(why)
            }
            server.fill(made, &ruling.pointee)
            return Int32(JF_OK)
        } catch {
            if let operation = slot.operation, !operation.supersede() { return Int32(JF_PENDING) }
            return Refusal(error).fill(why)
        }
    } ?? Int32(JF_E_FAULT)
}

private func classify(
    _ own: OpaquePointer?, _ handle: jf_ref, _ principal: UnsafePointer<jf_principal>?,
    _ name: UnsafeMutablePointer<jf_blob>?, _ why: UnsafeMutablePointer<jf_fault>?
) -> Int32 {
    guard let principal, let name else { return Int32(JF_E_FAULT) }
    return Instance.with(own) { instance in
        guard let server = instance.policy?[handle] else { return Int32(JF_E_STALE) }
        switch server.classify(Principal(principal)) {
        case .named(let text):
            name.pointee = .copying(Array(text.utf8))
            return Int32(JF_OK)
        case .own: return Int32(JF_ABSENT)
        case .none: return Refusal(JF_E_UNSUPPORTED, "decisions depend on more than the principal").fill(why)
        }
    } ?? Int32(JF_E_FAULT)
}
