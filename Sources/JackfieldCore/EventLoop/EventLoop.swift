// SPDX-License-Identifier: Apache-2.0
// One thread, one edge-triggered epoll: descriptors, timers, and work posted from other threads.

import CJackfield
import CLinux
import CMeter
import Glibc
import Synchronization

/// Called on the loop with JF_READABLE, JF_WRITABLE, JF_HANGUP, JF_BROKEN bits.
typealias ReadyAction = @convention(c) (UnsafeMutableRawPointer?, UInt32) -> Void

/// An event loop. Everything but `post` and `stop` belongs to the thread that runs it, which is why it may be shared
/// (`@unchecked Sendable`) although its state has no lock.
public final class EventLoop: @unchecked Sendable {
    private struct Watch {
        var fd: Int32 = -1
        var generation: UInt32 = 1
        var ready: ReadyAction?
        var user: UnsafeMutableRawPointer?
        /// The `jf_shim` of the instance whose action it is.
        var meter: OpaquePointer?
    }

    private static let batch = 256

    private let epoll: Int32
    private let wake: Int32
    private let events: UnsafeMutablePointer<epoll_event>
    private var watches: ContiguousArray<Watch> = []
    private var freeWatches: ContiguousArray<Int32> = []
    private var timers: TimerWheel
    var buffers = BufferPool()

    private let posted = Mutex<ContiguousArray<@Sendable () -> Void>>([])
    private var local: ContiguousArray<() -> Void> = []
    private var running: ContiguousArray<() -> Void> = []
    private let stopping = Atomic<Bool>(false)
    /// `pthread_self` of the running thread; 0 before it runs.
    private let thread = Atomic<UInt>(0)

    /// When the current batch of events began, in monotonic nanoseconds.
    public private(set) var now: UInt64 {
        get { clock.pointee }
        set { clock.pointee = newValue }
    }
    /// Where `now` stands, for plugins' questions, which are many. It lives as long as the loop.
    let clock: UnsafeMutablePointer<UInt64>
    /// Longest time that one batch took since the last look, in nanoseconds: the loop's lag.
    public private(set) var longestBatch: UInt64 = 0

    public init() throws(SystemFailure) {
        epoll = epoll_create1(Int32(bitPattern: 0o2000000))
        guard epoll >= 0 else { throw SystemFailure("epoll_create1") }
        wake = jf_eventfd()
        guard wake >= 0 else { throw SystemFailure("eventfd") }
        events = .allocate(capacity: EventLoop.batch)
        clock = .allocate(capacity: 1)
        clock.initialize(to: jf_monotonic_ns())
        timers = TimerWheel(now: clock.pointee)
        guard jf_epoll_control(epoll, EPOLL_CTL_ADD, wake, JF_EPOLL_IN | JF_EPOLL_ET, .max) == 0 else {
            throw SystemFailure("epoll_ctl")
        }
    }

    deinit {
        buffers.purge()
        events.deallocate()
        clock.deallocate()
        close(epoll)
        close(wake)
    }

    /// Whether the caller runs on this loop's thread.
    var isCurrent: Bool { thread.load(ordering: .relaxed) == pthread_self() }

    // MARK: Descriptors

    /// Watches a descriptor, edge-triggered. Returns the watch's handle, 0 when the kernel refused.
    func watch(
        _ fd: Int32, _ interest: UInt32, _ ready: @escaping ReadyAction, _ user: UnsafeMutableRawPointer?,
        meter: OpaquePointer? = nil
    )
        -> UInt64
    {
        let index: Int
        if let reused = freeWatches.popLast() {
            index = Int(reused)
        } else {
            index = watches.count
            watches.append(Watch())
        }
        let handle = UInt64(watches[index].generation) << 32 | UInt64(index)
        var mask = JF_EPOLL_ET | JF_EPOLL_RDHUP
        if interest & UInt32(JF_READABLE) != 0 { mask |= JF_EPOLL_IN }
        if interest & UInt32(JF_WRITABLE) != 0 { mask |= JF_EPOLL_OUT }
        guard jf_epoll_control(epoll, EPOLL_CTL_ADD, fd, mask, handle) == 0 else {
            freeWatches.append(Int32(index))
            return 0
        }
        watches[index].fd = fd
        watches[index].ready = ready
        watches[index].user = user
        watches[index].meter = meter
        return handle
    }

    /// Ends a watch. Events already collected for it are dropped, because the generation moves on.
    func unwatch(_ handle: UInt64) {
        let index = Int(handle & 0xFFFF_FFFF)
        guard index < watches.count, UInt64(watches[index].generation) == handle >> 32,
            watches[index].fd >= 0
        else { return }
        _ = jf_epoll_control(epoll, EPOLL_CTL_DEL, watches[index].fd, 0, 0)
        watches[index].fd = -1
        watches[index].ready = nil
        watches[index].meter = nil
        watches[index].generation =
            watches[index].generation == .max - 1 ? 1 : watches[index].generation + 1
        freeWatches.append(Int32(index))
    }

    // MARK: Timers

    func arm(
        after delay: UInt64, _ action: @escaping TimerAction, _ user: UnsafeMutableRawPointer?,
        meter: OpaquePointer? = nil
    ) -> UInt64 {
        timers.arm(at: delay > .max - now ? .max : now + delay, action, user, meter)
    }

    func arm(at deadline: UInt64, _ action: @escaping TimerAction, _ user: UnsafeMutableRawPointer?) -> UInt64
    {
        timers.arm(at: deadline, action, user)
    }

    func cancelTimer(_ handle: UInt64) { _ = timers.cancel(handle) }

    /// Runs a closure after a delay; for the control plane, where an allocation does not matter.
    @discardableResult
    func after(_ delay: UInt64, _ body: @escaping () -> Void) -> UInt64 {
        let box = Unmanaged.passRetained(ClosureBox(body))
        return timers.arm(at: jf_monotonic_ns() &+ delay, runClosureBox, box.toOpaque())
    }

    /// Cancels what `after` armed, and releases its closure.
    func cancelAfter(_ handle: UInt64) {
        if let user = timers.cancel(handle) { Unmanaged<ClosureBox>.fromOpaque(user).release() }
    }

    // MARK: Work

    /// Runs `body` on the loop soon. Any thread; never runs it from inside this call. From the loop's own thread it costs
    /// neither lock nor system call.
    public func post(_ body: @escaping @Sendable () -> Void) {
        if isCurrent { return local.append(body) }
        let first = posted.withLock { queue in
            queue.append(body)
            return queue.count == 1
        }
        // One wake per batch: the loop takes the whole queue when it wakes.
        if first { wakeUp() }
    }

    /// Runs `body` at the end of this batch. Only on the loop's own thread; no lock, no system call.
    func later(_ body: @escaping () -> Void) { local.append(body) }

    private func wakeUp() {
        var one: UInt64 = 1
        _ = write(wake, &one, 8)
    }

    /// Makes `run` return after the current batch. Any thread.
    public func stop() {
        stopping.store(true, ordering: .releasing)
        wakeUp()
    }

    /// Runs until `stop`.
    public func run() {
        thread.store(pthread_self(), ordering: .relaxed)
        now = jf_monotonic_ns()
        // What was posted before comes before the first event: a client that is there already finds what was set up.
        drainPosted()
        while !stopping.load(ordering: .acquiring) { turn() }
        drainPosted()
        drainLocal()
        thread.store(0, ordering: .relaxed)
    }

    private func turn() {
        var timeout: Int32 = -1
        if !local.isEmpty {
            timeout = 0
        } else if let delay = timers.delay(from: now) {
            timeout = Int32(min((delay + 999_999) / 1_000_000, 60_000))
        }
        let count = epoll_wait(epoll, events, Int32(EventLoop.batch), timeout)
        now = jf_monotonic_ns()
        timers.skip(to: now)
        let began = now
        var wasWoken = false
        if count > 0 {
            for at in 0..<Int(count) {
                let handle = jf_epoll_data(events + at)
                if handle == .max {
                    wasWoken = true
                    continue
                }
                let index = Int(handle & 0xFFFF_FFFF)
                guard UInt64(watches[index].generation) == handle >> 32, let ready = watches[index].ready
                else { continue }
                let bits = EventLoop.translate(jf_epoll_events(events + at))
                if let meter = watches[index].meter {
                    jf_shim_ready(meter, ready, watches[index].user, bits)
                } else {
                    ready(watches[index].user, bits)
                }
            }
        }
        while let (action, user) = timers.takeDue(now: now) {
            if let meter = timers.dueMeter { jf_shim_fire(meter, action, user) } else { action(user) }
        }
        if wasWoken {
            var counter: UInt64 = 0
            _ = read(wake, &counter, 8)
            drainPosted()
        }
        drainLocal()
        let took = jf_monotonic_ns() &- began
        if took > longestBatch { longestBatch = took }
    }

    private func drainPosted() {
        let work = posted.withLock { queue in
            let taken = queue
            queue.removeAll(keepingCapacity: taken.capacity <= 1024)
            return taken
        }
        for body in work { body() }
    }

    private func drainLocal() {
        // What runs here may add more: that waits for the next turn, so that descriptors get their share. The two arrays
        // change places, so that neither is allocated anew.
        if local.isEmpty { return }
        swap(&local, &running)
        for at in running.indices { running[at]() }
        running.removeAll(keepingCapacity: running.capacity <= 1024)
    }

    @inline(__always)
    private static func translate(_ mask: UInt32) -> UInt32 {
        var events: UInt32 = 0
        if mask & JF_EPOLL_IN != 0 { events |= UInt32(JF_READABLE) }
        if mask & JF_EPOLL_OUT != 0 { events |= UInt32(JF_WRITABLE) }
        if mask & (JF_EPOLL_RDHUP | JF_EPOLL_HUP) != 0 { events |= UInt32(JF_HANGUP) }
        if mask & JF_EPOLL_ERR != 0 { events |= UInt32(JF_BROKEN) }
        return events
    }

    /// The longest batch since the last call, then forgets it.
    public func takeLongestBatch() -> UInt64 {
        defer { longestBatch = 0 }
        return longestBatch
    }
}

/// A closure behind a C user pointer.
final class ClosureBox {
    let body: () -> Void
    init(_ body: @escaping () -> Void) { self.body = body }
}

/// Runs and releases a one-shot `ClosureBox`.
func runClosureBox(_ user: UnsafeMutableRawPointer?) {
    guard let user else { return }
    Unmanaged<ClosureBox>.fromOpaque(user).takeRetainedValue().body()
}

/// A system call that failed where nothing can be done about it here.
public struct SystemFailure: Error, CustomStringConvertible {
    public let call: StaticString
    public let code: Int32

    init(_ call: StaticString) {
        self.call = call
        code = jf_errno()
    }

    public var description: String { "\(call): \(String(cString: strerror(code)))" }
}
