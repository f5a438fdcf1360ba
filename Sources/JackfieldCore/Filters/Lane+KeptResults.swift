// SPDX-License-Identifier: Apache-2.0
// Results that the gateway keeps for whoever was given a link to them: who can be given one, and reading them.

import CJackfield
import CLinux
import JSON
import MCP

extension Lane {
    /// Filters may replace results by links here.
    var keepsResults: Bool { store != nil && modules.filters.contains { $0.plan.links } }

    /// Whether a call's result may be replaced by a link now: its client knows links and can read resources.
    func canLink(_ call: Call, _ passing: Passing) -> Bool {
        guard passing.isTool, call.revision >= .v2025_06_18, store?.isThere == true else { return false }
        switch call.origin {
        case .client, .task, .relay: return true
        default: return false
        }
    }

    /// `resources/read` of a kept result. False: it names something else.
    func readsKept(_ asking: Asking) -> Bool {
        guard let given = asking.envelope.params?.member("uri"), given.kind == .string,
            given.hasEscapes || KeptName.isMeant(by: given.content), asking.revision >= .v2025_06_18,
            let uri = given.string(), uri.hasPrefix("\(KeptName.scheme)")
        else { return false }
        if passesKept { return false }
        // Behind another gateway such a name may be that one's.
        let isForward = leadsToGateway(uri, asking.view)
        guard let name = KeptName(uri), let store else {
            if isForward { return false }
            refuseMissing(asking, uri)
            return true
        }
        if audit != nil, isUnrecordable(asking) { return true }
        guard asking.client.inFlight < limits.callsPerClient, let call = takeCall(.client) else {
            refuseOverload(asking, "too many calls are under way")
            return true
        }
        setUp(call, asking)
        if audit != nil {
            beginRecord(
                call, asking,
                Target(server: 0, replacement: nil, key: "uri", name: uri, shownURI: nil, headers: []))
        }
        let handle = call.handle
        let caller = asking.caller
        let again = isForward ? WaitingRequest(asking.client, asking.message) : nil
        store.kept(as: name.key(caller, at: asking.view.path)) { [weak self] status, contents in
            guard let self, let call = self.calls[handle] else { return }
            switch status {
            case Int32(JF_OK): self.answerKept(call, contents)
            case Int32(JF_ABSENT):
                guard let again, let client = call.client else { return self.failMissing(call, uri) }
                call.audit.recycle()
                self.finish(call)
                self.passesKept = true
                again.lend { self.take($0, of: client, for: caller) }
                self.passesKept = false
            default:
                self.fail(
                    call, .internalError, "the store that keeps results cannot be reached; try again later",
                    data: "{\"reason\":\"store\"}", status: JF_STATUS_UNAVAILABLE, retryAfter: 1000,
                    outcome: Int32(JF_E_GONE))
            }
        }
        return true
    }

    private func answerKept(_ call: Call, _ contents: [UInt8]) {
        var form = ResultForm(
            method: .resourcesRead, serverIsModern: true, client: call.revision, identity: Product.identity)
        form.cache = .never
        let bytes = Array("{\"contents\":".utf8) + contents + [125]
        let text = bytes.withUnsafeBytes {
            try? JSONText(copying: $0, maxBytes: bytes.count, maxDepth: limits.depth)
        }
        reply.reset()
        let isWritten = text?.withRoot { root in
            (try? ResultEdit.write(id: call.clientId, result: root, form: form, into: reply)) != nil
        }
        guard isWritten == true else {
            return fail(call, .internalError, "what the store has of this result cannot be read")
        }
        counters.add(.resultsRead)
        conclude(call, status: Int32(JF_OK), reply.finish(), http: JF_STATUS_OK)
    }

    // MARK: What is not there

    /// Whether a server of another gateway would be asked.
    private func leadsToGateway(_ uri: String, _ view: View) -> Bool {
        guard let target = resourceTarget(uri, view) else { return false }
        return catalog.statuses[target.server].contains { status in
            guard let info = status.info, let text = try? JSONText(info) else { return false }
            return text.withRoot { $0.member("name")?.equals("jackfield") == true }
        }
    }

    private func missing(_ uri: String, _ isModern: Bool) -> (code: ErrorCode, text: String, data: String) {
        let shown = String(uri.prefix(200))
        return (
            isModern ? .invalidParams : .resourceNotFound,
            "no result is kept as \(shown): its time is over, or it was made for somebody else or at another "
                + "endpoint; call the tool again",
            "{\"uri\":\(String(decoding: JSONWriter.quoted(shown), as: UTF8.self))}"
        )
    }

    private func refuseMissing(_ asking: Asking, _ uri: String) {
        let why = missing(uri, asking.revision.isModern)
        if audit != nil { recordUnknown(asking, why.text, nil) }
        refuse(
            asking.client, asking.message, id: asking.id, why.code, why.text, data: why.data,
            status: asking.revision.isModern ? JF_STATUS_BAD_REQUEST : JF_STATUS_OK)
    }

    private func failMissing(_ call: Call, _ uri: String) {
        let why = missing(uri, call.revision.isModern)
        noteDenial(call, .unknown, rule: nil, why.text)
        fail(
            call, why.code, why.text, data: why.data,
            status: call.revision.isModern ? JF_STATUS_BAD_REQUEST : JF_STATUS_OK,
            outcome: Int32(JF_ABSENT))
    }
}
