// SPDX-License-Identifier: Apache-2.0
// jf.identity/1 for one instance: what a provider accepted does not hold any more.

import CJackfield

func identityService(_ context: UnsafeMutableRawPointer) -> jf_identity_1 {
    jf_identity_1(
        size: UInt32(MemoryLayout<jf_identity_1>.size), flags: 0, context: context, forget: identityForget)
}

private func identityForget(_ context: UnsafeMutableRawPointer?, _ credential: jf_view) {
    let instance = instance(context)
    let id = instance.id
    let name = credential.present.map { String(decoding: $0, as: UTF8.self) }
    instance.lane.gateway.onEveryLane { $0.forgetIdentities(plugin: id, credential: name) }
}
