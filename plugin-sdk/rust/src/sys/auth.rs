// SPDX-License-Identifier: Apache-2.0
//! Facet jf.auth/1: turns what a request brought with it into a principal. Threads: per-loop.

use super::{jf_blob, jf_fault, jf_pair, jf_ref, jf_self, jf_view};
use std::os::raw::c_void;

abi! {
    /// What a request brought with it. Growable; borrowed. Since 1.1.
    pub struct jf_credentials: 96 {
        /// Bytes of this structure as its maker knows it.
        0 => size: u32,
        /// JF_CREDENTIALS_*
        4 => flags: u32,
        /// The endpoint asked for ("/mcp/servers/time").
        8 => target: jf_view,
        /// Its canonical URI, for which a token must have been made (RFC 8707).
        24 => resource: jf_view,
        /// The client's address: "127.0.0.1:51234", "stdio".
        40 => address: jf_view,
        /// Its verified certificate (X.509, DER); absent: none.
        56 => certificate: jf_view,
        /// The header fields that manifest.auth.fields names, in order of arrival, names in lower
        /// case.
        72 => fields: *const jf_pair,
        /// Field count.
        80 => field_count: u64,
        /// Milliseconds of Unix time.
        88 => now_ms: u64,
    }
}

/// jf_credentials.flags: the client is on this machine (a loopback address, a Unix socket, stdio).
pub const JF_CREDENTIALS_LOCAL: u32 = 1;

/// jf_credentials.flags: the client is the one for which the gateway was started (stdio).
pub const JF_CREDENTIALS_SOLE: u32 = 2;

abi! {
    /// Host service jf.identity/1, for providers. \[any\]. Since 1.1.
    pub struct jf_identity_1: 24 {
        /// Bytes of this structure as its maker knows it.
        0 => size: u32,
        /// Flags; 0-15 may be ignored when unknown, 16-31 must be refused.
        4 => flags: u32,
        /// First argument of every slot.
        8 => context: *mut c_void,
        /// What was accepted before may not hold any more: principals of this plugin are asked for
        /// anew with their next requests, and open streams are checked. `credential` absent: all of
        /// them; else those of that jf_principal.credential.
        16 => forget: Option<unsafe extern "C" fn(
            *mut c_void,
            jf_view,
        )>,
    }
}

/// Id of the table, with the NUL that C wants.
pub const JF_IDENTITY_1: &[u8] = b"jf.identity/1\0";

abi! {
    /// Facet table. A configuration names providers in an order; the first that does not answer
    /// JF_ABSENT decides. A principal is a JSON object: "subject" (required), "tenant", "issuer",
    /// "roles" \[texts\], "scopes" \[texts\], "attributes" {}, "credential", "expires_ms" (Unix
    /// time), and "keep_ms": for how long the host may answer the same credentials for the same
    /// endpoint itself (left out: until it expires, at most an hour; 0: it asks each time). Since
    /// 1.1.
    pub struct jf_auth_1: 48 {
        /// Bytes of this structure as its maker knows it.
        0 => size: u32,
        /// Flags; 0-15 may be ignored when unknown, 16-31 must be refused.
        4 => flags: u32,
        /// Begins to serve one configured provider. `name` is its name in the configuration,
        /// `config` its options, JSON, valid against manifest.auth.config. `*handle` receives the
        /// plugin's handle. \[control\].
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
        /// Says who it is. JF_OK: `*principal` is JSON, see above. JF_PENDING: finish(op) brings
        /// the same. JF_ABSENT: the request has no credentials of this provider's kind.
        /// JF_E_DENIED: it has, and they are not good: the client gets 401 with
        /// `error="invalid_token"` and, where `why` is public, its text; nobody else is asked. Any
        /// other error: it cannot be known now; the client gets 503 with `retry_ms`, and is never
        /// let in. \[lane\].
        24 => identify: Option<unsafe extern "C" fn(
            *mut jf_self,
            jf_ref,
            jf_ref,
            *const jf_credentials,
            *mut jf_blob,
            *mut jf_fault,
        ) -> i32>,
        /// What a client that has no credentials yet must know (RFC 9728): a JSON object with any
        /// of "authorization_servers" \[URLs\], "scopes_supported" \[texts\],
        /// "bearer_methods_supported" \[texts\] and further members of that RFC, and "challenges"
        /// \[texts\]: values of WWW-Authenticate beside the host's own Bearer one (`Basic
        /// realm="…"`). Members of several providers are joined. Optional. \[control\].
        32 => describe: Option<unsafe extern "C" fn(
            *mut jf_self,
            jf_ref,
            *mut jf_blob,
            *mut jf_fault,
        ) -> i32>,
        /// Nobody waits for a pending operation any more; finish is still owed. Optional. \[any\].
        40 => cancel: Option<unsafe extern "C" fn(
            *mut jf_self,
            jf_ref,
        )>,
    }
}

/// Id of the table, with the NUL that C wants.
pub const JF_AUTH_1: &[u8] = b"jf.auth/1\0";
