// SPDX-License-Identifier: Apache-2.0
//! Service jf.seal/1, offered by seal-openssl to host and plugins: text that a client keeps for us and gives
//! back, which only this installation can read or make.

use super::{jf_blob, jf_fault, jf_view};
use std::os::raw::c_void;

/// Most bytes of `plain`, and of `bound`.
pub const JF_SEAL_MOST: u32 = 65536;

abi! {
    /// Authenticated encryption with associated data (RFC 5116): a stateless request carries state in the
    /// hands of a client that may neither read nor change it. What is sealed can be opened any number of
    /// times, by every instance that has the key: whoever needs "once", "until" or "in this order" puts a
    /// number or a time into `plain` and checks it. Both slots \[any\]; a call costs microseconds, but
    /// the first one may load a library and take some milliseconds. Since 1.0.
    pub struct jf_seal_1: 32 {
        /// Bytes of this structure as its maker knows it.
        0 => size: u32,
        /// Flags; 0-15 may be ignored when unknown, 16-31 must be refused.
        4 => flags: u32,
        /// First argument of every slot.
        8 => context: *mut c_void,
        /// Seals `plain` (at most JF_SEAL_MOST bytes, may be empty) for `bound`, data that is not
        /// stored and must be the same again to open it (the principal; at most JF_SEAL_MOST bytes,
        /// absent is the same as empty). `*sealed` is base64url text (RFC 4648 section 5) without
        /// padding, safe in JSON strings, URLs and HTTP headers, at most 128 bytes longer than 4/3 of
        /// `plain`; the caller drops it. Equal input gives a new text each time. JF_E_INVALID: too
        /// long. JF_E_FAULT: no cryptographic library, randomness or memory.
        16 => seal: Option<unsafe extern "C" fn(
            *mut c_void,
            jf_view,
            jf_view,
            *mut jf_blob,
            *mut jf_fault,
        ) -> i32>,
        /// Opens what `seal` gave. `*plain` is present even if empty; the caller drops it, which
        /// wipes it. JF_E_INVALID: forged, changed, cut, spelt in another way, sealed for other
        /// `bound` data or by a key that is gone; it does not tell which, its text is public.
        /// JF_E_FAULT: as for `seal`.
        24 => open: Option<unsafe extern "C" fn(
            *mut c_void,
            jf_view,
            jf_view,
            *mut jf_blob,
            *mut jf_fault,
        ) -> i32>,
    }
}

/// Id of the table, with the NUL that C wants.
pub const JF_SEAL_1: &[u8] = b"jf.seal/1\0";
