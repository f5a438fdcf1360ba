// SPDX-License-Identifier: Apache-2.0
// jf.memory/1 for one instance: accounted allocations and the loop's body buffers.

import CJackfield
import Glibc
import Synchronization

/// Before each allocation: its size. 16 bytes keep the promise of alignment.
private let header = 16

func memoryService(_ context: UnsafeMutableRawPointer) -> jf_memory_1 {
    jf_memory_1(
        size: UInt32(MemoryLayout<jf_memory_1>.size), flags: 0, context: context, allocate: memoryAllocate,
        release: memoryRelease, borrow: memoryBorrow, give_back: memoryGiveBack)
}

private func memoryAllocate(_ context: UnsafeMutableRawPointer?, _ size: UInt64) -> UnsafeMutableRawPointer? {
    guard size <= UInt64(Int32.max), let raw = calloc(1, Int(size) + header) else { return nil }
    raw.storeBytes(of: Int(size), as: Int.self)
    instance(context).memoryInUse.add(Int(size), ordering: .relaxed)
    return raw + header
}

private func memoryRelease(_ context: UnsafeMutableRawPointer?, _ memory: UnsafeMutableRawPointer?) {
    guard let memory else { return }
    let raw = memory - header
    instance(context).memoryInUse.subtract(raw.load(as: Int.self), ordering: .relaxed)
    free(raw)
}

private func memoryBorrow(
    _ context: UnsafeMutableRawPointer?, _ size: UInt64, _ capacity: UnsafeMutablePointer<UInt64>?
) -> UnsafeMutablePointer<UInt8>? {
    guard size <= 1 << 32, let (buffer, got) = instance(context).lane.loop.buffers.borrow(Int(size)) else {
        return nil
    }
    capacity?.pointee = UInt64(got)
    return buffer
}

private func memoryGiveBack(_ context: UnsafeMutableRawPointer?, _ buffer: UnsafeMutablePointer<UInt8>?) {
    guard let buffer else { return }
    instance(context).lane.loop.buffers.giveBack(buffer)
}
