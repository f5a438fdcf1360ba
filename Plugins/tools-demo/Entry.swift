// SPDX-License-Identifier: Apache-2.0
// The exported entry function of tools-demo.

import JackfieldPlugin

@c(jf_entry_1) public func entry(_ offer: PluginOffer, _ why: PluginRefusal) -> PluginTable {
    PluginEntry<DemoTools>.entry(offer, why)
}
