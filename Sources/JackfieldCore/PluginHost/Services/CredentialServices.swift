// SPDX-License-Identifier: Apache-2.0
// jf.connected/1 for one instance: a user agreed, or what was supplied does not hold any more.

import CJackfield

func connectedService(_ context: UnsafeMutableRawPointer) -> jf_connected_1 {
    jf_connected_1(
        size: UInt32(MemoryLayout<jf_connected_1>.size), flags: 0, context: context,
        connected: connectedConnected, forget: connectedForget)
}

private func connectedConnected(_ context: UnsafeMutableRawPointer?, _ id: jf_view, _ status: Int32) {
    let instance = instance(context)
    let id = id.string
    instance.lane.gateway.onEveryLane { $0.connected(id, isDone: status == JF_OK) }
}

private func connectedForget(_ context: UnsafeMutableRawPointer?, _ key: jf_view) {
    let instance = instance(context)
    let plugin = instance.id
    let principal = key.present.map { String(decoding: $0, as: UTF8.self) }
    instance.lane.gateway.onEveryLane { $0.forgetSupplies(plugin: plugin, principal: principal) }
}
