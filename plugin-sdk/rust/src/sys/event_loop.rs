// SPDX-License-Identifier: Apache-2.0
//! Host service jf.loop/1: file descriptors, timers and posts on the instance's own event loop.

use super::jf_ref;
use std::os::raw::c_void;

/// There is something to read.
pub const JF_READABLE: u32 = 1;
/// There is room to write.
pub const JF_WRITABLE: u32 = 2;
/// The peer closed its writing side, or the descriptor failed.
pub const JF_HANGUP: u32 = 4;
/// Error condition.
pub const JF_BROKEN: u32 = 8;

/// Called on the lane with the events that occurred.
pub type jf_ready_fn = Option<unsafe extern "C" fn(*mut c_void, u32)>;

/// Called on the lane, once.
pub type jf_task_fn = Option<unsafe extern "C" fn(*mut c_void)>;

abi! {
    /// Since 1.0.
    pub struct jf_loop_1: 72 {
        /// Bytes of this structure as its maker knows it.
        0 => size: u32,
        /// Flags; 0-15 may be ignored when unknown, 16-31 must be refused.
        4 => flags: u32,
        /// First argument of every slot.
        8 => context: *mut c_void,
        /// Watches `fd` for JF_READABLE | JF_WRITABLE (JF_HANGUP and JF_BROKEN always come). The fd
        /// stays the plugin's. \[lane\].
        16 => watch: Option<unsafe extern "C" fn(
            *mut c_void,
            i32,
            u32,
            jf_ready_fn,
            *mut c_void,
            *mut jf_ref,
        ) -> i32>,
        /// Stops watching; call before close(fd). No callback follows, not even one already
        /// collected. \[lane\].
        24 => unwatch: Option<unsafe extern "C" fn(*mut c_void, jf_ref)>,
        /// Calls `fire` once after `delay_ns` (resolution 1 ms, never early). \[lane\].
        32 => timer: Option<unsafe extern "C" fn(
            *mut c_void,
            u64,
            jf_task_fn,
            *mut c_void,
            *mut jf_ref,
        ) -> i32>,
        /// Cancels; a stale handle is ignored. \[lane\].
        40 => cancel: Option<unsafe extern "C" fn(*mut c_void, jf_ref)>,
        /// Runs `task` on the lane soon, never from inside this call. \[any\].
        48 => post: Option<unsafe extern "C" fn(*mut c_void, jf_task_fn, *mut c_void) -> i32>,
        /// The monotonic time at which the current batch of events began: cheaper than a clock call.
        /// \[lane\].
        56 => now: Option<unsafe extern "C" fn(*mut c_void) -> u64>,
        /// This loop's number from 0, and how many there are. \[any\].
        64 => index: Option<unsafe extern "C" fn(*mut c_void, *mut u32) -> u32>,
    }
}

/// Id of the table, with the NUL that C wants.
pub const JF_LOOP_1: &[u8] = b"jf.loop/1\0";
