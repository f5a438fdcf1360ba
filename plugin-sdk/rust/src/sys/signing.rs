// SPDX-License-Identifier: Apache-2.0
//! Service jf.signing/1, offered by signing-openssl to host and plugins: signatures that anybody can check who
//! has the public key.

use super::{jf_fault, jf_view};
use std::os::raw::c_void;

/// Bytes of a secret key (the seed of RFC 8032 section 5.1.5) and of a public one.
pub const JF_SIGNING_KEY: u32 = 32;
/// Bytes of a signature.
pub const JF_SIGNING_SIGNATURE: u32 = 64;

abi! {
    /// Ed25519 (RFC 8032), without context and without prehashing. Keys come with each call and are not
    /// kept: who has the secret decides where it lies. All slots \[any\]; a call costs tens of microseconds,
    /// but the first one may load a library and take some milliseconds. Since 1.1.
    pub struct jf_signing_1: 40 {
        /// Bytes of this structure as its maker knows it.
        0 => size: u32,
        /// Flags; 0-15 may be ignored when unknown, 16-31 must be refused.
        4 => flags: u32,
        /// First argument of every slot.
        8 => context: *mut c_void,
        /// Writes the public key of `secret` (JF_SIGNING_KEY bytes) to `key` (JF_SIGNING_KEY bytes).
        /// JF_E_INVALID: no secret key. JF_E_FAULT: no cryptographic library or memory.
        16 => public_key: Option<unsafe extern "C" fn(*mut c_void, jf_view, *mut u8, *mut jf_fault) -> i32>,
        /// Writes the signature of `message` (any length) to `signature` (JF_SIGNING_SIGNATURE bytes).
        /// Errors as for `public_key`.
        24 => sign: Option<unsafe extern "C" fn(
            *mut c_void,
            jf_view,
            jf_view,
            *mut u8,
            *mut jf_fault,
        ) -> i32>,
        /// JF_OK: `signature` is one of `message` with the secret of `key`. JF_E_DENIED: it is not.
        /// JF_E_INVALID: lengths that no key or no signature has. JF_E_FAULT: as for `public_key`.
        32 => verify: Option<unsafe extern "C" fn(
            *mut c_void,
            jf_view,
            jf_view,
            jf_view,
            *mut jf_fault,
        ) -> i32>,
    }
}

/// Id of the table, with the NUL that C wants.
pub const JF_SIGNING_1: &[u8] = b"jf.signing/1\0";
