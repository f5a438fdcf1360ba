// SPDX-License-Identifier: Apache-2.0
// SlotMap: handles, stale ones, reuse of slots.

import Testing

@testable import JackfieldCore

extension SlotMap {
    /// As `insert`, where there must be room.
    fileprivate mutating func added(_ element: Element) throws -> UInt64 {
        let handle = insert(element)
        return try #require(handle)
    }
}

@Suite("Slot map") struct SlotMapTests {
    final class Item {
        let number: Int
        init(_ number: Int) { self.number = number }
    }

    @Test func anEmptyMapKnowsNoHandle() {
        let map = SlotMap<Item>()
        for handle in [0, 1, 1 << 20, .max] as [UInt64] { #expect(map[handle] == nil) }
        #expect(map.count == 0)
    }

    @Test func everyElementIsBehindItsOwnHandle() throws {
        var map = SlotMap<Item>()
        var handles: [UInt64] = []
        for number in 0..<1000 { handles.append(try map.added(Item(number))) }
        #expect(Set(handles).count == 1000)
        #expect(!handles.contains(0))
        #expect(map.count == 1000)
        for (number, handle) in handles.enumerated() { #expect(map[handle]?.number == number) }
    }

    @Test func aRemovedHandleIsStaleForGood() throws {
        var map = SlotMap<Item>()
        let first = try map.added(Item(1))
        #expect(map.remove(first)?.number == 1)
        #expect(map[first] == nil)
        #expect(map.remove(first) == nil)
        // Its slot is used again, under another handle.
        let second = try map.added(Item(2))
        #expect(second != first)
        #expect(second & 0xF_FFFF == first & 0xF_FFFF)
        #expect(map[first] == nil)
        #expect(map.remove(first) == nil)
        #expect(map[second]?.number == 2)
        #expect(map.count == 1)
    }

    @Test func generationsCountUpAndHandlesFitAJSONNumber() throws {
        var map = SlotMap<Item>()
        var last: UInt64 = 0
        for _ in 0..<10_000 {
            let handle = try map.added(Item(0))
            #expect(handle > last)
            #expect(handle < 1 << 52)
            last = handle
            map.remove(handle)
        }
        #expect(last >> 20 == 10_000)
    }

    @Test func removingReleasesTheElement() throws {
        var map = SlotMap<Item>()
        weak var watched: Item?
        let handle: UInt64
        do {
            let item = Item(1)
            watched = item
            handle = try map.added(item)
        }
        #expect(watched != nil)
        map.remove(handle)
        #expect(watched == nil)
    }

    @Test func madeUpHandlesLeadNowhere() throws {
        var map = SlotMap<Item>()
        let handle = try map.added(Item(1))
        for made in [handle + 1, handle ^ 1 << 20, handle | 1 << 52, handle & 0xF_FFFF, handle | 1 << 63] {
            #expect(map[made] == nil)
            #expect(map.remove(made) == nil)
        }
        #expect(map[handle]?.number == 1)
    }

    @Test func aFullMapRefusesUntilSomethingLeaves() throws {
        var map = SlotMap<Item>()
        let item = Item(1)
        var last: UInt64 = 0
        for _ in 0..<(1 << 20) { last = map.insert(item) ?? 0 }
        #expect(last & 0xF_FFFF == 0xF_FFFF)
        #expect(map.count == 1 << 20)
        #expect(map.insert(item) == nil)
        map.remove(last)
        let again = try map.added(item)
        #expect(again & 0xF_FFFF == last & 0xF_FFFF)
        #expect(map.insert(item) == nil)
    }

    @Test func randomUseAgreesWithADictionary() {
        var random = Generator(state: 41)
        var map = SlotMap<Item>()
        var model: [UInt64: Int] = [:]
        var gone: [UInt64] = []
        for step in 0..<20_000 {
            if Bool.random(using: &random), let handle = model.keys.sorted().randomElement(using: &random),
                model.count > 20
            {
                #expect(map.remove(handle)?.number == model.removeValue(forKey: handle))
                gone.append(handle)
            } else if let handle = map.insert(Item(step)) {
                #expect(model.updateValue(step, forKey: handle) == nil)
            }
            if model.count > 40, let handle = model.keys.sorted().first {
                map.remove(handle)
                model[handle] = nil
                gone.append(handle)
            }
            #expect(map.count == model.count)
        }
        for (handle, number) in model { #expect(map[handle]?.number == number) }
        for handle in gone { #expect(map[handle] == nil) }
        var visited: [UInt64: Int] = [:]
        map.forEach { visited[$0] = $1.number }
        #expect(visited == model)
    }
}
