// SPDX-License-Identifier: Apache-2.0
// Handles: a slot and a generation, so that a stale one is recognised instead of followed.

/// Objects behind handles of at most 53 bits (generation · tag · slot), which also fit a JSON number exactly. A
/// handle is never 0. Not thread-safe: it belongs to one loop.
struct SlotMap<Element: AnyObject> {
    private struct Slot {
        var element: Element?
        var generation: UInt64
    }

    /// Five bits that tell the handles of several maps apart.
    static var tags: UInt64 { 32 }

    private let slotMask: UInt64
    private let shift: UInt64
    /// Below the generation, above the slot.
    private let tag: UInt64
    private var slots: ContiguousArray<Slot> = []
    private var free: ContiguousArray<Int32> = []
    private(set) var count = 0

    /// Handles that are this map's alone: 2^20 of them at a time.
    init() {
        slotMask = (1 << 20) - 1
        shift = 20
        tag = 0
    }

    /// Handles that no map of another tag has (`tag` below `tags`): 2^16 of them at a time.
    init(tag: UInt64) {
        slotMask = (1 << 16) - 1
        shift = 21
        self.tag = (tag % Self.tags) << 16
    }

    /// A handle for the element; nil when all slots are taken.
    mutating func insert(_ element: Element) -> UInt64? {
        let slot: Int
        if let reused = free.popLast() {
            slot = Int(reused)
        } else {
            guard slots.count <= Int(slotMask) else { return nil }
            slot = slots.count
            slots.append(Slot(element: nil, generation: 1))
        }
        slots[slot].element = element
        count += 1
        return handle(slot)
    }

    @inline(__always)
    subscript(_ handle: UInt64) -> Element? {
        let slot = Int(handle & slotMask)
        guard slot < slots.count, self.handle(slot) == handle else { return nil }
        return slots[slot].element
    }

    @discardableResult
    mutating func remove(_ handle: UInt64) -> Element? {
        let slot = Int(handle & slotMask)
        guard slot < slots.count, self.handle(slot) == handle,
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
            if let element = slot.element { body(handle(index), element) }
        }
    }

    @inline(__always)
    private func handle(_ slot: Int) -> UInt64 { slots[slot].generation << shift | tag | UInt64(slot) }
}
