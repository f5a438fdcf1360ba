// SPDX-License-Identifier: Apache-2.0
// Timers in a hashed wheel: arming and cancelling cost the same however many are armed.
// After G. Varghese, A. Lauck, "Hashed and Hierarchical Timing Wheels", SOSP 1987 (scheme 6).

/// What a timer runs: a C function and its user pointer, so that arming allocates nothing.
typealias TimerAction = @convention(c) (UnsafeMutableRawPointer?) -> Void

/// One-shot timers with a resolution of one millisecond; never early. Belongs to one loop.
struct TimerWheel {
    private struct Timer {
        var tick: UInt64 = 0
        var action: TimerAction?
        var user: UnsafeMutableRawPointer?
        /// The `jf_shim` of the instance whose action it is.
        var meter: OpaquePointer?
        var generation: UInt32 = 1
        var next: Int32 = -1
        var previous: Int32 = -1
    }

    private static let slotCount = 4096
    private static let nanosecondsPerTick: UInt64 = 1_000_000

    private var timers: ContiguousArray<Timer> = []
    private var free: ContiguousArray<Int32> = []
    private var heads: ContiguousArray<Int32>
    /// One bit per slot that holds a timer, so that the next one is found without a walk.
    private var occupied: ContiguousArray<UInt64>
    private var currentTick: UInt64
    /// How far the last sweep goes.
    private var sweptTick: UInt64 = 0
    private(set) var armed = 0
    /// The meter of the timer that `takeDue` took last.
    private(set) var dueMeter: OpaquePointer?

    init(now: UInt64) {
        heads = ContiguousArray(repeating: -1, count: Self.slotCount)
        occupied = ContiguousArray(repeating: 0, count: Self.slotCount / 64)
        currentTick = now / Self.nanosecondsPerTick
    }

    /// Arms a timer for `deadline` (monotonic nanoseconds) and returns its handle.
    mutating func arm(
        at deadline: UInt64, _ action: @escaping TimerAction, _ user: UnsafeMutableRawPointer?,
        _ meter: OpaquePointer? = nil
    ) -> UInt64 {
        let index: Int
        if let reused = free.popLast() {
            index = Int(reused)
        } else {
            index = timers.count
            timers.append(Timer())
        }
        // Rounded up, and behind the sweep under way: a timer that arms itself again must not keep it going for ever.
        let whole = deadline / Self.nanosecondsPerTick
        let tick = max(
            deadline % Self.nanosecondsPerTick == 0 ? whole : whole + 1, max(currentTick, sweptTick) + 1)
        timers[index].tick = tick
        timers[index].action = action
        timers[index].user = user
        timers[index].meter = meter
        link(index)
        armed += 1
        return UInt64(timers[index].generation) << 32 | UInt64(index)
    }

    /// Cancels a timer and returns its user pointer; nil when it has fired, or never was.
    mutating func cancel(_ handle: UInt64) -> UnsafeMutableRawPointer? {
        let index = Int(handle & 0xFFFF_FFFF)
        guard index < timers.count, UInt64(timers[index].generation) == handle >> 32,
            timers[index].action != nil
        else { return nil }
        let user = timers[index].user
        unlink(index)
        release(index)
        return user
    }

    /// Lets an empty wheel catch up with the clock, so that the next timer does not have to walk through idle time.
    mutating func skip(to now: UInt64) {
        if armed == 0 { currentTick = max(currentTick, now / Self.nanosecondsPerTick) }
    }

    private mutating func link(_ index: Int) {
        let slot = Int(timers[index].tick % UInt64(Self.slotCount))
        let head = heads[slot]
        timers[index].previous = -1
        timers[index].next = head
        if head >= 0 { timers[Int(head)].previous = Int32(index) }
        heads[slot] = Int32(index)
        occupied[slot >> 6] |= 1 << UInt64(slot & 63)
    }

    private mutating func unlink(_ index: Int) {
        let slot = Int(timers[index].tick % UInt64(Self.slotCount))
        let next = timers[index].next
        let previous = timers[index].previous
        if next >= 0 { timers[Int(next)].previous = previous }
        if previous >= 0 {
            timers[Int(previous)].next = next
        } else {
            heads[slot] = next
            if next < 0 { occupied[slot >> 6] &= ~(1 << UInt64(slot & 63)) }
        }
    }

    private mutating func release(_ index: Int) {
        timers[index].action = nil
        timers[index].user = nil
        timers[index].meter = nil
        timers[index].generation = timers[index].generation == .max ? 1 : timers[index].generation + 1
        free.append(Int32(index))
        armed -= 1
    }

    /// Nanoseconds from `now` until a slot with timers comes up; nil when none is armed.
    func delay(from now: UInt64) -> UInt64? {
        guard armed > 0 else { return nil }
        // Slots are searched a word of 64 at a time, from the one after the current tick once around.
        let first = Int((currentTick + 1) % UInt64(Self.slotCount))
        var word = first >> 6
        var bits = occupied[word] & (~0 << UInt64(first & 63))
        for _ in 0...occupied.count {
            if bits != 0 {
                let slot = (word << 6) + bits.trailingZeroBitCount
                let ahead = UInt64((slot - first + Self.slotCount) % Self.slotCount) + 1
                let due = (currentTick + ahead) * Self.nanosecondsPerTick
                return due > now ? due - now : 0
            }
            word = (word + 1) % occupied.count
            bits = occupied[word]
        }
        return UInt64(Self.slotCount) * Self.nanosecondsPerTick
    }

    /// Takes the next timer that is due at `now`, or nil. Called until nil, so that an action may arm and cancel.
    mutating func takeDue(now: UInt64) -> (TimerAction, UnsafeMutableRawPointer?)? {
        let nowTick = now / Self.nanosecondsPerTick
        sweptTick = max(sweptTick, nowTick)
        while currentTick < nowTick {
            let slot = Int((currentTick + 1) % UInt64(Self.slotCount))
            var index = heads[slot]
            while index >= 0 {
                let at = Int(index)
                if timers[at].tick <= nowTick, let action = timers[at].action {
                    let user = timers[at].user
                    dueMeter = timers[at].meter
                    unlink(at)
                    release(at)
                    return (action, user)
                }
                index = timers[at].next
            }
            if armed == 0 {
                currentTick = nowTick
                return nil
            }
            currentTick += 1
        }
        return nil
    }
}
