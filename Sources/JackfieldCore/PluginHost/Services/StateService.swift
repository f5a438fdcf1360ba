// SPDX-License-Identifier: Apache-2.0
// jf.state/1 for plugins that keep state, jf.watches/1 for the store that keeps it: thin doors into the lane's store.

import CJackfield

func stateService(_ context: UnsafeMutableRawPointer) -> jf_state_1 {
    jf_state_1(
        size: UInt32(MemoryLayout<jf_state_1>.size), flags: 0, context: context, get: stateGet,
        put: statePut, remove: stateRemove, list: stateList, add: stateAdd, take: stateTake,
        watch: stateWatch, unwatch: stateUnwatch, abandon: stateAbandon)
}

func watchesService(_ context: UnsafeMutableRawPointer) -> jf_watches_1 {
    jf_watches_1(
        size: UInt32(MemoryLayout<jf_watches_1>.size), flags: 0, context: context, changed: watchesChanged)
}

// MARK: jf.watches/1

private func watchesChanged(
    _ context: UnsafeMutableRawPointer?, _ watch: jf_ref, _ key: jf_view, _ revision: UInt64
) {
    let lane = instance(context).lane
    let copy = key.present.map { [UInt8]($0) }
    lane.loop.post { lane.store?.changed(watch, copy, revision) }
}

// MARK: jf.state/1

private func stateGet(
    _ context: UnsafeMutableRawPointer?, _ key: jf_view, _ done: jf_state_done_fn?,
    _ user: UnsafeMutableRawPointer?, _ out: UnsafeMutablePointer<jf_ref>?
) -> Int32 {
    withStore(context, done, user, hasEntries: true) { state, asked, keys, id in
        guard key.ptr != nil, key.len > 0, let key = keys.key(id, key) else { return Int32(JF_E_INVALID) }
        return state.begin(asked, out) { own, store, operation, blob, fault in
            store.get?(own, operation, key, &blob, &fault) ?? Int32(JF_E_UNSUPPORTED)
        }
    }
}

private func statePut(
    _ context: UnsafeMutableRawPointer?, _ put: UnsafePointer<jf_store_put>?, _ done: jf_state_done_fn?,
    _ user: UnsafeMutableRawPointer?, _ out: UnsafeMutablePointer<jf_ref>?
) -> Int32 {
    withStore(context, done, user, hasEntries: true) { state, asked, keys, id in
        guard let put else { return Int32(JF_E_INVALID) }
        var own = attach(UnsafeRawPointer(put), as: jf_store_put.self, empty: jf_store_put())
        guard own.key.ptr != nil, own.key.len > 0, let key = keys.key(id, own.key) else {
            return Int32(JF_E_INVALID)
        }
        own.size = UInt32(MemoryLayout<jf_store_put>.size)
        own.key = key
        return state.begin(asked, out) { side, store, operation, blob, fault in
            store.put?(side, operation, &own, &blob, &fault) ?? Int32(JF_E_UNSUPPORTED)
        }
    }
}

private func stateRemove(
    _ context: UnsafeMutableRawPointer?, _ key: jf_view, _ revision: UInt64, _ done: jf_state_done_fn?,
    _ user: UnsafeMutableRawPointer?, _ out: UnsafeMutablePointer<jf_ref>?
) -> Int32 {
    withStore(context, done, user, hasEntries: true) { state, asked, keys, id in
        guard key.ptr != nil, key.len > 0, let key = keys.key(id, key) else { return Int32(JF_E_INVALID) }
        return state.begin(asked, out) { own, store, operation, blob, fault in
            store.remove?(own, operation, key, revision, &blob, &fault) ?? Int32(JF_E_UNSUPPORTED)
        }
    }
}

private func stateList(
    _ context: UnsafeMutableRawPointer?, _ list: UnsafePointer<jf_store_list>?, _ done: jf_state_done_fn?,
    _ user: UnsafeMutableRawPointer?, _ out: UnsafeMutablePointer<jf_ref>?
) -> Int32 {
    withStore(context, done, user, hasEntries: true) { state, asked, keys, id in
        guard let list else { return Int32(JF_E_INVALID) }
        var own = attach(UnsafeRawPointer(list), as: jf_store_list.self, empty: jf_store_list())
        guard let prefix = keys.key(id, own.prefix) else { return Int32(JF_E_INVALID) }
        own.size = UInt32(MemoryLayout<jf_store_list>.size)
        own.prefix = prefix
        if own.after.ptr != nil {
            guard let after = keys.key(id, own.after) else { return Int32(JF_E_INVALID) }
            own.after = after
        }
        return state.begin(asked, out) { side, store, operation, blob, fault in
            store.list?(side, operation, &own, &blob, &fault) ?? Int32(JF_E_UNSUPPORTED)
        }
    }
}

private func stateAdd(
    _ context: UnsafeMutableRawPointer?, _ add: UnsafePointer<jf_store_add>?, _ done: jf_state_done_fn?,
    _ user: UnsafeMutableRawPointer?, _ out: UnsafeMutablePointer<jf_ref>?
) -> Int32 {
    withStore(context, done, user, hasEntries: true) { state, asked, keys, id in
        guard let add else { return Int32(JF_E_INVALID) }
        var own = attach(UnsafeRawPointer(add), as: jf_store_add.self, empty: jf_store_add())
        guard own.key.ptr != nil, own.key.len > 0, let key = keys.key(id, own.key) else {
            return Int32(JF_E_INVALID)
        }
        own.size = UInt32(MemoryLayout<jf_store_add>.size)
        own.key = key
        return state.begin(asked, out) { side, store, operation, blob, fault in
            store.add?(side, operation, &own, &blob, &fault) ?? Int32(JF_E_UNSUPPORTED)
        }
    }
}

private func stateTake(
    _ context: UnsafeMutableRawPointer?, _ limits: UnsafePointer<jf_store_limit>?, _ count: UInt64,
    _ done: jf_state_done_fn?, _ user: UnsafeMutableRawPointer?, _ out: UnsafeMutablePointer<jf_ref>?
) -> Int32 {
    withStore(context, done, user, hasEntries: false) { state, asked, keys, id in
        guard let limits, count >= 1, count <= UInt64(JF_STORE_TAKE_MOST),
            let own = keys.limits(id, limits, Int(count))
        else { return Int32(JF_E_INVALID) }
        return state.begin(asked, out) { side, store, operation, blob, fault in
            store.take?(side, operation, own, count, &blob, &fault) ?? Int32(JF_E_UNSUPPORTED)
        }
    }
}

private func stateWatch(
    _ context: UnsafeMutableRawPointer?, _ prefix: jf_view, _ changed: jf_state_changed_fn?,
    _ user: UnsafeMutableRawPointer?, _ out: UnsafeMutablePointer<jf_ref>?
) -> Int32 {
    guard let changed else { return Int32(JF_E_INVALID) }
    return withInstance(context) { asker in
        asker.lane.store?.watch(asker, prefix, changed, user, out) ?? Int32(JF_E_GONE)
    }
}

private func stateUnwatch(_ context: UnsafeMutableRawPointer?, _ watch: jf_ref) {
    withInstance(context) { $0.lane.store?.unwatch(watch, of: $0) }
}

private func stateAbandon(_ context: UnsafeMutableRawPointer?, _ operation: jf_ref) {
    withInstance(context) { $0.lane.store?.abandon(operation, of: $0) }
}

/// Lends the store of the asker's lane, with room for its keys.
@inline(__always)
private func withStore(
    _ context: UnsafeMutableRawPointer?, _ done: jf_state_done_fn?, _ user: UnsafeMutableRawPointer?,
    hasEntries: Bool, _ body: (StoreBinding, StateOperation, StateKeys, String) -> Int32
) -> Int32 {
    guard let done else { return Int32(JF_E_INVALID) }
    return withInstance(context) { asker in
        guard let state = asker.lane.store else { return Int32(JF_E_GONE) }
        state.keys.reset()
        let asked = StateOperation(asker: asker, done: done, user: user, hasEntries: hasEntries)
        return body(state, asked, state.keys, asker.id)
    }
}
