// SPDX-License-Identifier: Apache-2.0
// A swap from its request to the switch: load beside, create, prove, then lead everything new to the new generation.

import CJackfield
import CLinux

/// A file of a plugin, and what it held.
public struct PluginFile: Sendable {
    public let path: String
    public let digest: SHA256Digest

    public init(path: String, digest: SHA256Digest) {
        self.path = path
        self.digest = digest
    }
}

/// A plugin whose file holds other bytes than before.
public struct PluginChange: Sendable {
    public let id: String
    public let file: String
    /// What it holds now, or why it cannot be used.
    public let result: Result<SHA256Digest, SwapProblem>

    public init(id: String, file: String, result: Result<SHA256Digest, SwapProblem>) {
        self.id = id
        self.file = file
        self.result = result
    }
}

extension Gateway {
    /// How long servers of a new generation may take to come up: as long as they had at start, and 30 s at least.
    var provingTime: UInt64 { max(plan.limits.startupWait, 30_000_000_000) }

    // MARK: The request

    /// Replaces a plugin by the build in `file`. `report` hears of each step, the last one final. Control loop only.
    public func swapPlugin(_ id: String, file: String, report: @escaping @Sendable (SwapReport) -> Void) {
        beginSwap(id, file: file, report: report) { [loadPlugin] fit in
            guard let loadPlugin else {
                return .failure(SwapProblem("this gateway loads no plugins while it runs"))
            }
            return loadPlugin(file) { fit.problem($0, $1) }
        }
    }

    /// Replaces a plugin by what `load` brings, on a worker; what it is given says whether a build fits.
    func beginSwap(
        _ id: String, file: String, report: @escaping @Sendable (SwapReport) -> Void,
        load: @escaping @Sendable (GenerationFit) -> Result<PluginLibrary, SwapProblem>
    ) {
        func refuse(_ text: String) {
            log.write(.error, "plugin swap refused", [.init("plugin", id), .init("why", text)])
            report(SwapReport(step: .refused, plugin: id, generation: 0, text: text))
        }
        guard !isDraining else { return refuse("the gateway is stopping") }
        guard let old = currentGenerations[id] else {
            return refuse(
                "no plugin '\(id)' is loaded; loaded are: \(pluginIds.sorted().joined(separator: ", "))")
        }
        if let swap {
            return refuse(
                "plugin \(swap.id) is being swapped (\(swap.phase.rawValue)); one swap at a time, try again when it is over"
            )
        }
        if !replacements.isEmpty {
            return refuse(
                "a reload is still replacing \(replacements.keys.sorted().joined(separator: ", ")); "
                    + "try again when that is over")
        }
        if let text = fixture(old) { return refuse(text) }
        let swap = PluginSwap(id, file, old: old, report: report)
        self.swap = swap
        let fit = GenerationFit(
            old: old.library.manifest, resident: residentDigests(id), current: old.library.digest,
            cap: plan.swap.generations, plan: plan, choice: choice,
            offered: Set(currentGenerations.values.flatMap { $0.library.manifest.provides }))
        log.write(.info, "plugin swap begins", [.init("plugin", id), .init("file", file)])
        let isQueued = workers.run { [self] in
            let result = load(fit)
            control.post { self.loaded(swap, result) }
        }
        if !isQueued {
            self.swap = nil
            refuse("too much work waits for a worker thread; try again")
        }
    }

    /// What a running gateway cannot exchange.
    private func fixture(_ old: PluginGeneration) -> String? {
        guard let transport = old.library.manifest.listener?.transport else { return nil }
        for (number, listener) in plan.listeners.enumerated() where listener.transport == transport {
            guard boundAddresses.indices.contains(number), let bound = boundAddresses[number] else {
                continue
            }
            if !bound.contains("://") {
                return
                    "plugin \(old.id) serves the one client on \(transport), which no other instance can take over; "
                    + "restart the gateway to use another build"
            }
        }
        return nil
    }

    /// Digests of a plugin's images in this process, each once.
    func residentDigests(_ id: String) -> [SHA256Digest] {
        var found: [SHA256Digest] = []
        for generation in generations[id] ?? []
        where !generation.library.isIsolated && !found.contains(generation.library.digest) {
            found.append(generation.library.digest)
        }
        return found
    }

    // MARK: Beside the old one

    private func loaded(_ swap: PluginSwap, _ result: Result<PluginLibrary, SwapProblem>) {
        guard self.swap === swap else { return }
        switch result {
        case .failure(let problem):
            log.write(
                .error, "plugin swap refused", [.init("plugin", swap.id), .init("why", problem.description)])
            self.swap = nil
            swap.report(
                SwapReport(step: .refused, plugin: swap.id, generation: 0, text: problem.description))
            swapIsOver()
        case .success(let library):
            let number = (generations[swap.id]?.last?.number ?? 0) + 1
            let new = PluginGeneration(library, number: number, state: .loading)
            generations[swap.id, default: []].append(new)
            swap.new = new
            swap.choice = choice.replacing(library.manifest)
            swap.plan = swap.choice?.check(plan).plan
            let place = PlacementChoice(isCell: library.isIsolated, reason: library.placed).text
            tell(
                swap, .loaded,
                "\(swap.id) \(library.manifest.version) is loaded as generation \(number), \(place)")
            create(swap, new)
        }
    }

    private func create(_ swap: PluginSwap, _ new: PluginGeneration) {
        swap.phase = .creating
        let old = swap.old
        let config = configuration(of: new, swap.plan ?? plan)
        gather { lane -> (problem: String?, dependants: Int) in
            (lane.bringUp(new, config: config), lane.dependants(of: old))
        } then: { [self] found in
            guard self.swap === swap else { return }
            if let problem = found.lazy.compactMap(\.problem).first { return rollBack(swap, problem) }
            // Paths that others mounted on the old listener would be gone with it.
            if old.library.manifest.listener != nil, found.contains(where: { $0.dependants > 0 }),
                plan.listeners.contains(where: { $0.transport == old.library.manifest.listener?.transport })
            {
                return rollBack(
                    swap,
                    "other plugins have mounted paths on its listener, which a new instance does not know; "
                        + "restart the gateway to use this build")
            }
            prove(swap, new)
        }
    }

    // MARK: Proof

    /// Servers of the new generation come up beside those of the old one; nothing is sent to them.
    private func prove(_ swap: PluginSwap, _ new: PluginGeneration) {
        swap.phase = .proving
        let plans = swap.plan?.servers ?? plan.servers
        for (position, record) in records.enumerated() where record.uses(swap.old) {
            let name = record.server.name
            let wanted = plans.first { $0.name == name } ?? record.server.plan
            swap.proving[name] = self.record(wanted, position, on: new)
            if record.isUp { swap.mustProve.insert(name) }
        }
        for record in swap.proving.values { supervise(record.server) }
        control.after(provingTime) { [weak self] in
            guard let self, self.swap === swap, swap.phase == .proving else { return }
            let late = swap.mustProve.filter { name in
                swap.proving[name].map { !$0.isUp || $0.listing == nil } ?? false
            }
            guard late.isEmpty else {
                return self.rollBack(
                    swap,
                    "server \(late.sorted().joined(separator: ", ")) did not come up with it in time")
            }
            self.switchOver(swap)
        }
        lookAtProof(swap)
    }

    /// News of a server on the new generation. True: that is what it was.
    func takeForSwap(
        _ server: Server, _ endpoint: Int, _ status: EndpointStatus, _ listing: ServerListing?
    ) -> Bool {
        if let at = parked.firstIndex(where: { $0.server === server }) {
            parked[at].statuses[endpoint] = status
            if let listing { _ = parked[at].take(listing, from: endpoint) }
            return true
        }
        guard let swap, swap.phase == .proving || swap.phase == .switching,
            var record = swap.proving[server.name], record.server === server
        else { return false }
        record.statuses[endpoint] = status
        if let listing { _ = record.take(listing, from: endpoint) }
        swap.proving[server.name] = record
        lookAtProof(swap)
        return true
    }

    private func lookAtProof(_ swap: PluginSwap) {
        guard swap.phase == .proving else { return }
        if let failure = swap.failure {
            return rollBack(swap, "server \(failure.server) does not work with it: \(failure.why)")
        }
        if swap.isProved { switchOver(swap) }
    }

    // MARK: The switch

    private func switchOver(_ swap: PluginSwap) {
        guard swap.phase == .proving, let new = swap.new else { return }
        swap.phase = .switching
        tell(
            swap, .probed,
            swap.proving.isEmpty
                ? "its instances are up"
                : "its instances are up and \(swap.mustProve.count) of \(swap.proving.count) servers proved themselves"
        )
        let listeners = (swap.plan ?? plan).listeners
        let bound = boundAddresses
        gather {
            $0.listenBeside(new, listeners, bound)
        } then: { [self] problems in
            guard self.swap === swap else { return }
            if let problem = problems.lazy.compactMap({ $0 }).first {
                onEveryLane { $0.unlisten(new, count: listeners.count) }
                return rollBack(swap, problem)
            }
            gather {
                $0.repoint(to: new)
            } then: { [self] found in
                guard self.swap === swap else { return }
                if let failure = found.lazy.compactMap(\.failure).first {
                    let old = swap.old
                    onEveryLane {
                        $0.repointBack(to: old)
                        $0.unlisten(new, count: listeners.count)
                    }
                    return rollBack(swap, failure)
                }
                for note in Set(found.flatMap(\.notes)).sorted() {
                    log.write(.warning, "plugin swap: \(note)", [.init("plugin", swap.id)])
                }
                beginTrial(swap, new)
            }
        }
    }

    /// The registry follows the lanes: from here on everything new goes to the new generation.
    private func beginTrial(_ swap: PluginSwap, _ new: PluginGeneration) {
        swap.oldPlan = plan
        swap.oldChoice = choice
        if let changed = swap.plan {
            plan.servers = changed.servers
            plan.plugins = changed.plugins
            plan.listeners = changed.listeners
        }
        if let changed = swap.choice { choice = changed }
        currentGenerations[swap.id] = new
        for at in records.indices {
            guard let proved = swap.proving[records[at].server.name] else { continue }
            var record = proved
            if record.listing == nil, record.server.plan.keepStale { record.listing = records[at].listing }
            records[at].server.reuse?.clear()
            parked.append(records[at])
            records[at] = record
        }
        needsBuild = true
        build()
        let count = plan.listeners.count
        let old = swap.old
        onEveryLane { $0.unlisten(old, count: count) }
        new.become(.trial, "replaced generation \(old.number)")
        old.become(.draining, "stands ready while generation \(new.number) is on trial")
        swap.phase = .trial
        swap.trialEnds = jf_monotonic_ns() + plan.swap.trial
        tell(
            swap, .trial,
            "new calls go to generation \(new.number); generation \(old.number) stands ready for "
                + "\(Double(plan.swap.trial / 1_000_000) / 1000) s")
        gather {
            $0.use(of: old, counting: false).tally
        } then: { [self] tallies in
            swap.before = tallies.reduce(PluginTally(), +)
            watchTrial(swap, new)
        }
        if reloadWaits {
            reloadWaits = false
            reloadNow()
        }
    }

    // MARK: Small change

    func tell(_ swap: PluginSwap, _ step: SwapReport.Step, _ text: String) {
        let number = swap.new?.number ?? 0
        log.write(
            step == .rolledBack ? .error : .info, "plugin swap: \(step.rawValue)",
            [
                .init("plugin", swap.id), .init("generation", String(number)),
                .init(step == .rolledBack ? "why" : "what", text),
            ])
        recordSwap(step, swap, number, text)
        swap.report(SwapReport(step: step, plugin: swap.id, generation: number, text: text))
    }

    /// Asks every lane; `then` runs on the control loop once all have answered.
    func gather<T: Sendable>(
        _ ask: @escaping @Sendable (Lane) -> T, then: @escaping @Sendable ([T]) -> Void
    ) {
        let answers = LaneAnswers<T>(expected: lanes.count, then)
        for lane in lanes {
            lane.loop.post { [control] in
                let answer = ask(lane)
                control.post { answers.take(answer) }
            }
        }
    }
}

/// Answers of lanes; confined to the control loop.
private final class LaneAnswers<T: Sendable>: @unchecked Sendable {
    private let expected: Int
    private var taken: [T] = []
    private let done: @Sendable ([T]) -> Void

    init(expected: Int, _ done: @escaping @Sendable ([T]) -> Void) {
        self.expected = expected
        self.done = done
    }

    func take(_ answer: T) {
        taken.append(answer)
        if taken.count == expected { done(taken) }
    }
}
