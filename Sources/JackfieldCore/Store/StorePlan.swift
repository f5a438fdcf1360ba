// SPDX-License-Identifier: Apache-2.0
// The store that a plan names, and which plugin it is.

import CJackfield

/// Where state lives that outlasts a call.
public struct StorePlan: Sendable, Equatable {
    /// Which plugin: its own word for itself in its manifest ("redis").
    public var kind = "memory"
    /// The plugin's configuration, JSON text; nil: no store is configured, and what `plugins` says of it holds.
    public var options: String?
    /// How long an operation may take, in nanoseconds.
    public var timeout: UInt64 = 2_000_000_000
    /// Operations that may be under way on one event loop.
    public var operations = 4096
    /// How often it is asked whether it is there while nobody else asks, in nanoseconds.
    public var probe: UInt64 = 5_000_000_000
    /// Without it the gateway is not ready.
    public var isRequired = false
    /// Whether legacy sessions are kept there; nil: where that is of use.
    public var sessions: Bool?
    /// The id of the plugin; filled in by `PluginChoice.check`.
    var plugin: String?

    public init() {}

    /// What is in the memory of this process alone would not outlast it.
    var keepsSessions: Bool { plugin != nil && options != nil && kind != "memory" && sessions != false }
}

extension GatewayPlan {
    /// What a plugin is configured with, JSON text.
    public func configuration(ofPlugin id: String) -> String {
        if id == store.plugin, let options = store.options { return options }
        return plugins.first { $0.id == id }?.config ?? "{}"
    }
}

extension PluginManifest {
    /// It keeps state in the store, if there is one.
    var usesState: Bool { requires.contains(JF_STATE_1) || optional.contains(JF_STATE_1) }
}

extension PluginChoice {
    /// The plugin that a configuration names by a store's kind.
    public func store(_ kind: String) -> PluginManifest? { manifests.first { $0.store?.kind == kind } }

    /// The same, unless the operator switched it off.
    func store(of plan: GatewayPlan) -> PluginManifest? {
        guard let manifest = store(plan.store.kind) else { return nil }
        return plan.plugins.contains { $0.id == manifest.id && !$0.enabled } ? nil : manifest
    }

    /// Finds the store's plugin and checks its options.
    /// - Parameter fit: checks options against a schema and fills in defaults.
    func check(
        store plan: inout GatewayPlan, _ problems: inout [PlanProblem],
        _ fit: (String, PluginManifest.Schema?, inout [PlanProblem]) -> String
    ) {
        func complain(_ pointer: String, _ message: String) {
            problems.append(PlanProblem(place: .store, pointer: pointer, message: message))
        }
        let kind = plan.store.kind
        plan.store.plugin = nil
        guard let manifest = store(kind) else {
            let kinds = manifests.compactMap { $0.store?.kind }.sorted().joined(separator: ", ")
            if plan.store.options != nil {
                complain(
                    "/kind", "no plugin has the store '\(kind)'; there are: \(kinds.isEmpty ? "none" : kinds)"
                )
            }
            return complainOfMissing(plan, complain)
        }
        guard store(of: plan) != nil else {
            if plan.store.options != nil {
                complain("/kind", "its plugin \(manifest.id) is switched off in plugins; drop enabled: false")
            }
            return complainOfMissing(plan, complain)
        }
        plan.store.plugin = manifest.id
        if manifest.threads != .perLoop {
            complain(
                "/kind",
                "store '\(kind)' has threads '\(manifest.threads.rawValue)', but the gateway asks stores on every "
                    + "event loop: it takes those with threads 'per-loop'")
        }
        guard let options = plan.store.options else { return }
        if let entry = plan.plugins.first(where: { $0.id == manifest.id }), entry.config != "{}" {
            complain(
                "",
                "its plugin \(manifest.id) has a config in plugins as well; write its settings in store alone"
            )
        }
        plan.store.options = fit(options, manifest.store?.config ?? manifest.configSchema, &problems)
    }

    /// Without any store, plugins that cannot do without one have no use.
    private func complainOfMissing(_ plan: GatewayPlan, _ complain: (String, String) -> Void) {
        guard plan.store.options == nil else { return }
        for id in needed(plan) {
            guard let asker = manifests.first(where: { $0.id == id }), asker.requires.contains(JF_STATE_1)
            else { continue }
            complain(
                "",
                "plugin \(id) keeps state, and there is no plugin for the store '\(plan.store.kind)'; "
                    + "install store-\(plan.store.kind) or configure another store")
        }
    }
}
