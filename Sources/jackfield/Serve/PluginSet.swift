// SPDX-License-Identifier: Apache-2.0
// The plugins at hand for a configuration: found, chosen by the plan, loaded.

import Configuration
import JackfieldCore

/// Finds plugins and loads those that a plan needs.
final class PluginSet {
    let loader: PluginLoader
    private(set) var candidates: [PluginCandidate]
    let choice: PluginChoice

    /// - Parameter extra: directories searched before the standard ones.
    init(_ configuration: Configuration?, extra: [String], log: Log) {
        var policy = PluginPolicy()
        func path(_ file: String) -> String {
            file.hasPrefix("/") ? file : (configuration?.folder ?? ".") + "/" + file
        }
        for plugin in configuration?.plugins ?? [] {
            guard let pin = plugin.sha256 else { continue }
            if let id = plugin.id { policy.pins[id] = pin }
            if let file = plugin.file { policy.pins[path(file)] = pin }
        }
        let state =
            configuration?.runtime.stateDirectory ?? StateDirectory.standard()?.path
            ?? StateDirectory.temporary()?.path ?? "/tmp/jackfield"
        let directories = extra + (configuration?.runtime.pluginDirectories ?? [])
        loader = PluginLoader(
            searchPath: PluginSearchPath.standard(configured: directories), stateDirectory: state,
            cellPath: PluginLoader.standardCellPath(), policy: policy
        ) { level, text in log.write(Log.Level(level), text) }
        var found = loader.discover()
        for plugin in configuration?.plugins ?? [] {
            guard let file = plugin.file else { continue }
            // A file that the operator names stands before one of the same id in the search path.
            let named = loader.candidate(at: path(file))
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
        var libraries: [PluginLibrary] = []
        for id in choice.needed(plan) {
            guard let candidate = candidates.first(where: { $0.manifest?.id == id && $0.refusal == nil })
            else {
                continue
            }
            libraries.append(try loader.load(candidate))
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
