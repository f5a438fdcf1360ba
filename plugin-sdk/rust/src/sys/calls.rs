// SPDX-License-Identifier: Apache-2.0
//! Host service jf.calls/1: call MCP methods through the router, as any client would (workflows, bridges).

use super::{jf_fault, jf_ref, jf_view};
use std::os::raw::c_void;

abi! {
    /// How a call ended. Growable; borrowed.
    pub struct jf_call_result: 24 {
        /// Bytes of this structure as its maker knows it.
        0 => size: u32,
        /// JF_OK: `body` is the result object; JF_E_INVALID..: `body` is the JSON-RPC error object,
        /// if any.
        4 => status: i32,
        /// The body, joined JSON text or bytes.
        8 => body: jf_view,
    }
}

/// Called on the lane, once for each accepted call, never from inside `start`.
pub type jf_call_done_fn = Option<unsafe extern "C" fn(*mut c_void, jf_ref, *const jf_call_result)>;

abi! {
    /// What to call. Growable; borrowed until `start` returns. Since 1.0.
    pub struct jf_call: 80 {
        /// Bytes of this structure as its maker knows it.
        0 => size: u32,
        /// Flags; 0-15 may be ignored when unknown, 16-31 must be refused.
        4 => flags: u32,
        /// 0: the target server's own.
        8 => timeout_ns: u64,
        /// "/mcp" (the default when absent), "/mcp/servers/NAME", "/mcp/bundles/NAME".
        16 => target: jf_view,
        /// "tools/call", "tools/list", "resources/read", ...
        32 => method: jf_view,
        /// JSON object in the shape of MCP 2026-07-28, `_meta` optional.
        48 => params: jf_view,
        /// On whose behalf; absent: the plugin itself.
        64 => principal: jf_view,
    }
}

abi! {
    /// All slots \[lane\]. Since 1.0.
    pub struct jf_calls_1: 32 {
        /// Bytes of this structure as its maker knows it.
        0 => size: u32,
        /// Flags; 0-15 may be ignored when unknown, 16-31 must be refused.
        4 => flags: u32,
        /// First argument of every slot.
        8 => context: *mut c_void,
        /// Starts a call. JF_OK: `done` will come once. An error: it will not.
        16 => start: Option<unsafe extern "C" fn(
            *mut c_void,
            *const jf_call,
            jf_call_done_fn,
            *mut c_void,
            *mut jf_ref,
            *mut jf_fault,
        ) -> i32>,
        /// Cancels; `done` still comes, with JF_E_GONE. A stale handle is ignored.
        24 => cancel: Option<unsafe extern "C" fn(*mut c_void, jf_ref)>,
    }
}

/// Id of the table, with the NUL that C wants.
pub const JF_CALLS_1: &[u8] = b"jf.calls/1\0";
