// SPDX-License-Identifier: Apache-2.0
// What a client asks: which era it speaks, what the gateway answers itself, what goes to a server.

import CJackfield
import JSON
import MCP

/// One request with everything known about who asks. Spans live until the transport's `deliver` returns.
struct Asking {
    /// Whom the request is made for.
    let caller: Principal
    /// What names the principal; empty: nobody.
    var principal: String { caller.key }

    let client: Client
    let message: jf_message
    let envelope: Envelope
    let meta: RequestMeta
    let revision: Revision
    let session: Session?
    let view: View
    /// The raw id; empty on notifications.
    let id: UnsafeRawBufferPointer
    let body: UnsafeRawBufferPointer
}

extension Lane {
    func handle(
        _ caller: Principal, _ client: Client, _ message: jf_message, _ envelope: Envelope,
        _ body: UnsafeRawBufferPointer
    ) {
        let meta = RequestMeta(envelope.params)
        var headers = MirroredHeaders()
        headers.absent = client.isShared
        if !client.isShared {
            headers.protocolVersion = message.protocol.present
            headers.method = message.method.present
            headers.name = message.name.present
            headers.malformed = message.flags & UInt32(JF_MSG_BAD_HEADERS) != 0
        }
        guard let view = catalog.view(message.target.bytes) else {
            return refuse(
                client, message, id: envelope.id?.raw, .invalidRequest,
                "nothing is served at \(message.target.string); see /mcp, /mcp/servers/NAME, /mcp/bundles/NAME",
                status: JF_STATUS_NOT_FOUND)
        }
        // A notification carries no version: on a shared channel without a session it can only be a modern client's.
        let isModern =
            ClientEra.isModern(method: envelope.method, headers: headers, meta: meta)
            || client.isShared && client.session == nil && envelope.kind != .request
        if isModern {
            handleModern(caller, client, message, envelope, meta, headers, view, body)
        } else {
            handleLegacy(caller, client, message, envelope, meta, view, body)
        }
    }

    // MARK: Modern

    private func handleModern(
        _ caller: Principal, _ client: Client, _ message: jf_message, _ envelope: Envelope,
        _ meta: RequestMeta,
        _ headers: MirroredHeaders, _ view: View, _ body: UnsafeRawBufferPointer
    ) {
        switch envelope.kind {
        case .notification:
            if envelope.method == .cancelled, client.isShared { cancelNamed(client, envelope) }
            return acknowledge(client, message)
        case .result, .error:
            if client.isShared { return }
            return refuse(
                client, message, id: nil, .invalidRequest,
                "a client of 2026-07-28 sends requests and notifications only", status: JF_STATUS_BAD_REQUEST)
        case .request: break
        }
        let id = envelope.id?.raw ?? UnsafeRawBufferPointer(start: nil, count: 0)
        do {
            try ClientEra.checkModern(envelope, headers: headers, meta: meta)
        } catch {
            return refuse(
                client, message, id: id, error.code, error.message, data: error.data,
                status: JF_STATUS_BAD_REQUEST)
        }
        let both = UInt32(JF_MSG_ACCEPTS_JSON | JF_MSG_ACCEPTS_STREAM)
        if !client.isShared, message.flags & both != both {
            return refuse(
                client, message, id: id, .invalidRequest,
                "Accept must list application/json and text/event-stream", status: JF_STATUS_NOT_ACCEPTABLE)
        }
        let asking = Asking(
            caller: caller, client: client, message: message, envelope: envelope, meta: meta,
            revision: .newest, session: nil,
            view: view, id: id, body: body)
        guard envelope.method.isModernRequest || envelope.method.isTaskRequest else {
            return refuse(
                client, message, id: id, .methodNotFound,
                "method \(methodText(envelope)) does not exist in 2026-07-28 here",
                status: JF_STATUS_NOT_FOUND)
        }
        serve(asking)
    }

    // MARK: Legacy

    private func handleLegacy(
        _ caller: Principal, _ client: Client, _ message: jf_message, _ envelope: Envelope,
        _ meta: RequestMeta, _ view: View,
        _ body: UnsafeRawBufferPointer
    ) {
        if envelope.method == .initialize, envelope.kind == .request {
            return initialize(caller, client, message, envelope, view)
        }
        let session: Session
        if client.isShared {
            guard let known = client.session, caller.owns(known.owner) else {
                if envelope.kind == .request, envelope.method == .ping {
                    return answer(client, message, envelope.id?.raw, "{}")
                }
                return refuse(
                    client, message, id: envelope.id?.raw, .invalidRequest,
                    "send initialize first, or describe the request in params._meta as 2026-07-28 asks",
                    status: JF_STATUS_BAD_REQUEST)
            }
            session = known
        } else {
            guard let text = message.session.present else {
                return refuse(
                    client, message, id: envelope.id?.raw, .invalidRequest,
                    "the Mcp-Session-Id header is missing; send initialize first",
                    status: JF_STATUS_BAD_REQUEST)
            }
            guard let known = sessions.find(text, of: caller), view.path == known.path else {
                if seekSession(caller, client, message) { return }
                return refuse(
                    client, message, id: envelope.id?.raw, .invalidRequest,
                    "this session is unknown or has ended; send initialize again", status: JF_STATUS_NOT_FOUND
                )
            }
            session = known
            session.touch(loop.now)
            renewIfDue(session)
        }
        switch envelope.kind {
        case .notification:
            if envelope.method == .cancelled {
                if client.isShared {
                    cancelNamed(client, envelope)
                } else {
                    cancelEverywhere(session, envelope)
                }
            } else if envelope.method == .rootsListChanged {
                rootsChanged(view)
            }
            return acknowledge(client, message)
        case .result, .error:
            clientAnswered(session, envelope)
            return acknowledge(client, message)
        case .request: break
        }
        let asking = Asking(
            caller: caller, client: client, message: message, envelope: envelope, meta: meta,
            revision: session.revision,
            session: session, view: view,
            id: envelope.id?.raw ?? UnsafeRawBufferPointer(start: nil, count: 0),
            body: body)
        serve(asking)
    }

    private func initialize(
        _ caller: Principal, _ client: Client, _ message: jf_message, _ envelope: Envelope, _ view: View
    ) {
        let id = envelope.id?.raw
        guard let asked = envelope.params?.member("protocolVersion"), asked.kind == .string else {
            return refuse(
                client, message, id: id, .invalidParams, "initialize needs params.protocolVersion (a string)",
                status: JF_STATUS_BAD_REQUEST)
        }
        if hold(client, message) { return }
        var seen: View? = view
        switch shown(view, to: caller, client, message) {
        case .view(let own): seen = own
        case .held: return
        case .failed: seen = nil
        }
        let revision = Revision(asked).flatMap { $0.isModern ? nil : $0 } ?? .newestLegacy
        let abilities = Abilities(legacy: envelope.params?.member("capabilities"), revision)
        let lists = listsDiffer ? seen?.fingerprints ?? [] : lists(at: view.path)
        let session: Session
        if client.isShared {
            session = Session(
                revision: revision, path: view.path, owner: caller.key, abilities: abilities, now: loop.now)
            client.session = session
            session.subscriptions.begin(lists)
            let subscriber = Subscriber(
                client: client.handle, exchange: 0, subscription: nil, session: session, path: view.path,
                tools: true, resources: true, prompts: true)
            subscriber.caller = caller
            subscribe(subscriber)
        } else {
            guard
                let opened = sessions.open(
                    revision: revision, path: view.path, owner: caller.key, abilities: abilities,
                    replay: limits.replay > 0
                        ? ReplayLog(limit: limits.replay, budget: gateway.replayBudget) : nil, now: loop.now)
            else {
                recordDenial(
                    caller, from: client.address, method: "initialize", shownName: nil, reason: .limit,
                    rule: "limits.sessions",
                    "the gateway holds its limit of \(limits.sessions) sessions")
                return refuse(
                    client, message, id: id, .internalError,
                    "the gateway holds its limit of \(limits.sessions) sessions; try again later",
                    status: JF_STATUS_OVERLOADED, retryAfter: 5000)
            }
            session = opened
            session.subscriptions.begin(lists)
        }
        var writer = JSONWriter()
        writer.beginObject()
        writer.key("protocolVersion")
        writer.value(revision.text)
        writer.key("capabilities")
        writer.raw(Array(catalog.capabilities(of: view, revision, keeps: keepsResults).utf8))
        writer.key("serverInfo")
        writer.raw(Array("\(Product.identity)".utf8))
        if let text = seen.flatMap({ catalog.instructions(of: $0) }) {
            writer.key("instructions")
            writer.value(text)
        }
        writer.endObject()
        if keeping != nil, !client.isShared {
            return openKept(session, caller, client, message, id: id, writer.bytes)
        }
        reply.reset()
        writer.bytes.withUnsafeBytes { result in
            Answers.result(id: id ?? UnsafeRawBufferPointer(start: nil, count: 0), result, into: reply)
            session.text.withUnsafeBytes { text in
                _ = send(
                    client, exchange: message.exchange, reply.finish(), final: true,
                    session: client.isShared ? nil : text)
            }
        }
    }

    /// GET: the stand-alone stream of a legacy session, for list changes.
    func openLegacyStream(_ caller: Principal, _ client: Client, _ message: jf_message) {
        let isLegacy = message.protocol.present.map { Revision($0).map { !$0.isModern } ?? false } ?? true
        guard isLegacy else {
            return refuse(
                client, message, id: nil, .invalidRequest,
                "2026-07-28 has POST only; use subscriptions/listen",
                status: JF_STATUS_NOT_ALLOWED)
        }
        guard let text = message.session.present else {
            return refuse(
                client, message, id: nil, .invalidRequest, "the Mcp-Session-Id header is missing",
                status: message.protocol.present == nil ? JF_STATUS_NOT_ALLOWED : JF_STATUS_BAD_REQUEST)
        }
        guard let session = sessions.find(text, of: caller), session.path == viewPath(message) else {
            if seekSession(caller, client, message) { return }
            return refuse(
                client, message, id: nil, .invalidRequest, "this session is unknown or has ended",
                status: JF_STATUS_NOT_FOUND)
        }
        guard message.flags & UInt32(JF_MSG_ACCEPTS_STREAM) != 0 else {
            return refuse(
                client, message, id: nil, .invalidRequest, "Accept must list text/event-stream",
                status: JF_STATUS_NOT_ACCEPTABLE)
        }
        session.touch(loop.now)
        renewIfDue(session)
        if message.resume.present != nil, session.replay != nil, !isOfElsewhere(message.resume, session) {
            if resumeStream(client, message, session) { return }
            // The stand-alone stream has no ids: this is a call's, and its client must not wait for what cannot come.
            return refuse(
                client, message, id: nil, .invalidRequest,
                "what followed this event is not kept any more; send the request again",
                status: JF_STATUS_BAD_REQUEST)
        }
        openStream(client, message, session, for: caller)
    }

    /// DELETE: the client ends its session.
    func endLegacySession(_ caller: Principal, _ client: Client, _ message: jf_message) {
        guard message.protocol.present.map({ Revision($0).map { !$0.isModern } ?? false }) ?? true else {
            return refuse(
                client, message, id: nil, .invalidRequest, "2026-07-28 has POST only",
                status: JF_STATUS_NOT_ALLOWED)
        }
        guard let text = message.session.present else {
            return refuse(
                client, message, id: nil, .invalidRequest, "there is no session to end",
                status: JF_STATUS_NOT_ALLOWED)
        }
        guard let session = sessions.find(text, of: caller), session.path == viewPath(message) else {
            if seekSession(caller, client, message) { return }
            return refuse(
                client, message, id: nil, .invalidRequest, "this session is unknown or has ended",
                status: JF_STATUS_NOT_FOUND)
        }
        sessions.close(session)
        gateway.sessionEnded(session.key)
        if keeping != nil { return endKept(session, client, message) }
        send(client, exchange: message.exchange, UnsafeBufferPointer(start: nil, count: 0), final: true)
    }

    private func viewPath(_ message: jf_message) -> String? { catalog.view(message.target.bytes)?.path }

    // MARK: Both eras

    /// A checked request of either era.
    func serve(_ asking: Asking) {
        let client = asking.client
        let message = asking.message
        if asking.client.isShared ? isDuplicate(asking) : asking.session?.hasOpen(asking.id) == true {
            return refuse(
                client, message, id: asking.id, .invalidRequest,
                "this id belongs to a request still under way",
                status: JF_STATUS_BAD_REQUEST)
        }
        if audit != nil { recordList(asking) }
        switch asking.envelope.method {
        case .toolsCall, .resourcesRead, .promptsGet, .completionComplete:
            route(asking)
        case .toolsList: list(asking, .tools)
        case .resourcesList: list(asking, .resources)
        case .resourcesTemplatesList: list(asking, .templates)
        case .promptsList: list(asking, .prompts)
        case .discover where asking.session == nil: discover(asking)
        case .ping where asking.session != nil: answer(client, message, asking.id, "{}")
        case .tasksGet where asking.revision >= .v2025_11_25: serveTask(asking)
        case .tasksCancel where asking.revision >= .v2025_11_25: serveTask(asking)
        case .tasksUpdate where asking.session == nil: serveTask(asking)
        case .tasksResult where asking.revision == .v2025_11_25: serveTask(asking)
        case .loggingSetLevel where asking.session != nil: setLevel(asking)
        case .subscriptionsListen where asking.session == nil: listen(asking)
        case .resourcesSubscribe where asking.session != nil: subscribeResource(asking)
        case .resourcesUnsubscribe where asking.session != nil: unsubscribeResource(asking)
        default:
            refuse(
                client, message, id: asking.id, .methodNotFound,
                "method \(methodText(asking.envelope)) is not offered here",
                status: asking.revision.isModern ? JF_STATUS_NOT_FOUND : JF_STATUS_OK)
        }
    }

    /// `logging/setLevel` (up to 2025-11-25): kept, and asked of servers with each later call.
    private func setLevel(_ asking: Asking) {
        guard let level = LogLevel(asking.envelope.params?.member("level")) else {
            return refuse(
                asking.client, asking.message, id: asking.id, .invalidParams,
                "params.level must be debug, info, notice, warning, error, critical, alert or emergency",
                status: JF_STATUS_OK)
        }
        asking.session?.logLevel = level
        if keeping != nil, let session = asking.session {
            let answer = whenKept(session, answerLater(asking, session))
            return answer(nil)
        }
        answer(asking.client, asking.message, asking.id, "{}")
    }

    /// The client's roots changed: legacy servers that were told it has some hear of it.
    private func rootsChanged(_ view: View) {
        let names = Set(view.servers.map { catalog.servers[$0].generation })
        gateway.onEveryLane { lane in
            for link in lane.links where names.contains(link.server.generation) {
                for pool in link.pools { pool?.rootsChanged() }
            }
        }
    }

    private func isDuplicate(_ asking: Asking) -> Bool {
        var next = asking.client.firstCall
        while let call = next {
            if call.clientId.equals(asking.id) { return true }
            next = call.next
        }
        return false
    }

    private func list(_ asking: Asking, _ kind: ItemKind) {
        if hold(asking.client, asking.message) { return }
        let view: View
        switch shown(asking.view, to: asking.caller, asking.client, asking.message) {
        case .view(let own): view = own
        case .held: return
        case .failed(let why): return refuseList(asking, why)
        }
        let shape = ListShape(asking.revision)
        guard let page = page(of: view, kind, shape, asking.envelope.params)
        else {
            return refuse(
                asking.client, asking.message, id: asking.id, .invalidParams,
                "this cursor is not of the current list; start again without one",
                status: asking.revision.isModern ? JF_STATUS_BAD_REQUEST : JF_STATUS_OK)
        }
        reply.reset()
        view.write(page, kind, shape, id: asking.id, now: loop.now, into: reply)
        send(asking.client, exchange: asking.message.exchange, reply.finish(), final: true, ready: page)
    }

    /// An empty list would be taken for the truth.
    private func refuseList(_ asking: Asking, _ why: String) {
        refuse(
            asking.client, asking.message, id: asking.id, .internalError,
            "it is not known what may be shown: \(why); try again later", data: "{\"reason\":\"policy\"}",
            status: JF_STATUS_UNAVAILABLE, retryAfter: 1000)
    }

    /// The page of a list that a request's cursor names; nil for a cursor that is not of this list.
    func page(of view: View, _ kind: ItemKind, _ shape: ListShape, _ params: JSONNode?) -> ReadyBytes? {
        let pages = view.pages(kind, shape)
        guard let cursor = params?.member("cursor"), cursor.kind != .null else { return pages[0] }
        guard cursor.kind == .string, let known = Cursor(cursor.content),
            known.fingerprint == view.marks[kind.rawValue], known.offset < pages.count
        else { return nil }
        return pages[Int(known.offset)]
    }

    private func discover(_ asking: Asking) {
        if hold(asking.client, asking.message) { return }
        var seen: View? = asking.view
        switch shown(asking.view, to: asking.caller, asking.client, asking.message) {
        case .view(let own): seen = own
        case .held: return
        case .failed: seen = nil
        }
        var writer = JSONWriter()
        writer.beginObject()
        writer.key("resultType")
        writer.value("complete")
        writer.key("supportedVersions")
        writer.beginArray()
        writer.value(Revision.newest.text)
        writer.endArray()
        writer.key("capabilities")
        let promotes = gateway.taskPlan.promoteAfter != nil
        writer.raw(
            Array(
                catalog.capabilities(
                    of: asking.view, .newest, promotes: promotes, keeps: keepsResults
                ).utf8))
        if let text = seen.flatMap({ catalog.instructions(of: $0) }) {
            writer.key("instructions")
            writer.value(text)
        }
        writer.key("ttlMs")
        writer.value(0)
        writer.key("cacheScope")
        writer.value("private")
        writer.key("_meta")
        writer.raw(Array("{\"io.modelcontextprotocol/serverInfo\":\(Product.identity)}".utf8))
        writer.endObject()
        writer.bytes.withUnsafeBytes { result in
            reply.reset()
            Answers.result(id: asking.id, result, into: reply)
            _ = send(asking.client, exchange: asking.message.exchange, reply.finish(), final: true)
        }
    }

    private func answer(
        _ client: Client, _ message: jf_message, _ id: UnsafeRawBufferPointer?, _ result: StaticString
    ) {
        reply.reset()
        Answers.result(
            id: id ?? UnsafeRawBufferPointer(start: nil, count: 0),
            UnsafeRawBufferPointer(start: result.utf8Start, count: result.utf8CodeUnitCount), into: reply)
        send(client, exchange: message.exchange, reply.finish(), final: true)
    }

    func methodText(_ envelope: Envelope) -> String {
        String(
            String(
                decoding: envelope.methodName?.content ?? UnsafeRawBufferPointer(start: nil, count: 0),
                as: UTF8.self
            ).prefix(100))
    }
}
