// SPDX-License-Identifier: Apache-2.0
//! The types and the entry point that every header builds on.

use std::os::raw::{c_char, c_void};

/// Opaque: the host's side of one instance.
#[repr(C)]
pub struct jf_host {
    _opaque: [u8; 0],
}

/// Opaque: the plugin's side of one instance.
#[repr(C)]
pub struct jf_self {
    _opaque: [u8; 0],
}

/// ABI major (also part of the entry symbol's name) and the newest minor that these headers describe.
pub const JF_ABI_MAJOR: u32 = 1;
/// The newest ABI minor that this crate describes.
pub const JF_ABI_MINOR: u32 = 1;

abi! {
    /// Borrowed bytes. `ptr == NULL`: absent; `ptr != NULL && len == 0`: present and empty.
    pub struct jf_view: 16 {
        /// First byte; null where absent.
        0 => ptr: *const u8,
        /// How many bytes.
        8 => len: u64,
    }
}

abi! {
    /// Owned bytes: whoever holds it calls `drop(owner)` exactly once, on any thread. `drop` may be NULL
    /// (static bytes).
    pub struct jf_blob: 32 {
        /// First byte; null where absent.
        0 => ptr: *const u8,
        /// How many bytes.
        8 => len: u64,
        /// Argument of `drop`.
        16 => owner: *mut c_void,
        /// Gives the bytes back; may be absent.
        24 => drop: Option<unsafe extern "C" fn(*mut c_void)>,
    }
}

abi! {
    /// A name and a value, both borrowed. Frozen: it stands in arrays.
    pub struct jf_pair: 32 {
        /// The name.
        0 => name: jf_view,
        /// The value.
        16 => value: jf_view,
    }
}

/// A handle (slot and generation). 0 is never valid. A stale one is answered with JF_E_STALE, never
/// with a crash.
pub type jf_ref = u64;

/// Done; the result is in the out-parameters.
pub const JF_OK: i32 = 0;
/// Exactly one jf_ops_1.finish will follow.
pub const JF_PENDING: i32 = 1;
/// Nothing there, and that is a normal answer.
pub const JF_ABSENT: i32 = 2;
/// Bad input; public text may explain it to the client.
pub const JF_E_INVALID: i32 = -1;
/// No such capability, id or kind.
pub const JF_E_UNSUPPORTED: i32 = -2;
/// The handle's object is gone.
pub const JF_E_STALE: i32 = -3;
/// A limit was reached; retry_ms says when to try again.
pub const JF_E_BUSY: i32 = -4;
/// Not allowed.
pub const JF_E_DENIED: i32 = -5;
/// The deadline passed.
pub const JF_E_TIMEOUT: i32 = -6;
/// The peer, process or instance went away.
pub const JF_E_GONE: i32 = -7;
/// A defect or an unexpected failure.
pub const JF_E_FAULT: i32 = -8;
/// jf_fault.flags: the text may be shown to the MCP client. Without it, text goes to the log only.
pub const JF_FAULT_PUBLIC: u32 = 1;
/// jf_fault.flags: the peer provably did not start the work, so that a retry is safe.
pub const JF_FAULT_NOT_STARTED: u32 = 2;

abi! {
    /// What went wrong, in the caller's memory: no allocation, no "last error". Set `size` before passing
    /// it in.
    pub struct jf_fault: 256 {
        /// Bytes of this structure as its maker knows it.
        0 => size: u32,
        /// JF_FAULT_PUBLIC, JF_FAULT_NOT_STARTED.
        4 => flags: u32,
        /// One of JF_E_*
        8 => code: i32,
        /// 0: unknown.
        12 => retry_ms: u32,
        /// How many bytes of `text` are used.
        16 => text_len: u32,
        /// UTF-8, one sentence: what happened, where, what to do.
        20 => text: [u8; 236],
    }
}

abi! {
    /// What the host offers. Lives as long as the instance (or, at entry, as long as the call).
    pub struct jf_offer: 24 {
        /// Bytes of this structure as its maker knows it.
        0 => size: u32,
        /// ABI major.
        4 => major: u16,
        /// The newest minor that the host speaks; the effective minor is min(both).
        6 => minor: u16,
        /// First argument of `service`.
        8 => host: *const jf_host,
        /// Looks a service up by id ("jf.loop/1"). Returns its table, or NULL when absent.
        /// \[control\] Every service table begins `size, flags, context`; each slot's first argument
        /// is that `context`. Tables stay valid until `destroy` returns. At entry no service is
        /// offered.
        16 => service: Option<unsafe extern "C" fn(*const jf_host, *const c_char) -> *const c_void>,
    }
}

abi! {
    /// The plugin: one static table, returned by the entry function. All slots \[control\]. Since 1.0.
    pub struct jf_plugin: 56 {
        /// Bytes of this structure as its maker knows it.
        0 => size: u32,
        /// The newest minor that the plugin was built for.
        4 => minor: u32,
        /// Makes one instance (one per event loop where the manifest says `threads: per-loop`).
        /// `config` is JSON, already valid against the manifest's schema, defaults filled in;
        /// borrowed. On error nothing may be left behind.
        8 => create: Option<unsafe extern "C" fn(
            *const jf_offer,
            jf_view,
            *mut *mut jf_self,
            *mut jf_fault,
        ) -> i32>,
        /// Ends the instance. Called once, after `stop`, when no operation of it is open.
        16 => destroy: Option<unsafe extern "C" fn(*mut jf_self)>,
        /// Returns the table of a facet or of an offered service, or NULL. The table lives until
        /// `destroy` returns.
        24 => facet: Option<unsafe extern "C" fn(*mut jf_self, *const c_char) -> *const c_void>,
        /// Begins work. Optional. An error makes the host call `destroy`.
        32 => start: Option<unsafe extern "C" fn(*mut jf_self, *mut jf_fault) -> i32>,
        /// Asks for no new work and a quiet end by `deadline_ns`. Optional.
        40 => drain: Option<unsafe extern "C" fn(*mut jf_self, u64)>,
        /// Ends all work now: after it returns the plugin makes no call to the host but from
        /// `destroy`. Optional.
        48 => stop: Option<unsafe extern "C" fn(*mut jf_self)>,
    }
}

/// The only exported symbol. Pure and fast: no thread, no I/O, callable twice. NULL: refuse, `why`
/// says what is missing. A plugin that needs a newer minor than offer->minor may refuse here.
/// \[control\].
pub type jf_entry_fn = Option<unsafe extern "C" fn(*const jf_offer, *mut jf_fault) -> *const jf_plugin>;

/// Owner of the manifest note.
pub const JF_NOTE_OWNER: &[u8] = b"Jackfield\0";
/// Type of the manifest note.
pub const JF_NOTE_TYPE: u32 = 1;
