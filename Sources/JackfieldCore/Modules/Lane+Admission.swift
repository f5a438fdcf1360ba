// SPDX-License-Identifier: Apache-2.0
// Between a call that is understood and its server: policies decide, filters look at the request.

import CJackfield
import CLinux
import JSON
import MCP

/// What one policy or filter makes of a call.
enum AdmissionStep {
    /// It goes on.
    case passed
    /// It goes on as another message: padded as `Lane.keep` pads.
    case changed([UInt8])
    /// The module's operation is pending; `Lane.admitFurther` goes on.
    case waits(operation: UInt64)
    /// It was refused or answered, and is over.
    case over
}

/// A call that waits for a policy's or a filter's answer.
final class Admission {
    /// What it waits for.
    var operation: UInt64
    /// Policies and filters that come after that.
    var remaining: [ModuleBinding]
    /// Where its endpoint is, and the catalogue in which its target was found.
    let path: String
    let catalog: Catalog

    init(operation: UInt64, remaining: [ModuleBinding], path: String, catalog: Catalog) {
        self.operation = operation
        self.remaining = remaining
        self.path = path
        self.catalog = catalog
    }
}

extension Lane {
    /// Sends a call to its server once policies and filters let it through.
    /// - Parameter path: the endpoint's, as clients name it.
    func admit(
        _ call: Call, _ target: Target, _ envelope: Envelope, _ meta: RequestMeta,
        _ body: UnsafeRawBufferPointer, at path: String
    ) {
        // What plugins call on nobody's behalf is the operator's own.
        if call.origin == .plugin, !call.caller.isNobody, !sees(call.caller, catalog.servers[target.server]) {
            return hide(call, envelope.params, at: path)
        }
        if modules.isOpen { return dispatch(call, target, envelope, meta, body) }
        call.path = path
        admit(call, target, envelope, meta, body, at: path, modules.gates[...])
    }

    private func admit(
        _ call: Call, _ target: Target, _ envelope: Envelope, _ meta: RequestMeta,
        _ body: UnsafeRawBufferPointer, at path: String, _ gates: ArraySlice<ModuleBinding>
    ) {
        for at in gates.indices {
            let gate = gates[at]
            guard gate.plan.isFor(call.caller) else { continue }
            let step: AdmissionStep
            if let policy = gate as? PolicyBinding {
                step = decide(call, policy, target, envelope, at: path)
            } else if let filter = gate as? FilterBinding {
                step = filterRequest(call, filter, target, envelope, body, at: path)
            } else {
                step = .passed
            }
            let rest = gates[(at + 1)...]
            switch step {
            case .passed: continue
            case .over: return
            case .changed(let message): return admitChanged(call, target, message, at: path, rest)
            case .waits(let operation):
                if call.request.isEmpty { keep(call, target, body) }
                call.admission = Admission(
                    operation: operation, remaining: Array(rest), path: path, catalog: catalog)
                if call.deadline == 0 {
                    call.deadline = loop.now &+ catalog.servers[target.server].timeout
                }
                call.timer = loop.arm(
                    at: call.deadline, callTimedOut, Unmanaged.passUnretained(call).toOpaque())
                return
            }
        }
        dispatch(call, target, envelope, meta, body)
    }

    private func admitChanged(
        _ call: Call, _ target: Target, _ message: [UInt8], at path: String,
        _ gates: ArraySlice<ModuleBinding>
    ) {
        call.target = target
        call.request = message
        withKeptRequest(call) { envelope, bytes in
            admit(call, target, envelope, RequestMeta(envelope.params), bytes, at: path, gates)
        }
    }

    /// What a call waited for is there: its answer's step, and then what comes after it.
    func admitFurther(_ handle: UInt64, _ step: AdmissionStep) {
        guard let call = calls[handle], let admission = call.admission else { return }
        switch step {
        case .over: return
        case .waits(let operation):
            admission.operation = operation
            return
        case .changed(let message): call.request = message
        case .passed: break
        }
        call.admission = nil
        if call.timer != 0 { loop.cancelTimer(call.timer) }
        call.timer = 0
        withKeptRequest(call) { envelope, bytes in
            var target = call.target
            if admission.catalog !== catalog {
                target = catalog.view(admission.path).flatMap {
                    self.target(call.method, envelope.params, $0)
                }
            }
            guard let target else {
                return fail(
                    call, .invalidParams, "what this request names is not served here any more",
                    status: call.revision.isModern ? JF_STATUS_BAD_REQUEST : JF_STATUS_OK)
            }
            call.target = target
            admit(
                call, target, envelope, RequestMeta(envelope.params), bytes, at: admission.path,
                current(admission.remaining)[...])
        }
    }

    /// What is left to pass. Where policies changed while a call waited, those of now decide.
    private func current(_ remaining: [ModuleBinding]) -> [ModuleBinding] {
        let hasLeft = remaining.contains { gate in
            gate.facet == .policy && !modules.policies.contains { $0 === gate }
        }
        return hasLeft
            ? (modules.policies as [ModuleBinding]) + remaining.filter { $0.facet != .policy } : remaining
    }

    /// Reads a kept message. From the lane's own queue only: its scanner may hold another message elsewhere.
    func withKeptRequest(_ call: Call, _ body: (Envelope, UnsafeRawBufferPointer) -> Void) {
        guard let text = try? JSONText(call.request.dropLast(JSONParser.padding)) else {
            return fail(call, .invalidRequest, "the message is not a request")
        }
        text.withRoot { root in
            guard let envelope = try? Envelope.read(root) else {
                return fail(call, .invalidRequest, "the message is not a request")
            }
            body(envelope, text.bytes)
        }
    }

    /// A policy or a filter took all of a call's time.
    func admissionTimedOut(_ call: Call) {
        let plugin = call.admission.flatMap { pendingOperations[$0.operation]?.attachment.instance.id } ?? "?"
        fail(
            call, .internalError, "the call was not decided about in time: plugin \(plugin) gave no answer",
            data: "{\"reason\":\"timeout\"}", status: JF_STATUS_TIMEOUT, outcome: Int32(JF_E_TIMEOUT))
    }

    // MARK: Refusals

    /// Refuses a call that a policy or a filter denies: 403 where there is a status.
    func deny(
        _ call: Call, _ text: String, rule: String? = nil, scopes: String? = nil,
        reason: AuditReason = .policy
    ) {
        noteDenial(call, reason, rule: rule, text)
        var scopes = scopes
        if let named = scopes, let gate = modules.identity {
            scopes = stepUp(call.caller, gate, named.split(separator: " ").map(String.init))
                .joined(separator: " ")
        }
        var data = "{\"reason\":\"denied\""
        if let rule { data += ",\"rule\":\(String(decoding: JSONWriter.quoted(rule), as: UTF8.self))" }
        if let scopes { data += ",\"scopes\":\(String(decoding: JSONWriter.quoted(scopes), as: UTF8.self))" }
        call.neededScopes = scopes
        fail(
            call, .denied, text, data: data + "}", status: JF_STATUS_FORBIDDEN,
            outcome: Int32(JF_E_DENIED))
    }
}
