// SPDX-License-Identifier: Apache-2.0
// Work of one instance on the pool's threads, one piece at a time and in order.

import Synchronization

/// A line before the worker pool: whatever waits in it takes one thread at most. Any thread.
final class WorkerTurn: Sendable {
    private struct Line {
        var waiting: [@Sendable () -> Void] = []
        var isMoving = false
    }

    private static let capacity = 4096

    private let line = Mutex(Line())
    /// Held while a piece of work runs.
    private let turn = Mutex<Void>(())

    /// Queues work; false when the line or the pool is full, or the pool has stopped.
    func run(on pool: WorkerPool, _ body: @escaping @Sendable () -> Void) -> Bool {
        line.withLock { line in
            guard line.waiting.count < WorkerTurn.capacity else { return false }
            if !line.isMoving {
                guard pool.run({ self.move() }) else { return false }
                line.isMoving = true
            }
            line.waiting.append(body)
            return true
        }
    }

    /// Runs `body` while no piece of work does; waits for the one that does.
    func alone<Result>(_ body: () -> Result) -> Result { turn.withLock { _ in body() } }

    private func move() {
        while let next = next() { turn.withLock { _ in next() } }
    }

    private func next() -> (@Sendable () -> Void)? {
        line.withLock { line in
            guard line.waiting.isEmpty else { return line.waiting.removeFirst() }
            line.isMoving = false
            return nil
        }
    }
}
