// SPDX-License-Identifier: Apache-2.0
// Where in the file the problems stand that only the plugins' schemas can find.

import Configuration
import JackfieldCore

/// A plan's problem as a finding of the file that it was made from.
func located(_ problem: PlanProblem, _ configuration: Configuration) -> ConfigurationProblem {
    configuration.problem(at: position(of: problem, in: configuration), problem.message)
}

extension Sequence where Element: Hashable {
    /// Each once, where it comes first: what a server says wrong for all its replicas is one mistake.
    var withoutRepeats: [Element] {
        var seen: Set<Element> = []
        return filter { seen.insert($0).inserted }
    }
}

private func position(of problem: PlanProblem, in configuration: Configuration) -> SourcePosition {
    // An unknown key is wrong itself, whatever its value.
    let isKey = problem.message.hasPrefix("unknown property")
    func inside(_ options: Configuration.Options, else enclosing: SourcePosition) -> SourcePosition {
        let found = options.position(ofPointer: problem.pointer, key: isKey)
        return found == .none ? enclosing : found
    }
    func place(in module: Configuration.Module) -> SourcePosition {
        let words = ["", "/provider", "/policy", "/filter", "/source"]
        return words.contains(problem.pointer)
            ? module.position : inside(module.options, else: module.position)
    }
    switch problem.place {
    case .listener(let at):
        let listener = configuration.listeners[at]
        let isWhole = problem.pointer.isEmpty || problem.pointer == "/transport"
        return isWhole ? listener.position : inside(listener.options, else: listener.position)
    case .server(let name, let endpoint):
        guard let server = configuration.servers.first(where: { $0.name == name }) else { return .none }
        guard !problem.pointer.isEmpty, server.endpoints.indices.contains(endpoint) else {
            return server.position
        }
        let place = server.endpoints[endpoint].position
        return inside(server.endpoints[endpoint].options, else: place == .none ? server.position : place)
    case .routing(let name):
        guard let server = configuration.servers.first(where: { $0.name == name }) else { return .none }
        let routing = server.routing
        let whole = routing.position == .none ? server.position : routing.position
        let isWhole = problem.pointer.isEmpty || problem.pointer == "/strategy"
        return isWhole ? whole : inside(routing.options, else: whole)
    case .module(let facet, let at):
        let modules =
            switch facet {
            case .auth: configuration.auth.providers
            case .policy: configuration.policies
            default: configuration.filters
            }
        return place(in: modules[at])
    case .credentials(let name):
        guard let server = configuration.servers.first(where: { $0.name == name }) else { return .none }
        return server.credentials.map(place) ?? server.position
    case .store:
        guard let store = configuration.store else { return .none }
        return problem.pointer == "/kind" ? store.position : inside(store.options, else: store.position)
    case .plugin(let at):
        let plugin = configuration.plugins[at]
        let isWhole = problem.pointer.isEmpty || problem.pointer == "/id"
        return isWhole ? plugin.position : inside(plugin.config, else: plugin.position)
    }
}
