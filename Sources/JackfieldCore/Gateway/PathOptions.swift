// SPDX-License-Identifier: Apache-2.0
// Options that are paths: their schema says `"format": "path"`. They count from the configuration file's folder.

import JSON

extension PluginManifest.Schema {
    /// The options with each path changed. Looks through properties, items and combined schemas, not through `$ref`.
    func changingPaths(of options: String, _ change: (String) -> String) -> String {
        guard PluginManifest.Schema.mentionsPaths(source), let value = try? JSONValue(parsing: options) else {
            return options
        }
        let changed = PluginManifest.Schema.mapped(value, source, change)
        return String(decoding: changed.serialized(), as: UTF8.self)
    }

    private static func mentionsPaths(_ schema: JSONValue) -> Bool {
        if schema["format"]?.string == "path" { return true }
        if let members = schema.object { return members.contains { mentionsPaths($0.value) } }
        return schema.array?.contains(where: mentionsPaths) ?? false
    }

    private static func mapped(
        _ value: JSONValue, _ schema: JSONValue, _ change: (String) -> String
    ) -> JSONValue {
        var value = value
        if let text = value.string {
            if schema["format"]?.string == "path", !text.isEmpty { value = .string(change(text)) }
        } else if let members = value.object {
            value = .object(
                members.map { member in
                    let inner = schema["properties"]?[member.key] ?? schema["additionalProperties"]
                    guard let inner else { return member }
                    return JSONMemberValue(member.key, mapped(member.value, inner, change))
                })
        } else if let items = value.array, let inner = schema["items"] {
            value = .array(items.map { mapped($0, inner, change) })
        }
        for key in ["allOf", "anyOf", "oneOf"] {
            for branch in schema[key]?.array ?? [] { value = mapped(value, branch, change) }
        }
        return value
    }
}

extension PluginChoice {
    /// The plan with relative paths counted from its folder. An absolute one stays as it is.
    func rooted(_ plan: GatewayPlan) -> GatewayPlan {
        var plan = plan
        let folder = plan.folder
        guard !folder.isEmpty else { return plan }
        changePaths(&plan) { _, path in
            guard !path.hasPrefix("/") else { return path }
            let plain = path.hasPrefix("./") ? String(path.dropFirst(2)) : path
            return folder.hasSuffix("/") ? folder + plain : folder + "/" + plain
        }
        return plan
    }

    /// The absolute paths that a plan names to a plugin, each once: what its cell may read.
    public func paths(of id: String, in plan: GatewayPlan) -> [String] {
        var plan = plan
        var found: [String] = []
        changePaths(&plan) { plugin, path in
            if plugin == id, path.hasPrefix("/"), !found.contains(path) { found.append(path) }
            return path
        }
        return found
    }

    private func changePaths(_ plan: inout GatewayPlan, _ change: (String, String) -> String) {
        func visit(_ options: inout String, _ schema: PluginManifest.Schema?, _ id: String) {
            guard let schema else { return }
            options = schema.changingPaths(of: options) { change(id, $0) }
        }
        for at in plan.listeners.indices {
            guard let manifest = listener(plan.listeners[at].transport) else { continue }
            visit(&plan.listeners[at].options, manifest.listener?.config, manifest.id)
        }
        for at in plan.servers.indices {
            for place in plan.servers[at].endpoints.indices {
                let server = plan.servers[at]
                guard let manifest = self.server(server, server.endpoints[place]) else { continue }
                let schema = server.plugin == nil ? manifest.connector?.config : manifest.toolset?.config
                visit(&plan.servers[at].endpoints[place].options, schema, manifest.id)
            }
            if var credentials = plan.servers[at].credentials,
                let manifest = module(.credentials, credentials.kind)
            {
                visit(&credentials.options, manifest.modules[.credentials]?.config, manifest.id)
                plan.servers[at].credentials = credentials
            }
            guard let manifest = strategy(plan.servers[at].strategy) else { continue }
            visit(&plan.servers[at].strategyOptions, manifest.routing?.config, manifest.id)
        }
        func visit(_ modules: inout [ModulePlan], _ facet: ModuleFacet) {
            for at in modules.indices {
                guard let manifest = module(facet, modules[at].kind) else { continue }
                visit(&modules[at].options, manifest.modules[facet]?.config, manifest.id)
            }
        }
        visit(&plan.auth.providers, .auth)
        visit(&plan.policies, .policy)
        visit(&plan.filters, .filter)
        if var options = plan.store.options, let manifest = store(plan.store.kind) {
            visit(&options, manifest.store?.config ?? manifest.configSchema, manifest.id)
            plan.store.options = options
        }
        for at in plan.plugins.indices {
            guard let manifest = manifests.first(where: { $0.id == plan.plugins[at].id }) else { continue }
            visit(&plan.plugins[at].config, manifest.configSchema, manifest.id)
        }
    }
}
