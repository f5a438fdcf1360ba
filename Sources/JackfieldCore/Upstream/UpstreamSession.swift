// SPDX-License-Identifier: Apache-2.0
// A further session with a legacy server. Such a server learns what its client can be asked once, in the handshake; so
// clients that can be asked something get sessions of their own, apart from the one that lists and serves all others.

import CJackfield
import CLinux
import JSON
import MCP

/// One session of one lane with one endpoint. Belongs to its lane.
final class UpstreamSession {
    /// Who may share it: nobody else's hidden state is ever seen.
    struct Key: Hashable {
        let principal: String
        let abilities: Abilities
    }

    enum State { case opening, ready, closed }

    unowned let lane: Lane
    let pool: UpstreamPool
    let key: Key
    private(set) var state = State.opening
    private(set) var channel: Channel?
    /// A channel (a process, a connection) that is this session's alone; else it shares its lane's.
    private(set) var ownsChannel = false
    private(set) var revision: Revision
    private(set) var session: [UInt8]?
    /// The least severe log level that the server was asked for; nil: its own choice.
    var level: LogLevel?
    /// Calls under way on it.
    private(set) var calls: [Call] = []
    /// Calls that wait for the handshake, by handle.
    private(set) var waiting: [UInt64] = []
    private var isLost = false
    /// A call on it was cancelled, and may ask all the same: its questions must not reach the next call.
    private var isSpoiled = false
    private var idleTimer: UInt64 = 0
    /// When its last call ended.
    private var restsSince: UInt64 = 0
    /// The stand-alone stream.
    private var stream: UInt64 = 0

    /// Whose credentials it shows.
    let caller: Principal

    init(_ pool: UpstreamPool, _ key: Key, for caller: Principal, lane: Lane) {
        self.caller = caller
        self.pool = pool
        self.key = key
        self.lane = lane
        revision = .newestLegacy
    }

    /// One call at a time where the server's questions name no call.
    var isExclusive: Bool { ownsChannel }
    var isFree: Bool { calls.isEmpty && waiting.isEmpty }

    /// The only call that a server's message can be about, if there is no doubt.
    var soleCall: Call? {
        let open = calls.filter { $0.phase == .sent && $0.method.mayAsk }
        return open.count == 1 ? open[0] : nil
    }

    // MARK: Handshake

    /// Opens it on the lane's channel to the endpoint, or on one of its own where that is a session by itself.
    func open(base: Channel, revision: Revision) {
        self.revision = revision
        guard base.isShared else {
            channel = base
            return initialize()
        }
        ownsChannel = true
        do {
            let opened = try lane.open(pool.server, pool.endpoint)
            opened.upstream = self
            channel = opened
        } catch { fail(error.message) }
    }

    /// The channel of its own can carry messages, for the first time or after a restart.
    func channelReady() {
        guard state == .opening else { return }
        initialize()
    }

    /// Before the calls on it end: nothing new may be sent there.
    func channelGoes() { isLost = true }

    func channelLost(_ why: String) { fail(why) }

    private func initialize() {
        let abilities = String(decoding: key.abilities.legacyCapabilities(revision), as: UTF8.self)
        let params =
            "{\"protocolVersion\":\"\(revision.text)\",\"capabilities\":\(abilities),"
            + "\"clientInfo\":\(Product.identity)}"
        ask(.initialize, params: params) { [weak self] answer in
            guard let self, self.state == .opening else { return }
            switch answer {
            case .result(let envelope, let message):
                guard let version = envelope.outcome?.member("protocolVersion"),
                    let revision = Revision(version), !revision.isModern
                else { return self.fail("it answered initialize with an unknown protocol version") }
                self.revision = revision
                self.session = message.session.present.flatMap { $0.isEmpty ? nil : [UInt8]($0) }
                self.sayInitialized()
            case .error(let envelope, _):
                self.fail("it refused initialize: \(envelope.outcome?.member("message")?.string() ?? "?")")
            case .status(let status):
                self.fail("it answered initialize with \(self.lane.statusText(status))")
            case .failed(let why, _): self.fail(why)
            case .timedOut: self.fail("it did not answer initialize in time")
            }
        }
    }

    private func sayInitialized() {
        guard let channel else { return }
        if channel.isShared {
            notify(.initialized)
            return ready()
        }
        // Over HTTP the next message may overtake this one: it waits for the acknowledgement.
        ask(.initialized, params: nil) { [weak self] _ in
            guard let self, self.state == .opening else { return }
            self.ready()
        }
    }

    private func ready() {
        state = .ready
        openStream()
        let handles = waiting
        waiting = []
        for handle in handles {
            guard let call = lane.calls[handle] else { continue }
            lane.resume(call, on: self)
        }
        if isFree { pool.freed(self) }
    }

    /// What the server says outside of any call: on HTTP it needs a stream for that.
    private func openStream() {
        guard let channel, !channel.isShared, session != nil else { return }
        stream = ask(.ping, params: "", timeout: nil, kind: JF_KIND_STREAM) { [weak self] _ in
            self?.stream = 0
        }
    }

    @discardableResult
    func ask(
        _ method: Method, params: String?, timeout: UInt64? = 0, kind: Int = JF_KIND_MESSAGE,
        handler: @escaping (InternalAnswer) -> Void
    ) -> UInt64 {
        guard let channel else { return 0 }
        return lane.request(
            channel, method, params: params, revision: method == .initialize ? nil : revision,
            session: session,
            timeout: timeout == 0 ? lane.limits.probeTimeout : timeout, kind: kind, upstream: self,
            for: caller, handler: handler)
    }

    /// A notification without parameters.
    func notify(_ method: Method) {
        guard let channel, state != .closed else { return }
        lane.outgoing.reset()
        Answers.notification(method, subscription: nil, into: lane.outgoing)
        _ = lane.post(
            channel, exchange: 0, lane.outgoing.finish(), method: method, revision: revision,
            session: session, for: caller)
    }

    // MARK: Calls

    func wait(_ call: Call) { waiting.append(call.handle) }

    func take(_ call: Call) {
        call.upstream = self
        call.upstreamSlot = calls.count
        calls.append(call)
    }

    func release(_ call: Call) {
        let slot = call.upstreamSlot
        if slot < calls.count, calls[slot] === call {  // our own requests are not among them
            calls.swapAt(slot, calls.count - 1)
            calls[slot].upstreamSlot = slot
            calls.removeLast()
        }
        call.upstream = nil
        guard isFree, state == .ready, !isLost else { return }
        if isSpoiled { close() } else { pool.freed(self) }
    }

    /// A server that names no call in its questions was told to stop one: no other call comes here.
    func spoil() { isSpoiled = isExclusive }

    /// Nobody needs it now: it ends by itself after a while. The timer goes on under calls: one for many.
    func rest() {
        restsSince = lane.loop.now
        if idleTimer == 0, state == .ready { awaitIdleness(lane.limits.upstreamIdle) }
    }

    private func awaitIdleness(_ time: UInt64) {
        idleTimer = lane.loop.after(time) { [weak self] in
            guard let self else { return }
            self.idleTimer = 0
            guard self.isFree, self.state == .ready else { return }
            let rested = self.lane.loop.now - self.restsSince
            let limit = self.lane.limits.upstreamIdle
            if rested >= limit { self.close() } else { self.awaitIdleness(limit - rested) }
        }
    }

    // MARK: The end

    /// The server forgot it, or it never came to be: what waits for it fails.
    private func fail(_ why: String) {
        let handles = waiting
        waiting = []
        close()
        for handle in handles {
            if let call = lane.calls[handle] { lane.serverFailed(call, why) }
        }
    }

    func close() {
        guard state != .closed else { return }
        state = .closed
        if idleTimer != 0 { lane.loop.cancelAfter(idleTimer) }
        idleTimer = 0
        pool.remove(self)
        defer { pool.pump() }
        guard let channel else { return }
        if stream != 0, let call = lane.calls[stream] {
            stream = 0
            call.handler = nil
            channel.instance.connector?.cancel?(channel.instance.own, channel.remote, call.handle)
            lane.finish(call)
        }
        if ownsChannel {
            channel.upstream = nil
            lane.close(channel)
        } else if session != nil {
            lane.outgoing.reset()
            _ = lane.post(
                channel, exchange: 0, lane.outgoing.finish(), method: .unknown, revision: revision,
                session: session, kind: JF_KIND_END, for: caller)
        }
    }
}
