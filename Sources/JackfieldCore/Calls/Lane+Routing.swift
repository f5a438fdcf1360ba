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
        if method == .resourcesRead, readsKept(asking) { return }
        guard let target = target(method, asking.envelope.params, asking.view) else {
            if hold(asking.client, asking.message) { return }
            return refuseUnknown(asking)
        }
        if modules.identity != nil {
            let server = catalog.servers[target.server]
            guard sees(asking.caller, server) else {
                recordDenial(asking, .policy, rule: "tenants", "another tenant's")
                return refuseUnknown(asking)
            }
            if let scopes = lackingScopes(asking.caller, server) {
                return refuseScopes(asking, scopes, server)
            }
        }
        if !asking.client.isShared, asking.revision.isModern, !target.headers.isEmpty,
            let problem = parameterMismatch(asking, target.headers)
        {
            return refuse(
                asking.client, asking.message, id: asking.id, .headerMismatch, problem,
                status: JF_STATUS_BAD_REQUEST)
        }
        if audit != nil, isUnrecordable(asking) { return }
        var wish: TaskWish?
        if asking.revision == .v2025_11_25, method == .toolsCall {
            do throws(ProtocolRefusal) { wish = try TaskWish.read(asking.envelope.params) } catch {
                return refuse(
                    asking.client, asking.message, id: asking.id, error.code, error.message,
                    status: JF_STATUS_OK)
            }
            if wish != nil, let problem = refusesTask(target) {
                return refuse(
                    asking.client, asking.message, id: asking.id, .methodNotFound, problem,
                    status: JF_STATUS_OK)
            }
        }
        var rounds = 0
        if asking.revision.isModern,
            isLegacy(target) || catalog.servers[target.server].plan.credentials != nil
        {
            guard let past = resume(asking, target) else { return }
            rounds = past
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
        setUp(call, asking)
        if audit != nil { beginRecord(call, asking, target) }
        call.urlRounds = rounds
        call.taskWish = wish
        if call.takesTasks { noteTool(call, target, asking) }
        call.structured = target.structured
        call.shownURIs = asking.view.shownURIs(of: target.server)
        call.isRetry =
            asking.revision.isModern
            && (asking.envelope.params?.member("requestState") != nil
                || asking.envelope.params?.member("inputResponses") != nil)
        pickHeaders = UnsafeBufferPointer(
            start: asking.message.headers, count: Int(clamping: asking.message.header_count))
        admit(call, target, asking.envelope, asking.meta, asking.body, at: asking.view.path)
        pickHeaders = UnsafeBufferPointer(start: nil, count: 0)
    }

    /// Takes over into a fresh call what is known of its client.
    func setUp(_ call: Call, _ asking: Asking) {
        call.client = asking.client
        asking.client.link(call)
        call.exchange = asking.message.exchange
        call.setClientId(asking.id)
        call.revision = asking.revision
        if let session = asking.session {
            call.session = session
            session.begin(asking.id)
            call.abilities = session.abilities
            call.logLevel = session.logLevel
        } else {
            call.abilities = Abilities(modern: asking.meta.clientCapabilities)
            call.logLevel = LogLevel(asking.meta.logLevel)
        }
        call.caller = asking.caller
        call.namesServer = asking.view.isShared
        call.method = asking.envelope.method
        call.acceptsStream = asking.message.flags & UInt32(JF_MSG_ACCEPTS_STREAM) != 0
        if let token = asking.meta.progressToken, token.kind == .string || token.kind == .number {
            call.progressToken.append(contentsOf: token.raw)
        }
    }

    /// What a request names, and where it leads. Shared by all calls of an item, so that a call passes on one reference.
    final class Target: Sendable {
        let server: Int
        /// Raw JSON that replaces the named member; nil keeps the client's spelling.
        let replacement: [UInt8]?
        let key: StaticString
        /// Decoded: for `Mcp-Name` and for routing strategies.
        let name: String
        let shownURI: String?
        let headers: [ParameterHeader]
        /// tools/call: whether the tool runs as a task (2025-11-25).
        let taskSupport: TaskSupport?
        /// tools/call: how its structured results are shown to legacy clients.
        let structured: StructuredShape
        /// What a second try would do.
        let traits: CallTraits
        /// Endpoints that do for it; nil: all.
        let fit: EndpointFit?
        /// What it is; nil: what the method says.
        let kind: ItemKind?
        /// What its server listed, and how clients of its view know it; nil: it is in no list.
        let item: ListedItem?
        let shown: String?

        init(
            server: Int, replacement: [UInt8]?, key: StaticString, name: String, shownURI: String?,
            headers: [ParameterHeader], taskSupport: TaskSupport? = nil,
            structured: StructuredShape = .asIs, traits: CallTraits = .reading,
            kind: ItemKind? = nil, item: ListedItem? = nil, shown: String? = nil
        ) {
            self.server = server
            self.replacement = replacement
            self.key = key
            self.name = name
            self.shownURI = shownURI
            self.headers = headers
            self.taskSupport = taskSupport
            self.structured = structured
            self.traits = traits
            fit = nil
            self.kind = kind
            self.item = item
            self.shown = shown
        }

        /// A listed item, as its view shows it.
        init(server: Int, _ kind: ItemKind, _ item: ListedItem, shown: String, quoted: [UInt8]) {
            let isNamed = kind == .tools || kind == .prompts
            self.server = server
            replacement = shown == item.key ? nil : quoted
            key = isNamed ? "name" : "uri"
            name = item.key
            shownURI = isNamed || shown == item.key ? nil : shown
            headers = item.parameterHeaders
            taskSupport = item.taskSupport
            structured = item.output.structured
            traits = isNamed ? item.traits : .reading
            fit = item.fit
            self.kind = kind
            self.item = item
            self.shown = shown
        }
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
                return referring(found, .prompts, "{\"type\":\"ref/prompt\",\"name\":")
            }
            if type.equals("ref/resource"), let uri = reference.member("uri"), uri.kind == .string {
                let found = withContent(uri) { bytes in
                    view.find(.templates, bytes) ?? view.find(.resources, bytes) ?? view.template(for: bytes)
                }
                guard let found else { return nil }
                return referring(found.target, found.kind, "{\"type\":\"ref/resource\",\"uri\":")
            }
            return nil
        default: return nil
        }
    }

    private func referring(_ target: Target, _ kind: ItemKind, _ head: String) -> Target {
        Target(
            server: target.server,
            replacement: Array(head.utf8) + (target.replacement ?? JSONWriter.quoted(target.name)) + [125],
            key: "ref", name: target.name, shownURI: nil, headers: [], kind: kind, item: target.item,
            shown: target.shown)
    }

    private func named(_ view: View, _ kind: ItemKind, _ name: JSONNode?) -> Target? {
        guard let name, name.kind == .string else { return nil }
        return withContent(name) { view.find(kind, $0)?.target }
    }

    /// Where a resource leads that a client names, by the same tables as `resources/read`.
    func resourceTarget(_ uri: String, _ view: View) -> Target? {
        var uri = uri
        return uri.withUTF8 { resource(view, UnsafeRawBufferPointer($0)) }
    }

    private func resource(_ view: View, _ uri: UnsafeRawBufferPointer) -> Target? {
        if let entry = view.find(.resources, uri) { return entry.target }
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
        guard owners.count == 1, view.allowsUnlisted, !catalog.refused.contains(owners[0]),
            catalog.servers[owners[0]].plan.resources.shows(text)
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
        let why = unknown(asking.envelope.method, asking.envelope.params, asking.revision, asking.view)
        if audit != nil { recordUnknown(asking, why.text, why.data) }
        refuse(
            asking.client, asking.message, id: asking.id, why.code, why.text, data: why.data,
            status: asking.revision.isModern ? JF_STATUS_BAD_REQUEST : JF_STATUS_OK)
    }

    /// What is said of an item that is not there.
    /// - Parameter view: where tools may be withheld; nil: it is not said that they are.
    func unknown(
        _ method: Method, _ params: JSONNode?, _ revision: Revision, _ view: View?
    ) -> (code: ErrorCode, text: String, data: String?) {
        switch method {
        case .resourcesRead:
            guard let uri = params?.member("uri")?.string() else {
                return (.invalidParams, "params.uri must be a string", nil)
            }
            return (
                revision.isModern ? .invalidParams : .resourceNotFound,
                "no server here has the resource \(uri)",
                "{\"uri\":\(String(decoding: JSONWriter.quoted(uri), as: UTF8.self))}"
            )
        case .completionComplete:
            return (
                .invalidParams, "params.ref names no prompt or resource template that is served here", nil
            )
        case .promptsGet:
            let name = params?.member("name")?.string()
            return (
                .invalidParams,
                name.map { "no prompt \($0) is served here" } ?? "params.name must be a string",
                nil
            )
        default:
            guard let name = params?.member("name")?.string() else {
                return (.invalidParams, "params.name must be a string", nil)
            }
            if let view, let refusal = quarantine(name, view) {
                return (.invalidParams, refusal.text, refusal.data)
            }
            return (.invalidParams, "no tool \(name) is served here", nil)
        }
    }

    /// Why a tool that a server has is not called; nil: no server of this view has one of that name.
    func quarantine(_ tool: String, _ view: View) -> (text: String, data: String)? {
        guard let why = view.withheld(tool) else { return nil }
        gateway.counters.add(.quarantinedCalls)
        let text = "tool \(tool) is quarantined: \(why); the gateway's operator can approve it with "
        return (text + "'jackfield lock --update'", "{\"reason\":\"quarantined\"}")
    }

    func refuseOverload(_ asking: Asking, _ text: String) {
        counters.add(.overloads)
        if audit != nil { recordDenial(asking, .overload, text) }
        refuse(
            asking.client, asking.message, id: asking.id, .internalError, text,
            data: "{\"reason\":\"overload\"}", status: JF_STATUS_OVERLOADED, retryAfter: 1000)
    }
}
