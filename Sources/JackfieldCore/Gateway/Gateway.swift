// SPDX-License-Identifier: Apache-2.0
// The gateway: lanes, plugins, servers, and the control loop that ties them together.

import CJackfield
import CLinux
import Glibc
import JSON
import MCP
import Synchronization

/// Runs a plan. State is confined to the control loop's thread (the one that calls `run`); what lanes call is marked and
/// only posts, hence `@unchecked Sendable`.
public final class Gateway: @unchecked Sendable {
    let log: Log
    let control: EventLoop
    let sessions: SessionTable
    let drainTimeout: UInt64
    /// Where it stands, for routing strategies.
    let zone: String?
    let region: String?
    let workers = WorkerPool(threads: 4)
    let counters = Counters()
    let instances = InstanceTable()
    let parking: Parking
    let replayBudget: ReplayBudget
    let keptResults = KeptBudget()
    /// Whether a change of policies is on its way to the lanes.
    let policyNews = Atomic<Bool>(false)
    let taskPlan: TasksPlan
    let slowPlan: SlowPlan
    /// Nil: no store is loaded.
    let storeHealth: StoreHealth?
    let tasks: TaskTable
    /// Tells this process from every other: states that it sealed are good here only.
    let identity = SessionKey.random().high
    var plan: GatewayPlan
    /// Manifests at hand: of the builds that are current.
    var choice: PluginChoice
    /// Judges what servers list.
    let drift: DriftWatch
    /// What operators asked for about servers' calls.
    let traffic = Traffic()
    /// What was loaded at start, providers of services first.
    private let libraries: [PluginLibrary]
    /// Every build of them that was loaded, and which one is current.
    var generations: [String: [PluginGeneration]] = [:]
    var currentGenerations: [String: PluginGeneration] = [:]
    /// The one swap that may be under way, and those that a reload asked for and that wait for it.
    var swap: PluginSwap?
    var waitingSwaps: [(id: String, file: String)] = []
    /// Plugins whose cells have to be made anew, with more rights.
    var waitingCells: [String] = []
    /// A reload came while a swap had not got to its trial.
    var reloadWaits = false
    /// The plugins' files as they were last seen.
    var seenFiles: [String: PluginFile] = [:]
    /// Where each listener of the plan accepts.
    var boundAddresses: [String?] = []
    var door: ControlDoor?
    /// Writes the audit log; nil: there is none. And where this loop records.
    var auditor: AuditWriter?
    var changeAudit: AuditLane?
    /// How a reload ended. Called on the control loop.
    public var onReload: ((Result<Void, ReloadProblem>) -> Void)?
    /// Requests about the configuration: what, who asks, and how to answer it once. Called on the control loop.
    public var changeConfiguration:
        ((_ request: JSONValue, _ user: uid_t, _ answer: @escaping (JSONValue) -> Void) -> Void)?
    private(set) var lanes: [Lane] = []
    private var threads: [pthread_t] = []

    /// What HUP asks for: a new plan, or why there is none.
    public var reload: ((PluginChoice) -> Result<GatewayPlan, ReloadProblem>)?
    /// Loads another build of a plugin, unless the check objects. Any thread, one at a time; blocks.
    public var loadPlugin:
        (
            @Sendable (
                _ file: String, _ check: (PluginManifest, SHA256Digest) -> SwapProblem?
            ) -> Result<PluginLibrary, SwapProblem>
        )?
    /// A loaded build once more, for cells with the rights that the plan gives it by now. Any thread, one at a time.
    public var isolatePlugin:
        (@Sendable (PluginLibrary, PlacementChoice.Reason) -> Result<PluginLibrary, SwapProblem>)?
    /// What was done about slow plugins, by id. Any thread.
    let slowMoves = Mutex<[String: SlowMove]>([:])
    /// By id, the files that were last seen; the answer says which hold other bytes now. Any thread; blocks.
    public var findChanged: (@Sendable ([String: PluginFile]) -> [PluginChange])?
    /// Where `jackfield plugin swap` finds this gateway; nil: nowhere.
    public var controlDirectory: String?
    /// Who comes in there beside our own user and root.
    public internal(set) var controlAccess = ControlAccess()
    /// Called on the control loop once every server has listed, failed, or used up its time to start.
    public var onSettled: (() -> Void)?
    /// Called on the control loop once every listener accepts; gets where they listen.
    public var onListening: (([String]) -> Void)?

    // The registry.
    var records: [ServerRecord] = []
    /// Servers of the generation that a plugin on trial took over from: up to date, but not shown.
    var parked: [ServerRecord] = []
    /// Changed servers whose new version has not proved itself yet, by name.
    var replacements: [String: ServerRecord] = [:]
    var catalog = Catalog.empty
    var needsBuild = false
    var isPublishing = false
    var nextGeneration: UInt64 = 1
    var isSettled = false

    // The end.
    private let draining = Atomic<Bool>(false)
    private var phase = Phase.running
    private var lanesAtPhase = 0
    private(set) var exitCode: Int32 = 0
    private var signals: Int32 = -1

    private enum Phase { case running, draining, closing, stopping }

    /// The loaded plugins, providers of services first.
    var pluginIds: [String] { libraries.map(\.manifest.id) }

    /// Some source of credentials exchanges what clients showed.
    let exchanges = Atomic<Bool>(false)
    var exchangesCredentials: Bool { exchanges.load(ordering: .relaxed) }

    var isDraining: Bool { draining.load(ordering: .relaxed) }

    /// - Parameters:
    ///   - plan: checked by `PluginChoice.check`, defaults filled in.
    ///   - libraries: every plugin that the plan needs, providers of services first.
    public init(
        _ plan: GatewayPlan, choice: PluginChoice, libraries: [PluginLibrary], log: Log
    ) throws(GatewayProblem) {
        self.plan = plan
        self.choice = choice
        self.libraries = libraries
        self.log = log
        drainTimeout = plan.drainTimeout
        zone = plan.zone
        region = plan.region
        drift = DriftWatch(plan.lock, log: log, counters: counters)
        parking = Parking(plan.limits)
        replayBudget = ReplayBudget(limit: max(ReplayLog.budget, plan.limits.replay))
        taskPlan = plan.tasks
        slowPlan = plan.slow
        storeHealth =
            libraries.contains { $0.manifest.id == plan.store.plugin }
            ? StoreHealth(plan.store, lanes: max(1, plan.loops), log: log) : nil
        tasks = TaskTable(plan.limits)
        sessions = SessionTable(limit: plan.limits.sessions, idleLimit: plan.limits.sessionIdle)
        do {
            control = try EventLoop()
            for index in 0..<max(1, plan.loops) {
                lanes.append(
                    try Lane(
                        index: index, laneCount: max(1, plan.loops), limits: plan.limits, sessions: sessions,
                        log: log,
                        gateway: self))
            }
        } catch {
            throw GatewayProblem("cannot set up the event loops: \(error)")
        }
        for library in libraries {
            let first = PluginGeneration(library)
            generations[first.id] = [first]
            currentGenerations[first.id] = first
            seenFiles[first.id] = PluginFile(path: library.path, digest: library.digest)
        }
        do {
            for lane in lanes { try populate(lane) }
            try attachModules()
        } catch {
            throw GatewayProblem(error.description)
        }
        if let problem = sealingProblem { throw GatewayProblem(problem) }
    }

    /// Creates and starts a lane's plugin instances.
    private func populate(_ lane: Lane) throws(PluginFailure) {
        for library in libraries where lane.index == 0 || library.manifest.threads == .perLoop {
            let configured = plan.configuration(ofPlugin: library.manifest.id)
            let instance = try PluginInstance(
                library, lane: lane, config: defaults(configured, library),
                border: plan.border(of: library.manifest.id), log: log)
            lane.add(instance)
            try instance.start()
            if instance.store != nil, instance.id == plan.store.plugin {
                lane.store = StoreBinding(instance, lane, plan.store)
                if plan.store.keepsSessions { lane.keeping = SessionKeeping(lane) }
            }
        }
    }

    /// What an instance is created with: JSON, defaults filled in.
    func configuration(of generation: PluginGeneration, _ plan: GatewayPlan) -> String {
        defaults(plan.configuration(ofPlugin: generation.id), generation.library)
    }

    private func defaults(_ config: String, _ library: PluginLibrary) -> String {
        guard let schema = library.manifest.configSchema, let value = try? JSONValue(parsing: config) else {
            return config
        }
        return String(decoding: schema.compiled.applyingDefaults(value).serialized(), as: UTF8.self)
    }

    // MARK: Running

    /// Serves until told to stop. Blocks; returns the exit status.
    public func run() -> Int32 {
        signal(SIGPIPE, SIG_IGN)
        watchSignals()
        for lane in lanes { mountHealth(lane) }
        do {
            // The first catalogue is queued before anything that a listener may post: no client finds an empty gateway.
            try beginAudit()
            setUpServers()
            let addresses = try listen()
            for lane in lanes { start(lane) }
            superviseServers()
            openDoor()
            onListening?(addresses)
        } catch {
            log.write(.error, error.description)
            exitCode = 1
            for lane in lanes { start(lane) }
            shutDown()
        }
        armSweep()
        control.run()
        door?.close()
        for thread in threads { pthread_join(thread, nil) }
        workers.stop()
        endAudit()
        return exitCode
    }

    private func start(_ lane: Lane) {
        var thread = pthread_t()
        let status = pthread_create(&thread, nil, runLane, Unmanaged.passRetained(lane).toOpaque())
        if status == 0 { threads.append(thread) }
    }

    /// Binds every listener on every lane, before the lanes run.
    private func listen() throws(GatewayProblem) -> [String] {
        var addresses: [String] = []
        for (number, plan) in plan.listeners.enumerated() {
            guard let id = choice.listener(plan.transport)?.id else {
                throw GatewayProblem("no plugin listens on transport '\(plan.transport)'")
            }
            var bound: String?
            for lane in lanes {
                guard let instance = lane.instance(id) else { continue }
                // Only addresses can be shared between lanes; a listener without one (stdio) lives on the first.
                if let bound, !bound.contains("://") { break }
                let text = try instance.listen(number, at: bound, plan)
                if bound == nil { bound = text }
            }
            if let bound { addresses.append(bound) }
            boundAddresses.append(bound)
        }
        let origin = addresses.lazy.compactMap { Origin.http(of: $0) }.first ?? ""
        for lane in lanes { lane.ownOrigin = origin }
        return addresses
    }

    private func armSweep() {
        control.after(30_000_000_000) { [weak self] in
            guard let self, self.phase == .running else { return }
            self.sessions.sweep(self.control.now)
            if self.storeHealth != nil { self.onEveryLane { $0.keeping?.sweep() } }
            self.sweepTasks()
            self.armSweep()
        }
    }

    /// Tasks whose time is over: their calls end, and who waits for them hears of it.
    private func sweepTasks() {
        for (handle, task) in tasks.sweep(jf_realtime_ns() / 1_000_000) {
            if let place = task.call {
                let lane = lanes[place.lane]
                lane.loop.post {
                    if let call = lane.calls[place.handle] {
                        lane.cancel(call, reason: "the task's time is over")
                    }
                }
            }
            for waiter in task.waiters {
                let lane = lanes[waiter.lane]
                lane.loop.post { lane.waiterHears(waiter.handle, handle) }
            }
        }
    }

    // MARK: Signals

    private func watchSignals() {
        var set = sigset_t()
        sigemptyset(&set)
        for number in [SIGTERM, SIGINT, SIGHUP] { sigaddset(&set, number) }
        pthread_sigmask(SIG_BLOCK, &set, nil)
        signals = jf_signalfd(&set)
        _ = control.watch(
            signals, UInt32(JF_READABLE), signalsArrived, Unmanaged.passUnretained(self).toOpaque())
    }

    fileprivate func readSignals() {
        var info = signalfd_siginfo()
        while read(signals, &info, MemoryLayout<signalfd_siginfo>.size) == MemoryLayout<signalfd_siginfo>.size
        {
            if info.ssi_signo == UInt32(SIGHUP) {
                reloadNow()
            } else {
                log.write(.info, phase == .running ? "stopping; calls under way may end" : "stopping now")
                shutDown()
            }
        }
    }

    // MARK: Called from lanes (any thread)

    func lane(_ index: Int) -> Lane { lanes[index] }

    func onEveryLane(_ body: @escaping @Sendable (Lane) -> Void) {
        for lane in lanes { lane.loop.post { body(lane) } }
    }

    func soleClientClosed() { control.post { self.shutDown() } }

    func sessionEnded(_ key: SessionKey) {
        onEveryLane { lane in
            lane.endStreams(of: key)
            lane.refuseQuestions { $0.call.session?.key == key }
        }
    }

    private func onHome(
        _ server: Server, _ endpoint: Endpoint, _ body: @escaping @Sendable (Supervisor) -> Void,
        otherwise: @escaping @Sendable () -> Void = {}
    ) {
        let home = lanes[server.homeLane]
        home.loop.post {
            if let supervisor = home.supervisors[endpoint.id] { body(supervisor) } else { otherwise() }
        }
    }

    func listChanged(_ server: Server, _ endpoint: Endpoint, _ kind: ItemKind) {
        onHome(server, endpoint) { $0.listChanged(kind) }
    }

    func endpointSuspect(_ server: Server, _ endpoint: Endpoint, _ why: String) {
        onHome(server, endpoint) { $0.suspect(why) }
    }

    func renewSession(_ server: Server, _ endpoint: Endpoint, after epoch: Int, for lane: Lane, call: UInt64)
    {
        onHome(server, endpoint) {
            $0.renew(after: epoch, for: lane, call: call)
        } otherwise: {
            var gone = EndpointStatus()
            gone.state = .down
            gone.reason = "it was replaced meanwhile"
            let status = gone
            lane.loop.post { lane.sessionRenewed(call, status) }
        }
    }

    /// Asks a legacy server's first session for log messages of this level; the call goes on when it has answered.
    func raiseLevel(
        _ server: Server, _ endpoint: Endpoint, _ level: LogLevel, for lane: Lane, call: UInt64
    ) {
        let goOn: @Sendable () -> Void = {
            lane.loop.post { if let call = lane.calls[call] { lane.resume(call, on: nil) } }
        }
        onHome(server, endpoint) {
            $0.raise(level, then: goOn)
        } otherwise: {
            goOn()
        }
    }

    // MARK: The end

    func exitStatus(_ status: Int32) { exitCode = status }

    /// Begins to stop, or hurries a stop that is under way. Control loop only.
    public func shutDown() {
        switch phase {
        case .running:
            phase = .draining
            draining.store(true, ordering: .relaxed)
            lanesAtPhase = 0
            door?.close()
            abandonSwap("the gateway stops")
            let count = plan.listeners.count
            onEveryLane { $0.beginDrain(listeners: count) }
            control.after(drainTimeout) { [weak self] in self?.closeChannels() }
        case .draining: closeChannels()
        case .closing, .stopping: stopLanes()
        }
    }

    /// A lane has no call under way any more. Any thread.
    func laneDrained(_ lane: Lane) {
        guard lane.reportDrained() else { return }
        control.post { [self] in
            guard phase == .draining else { return }
            lanesAtPhase += 1
            if lanesAtPhase == lanes.count { closeChannels() }
        }
    }

    private func closeChannels() {
        guard phase == .draining else { return }
        phase = .closing
        lanesAtPhase = 0
        onEveryLane { $0.closeChannels() }
        control.after(10_000_000_000) { [weak self] in self?.stopLanes() }
    }

    /// A lane's channels are all closed. Any thread.
    func laneChannelClosed(_ lane: Lane) {
        guard lane.reportClosed() else { return }
        control.post { [self] in
            guard phase == .closing else { return }
            lanesAtPhase += 1
            if lanesAtPhase == lanes.count { stopLanes() }
        }
    }

    private func stopLanes() {
        guard phase != .stopping else { return }
        phase = .stopping
        onEveryLane { $0.stopInstances() }
        control.stop()
    }
}

/// Why the gateway cannot start; one sentence.
public struct GatewayProblem: Error, CustomStringConvertible {
    public let description: String
    public init(_ description: String) { self.description = description }
}

/// Why a reload changes nothing; one sentence each.
public struct ReloadProblem: Error {
    public let problems: [String]
    public init(_ problems: [String]) { self.problems = problems }
}

private func runLane(_ argument: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    guard let argument else { return nil }
    let lane = Unmanaged<Lane>.fromOpaque(argument).takeRetainedValue()
    _ = jf_thread_set_name("lane-\(lane.index)")
    lane.loop.run()
    return nil
}

private func signalsArrived(_ user: UnsafeMutableRawPointer?, _ events: UInt32) {
    guard let user else { return }
    Unmanaged<Gateway>.fromOpaque(user).takeUnretainedValue().readSignals()
}

extension String {
    /// The first occurrence of a text.
    func range(ofText text: String) -> Range<String.Index>? {
        var at = startIndex
        while at < endIndex {
            if self[at...].hasPrefix(text) { return at..<index(at, offsetBy: text.count) }
            at = index(after: at)
        }
        return nil
    }
}
