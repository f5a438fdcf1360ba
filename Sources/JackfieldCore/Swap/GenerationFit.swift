// SPDX-License-Identifier: Apache-2.0
// Whether a new build can take a running plugin's place under the configuration in force. Manifests only; nothing runs.

import CJackfield

/// What a new build is held against: values, so that the check can run on the thread that loads.
struct GenerationFit: Sendable {
    let old: PluginManifest
    /// Digests of the images that are mapped, newest last.
    let resident: [SHA256Digest]
    let current: SHA256Digest
    let cap: Int
    let plan: GatewayPlan
    let choice: PluginChoice
    /// Services that loaded plugins offer.
    let offered: Set<String>

    /// Nil: it fits.
    func problem(_ new: PluginManifest, _ digest: SHA256Digest) -> SwapProblem? {
        if new.id != old.id {
            return SwapProblem("the file holds plugin '\(new.id)', not '\(old.id)'; name the right file")
        }
        if digest == current {
            return SwapProblem("plugin \(old.id) runs these very bytes already; there is nothing to swap")
        }
        if !resident.contains(digest), resident.count >= cap {
            return SwapProblem(
                "plugin \(old.id) has \(resident.count) generations in memory, which is the limit "
                    + "(runtime.plugin_generations); restart the gateways one after the other instead")
        }
        return shape(new) ?? services(new) ?? options(new)
    }

    private func shape(_ new: PluginManifest) -> SwapProblem? {
        func differs(_ what: String) -> SwapProblem {
            SwapProblem(
                "the new build of \(old.id) \(what), which running servers rely on; restart the gateway to use it"
            )
        }
        if new.threads != old.threads {
            return differs("has threads '\(new.threads.rawValue)' instead of '\(old.threads.rawValue)'")
        }
        let facets = old.facets.filter { !new.facets.contains($0) }
        if !facets.isEmpty { return differs("has no \(facets.joined(separator: ", ")) any more") }
        let services = old.provides.filter { !new.provides.contains($0) }
        if !services.isEmpty { return differs("does not offer \(services.joined(separator: ", ")) any more") }
        if let listener = old.listener, listener.transport != new.listener?.transport {
            return differs("does not listen on '\(listener.transport)' any more")
        }
        if let routing = old.routing, routing.strategy != new.routing?.strategy {
            return differs("has no strategy '\(routing.strategy)' any more")
        }
        if let store = old.store, store.kind != new.store?.kind {
            return differs("is no store '\(store.kind)' any more")
        }
        let changed = choice.replacing(new)
        for server in plan.servers {
            for endpoint in server.endpoints
            where choice.server(server, endpoint)?.id == old.id
                && changed.server(server, endpoint)?.id != old.id
            {
                return differs("does not serve \(server.name) any more")
            }
        }
        return nil
    }

    private func services(_ new: PluginManifest) -> SwapProblem? {
        let missing = new.requires.filter { !hostServices.contains($0) && !offered.contains($0) }
        guard !missing.isEmpty else { return nil }
        return SwapProblem(
            "the new build of \(old.id) requires \(missing.joined(separator: ", ")), which no loaded plugin offers; "
                + "restart the gateway to load one that does")
    }

    private func options(_ new: PluginManifest) -> SwapProblem? {
        let problems = choice.replacing(new).check(plan).problems
        guard !problems.isEmpty else { return nil }
        let shown = problems.prefix(3).map(\.description).joined(separator: "; ")
        return SwapProblem(
            "the configuration does not fit the new build of \(old.id): \(shown)"
                + (problems.count > 3 ? "; and \(problems.count - 3) more" : "")
                + "; correct it and reload first")
    }
}

extension PluginChoice {
    /// The same, with another manifest behind an id.
    public func replacing(_ manifest: PluginManifest) -> PluginChoice {
        PluginChoice(manifests.map { $0.id == manifest.id ? manifest : $0 })
    }
}
