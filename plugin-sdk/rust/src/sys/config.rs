// SPDX-License-Identifier: Apache-2.0
//! Host service jf.config/1: read JSON (configurations, tool arguments) without a JSON library, and secrets.

use super::{jf_blob, jf_view};
use std::os::raw::c_void;

/// A JSON value is a null.
pub const JF_JSON_NULL: u32 = 1;
/// A JSON value is a bool.
pub const JF_JSON_BOOL: u32 = 2;
/// A JSON value is a number.
pub const JF_JSON_NUMBER: u32 = 3;
/// A JSON value is a string.
pub const JF_JSON_STRING: u32 = 4;
/// A JSON value is a array.
pub const JF_JSON_ARRAY: u32 = 5;
/// A JSON value is a object.
pub const JF_JSON_OBJECT: u32 = 6;

abi! {
    /// All slots \[any\]. Since 1.0.
    pub struct jf_config_1: 72 {
        /// Bytes of this structure as its maker knows it.
        0 => size: u32,
        /// Flags; 0-15 may be ignored when unknown, 16-31 must be refused.
        4 => flags: u32,
        /// First argument of every slot.
        8 => context: *mut c_void,
        /// Finds a value by JSON Pointer (RFC 6901; "" is the whole document). *value is its raw text
        /// inside `document`, *kind one of JF_JSON_*. JF_ABSENT: no such value; JF_E_INVALID: not
        /// JSON.
        16 => find: Option<unsafe extern "C" fn(
            *mut c_void,
            jf_view,
            jf_view,
            *mut jf_view,
            *mut u32,
        ) -> i32>,
        /// Walks an object or array: start with *cursor = 0. `key` (raw, without quotes, escapes
        /// kept) is absent in arrays. JF_ABSENT: the end.
        24 => next: Option<unsafe extern "C" fn(
            *mut c_void,
            jf_view,
            *mut u64,
            *mut jf_view,
            *mut jf_view,
            *mut u32,
        ) -> i32>,
        /// Decodes a JSON string's raw text (with its quotes) into UTF-8.
        32 => text: Option<unsafe extern "C" fn(*mut c_void, jf_view, *mut jf_blob) -> i32>,
        /// A number as an integer (JF_E_INVALID: not one, or out of range) and as a double.
        40 => integer: Option<unsafe extern "C" fn(*mut c_void, jf_view, *mut i64) -> i32>,
        /// The number as a double.
        48 => real: Option<unsafe extern "C" fn(*mut c_void, jf_view, *mut f64) -> i32>,
        /// Encodes UTF-8 text as a JSON string with its quotes. Invalid UTF-8 becomes U+FFFD.
        56 => quote: Option<unsafe extern "C" fn(*mut c_void, jf_view, *mut jf_blob) -> i32>,
        /// Resolves a secret that the configuration names ("secret:NAME"). JF_ABSENT: unknown. The
        /// bytes are wiped on drop.
        64 => secret: Option<unsafe extern "C" fn(*mut c_void, jf_view, *mut jf_blob) -> i32>,
    }
}

/// Id of the table, with the NUL that C wants.
pub const JF_CONFIG_1: &[u8] = b"jf.config/1\0";
