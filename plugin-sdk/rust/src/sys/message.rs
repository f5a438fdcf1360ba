// SPDX-License-Identifier: Apache-2.0
//! `jf_message`: one JSON-RPC message on its way, as the listener and connector facets carry it. The protocol
//! is data, not ABI: envelope fields plus the bytes, so that a new MCP revision needs no new header.

use super::{jf_pair, jf_ref, jf_view};
use std::os::raw::c_void;

/// Carries a JSON-RPC message (HTTP: POST and its answers; stdio: a line).
pub const JF_KIND_MESSAGE: u32 = 0;
/// Opens a stand-alone stream for server messages (HTTP: GET), no body.
pub const JF_KIND_STREAM: u32 = 1;
/// Ends the session named in `session` (HTTP: DELETE), no body.
pub const JF_KIND_END: u32 = 2;
/// The last message of its exchange; absent: more follow (an event stream).
pub const JF_MSG_FINAL: u32 = 1;
/// At least 64 readable bytes follow the body's (only) segment.
pub const JF_MSG_PADDED: u32 = 2;
/// Inbound: the client accepts one JSON answer.
pub const JF_MSG_ACCEPTS_JSON: u32 = 4;
/// Inbound: the client accepts an event stream.
pub const JF_MSG_ACCEPTS_STREAM: u32 = 8;
/// Inbound: a mirrored header is repeated or cannot be decoded.
pub const JF_MSG_BAD_HEADERS: u32 = 16;
/// 200.
pub const JF_STATUS_OK: i32 = 0;
/// 202, no body.
pub const JF_STATUS_ACCEPTED: i32 = 1;
/// 400.
pub const JF_STATUS_BAD_REQUEST: i32 = 2;
/// 401.
pub const JF_STATUS_UNAUTHORIZED: i32 = 3;
/// 403.
pub const JF_STATUS_FORBIDDEN: i32 = 4;
/// 404.
pub const JF_STATUS_NOT_FOUND: i32 = 5;
/// 405.
pub const JF_STATUS_NOT_ALLOWED: i32 = 6;
/// 406.
pub const JF_STATUS_NOT_ACCEPTABLE: i32 = 7;
/// 413.
pub const JF_STATUS_TOO_LARGE: i32 = 8;
/// 429; `retry_ms` says when.
pub const JF_STATUS_OVERLOADED: i32 = 9;
/// 500.
pub const JF_STATUS_INTERNAL: i32 = 10;
/// 503; `retry_ms` says when.
pub const JF_STATUS_UNAVAILABLE: i32 = 11;
/// 504.
pub const JF_STATUS_TIMEOUT: i32 = 12;

abi! {
    /// One message. Growable: always passed by pointer. All views are borrowed until the call returns,
    /// but for the segments that the host lets the plugin retain. Since 1.0.
    ///
    /// Retained segments: the bytes of a large answer that do not change any more (a list, a cached
    /// result) need no copy while a slow reader takes them. Only the host offers this, to `reply` and
    /// `send`; inbound all four members are zero. Whoever does not use it, or finds `size` too small for
    /// it, copies as ever.
    ///
    /// Event ids (MCP 2025-03-26 to 2025-11-25, Streamable HTTP, "Resumability and Redelivery"): a
    /// message given to `reply` with `resume` goes out as an event with that id, even where it is FINAL
    /// and the first of its exchange. Ids are the host's: at most 256 bytes without CR, LF and NUL, else
    /// JF_E_INVALID and nothing is written. Without FINAL and without a body it is a priming event: the
    /// id and empty data, from which the client can resume before there is anything to say. `retry_ms`
    /// without FINAL is written into the same event: how long the client shall wait before it opens the
    /// stream again. Empty counts as absent, and shared channels leave both out.
    pub struct jf_message: 208 {
        /// Bytes of this structure as its maker knows it.
        0 => size: u32,
        /// JF_MSG_*
        4 => flags: u32,
        /// JF_KIND_*
        8 => kind: u32,
        /// Answers: JF_STATUS_*
        12 => status: i32,
        /// The request/answer exchange it belongs to; 0 on a shared channel (stdio).
        16 => exchange: jf_ref,
        /// Requests: when the answer stops being of use; 0: none.
        24 => deadline_ns: u64,
        /// Segments that, joined, are one JSON text; NULL when there is none.
        32 => body: *const jf_view,
        /// Inbound always 0 or 1.
        40 => body_count: u32,
        /// Answers with OVERLOADED or UNAVAILABLE; event streams: see above.
        44 => retry_ms: u32,
        /// Inbound: the endpoint asked for ("/mcp/servers/time"); empty on stdio.
        48 => target: jf_view,
        /// MCP-Protocol-Version.
        64 => protocol: jf_view,
        /// Mcp-Method.
        80 => method: jf_view,
        /// Mcp-Name, decoded.
        96 => name: jf_view,
        /// Mcp-Session-Id.
        112 => session: jf_view,
        /// Inbound: Last-Event-ID, at most 256 bytes; `reply`: the event's id.
        128 => resume: jf_view,
        /// Further mirrored headers (Mcp-Param-*: name as spelled, value decoded).
        144 => headers: *const jf_pair,
        /// How many headers there are.
        152 => header_count: u64,
        /// What the retainable segments belong to: the argument of `retain` and `release`.
        160 => owner: *mut c_void,
        /// Keeps the retainable segments where they are, unchanged, until the matching `release`. To
        /// be called from inside the call that brought the message, as often as wanted. Any status
        /// but JF_OK: not retained, copy. \[lane\].
        168 => retain: Option<unsafe extern "C" fn(*mut c_void) -> i32>,
        /// Takes one `retain` back, exactly once each, inside that call or later: after the last byte
        /// is written, when the connection closes, at the latest before `destroy` returns. It never
        /// calls back into the plugin. \[lane\].
        176 => release: Option<unsafe extern "C" fn(*mut c_void)>,
        /// Bit i: body\[i\] may be retained, i \< 64; 0: nothing may, the three are unset.
        184 => retainable: u64,
        /// Header fields (RFC 9110) beside those that have a member here, in their order, names in any
        /// case. Since 1.1; check `size` first.
        192 => fields: *const jf_pair,
        /// How many fields there are. Since 1.1.
        200 => field_count: u64,
    }
}
