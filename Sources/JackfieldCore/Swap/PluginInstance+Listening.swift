// SPDX-License-Identifier: Apache-2.0
// A listener's instance begins and ends to accept.

import CJackfield

extension PluginInstance {
    /// Begins to accept for a listener of the plan; returns where.
    /// - Parameter bound: where another instance listens already, which shares its place.
    func listen(_ number: Int, at bound: String?, _ plan: ListenerPlan) throws(GatewayProblem) -> String {
        guard let slot = listener?.listen else {
            throw GatewayProblem("cannot listen (\(plan.transport)): plugin \(id) has no listener")
        }
        var blob = jf_blob.none
        var fault = jf_fault.empty()
        let address =
            bound.map { $0[($0.range(ofText: "://")?.upperBound ?? $0.startIndex)...] }.map(String.init) ?? ""
        let status = withView(address) { address in
            withView(plan.options) {
                slot(own, jf_ref(number + 1), bound == nil ? .absent : address, $0, &blob, &fault)
            }
        }
        defer { blob.dropOnce() }
        guard status == JF_OK else {
            throw GatewayProblem(
                "cannot listen (\(plan.transport)): \(fault.message.isEmpty ? statusName(status) : fault.message)"
            )
        }
        return String(decoding: blob.bytes, as: UTF8.self)
    }

    /// Ends it for the first `count` listeners of the plan; those of other plugins are unknown to it, which does no harm.
    func unlisten(count: Int) {
        guard let slot = listener?.unlisten, let own else { return }
        for number in 0..<count { slot(own, jf_ref(number + 1)) }
    }
}
