// SPDX-License-Identifier: Apache-2.0
// What event loops record: calls from where they are routed to their end, and what never became one.

import CJackfield
import CLinux
import JSON
import MCP

/// What a call's record will say; empty where nothing is recorded.
struct CallAudit {
    var draft = AuditDraft()
    /// The rule of a policy or filter that decided; set by whoever asked it.
    var rule: String?
    var isOpen: Bool { !draft.isEmpty }

    mutating func recycle() {
        draft.recycle()
        rule = nil
    }
}

extension Lane {
    // MARK: Calls

    /// Whether a request must be refused because it could not be recorded; it is, then.
    func isUnrecordable(_ asking: Asking) -> Bool {
        guard let audit, audit.isBlocked else { return false }
        gateway.auditor?.block()
        refuse(
            asking.client, asking.message, id: asking.id, .internalError,
            "the gateway cannot write its audit log and takes no calls until it can",
            data: "{\"reason\":\"audit\"}", status: JF_STATUS_UNAVAILABLE, retryAfter: 1000)
        return true
    }

    /// Begins the record of a client's call.
    func beginRecord(_ call: Call, _ asking: Asking, _ target: Target) {
        guard let audit else { return }
        begin(&call.audit.draft, .call, asking, audit.plan)
        call.audit.draft.add(.name, target.name)
    }

    /// Begins the record of a plugin's call.
    func beginRecord(_ call: Call, _ envelope: Envelope, _ target: Target, bytes: Int) {
        guard let audit else { return }
        call.audit.draft.begin(.call, time: jf_realtime_ns())
        call.audit.draft.head.isPlugin = 1
        call.audit.draft.head.bytesIn = UInt64(bytes)
        call.audit.draft.add(call.caller)
        describe(&call.audit.draft, envelope, audit.plan)
        call.audit.draft.add(.name, target.name)
    }

    private func begin(_ draft: inout AuditDraft, _ kind: AuditKind, _ asking: Asking, _ plan: AuditPlan) {
        draft.begin(kind, time: jf_realtime_ns())
        draft.head.bytesIn = UInt64(asking.body.count)
        draft.add(asking.caller)
        draft.add(.client, asking.client.address)
        describe(&draft, asking.envelope, plan)
        // 00-<trace id: 32 digits>-<span>-<flags>
        if let parent = asking.meta.traceparent, parent.kind == .string, parent.content.count >= 35 {
            draft.add(.trace, UnsafeRawBufferPointer(rebasing: parent.content[3..<35]))
        }
    }

    /// Method, the name that was asked for, and the arguments as they came: the writer makes of them what the plan says.
    private func describe(_ draft: inout AuditDraft, _ envelope: Envelope, _ plan: AuditPlan) {
        if let method = envelope.methodName?.content { draft.add(.method, method) }
        guard let params = envelope.params else { return }
        if let name = params.member("name") ?? params.member("uri") ?? params.member("ref") {
            if name.kind == .string, name.hasEscapes {
                draft.add(.tool, name.string() ?? "")
            } else {
                draft.add(.tool, name.kind == .string ? name.content : name.raw)
            }
        }
        guard plan.arguments != .none else { return }
        if let arguments = params.member("arguments") ?? params.member("argument") {
            draft.add(.arguments, arguments.raw, most: .max)
        }
    }

    /// What the caller is told of a call.
    func noteOutcome(_ call: Call, _ status: Int32) {
        let isKept = call.audit.draft.head.outcome != 0
        if call.isGivenUp {
            call.audit.draft.head.outcome = AuditOutcome.cancelled.rawValue
        } else if !isKept {
            let outcome = status == JF_OK ? AuditOutcome.ok : .failed
            call.audit.draft.head.outcome = outcome.rawValue
        }
    }

    /// What a server's answer says.
    func noteOutcome(_ call: Call, _ envelope: Envelope) {
        if let outcome = envelope.outcome { noteOutcome(call, outcome, isError: envelope.kind == .error) }
    }

    func noteOutcome(_ call: Call, _ outcome: JSONNode, isError: Bool) {
        if isError {
            call.audit.draft.head.outcome = AuditOutcome.refused.rawValue
            call.audit.draft.head.code = Int32(truncatingIfNeeded: outcome.member("code")?.int64 ?? 0)
        } else if outcome.member("isError")?.bool == true {
            call.audit.draft.head.outcome = AuditOutcome.toolError.rawValue
        } else {
            call.audit.draft.head.outcome = AuditOutcome.ok.rawValue
        }
    }

    /// The gateway's own error for a call.
    func noteOutcome(_ call: Call, _ code: ErrorCode, _ text: String) {
        guard call.audit.draft.head.outcome != AuditOutcome.denied.rawValue else { return }
        call.audit.draft.head.outcome = AuditOutcome.failed.rawValue
        call.audit.draft.head.code = Int32(truncatingIfNeeded: code.rawValue)
        call.audit.draft.add(.text, text)
    }

    /// A policy or filter stands in the way of a call that has begun: before it is failed.
    func noteDenial(_ call: Call, _ reason: AuditReason, rule: String?, _ text: String) {
        guard call.audit.isOpen else { return }
        call.audit.rule = rule
        call.audit.draft.head.outcome = AuditOutcome.denied.rawValue
        call.audit.draft.head.reason = reason.rawValue
        call.audit.draft.add(.text, text)
    }

    func noteBytes(_ call: Call, _ parts: UnsafeBufferPointer<ByteSegment>) {
        var count = 0
        for part in parts { count += Int(part.count) }
        call.audit.draft.head.bytesOut &+= UInt64(count)
    }

    /// The call is over: its record goes to the writer.
    func endRecord(_ call: Call) {
        defer { call.audit.recycle() }
        guard let audit else { return }
        if let server = call.server { call.audit.draft.add(.server, server.name) }
        if let rule = call.audit.rule { call.audit.draft.add(.rule, rule) }
        if let endpoint = call.endpoint { call.audit.draft.head.cost = endpoint.plan.standing.cost }
        call.audit.draft.head.latency = jf_monotonic_ns() &- call.startedAt
        call.audit.draft.end()
        audit.append(call.audit.draft.bytes)
    }

    // MARK: What is no call

    /// A request that the gateway answers itself.
    func recordList(_ asking: Asking) {
        // Before that they are held, and come again.
        guard let audit, audit.plan.lists, isSettled else { return }
        switch asking.envelope.method {
        case .toolsCall, .resourcesRead, .promptsGet, .completionComplete: return
        default: break
        }
        var draft = AuditDraft()
        begin(&draft, .list, asking, audit.plan)
        draft.head.outcome = AuditOutcome.ok.rawValue
        draft.end()
        audit.append(draft.bytes)
    }

    /// Somebody was turned away.
    func recordDenial(
        _ caller: Principal, from address: String, method: String, shownName: String?,
        reason: AuditReason, rule: String?, _ text: String
    ) {
        guard let audit, audit.plan.denials else { return }
        var draft = AuditDraft()
        draft.begin(.denial, time: jf_realtime_ns())
        draft.head.outcome = AuditOutcome.denied.rawValue
        draft.head.reason = reason.rawValue
        draft.add(caller)
        draft.add(.client, address)
        draft.add(.method, method)
        if let shownName { draft.add(.tool, shownName) }
        if let rule { draft.add(.rule, rule) }
        draft.add(.text, text)
        draft.end()
        audit.append(draft.bytes)
    }

    /// A name that leads nowhere, or to what is held back.
    func recordUnknown(_ asking: Asking, _ text: String, _ data: String?) {
        let isHeldBack = asking.envelope.method == .toolsCall && data != nil
        recordDenial(asking, isHeldBack ? .quarantine : .unknown, rule: isHeldBack ? "lock" : nil, text)
    }

    /// The same for a request that was understood.
    func recordDenial(_ asking: Asking, _ reason: AuditReason, rule: String? = nil, _ text: String) {
        guard let audit, audit.plan.denials else { return }
        var draft = AuditDraft()
        begin(&draft, .denial, asking, audit.plan)
        draft.head.outcome = AuditOutcome.denied.rawValue
        draft.head.reason = reason.rawValue
        if let rule { draft.add(.rule, rule) }
        draft.add(.text, text)
        draft.end()
        audit.append(draft.bytes)
    }
}
