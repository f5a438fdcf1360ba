// SPDX-License-Identifier: Apache-2.0
// A call on its way out: whose it is, which endpoint takes it, what is sent there.

import CJackfield
import CLinux
import JSON
import MCP
import Synchronization

extension Lane {
    /// Finds the owner of what a request names, makes the call, and sends it.
    func route(_ asking: Asking) {
        let method = asking.envelope.method
        if asking.envelope.repeatsParameter {
            return refuse(
                asking.client, asking.message, id: asking.id, .invalidRequest,
                "a member of params is repeated",
                status: JF_STATUS_BAD_REQUEST)
        }
        guard let target = target(method, asking.envelope.params, asking.view) else {
            if hold(asking.client, asking.message) { return }
            return refuseUnknown(asking)
        }
        if !asking.client.isShared, asking.revision.isModern, !target.headers.isEmpty,
            let problem = parameterMismatch(asking, target.headers)
        {
            return refuse(
                asking.client, asking.message, id: asking.id, .headerMismatch, problem,
                status: JF_STATUS_BAD_REQUEST)
        }
        if asking.client.inFlight >= limits.callsPerClient
            || (asking.session?.inFlight.load(ordering: .relaxed) ?? 0) >= limits.callsPerClient
        {
            return refuseOverload(
                asking, "this client has \(limits.callsPerClient) calls under way, its limit")
        }
        guard let call = takeCall(.client) else {
            return refuseOverload(asking, "the gateway has \(limits.calls) calls under way, its limit")
        }
        call.client = asking.client
        asking.client.link(call)
        call.exchange = asking.message.exchange
        call.setClientId(asking.id)
        call.revision = asking.revision
        if let session = asking.session {
            call.session = session
            session.begin(asking.id)
        }
        call.method = method
        call.acceptsStream = asking.message.flags & UInt32(JF_MSG_ACCEPTS_STREAM) != 0
        call.wantsLog = asking.meta.logLevel != nil
        if let token = asking.meta.progressToken, token.kind == .string || token.kind == .number {
            call.progressToken.append(contentsOf: token.raw)
        }
        dispatch(call, target, asking.envelope, asking.meta, asking.body)
    }

    /// What a request names, and where it leads.
    struct Target: Sendable {
        let server: Int
        /// Raw JSON that replaces the named member; nil keeps the client's spelling.
        let replacement: [UInt8]?
        let key: StaticString
        /// Decoded: for `Mcp-Name` and for routing strategies.
        let name: String
        let shownURI: String?
        let headers: [ParameterHeader]
    }

    func target(_ method: Method, _ params: JSONNode?, _ view: View) -> Target? {
        guard let params else { return nil }
        switch method {
        case .toolsCall:
            return named(view, .tools, params.member("name"))
        case .promptsGet:
            return named(view, .prompts, params.member("name"))
        case .resourcesRead:
            guard let uri = params.member("uri"), uri.kind == .string else { return nil }
            return withContent(uri) { resource(view, $0) }
        case .completionComplete:
            guard let reference = params.member("ref"), let type = reference.member("type") else {
                return nil
            }
            if type.equals("ref/prompt") {
                guard let found = named(view, .prompts, reference.member("name")) else { return nil }
                return referring(found, "{\"type\":\"ref/prompt\",\"name\":")
            }
            if type.equals("ref/resource"), let uri = reference.member("uri"), uri.kind == .string {
                let found = withContent(uri) { bytes in
                    view.find(.templates, bytes) ?? view.find(.resources, bytes) ?? view.template(for: bytes)
                }
                guard let found else { return nil }
                let target = Target(
                    server: found.server, replacement: found.quotedOriginal, key: "ref", name: found.item.key,
                    shownURI: nil, headers: [])
                return referring(target, "{\"type\":\"ref/resource\",\"uri\":")
            }
            return nil
        default: return nil
        }
    }

    private func referring(_ target: Target, _ head: String) -> Target {
        Target(
            server: target.server,
            replacement: Array(head.utf8) + (target.replacement ?? JSONWriter.quoted(target.name)) + [125],
            key: "ref", name: target.name, shownURI: nil, headers: [])
    }

    private func named(_ view: View, _ kind: ItemKind, _ name: JSONNode?) -> Target? {
        guard let name, name.kind == .string else { return nil }
        let entry = withContent(name) { view.find(kind, $0) }
        guard let entry else { return nil }
        return Target(
            server: entry.server, replacement: entry.isRenamed ? entry.quotedOriginal : nil, key: "name",
            name: entry.item.key, shownURI: nil, headers: entry.item.parameterHeaders)
    }

    private func resource(_ view: View, _ uri: UnsafeRawBufferPointer) -> Target? {
        if let entry = view.find(.resources, uri) {
            return Target(
                server: entry.server, replacement: entry.isRenamed ? entry.quotedOriginal : nil, key: "uri",
                name: entry.item.key, shownURI: entry.isRenamed ? entry.shown : nil, headers: [])
        }
        let text = String(decoding: uri, as: UTF8.self)
        if let entry = view.template(for: uri) {
            // A template shown as SERVER+TEMPLATE makes URIs with the same head, which the server does not know.
            let selection = catalog.servers[entry.server].plan.resources
            guard entry.isRenamed, let plus = entry.shown.firstIndex(of: "+") else {
                guard selection.shows(text) else { return nil }
                return Target(
                    server: entry.server, replacement: nil, key: "uri", name: text, shownURI: nil, headers: []
                )
            }
            let own = String(text.dropFirst(entry.shown.distance(from: entry.shown.startIndex, to: plus) + 1))
            guard selection.shows(own) else { return nil }
            return Target(
                server: entry.server, replacement: JSONWriter.quoted(own), key: "uri", name: own,
                shownURI: text,
                headers: [])
        }
        // Unlisted URIs (`ui://`, links in results) lead to the only server that has resources at all, if it is the only.
        let owners = view.servers.filter { catalog.statuses[$0].contains { $0.capabilities.resources } }
        guard owners.count == 1, view.allowsUnlisted, catalog.servers[owners[0]].plan.resources.shows(text)
        else {
            return nil
        }
        return Target(server: owners[0], replacement: nil, key: "uri", name: text, shownURI: nil, headers: [])
    }

    /// Lends a string's decoded bytes.
    private func withContent<R>(_ node: JSONNode, _ body: (UnsafeRawBufferPointer) -> R) -> R {
        if !node.hasEscapes { return body(node.content) }
        var decoded: [UInt8] = []
        _ = node.appendString(to: &decoded)
        return decoded.withUnsafeBytes(body)
    }

    private func refuseUnknown(_ asking: Asking) {
        let params = asking.envelope.params
        var text: String
        var data: String?
        var code = ErrorCode.invalidParams
        switch asking.envelope.method {
        case .resourcesRead:
            let uri = params?.member("uri")?.string()
            text = uri.map { "no server here has the resource \($0)" } ?? "params.uri must be a string"
            if let uri {
                data = "{\"uri\":\(String(decoding: JSONWriter.quoted(uri), as: UTF8.self))}"
                if !asking.revision.isModern { code = .resourceNotFound }
            }
        case .completionComplete: text = "params.ref names no prompt or resource template that is served here"
        case .promptsGet:
            text =
                params?.member("name")?.string().map { "no prompt \($0) is served here" }
                ?? "params.name must be a string"
        default:
            text =
                params?.member("name")?.string().map { "no tool \($0) is served here" }
                ?? "params.name must be a string"
        }
        refuse(
            asking.client, asking.message, id: asking.id, code, text, data: data,
            status: asking.revision.isModern ? JF_STATUS_BAD_REQUEST : JF_STATUS_OK)
    }

    private func refuseOverload(_ asking: Asking, _ text: String) {
        refuse(
            asking.client, asking.message, id: asking.id, .internalError, text,
            data: "{\"reason\":\"overload\"}", status: JF_STATUS_OVERLOADED, retryAfter: 1000)
    }

    // MARK: Sending

    /// Sends a call whose origin is set up to one of its server's endpoints, or fails it.
    func dispatch(
        _ call: Call, _ target: Target, _ envelope: Envelope, _ meta: RequestMeta,
        _ body: UnsafeRawBufferPointer
    ) {
        let server = catalog.servers[target.server]
        let statuses = catalog.statuses[target.server]
        let link = links[target.server]
        guard server.inFlight.load(ordering: .relaxed) < limits.callsPerServer else {
            return fail(
                call, .internalError,
                "server \(server.name) has \(limits.callsPerServer) calls under way, its limit",
                status: JF_STATUS_OVERLOADED, retryAfter: 1000)
        }
        call.server = server
        server.inFlight.add(1, ordering: .relaxed)
        call.link = link
        link.openCalls += 1
        call.shownURI = target.shownURI
        if call.deadline == 0 { call.deadline = loop.now &+ server.timeout }
        var name = target.name
        let picked = name.withUTF8 {
            link.pick(statuses, for: call, name: UnsafeRawBufferPointer($0), params: envelope.params)
        }
        guard let picked else {
            let state = statuses.contains { $0.state == .connecting } ? "it is still starting" : "it is down"
            return fail(
                call, .internalError,
                "server \(server.name) is not available: \(state); see the gateway's log")
        }
        let endpoint = server.endpoints[picked]
        let status = statuses[picked]
        call.endpoint = endpoint
        endpoint.inFlight.add(1, ordering: .relaxed)
        if call.timer == 0 {
            call.timer = loop.arm(at: call.deadline, callTimedOut, Unmanaged.passUnretained(call).toOpaque())
        }
        if status.isLocal, server.homeLane != index { return relay(call, picked, target, body) }
        let channel: Channel
        if let open = link.channels[picked] {
            channel = open
        } else {
            do {
                channel = try open(server, endpoint)
                link.channels[picked] = channel
            } catch {
                log.write(.error, "\(error)", [.init("server", server.name)])
                return fail(
                    call, .internalError, "server \(server.name) is not available; see the gateway's log")
            }
        }
        call.channel = channel
        if channel.isToolset { return callToolset(call, channel, target, envelope) }
        transmit(call, channel, status, target, envelope, meta)
    }

    func transmit(
        _ call: Call, _ channel: Channel, _ status: EndpointStatus, _ target: Target, _ envelope: Envelope,
        _ meta: RequestMeta
    ) {
        let revision = status.revision ?? .newestLegacy
        call.serverIsModern = revision.isModern
        call.epoch = status.epoch
        var request = OutgoingRequest(
            id: call.handle, method: call.method, params: envelope.params, meta: meta)
        request.nameKey = target.key
        request.wantsProgress = !call.progressToken.isEmpty
        request.spanId = meta.traceparent == nil ? 0 : nextSpan()
        if revision.isModern, call.revision.isModern {
            // Both hops are stateless: the server may ask this client for what it can do, and the answer goes through.
            request.capabilities = meta.clientCapabilities
        }
        outgoing.reset()
        if let replacement = target.replacement {
            replacement.withUnsafeBytes { bytes in
                request.replacedName = bytes
                RequestEdit.write(request, for: revision, identity: Product.identity, into: outgoing)
            }
        } else {
            RequestEdit.write(request, for: revision, identity: Product.identity, into: outgoing)
        }
        if status.session != nil {
            // A legacy server may have forgotten its session: then the call was not processed and is sent once more.
            outgoing.copy(into: &call.retained)
        }
        call.phase = .sent
        var name = target.name
        let sent = name.withUTF8 { name in
            withHeaders(target.headers, envelope, isWanted: revision.isModern && status.hasHeaders) {
                headers, count in
                post(
                    channel, exchange: call.handle, outgoing.finish(), method: call.method,
                    name: revision.isModern && call.method.mirroredName != nil
                        ? jf_view(UnsafeRawBufferPointer(name)) : .absent,
                    revision: revision, session: status.session, deadline: call.deadline, headers: headers,
                    headerCount: count)
            }
        }
        if let problem = sent {
            call.phase = .idle
            return fail(call, .internalError, "server \(channel.server.name): \(problem)")
        }
    }

    /// Hands one message to a channel. Returns a sentence when the connector refused it.
    func post(
        _ channel: Channel, exchange: UInt64, _ parts: UnsafeBufferPointer<ByteSegment>, method: Method,
        name: jf_view = .absent, revision: Revision?, session: [UInt8]?, deadline: UInt64 = 0,
        kind: Int = JF_KIND_MESSAGE, headers: UnsafePointer<jf_pair>? = nil, headerCount: Int = 0
    ) -> String? {
        guard let own = channel.instance.own else { return "the gateway stops" }
        guard let slot = channel.instance.connector?.send else { return "its connector cannot send" }
        var message = jf_message()
        message.size = UInt32(MemoryLayout<jf_message>.size)
        message.kind = UInt32(kind)
        message.exchange = channel.isShared ? 0 : exchange
        message.deadline_ns = deadline
        if let revision {
            message.protocol = jf_view(revision.text)
            if revision.isModern {
                message.method = jf_view(method.name)
                message.name = name
            }
        }
        message.headers = headers
        message.header_count = UInt64(headerCount)
        var fault = jf_fault.empty()
        func call() -> Int32 {
            guard let base = parts.baseAddress, parts.count > 0 else {
                return slot(own, channel.remote, &message, &fault)
            }
            return base.withMemoryRebound(to: jf_view.self, capacity: parts.count) { views in
                message.body = views
                message.body_count = UInt32(parts.count)
                return slot(own, channel.remote, &message, &fault)
            }
        }
        let status: Int32
        if let session {
            status = session.withUnsafeBytes { text in
                message.session = jf_view(text)
                return call()
            }
        } else {
            status = call()
        }
        if status == JF_OK { return nil }
        if !fault.message.isEmpty {
            log.write(
                .debug, "a message was not sent",
                [.init("server", channel.server.name), .init("why", fault.message)])
        }
        if fault.code == 0 { fault.code = status }
        return fault.publicMessage
    }
}
