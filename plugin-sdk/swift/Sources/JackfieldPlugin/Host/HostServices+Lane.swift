// SPDX-License-Identifier: Apache-2.0
// Timers, watches and posts on the instance's own event loop.

import CJackfield

extension HostServices {
    /// Arms a timer; false when the host has none left or the instance stopped. [lane]
    func arm(_ timer: Timer, after delay: UInt64) -> Bool {
        let address = Unmanaged.passUnretained(timer).toOpaque()
        guard succeeds({ loop.timer(loop.context, delay, timerFired, address, &timer.handle) }) else {
            return false
        }
        timers[ObjectIdentifier(timer)] = timer
        return true
    }

    /// Forgets an armed timer. [lane]
    func disarm(_ timer: Timer, isFired: Bool) {
        guard timers.removeValue(forKey: ObjectIdentifier(timer)) != nil, !isFired else { return }
        _ = whileOpen { _ in loop.cancel(loop.context, timer.handle) }
    }

    /// Begins to watch a descriptor. [lane]
    func begin(_ watch: Watch, _ descriptor: Int32, _ events: UInt32) -> Int32 {
        guard isRunning, let begin = loop.watch, loop.unwatch != nil else { return Int32(JF_E_UNSUPPORTED) }
        let address = Unmanaged.passUnretained(watch).toOpaque()
        let status = begin(loop.context, descriptor, events, descriptorReady, address, &watch.handle)
        if status == JF_OK { watches[ObjectIdentifier(watch)] = watch }
        return status
    }

    /// Forgets a watch. [lane]
    func end(_ watch: Watch) {
        guard watches.removeValue(forKey: ObjectIdentifier(watch)) != nil else { return }
        loop.unwatch(loop.context, watch.handle)
    }

    /// Runs `body` on the lane soon; not at all once the instance stops. [any]
    func post(_ body: @escaping @Sendable () -> Void) {
        let task = Unmanaged.passRetained(PostedTask(self, body))
        if !succeeds({ loop.post(loop.context, taskPosted, task.toOpaque()) }) { task.release() }
    }

    /// When the current batch of events began. [lane]
    var batch: UInt64 {
        guard isRunning, let now = loop.now else { return monotonic }
        return now(loop.context)
    }

    /// This loop's number, and how many there are. [any]
    var place: (index: Int, count: Int) {
        guard let index = loop.index else { return (0, 1) }
        var count: UInt32 = 0
        return whileOpen { _ in (Int(index(loop.context, &count)), Int(count)) } ?? (0, 1)
    }
}

/// A body on its way to the lane.
private final class PostedTask {
    let services: HostServices
    let body: @Sendable () -> Void

    init(_ services: HostServices, _ body: @escaping @Sendable () -> Void) {
        self.services = services
        self.body = body
    }
}

private func taskPosted(_ user: UnsafeMutableRawPointer?) {
    guard let user else { return }
    let task = Unmanaged<PostedTask>.fromOpaque(user).takeRetainedValue()
    if task.services.isOpen { task.body() }
}

private func timerFired(_ user: UnsafeMutableRawPointer?) {
    guard let user else { return }
    Unmanaged<Timer>.fromOpaque(user).takeUnretainedValue().fire()
}

private func descriptorReady(_ user: UnsafeMutableRawPointer?, _ events: UInt32) {
    guard let user else { return }
    Unmanaged<Watch>.fromOpaque(user).takeUnretainedValue().ready(events)
}
