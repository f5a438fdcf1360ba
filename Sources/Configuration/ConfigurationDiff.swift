// SPDX-License-Identifier: Apache-2.0
// What differs between two configurations: the work of a reload.

/// What differs between two configurations. Places in the file and the order of a plugin's options don't
/// count.
public struct ConfigurationDiff: Sendable, Equatable {
    /// Names of entries, in the order of the file that has them.
    public struct Names: Sendable, Equatable {
        public var added: [String] = []
        public var removed: [String] = []
        public var changed: [String] = []
        public var unchanged: [String] = []

        public init(
            added: [String] = [], removed: [String] = [], changed: [String] = [], unchanged: [String] = []
        ) {
            self.added = added
            self.removed = removed
            self.changed = changed
            self.unchanged = unchanged
        }

        /// Whether nothing was added, removed or changed.
        public var isEmpty: Bool { added.isEmpty && removed.isEmpty && changed.isEmpty }
    }

    public internal(set) var servers = Names()
    /// Those of `servers.changed` that are reached as before: their connections and children can stay.
    public internal(set) var serversKeepingConnections: [String] = []
    public internal(set) var bundles = Names()
    /// By `Plugin.label`.
    public internal(set) var plugins = Names()
    public internal(set) var listenersAdded: [Configuration.Listener] = []
    public internal(set) var listenersRemoved: [Configuration.Listener] = []
    public internal(set) var listenersUnchanged: [Configuration.Listener] = []
    public internal(set) var namingChanged = false
    public internal(set) var limitsChanged = false
    public internal(set) var tasksChanged = false
    public internal(set) var lockChanged = false
    public internal(set) var auditChanged = false
    /// `auth`, `policies`, `filters` or `tenants`.
    public internal(set) var modulesChanged = false
    public internal(set) var storeChanged = false
    public internal(set) var logChanged = false
    public internal(set) var runtimeChanged = false
    /// Keys whose new value takes effect with a restart only: `runtime.loops`.
    public internal(set) var needRestart: [String] = []

    /// Whether a reload has nothing to do.
    public var isEmpty: Bool { self == without(unchangedOf: self) }

    private func without(unchangedOf other: ConfigurationDiff) -> ConfigurationDiff {
        var empty = ConfigurationDiff()
        empty.servers.unchanged = other.servers.unchanged
        empty.bundles.unchanged = other.bundles.unchanged
        empty.plugins.unchanged = other.plugins.unchanged
        empty.listenersUnchanged = other.listenersUnchanged
        return empty
    }
}

extension Configuration {
    /// What a reload from `old` to `new` has to do.
    public static func diff(_ old: Configuration, _ new: Configuration) -> ConfigurationDiff {
        var diff = ConfigurationDiff()
        diff.servers = names(old.servers, new.servers, by: \.name) {
            $0.withoutPositions == $1.withoutPositions
        }
        let before = Dictionary(old.servers.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        diff.serversKeepingConnections = new.servers.filter { server in
            diff.servers.changed.contains(server.name) && before[server.name]?.isReached(like: server) == true
        }.map(\.name)
        diff.bundles = names(old.bundles, new.bundles, by: \.name) {
            $0.withoutPositions == $1.withoutPositions
        }
        diff.plugins = names(old.plugins, new.plugins, by: \.label) {
            $0.withoutPositions == $1.withoutPositions
        }
        var left = old.listeners
        for listener in new.listeners {
            if let index = left.firstIndex(where: { $0.withoutPositions == listener.withoutPositions }) {
                left.remove(at: index)
                diff.listenersUnchanged.append(listener)
            } else {
                diff.listenersAdded.append(listener)
            }
        }
        diff.listenersRemoved = left
        diff.namingChanged = old.naming != new.naming
        diff.limitsChanged = old.limits != new.limits
        diff.tasksChanged = old.tasks != new.tasks
        diff.modulesChanged =
            old.auth.withoutPositions != new.auth.withoutPositions
            || old.policies.map(\.withoutPosition) != new.policies.map(\.withoutPosition)
            || old.filters.map(\.withoutPosition) != new.filters.map(\.withoutPosition)
            || old.tenants?.withoutPositions != new.tenants?.withoutPositions
        diff.lockChanged = old.lock?.withoutPosition != new.lock?.withoutPosition
        diff.storeChanged = old.store?.withoutPosition != new.store?.withoutPosition
        if diff.storeChanged { diff.needRestart.append("store") }
        diff.auditChanged = old.audit != new.audit
        diff.logChanged = old.log != new.log
        diff.runtimeChanged = old.runtime != new.runtime
        if old.runtime.loops != new.runtime.loops { diff.needRestart.append("runtime.loops") }
        if old.runtime.stateDirectory != new.runtime.stateDirectory {
            diff.needRestart.append("runtime.state_dir")
        }
        if old.runtime.pluginDirectories != new.runtime.pluginDirectories {
            diff.needRestart.append("runtime.plugin_dirs")
        }
        if diff.auditChanged { diff.needRestart.append("audit") }
        if old.runtime.slowAction != new.runtime.slowAction { diff.needRestart.append("runtime.slow_action") }
        if old.runtime.slowStrikes != new.runtime.slowStrikes {
            diff.needRestart.append("runtime.slow_strikes")
        }
        if old.runtime.slowWindow != new.runtime.slowWindow { diff.needRestart.append("runtime.slow_window") }
        return diff
    }

    private static func names<Entry>(
        _ old: [Entry], _ new: [Entry], by name: (Entry) -> String, _ isSame: (Entry, Entry) -> Bool
    ) -> ConfigurationDiff.Names {
        let before = Dictionary(old.map { (name($0), $0) }, uniquingKeysWith: { first, _ in first })
        let after = Set(new.map(name))
        var names = ConfigurationDiff.Names()
        for entry in new {
            switch before[name(entry)] {
            case nil: names.added.append(name(entry))
            case let known? where isSame(known, entry): names.unchanged.append(name(entry))
            default: names.changed.append(name(entry))
            }
        }
        names.removed = old.map(name).filter { !after.contains($0) }
        return names
    }
}

extension Configuration.Server {
    fileprivate var withoutPositions: Self {
        var copy = self
        copy.position = .none
        copy.routing.position = .none
        copy.credentials?.position = .none
        for index in copy.endpoints.indices { copy.endpoints[index].position = .none }
        return copy
    }

    /// Whether connections to the other server would be made in the same way.
    fileprivate func isReached(like other: Self) -> Bool {
        kind == other.kind && era == other.era && enabled == other.enabled
            && endpoints.map(\.options) == other.endpoints.map(\.options)
    }
}

extension Configuration.Bundle {
    fileprivate var withoutPositions: Self {
        var copy = self
        copy.position = .none
        return copy
    }
}

extension Configuration.Plugin {
    fileprivate var withoutPositions: Self {
        var copy = self
        copy.position = .none
        return copy
    }
}

extension Configuration.Module {
    fileprivate var withoutPosition: Self {
        var copy = self
        copy.position = .none
        return copy
    }
}

extension Configuration.Auth {
    fileprivate var withoutPositions: Self {
        var copy = self
        copy.position = .none
        copy.providers = providers.map(\.withoutPosition)
        return copy
    }
}

extension Configuration.Store {
    fileprivate var withoutPosition: Self {
        var copy = self
        copy.position = .none
        return copy
    }
}

extension Configuration.Lock {
    fileprivate var withoutPosition: Self {
        var copy = self
        copy.position = .none
        return copy
    }
}

extension Configuration.Listener {
    fileprivate var withoutPositions: Self {
        var copy = self
        copy.position = .none
        return copy
    }
}

extension Configuration.Tenants {
    fileprivate var withoutPositions: Self {
        var copy = self
        copy.position = .none
        for at in copy.known.indices { copy.known[at].position = .none }
        return copy
    }
}
