// SPDX-License-Identifier: Apache-2.0
// Memory of the host's in the plugin's hands: accounted blocks, pooled buffers, retained message bytes.

import CJackfield

/// Memory that must go back to the host before the instance ends, whoever forgets it. Confined to one thread
/// at a time; the table of all of them is behind a lock.
public class HeldMemory {
    struct Entry {
        // The entry is removed in `deinit`, under the same lock.
        unowned(unsafe) let memory: HeldMemory
    }

    let services: HostServices
    /// Empty once the host has it back.
    fileprivate(set) var bytes: UnsafeMutableBufferPointer<UInt8>

    /// `isHosts`: it is to go back to the host.
    init(_ services: HostServices, _ bytes: UnsafeMutableBufferPointer<UInt8>, isHosts: Bool) {
        self.services = services
        self.bytes = bytes
        if isHosts { services.held.withLock { $0[ObjectIdentifier(self)] = Entry(memory: self) } }
    }

    /// For a subclass's `deinit`: runs `body`, under the lock, if the host does not have it back yet.
    final func returnOnce(_ body: () -> Void) {
        let id = ObjectIdentifier(self)
        services.held.withLock { held in
            if held.removeValue(forKey: id) != nil { body() }
        }
    }

    /// How many bytes there are; 0 once the plugin has stopped.
    public final var count: Int { bytes.count }

    /// Lends the bytes.
    public final func withBytes<Result>(_ body: (Span<UInt8>) throws -> Result) rethrows -> Result {
        try body(UnsafeBufferPointer(bytes).span)
    }

    /// The instance ends before the last reference does: returns the memory to the host and calls nothing
    /// else. Under the lock.
    func settle() {}
}

/// A block of the host's memory, see ``Host/allocate(_:)`` and ``Host/borrowBuffer(atLeast:)``. Goes back to
/// the host with its last reference, and is empty once the plugin has stopped.
public final class HostBuffer: HeldMemory {
    private let memory: jf_memory_1
    private let isPooled: Bool

    fileprivate init(
        _ services: HostServices, _ memory: jf_memory_1, _ bytes: UnsafeMutableBufferPointer<UInt8>,
        isPooled: Bool
    ) {
        self.memory = memory
        self.isPooled = isPooled
        super.init(services, bytes, isHosts: true)
    }

    deinit { returnOnce(giveBack) }

    /// Lends the bytes for writing.
    public func withMutableBytes<Result>(
        _ body: (inout MutableSpan<UInt8>) throws -> Result
    ) rethrows -> Result {
        var span = bytes.mutableSpan
        return try body(&span)
    }

    private func giveBack() {
        if isPooled {
            memory.give_back(memory.context, bytes.baseAddress)
        } else {
            memory.release(memory.context, bytes.baseAddress)
        }
    }

    override func settle() {
        giveBack()
        bytes = UnsafeMutableBufferPointer(start: nil, count: 0)
    }
}

/// One segment of a message, kept after the call that brought it: without a copy where the host allows it,
/// see ``Message/keepSegment(_:)``. Confined to the lane.
public final class KeptBytes: HeldMemory {
    private let owner: UnsafeMutableRawPointer?
    private let release: (@convention(c) (UnsafeMutableRawPointer?) -> Void)?
    private var isOwnCopy: Bool

    /// Bytes that the host keeps in place until `release`.
    init(
        _ services: HostServices, retained bytes: UnsafeBufferPointer<UInt8>,
        _ owner: UnsafeMutableRawPointer?,
        _ release: @escaping @convention(c) (UnsafeMutableRawPointer?) -> Void
    ) {
        self.owner = owner
        self.release = release
        isOwnCopy = false
        super.init(services, UnsafeMutableBufferPointer(mutating: bytes), isHosts: true)
    }

    /// A copy.
    init(_ services: HostServices, copying bytes: UnsafeBufferPointer<UInt8>) {
        owner = nil
        release = nil
        isOwnCopy = true
        super.init(services, KeptBytes.copy(bytes), isHosts: false)
    }

    deinit {
        returnOnce { release?(owner) }
        if isOwnCopy { bytes.deallocate() }
    }

    private static func copy(_ bytes: UnsafeBufferPointer<UInt8>) -> UnsafeMutableBufferPointer<UInt8> {
        let copy = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: bytes.count)
        _ = copy.initialize(from: bytes)
        return copy
    }

    override func settle() {
        // The bytes stay readable.
        bytes = KeptBytes.copy(UnsafeBufferPointer(bytes))
        isOwnCopy = true
        release?(owner)
    }
}

extension HostServices {
    /// nil: absent, or the instance's limit is reached. [lane]
    func allocate(_ count: Int, pooled: Bool) -> HostBuffer? {
        guard count > 0, let memory = memoryService, memory.release != nil, memory.give_back != nil else {
            return nil
        }
        var capacity = UInt64(count)
        let address: UnsafeMutablePointer<UInt8>? =
            whileOpen { _ in
                pooled
                    ? memory.borrow?(memory.context, UInt64(count), &capacity)
                    : memory.allocate?(memory.context, UInt64(count))?.assumingMemoryBound(to: UInt8.self)
            } ?? nil
        guard let address else { return nil }
        let bytes = UnsafeMutableBufferPointer(start: address, count: Int(clamping: capacity))
        return HostBuffer(self, memory, bytes, isPooled: pooled)
    }

    /// Gives back what the author still holds. [control]
    func settleMemory() {
        held.withLock { held in
            for entry in held.values { entry.memory.settle() }
            held.removeAll()
        }
    }
}
