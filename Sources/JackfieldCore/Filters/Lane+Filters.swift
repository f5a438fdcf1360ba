// SPDX-License-Identifier: Apache-2.0
// Filters on the way out: what looks at requests before they go to their server.

import CJackfield
import JSON
import MCP

extension Lane {
    /// The largest body that a filter may make of another.
    var mostFiltered: Int { max(limits.message, 16 << 20) }

    /// Shows a filter the request of a call.
    func filterRequest(
        _ call: Call, _ filter: FilterBinding, _ target: Target, _ envelope: Envelope,
        _ body: UnsafeRawBufferPointer, at path: String
    ) -> AdmissionStep {
        let server = catalog.servers[target.server]
        let phases = filter.phases(call.method, server.generation, server.name, item: target.name)
        guard !phases.isEmpty else { return .passed }
        let passing =
            call.passing
            ?? Passing(call, target, server.name, at: call.origin == .plugin ? nil : path)
        call.passing = passing
        let attachment = filter.attachment
        guard phases.contains(.request), let params = envelope.params else {
            passing.add(filter, attachment, phases)
            return .passed
        }
        let deadline = call.deadline != 0 ? call.deadline : loop.now &+ server.timeout
        let asked = ask(
            attachment, passing, isResult: false, params.raw,
            arguments: params.member("arguments").map { $0.raw }, deadline: deadline)
        guard var answer = asked.now else {
            let handle = call.handle
            // The call's own timer rules.
            wait(for: asked.operation, of: attachment, until: deadline &+ 1_000_000_000, lending: asked.loan)
            {
                [weak self] answer in
                guard let self, let call = self.calls[handle], call.admission?.operation == asked.operation
                else { return }
                let step = self.requestFiltered(
                    call, filter, attachment, phases, &answer, asked.loan?.body, self.keptParams(call))
                self.admitFurther(handle, step)
            }
            return .waits(operation: asked.operation)
        }
        defer { answer.blob.dropOnce() }
        return requestFiltered(
            call, filter, attachment, phases, &answer, params.raw, named(params, target.key))
    }

    /// What a request that waits names, as it was kept.
    private func keptParams(_ call: Call) -> String? {
        guard let target = call.target, let text = try? JSONText(call.request.dropLast(JSONParser.padding))
        else { return nil }
        return text.withRoot { root in root.member("params").flatMap { named($0, target.key) } }
    }

    /// What a request names: not for filters to change, since it was looked for, and policies were asked about it.
    private func named(_ params: JSONNode, _ key: StaticString) -> String? {
        guard let value = params.member(key) else { return nil }
        return value.kind == .string ? value.string() : String(decoding: value.raw, as: UTF8.self)
    }

    /// What a filter made of a request.
    private func requestFiltered(
        _ call: Call, _ filter: FilterBinding, _ attachment: Attachment, _ phases: FilterPhases,
        _ answer: inout ModuleAnswer, _ params: UnsafeRawBufferPointer?, _ name: String?
    ) -> AdmissionStep {
        guard let passing = call.passing else { return .passed }
        attachment.instance.tally.calls &+= 1
        if answer.status != JF_OK {
            if refuses(call, filter, attachment, answer) { return .over }
            passing.add(filter, attachment, phases)
            return .passed
        }
        do throws(FilterProblem) {
            guard let params else { throw FilterProblem("it finished without its request") }
            let verdict = try FilterVerdict(answer.blob.bytes, of: params, most: mostFiltered)
            switch verdict.decision {
            case .pass:
                passing.add(filter, attachment, phases, memory: verdict.memory)
                return .passed
            case .changed(let params):
                let message = try request(call, params, naming: name)
                passing.add(filter, attachment, phases, memory: verdict.memory)
                return .changed(message)
            case .answer(let result):
                let text = try self.result(result)
                // It has seen its own answer, and hears of the end.
                passing.add(filter, attachment, phases.intersection([.request]), memory: verdict.memory)
                answerInstead(call, passing, text)
                return .over
            case .spill: throw FilterProblem("its verdict is about a result, and this is a request")
            }
        } catch {
            if fails(call, filter, attachment, error.message) { return .over }
            passing.add(filter, attachment, phases)
            return .passed
        }
    }

    /// A request with other parameters, padded. Throws what is wrong with them.
    private func request(_ call: Call, _ params: [UInt8], naming name: String?) throws(FilterProblem)
        -> [UInt8]
    {
        var message = Array("{\"jsonrpc\":\"2.0\",\"id\":".utf8)
        if call.clientId.isEmpty { message.append(48) } else { message.append(contentsOf: call.clientId) }
        message.append(contentsOf: ",\"method\":\"\(call.method.name)\",\"params\":".utf8)
        // On its own first: else it could say more than parameters.
        let alone: JSONText
        do throws(JSONError) { alone = try filteredText(params) } catch {
            throw FilterProblem("its splices leave no JSON: \(error.description)")
        }
        try alone.withRoot { root throws(FilterProblem) in
            guard root.kind == .object else { throw FilterProblem("its splices leave no object") }
            var seen: Set<String> = []
            for member in root.members
            where !seen.insert(String(decoding: member.key, as: UTF8.self)).inserted {
                throw FilterProblem("its splices repeat a member of params")
            }
            guard let key = call.passing?.target.key, named(root, key) == name else {
                throw FilterProblem("its splices change what the request names")
            }
        }
        message.append(contentsOf: params)
        message.append(125)
        message.append(contentsOf: [UInt8](repeating: 32, count: JSONParser.padding))
        return message
    }

    /// A filter's result, read. Throws what is wrong with it.
    func result(_ bytes: [UInt8]) throws(FilterProblem) -> JSONText {
        let text: JSONText
        do throws(JSONError) { text = try filteredText(bytes) } catch {
            throw FilterProblem("it leaves no JSON: \(error.description)")
        }
        guard text.withRoot({ $0.kind == .object }) else { throw FilterProblem("it leaves no result object") }
        return text
    }

    private func filteredText(_ bytes: [UInt8]) throws(JSONError) -> JSONText {
        let result: Result<JSONText, JSONError> = bytes.withUnsafeBytes { bytes in
            Result { () throws(JSONError) in
                try JSONText(copying: bytes, maxBytes: mostFiltered, maxDepth: limits.depth)
            }
        }
        return try result.get()
    }

    /// A filter answered in the server's place: the filters before it see that as a result.
    private func answerInstead(_ call: Call, _ passing: Passing, _ text: JSONText) {
        call.phase = .answered
        // As toolsets do, it answers in the newest words.
        call.serverIsModern = true
        call.shownURI = passing.target.shownURI
        text.withRoot { root in
            if !passesFilters(call, root) { deliverFiltered(call, root) }
        }
    }

    // MARK: Asking

    /// Shows one filter a request or a result.
    /// - Returns: its answer, whose blob is the caller's to drop; nil: `wait` for it, and lend what was lent till its end.
    func ask(
        _ attachment: Attachment, _ passing: Passing, isResult: Bool, _ body: UnsafeRawBufferPointer,
        arguments: UnsafeRawBufferPointer? = nil, memory: UInt64 = 0, isError: Bool = false,
        links: Bool = false, deadline: UInt64
    ) -> (now: ModuleAnswer?, operation: UInt64, loan: PassageLoan?) {
        let instance = attachment.instance
        guard let own = instance.own, let table = instance.filter,
            let slot = isResult ? table.result : table.request
        else { return (ModuleAnswer(status: Int32(JF_OK)), 0, nil) }
        if table.flags & UInt32(JF_FILTER_INLINE) != 0 {
            var passage = passing.passage(
                body, arguments: arguments, memory: memory, isError: isError, links: links,
                deadline: deadline)
            let (now, operation) = operate { operation, blob, fault in
                slot(own, operation, attachment.handle, &passage, &blob, &fault)
            }
            if let now { return (now, operation, nil) }
            // It promised not to, and what it was lent is not there any more.
            wait(for: operation, of: attachment, until: loop.now &+ 3_600_000_000_000) { _ in }
            giveUp(operation)
            return (
                ModuleAnswer(
                    status: Int32(JF_E_FAULT), message: "it is JF_FILTER_INLINE and answered JF_PENDING"),
                operation, nil
            )
        }
        let loan = PassageLoan(
            passing, body, arguments: arguments, memory: memory, isError: isError, links: links,
            deadline: deadline)
        let (now, operation) = operate { operation, blob, fault in
            slot(own, operation, attachment.handle, loan.passage, &blob, &fault)
        }
        return (now, operation, loan)
    }

    // MARK: Errors

    /// What becomes of a call for which a filter's operation ended with an error. True: it is refused.
    func refuses(_ call: Call, _ filter: FilterBinding, _ attachment: Attachment, _ answer: ModuleAnswer)
        -> Bool
    {
        let name = filter.plan.name
        let isModern = call.revision.isModern
        switch Int(answer.status) {
        case JF_E_DENIED:
            endServerPart(call, Int32(JF_E_DENIED))
            deny(
                call, answer.publicText ?? "filter \(name) refused this", rule: name, reason: .filter)
        case JF_E_INVALID:
            endServerPart(call, answer.status)
            noteDenial(call, .filter, rule: name, answer.publicText ?? "the request is invalid")
            fail(
                call, .invalidParams, answer.publicText ?? "filter \(name) found this request invalid",
                data: "{\"reason\":\"filter\",\"filter\":\(quoted(name))}",
                status: isModern ? JF_STATUS_BAD_REQUEST : JF_STATUS_OK, outcome: answer.status)
        case JF_E_BUSY:
            endServerPart(call, answer.status)
            let wait = answer.retry
            noteDenial(call, .limit, rule: name, answer.publicText ?? "a limit was reached")
            fail(
                call, .limited, answer.publicText ?? "filter \(name): too much for now, try again later",
                data: "{\"reason\":\"limit\",\"filter\":\(quoted(name)),\"retryAfterMs\":\(wait)}",
                status: JF_STATUS_OVERLOADED, retryAfter: wait, outcome: answer.status)
        default:
            let why = answer.message.isEmpty ? "it answered \(statusName(answer.status))" : answer.message
            return fails(call, filter, attachment, why)
        }
        return true
    }

    /// A filter failed by itself. True: the call is refused for that.
    func fails(_ call: Call, _ filter: FilterBinding, _ attachment: Attachment, _ why: String) -> Bool {
        attachment.instance.tally.failures &+= 1
        let goesOn = filter.plan.allowsOnError
        log.write(
            .warning, goesOn ? "a filter failed, the call goes on" : "a filter failed, the call is refused",
            [
                .init("filter", filter.plan.name), .init("plugin", attachment.instance.id), .init("why", why),
            ])
        if goesOn { return false }
        endServerPart(call, Int32(JF_E_FAULT))
        fail(
            call, .internalError, "filter \(filter.plan.name) failed; see the gateway's log",
            data: "{\"reason\":\"filter\",\"filter\":\(quoted(filter.plan.name))}", outcome: Int32(JF_E_FAULT)
        )
        return true
    }

    private func quoted(_ text: String) -> String { String(decoding: JSONWriter.quoted(text), as: UTF8.self) }
}
