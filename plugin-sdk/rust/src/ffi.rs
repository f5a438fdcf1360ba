// SPDX-License-Identifier: Apache-2.0
// Views and blobs: the one place where the ABI's memory becomes Rust's, and the other way round.

use crate::json::Value;
use crate::sys::{jf_blob, jf_view};
use crate::Error;
use std::ops::Deref;
use std::os::raw::c_void;

/// Bytes that are lent; empty ones are present.
pub(crate) fn view(bytes: &[u8]) -> jf_view {
    jf_view { ptr: bytes.as_ptr(), len: bytes.len() as u64 }
}

pub(crate) const ABSENT: jf_view = jf_view { ptr: std::ptr::null(), len: 0 };

pub(crate) fn optional_view(bytes: Option<&[u8]>) -> jf_view {
    bytes.map_or(ABSENT, view)
}

/// The bytes of a view; `None` where it is absent.
///
/// # Safety
///
/// The view must hold for `'a`.
pub(crate) unsafe fn bytes<'a>(view: jf_view) -> Option<&'a [u8]> {
    if view.ptr.is_null() {
        return None;
    }
    Some(std::slice::from_raw_parts(view.ptr, view.len as usize))
}

/// The text of a view; `None` where it is absent or no UTF-8, which hosts do not send.
///
/// # Safety
///
/// The view must hold for `'a`.
pub(crate) unsafe fn text<'a>(view: jf_view) -> Option<&'a str> {
    bytes(view).and_then(|bytes| std::str::from_utf8(bytes).ok())
}

/// The JSON of a view; an empty object where it is absent.
///
/// # Safety
///
/// The view must hold until this returns.
pub(crate) unsafe fn json(view: jf_view, what: &str) -> Result<Value, Error> {
    match bytes(view) {
        None | Some([]) => Ok(Value::Object(Vec::new())),
        Some(bytes) => Value::parse_bytes(bytes).map_err(|error| Error::invalid(format!("{what}: {error}"))),
    }
}

/// Bytes given away: the peer drops them.
pub(crate) fn blob(bytes: Vec<u8>) -> jf_blob {
    let owner = Box::new(bytes);
    let (ptr, len) = (owner.as_ptr(), owner.len() as u64);
    jf_blob { ptr, len, owner: Box::into_raw(owner).cast(), drop: Some(drop_bytes) }
}

unsafe extern "C" fn drop_bytes(owner: *mut c_void) {
    // SAFETY: `blob` made it, and its holder drops it once.
    drop(Box::from_raw(owner.cast::<Vec<u8>>()));
}

/// The same for a secret: wiped when the peer drops it.
pub(crate) fn secret_blob(bytes: Vec<u8>) -> jf_blob {
    jf_blob { drop: Some(drop_secret), ..blob(bytes) }
}

unsafe extern "C" fn drop_secret(owner: *mut c_void) {
    // SAFETY: as above.
    let mut bytes = Box::from_raw(owner.cast::<Vec<u8>>());
    for byte in bytes.iter_mut() {
        // SAFETY: within the vector; volatile, so that the compiler leaves it in.
        std::ptr::write_volatile(byte, 0);
    }
}

pub(crate) fn no_blob() -> jf_blob {
    jf_blob { ptr: std::ptr::null(), len: 0, owner: std::ptr::null_mut(), drop: None }
}

/// Bytes that a peer gave away; dropped (secrets: wiped) with this value.
pub struct Blob(jf_blob);

// SAFETY: a blob may be read and dropped on any thread (base.h).
unsafe impl Send for Blob {}
// SAFETY: it is only read.
unsafe impl Sync for Blob {}

impl Blob {
    /// # Safety
    ///
    /// `blob` was given to the caller, who does not drop it.
    pub(crate) unsafe fn take(blob: jf_blob) -> Blob {
        Blob(blob)
    }
}

impl Deref for Blob {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        // SAFETY: it is ours until `drop`.
        unsafe { bytes(jf_view { ptr: self.0.ptr, len: self.0.len }).unwrap_or(&[]) }
    }
}

impl std::fmt::Debug for Blob {
    // The bytes may be a secret.
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Blob({} bytes)", self.len())
    }
}

impl Drop for Blob {
    fn drop(&mut self) {
        if let Some(drop) = self.0.drop {
            // SAFETY: exactly once: `self` owns it.
            unsafe { drop(self.0.owner) }
        }
    }
}
