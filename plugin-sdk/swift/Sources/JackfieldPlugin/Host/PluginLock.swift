// SPDX-License-Identifier: Apache-2.0
// A mutex around a value.

import CPluginLock

/// The value may be touched inside `withLock` only, which is what makes this Sendable.
final class PluginLock<Value>: @unchecked Sendable {
    private let lock: OpaquePointer
    private var value: Value

    init(_ value: Value) {
        guard let lock = jf_plugin_lock_make() else { fatalError("out of memory") }
        self.lock = lock
        self.value = value
    }

    deinit { jf_plugin_lock_free(lock) }

    /// Not recursive: `body` neither takes the lock again nor releases objects that might.
    func withLock<Result>(_ body: (inout Value) -> Result) -> Result {
        jf_plugin_lock_take(lock)
        defer { jf_plugin_lock_leave(lock) }
        return body(&value)
    }
}
