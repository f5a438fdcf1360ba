// SPDX-License-Identifier: Apache-2.0
// What the core's tests share: bytes of texts, a repeatable generator, counters that C functions reach.

import JSON
import Synchronization
import Testing

/// Lends the UTF-8 of a text.
func withBytes<Value>(_ text: String, _ body: (UnsafeRawBufferPointer) throws -> Value) rethrows -> Value {
    try Array(text.utf8).withUnsafeBytes { try body($0) }
}

/// A small generator with a fixed seed, so that failures repeat (SplitMix64).
struct Generator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}

/// A number for C callbacks to find by their user pointer.
func userPointer(_ number: Int) -> UnsafeMutableRawPointer? { UnsafeMutableRawPointer(bitPattern: number) }

/// Something to call from C functions: lives as long as the test that made it.
final class Recorder {
    var events: [UInt32] = []
    var onEvent: ((UInt32) -> Void)?

    var user: UnsafeMutableRawPointer { Unmanaged.passUnretained(self).toOpaque() }

    /// A `ReadyAction` that reports to the recorder behind `user`.
    static let ready: @convention(c) (UnsafeMutableRawPointer?, UInt32) -> Void = { user, events in
        guard let user else { return }
        let recorder = Unmanaged<Recorder>.fromOpaque(user).takeUnretainedValue()
        recorder.events.append(events)
        recorder.onEvent?(events)
    }

    /// A `TimerAction` that reports 0 to the recorder behind `user`.
    static let fired: @convention(c) (UnsafeMutableRawPointer?) -> Void = { user in ready(user, 0) }
}

/// A number that threads share.
final class Counter: Sendable {
    private let number: Atomic<Int>

    init(_ start: Int) { number = Atomic(start) }

    var value: Int { number.load(ordering: .sequentiallyConsistent) }

    /// The new value.
    @discardableResult
    func add(_ amount: Int) -> Int { number.add(amount, ordering: .sequentiallyConsistent).newValue }
}
