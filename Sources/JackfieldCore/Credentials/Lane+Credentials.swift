// SPDX-License-Identifier: Apache-2.0
// Before a request goes to a server that asks who comes: its source supplies what to show, which never is the client's own.

import CJackfield
import CLinux
import JSON
import MCP

extension Lane {
    /// How long a source may take, in nanoseconds: it may have to ask others.
    static var supplyWait: UInt64 { 30_000_000_000 }
    /// How often a call is refused before it fails.
    private static var mostRefusals: UInt32 { 2 }

    /// The source of a server on this lane; nil: it needs none, or none can be attached, which the log says.
    func credentials(of server: Server) -> CredentialsBinding? {
        guard let plan = server.plan.credentials else { return nil }
        if let known = credentialSources[server.generation] { return known }
        guard let id = gateway.choice.module(.credentials, plan.kind)?.id, let instance = instance(id) else {
            log.write(
                .error, "no plugin is loaded for a source of credentials; restart the gateway to load one",
                [.init("server", server.name), .init("source", plan.kind)])
            return nil
        }
        var named = plan
        named.name = server.name
        do throws(PluginFailure) {
            let made = try CredentialsBinding(instance, .credentials, named)
            credentialSources[server.generation] = made
            return made
        } catch {
            log.write(.error, "\(error)", [.init("server", server.name)])
            return nil
        }
    }

    /// Whether a call can go to its server's endpoint now; else it waits, or is over.
    func isAuthorized(
        _ call: Call, _ channel: Channel, _ target: Target, _ body: UnsafeRawBufferPointer
    ) -> Bool {
        guard let credentials = channel.credentials else {
            fail(
                call, .internalError,
                "server \(channel.server.name) needs credentials, and their source is not there; see the gateway's log",
                outcome: Int32(JF_E_DENIED))
            return false
        }
        let known = credentials.find(call.caller, channel.endpoint.id, now: loop.now)
        if known != nil, !call.needsOwnSession(credentials) { return true }
        if call.request.isEmpty { keep(call, target, body) }
        if known != nil {
            // Only now is it known that this principal has a session of its own there.
            call.isPersonal = true
            resume(call, on: nil)
            return false
        }
        let handle = call.handle
        let endpoint = channel.endpoint
        var demand = Demand(call.caller, endpoint)
        demand.method = call.method
        demand.name = target.name
        demand.canOpenURLs = call.abilities.contains(.url)
        demand.refused = call.refusal
        demand.attempt = call.refusals + UInt32(clamping: call.urlRounds)
        if let now = authorize(credentials, demand, { [weak self] in self?.authorizationCame(handle, $0) }) {
            guard case .ready = now, !call.needsOwnSession(credentials) else {
                authorizationCame(handle, now)
                return false
            }
            return true
        }
        if call.timer == 0 {
            call.timer = loop.arm(
                at: call.latest, callTimedOut, Unmanaged.passUnretained(call).toOpaque())
        }
        return false
    }

    private func authorizationCame(_ handle: UInt64, _ outcome: Authorization) {
        guard let call = calls[handle], call.phase == .idle else { return }
        if call.timer != 0 { loop.cancelTimer(call.timer) }
        call.timer = 0
        let name = call.server?.name ?? "?"
        switch outcome {
        case .ready:
            if let credentials = call.link.flatMap({ credentials(of: $0.server) }),
                call.needsOwnSession(credentials)
            {
                call.isPersonal = true
            }
            resume(call, on: nil)
        case .connect(let connect): askToConnect(call, connect)
        case .denied(let text):
            noteDenial(call, .identity, rule: "credentials", text)
            fail(
                call, .denied, "server \(name): \(text)", status: JF_STATUS_FORBIDDEN,
                outcome: Int32(JF_E_DENIED))
        case .failed(let text, let retry):
            fail(
                call, .internalError, "server \(name): no credentials could be had: \(text)",
                status: JF_STATUS_UNAVAILABLE, retryAfter: retry, outcome: Int32(JF_E_GONE))
        }
    }

    /// The user has to open a URL first: asked as if the server itself asked.
    private func askToConnect(_ call: Call, _ connect: Connect) {
        if !call.revision.isModern { connecting.note(connect.id, call) }
        if call.origin == .client, call.revision.isModern, let text = try? JSONText(connect.error) {
            if text.withRoot({ askForURLs(call, $0) }) { return }
        }
        fail(
            call, .urlElicitationRequired, connect.message,
            data: String(decoding: connect.data, as: UTF8.self), outcome: Int32(JF_E_DENIED))
    }

    // MARK: Asking

    /// Asks a source. Nil: `then` hears of it later; else what it said.
    func authorize(
        _ credentials: CredentialsBinding, _ demand: Demand, _ then: @escaping (Authorization) -> Void
    ) -> Authorization? {
        let key = CredentialsBinding.Key(principal: demand.caller.key, endpoint: demand.endpoint.id)
        if credentials.waiting[key] != nil {
            credentials.waiting[key]?.append(then)
            return nil
        }
        guard let slot = credentials.instance.credentials?.supply, let own = credentials.instance.own else {
            return .failed("its source supplies nothing", retry: 0)
        }
        var (now, operation) = demand.lend { lent in
            operate { operation, blob, fault in
                withUnsafePointer(to: lent) {
                    slot(own, operation, credentials.handle, $0, &blob, &fault)
                }
            }
        }
        if now != nil {
            defer { now?.blob.dropOnce() }
            return take(now ?? ModuleAnswer(status: Int32(JF_E_FAULT)), credentials, key)
        }
        credentials.waiting[key] = [then]
        wait(for: operation, of: credentials.attachment, until: jf_monotonic_ns() + Self.supplyWait) {
            [weak self] answer in
            guard let self else { return }
            let outcome = self.take(answer, credentials, key)
            for then in credentials.waiting.removeValue(forKey: key) ?? [] { then(outcome) }
        }
        return nil
    }

    /// Understands a source's answer, and keeps what it supplied.
    private func take(
        _ answer: ModuleAnswer, _ credentials: CredentialsBinding, _ key: CredentialsBinding.Key
    ) -> Authorization {
        switch answer.status {
        case Int32(JF_OK): break
        case Int32(JF_ABSENT):
            credentials.keep(
                Supply([], until: jf_monotonic_ns() + 60_000_000_000, isShared: false), key, now: loop.now)
            return .ready
        case Int32(JF_E_DENIED): return .denied(answer.publicText ?? "this principal has no access there")
        default:
            log.write(
                .warning, "a source of credentials failed",
                [
                    .init("server", credentials.plan.name), .init("status", statusName(answer.status)),
                    .init("why", answer.message),
                ])
            return .failed(answer.publicText ?? "see the gateway's log", retry: answer.retry)
        }
        guard let json = try? JSONValue(parsing: answer.blob.bytes), json.object != nil else {
            log.write(
                .error, "a source of credentials did not answer with a JSON object",
                [.init("server", credentials.plan.name)])
            return .failed("see the gateway's log", retry: 0)
        }
        if let connect = json["connect"] {
            guard let url = connect["url"]?.string, Connect.isSafe(url) else {
                log.write(
                    .error, "a source of credentials wants a URL opened that is none of https",
                    [.init("server", credentials.plan.name)])
                return .failed("see the gateway's log", retry: 0)
            }
            return .connect(
                Connect(
                    id: connect["id"]?.string ?? url, url: url,
                    message: connect["message"]?.string
                        ?? "server \(credentials.plan.name) needs your consent"))
        }
        var headers: [(name: String, value: String)] = []
        for member in json["headers"]?.object ?? [] {
            if let value = member.value.string { headers.append((member.key, value)) }
        }
        let now = jf_realtime_ns() / 1_000_000
        let expires = json["expires_ms"]?.int.map { UInt64(max(0, $0)) } ?? 0
        let left = expires == 0 ? UInt64.max : expires > now ? expires - now : 0
        let keep = min(json["keep_ms"]?.int.map { UInt64(max(0, $0)) } ?? left, left, 3_600_000)
        // For this very request in any case.
        credentials.keep(
            Supply(
                headers, until: jf_monotonic_ns() + max(keep, 1000) * 1_000_000,
                isShared: json["shared"]?.bool ?? false), key, now: loop.now)
        return .ready
    }

    // MARK: Refusals

    /// A server refused what was shown: fresh credentials and the call once more, while that may help.
    func retriesAuthorized(_ call: Call, _ message: jf_message) -> Bool {
        let status = Int(message.status)
        guard status == JF_STATUS_UNAUTHORIZED || status == JF_STATUS_FORBIDDEN,
            let channel = call.channel, let credentials = channel.credentials,
            call.refusals < Self.mostRefusals, call.phase == .sent
        else { return false }
        var challenges: [String] = []
        for at in 0..<Int(message.field_count) {
            if let pair = message.fields?[at] { challenges.append(pair.value.string) }
        }
        // A plain 403 is a decision, no question of credentials.
        guard
            status == JF_STATUS_UNAUTHORIZED
                || challenges.contains(where: { $0.contains("insufficient_scope") })
        else { return false }
        let refusal = UpstreamRefusal(status: message.status, challenge: challenges.joined(separator: ", "))
        if call.origin == .supervision {
            guard let repeats = call.repeats else { return false }
            credentials.forget(call.caller, channel.endpoint.id)
            repeats(refusal)
            return true
        }
        guard !call.request.isEmpty, call.home == nil else { return false }
        credentials.forget(call.caller, channel.endpoint.id)
        call.refusal = refusal
        call.refusals += 1
        call.phase = .idle
        if let upstream = call.upstream {
            upstream.release(call)
            upstream.close()
        }
        resume(call, on: nil)
        return true
    }

    /// What a plugin supplied does not hold any more.
    func forgetSupplies(plugin: String, principal: String?) {
        for binding in credentialSources.values where binding.instance.id == plugin {
            binding.forget(principal: principal)
        }
    }
}

/// How a server refused.
struct UpstreamRefusal {
    let status: Int32
    let challenge: String
}

/// What a source is asked for.
struct Demand {
    let caller: Principal
    let endpoint: Endpoint
    var method = Method.unknown
    var name: String?
    var canOpenURLs = false
    var refused: UpstreamRefusal?
    var attempt: UInt32 = 0

    init(_ caller: Principal, _ endpoint: Endpoint) {
        self.caller = caller
        self.endpoint = endpoint
    }

    func lend<R>(_ body: (jf_demand) -> R) -> R {
        var demand = jf_demand()
        demand.size = UInt32(MemoryLayout<jf_demand>.size)
        demand.flags = canOpenURLs ? UInt32(JF_DEMAND_URL) : 0
        demand.principal = caller.lent
        demand.method = jf_view(method.name)
        demand.refused = refused?.status ?? 0
        demand.attempt = attempt
        demand.now_ms = jf_realtime_ns() / 1_000_000
        let url = (try? JSONValue(parsing: endpoint.plan.options))?["url"]?.string ?? ""
        return withExtendedLifetime(caller) {
            withView(url) { url in
                withView(name ?? "") { name in
                    withView(refused?.challenge ?? "") { challenge in
                        let presented = caller.presented
                        demand.endpoint = url
                        demand.name = self.name == nil ? .absent : name
                        demand.challenge = refused == nil ? .absent : challenge
                        demand.presented = presented.isEmpty ? .absent : jf_view(presented)
                        return body(demand)
                    }
                }
            }
        }
    }
}

extension Connect {
    /// https, or http to this machine (MCP, Security Best Practices).
    static func isSafe(_ url: String) -> Bool {
        guard url.utf8.count <= 4096,
            url.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != 0x22 && $0 != 0x5C })
        else { return false }
        if url.hasPrefix("https://") { return true }
        return ["http://127.0.0.1", "http://localhost", "http://[::1]"].contains { head in
            url.hasPrefix(head) && (url.dropFirst(head.count).first.map { "/:?".contains($0) } ?? true)
        }
    }
}

extension Call {
    /// A legacy server's session is one principal's, where each shows credentials of its own.
    func needsOwnSession(_ credentials: CredentialsBinding) -> Bool {
        credentials.isPersonal && !caller.isAnonymous && !isPersonal && server?.plan.credentials != nil
    }
}
