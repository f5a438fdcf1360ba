// SPDX-License-Identifier: Apache-2.0
// A configuration as text: what is in force, defaults included, secrets not.

extension Configuration: CustomStringConvertible, CustomDebugStringConvertible {
    /// What is in force, defaults included, in the order of a file and readable as YAML. References stand
    /// in place of what they expand to, and options as the plugin gets them.
    public var description: String {
        var lines = ["version: \(Configuration.version)"]
        let folders = runtime.$pluginDirectories.shown ?? list(runtime.pluginDirectories)
        let state = runtime.$stateDirectory.shown ?? runtime.stateDirectory
        lines.append(
            "runtime: { loops: \(runtime.loops.map(String.init) ?? "auto"), "
                + (runtime.zone.map { "zone: \(jsonString($0)), " } ?? "")
                + (runtime.region.map { "region: \(jsonString($0)), " } ?? "")
                + "drain_timeout: \(durationText(nanoseconds: runtime.drainTimeout)), "
                + "startup_wait: \(durationText(nanoseconds: runtime.startupWait)), "
                + "swap_trial: \(durationText(nanoseconds: runtime.swapTrial)), "
                + "swap_calls: \(runtime.swapCalls), swap_failures: \(runtime.swapFailures), "
                + "plugin_generations: \(runtime.pluginGenerations), "
                + "slow_action: \(runtime.slowAction.rawValue), slow_strikes: \(runtime.slowStrikes), "
                + "slow_window: \(durationText(nanoseconds: runtime.slowWindow)), "
                + "config_approval: \(runtime.configApproval.rawValue), "
                + "config_versions: \(runtime.configVersions), "
                + (runtime.control == .init()
                    ? ""
                    : "control: { operators: \(list(runtime.control.operators)), "
                        + "approvers: \(list(runtime.control.approvers)), "
                        + "viewers: \(list(runtime.control.viewers)) }, ")
                + "state_dir: \(state.map(jsonString) ?? "null"), plugin_dirs: \(folders) }")
        lines.append(
            "naming: { prefix: \(naming.prefix.rawValue), separator: \(jsonString(naming.separator)), "
                + "max_length: \(naming.maxLength) }")
        lines.append(
            "limits: { message: \(byteSizeText(limits.message)), header: \(byteSizeText(limits.header)), "
                + "depth: \(limits.depth), calls_per_client: \(limits.callsPerClient), "
                + "calls_per_server: \(limits.callsPerServer), calls: \(limits.calls), "
                + "sessions: \(limits.sessions), principals: \(limits.principals), page_size: \(limits.pageSize), "
                + "timeout: \(durationText(nanoseconds: limits.callTimeout)), \(limits.answering) }"
        )
        lines.append(
            "tasks: { promote_after: \(tasks.promoteAfter.map(durationText(nanoseconds:)) ?? "off"), "
                + "ttl: \(durationText(nanoseconds: tasks.ttl)), "
                + "poll_interval: \(durationText(nanoseconds: tasks.pollInterval)) }")
        lines.append("listeners:")
        lines += listeners.map { "  - { transport: \(jsonString($0.transport)), options: \($0.options) }" }
        lines.append("servers:")
        lines += servers.map { "  \(jsonString($0.name)): \($0.line)" }
        lines.append("bundles:")
        lines += bundles.map { "  \(jsonString($0.name)): \($0.line)" }
        if let lock { lines.append("lock: \(lock.line)") }
        if let audit { lines.append("audit: \(audit.line)") }
        if auth != .init() {
            lines.append("auth:")
            if let required = auth.required { lines.append("  required: \(required)") }
            if let resource = auth.resource { lines.append("  resource: \(jsonString(resource))") }
            if !auth.scopes.isEmpty { lines.append("  scopes: \(list(auth.scopes))") }
            lines.append("  providers:")
            lines += auth.providers.map { "    - \($0.line("provider"))" }
        }
        for (key, word, modules) in [("policies", "policy", policies), ("filters", "filter", filters)]
        where !modules.isEmpty {
            lines.append("\(key):")
            lines += modules.map { "  - \($0.line(word))" }
        }
        if let tenants { lines.append("tenants: \(tenants.line)") }
        if let store { lines.append("store: \(store.line)") }
        lines.append("plugins:")
        lines += plugins.map { "  - \($0.line)" }
        lines.append("log: { level: \(log.level.rawValue), format: \(log.format.rawValue) }")
        return lines.joined(separator: "\n") + "\n"
    }

    public var debugDescription: String { description }
}

private func list(_ texts: [String]) -> String { "[" + texts.map(jsonString).joined(separator: ", ") + "]" }

private func mapping(_ renames: [Configuration.Rename]) -> String {
    "{ " + renames.map { "\(jsonString($0.from)): \(jsonString($0.to))" }.joined(separator: ", ") + " }"
}

private func patterns(_ value: Redacted<[String]>) -> String { value.shown ?? list(value.wrappedValue) }

extension Configuration.Limits {
    /// The bounds of streams, questions and tasks.
    fileprivate var answering: String {
        "streams: \(streams), subscriptions_per_stream: \(subscriptionsPerStream), "
            + "replay: \(byteSizeText(replay)), parked_calls: \(parkedCalls), "
            + "parked_age: \(durationText(nanoseconds: parkedAge)), "
            + "parked_bytes: \(byteSizeText(parkedBytes)), rounds: \(rounds), "
            + "questions_per_call: \(questionsPerCall), upstream_sessions: \(upstreamSessions), "
            + "upstream_idle: \(durationText(nanoseconds: upstreamIdle)), tasks: \(tasks), "
            + "task_bytes: \(byteSizeText(taskBytes))"
    }
}

extension Configuration.Server {
    fileprivate var line: String {
        var parts: [String] = []
        if case .plugin(let id) = kind { parts.append("plugin: \(jsonString(id))") }
        if !enabled { parts.append("enabled: false") }
        switch era {
        case .auto: break
        case .modern: parts.append("era: modern")
        case .legacy: parts.append("era: legacy")
        case .pinned(let revision): parts.append("era: \(jsonString(revision))")
        }
        if let timeout { parts.append("timeout: \(durationText(nanoseconds: timeout))") }
        if let longestTimeout { parts.append("max_timeout: \(durationText(nanoseconds: longestTimeout))") }
        for (key, selection) in [("tools", tools), ("resources", resources), ("prompts", prompts)] {
            if selection != .init() { parts.append("\(key): \(selection.line)") }
        }
        if !aliases.isEmpty {
            let names = aliases.map { "\(jsonString($0.name)): \(jsonString($0.$tool.shown ?? $0.tool))" }
            parts.append("aliases: { \(names.joined(separator: ", ")) }")
        }
        if let prefix { parts.append("prefix: \(jsonString(prefix))") }
        if !keepStale { parts.append("keep_stale: false") }
        if cacheScope != .auto { parts.append("cache_scope: \(cacheScope.rawValue)") }
        if let cacheTTL { parts.append("cache_ttl: \(durationText(nanoseconds: cacheTTL))") }
        if breaker != .init() { parts.append("breaker: \(breaker.line)") }
        if retry != .init() { parts.append("retry: \(retry.line)") }
        if let hedge { parts.append("hedge: \(hedge.line)") }
        if bulkhead != .init() { parts.append("bulkhead: \(bulkhead.line)") }
        if health != .init() { parts.append("health: \(health.line)") }
        if let objective { parts.append("objective: \(objective.line)") }
        if let responseCache { parts.append("response_cache: \(responseCache.line)") }
        if let coalesce { parts.append("coalesce: \(coalesce.line)") }
        if let rollout { parts.append("rollout: \(rollout.line)") }
        if let versions { parts.append("versions: \(versions.line)") }
        if let credentials { parts.append("credentials: \(credentials.line("source"))") }
        if !scopes.isEmpty { parts.append("scopes: \(list(scopes))") }
        if !tenants.isEmpty { parts.append("tenants: \(list(tenants))") }
        if endpoints.count > 1 {
            parts.append(
                "routing: { strategy: \(jsonString(routing.strategy)), options: \(routing.options) }")
        }
        let places = endpoints.map { "{ weight: \($0.weight), \($0.standing.line)options: \($0.options) }" }
        parts.append("endpoints: [\(places.joined(separator: ", "))]")
        return "{ \(parts.joined(separator: ", ")) }"
    }
}

extension Configuration.Selection {
    fileprivate var line: String {
        "{ allow: \(patterns($allow)), deny: \(patterns($deny)), rename: \(mapping(rename)) }"
    }
}

extension Configuration.Bundle {
    fileprivate var line: String {
        let summary = $description.shown ?? description
        return "{ servers: \(patterns($servers)), include: \(patterns($include)), "
            + "exclude: \(patterns($exclude)), rename: \(mapping(rename)), "
            + (tenants.isEmpty ? "" : "tenants: \(list(tenants)), ")
            + "description: \(summary.map(jsonString) ?? "null") }"
    }
}

extension Configuration.Lock {
    fileprivate var line: String {
        "{ file: \(jsonString($file.shown ?? file)), on_change: \(onChange.rawValue), "
            + "new_tools: \(newTools.rawValue), except: \(list(except)) }"
    }
}

extension Configuration.Plugin {
    fileprivate var line: String {
        let digest = $sha256.shown ?? sha256
        return "{ \(id == nil ? "file" : "id"): \(jsonString(label)), "
            + "sha256: \(digest.map(jsonString) ?? "null"), placement: \(placement?.rawValue ?? "null"), cell: \(cell.line), "
            + "enabled: \(enabled), \(faults.isEmpty ? "" : "faults: \(faults.count), ")config: \(config) }"
    }
}

extension Configuration.Module {
    fileprivate func line(_ word: String) -> String {
        var parts = ["\(word): \(jsonString(kind))", "name: \(jsonString(name))"]
        if allowsOnError { parts.append("on_error: allow") }
        if appliesToPlugins { parts.append("applies_to_plugins: true") }
        if !servers.isEmpty { parts.append("servers: \(patterns($servers))") }
        if !tools.isEmpty { parts.append("tools: \(patterns($tools))") }
        if !tenants.isEmpty { parts.append("tenants: \(list(tenants))") }
        return "{ \(parts.joined(separator: ", ")), options: \(options) }"
    }
}

extension Configuration.Tenants {
    fileprivate var line: String {
        var parts = ["from: \(list(sources.map(\.rawValue)))"]
        if let header { parts.append("header: \(jsonString(header))") }
        if let host { parts.append("host: \(jsonString(host))") }
        parts.append("required: \(required)")
        parts.append("unknown: \(admitsUnknown ? "allow" : "refuse")")
        let entries = known.map { tenant in
            let region = tenant.region.map { ", region: \(jsonString($0))" } ?? ""
            return "\(jsonString(tenant.name)): { hosts: \(list(tenant.hosts))\(region) }"
        }
        return "{ \((parts + ["known: { \(entries.joined(separator: ", ")) }"]).joined(separator: ", ")) }"
    }
}

extension Configuration.Store {
    fileprivate var line: String {
        "{ kind: \(jsonString(kind)), timeout: \(durationText(nanoseconds: timeout)), operations: \(operations), "
            + "probe: \(durationText(nanoseconds: probe)), required: \(required), "
            + "\(sessions.map { "sessions: \($0), " } ?? "")options: \(options) }"
    }
}

extension Configuration.Cell {
    fileprivate var line: String {
        "{ memory: \(byteSizeText(memory)), files: \(files), operations: \(operations), network: \(network.map(String.init) ?? "null"), "
            + "processes: \(processes), jit: \(jit), all_files: \(allFiles), read: \(patterns($read)), "
            + "write: \(patterns($write)) }"
    }
}
