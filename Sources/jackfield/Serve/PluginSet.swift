// SPDX-License-Identifier: Apache-2.0
// The plugins at hand for a configuration: found, chosen by the plan, loaded.

import Configuration
import JackfieldCore
import Synchronization

/// Finds plugins and loads those that a plan needs. Used by one thread until the gateway runs; what a running gateway calls
/// takes turns (`@unchecked Sendable`).
final class PluginSet: @unchecked Sendable {
    let loader: PluginLoader
    private(set) var candidates: [PluginCandidate]
    /// How they were found; while a gateway runs, of the builds that are current.
    var choice: PluginChoice
    /// For what it keeps on disk, and to be found by.
    let stateDirectory: String
    /// The loader is one thread's at a time.
    let turn = Mutex<Void>(())
    /// Where the plugins lie that came with this program.
    let installed = PluginLoader.installedPlugins()
    /// The plan in force, by which later builds are placed; nil before there is one.
    var plan: GatewayPlan?
    /// By id: the files that a reload named.
    var files: [String: String] = [:]

    /// - Parameter extra: directories searched before the standard ones.
    init(_ configuration: Configuration?, extra: [String], log: Log) {
        let policy = PluginSet.policy(configuration)
        let state =
            configuration?.runtime.stateDirectory ?? StateDirectory.standard()?.path
            ?? StateDirectory.temporary()?.path ?? "/tmp/jackfield"
        stateDirectory = state
        let directories = extra + (configuration?.runtime.pluginDirectories ?? [])
        loader = PluginLoader(
            searchPath: PluginSearchPath.standard(configured: directories), stateDirectory: state,
            cellPath: PluginLoader.standardCellPath(), policy: policy
        ) { level, text in log.write(Log.Level(level), text) }
        var found = loader.discover()
        for plugin in configuration?.plugins ?? [] {
            guard let file = plugin.file else { continue }
            // A file that the operator names stands before one of the same id in the search path.
            let named = loader.candidate(at: PluginSet.path(file, configuration))
            found.removeAll { $0.manifest?.id != nil && $0.manifest?.id == named.manifest?.id }
            found.insert(named, at: 0)
        }
        candidates = found
        choice = PluginChoice(found.filter { $0.refusal == nil }.compactMap(\.manifest))
    }

    /// The plan with the ids of plugins that were given as files.
    func identified(_ plan: GatewayPlan, _ configuration: Configuration) -> GatewayPlan {
        var plan = plan
        for at in plan.plugins.indices where plan.plugins[at].id == nil {
            guard let file = plan.plugins[at].file else { continue }
            let path = file.hasPrefix("/") ? file : configuration.folder + "/" + file
            plan.plugins[at].id = loader.candidate(at: path).manifest?.id
        }
        return plan
    }

    /// Loads what the plan needs, providers of services first.
    func load(_ plan: GatewayPlan) throws(PluginRefusal) -> [PluginLibrary] {
        let plan = settled(plan)
        self.plan = plan
        var libraries: [PluginLibrary] = []
        for plugin in placed(plan) {
            guard let candidate = candidates.first(where: { $0.path == plugin.path && $0.refusal == nil })
            else {
                continue
            }
            let placement = try complete(plan.placements[plugin.manifest.id] ?? .inproc, plugin.manifest)
            libraries.append(
                try loader.load(candidate, placement: placement, because: plugin.choice.reason))
        }
        return libraries
    }
}

extension Log.Level {
    /// The loader's levels are a subset.
    init(_ level: PluginLogLevel) {
        switch level {
        case .debug: self = .debug
        case .info: self = .info
        case .warning: self = .warning
        case .error: self = .error
        }
    }
}
