// SPDX-License-Identifier: Apache-2.0
// Watches of plugins on keys of the store.

import CJackfield

/// A plugin that wants to hear of changes, or the gateway itself (`told`).
struct StateWatch {
    let asker: PluginInstance?
    let changed: jf_state_changed_fn?
    let user: UnsafeMutableRawPointer?
    /// As the store has it, the plugin's id included.
    let prefix: [UInt8]
    var told: (([UInt8]?, UInt64) -> Void)?
}

extension StoreBinding {
    /// Watches of one lane; each costs the store memory.
    static let mostWatches = 1024

    func watch(
        _ asker: PluginInstance, _ prefix: jf_view, _ changed: jf_state_changed_fn,
        _ user: UnsafeMutableRawPointer?, _ out: UnsafeMutablePointer<jf_ref>?
    ) -> Int32 {
        guard let own = use.instance.own, let slot = use.instance.store?.watch,
            use.instance.store?.unwatch != nil
        else { return Int32(JF_E_UNSUPPORTED) }
        guard watches.count < StoreBinding.mostWatches else { return Int32(JF_E_BUSY) }
        keys.reset()
        guard let key = keys.key(asker.id, prefix) else { return Int32(JF_E_INVALID) }
        lastWatch += 1
        let watch = lastWatch
        watches[watch] = StateWatch(asker: asker, changed: changed, user: user, prefix: [UInt8](key.bytes))
        // Known before the first word about it, which may come from inside.
        out?.pointee = watch
        var fault = jf_fault.empty()
        let status = slot(own, watch, key, &fault)
        if status != JF_OK { watches[watch] = nil }
        return status
    }

    func unwatch(_ watch: UInt64, of asker: PluginInstance) {
        guard watches[watch]?.asker === asker else { return }
        watches[watch] = nil
        if let own = use.instance.own { use.instance.store?.unwatch?(own, watch) }
    }

    /// The store tells of a key; on the lane.
    /// - Parameter key: as the store has it; nil: anything may have changed.
    func changed(_ watch: UInt64, _ key: [UInt8]?, _ revision: UInt64) {
        guard let it = watches[watch] else { return }
        if let told = it.told { return told(key, revision) }
        guard let asker = it.asker, asker.own != nil, let changed = it.changed else { return }
        guard let key else { return changed(it.user, watch, .absent, revision) }
        guard key.starts(with: it.prefix) else { return }
        key.withUnsafeBytes { key in
            let own = UnsafeRawBufferPointer(rebasing: key.dropFirst(StateKeys.length(of: asker.id)))
            changed(it.user, watch, jf_view(own), revision)
        }
    }

    /// Another instance of the store tells from now on; what changed in between is not known.
    func carryWatches(from old: PluginInstance) {
        for (watch, it) in watches {
            var fault = jf_fault.empty()
            if let own = use.instance.own {
                let status = it.prefix.withUnsafeBytes {
                    use.instance.store?.watch?(own, watch, jf_view($0), &fault) ?? Int32(JF_E_UNSUPPORTED)
                }
                if status != JF_OK {
                    lane.log.write(
                        .warning, "a watch did not move to the store's new build",
                        [.init("plugin", it.asker?.id ?? "none"), .init("why", fault.message)])
                }
            }
            if let own = old.own { old.store?.unwatch?(own, watch) }
            lane.loop.later { [weak self] in self?.changed(watch, nil, 0) }
        }
    }
}
