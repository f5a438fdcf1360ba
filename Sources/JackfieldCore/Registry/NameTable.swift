// SPDX-License-Identifier: Apache-2.0
// An immutable map from names, as bytes, to indexes: looked up with spans of a message, without making a String.

/// Open addressing over one block of name bytes. Built once, then only read, from any thread.
import MCP

struct NameTable: Sendable {
    private struct Slot: Sendable {
        var hash: UInt64 = 0
        var offset: UInt32 = 0
        var length: UInt32 = 0
        var value: Int32 = -1
    }

    private let slots: ContiguousArray<Slot>
    private let names: ContiguousArray<UInt8>
    private let mask: Int
    let count: Int

    /// The first of equal names wins.
    init(_ entries: [(name: String, value: Int)]) {
        var size = 8
        while size < entries.count * 2 { size *= 2 }
        var slots = ContiguousArray(repeating: Slot(), count: size)
        var names = ContiguousArray<UInt8>()
        var count = 0
        for (name, value) in entries {
            let bytes = ContiguousArray(name.utf8)
            let hash = bytes.withUnsafeBytes { NameTable.hash($0) }
            var at = Int(truncatingIfNeeded: hash) & (size - 1)
            var isKnown = false
            while slots[at].value >= 0 {
                let slot = slots[at]
                if slot.hash == hash, Int(slot.length) == bytes.count,
                    names[Int(slot.offset)..<Int(slot.offset) + bytes.count].elementsEqual(bytes)
                {
                    isKnown = true
                    break
                }
                at = (at + 1) & (size - 1)
            }
            if isKnown { continue }
            slots[at] = Slot(
                hash: hash, offset: UInt32(names.count), length: UInt32(bytes.count), value: Int32(value))
            names.append(contentsOf: bytes)
            count += 1
        }
        self.slots = slots
        self.names = names
        self.count = count
        mask = size - 1
    }

    /// The value of a name, or nil.
    func find(_ name: UnsafeRawBufferPointer) -> Int? {
        let hash = NameTable.hash(name)
        var at = Int(truncatingIfNeeded: hash) & mask
        return slots.withUnsafeBufferPointer { slots in
            names.withUnsafeBytes { names in
                while slots[at].value >= 0 {
                    let slot = slots[at]
                    if slot.hash == hash, Int(slot.length) == name.count {
                        let start = Int(slot.offset)
                        if UnsafeRawBufferPointer(rebasing: names[start..<start + name.count]).equals(name) {
                            return Int(slot.value)
                        }
                    }
                    at = (at + 1) & mask
                }
                return nil
            }
        }
    }

    func find(_ name: String) -> Int? {
        var name = name
        return name.withUTF8 { find(UnsafeRawBufferPointer($0)) }
    }

    /// FNV-1a, 64 bits, with a final mix (names are short and chosen by the operator's servers; the table is bounded, so
    /// a crafted collision costs a walk, not memory).
    static func hash(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        hash ^= hash >> 32
        return hash
    }
}
