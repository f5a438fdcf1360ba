// SPDX-License-Identifier: Apache-2.0
//! Host service jf.log/1: levelled records with fields. The host adds time, plugin id and loop.

use super::{jf_pair, jf_view};
use std::os::raw::c_void;

/// Log level trace.
pub const JF_LOG_TRACE: u32 = 0;
/// Log level debug.
pub const JF_LOG_DEBUG: u32 = 1;
/// Log level info.
pub const JF_LOG_INFO: u32 = 2;
/// Log level warning.
pub const JF_LOG_WARNING: u32 = 3;
/// Log level error.
pub const JF_LOG_ERROR: u32 = 4;

abi! {
    /// All slots \[any\]. Since 1.0.
    pub struct jf_log_1: 32 {
        /// Bytes of this structure as its maker knows it.
        0 => size: u32,
        /// Flags; 0-15 may be ignored when unknown, 16-31 must be refused.
        4 => flags: u32,
        /// First argument of every slot.
        8 => context: *mut c_void,
        /// Writes one record; never blocks; loss is counted. `text`: one sentence; control characters
        /// are escaped.
        16 => write: Option<unsafe extern "C" fn(*mut c_void, u32, jf_view, *const jf_pair, u64)>,
        /// 1 when `level` is written at all: ask before building an expensive record.
        24 => enabled: Option<unsafe extern "C" fn(*mut c_void, u32) -> u32>,
    }
}

/// Id of the table, with the NUL that C wants.
pub const JF_LOG_1: &[u8] = b"jf.log/1\0";
