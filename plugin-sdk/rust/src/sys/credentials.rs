// SPDX-License-Identifier: Apache-2.0
//! Facet jf.credentials/1: what the gateway shows to a server so that it is let in: as itself, or
//! for a principal. Threads: per-loop.

use super::{jf_blob, jf_fault, jf_principal, jf_ref, jf_self, jf_view};
use std::os::raw::c_void;

abi! {
    /// What a request to a server needs. Growable; borrowed. Since 1.1.
    pub struct jf_demand: 112 {
        /// Bytes of this structure as its maker knows it.
        0 => size: u32,
        /// JF_DEMAND_*
        4 => flags: u32,
        /// For whom; its `id` 0: the gateway itself (listings, health checks).
        8 => principal: *const jf_principal,
        /// The URL that the request goes to.
        16 => endpoint: jf_view,
        /// "tools/call"; what the gateway asks for itself as well.
        32 => method: jf_view,
        /// tool, prompt or URI as the server spells it; may be absent.
        48 => name: jf_view,
        /// What the principal itself showed (a bearer token without its scheme), to be exchanged at
        /// an authorization server (RFC 8693), and never for the server. Absent unless
        /// manifest.credentials.exchange is true.
        64 => presented: jf_view,
        /// After a refusal: the server's WWW-Authenticate, and the status (JF_STATUS_UNAUTHORIZED
        /// or FORBIDDEN).
        80 => challenge: jf_view,
        /// 0: this is the first try.
        96 => refused: i32,
        /// Refusals of this very request before.
        100 => attempt: u32,
        /// Milliseconds of Unix time.
        104 => now_ms: u64,
    }
}

/// jf_demand.flags: the client can be sent to a URL (MCP elicitation in URL mode).
pub const JF_DEMAND_URL: u32 = 1;

abi! {
    /// Facet table. What it answers is a JSON object: "headers" {NAME: TEXT}, which go to the
    /// server as they are and are wiped afterwards; "expires_ms" (Unix time), "keep_ms": for how
    /// long the host may use them again for the same principal and endpoint (left out: until they
    /// expire, at most an hour; 0: it asks each time); or, where the user must agree first,
    /// "connect" {"url": TEXT, "message": TEXT, "id": TEXT}: the host sends the client there (MCP,
    /// URL elicitation) and asks again once `jf_connected_1.connected` named the id. Since 1.1.
    pub struct jf_credentials_1: 40 {
        /// Bytes of this structure as its maker knows it.
        0 => size: u32,
        /// Flags; 0-15 may be ignored when unknown, 16-31 must be refused.
        4 => flags: u32,
        /// Begins to serve one server. `server` is its name, `config` its `credentials` options,
        /// JSON, valid against manifest.credentials.config. \[control\].
        8 => attach: Option<unsafe extern "C" fn(
            *mut jf_self,
            jf_view,
            jf_view,
            *mut jf_ref,
            *mut jf_fault,
        ) -> i32>,
        /// Ends what `attach` began; no operation of it is open. \[control\].
        16 => detach: Option<unsafe extern "C" fn(
            *mut jf_self,
            jf_ref,
        )>,
        /// JF_OK: `*supply` is JSON, see above. JF_PENDING: finish(op) brings the same. JF_ABSENT:
        /// nothing is needed. JF_E_DENIED: this principal gets none, the call is refused; `why`, if
        /// public, tells the client. Other errors: they cannot be had now. \[lane\].
        24 => supply: Option<unsafe extern "C" fn(
            *mut jf_self,
            jf_ref,
            jf_ref,
            *const jf_demand,
            *mut jf_blob,
            *mut jf_fault,
        ) -> i32>,
        /// Nobody waits for a pending operation any more; finish is still owed. Optional. \[any\].
        32 => cancel: Option<unsafe extern "C" fn(
            *mut jf_self,
            jf_ref,
        )>,
    }
}

/// Id of the table, with the NUL that C wants.
pub const JF_CREDENTIALS_1: &[u8] = b"jf.credentials/1\0";

abi! {
    /// Host service jf.connected/1, for credential sources. \[any\]. Since 1.1.
    pub struct jf_connected_1: 32 {
        /// Bytes of this structure as its maker knows it.
        0 => size: u32,
        /// Flags; 0-15 may be ignored when unknown, 16-31 must be refused.
        4 => flags: u32,
        /// First argument of every slot.
        8 => context: *mut c_void,
        /// The user did what "connect" asked for under this id: calls that wait for it go on, and
        /// the client hears that the elicitation is complete. `status` JF_OK, or why it came to
        /// nothing.
        16 => connected: Option<unsafe extern "C" fn(
            *mut c_void,
            jf_view,
            i32,
        )>,
        /// What was supplied before is not good any more: all of this plugin's, or those of one
        /// principal's key.
        24 => forget: Option<unsafe extern "C" fn(
            *mut c_void,
            jf_view,
        )>,
    }
}

/// Id of the table, with the NUL that C wants.
pub const JF_CONNECTED_1: &[u8] = b"jf.connected/1\0";
