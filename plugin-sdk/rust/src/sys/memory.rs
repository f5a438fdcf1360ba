// SPDX-License-Identifier: Apache-2.0
//! Host service jf.memory/1: memory accounted to the instance, and pooled buffers for bodies.

use std::os::raw::c_void;

abi! {
    /// Since 1.0.
    pub struct jf_memory_1: 48 {
        /// Bytes of this structure as its maker knows it.
        0 => size: u32,
        /// Flags; 0-15 may be ignored when unknown, 16-31 must be refused.
        4 => flags: u32,
        /// First argument of every slot.
        8 => context: *mut c_void,
        /// Zeroed memory, 16-byte aligned; NULL when the instance's limit is reached. \[any\].
        16 => allocate: Option<unsafe extern "C" fn(*mut c_void, u64) -> *mut c_void>,
        /// Returns what `allocate` gave; NULL is ignored. \[any\].
        24 => release: Option<unsafe extern "C" fn(*mut c_void, *mut c_void)>,
        /// Borrows a buffer of at least `size` bytes, plus 64 readable ones behind, from the loop's
        /// pool (64 KiB and 1 MiB classes; larger ones are allocated). *capacity receives its size.
        /// Not zeroed. \[lane\].
        32 => borrow: Option<unsafe extern "C" fn(*mut c_void, u64, *mut u64) -> *mut u8>,
        /// Gives a borrowed buffer back. \[lane\].
        40 => give_back: Option<unsafe extern "C" fn(*mut c_void, *mut u8)>,
    }
}

/// Id of the table, with the NUL that C wants.
pub const JF_MEMORY_1: &[u8] = b"jf.memory/1\0";
