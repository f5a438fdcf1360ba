// SPDX-License-Identifier: Apache-2.0
//! Service jf.callback/1, offered by abi-libffi to plugins: C function pointers that carry data with them,
//! for libraries whose callbacks have no user pointer, or whose signature is known at run time only.

use super::{jf_fault, jf_ref, jf_view};
use std::os::raw::c_void;

/// Shapes: `RESULT(TYPE,TYPE,...)`, `i32(pointer,i32,f64)`, `void()`; no spaces, at most as many
/// parameters. Types: void (as the result only), i8 u8 i16 u16 i32 u32 i64 u64 f32 f64, pointer (of any
/// kind), view (a jf_view by value; as a parameter only). Variadic functions have none.
pub const JF_SHAPE_MOST: u32 = 16;

/// A function pointer of whatever type: transmute it to the one that its shape stands for.
pub type jf_code_fn = Option<unsafe extern "C" fn()>;

/// What a call of the leased function becomes. `arguments[i]` points at argument i in its own width;
/// `result` points at 8 zero bytes that are aligned for every type: write the answer there in its own
/// width. Both are borrowed. On the thread that the library calls on, maybe on several at once, maybe
/// within itself.
pub type jf_callback_fn = Option<unsafe extern "C" fn(*mut c_void, *const *mut c_void, *mut c_void)>;

/// The function will not be called with `user` any more: `user` may go. Once, on whatever thread.
pub type jf_callback_ended_fn = Option<unsafe extern "C" fn(*mut c_void)>;

abi! {
    /// What is asked for. Growable: set `size`. Borrowed.
    pub struct jf_callback_request: 56 {
        /// Bytes of this structure as its maker knows it.
        0 => size: u32,
        /// 0.
        4 => flags: u32,
        /// See [`JF_SHAPE_MOST`].
        8 => shape: jf_view,
        /// Required.
        24 => call: jf_callback_fn,
        /// May be absent.
        32 => ended: jf_callback_ended_fn,
        /// Passed to both; stays the caller's.
        40 => user: *mut c_void,
        /// What a call after `release` is answered with: the result's bytes, the lowest first.
        48 => idle: u64,
    }
}

/// jf_callback_1.release: no library holds the pointer any more, so its memory may be used again or freed.
/// Without it the pointer stays callable as long as the process lives and answers `idle`.
pub const JF_CALLBACK_FORGOTTEN: u32 = 1;

abi! {
    /// Function pointers are made at run time, from pages that may be executed. Where the kernel forbids
    /// memory that is writable and executable, libffi maps it twice; where that is refused too, `lease`
    /// says so. In a cell the plugin that offers this runs beside the one that asks: a pointer cannot
    /// leave its process. Since 1.0.
    pub struct jf_callback_1: 32 {
        /// Bytes of this structure as its maker knows it.
        0 => size: u32,
        /// Flags; 0-15 may be ignored when unknown, 16-31 must be refused.
        4 => flags: u32,
        /// First argument of every slot.
        8 => context: *mut c_void,
        /// Makes `*code`, which calls `request->call` with `request->user`, until `release` of
        /// `*lease`. \[any\] Costs a microsecond where a function of that shape is free to be used
        /// again, else some more. JF_E_INVALID: a shape that is none, or no `call`; `why` says where.
        /// JF_E_BUSY: too many are leased. JF_E_UNSUPPORTED: this process may not make code; `why`
        /// says what to change. JF_E_FAULT: memory.
        16 => lease: Option<unsafe extern "C" fn(
            *mut c_void,
            *const jf_callback_request,
            *mut jf_code_fn,
            *mut jf_ref,
            *mut jf_fault,
        ) -> i32>,
        /// Ends a lease; also from within the function itself. JF_OK: no call is running; `ended` was
        /// called. JF_PENDING: calls are running on this or other threads; `ended` follows with the
        /// last of them. Later calls are answered with `idle`. Flags: JF_CALLBACK_FORGOTTEN or 0.
        /// JF_E_STALE: no such lease. \[any\] What is not released when the plugin that offers this
        /// is destroyed ends without JF_CALLBACK_FORGOTTEN.
        24 => release: Option<unsafe extern "C" fn(*mut c_void, jf_ref, u32) -> i32>,
    }
}

/// Id of the table, with the NUL that C wants.
pub const JF_CALLBACK_1: &[u8] = b"jf.callback/1\0";
