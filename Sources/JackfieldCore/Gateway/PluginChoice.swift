// SPDX-License-Identifier: Apache-2.0
// Which plugins a plan needs, and whether what it gives them fits their schemas. Reads manifests only; loads nothing.

import CJackfield
import JSON

/// One thing wrong with a plan, with the place inside the options it concerns (RFC 6901).
public struct PlanProblem: Sendable, CustomStringConvertible {
    public enum Place: Sendable {
        case listener(Int)
        case server(String, endpoint: Int)
        case routing(String)
        case plugin(Int)
        /// An entry of `auth.providers`, `policies` or `filters`.
        case module(ModuleFacet, Int)
        case credentials(String)
        case store
    }

    public let place: Place
    public let pointer: String
    public let message: String

    public var description: String {
        let where_ =
            switch place {
            case .listener(let index): "listeners[\(index)]"
            case .server(let name, let endpoint):
                endpoint == 0 ? "servers.\(name)" : "servers.\(name).replicas[\(endpoint)]"
            case .routing(let name): "servers.\(name).routing"
            case .plugin(let index): "plugins[\(index)]"
            case .module(.auth, let index): "auth.providers[\(index)]"
            case .module(.policy, let index): "policies[\(index)]"
            case .module(_, let index): "filters[\(index)]"
            case .credentials(let name): "servers.\(name).credentials"
            case .store: "store"
            }
        return "\(where_)\(pointer): \(message)"
    }
}

/// The manifests at hand, and how a plan maps onto them.
public struct PluginChoice: Sendable {
    public let manifests: [PluginManifest]

    public init(_ manifests: [PluginManifest]) { self.manifests = manifests }

    public func listener(_ transport: String) -> PluginManifest? {
        manifests.first { $0.listener?.transport == transport }
    }

    public func strategy(_ name: String) -> PluginManifest? {
        manifests.first { $0.routing?.strategy == name }
    }

    /// The plugin that a configuration names by a facet's own word.
    public func module(_ facet: ModuleFacet, _ kind: String) -> PluginManifest? {
        manifests.first { $0.modules[facet]?.name == kind }
    }

    /// The plugin that serves an endpoint: the toolset it names, or the connector whose key or URL scheme it has.
    public func server(_ plan: ServerPlan, _ endpoint: EndpointPlan) -> PluginManifest? {
        if let id = plan.plugin { return manifests.first { $0.id == id } }
        guard let options = try? JSONValue(parsing: endpoint.options) else { return nil }
        let scheme = options["url"]?.string.flatMap { url in
            url.firstIndex(of: ":").map { String(url[..<$0]).lowercased() }
        }
        return manifests.first { manifest in
            guard let connector = manifest.connector else { return false }
            if let scheme, options["command"] == nil { return connector.schemes.contains(scheme) }
            return connector.keys.contains { $0 != "url" && options[$0] != nil }
        }
    }

    /// Every plugin id that the plan needs, providers of required services included.
    public func needed(_ plan: GatewayPlan) -> [String] {
        var ids: [String] = []
        var seen: Set<String> = []
        func provider(of service: String) -> PluginManifest? {
            manifests.first { $0.provides.contains(service) }
        }
        /// One that the operator did not switch off.
        func enabled(_ service: String) -> PluginManifest? {
            manifests.first { manifest in
                manifest.provides.contains(service)
                    && !plan.plugins.contains { $0.id == manifest.id && !$0.enabled }
            }
        }
        func want(_ manifest: PluginManifest?) {
            guard let manifest, seen.insert(manifest.id).inserted else { return }
            for service in manifest.requires where !hostServices.contains(service) {
                want(provider(of: service))
            }
            for service in manifest.optional where !hostServices.contains(service) {
                want(enabled(service))
            }
            if manifest.usesState, manifest.store == nil { want(store(of: plan)) }
            // It stands in front of the tables that others ask for, so it comes first.
            if !manifest.signatures.isEmpty { want(enabled(JF_INTERPOSE_1)) }
            ids.append(manifest.id)
        }
        if plan.store.options != nil { want(store(of: plan)) }
        for listener in plan.listeners { want(self.listener(listener.transport)) }
        for server in plan.servers {
            for endpoint in server.endpoints { want(self.server(server, endpoint)) }
            if server.endpoints.count > 1 { want(strategy(server.strategy)) }
            if let credentials = server.credentials { want(module(.credentials, credentials.kind)) }
        }
        for plan in plan.auth.providers { want(module(.auth, plan.kind)) }
        for plan in plan.policies { want(module(.policy, plan.kind)) }
        for filter in plan.filters {
            let manifest = module(.filter, filter.kind)
            // What is linked to is kept in the store.
            if manifest?.modules[.filter]?.mayLink(with: filter.options) == true { want(store(of: plan)) }
            want(manifest)
        }
        for plugin in plan.plugins where plugin.enabled {
            want(manifests.first { $0.id == plugin.id })
        }
        // What the core itself asks of plugins: states and ids that leave the gateway are sealed.
        want(enabled(JF_SEAL_1))
        if plan.audit?.isSigned == true { want(enabled(JF_SIGNING_1)) }
        return ids
    }

    // MARK: Schemas

    /// Checks the plan against the manifests and fills in defaults. All problems at once.
    public func check(_ plan: GatewayPlan) -> (plan: GatewayPlan, problems: [PlanProblem]) {
        var plan = plan
        var problems: [PlanProblem] = []
        for at in plan.listeners.indices {
            let transport = plan.listeners[at].transport
            guard let manifest = listener(transport) else {
                problems.append(
                    PlanProblem(
                        place: .listener(at), pointer: "/transport",
                        message: "no plugin has a listener for transport '\(transport)'; there are: "
                            + names(manifests.compactMap { $0.listener?.transport })))
                continue
            }
            plan.listeners[at].options = fit(
                bounded(plan.listeners[at].options, plan.transport, manifest.listener?.config),
                manifest.listener?.config, .listener(at), &problems)
        }
        for at in plan.servers.indices { check(&plan.servers[at], plan.transport, &problems) }
        for at in plan.auth.providers.indices {
            check(&plan.auth.providers[at], .auth, .module(.auth, at), &problems)
        }
        for at in plan.policies.indices {
            check(&plan.policies[at], .policy, .module(.policy, at), &problems)
        }
        for at in plan.filters.indices {
            check(&plan.filters[at], .filter, .module(.filter, at), &problems)
        }
        for at in plan.servers.indices {
            guard var credentials = plan.servers[at].credentials else { continue }
            check(&credentials, .credentials, .credentials(plan.servers[at].name), &problems)
            plan.servers[at].credentials = credentials
        }
        check(store: &plan, &problems) { fit($0, $1, .store, &$2) }
        for at in plan.plugins.indices {
            guard let id = plan.plugins[at].id else { continue }
            guard let manifest = manifests.first(where: { $0.id == id }) else {
                problems.append(
                    PlanProblem(
                        place: .plugin(at), pointer: "/id",
                        message: "no plugin '\(id)' was found; there are: \(names(manifests.map(\.id)))"))
                continue
            }
            if plan.store.options == nil || plan.store.plugin != id {
                plan.plugins[at].config = fit(
                    plan.plugins[at].config, manifest.configSchema, .plugin(at), &problems)
            }
            let interposes = manifests.contains { other in
                other.provides.contains(JF_INTERPOSE_1)
                    && !plan.plugins.contains { $0.id == other.id && !$0.enabled }
            }
            problems += plan.plugins[at].faults.compactMap { fault in
                BorderPlan.problem(fault, manifest, interposes: interposes)
            }.map {
                PlanProblem(place: .plugin(at), pointer: "", message: "faults: \($0)")
            }
        }
        return (rooted(plan), problems)
    }

    /// The general limits, for settings of these names that a schema has and the options leave open.
    private func bounded(_ options: String, _ limits: TransportLimits, _ schema: PluginManifest.Schema?)
        -> String
    {
        guard let schema, var value = try? JSONValue(parsing: options), case .object = value else {
            return options
        }
        func offers(_ path: [String]) -> Bool {
            var node: JSONValue? = schema.source
            for name in path { node = node?["properties"]?[name] }
            return node != nil
        }
        for (path, limit) in [
            (["max_message"], limits.message), (["limits", "max_body"], limits.message),
            (["limits", "max_headers"], limits.header), (["limits", "max_message"], limits.message),
        ] where offers(path) {
            if path.count == 1, value[path[0]] == nil { value[path[0]] = .number(String(limit)) }
            if path.count == 2 {
                var inner = value[path[0]] ?? .object([])
                if inner[path[1]] == nil { inner[path[1]] = .number(String(limit)) }
                value[path[0]] = inner
            }
        }
        return String(decoding: value.serialized(), as: UTF8.self)
    }

    private func check(_ server: inout ServerPlan, _ limits: TransportLimits, _ problems: inout [PlanProblem])
    {
        for at in server.endpoints.indices {
            let place = PlanProblem.Place.server(server.name, endpoint: at)
            guard let manifest = self.server(server, server.endpoints[at]) else {
                let url = try? JSONValue(parsing: server.endpoints[at].options)["url"]
                let pointer = server.plugin == nil && url != nil ? "/url" : ""
                problems.append(
                    PlanProblem(
                        place: place, pointer: pointer, message: unserved(server, hasURL: !pointer.isEmpty)))
                continue
            }
            let schema = server.plugin == nil ? manifest.connector?.config : manifest.toolset?.config
            server.endpoints[at].options = fit(
                bounded(server.endpoints[at].options, limits, schema), schema, place, &problems)
        }
        guard server.endpoints.count > 1 else { return }
        guard let manifest = strategy(server.strategy) else {
            problems.append(
                PlanProblem(
                    place: .routing(server.name), pointer: "/strategy",
                    message: "no plugin has the routing strategy '\(server.strategy)'; there are: "
                        + names(manifests.compactMap { $0.routing?.strategy })))
            return
        }
        server.strategyOptions = fit(
            server.strategyOptions, manifest.routing?.config, .routing(server.name), &problems)
    }

    private func check(
        _ module: inout ModulePlan, _ facet: ModuleFacet, _ place: PlanProblem.Place,
        _ problems: inout [PlanProblem]
    ) {
        guard let manifest = self.module(facet, module.kind) else {
            problems.append(
                PlanProblem(
                    place: place, pointer: "/\(facet.word)",
                    message: "no plugin has the \(facet.word) '\(module.kind)'; there are: "
                        + names(manifests.compactMap { $0.modules[facet]?.name })))
            return
        }
        module.options = fit(module.options, manifest.modules[facet]?.config, place, &problems)
        module.links = manifest.modules[facet]?.mayLink(with: module.options) == true
    }

    private func unserved(_ server: ServerPlan, hasURL: Bool) -> String {
        if let id = server.plugin {
            return
                "no plugin '\(id)' was found; toolsets are: \(names(manifests.filter { $0.toolset != nil }.map(\.id)))"
        }
        let keys = Set(manifests.compactMap(\.connector).flatMap { $0.keys })
        let schemes = manifests.compactMap(\.connector).flatMap { $0.schemes }
        let problem =
            hasURL
            ? "no plugin connects to this URL"
            : "nothing says how to reach this server: give one of \(names(keys)) or plugin"
        return problem + (schemes.isEmpty ? "" : "; URLs may begin with \(names(schemes))")
    }

    private func names(_ list: some Collection<String>) -> String {
        list.isEmpty ? "none" : list.sorted().joined(separator: ", ")
    }

    /// The options with defaults filled in; violations are reported at their place.
    private func fit(
        _ options: String, _ schema: PluginManifest.Schema?, _ place: PlanProblem.Place,
        _ problems: inout [PlanProblem]
    ) -> String {
        guard let schema else { return options }
        guard let value = try? JSONValue(parsing: options) else {
            problems.append(PlanProblem(place: place, pointer: "", message: "the options are not valid JSON"))
            return options
        }
        for violation in schema.compiled.validate(value) {
            problems.append(
                PlanProblem(place: place, pointer: "\(violation.pointer)", message: violation.message))
        }
        return String(decoding: schema.compiled.applyingDefaults(value).serialized(), as: UTF8.self)
    }
}
