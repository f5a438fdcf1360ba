// SPDX-License-Identifier: Apache-2.0
// A value that one thread waits for and another one brings.

import Glibc

/// Filled once. The lock guards `value`, hence `@unchecked Sendable`.
final class Awaited<Value: Sendable>: @unchecked Sendable {
    private let lock = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let filled = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private var value: Value?

    init() {
        pthread_mutex_init(lock, nil)
        pthread_cond_init(filled, nil)
    }

    deinit {
        pthread_cond_destroy(filled)
        pthread_mutex_destroy(lock)
        filled.deallocate()
        lock.deallocate()
    }

    func fill(_ value: Value) {
        pthread_mutex_lock(lock)
        self.value = value
        pthread_cond_broadcast(filled)
        pthread_mutex_unlock(lock)
    }

    /// Blocks until there is a value.
    func wait() -> Value {
        pthread_mutex_lock(lock)
        defer { pthread_mutex_unlock(lock) }
        while true {
            if let value { return value }
            pthread_cond_wait(filled, lock)
        }
    }
}

/// Runs `body` on a thread of its own.
func startThread(_ body: @escaping @Sendable () -> Void) {
    final class Box: Sendable {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }
    var thread = pthread_t()
    let box = Unmanaged.passRetained(Box(body))
    let status = pthread_create(
        &thread, nil,
        { argument in
            if let argument { Unmanaged<Box>.fromOpaque(argument).takeRetainedValue().body() }
            return nil
        }, box.toOpaque())
    guard status == 0 else {
        // No thread: the work is done here, which is slower and otherwise the same.
        return box.takeRetainedValue().body()
    }
    pthread_detach(thread)
}
