// SPDX-License-Identifier: Apache-2.0
//! Facet jf.store/1: where state lives that must outlast a call, a loop or a gateway: sessions, limits, tasks,
//! tokens.

use super::{jf_blob, jf_fault, jf_ref, jf_self, jf_view};
use std::os::raw::c_void;

/// Most bytes of a key (at least one; any bytes), and of a value.
pub const JF_STORE_KEY_MOST: u32 = 1024;
/// See above.
pub const JF_STORE_VALUE_MOST: u32 = 1048576;

/// Most entries and bytes of one answer of `list`, and most limits of one `take`.
pub const JF_STORE_LIST_MOST: u32 = 1000;
/// See above.
pub const JF_STORE_LIST_BYTES: u32 = 4194304;
/// See above.
pub const JF_STORE_TAKE_MOST: u32 = 16;

/// Most milliseconds of a `ttl_ms` (ten years) and of a limit's period (a leap year).
pub const JF_STORE_TTL_MOST: u64 = 315360000000;
/// See above.
pub const JF_STORE_PERIOD_MOST: u64 = 31622400000;

/// Most of `burst`, `rate` and `cost` of a limit: about a billion, in thousandths.
pub const JF_STORE_AMOUNT_MOST: u64 = 1099511627776;

/// jf_store_put.flags: only where the key is absent.
pub const JF_STORE_CREATE: u32 = 1;

/// jf_store_put.flags: only where the key has the revision `revision`.
pub const JF_STORE_MATCH: u32 = 2;

/// jf_store_list.flags: values are left out (`value_len` 0).
pub const JF_STORE_KEYS: u32 = 1;

/// jf_store_limit.kind. Token bucket, full at first: `burst` tokens at most, `rate` (at least 1) of them come
/// back in each `period_ms` (ITU-T I.371, the generic cell rate algorithm, is the same in another form).
/// Counted exactly: `burst` times `period_ms`, after `rate` and `period_ms` are divided by what divides both,
/// is at most 2^53.
pub const JF_LIMIT_BUCKET: u32 = 0;
/// jf_store_limit.kind. Sliding window: `rate` within any `period_ms`, counted as the running window plus
/// that share of the one before it which `period_ms` still reaches, rounded up. `burst` is 0.
pub const JF_LIMIT_SLIDING: u32 = 1;
/// jf_store_limit.kind. Fixed window: `rate` within each `period_ms`, counted from Unix time 0: a day's quota
/// begins at midnight UTC. `burst` is 0.
pub const JF_LIMIT_FIXED: u32 = 2;

abi! {
    /// One entry of an answer: this head, the key's bytes, the value's bytes, then zeros up to a multiple of
    /// 8; the next entry follows. Frozen: it stands in answers. Since 1.1.
    pub struct jf_store_entry: 24 {
        /// Never 0; each change of a key gives it a greater one than any it had, gone or not.
        0 => revision: u64,
        /// When it is gone, milliseconds of Unix time by the store's clock; 0: never.
        8 => expires_ms: u64,
        /// Bytes of the key.
        16 => key_len: u32,
        /// Bytes of the value.
        20 => value_len: u32,
    }
}

abi! {
    /// A value to be kept. Growable; borrowed. Since 1.1.
    pub struct jf_store_put: 56 {
        /// Bytes of this structure as its maker knows it.
        0 => size: u32,
        /// JF_STORE_CREATE, JF_STORE_MATCH or neither.
        4 => flags: u32,
        /// With JF_STORE_MATCH.
        8 => revision: u64,
        /// It is gone after so long; 0: it stays.
        16 => ttl_ms: u64,
        /// The key.
        24 => key: jf_view,
        /// The value.
        40 => value: jf_view,
    }
}

abi! {
    /// Which keys. Growable; borrowed. Since 1.1.
    pub struct jf_store_list: 48 {
        /// Bytes of this structure as its maker knows it.
        0 => size: u32,
        /// Flags; 0-15 may be ignored when unknown, 16-31 must be refused.
        4 => flags: u32,
        /// Entries at most, 1 to JF_STORE_LIST_MOST.
        8 => most: u64,
        /// Keys that begin with it; empty: all.
        16 => prefix: jf_view,
        /// Only keys behind this one; absent: from the first.
        32 => after: jf_view,
    }
}

abi! {
    /// A counter's change. A counter is an entry: get, list and remove know it, put makes it a value.
    /// Growable; borrowed. Since 1.1.
    pub struct jf_store_add: 40 {
        /// Bytes of this structure as its maker knows it.
        0 => size: u32,
        /// 0: none yet.
        4 => flags: u32,
        /// What is added; 0 reads it and changes nothing.
        8 => delta: i64,
        /// How long the counter lives from its first change on; 0: for ever.
        16 => ttl_ms: u64,
        /// The key.
        24 => key: jf_view,
    }
}

abi! {
    /// One limit that a `take` must fit under. Amounts are thousandths, so that half a token can be asked
    /// for. Kind, `period_ms` and `key` name it: limits that differ in one of them are apart, and apart from
    /// entries, also under one key; one that is asked with another `rate` or `burst` than before goes on with
    /// those. Frozen: it stands in arrays. Since 1.1.
    pub struct jf_store_limit: 56 {
        /// The key.
        0 => key: jf_view,
        /// JF_LIMIT_*.
        16 => kind: u32,
        /// 0.
        20 => reserved: u32,
        /// Tokens of a full bucket.
        24 => burst: u64,
        /// What comes back, or is allowed, in a period.
        32 => rate: u64,
        /// 1 to JF_STORE_PERIOD_MOST.
        40 => period_ms: u64,
        /// What is taken; 0 asks how much is left.
        48 => cost: u64,
    }
}

abi! {
    /// What a limit says. Frozen: an answer of `take` has one for each limit, in their order. Since 1.1.
    pub struct jf_store_verdict: 16 {
        /// 1: there was enough under this limit.
        0 => fits: u32,
        /// If not: when there will be, if nobody else takes it; UINT32_MAX: never.
        4 => retry_ms: u32,
        /// What remains now, in thousandths.
        8 => left: u64,
    }
}

abi! {
    /// Host service jf.watches/1, for stores. \[any\]. Since 1.1.
    pub struct jf_watches_1: 24 {
        /// Bytes of this structure as its maker knows it.
        0 => size: u32,
        /// Flags; 0-15 may be ignored when unknown, 16-31 must be refused.
        4 => flags: u32,
        /// First argument of every slot.
        8 => context: *mut c_void,
        /// A watched key changed, or is gone. `revision` 0: gone, or not known. A change may be told late,
        /// twice, and several changes of a key as one; an expiry when the store comes upon it. An absent key:
        /// whatever the watch covers may have changed (after a lost connection, for example).
        16 => changed: Option<unsafe extern "C" fn(
            *mut c_void,
            jf_ref,
            jf_view,
            u64,
        )>,
    }
}

abi! {
    /// Facet table. Answers are blobs: the host drops them. Slots that answer JF_PENDING finish through
    /// jf.ops/1 with the same bytes. Every change is atomic, and seen by all gateways that share the store
    /// once it is answered; operations that are open at once happen in any order. Times are the store's:
    /// gateways whose clocks differ see the same limits and the same ends. Errors of every slot:
    /// JF_E_INVALID, a key, value or number outside its bounds; JF_E_GONE, the store cannot be reached, and
    /// JF_E_TIMEOUT, it did not answer in time (either with JF_FAULT_NOT_STARTED: nothing was changed; else
    /// it may have been); JF_E_BUSY, no more room, nothing was changed; JF_E_DENIED, it refuses who we are;
    /// JF_E_FAULT, it is broken. A lease is a `put` with JF_STORE_CREATE and a `ttl_ms`, renewed by
    /// JF_STORE_MATCH, given back by `remove`; the revision that the first `put` gave is its fencing token
    /// (Kleppmann, "How to do distributed locking", 2016). Since 1.1.
    pub struct jf_store_1: 80 {
        /// Bytes of this structure as its maker knows it.
        0 => size: u32,
        /// Flags; 0-15 may be ignored when unknown, 16-31 must be refused.
        4 => flags: u32,
        /// The entry of `key`. JF_ABSENT: there is none.
        8 => get: Option<unsafe extern "C" fn(
            *mut jf_self,
            jf_ref,
            jf_view,
            *mut jf_blob,
            *mut jf_fault,
        ) -> i32>,
        /// Keeps a value: `*entry` is its new entry without value. JF_E_STALE: the condition does not hold;
        /// nothing was changed.
        16 => put: Option<unsafe extern "C" fn(
            *mut jf_self,
            jf_ref,
            *const jf_store_put,
            *mut jf_blob,
            *mut jf_fault,
        ) -> i32>,
        /// Forgets a key; `revision` 0: whatever it has. `*entry` stays absent. JF_ABSENT: there is none.
        /// JF_E_STALE: it has another revision.
        24 => remove: Option<unsafe extern "C" fn(
            *mut jf_self,
            jf_ref,
            jf_view,
            u64,
            *mut jf_blob,
            *mut jf_fault,
        ) -> i32>,
        /// Entries in the order of their keys' bytes: at most as many as asked for, and no more than fit into
        /// JF_STORE_LIST_BYTES. A walk goes on after the last key until JF_ABSENT: none are left. Changes
        /// meanwhile may be seen or not; a key is never answered twice in one walk.
        32 => list: Option<unsafe extern "C" fn(
            *mut jf_self,
            jf_ref,
            *const jf_store_list,
            *mut jf_blob,
            *mut jf_fault,
        ) -> i32>,
        /// Adds to a counter, which begins at 0: `*entry` is its entry, whose value is the sum, an int64_t.
        /// JF_ABSENT: there is none, and `delta` is 0. JF_E_INVALID: the sum does not fit, or the key holds
        /// something else.
        40 => add: Option<unsafe extern "C" fn(
            *mut jf_self,
            jf_ref,
            *const jf_store_add,
            *mut jf_blob,
            *mut jf_fault,
        ) -> i32>,
        /// Takes from all of `limits` (1 to JF_STORE_TAKE_MOST, none of them twice), or, where one of them
        /// has too little, from none. `*verdicts` is one jf_store_verdict for each. JF_OK in either case.
        /// State of a limit that nobody asks for is forgotten once it says nothing any more.
        48 => take: Option<unsafe extern "C" fn(
            *mut jf_self,
            jf_ref,
            *const jf_store_limit,
            u64,
            *mut jf_blob,
            *mut jf_fault,
        ) -> i32>,
        /// Tells of changes of keys that begin with `prefix`, by jf.watches/1, until `unwatch`, the host's
        /// own included. Where a connection must be made first, an absent key tells from when on it does.
        /// Changes of counters by `add` and of limits are not told. JF_E_UNSUPPORTED: this store cannot.
        /// JF_E_BUSY: too many. Optional. \[control\].
        56 => watch: Option<unsafe extern "C" fn(
            *mut jf_self,
            jf_ref,
            jf_view,
            *mut jf_fault,
        ) -> i32>,
        /// Ends a watch: nothing is told once it returns. Optional. \[control\].
        64 => unwatch: Option<unsafe extern "C" fn(
            *mut jf_self,
            jf_ref,
        )>,
        /// Nobody waits for a pending operation any more; finish is still owed. Optional. \[any\].
        72 => cancel: Option<unsafe extern "C" fn(
            *mut jf_self,
            jf_ref,
        )>,
    }
}

/// Id of the facet, with the NUL that C wants.
pub const JF_STORE_1: &[u8] = b"jf.store/1\0";
/// Id of the service, with the NUL that C wants.
pub const JF_WATCHES_1: &[u8] = b"jf.watches/1\0";
