// SPDX-License-Identifier: Apache-2.0
//! Host service jf.state/1: the configured store, for plugins that keep state beyond a call:
//! limits, sessions, tokens.

use super::{jf_fault, jf_ref, jf_store_add, jf_store_limit, jf_store_list, jf_store_put, jf_view};
use std::os::raw::c_void;

/// An operation ended. `answer` is what the slot of jf.store/1 answers (entries, verdicts),
/// borrowed; `why` is NULL with JF_OK, JF_ABSENT and JF_E_STALE. Called once, on the lane, never
/// from inside the slot that began it.
pub type jf_state_done_fn = unsafe extern "C" fn(*mut c_void, jf_ref, i32, jf_view, *const jf_fault);

/// A watched key changed, see jf_watches_1.changed; on the lane.
pub type jf_state_changed_fn = unsafe extern "C" fn(*mut c_void, jf_ref, jf_view, u64);

abi! {
    /// All slots \[lane\]. Each begins an operation of jf.store/1 on the configured store. Keys and
    /// limits are the plugin's own: the host keeps plugins apart by putting the id in front.
    /// Without a configured store, it is one in memory of this gateway, shared by its loops. JF_OK:
    /// `done` will come once, with the errors of jf.store/1 as well; an error: it will not.
    /// JF_E_BUSY: too many are under way. Since 1.1.
    pub struct jf_state_1: 88 {
        /// Bytes of this structure as its maker knows it.
        0 => size: u32,
        /// Flags; 0-15 may be ignored when unknown, 16-31 must be refused.
        4 => flags: u32,
        /// First argument of every slot.
        8 => context: *mut c_void,
        /// See jf_store_1.
        16 => get: Option<unsafe extern "C" fn(
            *mut c_void,
            jf_view,
            Option<jf_state_done_fn>,
            *mut c_void,
            *mut jf_ref,
        ) -> i32>,
        /// See jf_store_1.
        24 => put: Option<unsafe extern "C" fn(
            *mut c_void,
            *const jf_store_put,
            Option<jf_state_done_fn>,
            *mut c_void,
            *mut jf_ref,
        ) -> i32>,
        /// See jf_store_1.
        32 => remove: Option<unsafe extern "C" fn(
            *mut c_void,
            jf_view,
            u64,
            Option<jf_state_done_fn>,
            *mut c_void,
            *mut jf_ref,
        ) -> i32>,
        /// See jf_store_1.
        40 => list: Option<unsafe extern "C" fn(
            *mut c_void,
            *const jf_store_list,
            Option<jf_state_done_fn>,
            *mut c_void,
            *mut jf_ref,
        ) -> i32>,
        /// See jf_store_1.
        48 => add: Option<unsafe extern "C" fn(
            *mut c_void,
            *const jf_store_add,
            Option<jf_state_done_fn>,
            *mut c_void,
            *mut jf_ref,
        ) -> i32>,
        /// See jf_store_1.
        56 => take: Option<unsafe extern "C" fn(
            *mut c_void,
            *const jf_store_limit,
            u64,
            Option<jf_state_done_fn>,
            *mut c_void,
            *mut jf_ref,
        ) -> i32>,
        /// Tells of changes of keys that begin with `prefix` until `unwatch`. JF_E_UNSUPPORTED:
        /// this store cannot.
        64 => watch: Option<unsafe extern "C" fn(
            *mut c_void,
            jf_view,
            Option<jf_state_changed_fn>,
            *mut c_void,
            *mut jf_ref,
        ) -> i32>,
        /// See jf_store_1.
        72 => unwatch: Option<unsafe extern "C" fn(
            *mut c_void,
            jf_ref,
        )>,
        /// Gives an operation up; `done` is not called. What it changes may be changed. A stale
        /// handle is ignored.
        80 => abandon: Option<unsafe extern "C" fn(
            *mut c_void,
            jf_ref,
        )>,
    }
}

/// Id of the table, with the NUL that C wants.
pub const JF_STATE_1: &[u8] = b"jf.state/1\0";
