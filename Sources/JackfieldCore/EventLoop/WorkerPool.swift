// SPDX-License-Identifier: Apache-2.0
// A few threads for work that may block: slots of plugins whose manifest says `threads: concurrent`.

import CLinux
import Glibc
import Synchronization

/// A bounded queue and its threads, started when first used. Any thread.
final class WorkerPool: @unchecked Sendable {
    private struct State {
        var queue: [@Sendable () -> Void] = []
        var started = false
        var stopped = false
    }

    private static let capacity = 4096

    private let state = Mutex(State())
    private let threadCount: Int
    /// Counts queued work, so that idle threads sleep in the kernel; allocated once, never moved.
    private let available: UnsafeMutablePointer<sem_t>

    init(threads: Int) {
        threadCount = threads
        available = .allocate(capacity: 1)
        sem_init(available, 0, 0)
    }

    /// Queues work; false when the queue is full or the pool has stopped.
    func run(_ body: @escaping @Sendable () -> Void) -> Bool {
        let isTaken = state.withLock { state -> Bool in
            guard !state.stopped, state.queue.count < WorkerPool.capacity else { return false }
            state.queue.append(body)
            if !state.started {
                state.started = true
                start()
            }
            return true
        }
        if isTaken { sem_post(available) }
        return isTaken
    }

    /// Lets threads end once the queue is empty; blocked work is not waited for.
    func stop() {
        state.withLock { $0.stopped = true }
        for _ in 0..<threadCount { sem_post(available) }
    }

    private func start() {
        for _ in 0..<threadCount {
            var thread = pthread_t()
            if pthread_create(&thread, nil, runWorker, Unmanaged.passRetained(self).toOpaque()) == 0 {
                pthread_detach(thread)
            }
        }
    }

    fileprivate func work() {
        while true {
            while sem_wait(available) != 0 {}
            let next = state.withLock { state -> (@Sendable () -> Void)? in
                state.queue.isEmpty ? nil : state.queue.removeFirst()
            }
            guard let next else { return }
            next()
        }
    }
}

private func runWorker(_ argument: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    guard let argument else { return nil }
    _ = jf_thread_set_name("worker")
    Unmanaged<WorkerPool>.fromOpaque(argument).takeRetainedValue().work()
    return nil
}
