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

#[repr(C)]
pub(super) struct jf_mock_ruling {
    pub(super) status: i32,
    pub(super) decision: u32,
    pub(super) dry: bool,
    pub(super) rule: *const c_char,
    pub(super) text: *const c_char,
    pub(super) scopes: *const c_char,
}

#[repr(C)]
pub(super) struct jf_mock_filtered {
    pub(super) status: i32,
    pub(super) decision: u32,
    pub(super) splices: u32,
    pub(super) memory: u64,
    pub(super) body: *const c_char,
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
    pub(super) fn jf_mock_auth_attach(
        mock: *mut jf_mock,
        name: *const c_char,
        config: *const c_char,
    ) -> jf_ref;
    pub(super) fn jf_mock_credentials_attach(
        mock: *mut jf_mock,
        server: *const c_char,
        config: *const c_char,
    ) -> jf_ref;
    pub(super) fn jf_mock_policy_attach(
        mock: *mut jf_mock,
        name: *const c_char,
        config: *const c_char,
    ) -> jf_ref;
    pub(super) fn jf_mock_filter_attach(
        mock: *mut jf_mock,
        name: *const c_char,
        config: *const c_char,
    ) -> jf_ref;
    pub(super) fn jf_mock_auth_detach(mock: *mut jf_mock, handle: jf_ref);
    pub(super) fn jf_mock_credentials_detach(mock: *mut jf_mock, handle: jf_ref);
    pub(super) fn jf_mock_policy_detach(mock: *mut jf_mock, handle: jf_ref);
    pub(super) fn jf_mock_filter_detach(mock: *mut jf_mock, handle: jf_ref);
    pub(super) fn jf_mock_principal(mock: *mut jf_mock, json: *const c_char) -> *const jf_principal;
    pub(super) fn jf_mock_request_credentials(mock: *mut jf_mock) -> jf_credentials;
    pub(super) fn jf_mock_identify(
        mock: *mut jf_mock,
        handle: jf_ref,
        credentials: *const jf_credentials,
    ) -> jf_ref;
    pub(super) fn jf_mock_describe(mock: *mut jf_mock, handle: jf_ref, status: *mut i32) -> *mut c_char;
    pub(super) fn jf_mock_access(
        mock: *mut jf_mock,
        who: *const jf_principal,
        tool: *const c_char,
        arguments: *const c_char,
    ) -> jf_access;
    pub(super) fn jf_mock_decide(mock: *mut jf_mock, handle: jf_ref, access: *const jf_access) -> jf_ref;
    pub(super) fn jf_mock_classify(
        mock: *mut jf_mock,
        handle: jf_ref,
        who: *const jf_principal,
        status: *mut i32,
    ) -> *mut c_char;
    pub(super) fn jf_mock_ruling_of(mock: *mut jf_mock, op: jf_ref) -> jf_mock_ruling;
    pub(super) fn jf_mock_filter_request(
        mock: *mut jf_mock,
        handle: jf_ref,
        who: *const jf_principal,
        tool: *const c_char,
        arguments: *const c_char,
    ) -> jf_ref;
    pub(super) fn jf_mock_filter_result(mock: *mut jf_mock, request: jf_ref, result: *const c_char)
        -> jf_ref;
    pub(super) fn jf_mock_filter_pass(
        mock: *mut jf_mock,
        handle: jf_ref,
        passage: *const jf_passage,
        is_result: bool,
    ) -> jf_ref;
    pub(super) fn jf_mock_filter_ended(mock: *mut jf_mock, request: jf_ref, status: i32);
    pub(super) fn jf_mock_filtered_of(mock: *mut jf_mock, op: jf_ref) -> jf_mock_filtered;
    pub(super) fn jf_mock_demand(mock: *mut jf_mock, who: *const jf_principal) -> jf_demand;
    pub(super) fn jf_mock_supply(mock: *mut jf_mock, handle: jf_ref, demand: *const jf_demand) -> jf_ref;
    pub(super) fn jf_mock_store_get(mock: *mut jf_mock, key: jf_view) -> jf_ref;
    pub(super) fn jf_mock_store_put(mock: *mut jf_mock, put: *const jf_store_put) -> jf_ref;
    pub(super) fn jf_mock_store_remove(mock: *mut jf_mock, key: jf_view, revision: u64) -> jf_ref;
    pub(super) fn jf_mock_store_list(mock: *mut jf_mock, list: *const jf_store_list) -> jf_ref;
    pub(super) fn jf_mock_store_add(mock: *mut jf_mock, add: *const jf_store_add) -> jf_ref;
    pub(super) fn jf_mock_store_take(mock: *mut jf_mock, limits: *const jf_store_limit, count: u64)
        -> jf_ref;
    pub(super) fn jf_mock_store_watch(mock: *mut jf_mock, prefix: jf_view) -> jf_ref;
    pub(super) fn jf_mock_store_unwatch(mock: *mut jf_mock, watch: jf_ref);
    pub(super) fn jf_mock_state_fail(mock: *mut jf_mock, status: i32);
    pub(super) fn jf_mock_state_get(mock: *mut jf_mock, key: *const c_char) -> *mut c_char;
    pub(super) fn jf_mock_state_set(mock: *mut jf_mock, key: *const c_char, value: *const c_char);
    pub(super) fn jf_mock_store_next(
        bytes: *const c_char,
        length: u64,
        offset: *mut u64,
        entry: *mut jf_store_entry,
        key: *mut jf_view,
        value: *mut jf_view,
    ) -> bool;
    pub(super) fn free(memory: *mut c_void);
}
