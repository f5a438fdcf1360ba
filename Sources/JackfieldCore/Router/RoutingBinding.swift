// SPDX-License-Identifier: Apache-2.0
// One server attached to one instance of a routing strategy; calls that it picked report back to it until the last is over.

import CJackfield

/// Belongs to its lane.
final class RoutingBinding {
    /// Largest state that is handed to a newer generation, in bytes.
    static let stateLimit = 1 << 20

    let instance: PluginInstance
    /// The core keeps slow starts for it.
    let ignoresReadiness: Bool
    private(set) var handle: jf_ref = 0
    private var openCalls = 0
    private var isLeft = false

    /// Attaches. Throws the strategy's refusal.
    init(_ instance: PluginInstance, _ server: Server) throws(PluginFailure) {
        self.instance = instance
        ignoresReadiness = instance.library.manifest.routing?.honours.contains("ready") != true
        guard let attach = instance.routing?.attach else {
            throw PluginFailure(plugin: instance.id, step: "attach", message: "it has no routing table")
        }
        var fault = jf_fault.empty()
        let status = withView(server.name) { name in
            withView(server.plan.strategyOptions) { attach(instance.own, name, $0, &handle, &fault) }
        }
        guard status == JF_OK else {
            throw PluginFailure(
                plugin: instance.id, step: "attach",
                message: fault.message.isEmpty ? "it answered \(statusName(status))" : fault.message)
        }
        instance.bindings += 1
    }

    /// The strategy picked for a call, which will report its outcome.
    func take() { openCalls += 1 }

    /// A call that it picked for is over.
    func release() {
        openCalls -= 1
        detachIfOver()
    }

    /// No more picks: detaches with the last open call.
    func leave() {
        isLeft = true
        detachIfOver()
    }

    private func detachIfOver() {
        guard isLeft, openCalls == 0, let own = instance.own, instance.bindings > 0 else { return }
        instance.bindings -= 1
        isLeft = false
        instance.routing?.detach?(own, handle)
    }

    func observe(_ call: Call, _ endpoint: Endpoint, status: Int32, latency: UInt64, _ now: UInt64) {
        guard let observe = instance.routing?.observe, let own = instance.own else { return }
        var outcome = jf_outcome()
        outcome.size = UInt32(MemoryLayout<jf_outcome>.size)
        outcome.status = status
        outcome.endpoint = endpoint.id
        outcome.latency_ns = latency
        outcome.flags = call.isGivenUp ? UInt32(JF_OUTCOME_CANCELED) : 0
        outcome.attempt = call.attempt
        outcome.now_ns = now
        observe(own, handle, &outcome)
    }

    /// Takes what `old` has learnt. Nil: done, or there is nothing to take; else why it starts afresh.
    func takeState(of old: RoutingBinding) -> String? {
        guard let export = old.instance.routing?.export_state, let give = instance.routing?.import_state
        else {
            return nil
        }
        var blob = jf_blob.none
        var fault = jf_fault.empty()
        let status = export(old.instance.own, old.handle, &blob, &fault)
        defer { blob.dropOnce() }
        if status == JF_ABSENT { return nil }
        func why(_ step: String, _ status: Int32) -> String {
            "\(step): \(fault.message.isEmpty ? statusName(status) : fault.message)"
        }
        guard status == JF_OK else { return why("export_state", status) }
        guard blob.bytes.count <= Self.stateLimit else {
            return "export_state: \(blob.bytes.count) bytes are more than \(Self.stateLimit)"
        }
        fault = jf_fault.empty()
        let taken = give(instance.own, handle, jf_view(blob.bytes), &fault)
        return taken == JF_OK ? nil : why("import_state", taken)
    }
}
