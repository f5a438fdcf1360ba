// SPDX-License-Identifier: Apache-2.0
// EventLoop: descriptors, timers, work from its own and from other threads, stopping.

import CJackfield
import CLinux
import Glibc
import Synchronization
import Testing

@testable import JackfieldCore

/// A thread of its own, joined by `wait`.
final class TestThread {
    private final class Body: Sendable {
        let run: @Sendable () -> Void
        init(_ run: @escaping @Sendable () -> Void) { self.run = run }
    }

    private var thread = pthread_t()

    init(_ run: @escaping @Sendable () -> Void) throws {
        let body = Unmanaged.passRetained(Body(run))
        let made = pthread_create(
            &thread, nil,
            { argument in
                if let argument { Unmanaged<Body>.fromOpaque(argument).takeRetainedValue().run() }
                return nil
            }, body.toOpaque())
        try #require(made == 0)
    }

    func wait() { pthread_join(thread, nil) }
}

/// Two connected descriptors, non-blocking, closed with this value.
final class Pair {
    private(set) var ends: [Int32] = [-1, -1]

    static func pipe() throws -> Pair { try Pair { Glibc.pipe($0) } }
    static func sockets() throws -> Pair {
        try Pair { socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, $0) }
    }

    private init(_ make: (UnsafeMutablePointer<Int32>?) -> Int32) throws {
        let result = ends.withUnsafeMutableBufferPointer { make($0.baseAddress) }
        try #require(result == 0)
        for fd in ends { try #require(fcntl(fd, F_SETFL, O_NONBLOCK) == 0) }
    }

    func send(_ count: Int = 1, from end: Int = 1) {
        let bytes = [UInt8](repeating: 1, count: count)
        #expect(write(ends[end], bytes, count) == count)
    }

    /// Reads until nothing is left, and counts.
    @discardableResult
    func drain(_ end: Int = 0) -> Int {
        var total = 0
        var space = [UInt8](repeating: 0, count: 256)
        while true {
            let got = read(ends[end], &space, space.count)
            if got <= 0 { return total }
            total += got
        }
    }

    func shut(_ end: Int) {
        if ends[end] >= 0 { close(ends[end]) }
        ends[end] = -1
    }

    deinit {
        shut(0)
        shut(1)
    }
}

extension EventLoop {
    /// Runs the loop for a number of turns more, whatever is or is not ready.
    func turns(_ count: Int, then body: @escaping () -> Void) {
        if count == 0 { return body() }
        later { self.turns(count - 1, then: body) }
    }

    /// Runs a few turns: enough for everything that is ready to be seen.
    func runBriefly() {
        turns(4) { self.stop() }
        run()
    }
}

private let readable = UInt32(JF_READABLE)
private let writable = UInt32(JF_WRITABLE)
private let hangup = UInt32(JF_HANGUP)
private let broken = UInt32(JF_BROKEN)

@Suite("Event loop") struct EventLoopTests {
    // MARK: Descriptors

    @Test func tellsWhenSomethingCanBeRead() throws {
        let loop = try EventLoop()
        let pair = try Pair.pipe()
        let recorder = Recorder()
        recorder.onEvent = { _ in loop.stop() }
        let handle = loop.watch(pair.ends[0], readable, Recorder.ready, recorder.user)
        #expect(handle != 0)
        let writer = pair.ends[1]
        let thread = try TestThread { _ = write(writer, "x", 1) }
        loop.run()
        thread.wait()
        #expect(recorder.events == [readable])
        #expect(pair.drain() == 1)
    }

    @Test func whatWasPostedBeforeItRunsComesBeforeTheFirstEvent() throws {
        let loop = try EventLoop()
        let pair = try Pair.pipe()
        let recorder = Recorder()
        let wasReady = Atomic<Bool>(false)
        recorder.onEvent = { _ in
            wasReady.store(true, ordering: .relaxed)
            loop.stop()
        }
        _ = loop.watch(pair.ends[0], readable, Recorder.ready, recorder.user)
        pair.send()
        loop.post {
            let wasFirst = wasReady.load(ordering: .relaxed)
            #expect(!wasFirst)
        }
        loop.run()
        #expect(recorder.events == [readable])
    }

    @Test func anEventComesOncePerEdge() throws {
        let loop = try EventLoop()
        let pair = try Pair.sockets()
        let recorder = Recorder()
        _ = loop.watch(pair.ends[0], readable, Recorder.ready, recorder.user)
        pair.send()
        // Unread bytes alone are no new event; more of them are.
        loop.turns(5) {
            #expect(recorder.events == [readable])
            pair.send()
            loop.turns(5) { loop.stop() }
        }
        loop.run()
        #expect(recorder.events == [readable, readable])
    }

    @Test func writableAndInterest() throws {
        let loop = try EventLoop()
        let pair = try Pair.sockets()
        let both = Recorder()
        let onlyRead = Recorder()
        _ = loop.watch(pair.ends[0], readable | writable, Recorder.ready, both.user)
        _ = loop.watch(pair.ends[1], readable, Recorder.ready, onlyRead.user)
        loop.runBriefly()
        #expect(both.events == [writable])
        #expect(onlyRead.events == [])
    }

    @Test func hangupAndErrorComeUnasked() throws {
        let loop = try EventLoop()
        let sockets = try Pair.sockets()
        let peerLeft = Recorder()
        _ = loop.watch(sockets.ends[0], readable, Recorder.ready, peerLeft.user)
        sockets.shut(1)
        let pipe = try Pair.pipe()
        let readerLeft = Recorder()
        _ = loop.watch(pipe.ends[1], writable, Recorder.ready, readerLeft.user)
        pipe.shut(0)
        loop.runBriefly()
        #expect((peerLeft.events.last ?? 0) & hangup != 0)
        #expect((readerLeft.events.last ?? 0) & broken != 0)
    }

    @Test func aDescriptorThatTheKernelRefusesHasNoWatch() throws {
        let loop = try EventLoop()
        let recorder = Recorder()
        #expect(loop.watch(-1, readable, Recorder.ready, recorder.user) == 0)
        let pair = try Pair.pipe()
        let first = loop.watch(pair.ends[0], readable, Recorder.ready, recorder.user)
        #expect(first != 0)
        #expect(loop.watch(pair.ends[0], readable, Recorder.ready, recorder.user) == 0, "watched twice")
        // The refusal took nothing away from the watch there is.
        pair.send()
        loop.runBriefly()
        #expect(recorder.events == [readable])
    }

    @Test func afterUnwatchNothingComes() throws {
        let loop = try EventLoop()
        let pair = try Pair.pipe()
        let recorder = Recorder()
        let handle = loop.watch(pair.ends[0], readable, Recorder.ready, recorder.user)
        pair.send()
        loop.unwatch(handle)
        loop.unwatch(handle)
        loop.unwatch(0)
        loop.unwatch(.max)
        loop.runBriefly()
        #expect(recorder.events == [])
    }

    @Test func eventsAlreadyCollectedForAnUnwatchedDescriptorAreDropped() throws {
        let loop = try EventLoop()
        let pairs = try (0..<8).map { _ in try Pair.pipe() }
        var handles: [UInt64] = []
        let recorder = Recorder()
        // Whichever comes first ends all the others, whose events stand in the same batch.
        recorder.onEvent = { _ in for handle in handles { loop.unwatch(handle) } }
        for pair in pairs {
            handles.append(loop.watch(pair.ends[0], readable, Recorder.ready, recorder.user))
            pair.send()
        }
        loop.runBriefly()
        #expect(recorder.events == [readable])
    }

    @Test func aCollectedEventDoesNotReachTheNextOwnerOfTheSlot() throws {
        let loop = try EventLoop()
        let ready = try (0..<4).map { _ in try Pair.pipe() }
        let quiet = try (0..<4).map { _ in try Pair.pipe() }
        var handles: [UInt64] = []
        var fresh: [UInt64] = []
        let old = Recorder()
        let new = Recorder()
        old.onEvent = { _ in
            for handle in handles { loop.unwatch(handle) }
            for pair in quiet {
                fresh.append(loop.watch(pair.ends[0], readable, Recorder.ready, new.user))
            }
        }
        for pair in ready {
            handles.append(loop.watch(pair.ends[0], readable, Recorder.ready, old.user))
            pair.send()
        }
        loop.runBriefly()
        #expect(old.events.count == 1)
        #expect(new.events == [])
        #expect(
            Set(fresh.map { $0 & 0xFFFF_FFFF }) == Set(handles.map { $0 & 0xFFFF_FFFF }), "slots are reused")
        #expect(Set(fresh).isDisjoint(with: handles))
    }

    @Test func aStaleHandleDoesNotEndTheNextWatch() throws {
        let loop = try EventLoop()
        let first = try Pair.pipe()
        let second = try Pair.pipe()
        let recorder = Recorder()
        let stale = loop.watch(first.ends[0], readable, Recorder.ready, recorder.user)
        loop.unwatch(stale)
        let handle = loop.watch(second.ends[0], readable, Recorder.ready, recorder.user)
        #expect(handle & 0xFFFF_FFFF == stale & 0xFFFF_FFFF)
        loop.unwatch(stale)
        second.send()
        loop.runBriefly()
        #expect(recorder.events == [readable])
    }

    @Test func watchingAgainAfterUnwatchSeesWhatIsThere() throws {
        let loop = try EventLoop()
        let pair = try Pair.pipe()
        let recorder = Recorder()
        pair.send()
        loop.unwatch(loop.watch(pair.ends[0], readable, Recorder.ready, recorder.user))
        _ = loop.watch(pair.ends[0], readable, Recorder.ready, recorder.user)
        loop.runBriefly()
        #expect(recorder.events == [readable])
    }

    // MARK: Work

    @Test func workPostedBeforeTheRunIsDoneInOneBatchInOrder() throws {
        let loop = try EventLoop()
        let seen = Mutex<[(number: Int, batch: UInt64)]>([])
        for number in 0..<100 {
            loop.post { seen.withLock { $0.append((number, loop.now)) } }
        }
        loop.post { loop.stop() }
        loop.run()
        let all = seen.withLock { $0 }
        #expect(all.map(\.number) == Array(0..<100))
        #expect(Set(all.map(\.batch)).count == 1)
    }

    @Test func workFromManyThreadsIsDoneOnceOnTheLoopsThread() throws {
        let loop = try EventLoop()
        let perThread = 2_000
        let threads = 4
        let seen = Mutex<[(thread: Int, number: Int, isCurrent: Bool)]>([])
        let remaining = Counter(perThread * threads)
        #expect(!loop.isCurrent)
        let posters = try (0..<threads).map { thread in
            try TestThread {
                for number in 0..<perThread {
                    loop.post {
                        seen.withLock { $0.append((thread, number, loop.isCurrent)) }
                        if remaining.add(-1) == 0 { loop.stop() }
                    }
                }
            }
        }
        loop.run()
        for poster in posters { poster.wait() }
        let all = seen.withLock { $0 }
        #expect(all.count == perThread * threads)
        #expect(all.filter(\.isCurrent).count == all.count)
        for thread in 0..<threads {
            #expect(all.filter { $0.thread == thread }.map(\.number) == Array(0..<perThread))
        }
        #expect(!loop.isCurrent)
    }

    @Test func workIsNeverRunFromInsideThePost() throws {
        let loop = try EventLoop()
        let order = Mutex<[String]>([])
        loop.post {
            loop.post { order.withLock { $0.append("posted") } }
            loop.later {
                order.withLock { $0.append("later") }
                loop.post {
                    order.withLock { $0.append("last") }
                    loop.stop()
                }
            }
            order.withLock { $0.append("first") }
        }
        loop.run()
        #expect(order.withLock { $0 } == ["first", "posted", "later", "last"])
    }

    @Test func workThatRenewsItselfLeavesDescriptorsAndTimersTheirShare() throws {
        let loop = try EventLoop()
        let pair = try Pair.pipe()
        let recorder = Recorder()
        var timerRan = false
        var isDone = false
        func again() {
            if isDone { return loop.stop() }
            loop.later(again)
        }
        recorder.onEvent = { _ in
            loop.after(1) {
                timerRan = true
                isDone = true
            }
        }
        _ = loop.watch(pair.ends[0], readable, Recorder.ready, recorder.user)
        pair.send()
        loop.later(again)
        loop.run()
        #expect(recorder.events == [readable])
        #expect(timerRan)
    }

    @Test func workFromDescriptorsTimersAndOtherThreadsMeetsOnOneThread() throws {
        let loop = try EventLoop()
        let pair = try Pair.pipe()
        let recorder = Recorder()
        var answers = 0
        recorder.onEvent = { _ in
            #expect(loop.isCurrent)
            answers += pair.drain()
            if answers == 50 { loop.stop() }
        }
        _ = loop.watch(pair.ends[0], readable, Recorder.ready, recorder.user)
        let writer = pair.ends[1]
        let thread = try TestThread {
            for _ in 0..<50 { loop.post { _ = write(writer, "x", 1) } }
        }
        loop.run()
        thread.wait()
        #expect(answers == 50)
    }

    // MARK: Timers

    @Test func timersRunWhileNothingElseHappens() throws {
        let loop = try EventLoop()
        var order: [UInt64] = []
        let started = loop.now
        let recorders = [9, 1, 5, 3].map { (milliseconds: UInt64) -> Recorder in
            let recorder = Recorder()
            let deadline = started + milliseconds * 1_000_000
            recorder.onEvent = { _ in
                #expect(jf_monotonic_ns() >= deadline, "early")
                order.append(milliseconds)
                if order.count == 4 { loop.stop() }
            }
            _ = loop.arm(at: deadline, Recorder.fired, recorder.user)
            return recorder
        }
        loop.run()
        #expect(order == [1, 3, 5, 9])
        #expect(recorders.map(\.events) == [[0], [0], [0], [0]])
    }

    @Test func timersOfCFunctionsRunOnceAndCancelledOnesNever() throws {
        let loop = try EventLoop()
        let fired = Recorder()
        let cancelled = Recorder()
        let handle = loop.arm(after: 1_000_000, Recorder.fired, cancelled.user)
        _ = loop.arm(after: 2_000_000, Recorder.fired, fired.user)
        _ = loop.arm(at: loop.now + 3_000_000, Recorder.fired, fired.user)
        loop.cancelTimer(handle)
        loop.cancelTimer(handle)
        loop.after(10_000_000) { loop.stop() }
        loop.run()
        #expect(fired.events == [0, 0])
        #expect(cancelled.events == [])
    }

    @Test func aDelayBeyondTheClocksEndNeverEnds() throws {
        let loop = try EventLoop()
        let recorder = Recorder()
        _ = loop.arm(after: .max, Recorder.fired, recorder.user)
        loop.after(5_000_000) { loop.stop() }
        loop.run()
        #expect(recorder.events == [])
    }

    @Test func aTimerMayCancelAnotherOfTheSameMoment() throws {
        let loop = try EventLoop()
        var handles: [UInt64] = []
        let recorder = Recorder()
        recorder.onEvent = { _ in
            for handle in handles { loop.cancelTimer(handle) }
            loop.turns(3) { loop.stop() }
        }
        let deadline = loop.now + 2_000_000
        for _ in 0..<5 { handles.append(loop.arm(at: deadline, Recorder.fired, recorder.user)) }
        loop.run()
        #expect(recorder.events == [0])
    }

    @Test func aCancelledTimerLetsGoOfItsClosure() throws {
        let loop = try EventLoop()
        weak var watched: Recorder?
        let handle: UInt64
        do {
            let captured = Recorder()
            watched = captured
            handle = loop.after(3_600_000_000_000) { captured.events.append(1) }
        }
        #expect(watched != nil)
        loop.cancelAfter(handle)
        #expect(watched == nil)
        loop.cancelAfter(handle)
        loop.cancelAfter(0)
    }

    @Test func aTimersClosureIsLetGoOnceItHasRun() throws {
        let loop = try EventLoop()
        weak var watched: Recorder?
        do {
            let captured = Recorder()
            watched = captured
            loop.after(1) {
                captured.events.append(1)
                loop.stop()
            }
        }
        loop.run()
        #expect(watched == nil)
    }

    // MARK: Stopping

    @Test func stopsWhileItSleeps() throws {
        let loop = try EventLoop()
        let isRunning = Counter(0)
        loop.post { isRunning.add(1) }
        let thread = try TestThread {
            while isRunning.value == 0 { sched_yield() }
            loop.stop()
        }
        loop.run()
        thread.wait()
        #expect(isRunning.value == 1)
    }

    @Test func aStopBeforeTheRunStillDoesTheWorkThatWaits() throws {
        let loop = try EventLoop()
        let count = Counter(0)
        loop.post { count.add(1) }
        loop.later { count.add(1) }
        loop.stop()
        loop.run()
        #expect(count.value == 2)
    }

    @Test func theLongestBatchIsForgottenOnceTaken() throws {
        let loop = try EventLoop()
        loop.runBriefly()
        #expect(loop.takeLongestBatch() > 0)
        #expect(loop.takeLongestBatch() == 0)
    }
}
