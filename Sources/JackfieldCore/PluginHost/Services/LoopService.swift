// SPDX-License-Identifier: Apache-2.0
// jf.loop/1 and jf.clock/1 for one instance.

import CJackfield
import CLinux
import CMeter

func loopService(_ context: UnsafeMutableRawPointer) -> jf_loop_1 {
    jf_loop_1(
        size: UInt32(MemoryLayout<jf_loop_1>.size), flags: 0, context: context, watch: loopWatch,
        unwatch: loopUnwatch, timer: loopTimer, cancel: loopCancel, post: loopPost, now: loopNow,
        index: loopIndex)
}

func clockService(_ context: UnsafeMutableRawPointer) -> jf_clock_1 {
    jf_clock_1(
        size: UInt32(MemoryLayout<jf_clock_1>.size), flags: 0, context: context,
        monotonic_ns: { _ in jf_monotonic_ns() }, wall_ns: { _ in jf_realtime_ns() })
}

private func loopWatch(
    _ context: UnsafeMutableRawPointer?, _ fd: Int32, _ events: UInt32, _ ready: jf_ready_fn?,
    _ user: UnsafeMutableRawPointer?, _ out: UnsafeMutablePointer<jf_ref>?
) -> Int32 {
    guard let ready, fd >= 0 else { return Int32(JF_E_INVALID) }
    let instance = instance(context)
    let handle = instance.lane.loop.watch(fd, events, ready, user, meter: instance.meter.shim)
    guard handle != 0 else { return Int32(JF_E_FAULT) }
    out?.pointee = handle
    return Int32(JF_OK)
}

private func loopUnwatch(_ context: UnsafeMutableRawPointer?, _ watch: jf_ref) {
    instance(context).lane.loop.unwatch(watch)
}

private func loopTimer(
    _ context: UnsafeMutableRawPointer?, _ delay: UInt64, _ fire: jf_task_fn?,
    _ user: UnsafeMutableRawPointer?,
    _ out: UnsafeMutablePointer<jf_ref>?
) -> Int32 {
    guard let fire else { return Int32(JF_E_INVALID) }
    let instance = instance(context)
    let handle = instance.lane.loop.arm(after: delay, fire, user, meter: instance.meter.shim)
    out?.pointee = handle
    return Int32(JF_OK)
}

private func loopCancel(_ context: UnsafeMutableRawPointer?, _ timer: jf_ref) {
    instance(context).lane.loop.cancelTimer(timer)
}

private func loopPost(
    _ context: UnsafeMutableRawPointer?, _ task: jf_task_fn?, _ user: UnsafeMutableRawPointer?
) -> Int32 {
    guard let task else { return Int32(JF_E_INVALID) }
    // The address only travels; what it points to is the plugin's business, by the contract of `post`.
    let address = UInt(bitPattern: user)
    let instance = instance(context)
    instance.lane.loop.post {
        // A task that outlives its instance would find freed memory.
        if instance.state != .destroyed {
            jf_shim_run(instance.meter.shim, task, UnsafeMutableRawPointer(bitPattern: address))
        }
    }
    return Int32(JF_OK)
}

private func loopNow(_ context: UnsafeMutableRawPointer?) -> UInt64 {
    withInstance(context) { $0.clock.pointee }
}

private func loopIndex(_ context: UnsafeMutableRawPointer?, _ count: UnsafeMutablePointer<UInt32>?) -> UInt32
{
    let lane = instance(context).lane
    count?.pointee = UInt32(lane.laneCount)
    return UInt32(lane.index)
}
