// SPDX-License-Identifier: Apache-2.0
// Calls to toolsets: servers in process. Their answers join the same path as those from afar.

import CJackfield
import JSON
import MCP

/// One of the request slots of `jf_toolset_1`.
typealias ToolsetSlot =
    @convention(c) (
        OpaquePointer?, jf_ref, UnsafePointer<jf_request>?, UnsafeMutablePointer<jf_blob>?,
        UnsafeMutablePointer<jf_fault>?
    ) -> Int32

extension Lane {
    func callToolset(_ call: Call, _ channel: Channel, _ target: Target, _ envelope: Envelope) {
        guard let toolset = channel.instance.toolset else {
            return fail(call, .internalError, "server \(channel.server.name): its plugin has no toolset")
        }
        let slot =
            switch call.method {
            case .toolsCall: toolset.call
            case .resourcesRead: toolset.read
            case .promptsGet: toolset.prompt
            default: toolset.complete
            }
        guard let slot else {
            return fail(
                call, .methodNotFound, "server \(channel.server.name) does not offer \(call.method.name)",
                status: JF_STATUS_NOT_FOUND)
        }
        call.serverIsModern = true
        call.phase = .sent
        guard let own = channel.instance.own else { return serverFailed(call, "the gateway stops") }
        operations.open(call.handle, on: channel.handle)
        let handle = call.handle
        if channel.instance.isOffLane {
            return callOnWorker(call, channel, slot, target, envelope)
        }
        var result = jf_blob.none
        var fault = jf_fault.empty()
        var name = target.name
        let status: Int32 = name.withUTF8 { name in
            var request = jf_request()
            request.size = UInt32(MemoryLayout<jf_request>.size)
            request.deadline_ns = call.latest
            request.set = channel.remote
            request.name = jf_view(UnsafeRawBufferPointer(name))
            if !call.caller.isNobody { request.principal = call.caller.lent.pointee.key }
            request.arguments = envelope.params?.member("arguments").map { jf_view($0.raw) } ?? jf_view("{}")
            request.params = envelope.params.map { jf_view($0.raw) } ?? jf_view("{}")
            return slot(own, call.handle, &request, &result, &fault)
        }
        if status == JF_PENDING { return }
        // An inline answer: `finish` may not come any more, and if it came already, it was first.
        guard operations.close(handle) else {
            result.dropOnce()
            return
        }
        operationFinished(handle, status, result, fault.message, fault.isPublic)
    }

    /// A toolset that may block: its slot runs on a pool thread, with copies of what it reads.
    private func callOnWorker(
        _ call: Call, _ channel: Channel, _ slot: @escaping ToolsetSlot, _ target: Target,
        _ envelope: Envelope
    ) {
        let arguments = envelope.params?.member("arguments").map { [UInt8]($0.raw) } ?? Array("{}".utf8)
        let params = envelope.params.map { [UInt8]($0.raw) } ?? Array("{}".utf8)
        let name = target.name
        let handle = call.handle
        let deadline = call.latest
        let set = channel.remote
        let instance = channel.instance
        let caller = call.caller
        let isQueued = instance.work { [self] in
            var result = jf_blob.none
            var fault = jf_fault.empty()
            let status = withView(name) { name in
                arguments.withUnsafeBytes { arguments in
                    params.withUnsafeBytes { params in
                        var request = jf_request()
                        request.size = UInt32(MemoryLayout<jf_request>.size)
                        request.deadline_ns = deadline
                        request.set = set
                        request.name = name
                        if !caller.isNobody { request.principal = caller.lent.pointee.key }
                        request.arguments = jf_view(arguments)
                        request.params = jf_view(params)
                        return slot(instance.own, handle, &request, &result, &fault)
                    }
                }
            }
            if status == JF_PENDING { return }
            guard operations.close(handle) else {
                result.dropOnce()
                return
            }
            let taken = OwnedBlob(blob: result)
            let message = fault.message
            let isPublic = fault.isPublic
            loop.post { self.operationFinished(handle, status, taken.blob, message, isPublic) }
        }
        if !isQueued {
            _ = operations.close(handle)
            fail(
                call, .internalError,
                "server \(channel.server.name): too many calls wait for a worker thread",
                status: JF_STATUS_OVERLOADED, retryAfter: 1000)
        }
    }

    /// A toolset operation ended; on the lane. Takes the blob.
    func operationFinished(
        _ handle: UInt64, _ status: Int32, _ blob: jf_blob, _ message: String, _ isPublic: Bool
    ) {
        var blob = blob
        defer { blob.dropOnce() }
        closeIdleToolsets()
        guard let call = calls[handle], call.channel?.isToolset == true else { return }
        guard status == JF_OK else { return toolsetFailed(call, status, message, isPublic) }
        let length = blob.bytes.count
        if padded.count < length + BufferPool.padding {
            padded.deallocate()
            padded = .allocate(byteCount: length + BufferPool.padding, alignment: 64)
        }
        padded.copyBytes(from: blob.bytes)
        let body = UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(padded)[0..<length])
        do {
            let document = try answerParser.parse(body, recordDepth: 5)
            answerFromToolset(call, document.root)
        } catch {
            log.write(
                .error, "toolset answered with invalid JSON",
                [.init("plugin", call.channel?.instance.id ?? "?"), .init("why", "\(error)")])
            serverFailed(call, "its toolset answered with invalid JSON")
        }
    }

    private func answerFromToolset(_ call: Call, _ result: JSONNode) {
        call.phase = .answered
        if call.passing != nil, passesFilters(call, result) { return }
        switch call.origin {
        case .client:
            reply.reset()
            do {
                try ResultEdit.write(id: call.clientId, result: result, form: resultForm(call), into: reply)
            } catch {
                reply.reset()
                return serverFailed(call, error.message)
            }
            conclude(call, status: Int32(JF_OK), reply.finish(), http: JF_STATUS_OK)
        case .plugin: answerPlugin(call, isError: false, result.raw)
        case .task: settleTask(call, result, isError: false)
        case .shared: shareResult(call, result)
        case .relay:
            reply.reset()
            reply.literal("{\"jsonrpc\":\"2.0\",\"id\":")
            reply.integer(call.handle)
            reply.literal(",\"result\":")
            reply.bytes(result.raw)
            reply.byte(125)
            relayEnd(call, reply.joined())
        default: finish(call)
        }
    }

    private func toolsetFailed(_ call: Call, _ status: Int32, _ message: String, _ isPublic: Bool) {
        let plugin = call.channel?.instance.id ?? "?"
        if status == JF_E_INVALID, isPublic {
            return fail(
                call, .invalidParams, message,
                status: call.revision.isModern ? JF_STATUS_BAD_REQUEST : JF_STATUS_OK,
                outcome: status)
        }
        if status == JF_E_UNSUPPORTED || status == JF_ABSENT, call.method == .resourcesRead {
            return fail(
                call, call.revision.isModern ? .invalidParams : .resourceNotFound,
                isPublic ? message : "no such resource",
                status: call.revision.isModern ? JF_STATUS_BAD_REQUEST : JF_STATUS_OK, outcome: status)
        }
        log.write(
            .error, "toolset failed",
            [.init("plugin", plugin), .init("status", statusName(status)), .init("why", message)])
        serverFailed(
            call, isPublic ? message : "its toolset failed (\(statusName(status))); see the gateway's log")
    }

    /// Progress of a toolset operation; on the lane.
    func operationProgressed(_ handle: UInt64, _ done: Double, _ total: Double, _ message: String?) {
        if let call = calls[handle], call.stretch != nil { progressed(call, done) }
        guard let call = calls[handle], !call.progressToken.isEmpty, done.isFinite,
            call.origin == .relay || call.origin == .shared || call.origin == .client && canStream(call)
        else { return }
        reply.reset()
        reply.literal(
            "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":{\"progressToken\":")
        reply.copy(call.progressToken)
        reply.text(",\"progress\":\(done)")
        if total.isFinite, total > 0 { reply.text(",\"total\":\(total)") }
        if let message {
            reply.literal(",\"message\":")
            reply.quoted(message)
        }
        reply.literal("}}")
        if call.origin == .relay { return relaySend(call, reply.joined()) }
        if call.origin == .shared { return reply.joined().withUnsafeBytes { shareNote(call, $0) } }
        stream(call, reply.finish())
    }

    /// Closes sets whose server left, once their plugin has finished everything.
    func closeIdleToolsets() {
        var idle: [Channel] = []
        channels.forEach { handle, channel in
            if channel.isClosing, channel.isToolset, operations.count(on: handle) == 0 {
                idle.append(channel)
            }
        }
        for channel in idle { closeToolset(channel) }
    }

    func closeToolset(_ channel: Channel) {
        guard channels.remove(channel.handle) != nil, let own = channel.instance.own else { return }
        channel.instance.alone { channel.instance.toolset?.close?(own, channel.remote) }
        gateway.laneChannelClosed(self)
    }

    func toolsetChanged(_ set: UInt64, _ kind: UInt32) {
        guard let channel = channels[set], let kind = ItemKind(rawValue: Int(kind)) else { return }
        if kind != .prompts { channel.server.reuse?.clear() }
        if let supervisor = channel.supervisor {
            supervisor.listChanged(kind)
        } else {
            gateway.listChanged(channel.server, channel.endpoint, kind)
        }
    }
}
