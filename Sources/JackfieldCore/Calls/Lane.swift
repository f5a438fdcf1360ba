// SPDX-License-Identifier: Apache-2.0
// A lane: one event loop and everything that lives on it. Lanes share nothing but immutable snapshots and messages.

import CJackfield
import CLinux
import JSON
import MCP
import Synchronization

/// Everything that one event loop owns. All members but those marked belong to the loop's thread, which is why the
/// class may travel between threads as a reference (`@unchecked Sendable`).
final class Lane: @unchecked Sendable {
    let index: Int
    let laneCount: Int
    let loop: EventLoop
    let log: Log
    let limits: LimitsPlan
    let sessions: SessionTable
    /// Any thread.
    let operations = OperationTable()
    unowned let gateway: Gateway

    /// The snapshot that new requests see.
    private(set) var catalog = Catalog.empty
    /// This lane's side of each server, in the order of `catalog.servers`.
    private(set) var links: [ServerLink] = []
    private var linkByGeneration: [UInt64: ServerLink] = [:]
    /// Links of servers that left, until their last call here ends.
    private(set) var retired: [ServerLink] = []

    /// Handles are JSON-RPC ids in sessions that all lanes share: no two lanes have the same.
    var calls: SlotMap<Call>
    private var freeCalls: ContiguousArray<Call> = []
    var clients = SlotMap<Client>()
    var channels = SlotMap<Channel>()
    /// Questions that legacy clients have been asked and have not answered.
    var questions = SlotMap<Asked>()
    /// Standing streams, and what they subscribed to.
    let standing = LaneSubscriptions()
    /// Requests that arrived while servers were still starting.
    var waiting: [WaitingRequest] = []
    var waitingBytes = 0
    var isSettled = false
    /// By endpoint id: the servers at home here.
    var supervisors: [UInt64: Supervisor] = [:]
    /// Calls that somebody outside waits for: clients, plugins, other lanes.
    private(set) var openCalls = 0
    var hasReportedDrained = false
    var hasReportedClosed = false
    var isClosing = false
    /// Operations that modules left pending, and the number of the last one that began.
    var pendingOperations: [UInt64: PendingOperation] = [:]
    var lastOperation: UInt64 = 0
    /// What stands between clients and servers here.
    var modules = Modules()
    /// Who was let in lately, and who waits at the door.
    var identities: IdentityCache
    var identifying: [IdentityKey: IdentityQuestion] = [:]
    /// By generation: where servers' credentials come from.
    var credentialSources: [UInt64: CredentialsBinding] = [:]
    var connecting = Connecting()
    /// Where the gateway listens, for those who know it by no other name.
    var ownOrigin = ""
    /// Where plugins' state lives; nil: no store is loaded.
    var store: StoreBinding?
    /// Keeps legacy sessions there; nil: they are in memory only.
    var keeping: SessionKeeping?
    /// A request for a kept result is delivered again, as one for a server's.
    var passesKept = false
    /// What a reload has attached and not adopted yet.
    var nextModules: Modules?
    /// Views as principals see them.
    let shownViews = ShownViews()
    let listNews = ListNews()
    /// Of a request that is delivered again: what policies said of its task.
    var decidedTask: (key: TaskKey, isAllowed: Bool)?
    /// Where it records; nil: nothing is recorded.
    var audit: AuditLane?
    /// JF_WANTS_*: what listeners are asked to deliver; lives as long as their tables.
    let wants = UnsafeMutablePointer<UInt32>.allocate(capacity: 1)
    /// Relayed calls by the asking lane and its handle.
    var relays: [RelayKey: UInt64] = [:]
    /// Calls whose progress comes under an older handle.
    var progressing: [UInt64: Call] = [:]
    /// GET exchanges that go on with a call's stream.
    var resumed: [BatchKey: (session: Session, number: UInt32)] = [:]
    /// Batches of 2025-03-26 under way, by client and exchange.
    var batches: [BatchKey: Int] = [:]

    private(set) var instances: [PluginInstance] = []
    private var instanceById: [String: PluginInstance] = [:]

    let requestParser: JSONParser
    let answerParser: JSONParser
    /// Of answers that serve several calls: they are read while another message may still be in use.
    private(set) lazy var sharedParser = JSONParser(
        maxBytes: max(limits.message, 16 << 20) + 1024, maxDepth: limits.depth)
    /// Towards servers and towards clients; two, because an answer may be written while a request is being built.
    let outgoing = MessageBuilder()
    let reply = MessageBuilder()
    /// Of the request that is being placed, while its listener lends them.
    var pickHeaders = UnsafeBufferPointer<jf_pair>(start: nil, count: 0)
    /// The last message that a connector refused had not left the gateway.
    var refusedUntouched = false
    /// A padded copy of bodies that came without padding.
    var padded: UnsafeMutableRawBufferPointer = .allocate(byteCount: 4096, alignment: 64)
    /// Span ids for trace contexts: xorshift64*, seeded per lane; uniqueness, not secrecy, is what they need.
    private var spanState: UInt64

    init(
        index: Int, laneCount: Int, limits: LimitsPlan, sessions: SessionTable, log: Log, gateway: Gateway
    ) throws(SystemFailure) {
        self.index = index
        self.laneCount = laneCount
        self.limits = limits
        self.sessions = sessions
        self.log = log
        self.gateway = gateway
        calls = SlotMap(tag: UInt64(index))
        identities = IdentityCache(limit: limits.principals)
        loop = try EventLoop()
        requestParser = JSONParser(maxBytes: limits.message + 1024, maxDepth: limits.depth)
        // A server's list or result may be larger than what a client may send.
        answerParser = JSONParser(maxBytes: max(limits.message, 16 << 20) + 1024, maxDepth: limits.depth)
        var seed: UInt64 = 0
        _ = withUnsafeMutableBytes(of: &seed) { getrandom($0.baseAddress, 8, 0) }
        spanState = seed | 1
        wants.initialize(to: 0)
    }

    deinit {
        padded.deallocate()
        wants.deallocate()
    }

    func nextSpan() -> UInt64 {
        spanState ^= spanState >> 12
        spanState ^= spanState << 25
        spanState ^= spanState >> 27
        return spanState &* 0x2545_F491_4F6C_DD1D
    }

    // MARK: Plugins

    /// Adds an instance; its services become visible to those created after it.
    func add(_ instance: PluginInstance) {
        instance.generation = gateway.currentGenerations[instance.id]
        instances.append(instance)
        instanceById[instance.id] = instance
    }

    func instance(_ id: String) -> PluginInstance? { instanceById[id] }

    func instance(of generation: PluginGeneration) -> PluginInstance? {
        instances.first { $0.generation === generation }
    }

    /// Adds an instance that nobody is led to yet.
    func addBeside(_ instance: PluginInstance, _ generation: PluginGeneration) {
        instance.generation = generation
        instances.append(instance)
    }

    /// Leads to an instance whoever asks for its plugin from now on.
    func makeCurrent(_ instance: PluginInstance) { instanceById[instance.id] = instance }

    func isCurrent(_ instance: PluginInstance) -> Bool { instanceById[instance.id] === instance }

    /// Forgets an instance that was destroyed.
    func remove(_ instance: PluginInstance) { instances.removeAll { $0 === instance } }

    /// A service that a plugin on this lane offers.
    func offeredService(_ id: String, except asker: PluginInstance?) -> UnsafeRawPointer? {
        for instance in instances where instance.id != asker?.id && isCurrent(instance) {
            guard let table = instance.offered(id) else { continue }
            if let asker { instance.isUsed(by: asker) }
            return table
        }
        return nil
    }

    /// The same service of every generation that still has an instance, the current ones first.
    func offeredServices(_ id: String) -> [UnsafeRawPointer] {
        let current = instances.filter { isCurrent($0) }
        return (current + instances.filter { !isCurrent($0) }).compactMap { $0.offered(id) }
    }

    // MARK: Snapshots

    /// Takes a new snapshot: links for new servers, none any more for those that left.
    /// - Parameter keeping: generations of servers that left and may come back; their channels stay open.
    func adopt(
        _ new: Catalog, announce changed: [(path: String, kinds: [ItemKind])], keeping: [UInt64] = []
    ) {
        let old = catalog
        catalog = new
        var kept: [UInt64: ServerLink] = [:]
        links = new.servers.map { server in
            let link = linkByGeneration[server.generation] ?? makeLink(server)
            kept[server.generation] = link
            return link
        }
        for generation in keeping where kept[generation] == nil {
            kept[generation] = linkByGeneration[generation]
        }
        for (at, server) in old.servers.enumerated() where new.index(of: server) == nil {
            linkByGeneration[server.generation]?.lastStatuses = old.statuses[at]
        }
        let gone = linkByGeneration.filter { kept[$0.key] == nil }
        linkByGeneration = kept
        for link in gone.values { retire(link) }
        carryInterests()
        self.keeping?.resume()
        shownViews.keep(of: new)
        for (path, kinds) in changed { notify(path, kinds) }
    }

    private func makeLink(_ server: Server) -> ServerLink {
        let link = ServerLink(server, lane: self)
        for endpoint in server.endpoints { link.channels[endpoint.index] = supervisors[endpoint.id]?.channel }
        // Its source of credentials may serve pages on this loop's listeners before a call comes here.
        _ = credentials(of: server)
        return link
    }

    /// A server left the catalogue and still has calls here.
    func hasRetired(_ server: Server) -> Bool { retired.contains { $0.server === server } }

    /// A server left the configuration: its calls under way end by themselves, then the channels close.
    private func retire(_ link: ServerLink) {
        link.detachRouting()
        link.isRetired = true
        retired.append(link)
        closeIfIdle(link)
    }

    /// Closes a retired server's channels once none of its calls is open here.
    func closeIfIdle(_ link: ServerLink) {
        guard link.isRetired, link.openCalls == 0 else { return }
        for pool in link.pools { pool?.close() }
        for channel in link.channels.compactMap({ $0 }) { close(channel) }
        link.channels = link.channels.map { _ in nil }
        credentialSources.removeValue(forKey: link.server.generation)?.leave()
        retired.removeAll { $0 === link }
    }

    func link(_ server: Server) -> ServerLink? { linkByGeneration[server.generation] }

    /// Links of the catalogue's servers, and of those that may come back.
    var allLinks: [ServerLink] { Array(linkByGeneration.values) }

    var counters: Counters { gateway.counters }

    // MARK: Channels

    /// Opens a channel of a server on this lane. Throws a sentence.
    func open(_ server: Server, _ endpoint: Endpoint) throws(PluginFailure) -> Channel {
        guard let plugin = endpoint.plugin, let instance = instance(of: plugin) else {
            throw PluginFailure(
                plugin: endpoint.plugin?.id ?? "?", step: "open",
                message: "no plugin serves \(server.name); see 'jackfield plugin list'")
        }
        let channel = Channel(instance, server, endpoint)
        channel.credentials = credentials(of: server)
        guard let handle = channels.insert(channel) else {
            throw PluginFailure(plugin: instance.id, step: "open", message: "too many channels")
        }
        channel.handle = handle
        var fault = jf_fault.empty()
        var remote: jf_ref = 0
        let status = withView(server.name) { name in
            withView(endpoint.plan.options) { options -> Int32 in
                if let connector = instance.connector {
                    return connector.open?(instance.own, handle, name, options, &remote, &fault)
                        ?? Int32(JF_E_UNSUPPORTED)
                }
                if let toolset = instance.toolset {
                    return instance.alone {
                        toolset.open?(instance.own, handle, name, options, &remote, &fault)
                            ?? Int32(JF_E_UNSUPPORTED)
                    }
                }
                return Int32(JF_E_UNSUPPORTED)
            }
        }
        guard status == JF_OK else {
            channels.remove(handle)
            throw PluginFailure(
                plugin: instance.id, step: "open",
                message: fault.message.isEmpty ? "it answered \(statusName(status))" : fault.message)
        }
        channel.remote = remote
        if channel.isToolset {
            channel.isReady = true
            channel.flags = UInt32(JF_CHANNEL_EXCHANGES)
        }
        return channel
    }

    func close(_ channel: Channel) {
        guard !channel.isClosing else { return }
        keepUsage(of: channel)
        channel.isClosing = true
        channel.supervisor = nil
        channel.upstream = nil
        if let connector = channel.instance.connector {
            connector.close?(channel.instance.own, channel.remote, jf_monotonic_ns() + gateway.drainTimeout)
        } else if operations.count(on: channel.handle) == 0 {
            // With operations open it waits: `operationFinished` closes it.
            closeToolset(channel)
        }
    }

    func channelClosed(_ handle: UInt64) {
        channels.remove(handle)
        gateway.laneChannelClosed(self)
    }

    // MARK: Calls

    /// A call from the pool, with a handle; nil at the gateway's limit.
    func takeCall(_ origin: Call.Origin) -> Call? {
        guard origin == .supervision || openCalls < limits.calls else { return nil }
        let call = freeCalls.popLast() ?? Call(lane: self)
        guard let handle = calls.insert(call) else { return nil }
        call.handle = handle
        call.origin = origin
        call.startedAt = loop.now
        if origin != .supervision { openCalls += 1 }
        return call
    }

    /// Ends a call's bookkeeping. Everything that must be told has been told.
    func finish(_ call: Call) {
        guard calls.remove(call.handle) != nil else { return }
        if call.audit.isOpen { endRecord(call) }
        if call.hedgeTimer != 0 { dropHedge(call) }
        if let admission = call.admission { giveUp(admission.operation) }
        if let passing = call.passing { end(passing) }
        if call.origin != .supervision { openCalls -= 1 }
        if call.timer != 0 { loop.cancelTimer(call.timer) }
        call.client?.unlink(call)
        call.session?.end(call.clientId)
        closeDialogue(call)
        if call.flight != nil { leaveFlight(call) }
        if call.progressHandle != 0 { progressing[call.progressHandle] = nil }
        if call.promotion != 0 { loop.cancelAfter(call.promotion) }
        if call.awaitedTask != 0 { forgetWaiter(call) }
        if call.task != 0 { detachTask(call) }
        // A relayed call counts where it was asked.
        leaveRoom(call)
        call.channel?.inFlight -= call.isOnChannel ? 1 : 0
        call.upstream?.release(call)
        call.endpoint?.inFlight.subtract(1, ordering: .relaxed)
        if call.isTrial { call.endpoint?.health.withdrawn(loop.now) }
        if let link = call.link {
            link.openCalls -= 1
            if link.isRetired { closeIfIdle(link) }
        }
        if let asker = call.asker {
            relays[RelayKey(lane: asker.index, handle: call.askerHandle)] = nil
        }
        call.recycle()
        if freeCalls.count < 4096 { freeCalls.append(call) }
        if gateway.isDraining { gateway.laneDrained(self) }
    }

    /// A body with the padding that the scanner needs, at the same bytes where the transport already gave it.
    func paddedBody(_ message: jf_message) -> UnsafeRawBufferPointer {
        guard message.body_count > 0, let view = message.body?.pointee else {
            return UnsafeRawBufferPointer(start: nil, count: 0)
        }
        if message.flags & UInt32(JF_MSG_PADDED) != 0 { return view.bytes }
        let needed = Int(view.len) + BufferPool.padding
        if padded.count < needed {
            padded.deallocate()
            padded = .allocate(byteCount: max(needed, 64 * 1024), alignment: 64)
        }
        padded.copyBytes(from: view.bytes)
        return UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(padded)[0..<Int(view.len)])
    }
}

/// Names a relayed call on its home lane.
struct RelayKey: Hashable {
    let lane: Int
    let handle: UInt64
}
