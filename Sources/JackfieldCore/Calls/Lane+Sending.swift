// SPDX-License-Identifier: Apache-2.0
// A call on its way to its server: which endpoint, which session, what is written there.

import CJackfield
import CLinux
import JSON
import MCP
import Synchronization

extension Lane {
    /// Sends a call whose origin is set up to one of its server's endpoints, or fails it.
    func dispatch(
        _ call: Call, _ target: Target, _ envelope: Envelope, _ meta: RequestMeta,
        _ body: UnsafeRawBufferPointer, endpoint pinned: Int? = nil
    ) {
        let server = catalog.servers[target.server]
        let statuses = catalog.statuses[target.server]
        let link = links[target.server]
        call.server = server
        call.link = link
        link.openCalls += 1
        call.shownURI = target.shownURI
        if call.deadline == 0 {
            call.deadline = loop.now &+ server.timeout
            if server.longestTimeout != 0 { stretch(call, server) }
        }
        call.traits = target.traits
        if let reuse = server.reuse, pinned == nil,
            shares(call, target, envelope, meta, body, reuse)
        {
            return
        }
        guard pinned != nil || enter(call, target, link, body) else { return }
        if pinned != nil { countUnbounded(call, server) }
        place(call, target, statuses, link, envelope, meta, body, endpoint: pinned)
    }

    /// Sends a call to the endpoint that was picked for it: on this lane, or through the one where its channel is.
    func send(
        _ call: Call, _ target: Target, _ status: EndpointStatus, _ envelope: Envelope, _ meta: RequestMeta,
        _ body: UnsafeRawBufferPointer
    ) {
        guard let server = call.server, let endpoint = call.endpoint, let link = call.link else { return }
        let isModern = status.revision?.isModern ?? false
        call.serverIsModern = isModern
        // What may have to be sent again is kept: with answers, after a lost session, after a wait for one.
        armPromotion(call)
        if call.request.isEmpty,
            call.promotion != 0 || isModern != call.revision.isModern || status.session != nil
                || !isModern && call.usesSession || mayRetry(call, server, bytes: body.count)
        {
            keep(call, target, body)
        }
        // A session with a legacy server is one for all lanes, as its clients' connections may change lanes.
        let needsSession = !isModern && call.usesSession
        if status.isLocal || needsSession, server.homeLane != index {
            return relay(call, endpoint.index, target, body)
        }
        let channel: Channel
        if let open = link.channels[endpoint.index] {
            channel = open
        } else {
            do {
                channel = try open(server, endpoint)
                link.channels[endpoint.index] = channel
            } catch {
                log.write(.error, "\(error)", [.init("server", server.name)])
                return fail(
                    call, .internalError, "server \(server.name) is not available; see the gateway's log")
            }
        }
        deliver(call, channel, status, target, envelope, meta, body)
    }

    /// Hands a call to a channel of this lane, in the session that fits its client.
    func deliver(
        _ call: Call, _ channel: Channel, _ status: EndpointStatus, _ target: Target, _ envelope: Envelope,
        _ meta: RequestMeta, _ body: UnsafeRawBufferPointer
    ) {
        if channel.isToolset {
            call.channel = channel
            return callToolset(call, channel, target, envelope)
        }
        if channel.server.plan.credentials != nil, !isAuthorized(call, channel, target, body) { return }
        let revision = status.revision ?? .newestLegacy
        guard !revision.isModern, call.usesSession, let link = call.link
        else {
            if !revision.isModern, raisesLevel(call, channel, status, target, body) { return }
            return transmit(call, channel, Hop(status), target, envelope, meta)
        }
        if call.request.isEmpty { keep(call, target, body) }
        if call.upstream == nil {
            let endpoint = channel.endpoint
            guard
                let session = link.pool(endpoint).session(for: call, base: channel, revision: revision)
            else { return }
            session.take(call)
        }
        guard let upstream = call.upstream, let own = upstream.channel else { return }
        if raisesLevel(call, own, status, target, body) { return }
        transmit(call, own, Hop(upstream, status), target, envelope, meta)
    }

    /// Asks a legacy server for the log level that the client wants, where the session's is graver or unknown; true when the
    /// call waits for that. The level is the session's: each call's messages are filtered on their way to its client.
    private func raisesLevel(
        _ call: Call, _ channel: Channel, _ status: EndpointStatus, _ target: Target,
        _ body: UnsafeRawBufferPointer
    ) -> Bool {
        guard let wanted = call.logLevel, status.capabilities.logging, !call.isLevelled else { return false }
        let current = call.upstream.map(\.level) ?? status.logLevel
        if let current, current <= wanted { return false }
        call.isLevelled = true
        if call.request.isEmpty { keep(call, target, body) }
        let handle = call.handle
        if let upstream = call.upstream {
            upstream.level = wanted
            upstream.ask(.loggingSetLevel, params: "{\"level\":\"\(wanted.text)\"}") { [self] _ in
                if let call = calls[handle] { resume(call, on: nil) }
            }
        } else {
            gateway.raiseLevel(channel.server, channel.endpoint, wanted, for: self, call: handle)
        }
        return true
    }

    private static let spaces = [UInt8](repeating: 32, count: JSONParser.padding)

    /// Keeps the client's message, with the padding that a scanner needs.
    func keep(_ call: Call, _ target: Target, _ body: UnsafeRawBufferPointer) {
        call.target = target
        call.request.reserveCapacity(body.count + JSONParser.padding)
        call.request.append(contentsOf: body)
        call.request.append(contentsOf: Self.spaces)
    }

    // MARK: Again

    /// Sends a call again as it was kept: its session is there, or was replaced.
    func resend(_ call: Call, _ status: EndpointStatus? = nil) { resend(call, call.request, status) }

    /// Sends a call again with another body (padded). `status` is given where it is newer than the catalogue's.
    func resend(_ call: Call, _ padded: [UInt8], _ status: EndpointStatus? = nil) {
        // A server that was replaced keeps its channels until the last of its calls is over.
        let known = call.server.flatMap { catalog.index(of: $0) }.map { catalog.statuses[$0] }
        guard let target = call.target, let statuses = known ?? call.link?.lastStatuses else {
            return serverFailed(call, "it was removed from the configuration")
        }
        let at = call.endpointIndex
        let status = status ?? statuses[at]
        padded.withUnsafeBytes { padded in
            let bytes = UnsafeRawBufferPointer(rebasing: padded.dropLast(JSONParser.padding))
            guard let document = try? requestParser.parse(bytes, recordDepth: 6),
                let envelope = try? Envelope.read(document.root)
            else { return fail(call, .invalidRequest, "the message is not a request") }
            let meta = RequestMeta(envelope.params)
            if call.origin == .relay, let channel = call.link?.channels[at] {
                return deliver(call, channel, status, target, envelope, meta, bytes)
            }
            send(call, target, status, envelope, meta, bytes)
        }
    }

    /// A call that waited for a session has one; nil: it looks for one again.
    func resume(_ call: Call, on session: UpstreamSession?) {
        session?.take(call)
        let handle = call.handle
        // Not from inside the delivery of the message that freed the session.
        loop.later { [self] in
            guard let call = calls[handle], call.phase == .idle else { return }
            resend(call)
        }
    }

    // MARK: Writing

    /// In which words a request is written: the session's.
    struct Hop {
        let revision: Revision
        let session: [UInt8]?
        let epoch: Int
        let hasHeaders: Bool
        let tasks: TaskAbilities

        init(_ status: EndpointStatus) {
            tasks = status.capabilities.tasks
            revision = status.revision ?? .newestLegacy
            session = status.session
            epoch = status.epoch
            hasHeaders = status.hasHeaders
        }

        init(_ upstream: UpstreamSession, _ status: EndpointStatus) {
            tasks = status.capabilities.tasks
            revision = upstream.revision
            session = upstream.session
            epoch = status.epoch
            hasHeaders = status.hasHeaders
        }
    }

    func transmit(
        _ call: Call, _ channel: Channel, _ hop: Hop, _ target: Target, _ envelope: Envelope,
        _ meta: RequestMeta
    ) {
        let revision = hop.revision
        call.channel = channel
        call.serverIsModern = revision.isModern
        call.epoch = hop.epoch
        var request = OutgoingRequest(
            id: call.handle, method: call.method, params: envelope.params, meta: meta)
        request.nameKey = target.key
        request.wantsProgress = !call.progressToken.isEmpty || call.stretch != nil
        request.spanId = meta.traceparent == nil ? 0 : nextSpan()
        request.logLevel = call.logLevel
        if let wish = wish(call, target, hop) {
            request.task = wish
            call.wantsServerTask = true
        }
        if revision.isModern {
            // The server may ask this client for what it can do: the answer goes through, or is fetched from it.
            // A task is only handed out to a client that can have it.
            if call.revision.isModern, meta.clientCapabilities != nil {
                request.capabilities = meta.clientCapabilities
                request.keepsExtensions = !call.namesServer
                request.abilities = call.abilities
            } else {
                request.abilities = call.abilities
                if call.taskWish != nil { request.abilities.insert(.tasks) }
            }
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
        call.phase = .sent
        if !call.isOnChannel {
            call.isOnChannel = true
            channel.inFlight += 1
        }
        var name = target.name
        let sent = name.withUTF8 { name in
            withHeaders(target.headers, envelope, isWanted: revision.isModern && hop.hasHeaders) {
                headers, count in
                post(
                    channel, exchange: call.handle, outgoing.finish(), method: call.method,
                    name: revision.isModern && call.method.mirroredName != nil
                        ? jf_view(UnsafeRawBufferPointer(name)) : .absent,
                    revision: revision, session: hop.session,
                    // Questions and tasks stretch a call's time: the core alone keeps it.
                    deadline: call.upstream == nil && call.promotion == 0 && call.origin != .shared
                        ? call.latest : 0,
                    headers: headers, headerCount: count, for: call.caller)
            }
        }
        if let problem = sent {
            call.phase = .idle
            return serverFailed(call, problem, begun: !refusedUntouched)
        }
    }

    /// Hands one message to a channel. Returns a sentence when the connector refused it.
    func post(
        _ channel: Channel, exchange: UInt64, _ parts: UnsafeBufferPointer<ByteSegment>, method: Method,
        name: jf_view = .absent, revision: Revision?, session: [UInt8]?, deadline: UInt64 = 0,
        kind: Int = JF_KIND_MESSAGE, headers: UnsafePointer<jf_pair>? = nil, headerCount: Int = 0,
        for caller: Principal = .nobody
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
        let supply = channel.credentials?.find(caller, channel.endpoint.id, now: loop.now)
        defer { withExtendedLifetime(supply) {} }
        if let supply {
            message.fields = supply.fields.baseAddress
            message.field_count = UInt64(supply.fields.count)
        }
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
        refusedUntouched = fault.flags & UInt32(JF_FAULT_NOT_STARTED) != 0
        if !fault.message.isEmpty {
            log.write(
                .debug, "a message was not sent",
                [.init("server", channel.server.name), .init("why", fault.message)])
        }
        if fault.code == 0 { fault.code = status }
        return fault.publicMessage
    }

    /// Sends a request of the gateway's own (a notification without `params`). `handler` is called once.
    @discardableResult
    func request(
        _ channel: Channel, _ method: Method, params: String?, revision: Revision?, session: [UInt8]?,
        timeout: UInt64?, kind: Int = JF_KIND_MESSAGE, upstream: UpstreamSession? = nil,
        for caller: Principal = .nobody, handler: @escaping (InternalAnswer) -> Void
    ) -> UInt64 {
        guard let call = takeCall(.supervision) else {
            handler(.failed("the gateway is at its limit of calls", retry: 0))
            return 0
        }
        call.method = method
        call.channel = channel
        call.handler = handler
        call.upstream = upstream
        call.serverIsModern = revision?.isModern ?? false
        if let timeout {
            call.deadline = jf_monotonic_ns() &+ timeout
            call.timer = loop.arm(at: call.deadline, callTimedOut, Unmanaged.passUnretained(call).toOpaque())
        }
        outgoing.reset()
        if kind == JF_KIND_MESSAGE {
            outgoing.literal("{\"jsonrpc\":\"2.0\",\"method\":\"")
            outgoing.literal(method.name)
            outgoing.byte(34)
            // Without params it is a notification, whose exchange ends without a message.
            if let params {
                outgoing.literal(",\"id\":")
                outgoing.integer(call.handle)
                outgoing.literal(",\"params\":")
                outgoing.text(params)
            }
            outgoing.byte(125)
        }
        call.phase = .sent
        let handle = call.handle
        if channel.credentials != nil {
            return requestAuthorized(
                call, channel, outgoing.joined(), method, revision, session, kind, for: caller)
        }
        let problem = post(
            channel, exchange: handle, outgoing.finish(), method: method, revision: revision,
            session: session, kind: kind)
        if let problem {
            finish(call)
            handler(.failed(problem, retry: 0))
            return 0
        }
        return handle
    }
}
