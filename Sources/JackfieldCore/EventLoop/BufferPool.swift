// SPDX-License-Identifier: Apache-2.0
// Buffers for message bodies, borrowed while a body is under way and kept for the next one.

import Glibc

/// Two size classes with a free list each; larger buffers come from and return to the allocator. Every buffer has 64
/// readable bytes behind its end, which the JSON scanner needs. Belongs to one loop.
struct BufferPool {
    static let small = 64 * 1024
    static let large = 1024 * 1024
    static let padding = 64
    /// Before each buffer: its capacity. 64 bytes keep the buffer on a cache line of its own.
    private static let header = 64

    private var smallFree: ContiguousArray<UnsafeMutablePointer<UInt8>> = []
    private var largeFree: ContiguousArray<UnsafeMutablePointer<UInt8>> = []
    private static let smallKept = 32
    private static let largeKept = 4
    private(set) var borrowed = 0

    /// A buffer of at least `size` bytes, not zeroed, and its capacity.
    mutating func borrow(_ size: Int) -> (UnsafeMutablePointer<UInt8>, Int)? {
        borrowed += 1
        if size <= Self.small, let kept = smallFree.popLast() { return (kept, Self.small) }
        if size > Self.small, size <= Self.large, let kept = largeFree.popLast() { return (kept, Self.large) }
        let capacity = size <= Self.small ? Self.small : size <= Self.large ? Self.large : size
        guard let raw = malloc(Self.header + capacity + Self.padding) else {
            borrowed -= 1
            return nil
        }
        raw.storeBytes(of: capacity, as: Int.self)
        let start = raw + Self.header
        memset(start + capacity, 0, Self.padding)
        return (start.assumingMemoryBound(to: UInt8.self), capacity)
    }

    mutating func giveBack(_ buffer: UnsafeMutablePointer<UInt8>) {
        borrowed -= 1
        let raw = UnsafeMutableRawPointer(buffer) - Self.header
        switch raw.load(as: Int.self) {
        case Self.small where smallFree.count < Self.smallKept: smallFree.append(buffer)
        case Self.large where largeFree.count < Self.largeKept: largeFree.append(buffer)
        default: free(raw)
        }
    }

    /// Frees what is kept.
    mutating func purge() {
        for buffer in smallFree { free(UnsafeMutableRawPointer(buffer) - Self.header) }
        for buffer in largeFree { free(UnsafeMutableRawPointer(buffer) - Self.header) }
        smallFree.removeAll()
        largeFree.removeAll()
    }
}
