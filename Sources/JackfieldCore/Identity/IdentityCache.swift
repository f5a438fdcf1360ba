// SPDX-License-Identifier: Apache-2.0
// Principals by what was shown for them: what a provider has accepted, it need not be asked again for a while.

import CLinux
import Glibc

/// Stands for the credentials of a request and the endpoint that they were shown at.
struct IdentityKey: Hashable {
    let low: UInt64
    let high: UInt64

    init(_ hash: (low: UInt64, high: UInt64)) {
        low = hash.low
        high = hash.high
    }

    /// Keyed already.
    func hash(into hasher: inout Hasher) { hasher.combine(low) }
}

/// The principals of one lane. Bounded: one that nobody asked for lately gives way.
///
/// A million fit: 32 bytes each in open-addressed parts, which grow one at a time and by a quarter, so that no request ever
/// waits for more than a thousand of them to be moved. Each part drops what has ended or was not asked for since its hand
/// came by last.
final class IdentityCache {
    private var parts: [IdentityPart]
    private let mask: UInt64
    /// The plugins that vouched, by number.
    private var plugins: [String] = []

    init(limit: Int) {
        var count = 1
        while count < 1024, limit / count > 1024 { count *= 2 }
        mask = UInt64(count - 1)
        parts = Array(repeating: IdentityPart(limit: max(1, limit / count)), count: count)
    }

    deinit { removeAll() }

    func find(_ key: IdentityKey, now: UInt64) -> Principal? {
        parts[Int(key.high & mask)].find(key, now: now)
    }

    /// - Parameter until: monotonic nanoseconds; kept to a quarter of a microsecond.
    func insert(_ key: IdentityKey, _ principal: Principal, until: UInt64, plugin: String) {
        let slot = IdentitySlot(key, principal, until: until, plugin: number(plugin))
        parts[Int(key.high & mask)].insert(slot, now: jf_monotonic_ns())
    }

    /// Forgets what a plugin vouched for: everything, or what was shown under one name.
    func forget(plugin: String, credential: String?) {
        guard let at = plugins.firstIndex(of: plugin) else { return }
        let number = min(UInt64(at), IdentitySlot.lastPlugin)
        for part in parts.indices {
            parts[part].removeAll {
                $0.plugin == number && (credential.map($0.borrowed.showed) ?? true)
            }
        }
    }

    func removeAll() {
        for part in parts.indices { parts[part].removeAll() }
        plugins = []
    }

    var count: Int { parts.reduce(0) { $0 + $1.count } }
    /// What the table takes, without the principals.
    var tableBytes: Int { parts.reduce(0) { $0 + $1.bytes } }

    /// Beyond the last number plugins share it: what one of them takes back, the others are asked for again.
    private func number(_ plugin: String) -> UInt64 {
        if let known = plugins.firstIndex(of: plugin) { return min(UInt64(known), IdentitySlot.lastPlugin) }
        plugins.append(plugin)
        return min(UInt64(plugins.count - 1), IdentitySlot.lastPlugin)
    }
}

/// Who was known by a key, and until when. Empty: all zero.
private struct IdentitySlot {
    static let lastPlugin: UInt64 = 0x7f

    let low: UInt64
    let high: UInt64
    /// Holds one reference.
    private let principal: Unmanaged<Principal>?
    /// Monotonic nanoseconds, the last eight bits apart: the plugin's number, and whether it was asked for.
    private var mark: UInt64

    init(_ key: IdentityKey, _ principal: Principal, until: UInt64, plugin: UInt64) {
        low = key.low
        high = key.high
        self.principal = .passRetained(principal)
        mark = until & ~0xff | plugin << 1
    }

    @inline(__always) var isEmpty: Bool { principal == nil }
    @inline(__always) var borrowed: Principal { principal.unsafelyUnwrapped.takeUnretainedValue() }
    @inline(__always) var plugin: UInt64 { mark >> 1 & IdentitySlot.lastPlugin }
    @inline(__always) var until: UInt64 { mark & ~0xff }
    @inline(__always) var wasAsked: Bool {
        get { mark & 1 != 0 }
        set { mark = newValue ? mark | 1 : mark & ~1 }
    }

    func release() { principal.unsafelyUnwrapped.release() }
}

/// A part of the table: linear probing, without graves.
private struct IdentityPart {
    private var slots: UnsafeMutablePointer<IdentitySlot>?
    private var capacity = 0
    private(set) var count = 0
    var bytes: Int { MemoryLayout<IdentityPart>.stride + capacity * MemoryLayout<IdentitySlot>.stride }
    /// Where the search for one that can go goes on.
    private var hand = 0
    private let limit: Int

    init(limit: Int) { self.limit = limit }

    /// Keys are evenly spread (SipHash): the high half chose the part, the low one scales to a place in it.
    @inline(__always)
    private func home(_ low: UInt64) -> Int { Int(low.multipliedFullWidth(by: UInt64(capacity)).high) }

    @inline(__always)
    private func after(_ at: Int) -> Int { at + 1 == capacity ? 0 : at + 1 }

    /// Nil: it is not there.
    @inline(__always)
    private func place(_ low: UInt64, _ high: UInt64) -> Int? {
        guard let slots else { return nil }
        var at = home(low)
        while !slots[at].isEmpty {
            if slots[at].low == low, slots[at].high == high { return at }
            at = after(at)
        }
        return nil
    }

    mutating func find(_ key: IdentityKey, now: UInt64) -> Principal? {
        guard let at = place(key.low, key.high), let slots else { return nil }
        guard now < slots[at].until else {
            remove(at)
            return nil
        }
        if !slots[at].wasAsked { slots[at].wasAsked = true }
        return slots[at].borrowed
    }

    mutating func insert(_ slot: IdentitySlot, now: UInt64) {
        if let at = place(slot.low, slot.high), let slots {
            slots[at].release()
            slots[at] = slot
            return
        }
        if count >= limit { makeRoom(now) }
        // At most seven of eight are taken.
        if (count + 1) * 8 > capacity * 7 { grow() }
        put(slot)
        count += 1
    }

    private func put(_ slot: IdentitySlot) {
        guard let slots else { return }
        var at = home(slot.low)
        while !slots[at].isEmpty { at = after(at) }
        slots[at] = slot
    }

    private mutating func grow() {
        let (old, before) = (slots, capacity)
        capacity = max(8, min(before + before / 4, limit * 8 / 7 + 2), before + 1)
        let new = UnsafeMutablePointer<IdentitySlot>.allocate(capacity: capacity)
        memset(new, 0, capacity * MemoryLayout<IdentitySlot>.stride)
        slots = new
        hand = 0
        for at in 0..<before {
            if let slot = old?[at], !slot.isEmpty { put(slot) }
        }
        old?.deallocate()
    }

    /// One goes: the next that has ended, or that nobody asked for since the hand was there.
    private mutating func makeRoom(_ now: UInt64) {
        guard let slots, count > 0 else { return }
        while true {
            let at = hand
            hand = after(at)
            if slots[at].isEmpty { continue }
            if slots[at].wasAsked, now < slots[at].until {
                slots[at].wasAsked = false
                continue
            }
            return remove(at)
        }
    }

    /// Those behind it that were pushed away from their places move up (Knuth, TAOCP 3, 6.4, algorithm R).
    private mutating func remove(_ gone: Int) {
        guard let slots else { return }
        slots[gone].release()
        count -= 1
        var hole = gone
        var at = after(gone)
        while !slots[at].isEmpty {
            let home = home(slots[at].low)
            // Its home lies cyclically behind the hole: it is reached without passing there.
            let stays = hole <= at ? hole < home && home <= at : hole < home || home <= at
            if !stays {
                slots[hole] = slots[at]
                hole = at
            }
            at = after(at)
        }
        memset(slots + hole, 0, MemoryLayout<IdentitySlot>.stride)
    }

    mutating func removeAll(where isGone: (IdentitySlot) -> Bool) {
        guard let slots else { return }
        var at = 0
        while at < capacity {
            // What moves up takes this place, and is looked at, too.
            if !slots[at].isEmpty, isGone(slots[at]) { remove(at) } else { at += 1 }
        }
    }

    mutating func removeAll() {
        guard let slots else { return }
        for at in 0..<capacity where !slots[at].isEmpty { slots[at].release() }
        slots.deallocate()
        (self.slots, capacity, count, hand) = (nil, 0, 0, 0)
    }
}
