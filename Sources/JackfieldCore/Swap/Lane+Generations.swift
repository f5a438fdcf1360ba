// SPDX-License-Identifier: Apache-2.0
// A lane's part in a swap: another instance beside the old one, the switch between two calls, the old one's quiet end.

import CJackfield
import CLinux
import MCP

/// What the generations of a plugin are doing on a lane; sums travel to the control loop.
struct GenerationUse: Sendable {
    var instances = 0
    var openCalls = 0
    var channels = 0
    var clients = 0
    var cell: CellSummary?
    var tally = PluginTally()
}

extension Lane {
    /// Whether a generation has, or gets, an instance here.
    func holds(_ generation: PluginGeneration) -> Bool {
        index == 0 || generation.library.manifest.threads == .perLoop
    }

    // MARK: Beside

    /// Makes and starts an instance that nobody is led to yet. Nil: done; else why not, and nothing is left behind.
    func bringUp(_ generation: PluginGeneration, config: String) -> String? {
        guard holds(generation) else { return nil }
        do {
            let instance = try PluginInstance(
                generation.library, lane: self, config: config,
                border: gateway.plan.border(of: generation.id), log: log)
            do {
                try instance.start()
            } catch {
                instance.destroy()
                return error.description
            }
            addBeside(instance, generation)
        } catch {
            return error.description
        }
        return sealingProblem(generation)
    }

    /// A sealing service must open what it sealed.
    private func sealingProblem(_ generation: PluginGeneration) -> String? {
        guard let table = instance(of: generation)?.offered(JF_SEAL_1) else { return nil }
        let service = attach(table, as: jf_seal_1.self, empty: jf_seal_1())
        var sealed = jf_blob.none
        var plain = jf_blob.none
        var fault = jf_fault.empty()
        defer {
            sealed.dropOnce()
            plain.dropOnce()
        }
        guard let seal = service.seal, let open = service.open else { return "it cannot seal and open" }
        let isGood =
            seal(service.context, jf_view("probe"), .absent, &sealed, &fault) == JF_OK
            && open(service.context, jf_view(sealed.bytes), .absent, &plain, &fault) == JF_OK
            && plain.bytes.elementsEqual("probe".utf8)
        return isGood ? nil : "it does not open what it sealed: \(fault.message)"
    }

    /// Instances that hold a service which a generation offers here.
    func dependants(of generation: PluginGeneration) -> Int { instance(of: generation)?.dependants ?? 0 }

    // MARK: The switch

    /// Accepts with the new generation wherever the old one does. Nil: done; else why not, and nothing is left open.
    func listenBeside(_ generation: PluginGeneration, _ listeners: [ListenerPlan], _ bound: [String?])
        -> String?
    {
        guard let instance = instance(of: generation), instance.listener != nil else { return nil }
        if let table = instance.offered(JF_HTTP_1) { gateway.mountHealth(self, table) }
        for (number, plan) in listeners.enumerated()
        where plan.transport == generation.library.manifest.listener?.transport {
            guard number < bound.count, let place = bound[number] else { continue }
            do {
                _ = try instance.listen(number, at: place, plan)
            } catch {
                instance.unlisten(count: listeners.count)
                return error.description
            }
        }
        return nil
    }

    /// Leads everything new to a generation: picks, lookups, services. Throws nothing away: the way back stays open.
    /// - Returns: what did not go as it should, as sentences; nil in `failure` unless the switch must be undone.
    func repoint(to generation: PluginGeneration) -> (failure: String?, notes: [String]) {
        guard let instance = instance(of: generation) else { return (nil, []) }
        var notes: [String] = []
        if instance.routing != nil {
            // All attach before any picks, so that a refusal changes nothing.
            var bindings: [(ServerLink, RoutingBinding)] = []
            for link in allLinks where link.server.strategyPlugin == generation.id && link.hasChoice {
                do {
                    bindings.append((link, try RoutingBinding(instance, link.server)))
                } catch {
                    for (_, binding) in bindings { binding.leave() }
                    return ("server \(link.server.name): \(error.description)", [])
                }
            }
            for (link, binding) in bindings {
                var binding = binding
                if let old = link.routing, let why = binding.takeState(of: old) {
                    notes.append("server \(link.server.name) starts without the old state: \(why)")
                    // What a failed import left half done is not to be trusted.
                    if let fresh = try? RoutingBinding(instance, link.server) {
                        binding.leave()
                        binding = fresh
                    }
                }
                link.repoint(binding)
            }
        }
        if let why = repointModules(to: instance) { return (why, notes) }
        makeCurrent(instance)
        return (nil, notes)
    }

    /// Leads everything back to the generation before.
    func repointBack(to generation: PluginGeneration) {
        guard let instance = instance(of: generation) else { return }
        if instance.routing != nil {
            for link in allLinks
            where link.server.strategyPlugin == generation.id && link.routing?.instance !== instance {
                link.repointBack()
                // A server that came during the trial was never attached to the old one.
                if link.hasChoice, link.routing == nil,
                    let binding = try? RoutingBinding(instance, link.server)
                {
                    link.repoint(binding)
                }
            }
        }
        repointModulesBack(generation.id)
        makeCurrent(instance)
    }

    /// The switch is for good.
    func forgetReplaced(_ id: String) {
        for link in allLinks where link.server.strategyPlugin == id { link.forgetReplaced() }
        forgetReplacedModules(id)
    }

    func unlisten(_ generation: PluginGeneration, count: Int) {
        instance(of: generation)?.unlisten(count: count)
    }

    // MARK: The end of a generation

    /// Lets an instance end: calls, clients and channels under way may finish until the deadline, then they are cut.
    /// `ended` is called once it is destroyed.
    func wind(down generation: PluginGeneration, deadline: UInt64, ended: @escaping @Sendable () -> Void) {
        guard let instance = instance(of: generation) else { return ended() }
        // Standing streams would hold it for ever: their clients come back on the new one.
        if instance.listener != nil { endSubscriptions(of: instance) }
        instance.drain(deadline: deadline)
        awaitIdle(instance, deadline: deadline, ended: ended)
    }

    private func awaitIdle(
        _ instance: PluginInstance, deadline: UInt64, ended: @escaping @Sendable () -> Void
    ) {
        guard !isClosing, instance.state != .destroyed else { return }
        if isIdle(instance) {
            instance.stop()
            // What it posted to this loop before it stopped comes first.
            loop.after(1_000_000) { [weak self] in
                guard let self, instance.state == .stopped else { return }
                instance.destroy()
                self.remove(instance)
                ended()
            }
            return
        }
        let isLate = jf_monotonic_ns() >= deadline
        if isLate { cut(instance) }
        loop.after(isLate ? 1_000_000_000 : 20_000_000) { [weak self] in
            self?.awaitIdle(instance, deadline: deadline, ended: ended)
        }
    }

    /// Whether nothing needs an instance any more. Services that others hold keep it; so does what it sealed.
    private func isIdle(_ instance: PluginInstance) -> Bool {
        guard instance.bindings == 0, instance.dependants == 0, instance.offered(JF_SEAL_1) == nil else {
            return false
        }
        var isUsed = false
        channels.forEach { _, channel in if channel.instance === instance { isUsed = true } }
        clients.forEach { _, client in if client.instance === instance { isUsed = true } }
        return !isUsed
    }

    /// The time is over: calls fail, channels and connections close.
    private func cut(_ instance: PluginInstance) {
        var late: [Call] = []
        calls.forEach { _, call in
            if call.channel?.instance === instance || call.client?.instance === instance
                || call.picker?.instance === instance
            {
                late.append(call)
            }
        }
        for call in late where calls[call.handle] === call {
            guard call.origin != .supervision else { continue }
            stopServer(call, reason: "the plugin was replaced")
            refuseOpen(call, .cancelled)
            if calls[call.handle] === call {
                serverFailed(
                    call, "its plugin was replaced, and the call did not end within runtime.drain_timeout")
            }
        }
        var left: [Channel] = []
        channels.forEach { _, channel in if channel.instance === instance { left.append(channel) } }
        for channel in left { close(channel) }
        var staying: [Client] = []
        clients.forEach { _, client in if client.instance === instance { staying.append(client) } }
        for client in staying {
            if client.isLeaving {
                clientClosed(client.handle)
            } else {
                client.isLeaving = true
                instance.listener?.close?(instance.own, client.handle)
            }
        }
    }

    // MARK: Looking

    /// What a generation does here, for listings and for the error budget.
    func use(of generation: PluginGeneration, counting: Bool) -> GenerationUse {
        var use = GenerationUse()
        guard let instance = instance(of: generation) else { return use }
        use.instances = 1
        use.tally = instance.tally
        guard counting else { return use }
        use.cell = instance.cellSummary
        channels.forEach { _, channel in if channel.instance === instance { use.channels += 1 } }
        clients.forEach { _, client in if client.instance === instance { use.clients += 1 } }
        calls.forEach { _, call in
            guard call.origin != .supervision else { return }
            if call.channel?.instance === instance || call.picker?.instance === instance
                || call.client?.instance === instance
            {
                use.openCalls += 1
            }
        }
        return use
    }
}
