// SPDX-License-Identifier: Apache-2.0
// The gateway's audit log: begun before clients come, ended after the last call; and what operators change.

import CJackfield
import CLinux
import Glibc
import JSON

extension Gateway {
    /// Opens the audit log, where the plan has one, and gives each lane its way to it. Before the lanes run.
    func beginAudit() throws(GatewayProblem) {
        guard let plan = plan.audit else { return }
        do throws(AuditProblem) {
            var signer: AuditSigner?
            if plan.isSigned {
                guard let service = signing else {
                    throw AuditProblem(
                        "its checkpoints cannot be signed: no plugin offers jf.signing/1 in this process; "
                            + "install signing-openssl, or say audit.sign: false")
                }
                signer = try AuditSigner(service, in: plan.stateDirectory)
            }
            let writer = try AuditWriter(plan, gateway: auditName, signer: signer, log: log)
            let own = AuditLane(plan, writer)
            writer.lanes = lanes.map { _ in AuditLane(plan, writer) } + [own]
            for (lane, audit) in zip(lanes, writer.lanes) { lane.audit = audit }
            try writer.start(version: Product.version)
            auditor = writer
            changeAudit = own
        } catch {
            throw GatewayProblem("audit: \(error.description)")
        }
    }

    /// The service that signs; on the first lane, its slots may be called anywhere.
    public var signing: SigningService? {
        lane(0).offeredService(JF_SIGNING_1, except: nil).flatMap { SigningService($0) }
    }

    /// This process among others: the machine's name and a number of its own.
    private var auditName: String {
        var name = [CChar](repeating: 0, count: 256)
        gethostname(&name, name.count - 1)
        let host = String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        let digits = String(identity, radix: 16)
        return host + "-" + String(repeating: "0", count: 16 - digits.count) + digits
    }

    func endAudit() { auditor?.stop() }

    // MARK: Changes

    /// Records what somebody changed, or tried to. Control loop.
    /// - Parameters:
    ///   - user: who; nil: this process itself.
    ///   - details: what it is about.
    ///   - denied: why it was not done; nil: it was.
    ///   - failed: why nothing came of it, though nobody forbade it.
    ///   - hasLeft: whoever asked was gone before it was over.
    public func recordChange(
        _ action: String, by user: uid_t? = nil, _ details: [JSONMemberValue] = [],
        denied: (reason: String, text: String)? = nil, failed: String? = nil, hasLeft: Bool = false
    ) {
        guard let audit = changeAudit, audit.plan.changes else { return }
        var draft = AuditDraft()
        draft.begin(.change, time: jf_realtime_ns())
        let outcome: AuditOutcome =
            denied != nil ? .denied : failed != nil ? .failed : hasLeft ? .open : .ok
        draft.head.outcome = outcome.rawValue
        draft.add(.action, action)
        draft.add(.user, user.map(userName) ?? "gateway")
        if let denied {
            if denied.reason == "approval" { draft.head.reason = AuditReason.approval.rawValue }
            if denied.reason == "identity" { draft.head.reason = AuditReason.identity.rawValue }
            draft.add(.text, denied.text)
        } else if let failed {
            draft.add(.text, failed)
        }
        if !details.isEmpty {
            let text = JSONValue.object(details).serialized()
            text.withUnsafeBytes { draft.add(.details, $0, most: .max) }
        }
        draft.end()
        audit.append(draft.bytes)
    }

    /// What an operator's request asks for, without its key, and what came of it. A configuration's text stands in the
    /// history of configurations, not here.
    /// - Parameter isBegin: what comes of it takes a while, and goes on record by itself.
    func recordRequest(
        _ request: JSONValue, by user: uid_t, denied: String? = nil, failed: String? = nil,
        hasLeft: Bool = false, isBegin: Bool = false
    ) {
        guard changeAudit != nil, let what = request["do"]?.string else { return }
        var details = (request.object ?? []).filter { !["do", "key", "content"].contains($0.key) }
        if isBegin { details.append(.init("step", .string("asked"))) }
        recordChange(
            what, by: user, details, denied: denied.map { ("identity", $0) }, failed: failed, hasLeft: hasLeft
        )
    }

    // MARK: Seen from outside

    /// For `/healthz`; empty without an audit log.
    var auditHealth: String {
        guard let auditor else { return "" }
        let state = auditor.state
        var writer = JSONWriter()
        writer.beginObject()
        writer.key("file")
        writer.value(state.file)
        writer.key("records")
        writer.value(state.records)
        writer.key("lost")
        writer.value(auditor.lostRecords)
        writer.key("refused_calls")
        writer.value(auditor.blockedCalls)
        writer.key("failure")
        if let failure = state.failure { writer.value(failure) } else { writer.null() }
        writer.endObject()
        return ",\"audit\":" + String(decoding: writer.bytes, as: UTF8.self)
    }
}

/// `alice (1000)`, or the number alone.
public func userName(_ user: uid_t) -> String {
    var entry = passwd()
    var found: UnsafeMutablePointer<passwd>?
    var space = [CChar](repeating: 0, count: 4096)
    guard getpwuid_r(user, &entry, &space, space.count, &found) == 0, let found,
        let name = found.pointee.pw_name
    else { return String(user) }
    return "\(String(cString: name)) (\(user))"
}
