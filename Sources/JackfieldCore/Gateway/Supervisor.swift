// SPDX-License-Identifier: Apache-2.0
// Keeps one endpoint of a server usable: opens its channel, finds out its era, shakes hands, lists, listens for changes,
// and begins again whenever something breaks. Runs on the server's home lane.

import CJackfield
import CLinux
import JSON
import MCP

/// Belongs to its lane. What it learns reaches everybody else through the registry, as values.
final class Supervisor {
    unowned let lane: Lane
    let server: Server
    let endpoint: Endpoint
    private(set) var channel: Channel?
    var status = EndpointStatus()
    var listing: ServerListing?
    /// What an earlier handshake found; a restart of the same program speaks the same revision.
    var knownRevision: Revision?
    var step = Step.idle
    /// Kinds to list again once the listing under way is done.
    var dirty: Set<ItemKind> = []
    /// Calls that wait for a new session.
    var renewals: [(lane: Lane, call: UInt64)] = []
    let interest = UpstreamInterest()
    var watch: UInt64 = 0
    var watchOpenedAt: UInt64 = 0
    var watchBackOff = BackOff(longest: 120_000_000_000)
    /// Kinds whose last listing failed; listed again after a pause.
    var unlisted: Set<ItemKind> = []
    var listBackOff = BackOff()
    /// Why, in one sentence, and lists that are suddenly empty.
    var unlistedWhy = ""
    var emptied = EmptiedLists()
    var refreshTimer: UInt64 = 0
    /// Counts handshakes and listings begun: an answer that belongs to an older one is dropped.
    var turn = 0
    private var backOff = BackOff()
    private(set) var isStopped = false
    private var retryTimer: UInt64 = 0
    private var lastCheck: UInt64 = 0
    var healthTimer: UInt64 = 0
    var healthFailures = 0
    /// Health checks took it down: it comes back when one succeeds.
    var isUnwell = false

    enum Step: Sendable { case idle, opening, probing, initializing, listing, up }

    init(_ server: Server, _ endpoint: Endpoint, lane: Lane) {
        self.server = server
        self.endpoint = endpoint
        self.lane = lane
    }

    var log: Log { lane.log }
    var isToolset: Bool { channel?.isToolset ?? false }

    // MARK: Channel

    func start() {
        guard !isStopped else { return }
        step = .opening
        do {
            let opened = try lane.open(server, endpoint)
            channel = opened
            opened.supervisor = self
            lane.link(server)?.channels[endpoint.index] = opened
            if opened.isToolset { channelReady() }
        } catch {
            down("\(error.message)", retryAfter: nil)
        }
    }

    /// No more work; the channel itself is closed by its lane.
    func stop() {
        isStopped = true
        turn += 1
        cancelTimers()
        closeWatches()
        for waiting in renewals { answerRenewal(waiting) }
        renewals = []
    }

    /// The connector has a channel: freshly started, or restarted.
    func channelReady() {
        guard !isStopped, let channel else { return }
        status.isLocal =
            channel.flags & UInt32(JF_CHANNEL_LOCAL) != 0
            || channel.isToolset && channel.instance.library.manifest.threads != .perLoop
        status.hasHeaders = !channel.isShared && !channel.isToolset
        // What kind of channel it is decides how long others wait for it.
        if step == .opening { publish() }
        if channel.isToolset { return listToolset() }
        // It turned out to be the older wire, which only one revision has.
        if step == .initializing, channel.isShared { knownRevision = .v2024_11_05 }
        probe()
    }

    /// The whole channel went down; the connector says when it tries again by itself.
    func channelLost(_ why: String, retry: UInt32) {
        guard !isStopped else { return }
        turn += 1
        cancelTimers()
        watch = 0
        step = .opening
        status.session = nil
        let next = retry > 0 ? "it is restarted in \(Double(retry) / 1000) s" : "it is not restarted any more"
        became(.down, "\(why); \(next)")
    }

    // MARK: Health

    /// A call on some lane failed: look whether the endpoint is still there, unless that is under way already.
    func suspect(_ why: String) {
        guard !isStopped, step == .up, let channel, !channel.isShared, !channel.isToolset,
            lane.loop.now &- lastCheck > 2_000_000_000
        else { return }
        lastCheck = lane.loop.now
        log.write(
            .debug, "checking a server after a failed call",
            [.init("server", server.name), .init("why", why)])
        probe()
    }

    /// The endpoint cannot be used now; another try follows, for ever, with growing pauses.
    func down(_ why: String, retryAfter: UInt64?) {
        guard !isStopped else { return }
        turn += 1
        step = .idle
        let delay = retryAfter ?? backOff.next(lane.nextSpan())
        became(.down, why)
        // The connector restarts it, and says `ready`.
        if let channel, channel.isShared, !channel.isReady { return }
        cancelTimers()
        retryTimer = lane.loop.after(delay) { [weak self] in
            guard let self, !self.isStopped else { return }
            self.retryTimer = 0
            if self.channel == nil { self.start() } else { self.channelReady() }
        }
    }

    func up() {
        backOff.reset()
        step = .up
        if status.state != .up { endpoint.health.reset(jf_monotonic_ns()) }
        // It was away, and gets its calls bit by bit.
        if status.state == .down { endpoint.health.begins(jf_monotonic_ns()) }
        status.state = .up
        status.reason =
            unlisted.isEmpty ? "" : unlistedWhy + (isStale ? "; what it listed before is shown" : "")
        publish()
        for waiting in renewals { answerRenewal(waiting) }
        renewals = []
        openWatch()
        armHealth()
    }

    /// Something is shown that it did not list when it was last asked.
    private var isStale: Bool { unlisted.contains { listing?[$0].isEmpty == false } }

    private func became(_ state: EndpointStatus.State, _ why: String) {
        let isNews = status.state != state || status.reason != why
        status.state = state
        status.reason = why
        if isNews {
            log.write(
                .warning, "server is \(state.rawValue)", [.init("server", server.name), .init("why", why)])
            publish()
        }
        for waiting in renewals { answerRenewal(waiting) }
        renewals = []
    }

    func cancelTimers() {
        if retryTimer != 0 { lane.loop.cancelAfter(retryTimer) }
        retryTimer = 0
        if refreshTimer != 0 { lane.loop.cancelAfter(refreshTimer) }
        refreshTimer = 0
        if healthTimer != 0 { lane.loop.cancelAfter(healthTimer) }
        healthTimer = 0
    }

    /// Sends what is known to the registry.
    func publish() {
        lane.gateway.publish(server, endpoint.index, status, listing)
    }

    // MARK: Lost sessions

    /// A call found its session gone. `epoch` is the handshake it had used: an older one was replaced already.
    func renew(after epoch: Int, for asking: Lane, call: UInt64) {
        if status.epoch > epoch, step == .up || step == .listing {
            return answerRenewal((asking, call))
        }
        renewals.append((asking, call))
        if step == .up || step == .listing || step == .idle {
            cancelTimers()
            status.session = nil
            initialize()
        }
    }

    private func answerRenewal(_ waiting: (lane: Lane, call: UInt64)) {
        let status = status
        let target = waiting.lane
        let call = waiting.call
        target.loop.post { target.sessionRenewed(call, status) }
    }

    // MARK: Logging

    /// Makes the session's log level at least as chatty as this.
    func raise(_ level: LogLevel, then goOn: @escaping @Sendable () -> Void) {
        if let current = status.logLevel, current <= level { return goOn() }
        status.logLevel = level
        publish()
        request(
            .loggingSetLevel, params: "{\"level\":\"\(level.text)\"}", revision: status.revision,
            timeout: lane.limits.probeTimeout
        ) { _ in goOn() }
    }

    // MARK: Asking the server

    /// Sends a request of the gateway's own. `handler` is called once.
    @discardableResult
    func request(
        _ method: Method, params: String?, revision: Revision?, timeout: UInt64?, kind: Int = JF_KIND_MESSAGE,
        handler: @escaping (InternalAnswer) -> Void
    ) -> UInt64 {
        guard let channel else {
            handler(.failed("it has no channel", retry: 0))
            return 0
        }
        return lane.request(
            channel, method, params: params, revision: method == .initialize ? nil : revision,
            session: status.session, timeout: timeout, kind: kind, handler: handler)
    }

    /// `params` of a modern request: our own identity, and the capabilities that we can serve by ourselves (none).
    func modernParams(_ more: String = "") -> String {
        let meta =
            "\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":\"\(Revision.newest.text)\","
            + "\"io.modelcontextprotocol/clientCapabilities\":{},"
            + "\"io.modelcontextprotocol/clientInfo\":\(Product.identity)}"
        return "{\(meta)\(more.isEmpty ? "" : ",")\(more)}"
    }
}

/// Growing pauses between tries, with full jitter on the upper half so that many gateways do not step in time.
struct BackOff {
    private static let first: UInt64 = 200_000_000
    private let longest: UInt64
    private var current = BackOff.first

    init(longest: UInt64 = 10_000_000_000) { self.longest = longest }

    mutating func next(_ random: UInt64) -> UInt64 {
        let pause = current
        current = min(current * 2, longest)
        return pause / 2 + random % (pause / 2)
    }

    mutating func reset() { current = BackOff.first }
}
