// SPDX-License-Identifier: Apache-2.0
// jf.policies/1 for one instance: a policy tells that it decides otherwise from now on.

import CJackfield

func policiesService(_ context: UnsafeMutableRawPointer) -> jf_policies_1 {
    jf_policies_1(
        size: UInt32(MemoryLayout<jf_policies_1>.size), flags: 0, context: context,
        changed: policiesServiceChanged)
}

private func policiesServiceChanged(_ context: UnsafeMutableRawPointer?, _ handle: jf_ref) {
    instance(context).lane.gateway.policiesChanged()
}
