// SPDX-License-Identifier: Apache-2.0
// Handles: a slot and a generation, so that a stale one is recognised instead of followed.

/// Objects behind handles of at most 52 bits (generation · 20-bit slot), which also fit a JSON number exactly. A
/// handle is never 0. Not thread-safe: it belongs to one loop.
struct SlotMap<Element: AnyObject> {
    private struct Slot {
        var element: Element?
        var generation: UInt64
    }

    private static var slotBits: UInt64 { 20 }
    private static var slotMask: UInt64 { (1 << 20) - 1 }

    private var slots: ContiguousArray<Slot> = []
    private var free: ContiguousArray<Int32> = []
    private(set) var count = 0

    /// A handle for the element; nil when all 2^20 slots are taken.
    mutating func insert(_ element: Element) -> UInt64? {
        let slot: Int
        if let reused = free.popLast() {
            slot = Int(reused)
        } else {
            guard slots.count <= Int(Self.slotMask) else { return nil }
            slot = slots.count
            slots.append(Slot(element: nil, generation: 1))
        }
        slots[slot].element = element
        count += 1
        return slots[slot].generation << Self.slotBits | UInt64(slot)
    }

    @inline(__always)
    subscript(_ handle: UInt64) -> Element? {
        let slot = Int(handle & Self.slotMask)
        guard slot < slots.count, slots[slot].generation == handle >> Self.slotBits else { return nil }
        return slots[slot].element
    }

    @discardableResult
    mutating func remove(_ handle: UInt64) -> Element? {
        let slot = Int(handle & Self.slotMask)
        guard slot < slots.count, slots[slot].generation == handle >> Self.slotBits,
            let element = slots[slot].element
        else { return nil }
        slots[slot].element = nil
        // 32 bits of generation: a handle repeats after four billion uses of its slot.
        slots[slot].generation = slots[slot].generation % 0xFFFF_FFFF + 1
        free.append(Int32(slot))
        count -= 1
        return element
    }

    /// Visits every live element. The map must not change meanwhile.
    func forEach(_ body: (UInt64, Element) -> Void) {
        for (index, slot) in slots.enumerated() {
            if let element = slot.element { body(slot.generation << Self.slotBits | UInt64(index), element) }
        }
    }
}
