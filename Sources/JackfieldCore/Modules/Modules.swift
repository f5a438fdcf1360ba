// SPDX-License-Identifier: Apache-2.0
// What stands between clients and servers on one lane, and how it follows the configuration.

import CJackfield

/// The bindings of one lane, in configured order. Replaced whole by a reload.
struct Modules {
    var auth: [AuthBinding] = []
    /// The door that these providers keep; nil: everybody comes in unknown.
    var identity: IdentityGate?
    /// Whose requests are, and what tenants see; nil: there are none.
    var tenants: TenantGate? { identity?.tenants }
    var policies: [PolicyBinding] = [] { didSet { gates = policies + filters } }
    var filters: [FilterBinding] = [] { didSet { gates = policies + filters } }

    /// What a call passes on its way out, in order.
    private(set) var gates: [ModuleBinding] = []

    /// Nothing stands between clients and servers.
    var isOpen: Bool { gates.isEmpty }

    /// Every binding, for swaps of plugins.
    var all: [ModuleBinding] { auth + policies + filters }
}

/// A policy.
final class PolicyBinding: ModuleBinding {
    override func repointed() { instance.lane.policiesChanged() }
}

extension Lane {
    /// Attaches what a plan adds and keeps what it leaves as it was. Throws the first refusal; nothing has changed then.
    func attached(_ plan: GatewayPlan) throws(PluginFailure) -> Modules {
        var made: [ModuleBinding] = []
        do {
            var new = Modules()
            new.auth = try bindings(.auth, plan.auth.providers, modules.auth, &made)
            new.policies = try bindings(.policy, plan.policies, modules.policies, &made)
            new.filters = try bindings(.filter, plan.filters, modules.filters, &made)
            let tenants = plan.tenants.map { TenantGate($0) }
            if !new.auth.isEmpty || tenants != nil {
                new.identity = IdentityGate(plan.auth, new.auth, tenants)
            }
            return new
        } catch {
            for binding in made { binding.leave() }
            throw error
        }
    }

    private func bindings<Binding: ModuleBinding>(
        _ facet: ModuleFacet, _ plans: [ModulePlan], _ old: [Binding], _ made: inout [ModuleBinding]
    ) throws(PluginFailure) -> [Binding] {
        var bindings: [Binding] = []
        for plan in plans {
            if let kept = old.first(where: { $0.plan == plan }) {
                bindings.append(kept)
                continue
            }
            guard let id = gateway.choice.module(facet, plan.kind)?.id, let instance = instance(id) else {
                throw PluginFailure(
                    plugin: "?", step: "attach",
                    message:
                        "no plugin is loaded for \(facet.word) \(plan.kind); restart the gateway to load one")
            }
            let binding = try Binding(instance, facet, plan)
            made.append(binding)
            bindings.append(binding)
        }
        return bindings
    }

    /// Everything new goes by these from now on; what left ends with what is under way.
    func adopt(_ new: Modules) {
        let old = modules
        modules = new
        identityChanged()
        let kept = new.all
        for binding in old.all where !kept.contains(where: { $0 === binding }) { binding.leave() }
        if !old.policies.elementsEqual(new.policies, by: ===) || old.tenants?.plan != new.tenants?.plan {
            if old.policies.isEmpty, old.tenants == nil { rememberLists() }
            policiesChanged()
        }
    }

    // MARK: Swaps

    private var everyBinding: [ModuleBinding] { modules.all + Array(credentialSources.values) }

    /// Leads bindings of a plugin to another build of it. Nil: done; else why not, and nothing has changed.
    func repointModules(to instance: PluginInstance) -> String? {
        if let why = store?.problem(instance) { return why }
        let mine = everyBinding.filter { $0.instance.id == instance.id }
        var attachments: [Attachment] = []
        do {
            for binding in mine { attachments.append(try Attachment(instance, binding.facet, binding.plan)) }
        } catch {
            for attachment in attachments { attachment.leave() }
            return error.description
        }
        for (binding, attachment) in zip(mine, attachments) { binding.repoint(attachment) }
        renewIdentity()
        store?.repoint(to: instance)
        return nil
    }

    func repointModulesBack(_ id: String) {
        for binding in everyBinding where binding.instance.id == id { binding.repointBack() }
        store?.repointBack(id)
        renewIdentity()
    }

    func forgetReplacedModules(_ id: String) {
        for binding in everyBinding where binding.instance.id == id { binding.forgetReplaced() }
        store?.forgetReplaced(id)
    }
}
