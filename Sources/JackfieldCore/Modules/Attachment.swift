// SPDX-License-Identifier: Apache-2.0
// A plugin's instance attached for one entry of the configuration, and the binding that leads to it.

import CJackfield

/// What `attach` of a facet began, until its last operation is over. Belongs to its lane.
final class Attachment: OperationOwner {
    let instance: PluginInstance
    let facet: ModuleFacet
    private(set) var handle: jf_ref = 0
    /// Operations that its plugin has not finished, and passages whose end it must hear of.
    private var open = 0
    private var isLeft = false

    /// Attaches. Throws the plugin's refusal.
    init(_ instance: PluginInstance, _ facet: ModuleFacet, _ plan: ModulePlan) throws(PluginFailure) {
        self.instance = instance
        self.facet = facet
        let slot: AttachSlot? =
            switch facet {
            case .auth: instance.auth?.attach
            case .policy: instance.policy?.attach
            case .filter: instance.filter?.attach
            case .credentials: instance.credentials?.attach
            }
        guard let slot else {
            throw PluginFailure(
                plugin: instance.id, step: "attach",
                message: "it has no \(facet.id) to attach \(plan.name) to")
        }
        var fault = jf_fault.empty()
        let status = withView(plan.name) { name in
            withView(plan.options) { slot(instance.own, name, $0, &handle, &fault) }
        }
        guard status == JF_OK else {
            throw PluginFailure(
                plugin: instance.id, step: "attach",
                message: "\(facet.word) \(plan.name): "
                    + (fault.message.isEmpty ? "it answered \(statusName(status))" : fault.message))
        }
        instance.bindings += 1
    }

    private typealias AttachSlot =
        @convention(c) (
            OpaquePointer?, jf_view, jf_view, UnsafeMutablePointer<jf_ref>?, UnsafeMutablePointer<jf_fault>?
        ) -> Int32

    /// Something began that has an end.
    func take() { open += 1 }

    func release() {
        open -= 1
        detachIfOver()
    }

    func cancel(_ operation: UInt64) {
        guard let own = instance.own else { return }
        switch facet {
        case .auth: instance.auth?.cancel?(own, operation)
        case .policy: instance.policy?.cancel?(own, operation)
        case .filter: instance.filter?.cancel?(own, operation)
        case .credentials: instance.credentials?.cancel?(own, operation)
        }
    }

    /// Nothing new begins: detaches with the end of what is under way.
    func leave() {
        isLeft = true
        detachIfOver()
    }

    private func detachIfOver() {
        guard isLeft, open == 0, let own = instance.own, instance.bindings > 0 else { return }
        isLeft = false
        instance.bindings -= 1
        switch facet {
        case .auth: instance.auth?.detach?(own, handle)
        case .policy: instance.policy?.detach?(own, handle)
        case .filter: instance.filter?.detach?(own, handle)
        case .credentials: instance.credentials?.detach?(own, handle)
        }
    }
}

/// One entry of the configuration on one lane: led to another attachment when its plugin is swapped.
class ModuleBinding {
    let facet: ModuleFacet
    let plan: ModulePlan
    private(set) var attachment: Attachment
    /// What a plugin on trial took over from.
    private var replaced: Attachment?

    required init(_ instance: PluginInstance, _ facet: ModuleFacet, _ plan: ModulePlan) throws(PluginFailure)
    {
        self.facet = facet
        self.plan = plan
        attachment = try Attachment(instance, facet, plan)
    }

    var instance: PluginInstance { attachment.instance }
    var handle: jf_ref { attachment.handle }

    /// Leads to another build of its plugin; the way back stays open.
    func repoint(_ new: Attachment) {
        replaced?.leave()
        replaced = attachment
        attachment = new
        repointed()
    }

    /// Leads back to the build before.
    func repointBack() {
        guard let old = replaced else { return }
        attachment.leave()
        attachment = old
        replaced = nil
        repointed()
    }

    /// The new build is there for good.
    func forgetReplaced() {
        replaced?.leave()
        replaced = nil
    }

    /// It left the configuration.
    func leave() {
        forgetReplaced()
        attachment.leave()
    }

    /// Another build answers from now on: what was learnt of the old one is not to be trusted.
    func repointed() {}
}
