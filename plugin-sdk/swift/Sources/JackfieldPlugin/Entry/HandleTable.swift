// SPDX-License-Identifier: Apache-2.0
// The plugin's own handles: what `attach`, `open` and `accept` give to the host.

import CJackfield

/// Values by handle: slot and generation, so that a stale handle finds nothing. Looking one up costs an index
/// and a comparison.
struct HandleTable<Value: AnyObject> {
    private struct Slot {
        var generation: UInt32
        var value: Value?
    }

    private var slots: [Slot] = []
    private var free: [Int] = []

    mutating func insert(_ value: Value) -> jf_ref {
        let handle = reserve()
        fill(handle, value)
        return handle
    }

    /// A handle without a value yet.
    mutating func reserve() -> jf_ref {
        if let index = free.popLast() {
            slots[index].generation &+= 1
            return handle(index)
        }
        slots.append(Slot(generation: 1, value: nil))
        return handle(slots.count - 1)
    }

    /// Gives a reserved handle its value; nil: the handle is free again.
    mutating func fill(_ handle: jf_ref, _ value: Value?) {
        let index = Int(handle & 0xffff_ffff) - 1
        slots[index].value = value
        if value == nil { free.append(index) }
    }

    /// Slot 0 is handle 1 in its lower half: 0 is never valid.
    private func handle(_ index: Int) -> jf_ref {
        UInt64(slots[index].generation) << 32 | UInt64(UInt32(truncatingIfNeeded: index + 1))
    }

    @inline(__always)
    subscript(handle: jf_ref) -> Value? {
        let index = Int(handle & 0xffff_ffff) - 1
        guard index >= 0, index < slots.count, slots[index].generation == UInt32(handle >> 32) else {
            return nil
        }
        return slots[index].value
    }

    mutating func remove(_ handle: jf_ref) -> Value? {
        guard let value = self[handle] else { return nil }
        let index = Int(handle & 0xffff_ffff) - 1
        slots[index].value = nil
        free.append(index)
        return value
    }

    /// Empties the table; its handles stay stale.
    mutating func removeAll() -> [Value] {
        let values = slots.compactMap(\.value)
        for index in slots.indices where slots[index].value != nil {
            slots[index].value = nil
            free.append(index)
        }
        return values
    }
}
