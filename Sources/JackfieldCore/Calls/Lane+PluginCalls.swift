// SPDX-License-Identifier: Apache-2.0
// jf.calls/1: plugins call tools, resources and prompts through the same router as clients.

import CJackfield
import JSON
import MCP

extension Lane {
    func pluginCall(
        _ instance: PluginInstance, _ asked: jf_call, _ done: @escaping jf_call_done_fn,
        _ user: UnsafeMutableRawPointer?, _ out: UnsafeMutablePointer<jf_ref>?,
        _ why: UnsafeMutablePointer<jf_fault>?
    ) -> Int32 {
        let method = Method(asked.method.bytes)
        guard let view = catalog.view(asked.target.bytes) else {
            why?.pointee.set(Int32(JF_ABSENT), "nothing is served at \(asked.target.string)")
            return Int32(JF_E_INVALID)
        }
        // The request as a client would have sent it: one path for everybody.
        var body = Array("{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":".utf8)
        body.append(contentsOf: JSONWriter.quoted(asked.method.string))
        body.append(contentsOf: ",\"params\":".utf8)
        body.append(contentsOf: asked.params.present.map { [UInt8]($0) } ?? Array("{}".utf8))
        body.append(125)
        let text: JSONText
        do { text = try JSONText(body) } catch {
            why?.pointee.set(Int32(JF_E_INVALID), "params are not valid JSON: \(error)")
            return Int32(JF_E_INVALID)
        }
        var caller = Principal.nobody
        if let key = asked.principal.present, key.count > 0 {
            // A plugin speaks for those whose requests it serves, and for nobody else.
            guard let known = served(by: instance, key) else {
                why?.pointee.set(
                    Int32(JF_E_DENIED), "no request of this principal is open at plugin \(instance.id)")
                return Int32(JF_E_DENIED)
            }
            caller = known
        }
        guard let call = takeCall(.plugin) else {
            counters.add(.overloads)
            why?.pointee.set(Int32(JF_E_BUSY), "the gateway has \(limits.calls) calls under way, its limit")
            return Int32(JF_E_BUSY)
        }
        call.caller = caller
        call.done = done
        call.user = user
        call.method = method
        call.revision = .newest
        if asked.timeout_ns > 0 { call.deadline = loop.now &+ asked.timeout_ns }
        out?.pointee = call.handle
        let handle = call.handle
        let path = view.path
        // `done` must not come from inside `start`: the call itself goes out at the end of this batch.
        loop.later { [self] in
            guard let call = calls[handle] else { return }
            // The catalogue may have changed since: a view is only good with its own.
            guard let view = catalog.view(path) else {
                return fail(
                    call, .invalidParams, "nothing is served at \(path)", outcome: Int32(JF_E_INVALID))
            }
            text.withRoot { root in startPluginCall(call, root, view, body) }
        }
        return Int32(JF_OK)
    }

    /// The principal of a request that a plugin is serving.
    private func served(by instance: PluginInstance, _ key: UnsafeRawBufferPointer) -> Principal? {
        var found: Principal?
        calls.forEach { _, call in
            guard found == nil, call.channel?.instance === instance, !call.caller.isNobody else { return }
            if call.caller.lent.pointee.key.bytes.elementsEqual(key) { found = call.caller }
        }
        return found
    }

    func startPluginCall(_ call: Call, _ root: JSONNode, _ view: View, _ body: [UInt8]) {
        guard let envelope = try? Envelope.read(root) else {
            return fail(call, .invalidRequest, "the call is not a valid request")
        }
        if let kind = ItemKind.allCases.first(where: { $0.listMethod == call.method }) {
            guard let page = page(of: view, kind, .modern, envelope.params) else {
                return fail(
                    call, .invalidParams, "this cursor is not of the current list",
                    outcome: Int32(JF_E_INVALID))
            }
            return answerPlugin(call, isError: false, page.bytes)
        }
        guard !envelope.repeatsParameter, let target = target(call.method, envelope.params, view) else {
            let tool = call.method == .toolsCall ? envelope.params?.member("name")?.string() : nil
            return fail(
                call, .invalidParams,
                tool.flatMap { quarantine($0, view)?.text } ?? "nothing at \(view.path) has that name",
                outcome: Int32(JF_E_INVALID))
        }
        if audit != nil { beginRecord(call, envelope, target, bytes: body.count) }
        body.withUnsafeBytes {
            admit(call, target, envelope, RequestMeta(envelope.params), $0, at: view.path)
        }
    }

    /// Cancels; `done` comes with JF_E_GONE.
    func cancelPluginCall(_ handle: UInt64) {
        loop.later { [self] in
            if let call = calls[handle], call.origin == .plugin {
                cancel(call, reason: "the caller cancelled")
            }
        }
    }

    func answerPlugin(_ call: Call, _ envelope: Envelope) {
        guard let outcome = envelope.outcome else { return }
        if call.audit.isOpen { noteOutcome(call, envelope) }
        if call.passing != nil, envelope.kind == .result, passesFilters(call, outcome) { return }
        answerPlugin(call, isError: envelope.kind == .error, outcome.raw)
    }

    func answerPlugin(_ call: Call, isError: Bool, _ body: UnsafeRawBufferPointer) {
        observe(call, Int32(JF_OK))
        tell(call, isError ? Int32(JF_E_INVALID) : Int32(JF_OK), body)
    }

    func failPlugin(_ call: Call, _ code: ErrorCode, _ text: String, _ outcome: Int32) {
        var writer = JSONWriter()
        writer.beginObject()
        writer.key("code")
        writer.value(code.rawValue)
        writer.key("message")
        writer.value(text)
        writer.endObject()
        writer.bytes.withUnsafeBytes { tell(call, outcome, $0) }
    }

    private func tell(_ call: Call, _ status: Int32, _ body: UnsafeRawBufferPointer) {
        let done = call.done
        let user = call.user
        let handle = call.handle
        let completion = call.completion
        finish(call)
        if let completion { return completion(AskedAnswer(isError: status != JF_OK, body: [UInt8](body))) }
        var result = jf_call_result(
            size: UInt32(MemoryLayout<jf_call_result>.size), status: status, body: jf_view(body))
        done?(user, handle, &result)
    }
}
