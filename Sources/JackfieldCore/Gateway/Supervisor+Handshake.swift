// SPDX-License-Identifier: Apache-2.0
// Which era a server speaks, and the first words with it (MCP 2026-07-28 "Versioning"; 2025-11-25 "Lifecycle").

import CJackfield
import JSON
import MCP

extension Supervisor {
    private var probeTimeout: UInt64 { lane.limits.probeTimeout }

    /// What the configuration pins, if anything.
    private var pinned: Revision? {
        if case .pinned(let text) = server.plan.era {
            var text = text
            return text.withUTF8 { Revision(UnsafeRawBufferPointer($0)) }
        }
        return nil
    }

    private var mayBeModern: Bool {
        switch server.plan.era {
        case .auto, .modern: true
        case .legacy: false
        case .pinned: pinned?.isModern ?? true
        }
    }

    private var mayBeLegacy: Bool {
        switch server.plan.era {
        case .auto, .legacy: true
        case .modern: false
        case .pinned: !(pinned?.isModern ?? false)
        }
    }

    /// Begins a handshake: `server/discover` first, which a modern server must answer and a legacy one cannot mistake.
    func probe() {
        if !mayBeModern || knownRevision.map({ !$0.isModern }) == true {
            return initialize()
        }
        step = .probing
        turn += 1
        let mine = turn
        // A stdio server that is silent is a legacy one, or still starting: a shorter wait, then the other question.
        let silence = channel?.isShared == true ? min(probeTimeout, 5_000_000_000) : probeTimeout
        request(.discover, params: modernParams(), revision: .newest, timeout: silence) {
            [weak self] answer in
            guard let self, self.turn == mine else { return }
            self.discovered(answer)
        }
    }

    private func discovered(_ answer: InternalAnswer) {
        switch answer {
        case .result(let envelope, _):
            guard let result = envelope.outcome, let versions = result.member("supportedVersions"),
                versions.kind == .array
            else { return notModern("its answer to server/discover has no supportedVersions") }
            let speaks = versions.elements.contains { Revision($0)?.isModern == true }
            if !speaks { return notModern("it lists no stateless protocol version") }
            learn(result.member("capabilities"), result, isModern: true)
            status.info = result.member("_meta")?.member("io.modelcontextprotocol/serverInfo").map {
                String(decoding: $0.raw, as: UTF8.self)
            }
            status.revision = .newest
            knownRevision = .newest
            status.session = nil
            status.epoch += 1
            list(all: true)
        case .error(let envelope, let message):
            let code = envelope.outcome?.member("code")?.int64 ?? 0
            switch code {
            case -32022:
                let listed = envelope.outcome?.member("data")?.member("supported")
                let known = listed?.elements.contains { Revision($0)?.isModern == true } ?? false
                down(
                    known
                        ? "it refused 2026-07-28 although it lists it"
                        : "it speaks none of the protocol versions known here", retryAfter: nil)
            case -32020, -32021:
                down("it refused server/discover: \(text(envelope))", retryAfter: nil)
            default:
                if Int(message.status) == JF_STATUS_UNAUTHORIZED || Int(message.status) == JF_STATUS_FORBIDDEN
                {
                    return needsAuthorization(message.status)
                }
                notModern(text(envelope))
            }
        case .status(let status):
            switch Int(status) {
            case JF_STATUS_UNAUTHORIZED, JF_STATUS_FORBIDDEN: needsAuthorization(status)
            case JF_STATUS_BAD_REQUEST, JF_STATUS_NOT_FOUND, JF_STATUS_NOT_ALLOWED, JF_STATUS_NOT_ACCEPTABLE,
                JF_STATUS_OK, JF_STATUS_ACCEPTED:
                notModern("it answered server/discover with \(lane.statusText(status))")
            default: down("it answered server/discover with \(lane.statusText(status))", retryAfter: nil)
            }
        case .failed(let why, _): down(why, retryAfter: nil)
        case .timedOut:
            if channel?.isShared == true {
                notModern("it did not answer server/discover")
            } else {
                down("it did not answer server/discover in time", retryAfter: nil)
            }
        }
    }

    private func notModern(_ why: String) {
        guard mayBeLegacy else {
            return down("it is configured as modern, but \(why)", retryAfter: nil)
        }
        initialize()
    }

    private func needsAuthorization(_ status: Int32) {
        down(
            "it asks for authorization (\(lane.statusText(status))); set credentials or headers for it in the configuration",
            retryAfter: nil)
    }

    /// The legacy handshake.
    func initialize() {
        step = .initializing
        turn += 1
        let mine = turn
        endSession()
        let asked = pinned.flatMap { $0.isModern ? nil : $0 } ?? .newestLegacy
        let params =
            "{\"protocolVersion\":\"\(asked.text)\",\"capabilities\":{},\"clientInfo\":\(Product.identity)}"
        request(.initialize, params: params, revision: nil, timeout: probeTimeout) { [weak self] answer in
            guard let self, self.turn == mine else { return }
            self.initialized(answer)
        }
    }

    private func initialized(_ answer: InternalAnswer) {
        switch answer {
        case .result(let envelope, let message):
            guard let result = envelope.outcome, let version = result.member("protocolVersion"),
                let revision = Revision(version), !revision.isModern
            else {
                let said = envelope.outcome?.member("protocolVersion")?.string() ?? "nothing"
                return down(
                    "it answered initialize with the unknown protocol version \(said)", retryAfter: nil)
            }
            learn(result.member("capabilities"), result, isModern: false)
            if revision == .v2024_11_05 { status.capabilities.completions = true }
            status.info = result.member("serverInfo").map { String(decoding: $0.raw, as: UTF8.self) }
            status.revision = revision
            knownRevision = revision
            status.logLevel = nil
            status.session = message.session.present.flatMap { $0.isEmpty ? nil : [UInt8]($0) }
            status.epoch += 1
            notifyInitialized()
        case .error(let envelope, let message):
            if envelope.outcome?.member("code")?.int64 == -32022, mayBeModern {
                // A slow starter that took our first question after all, and is modern: ask it again.
                knownRevision = nil
                return down("it is modern and was still starting", retryAfter: 300_000_000)
            }
            knownRevision = nil
            let why = "it refused initialize: \(text(envelope))"
            if isNoEndpoint(message.status) { return seekEventStream(why) }
            down(why, retryAfter: nil)
        case .status(let status):
            knownRevision = nil
            if Int(status) == JF_STATUS_UNAUTHORIZED || Int(status) == JF_STATUS_FORBIDDEN {
                return needsAuthorization(status)
            }
            let why = "it answered initialize with \(lane.statusText(status))"
            if isNoEndpoint(status) { return seekEventStream(why) }
            down(why, retryAfter: nil)
        case .failed(let why, _): down(why, retryAfter: nil)
        case .timedOut:
            knownRevision = nil
            down("it answered neither server/discover nor initialize", retryAfter: nil)
        }
    }

    /// Statuses of a URL that takes no messages this way.
    private func isNoEndpoint(_ status: Int32) -> Bool {
        [JF_STATUS_BAD_REQUEST, JF_STATUS_NOT_FOUND, JF_STATUS_NOT_ALLOWED].contains(Int(status))
    }

    /// Perhaps the URL is the event stream of 2024-11-05's HTTP+SSE: then the connector finds its endpoint event, switches
    /// over and is ready once more (2025-03-26, Transports, "Backwards Compatibility").
    private func seekEventStream(_ why: String) {
        guard let channel, !channel.isShared else { return down(why, retryAfter: nil) }
        let mine = turn
        request(.ping, params: "", revision: nil, timeout: probeTimeout, kind: JF_KIND_STREAM) {
            [weak self] _ in
            guard let self, self.turn == mine else { return }
            self.down(why, retryAfter: nil)
        }
    }

    /// Says `notifications/initialized`, then lists. Over HTTP the listing waits for the answer to it, since the next
    /// request may travel on another connection and overtake it.
    private func notifyInitialized() {
        guard let channel else { return }
        let out = lane.outgoing
        if channel.isShared {
            out.reset()
            out.literal("{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}")
            _ = lane.post(
                channel, exchange: 0, out.finish(), method: .initialized, revision: status.revision,
                session: status.session)
            return list(all: true)
        }
        let mine = turn
        request(.initialized, params: nil, revision: status.revision, timeout: probeTimeout) {
            [weak self] _ in
            guard let self, self.turn == mine else { return }
            self.list(all: true)
        }
    }

    /// A session that is about to be replaced is ended, as a client should.
    func endSession() {
        if let channel, !channel.isShared, status.session != nil {
            lane.outgoing.reset()
            _ = lane.post(
                channel, exchange: 0, lane.outgoing.finish(), method: .unknown, revision: status.revision,
                session: status.session, kind: JF_KIND_END)
        }
        status.session = nil
    }

    private func learn(_ node: JSONNode?, _ result: JSONNode, isModern: Bool) {
        var known = ServerCapabilities()
        if let tools = node?.member("tools") {
            known.tools = true
            known.toolsListChanged = tools.member("listChanged")?.bool == true
        }
        if let resources = node?.member("resources") {
            known.resources = true
            known.resourcesListChanged = resources.member("listChanged")?.bool == true
            known.resourcesSubscribe = resources.member("subscribe")?.bool == true
        }
        if let prompts = node?.member("prompts") {
            known.prompts = true
            known.promptsListChanged = prompts.member("listChanged")?.bool == true
        }
        known.completions = node?.member("completions") != nil
        // What it says of tasks lies deeper than an answer's index reaches.
        if let node, let text = try? JSONText(copying: node.raw) {
            known.tasks = text.withRoot { TaskAbilities($0, serverIsModern: isModern) }
        }
        known.logging = node?.member("logging") != nil
        status.capabilities = known
        status.instructions = result.member("instructions")?.string()
    }

    func text(_ envelope: Envelope) -> String {
        envelope.outcome?.member("message")?.string() ?? "an error without a message"
    }
}
