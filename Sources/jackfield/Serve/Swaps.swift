// SPDX-License-Identifier: Apache-2.0
// What a running gateway needs of the command line to exchange plugins: other builds, changed files, a way in.

import Configuration
import JackfieldCore
import Synchronization

/// Lets operators swap plugins, by command and by HUP.
func offerSwaps(_ gateway: Gateway, _ plugins: PluginSet, _ plan: GatewayPlan) {
    plugins.pinById(plan)
    plugins.loader.yields = true
    gateway.controlDirectory = ControlPlace.directory(plugins.stateDirectory)
    gateway.loadPlugin = { file, check in
        plugins.turn.withLock { _ in plugins.load(file: file, check) }
    }
    gateway.isolatePlugin = { library, reason in
        plugins.turn.withLock { _ in plugins.isolate(library, because: reason) }
    }
    gateway.findChanged = { seen in
        plugins.turn.withLock { _ in plugins.changes(since: seen) }
    }
}

extension PluginSet {
    /// A plugin's file as the configuration means it.
    static func path(_ file: String, _ configuration: Configuration?) -> String {
        file.hasPrefix("/") ? file : (configuration?.folder ?? ".") + "/" + file
    }

    /// What the operator's file allows.
    static func policy(_ configuration: Configuration?) -> PluginPolicy {
        var policy = PluginPolicy()
        for plugin in configuration?.plugins ?? [] {
            guard let pin = plugin.sha256 else { continue }
            if let id = plugin.id { policy.pins[id] = pin }
            if let file = plugin.file { policy.pins[path(file, configuration)] = pin }
        }
        return policy
    }

    /// Pins hold for a plugin's id, wherever another build of it comes from.
    func pinById(_ plan: GatewayPlan) {
        for plugin in plan.plugins {
            if let id = plugin.id, let pin = plugin.sha256 { loader.policy.pins[id] = pin }
        }
    }

    /// The plan of a configuration that was read again. What it pins holds for builds that come from now on.
    /// - Parameter current: the manifests of the builds that run.
    func replan(_ configuration: Configuration, _ current: PluginChoice) -> Result<GatewayPlan, ReloadProblem>
    {
        turn.withLock { _ in
            choice = current
            let result = checkedPlan(configuration, self)
            guard case .success(let plan) = result else { return result }
            loader.policy = PluginSet.policy(configuration)
            pinById(plan)
            self.plan = plan
            for plugin in plan.plugins {
                if let id = plugin.id, let file = plugin.file {
                    files[id] = PluginSet.path(file, configuration)
                }
            }
            return result
        }
    }

    /// Loads a build of a plugin from any file, unless the check of its manifest and digest objects.
    func load(
        file: String, _ check: (PluginManifest, SHA256Digest) -> SwapProblem?
    ) -> Result<PluginLibrary, SwapProblem> {
        let candidate = loader.candidate(at: file)
        do throws(PluginRefusal) {
            // Before any of it runs in this process: whether it fits.
            let digest = try loader.digest(of: candidate)
            if let manifest = candidate.manifest, let problem = check(manifest, digest) {
                return .failure(problem)
            }
            guard let manifest = candidate.manifest, let plan else {
                return .success(try loader.load(candidate))
            }
            // A build from elsewhere is a stranger's, whatever it replaces.
            let chosen = choice(manifest, candidate.path, plan.plugins.first { $0.id == manifest.id })
            if let problem = chosen.problem(manifest) { return .failure(SwapProblem(problem)) }
            let placement = try complete(placement(chosen, manifest, plan), manifest)
            return .success(try loader.load(candidate, placement: placement, because: chosen.reason))
        } catch {
            return .failure(SwapProblem(error.description))
        }
    }

    /// A loaded build once more, in cells.
    func isolate(
        _ library: PluginLibrary, because reason: PlacementChoice.Reason
    ) -> Result<PluginLibrary, SwapProblem> {
        let chosen = PlacementChoice(isCell: true, reason: reason)
        guard let plan else {
            return .failure(SwapProblem("there is no plan to place plugin \(library.manifest.id) by"))
        }
        do throws(PluginRefusal) {
            let placement = try complete(placement(chosen, library.manifest, plan), library.manifest)
            guard case .cell(let cell) = placement else { preconditionFailure("a cell was chosen") }
            return .success(try loader.isolated(library, cell, because: chosen.reason))
        } catch {
            return .failure(SwapProblem(error.description))
        }
    }

    /// Files behind loaded plugins that hold other bytes than when they were last looked at.
    func changes(since seen: [String: PluginFile]) -> [PluginChange] {
        seen.sorted { $0.key < $1.key }.compactMap { id, before -> PluginChange? in
            let file = files[id] ?? before.path
            let candidate = loader.candidate(at: file)
            do throws(PluginRefusal) {
                let digest = try loader.digest(of: candidate)
                if let found = candidate.manifest?.id, found != id {
                    let problem = SwapProblem(
                        "\(file) holds plugin '\(found)' now; put a build of '\(id)' there")
                    return PluginChange(id: id, file: file, result: .failure(problem))
                }
                guard digest != before.digest else { return nil }
                return PluginChange(id: id, file: file, result: .success(digest))
            } catch {
                return PluginChange(id: id, file: file, result: .failure(SwapProblem(error.description)))
            }
        }
    }
}
