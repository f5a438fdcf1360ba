// SPDX-License-Identifier: Apache-2.0
// The slots of jf_routing_1: free functions, since a closure may be taken for one of the main actor's.

import CJackfield

func routingTable(handsOver: Bool) -> jf_routing_1 {
    jf_routing_1(
        size: UInt32(MemoryLayout<jf_routing_1>.size), flags: 0, attach: attachServer, detach: detachServer,
        pick: pickEndpoint, observe: observeOutcome, export_state: handsOver ? exportState : nil,
        import_state: handsOver ? importState : nil)
}

private func attachServer(
    _ own: OpaquePointer?, _ name: jf_view, _ config: jf_view, _ handle: UnsafeMutablePointer<jf_ref>?,
    _ why: UnsafeMutablePointer<jf_fault>?
) -> Int32 {
    Instance.with(own) { instance in
        guard let facet = instance.routing, let handle else { return Int32(JF_E_FAULT) }
        guard let options = JSONReader(config, facet.services) else {
            return Refusal(JF_E_INVALID, "the server's routing options are not JSON").fill(why)
        }
        do {
            handle.pointee = try facet.attach(name.text ?? "", options)
            return Int32(JF_OK)
        } catch {
            return Refusal(error).fill(why)
        }
    } ?? Int32(JF_E_FAULT)
}

private func detachServer(_ own: OpaquePointer?, _ handle: jf_ref) {
    Instance.with(own) { $0.routing?.detach(handle) }
}

private func pickEndpoint(
    _ own: OpaquePointer?, _ handle: jf_ref, _ call: UnsafePointer<jf_pick>?,
    _ eligible: UnsafePointer<UnsafePointer<jf_endpoint>?>?, _ count: UInt64,
    _ chosen: UnsafeMutablePointer<UInt32>?, _ why: UnsafeMutablePointer<jf_fault>?
) -> Int32 {
    guard let call, let eligible, let chosen else { return Int32(JF_E_FAULT) }
    return Instance.with(own) { instance in
        guard let server = instance.routing?.server(handle) else { return Int32(JF_E_STALE) }
        guard let choice = server.pick(RoutingCall(call), Endpoints(eligible, count)) else {
            return Int32(JF_ABSENT)
        }
        guard choice >= 0, choice < count, let index = UInt32(exactly: choice) else {
            return Refusal(JF_E_FAULT, "it picked endpoint \(choice) of \(count)").fill(why)
        }
        chosen.pointee = index
        return Int32(JF_OK)
    } ?? Int32(JF_E_FAULT)
}

private func observeOutcome(_ own: OpaquePointer?, _ handle: jf_ref, _ outcome: UnsafePointer<jf_outcome>?) {
    guard let outcome = attach(UnsafeRawPointer(outcome), jf_outcome()) else { return }
    let failure = outcome.status == JF_OK ? nil : PluginError.Code(status: outcome.status)
    // The size of ABI 1.1.
    let isTold = outcome.size >= 40
    Instance.with(own) {
        $0.routing?.server(handle)?.observe(
            RoutingOutcome(
                endpoint: EndpointID(outcome.endpoint), failure: failure,
                latencyNanoseconds: outcome.latency_ns,
                traits: isTold ? RoutingOutcome.Traits(rawValue: outcome.flags) : nil,
                attempt: isTold ? Int(outcome.attempt) : nil,
                nowNanoseconds: outcome.now_ns > 0 ? outcome.now_ns : nil))
    }
}

private func exportState(
    _ own: OpaquePointer?, _ handle: jf_ref, _ out: UnsafeMutablePointer<jf_blob>?,
    _ why: UnsafeMutablePointer<jf_fault>?
) -> Int32 {
    Instance.with(own) { instance in
        guard let server = instance.routing?.server(handle), let out else { return Int32(JF_E_STALE) }
        do {
            out.pointee = .copying(try server.exportState())
            return Int32(JF_OK)
        } catch {
            return Refusal(error).fill(why)
        }
    } ?? Int32(JF_E_FAULT)
}

private func importState(
    _ own: OpaquePointer?, _ handle: jf_ref, _ state: jf_view, _ why: UnsafeMutablePointer<jf_fault>?
) -> Int32 {
    Instance.with(own) { instance in
        guard let server = instance.routing?.server(handle) else { return Int32(JF_E_STALE) }
        do {
            try server.importState(Array(state.bytes))
            return Int32(JF_OK)
        } catch {
            return Refusal(error).fill(why)
        }
    } ?? Int32(JF_E_FAULT)
}
