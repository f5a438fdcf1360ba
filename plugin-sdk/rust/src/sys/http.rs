// SPDX-License-Identifier: Apache-2.0
//! Service jf.http/1, offered by transport-http to host and plugins on the same loop: mount a path on the
//! HTTP listeners, and make HTTP requests. Admin pages, metrics, bridges and token fetching need no second
//! HTTP stack.

use super::{jf_fault, jf_pair, jf_ref, jf_view};
use std::os::raw::c_void;

abi! {
    /// A request to a mounted path, or one to make. Growable; borrowed. Header names are lower case.
    /// Since 1.0.
    pub struct jf_http_request: 104 {
        /// Bytes of this structure as its maker knows it.
        0 => size: u32,
        /// Flags; 0-15 may be ignored when unknown, 16-31 must be refused.
        4 => flags: u32,
        /// Mounted: names the request in `respond`.
        8 => exchange: jf_ref,
        /// Outgoing: 0 means 30 s.
        16 => timeout_ns: u64,
        /// "GET".
        24 => method: jf_view,
        /// Outgoing: absolute; mounted: path and query as received.
        40 => url: jf_view,
        /// Mounted: the client's address.
        56 => peer: jf_view,
        /// The body, joined JSON text or bytes.
        72 => body: jf_view,
        /// Header fields; names are lower case.
        88 => headers: *const jf_pair,
        /// How many headers there are.
        96 => header_count: u64,
    }
}

abi! {
    /// A response. Growable; borrowed. Since 1.0.
    pub struct jf_http_response: 48 {
        /// Bytes of this structure as its maker knows it.
        0 => size: u32,
        /// JF_HTTP_*
        4 => flags: u32,
        /// 200; outgoing requests that failed: one of JF_E_*
        8 => status: i32,
        /// Zero.
        12 => reserved: u32,
        /// The body, joined JSON text or bytes.
        16 => body: jf_view,
        /// Header fields; names are lower case.
        32 => headers: *const jf_pair,
        /// How many headers there are.
        40 => header_count: u64,
    }
}

/// jf_http_request.flags, outgoing: only to public addresses; a host that is, or resolves to nothing but,
/// special addresses (RFC 6890) is refused. Since 1.1.
pub const JF_HTTP_PUBLIC: u32 = 1;
/// jf_http_response.flags: more body follows with further `respond` calls (chunked; Server-Sent
/// Events).
pub const JF_HTTP_MORE: u32 = 1;

/// A request arrived on a mounted path. Answer with `respond`, now or later, on the lane.
pub type jf_http_serve_fn = Option<unsafe extern "C" fn(*mut c_void, *const jf_http_request)>;

/// An outgoing request ended. Called once, on the lane, never from inside `request`.
pub type jf_http_done_fn = Option<unsafe extern "C" fn(*mut c_void, jf_ref, *const jf_http_response)>;

abi! {
    /// All slots \[lane\]. Since 1.0.
    pub struct jf_http_1: 56 {
        /// Bytes of this structure as its maker knows it.
        0 => size: u32,
        /// Flags; 0-15 may be ignored when unknown, 16-31 must be refused.
        4 => flags: u32,
        /// First argument of every slot.
        8 => context: *mut c_void,
        /// Serves `path` (exact, or a prefix when it ends with '/') on every HTTP listener of this
        /// loop. The longest match wins; MCP endpoints cannot be shadowed. JF_E_BUSY: the path is
        /// taken.
        16 => mount: Option<unsafe extern "C" fn(
            *mut c_void,
            jf_view,
            jf_http_serve_fn,
            *mut c_void,
            *mut jf_ref,
        ) -> i32>,
        /// Ends what `mount` began.
        24 => unmount: Option<unsafe extern "C" fn(*mut c_void, jf_ref)>,
        /// Answers a mounted request. JF_E_STALE: the client left.
        32 => respond: Option<unsafe extern "C" fn(*mut c_void, jf_ref, *const jf_http_response) -> i32>,
        /// Makes a request, pooled and bounded (response at most 4 MiB).
        40 => request: Option<unsafe extern "C" fn(
            *mut c_void,
            *const jf_http_request,
            jf_http_done_fn,
            *mut c_void,
            *mut jf_ref,
            *mut jf_fault,
        ) -> i32>,
        /// Gives a request up; `done` is not called. A stale handle is ignored.
        48 => abandon: Option<unsafe extern "C" fn(*mut c_void, jf_ref)>,
    }
}

/// Id of the table, with the NUL that C wants.
pub const JF_HTTP_1: &[u8] = b"jf.http/1\0";
