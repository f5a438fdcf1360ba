// SPDX-License-Identifier: Apache-2.0
//! Host service jf.ops/1: completes operations that a slot left pending.

use super::{jf_blob, jf_fault, jf_ref, jf_view};
use std::os::raw::c_void;

abi! {
    /// All slots \[any\]. Since 1.0.
    pub struct jf_ops_1: 40 {
        /// Bytes of this structure as its maker knows it.
        0 => size: u32,
        /// Flags; 0-15 may be ignored when unknown, 16-31 must be refused.
        4 => flags: u32,
        /// First argument of every slot.
        8 => context: *mut c_void,
        /// Completes `op`, once. Takes *result in every case (it is dropped when unused). `why` may
        /// be NULL when status is JF_OK. JF_E_STALE: the operation is over already; counted as a
        /// strike.
        16 => finish: Option<unsafe extern "C" fn(
            *mut c_void,
            jf_ref,
            i32,
            *mut jf_blob,
            *const jf_fault,
        ) -> i32>,
        /// JF_OK: still wanted; JF_E_GONE: the caller left; JF_E_TIMEOUT: out of time; JF_E_STALE:
        /// over.
        24 => state: Option<unsafe extern "C" fn(*mut c_void, jf_ref) -> i32>,
        /// Reports progress to a caller that asked for it; dropped otherwise. `total` 0: unknown.
        /// `text` may be absent.
        32 => progress: Option<unsafe extern "C" fn(*mut c_void, jf_ref, f64, f64, jf_view) -> i32>,
    }
}

/// Id of the table, with the NUL that C wants.
pub const JF_OPS_1: &[u8] = b"jf.ops/1\0";
