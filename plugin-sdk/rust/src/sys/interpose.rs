// SPDX-License-Identifier: Apache-2.0
//! Service jf.interpose/1, offered by abi-libffi to the host: tables that stand in front of others whose
//! slots are known at run time only, so that a third party's service is metered, traced and made to fail too.

use super::{jf_fault, jf_ref, jf_view};
use std::os::raw::c_void;

/// Most slots that one table can have watched.
pub const JF_INTERPOSE_SLOTS: u32 = 64;
/// Words that `before` may leave for the `after` of the same call.
pub const JF_INTERPOSE_NOTE: u32 = 4;

/// A watched call begins. `arguments[i]` points at argument i in its own width, argument 0 being the
/// table's `context`; borrowed until `after` returns. `note` points at JF_INTERPOSE_NOTE words, zero, that
/// `after` gets again. JF_OK: the call goes on. Below 0: it does not reach the other side; the slot answers
/// this status where its result is i32, else zero. On the thread of the call; several at once.
pub type jf_interpose_before_fn =
    Option<unsafe extern "C" fn(*mut c_void, u32, *const *mut c_void, *mut u64) -> i32>;

/// It ended, or `before` refused it. `result` points at the result in its own width; null where the slot has
/// none.
pub type jf_interpose_after_fn =
    Option<unsafe extern "C" fn(*mut c_void, u32, *const *mut c_void, *const c_void, *const u64)>;

abi! {
    /// What to watch. Growable: set `size`. Borrowed, but `user`.
    pub struct jf_interpose_plan: 48 {
        /// Bytes of this structure as its maker knows it.
        0 => size: u32,
        /// 0.
        4 => flags: u32,
        /// The shapes ([`JF_SHAPE_MOST`](super::JF_SHAPE_MOST)) of the slots that follow `size, flags,
        /// context`, in order; parameter 0 is the context, a pointer. An absent shape: that slot is
        /// left as it is.
        8 => shapes: *const jf_view,
        /// At most JF_INTERPOSE_SLOTS.
        16 => count: u64,
        /// Called when a watched call begins.
        24 => before: jf_interpose_before_fn,
        /// Called when it ended.
        32 => after: jf_interpose_after_fn,
        /// Lives until `unwrap`.
        40 => user: *mut c_void,
    }
}

abi! {
    /// The table made here is as large as the one behind it and begins with the same `size, flags,
    /// context`. Slots beyond the plan, slots that are NULL and whatever else stands there pass through
    /// untouched, so that a table may have grown since it was described (base.h, Growth). A slot that is
    /// longer than the table is not there. A watched call costs about 0.1 us. Since 1.0.
    pub struct jf_interpose_1: 32 {
        /// Bytes of this structure as its maker knows it.
        0 => size: u32,
        /// Flags; 0-15 may be ignored when unknown, 16-31 must be refused.
        4 => flags: u32,
        /// First argument of every slot.
        8 => context: *mut c_void,
        /// Makes `*wrapped` in front of `table`, which must outlive it. Both are tables of a service.
        /// \[control\] JF_E_INVALID: a table or shape that is none; `why` says which. JF_E_BUSY: too
        /// many are wrapped. JF_E_UNSUPPORTED: this process may not make code. JF_E_FAULT: memory.
        16 => wrap: Option<unsafe extern "C" fn(
            *mut c_void,
            *const jf_interpose_plan,
            *const c_void,
            *mut *const c_void,
            *mut jf_ref,
            *mut jf_fault,
        ) -> i32>,
        /// Gives a table back; nobody may call its slots any more. JF_OK: it is gone. JF_PENDING: a
        /// call is still in it, so that the table, and `user`, must stay for good. JF_E_STALE: no
        /// such table. \[control\].
        24 => unwrap: Option<unsafe extern "C" fn(*mut c_void, jf_ref) -> i32>,
    }
}

/// Id of the table, with the NUL that C wants.
pub const JF_INTERPOSE_1: &[u8] = b"jf.interpose/1\0";
