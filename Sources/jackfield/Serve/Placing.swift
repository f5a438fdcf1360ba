// SPDX-License-Identifier: Apache-2.0
// Where the plugins of a plan run: decided before any of them is loaded, and for every build that comes later.

import Configuration
import JackfieldCore

/// A plugin that a plan needs, and where it runs.
struct PlacedPlugin {
    let manifest: PluginManifest
    let path: String
    let choice: PlacementChoice
    /// Its place in `plugins` of the configuration; nil: it has none.
    let entry: Int?
}

extension PluginSet {
    /// Where a file runs, as an entry of the plan wants it.
    func choice(_ manifest: PluginManifest, _ path: String, _ entry: PluginPlan?) -> PlacementChoice {
        PlacementChoice(
            manifest, path: path, wish: entry?.wish, isPinned: entry?.sha256 != nil, installed: installed)
    }

    /// What the plan needs, providers of services first.
    func placed(_ plan: GatewayPlan) -> [PlacedPlugin] {
        choice.needed(plan).compactMap { id in
            guard let candidate = candidates.first(where: { $0.manifest?.id == id && $0.refusal == nil }),
                let manifest = candidate.manifest
            else { return nil }
            let entry = plan.plugins.firstIndex { $0.id == id }
            let chosen = choice(manifest, candidate.path, entry.map { plan.plugins[$0] })
            return PlacedPlugin(manifest: manifest, path: candidate.path, choice: chosen, entry: entry)
        }
    }

    /// The plan with the place of each plugin.
    func settled(_ plan: GatewayPlan) -> GatewayPlan {
        var settled = plan
        for plugin in placed(plan) {
            settled.placements[plugin.manifest.id] = placement(plugin.choice, plugin.manifest, plan)
            guard let entry = plugin.entry else { continue }
            settled.plugins[entry].placement =
                plugin.choice.isCell ? .cell(plan.plugins[entry].cell) : .inproc
        }
        return settled
    }

    /// In a cell a plugin may read the paths that the configuration gives it.
    func placement(
        _ choice: PlacementChoice, _ manifest: PluginManifest, _ plan: GatewayPlan
    ) -> PluginPlacement {
        guard choice.isCell else { return .inproc }
        var cell = plan.plugins.first { $0.id == manifest.id }?.cell ?? CellPlan()
        let paths = self.choice.replacing(manifest).paths(of: manifest.id, in: plan)
        cell.read += paths.filter { !cell.read.contains($0) }
        return .cell(cell)
    }

    /// A placement in a cell, with the plugins that have to run in it for their services.
    func complete(
        _ placement: PluginPlacement, _ manifest: PluginManifest
    ) throws(PluginRefusal) -> PluginPlacement {
        guard case .cell(var cell) = placement else { return placement }
        for service in manifest.requires + manifest.optional where servicesBesideInCells.contains(service) {
            let provider = candidates.first { candidate in
                candidate.refusal == nil && candidate.manifest?.provides.contains(service) == true
                    && plan?.plugins.contains { $0.id == candidate.manifest?.id && !$0.enabled } != true
            }
            guard let provider, let id = provider.manifest?.id else { continue }
            let neighbour = CellNeighbour(
                library: try loader.stagedPath(of: provider),
                config: plan?.plugins.first { $0.id == id }?.config ?? "{}")
            if !cell.beside.contains(neighbour) { cell.beside.append(neighbour) }
        }
        return .cell(cell)
    }

    /// Plugins that cannot run where they would have to.
    func misplaced(_ plan: GatewayPlan, _ configuration: Configuration) -> [ConfigurationProblem] {
        placed(plan).compactMap { plugin in
            guard let text = plugin.choice.problem(plugin.manifest) else { return nil }
            let position = plugin.entry.map { configuration.plugins[$0].position } ?? .none
            return configuration.problem(at: position, text)
        }
    }
}
