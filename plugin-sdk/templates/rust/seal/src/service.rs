// SPDX-License-Identifier: Apache-2.0
//! The C side of jf.seal/1. Its slots are called from every thread, so that they know nothing of an instance.
#![allow(unsafe_code)]

use crate::vault::{Secret, Vault};
use jackfield::sys::{jf_blob, jf_fault, jf_seal_1, jf_view, JF_OK, JF_SEAL_MOST};
use jackfield::{RawTable, Status};
use std::os::raw::c_void;
use std::panic::{catch_unwind, AssertUnwindSafe};

struct Table(jf_seal_1);
// SAFETY: it is never written, and its context is null.
unsafe impl Sync for Table {}

static TABLE: Table = Table(jf_seal_1 {
    size: std::mem::size_of::<jf_seal_1>() as u32,
    flags: 0,
    context: std::ptr::null_mut(),
    seal: Some(seal),
    open: Some(open),
});

pub fn table() -> RawTable {
    // SAFETY: a static table, as its header says; nothing unwinds out of its slots.
    unsafe { RawTable::new((&TABLE.0 as *const jf_seal_1).cast()) }
}

type Refusal = (Status, &'static str);

unsafe extern "C" fn seal(
    _: *mut c_void,
    plain: jf_view,
    bound: jf_view,
    sealed: *mut jf_blob,
    why: *mut jf_fault,
) -> i32 {
    answer(sealed, why, || {
        if plain.len.max(bound.len) > JF_SEAL_MOST.into() {
            return Err((Status::Invalid, "more than 64 KiB cannot be sealed"));
        }
        let vault = Vault::known().ok_or((Status::Gone, "the plugin was stopped"))?;
        let ticket = vault.put(bytes(&plain), bytes(&bound));
        ticket
            .map(|ticket| Secret::new(ticket.as_bytes()))
            .ok_or((Status::Fault, "the system gives no random bytes"))
    })
}

unsafe extern "C" fn open(
    _: *mut c_void,
    sealed: jf_view,
    bound: jf_view,
    plain: *mut jf_blob,
    why: *mut jf_fault,
) -> i32 {
    answer(plain, why, || {
        let vault = Vault::known().ok_or((Status::Gone, "the plugin was stopped"))?;
        // Whatever the reason: who tries tickets shall learn nothing.
        vault
            .get(bytes(&sealed), bytes(&bound))
            .ok_or((Status::Invalid, "this text was not sealed here, or is too old"))
    })
}

/// Runs a slot's body; what it gives becomes the blob, or the fault.
unsafe fn answer(
    out: *mut jf_blob,
    why: *mut jf_fault,
    body: impl FnOnce() -> Result<Secret, Refusal>,
) -> i32 {
    let outcome = catch_unwind(AssertUnwindSafe(body)).unwrap_or(Err((Status::Fault, "the plugin panicked")));
    match outcome {
        Ok(secret) => {
            // Empty bytes are present all the same: Vec gives them an address.
            let owner = Box::new(secret);
            let (ptr, len) = (owner.bytes().as_ptr(), owner.bytes().len() as u64);
            *out = jf_blob { ptr, len, owner: Box::into_raw(owner).cast(), drop: Some(drop_secret) };
            JF_OK
        }
        Err((status, text)) => {
            if let Some(why) = why.as_mut() {
                why.code = status.code();
                // JF_FAULT_PUBLIC: the client may read it.
                why.flags = u32::from(status == Status::Invalid);
                why.text_len = text.len() as u32;
                why.text[..text.len()].copy_from_slice(text.as_bytes());
            }
            status.code()
        }
    }
}

unsafe extern "C" fn drop_secret(owner: *mut c_void) {
    drop(Box::from_raw(owner.cast::<Secret>()));
}

unsafe fn bytes(view: &jf_view) -> &[u8] {
    if view.ptr.is_null() {
        return &[];
    }
    std::slice::from_raw_parts(view.ptr, view.len as usize)
}

/// getrandom(2), which the standard library has, but does not show.
pub fn random() -> Option<[u8; 16]> {
    extern "C" {
        fn getrandom(buffer: *mut c_void, size: usize, flags: u32) -> isize;
    }
    let mut out = [0_u8; 16];
    // SAFETY: it writes at most as many bytes as there are.
    let count = unsafe { getrandom(out.as_mut_ptr().cast(), out.len(), 0) };
    (count == 16).then_some(out)
}

/// Writes zeros that no compiler leaves out.
pub fn wipe(bytes: &mut [u8]) {
    for byte in bytes {
        // SAFETY: a reference.
        unsafe { std::ptr::write_volatile(byte, 0) };
    }
}
