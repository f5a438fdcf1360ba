// SPDX-License-Identifier: Apache-2.0
// The registry: servers come, change and go here; every change becomes a new catalogue on every lane.

import CLinux
import JSON
import MCP

extension Gateway {
    private func makeServer(_ plan: ServerPlan, _ position: Int, on build: PluginGeneration?) -> Server {
        defer { nextGeneration += 1 }
        let manifests = plan.endpoints.map { choice.server(plan, $0) }
        let plugins = manifests.map { manifest -> PluginGeneration? in
            guard let id = manifest?.id else { return nil }
            return build?.id == id ? build : currentGenerations[id]
        }
        let isPerLoop = manifests.allSatisfy { $0?.threads == .perLoop }
        return Server(
            plan, generation: nextGeneration, homeLane: isPerLoop ? position % lanes.count : 0,
            limits: self.plan.limits, plugins: plugins, strategyPlugin: choice.strategy(plan.strategy)?.id,
            rollout: Rollout.of(
                plan, after: records.first { $0.server.name == plan.name }?.server.rollout))
    }

    /// - Parameter build: takes the place of the current generation of its plugin.
    func record(_ plan: ServerPlan, _ position: Int, on build: PluginGeneration? = nil) -> ServerRecord {
        let server = makeServer(plan, position, on: build)
        return ServerRecord(
            server: server, statuses: server.endpoints.map { _ in EndpointStatus() }, listing: nil)
    }

    /// At start: every server of the plan, and the first catalogue.
    func setUpServers() {
        records = plan.servers.enumerated().map { record($0.element, $0.offset) }
        build()
    }

    /// Once the lanes run: the servers get their first chance to list.
    func superviseServers() {
        for record in records { supervise(record.server) }
        settleIfDone()
        // Programs take a while to start; what answers over a network does so at once or is slow.
        let wait = plan.limits.startupWait
        control.after(min(wait, 1_000_000_000)) { [weak self] in self?.settleIfDone(exceptPrograms: true) }
        control.after(wait) { [weak self] in self?.settle() }
    }

    func supervise(_ server: Server) {
        let home = lanes[server.homeLane]
        home.loop.post { home.supervise(server) }
    }

    // MARK: News from supervisors

    /// What a supervisor learnt. Any thread.
    func publish(_ server: Server, _ endpoint: Int, _ status: EndpointStatus, _ listing: ServerListing?) {
        control.post { [self] in take(server, endpoint, status, listing) }
    }

    private func take(_ server: Server, _ endpoint: Int, _ status: EndpointStatus, _ listing: ServerListing?)
    {
        if takeForSwap(server, endpoint, status, listing) { return }
        if var record = replacements[server.name], record.server === server {
            record.statuses[endpoint] = status
            if let listing { _ = record.take(listing, from: endpoint) }
            replacements[server.name] = record
            // The new version takes over once it works, or once it is plain that it does not.
            if record.isUp && record.hasListed || record.statuses.allSatisfy({ $0.state == .down }) {
                promote(server.name)
            }
            return
        }
        guard let at = records.firstIndex(where: { $0.server === server }) else { return }
        forgetAnswers(of: records[at], endpoint, status, listing)
        let wasShown = records[at].isShown
        let wasUp = records[at].isUp
        records[at].statuses[endpoint] = status
        if let listing, records[at].take(listing, from: endpoint) { needsBuild = true }
        if records[at].isShown != wasShown || records[at].isUp != wasUp { needsBuild = true }
        scheduleBuild()
        if wasUp, !records[at].isUp { wentDown(records[at]) }
    }

    /// One catalogue per batch of news.
    private func scheduleBuild() {
        guard !isPublishing else { return }
        isPublishing = true
        control.later { [self] in
            isPublishing = false
            build()
            settleIfDone()
        }
    }

    /// Builds the catalogue and hands it to every lane, with what changed for whom.
    func build() {
        let old = catalog
        if needsBuild || old.servers.count != records.count
            || zip(old.servers, records).contains(where: { $0 !== $1.server })
        {
            judgeListings()
            var builder = CatalogBuilder(
                naming: plan.naming, bundles: plan.bundles, pageSize: plan.limits.pageSize)
            builder.isPrivate = !plan.auth.providers.isEmpty
            catalog = builder.build(shownRecords())
            needsBuild = false
        } else {
            catalog = old.replacing(statuses: records.map { traffic.shown($0) })
        }
        var changed: [(path: String, kinds: [ItemKind])] = []
        for view in catalog.allViews {
            guard let before = old.view(view.path) else { continue }
            let kinds = ItemKind.allCases.filter {
                view.fingerprints[$0.rawValue] != before.fingerprints[$0.rawValue]
            }
            if !kinds.isEmpty { changed.append((view.path, kinds)) }
        }
        let new = catalog
        let news = changed
        let keeping = parked.map(\.server.generation)
        onEveryLane { $0.adopt(new, announce: news, keeping: keeping) }
    }

    // MARK: The first listings

    private func settleIfDone(exceptPrograms: Bool = false) {
        guard !isSettled else { return }
        let isDone = records.allSatisfy { record in
            record.hasListed || record.statuses.contains { $0.state == .down }
                || exceptPrograms && record.statuses.contains { !$0.isLocal }
        }
        if isDone { settle() }
    }

    private func settle() {
        guard !isSettled else { return }
        isSettled = true
        if records.contains(where: { $0.server.plan.versions != nil }) {
            needsBuild = true
            build()
        }
        onEveryLane { $0.settle() }
        onSettled?()
    }

    // MARK: Reload

    func reloadNow() {
        guard let reload, !isDraining else { return }
        if let swap, swap.phase != .trial {
            log.write(
                .info, "reload waits until the swap of a plugin has got to its trial",
                [.init("plugin", swap.id)])
            reloadWaits = true
            return
        }
        switch reload(choice) {
        case .failure(let problem):
            log.write(.error, "reload changed nothing: the configuration has errors")
            for text in problem.problems { log.write(.error, text) }
            reloadEnded(problem.problems)
        case .success(let new):
            apply(new)
            swapChangedFiles()
            liftAllCells()
        }
    }

    /// Servers that stayed the same are not touched; changed ones are replaced when their new version is up.
    func apply(_ new: GatewayPlan) {
        let needed = choice.needed(new)
        if let missing = needed.first(where: { !pluginIds.contains($0) }) {
            let text = "plugin \(missing) is not loaded yet; restart the gateway to load it"
            reloadEnded([text])
            return log.write(.error, "reload changed nothing: \(text)")
        }
        if new.listeners != plan.listeners || new.loops != plan.loops || new.limits != plan.limits
            || new.plugins != plan.plugins || new.tasks != plan.tasks || new.store != plan.store
            || new.audit != plan.audit
        {
            log.write(
                .warning,
                "listeners, loops, limits, tasks, audit, plugins and the store change at the next start only")
        }
        attachModules(new) { [self] in applyAttached(new) }
    }

    private func applyAttached(_ new: GatewayPlan) {
        keepPlaces(new)
        var next: [ServerRecord] = []
        var counts = (added: 0, changed: 0, kept: 0)
        for (position, server) in new.servers.enumerated() {
            guard let known = records.first(where: { $0.server.name == server.name }) else {
                counts.added += 1
                next.append(record(server, position))
                continue
            }
            let replacement = replacements[server.name]
            if (replacement ?? known).server.plan == server {
                counts.kept += 1
            } else {
                counts.changed += 1
                if let replacement { retire(replacement.server) }
                replacements[server.name] = nil
                if known.server.plan != server {
                    let made = record(server, position)
                    replacements[server.name] = made
                    supervise(made.server)
                    let generation = made.server.generation
                    // A new version that neither works nor fails does not keep the old one for ever.
                    control.after(60_000_000_000) { [weak self] in
                        guard let self, self.replacements[server.name]?.server.generation == generation else {
                            return
                        }
                        self.promote(server.name)
                    }
                }
            }
            next.append(known)
        }
        let names = Set(new.servers.map(\.name))
        let removed = records.filter { !names.contains($0.server.name) }
        for record in removed {
            retire(record.server)
            endDrain(record.server.name, nil)
        }
        for (name, record) in replacements where !names.contains(name) {
            retire(record.server)
            replacements[name] = nil
        }
        unpark { !names.contains($0.server.name) }
        let added = next.filter { record in !records.contains { $0.server === record.server } }
        records = next
        plan.servers = new.servers
        plan.auth = new.auth
        plan.policies = new.policies
        plan.tenants = new.tenants
        plan.filters = new.filters
        plan.swap = new.swap
        widenCells(new)
        plan.bundles = new.bundles
        plan.naming = new.naming
        recordLock(new.lock)
        drift.adopt(new.lock)
        drift.keep(only: names)
        needsBuild = true
        build()
        for record in added { supervise(record.server) }
        reloadEnded()
        log.write(
            .info, "configuration reloaded",
            [
                .init("added", String(counts.added)), .init("changed", String(counts.changed)),
                .init("removed", String(removed.count)), .init("kept", String(counts.kept)),
            ])
    }

    /// Plugins that are to run in cells, or there with other rights, are exchanged for the same build there; of those that
    /// are to come back into this process the log says that this takes a restart.
    private func keepPlaces(_ new: GatewayPlan) {
        for plugin in new.plugins {
            guard let id = plugin.id, let runs = currentGenerations[id]?.library else { continue }
            let before = plan.plugins.first { $0.id == id }?.placement ?? .inproc
            guard plugin.placement != before else { continue }
            if plugin.placement != .inproc, isolatePlugin != nil {
                if let at = plan.plugins.firstIndex(where: { $0.id == id }) { plan.plugins[at] = plugin }
                if !waitingCells.contains(id) { waitingCells.append(id) }
                continue
            }
            guard runs.isIsolated || plugin.placement != .inproc else { continue }
            log.write(
                .warning, "a plugin stays where it runs: a reload does not move it; restart the gateway",
                [
                    .init("plugin", id), .init("runs", runs.isIsolated ? "cell" : "inproc"),
                    .init("wanted", plugin.placement == .inproc ? "inproc" : "cell"),
                ])
        }
    }

    /// A changed server's new version takes its place.
    func promote(_ name: String) {
        guard let record = replacements.removeValue(forKey: name),
            let at = records.firstIndex(where: { $0.server.name == name })
        else { return }
        let old = records[at]
        records[at] = record
        if record.listing == nil, record.server.plan.keepStale { records[at].listing = old.listing }
        endDrain(name, record.server.plan)
        unpark { $0.server.name == name }
        needsBuild = true
        build()
        retire(old.server)
    }

    /// Ends a server's supervision; its channels close on each lane when its last call there ends.
    func retire(_ server: Server) {
        let home = lanes[server.homeLane]
        home.loop.post { home.endSupervision(server) }
    }
}
