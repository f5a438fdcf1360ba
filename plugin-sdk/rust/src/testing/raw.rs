// SPDX-License-Identifier: Apache-2.0
// jf_mock.h as far as `Mock` uses it.

use crate::sys::*;
use std::os::raw::{c_char, c_void};

#[repr(C)]
pub(super) struct jf_mock {
    _opaque: [u8; 0],
}

#[repr(C)]
#[derive(Clone, Copy)]
pub(super) struct jf_mock_op {
    pub(super) status: i32,
    pub(super) inline_result: bool,
    pub(super) strikes: u32,
    pub(super) progress: u32,
    pub(super) result: *const c_char,
    pub(super) fault: jf_fault,
    pub(super) why: *const c_char,
    pub(super) length: u64,
}

#[repr(C)]
pub(super) struct jf_mock_event {
    pub(super) kind: u32,
    pub(super) index: u32,
    pub(super) peer: jf_ref,
    pub(super) exchange: jf_ref,
    pub(super) listener: jf_ref,
    pub(super) status: i32,
    pub(super) flags: u32,
    pub(super) text: *const c_char,
    pub(super) length: u64,
    pub(super) done: f64,
    pub(super) total: f64,
    pub(super) time_ns: u64,
    pub(super) message: jf_message,
    pub(super) fault: jf_fault,
}

pub(super) type CallFn =
    Option<unsafe extern "C" fn(*mut c_void, *mut jf_mock, jf_ref, *const jf_call) -> i32>;

extern "C" {
    pub(super) fn jf_mock_new() -> *mut jf_mock;
    pub(super) fn jf_mock_free(mock: *mut jf_mock) -> u32;
    pub(super) fn jf_mock_load(mock: *mut jf_mock, path: *const c_char) -> i32;
    pub(super) fn jf_mock_attach(mock: *mut jf_mock, entry: jf_entry_fn) -> i32;
    pub(super) fn jf_mock_manifest(path: *const c_char) -> *mut c_char;
    pub(super) fn jf_mock_create(mock: *mut jf_mock, config: *const c_char) -> i32;
    pub(super) fn jf_mock_start(mock: *mut jf_mock) -> i32;
    pub(super) fn jf_mock_drain(mock: *mut jf_mock, timeout_ms: u32);
    pub(super) fn jf_mock_stop(mock: *mut jf_mock);
    pub(super) fn jf_mock_destroy(mock: *mut jf_mock) -> u32;
    pub(super) fn jf_mock_self(mock: *mut jf_mock) -> *mut jf_self;
    pub(super) fn jf_mock_facet(mock: *mut jf_mock, id: *const c_char) -> *const c_void;
    pub(super) fn jf_mock_why(mock: *mut jf_mock) -> *const c_char;
    pub(super) fn jf_mock_problems(mock: *mut jf_mock) -> u32;
    pub(super) fn jf_mock_problem(mock: *mut jf_mock, index: u32) -> *const c_char;
    pub(super) fn jf_mock_forgive(mock: *mut jf_mock);
    pub(super) fn jf_mock_hide(mock: *mut jf_mock, id: *const c_char);
    pub(super) fn jf_mock_offer(mock: *mut jf_mock, id: *const c_char, table: *const c_void);
    pub(super) fn jf_mock_set_abi(mock: *mut jf_mock, major: u16, minor: u16);
    pub(super) fn jf_mock_set_loop(mock: *mut jf_mock, index: u32, count: u32);
    pub(super) fn jf_mock_set_memory_limit(mock: *mut jf_mock, bytes: u64);
    pub(super) fn jf_mock_set_secret(mock: *mut jf_mock, name: *const c_char, value: *const c_char);
    pub(super) fn jf_mock_run_once(mock: *mut jf_mock, timeout_ms: u32) -> u32;
    pub(super) fn jf_mock_settle(mock: *mut jf_mock);
    pub(super) fn jf_mock_advance(mock: *mut jf_mock, ns: u64);
    pub(super) fn jf_mock_longest(mock: *mut jf_mock) -> u64;
    pub(super) fn jf_mock_mark(mock: *mut jf_mock) -> u32;
    pub(super) fn jf_mock_event_at(mock: *mut jf_mock, index: u32) -> *const jf_mock_event;
    pub(super) fn jf_mock_open_set(mock: *mut jf_mock, name: *const c_char, config: *const c_char) -> jf_ref;
    pub(super) fn jf_mock_close_set(mock: *mut jf_mock, set: jf_ref);
    pub(super) fn jf_mock_list(mock: *mut jf_mock, set: jf_ref, kind: u32, status: *mut i32) -> *mut c_char;
    pub(super) fn jf_mock_request(
        mock: *mut jf_mock,
        set: jf_ref,
        slot: u32,
        name: *const c_char,
        arguments: *const c_char,
    ) -> jf_ref;
    pub(super) fn jf_mock_op_at(mock: *mut jf_mock, op: jf_ref) -> jf_mock_op;
    pub(super) fn jf_mock_wait_op(mock: *mut jf_mock, op: jf_ref, timeout_ms: u32) -> bool;
    pub(super) fn jf_mock_cancel_op(mock: *mut jf_mock, op: jf_ref, why: i32);
    pub(super) fn jf_mock_logged(mock: *mut jf_mock, level: u32, part: *const c_char) -> bool;
    pub(super) fn jf_mock_on_call(mock: *mut jf_mock, handler: CallFn, user: *mut c_void);
    pub(super) fn jf_mock_answer(mock: *mut jf_mock, call: jf_ref, status: i32, body: *const c_char) -> i32;
    pub(super) fn jf_mock_listen(
        mock: *mut jf_mock,
        address: *const c_char,
        config: *const c_char,
        bound: *mut c_char,
        bound_size: usize,
    ) -> jf_ref;
    pub(super) fn jf_mock_reply(
        mock: *mut jf_mock,
        client: jf_ref,
        exchange: jf_ref,
        flags: u32,
        status: i32,
        json: *const c_char,
    ) -> i32;
    pub(super) fn jf_mock_reply_retainable(
        mock: *mut jf_mock,
        client: jf_ref,
        exchange: jf_ref,
        flags: u32,
        segments: *const jf_view,
        count: u32,
        retainable: u64,
    ) -> i32;
    pub(super) fn jf_mock_open(mock: *mut jf_mock, name: *const c_char, config: *const c_char) -> jf_ref;
    pub(super) fn jf_mock_exchange(mock: *mut jf_mock) -> jf_ref;
    pub(super) fn jf_mock_send(
        mock: *mut jf_mock,
        channel: jf_ref,
        exchange: jf_ref,
        json: *const c_char,
    ) -> i32;
    pub(super) fn jf_mock_usage(mock: *mut jf_mock, channel: jf_ref, usage: *mut jf_usage) -> i32;
    pub(super) fn jf_mock_cancel(mock: *mut jf_mock, channel: jf_ref, exchange: jf_ref);
    pub(super) fn jf_mock_close(mock: *mut jf_mock, channel: jf_ref, timeout_ms: u32) -> bool;
    pub(super) fn free(memory: *mut c_void);
}
