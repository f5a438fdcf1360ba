// SPDX-License-Identifier: Apache-2.0
// How a swap ends: the trial is watched, then the new generation stays, or everything goes back to the old one.

import CJackfield
import CLinux

extension Gateway {
    private static var look: UInt64 { 100_000_000 }
    /// How long a server on the old generation has to notice that it is gone, too.
    private static var secondLook: UInt64 { 1_000_000_000 }

    // MARK: The trial

    func watchTrial(_ swap: PluginSwap, _ new: PluginGeneration) {
        guard self.swap === swap, swap.phase == .trial else { return }
        gather {
            $0.use(of: new, counting: false).tally
        } then: { [self] tallies in
            guard self.swap === swap, swap.phase == .trial else { return }
            let tally = tallies.reduce(PluginTally(), +)
            if plan.swap.budget.isSpent(tally, before: swap.before) {
                return rollBack(
                    swap,
                    "its error budget is spent: \(tally.failures) of \(tally.calls) calls failed, "
                        + "\(percent(tally)) instead of \(percent(swap.before)) with generation \(swap.old.number)"
                )
            }
            let now = jf_monotonic_ns()
            if now >= swap.trialEnds { return commit(swap, new) }
            control.after(min(Self.look, swap.trialEnds - now)) { [weak self] in
                self?.watchTrial(swap, new)
            }
        }
    }

    private func percent(_ tally: PluginTally) -> String {
        "\(Double((tally.failureRate * 1000).rounded()) / 10) %"
    }

    /// A server is down that was up. If the old generation still has it up, the new one is to blame.
    func wentDown(_ record: ServerRecord) {
        guard let swap, let before = rival(of: record, swap) else { return }
        // Nothing is sent there, so it may not have noticed that the server is gone for everybody.
        for endpoint in before.server.endpoints {
            endpointSuspect(before.server, endpoint, "it is down with another generation of its plugin")
        }
        let name = record.server.name
        control.after(Self.secondLook) { [weak self] in
            guard let self, self.swap === swap,
                let now = self.records.first(where: { $0.server.name == name }),
                !now.isUp, self.rival(of: now, swap) != nil
            else { return }
            let why = now.statuses.first?.reason ?? "unknown"
            self.rollBack(swap, "server \(name) went down with it: \(why)")
        }
    }

    /// The same server on the old generation, where it is up.
    private func rival(of record: ServerRecord, _ swap: PluginSwap) -> ServerRecord? {
        guard swap.phase == .trial, let new = swap.new, record.uses(new) else { return nil }
        return parked.first { $0.server.name == record.server.name && $0.isUp }
    }

    // MARK: It stays

    private func commit(_ swap: PluginSwap, _ new: PluginGeneration) {
        let old = swap.old
        swap.phase = .ending
        self.swap = nil
        new.become(.current)
        old.become(.draining, "replaced by generation \(new.number)")
        unpark { $0.uses(old) }
        build()
        let id = swap.id
        onEveryLane { $0.forgetReplaced(id) }
        windDown(old, reason: "replaced by generation \(new.number)")
        tell(
            swap, .done,
            "generation \(new.number) is current; generation \(old.number) ends when its last call does")
        swapIsOver()
    }

    // MARK: It goes

    /// Everything goes back to the old generation, from whatever point was reached.
    func rollBack(_ swap: PluginSwap, _ why: String) {
        guard self.swap === swap, let new = swap.new else { return }
        let wasTrial = swap.phase == .trial
        swap.phase = .ending
        self.swap = nil
        if wasTrial {
            goBack(swap, new)
        } else {
            for record in swap.proving.values { retire(record.server) }
        }
        swap.old.become(.current)
        new.become(.draining, "rolled back: \(why)")
        windDown(new, reason: "rolled back: \(why)")
        tell(swap, .rolledBack, "\(why); generation \(swap.old.number) is current")
        swapIsOver()
    }

    private func goBack(_ swap: PluginSwap, _ new: PluginGeneration) {
        let old = swap.old
        currentGenerations[swap.id] = old
        if let before = swap.oldChoice { choice = before }
        if let before = swap.oldPlan {
            plan.plugins = before.plugins
            plan.listeners = before.listeners
        }
        let listeners = plan.listeners
        let bound = boundAddresses
        let log = log
        // The old generation accepts before the new one stops to.
        onEveryLane { lane in
            if let problem = lane.listenAgain(old, listeners, bound) {
                // Better the new one's listener than none.
                return log.write(
                    .error, "the old generation cannot listen again; the new one goes on listening",
                    [.init("plugin", old.id), .init("why", problem)])
            }
            lane.unlisten(new, count: listeners.count)
        }
        onEveryLane { $0.repointBack(to: old) }
        var gone: [Server] = []
        for at in records.indices where records[at].uses(new) {
            let name = records[at].server.name
            if let place = parked.firstIndex(where: { $0.server.name == name }) {
                gone.append(records[at].server)
                records[at] = parked.remove(at: place)
            } else if replacements[name] == nil {
                // It came, or was changed, during the trial.
                var fitting = choice.check(plan).plan.servers
                let wanted = fitting.first { $0.name == name } ?? records[at].server.plan
                fitting.removeAll()
                let made = record(wanted, at)
                replacements[name] = made
                supervise(made.server)
            }
        }
        for (name, record) in replacements where record.uses(new) {
            retire(record.server)
            let made = self.record(record.server.plan, records.firstIndex { $0.server.name == name } ?? 0)
            replacements[name] = made
            supervise(made.server)
        }
        for at in plan.servers.indices {
            guard let record = records.first(where: { $0.server.name == plan.servers[at].name }),
                record.uses(old)
            else { continue }
            plan.servers[at] = record.server.plan
        }
        needsBuild = true
        build()
        for server in gone { retire(server) }
    }

    /// The gateway stops, or the swap cannot go on for another reason that is not the plugin's.
    func abandonSwap(_ why: String) {
        guard let swap else { return }
        self.swap = nil
        waitingSwaps = []
        waitingCells = []
        let text = "not finished: \(why)"
        log.write(.warning, "plugin swap \(text)", [.init("plugin", swap.id)])
        recordSwap(.rolledBack, swap, swap.new?.number ?? 0, text)
        swap.report(
            SwapReport(step: .rolledBack, plugin: swap.id, generation: swap.new?.number ?? 0, text: text))
    }

    // MARK: Old generations

    /// Servers that will not come back: their calls end by themselves, then their channels close.
    func unpark(_ isOver: (ServerRecord) -> Bool) {
        let over = parked.filter(isOver)
        guard !over.isEmpty else { return }
        parked.removeAll { record in over.contains { $0.server === record.server } }
        needsBuild = true
        for record in over { retire(record.server) }
    }

    private func windDown(_ generation: PluginGeneration, reason: String) {
        let deadline = jf_monotonic_ns() + plan.drainTimeout
        let remaining = Remaining(lanes.count)
        onEveryLane { [control] lane in
            lane.wind(down: generation, deadline: deadline) {
                control.post {
                    if remaining.oneLess() { generation.become(.retired, reason) }
                }
            }
        }
    }

    /// What waited for the swap's end.
    func swapIsOver() {
        if reloadWaits {
            reloadWaits = false
            return control.later { self.reloadNow() }
        }
        swapNext()
    }

    // MARK: Changed files

    /// Part of a reload: plugins whose files hold other bytes than before.
    func swapChangedFiles() {
        guard let findChanged, !isDraining else { return }
        let seen = seenFiles
        let isQueued = workers.run { [self] in
            let changes = findChanged(seen)
            control.post { self.take(changes) }
        }
        if !isQueued { log.write(.error, "plugin files were not looked at: too much work waits") }
    }

    private func take(_ changes: [PluginChange]) {
        for change in changes {
            switch change.result {
            case .failure(let problem):
                log.write(
                    .error, "the file of a plugin changed and cannot be used; the loaded build goes on",
                    [.init("plugin", change.id), .init("why", problem.description)])
            case .success(let digest):
                seenFiles[change.id] = PluginFile(path: change.file, digest: digest)
                guard currentGenerations[change.id]?.library.digest != digest else { continue }
                waitingSwaps.removeAll { $0.id == change.id }
                waitingSwaps.append((change.id, change.file))
            }
        }
        swapNext()
    }

    private func swapNext() {
        guard swap == nil, !isDraining, !waitingSwaps.isEmpty || !waitingCells.isEmpty else { return }
        // Servers that the reload changed come first: a swap proves them as they then are.
        guard replacements.isEmpty else {
            control.after(Self.look) { [weak self] in self?.swapNext() }
            return
        }
        guard !waitingSwaps.isEmpty else { return renewCells() }
        let next = waitingSwaps.removeFirst()
        swapPlugin(next.id, file: next.file) { _ in }
    }

    // MARK: Looking

    /// Every generation of every plugin. Control loop only; `then` runs there.
    public func surveyGenerations(then: @escaping @Sendable ([GenerationSummary]) -> Void) {
        let all = pluginIds.flatMap { generations[$0] ?? [] }
        gather { lane in
            all.map { lane.use(of: $0, counting: true) }
        } then: { found in
            then(
                all.enumerated().map { at, generation in
                    let uses = found.map { $0[at] }
                    func sum(_ key: KeyPath<GenerationUse, Int>) -> Int {
                        uses.reduce(0) { $0 + $1[keyPath: key] }
                    }
                    let tally = uses.reduce(PluginTally()) { $0 + $1.tally }
                    let library = generation.library
                    return GenerationSummary(
                        plugin: generation.id, number: generation.number, version: library.manifest.version,
                        digest: library.digest.hex, path: library.path, state: generation.state.rawValue,
                        reason: generation.reason, placement: library.isIsolated ? "cell" : "inproc",
                        instances: sum(\.instances),
                        openCalls: sum(\.openCalls), channels: sum(\.channels), clients: sum(\.clients),
                        calls: tally.calls, failures: tally.failures,
                        cells: uses.compactMap(\.cell).sorted { $0.loop < $1.loop })
                })
        }
    }
}

/// Counts down; confined to the control loop.
private final class Remaining: @unchecked Sendable {
    private var count: Int
    init(_ count: Int) { self.count = count }

    func oneLess() -> Bool {
        count -= 1
        return count == 0
    }
}

extension Lane {
    /// Accepts with the old generation again, which did before.
    fileprivate func listenAgain(
        _ generation: PluginGeneration, _ listeners: [ListenerPlan], _ bound: [String?]
    ) -> String? {
        guard let instance = instance(of: generation), instance.listener != nil else { return nil }
        for (number, plan) in listeners.enumerated()
        where plan.transport == generation.library.manifest.listener?.transport {
            guard number < bound.count, let place = bound[number] else { continue }
            do { _ = try instance.listen(number, at: place, plan) } catch { return error.description }
        }
        return nil
    }
}
