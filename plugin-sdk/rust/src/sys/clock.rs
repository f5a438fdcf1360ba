// SPDX-License-Identifier: Apache-2.0
//! Host service jf.clock/1: the two clocks.

use std::os::raw::c_void;

abi! {
    /// All slots \[any\]. Since 1.0.
    pub struct jf_clock_1: 32 {
        /// Bytes of this structure as its maker knows it.
        0 => size: u32,
        /// Flags; 0-15 may be ignored when unknown, 16-31 must be refused.
        4 => flags: u32,
        /// First argument of every slot.
        8 => context: *mut c_void,
        /// CLOCK_MONOTONIC in nanoseconds: the base of every deadline in this ABI.
        16 => monotonic_ns: Option<unsafe extern "C" fn(*mut c_void) -> u64>,
        /// Unix time in nanoseconds: for showing and storing, never for measuring.
        24 => wall_ns: Option<unsafe extern "C" fn(*mut c_void) -> u64>,
    }
}

/// Id of the table, with the NUL that C wants.
pub const JF_CLOCK_1: &[u8] = b"jf.clock/1\0";
