// SPDX-License-Identifier: Apache-2.0
//! Facet jf.filter/1: sees requests on their way to a server and results on their way back.
//! Threads: per-loop.

use super::{jf_blob, jf_fault, jf_principal, jf_ref, jf_self, jf_view};

abi! {
    /// One request or one result on its way. Growable; borrowed until the slot returns, or, where
    /// it answers JF_PENDING, until the operation is over. Since 1.1.
    pub struct jf_passage: 200 {
        /// Bytes of this structure as its maker knows it.
        0 => size: u32,
        /// JF_PASSAGE_*
        4 => flags: u32,
        /// Never NULL; `id` 0: nobody is known.
        8 => principal: *const jf_principal,
        /// The same for a call's request, result and end, on this lane.
        16 => call: u64,
        /// What `request` left for this call in its verdict; 0 at first.
        24 => memory: u64,
        /// When nobody waits for the answer any more.
        32 => deadline_ns: u64,
        /// Milliseconds of Unix time.
        40 => now_ms: u64,
        /// JF_TOOLS, JF_RESOURCES, JF_PROMPTS (toolset.h).
        48 => kind: u32,
        /// Of a tool: JF_PICK_* (routing.h).
        52 => traits: u32,
        /// "tools/call", "resources/read", "prompts/get", "completion/complete".
        56 => method: jf_view,
        /// The server's name in the configuration.
        72 => server: jf_view,
        /// The item as its server spells it.
        88 => name: jf_view,
        /// The item as this endpoint's clients know it.
        104 => shown: jf_view,
        /// The endpoint; absent for calls of plugins.
        120 => target: jf_view,
        /// What the server listed of it: a JSON object; absent: it is in no list.
        136 => definition: jf_view,
        /// The client's address; absent where none is known.
        152 => address: jf_view,
        /// A request: its raw `params` object; a result: the raw result object.
        168 => body: jf_view,
        /// A request: the part of `body` that is `arguments`; absent: it has none.
        184 => arguments: jf_view,
    }
}

/// jf_passage.flags: the result says `isError`.
pub const JF_PASSAGE_ERROR: u32 = 1;

/// jf_passage.flags: of a result: the client knows links and the gateway can keep resources for it now, so
/// that JF_SPILL is worth while. Only for filters whose manifest says `links`.
pub const JF_PASSAGE_LINKS: u32 = 2;
/// jf_filter_1.flags: it never answers JF_PENDING, so that the host lends bodies where they are instead of
/// copies that can outlive the slot.
pub const JF_FILTER_INLINE: u32 = 1;

/// It goes on as it is.
pub const JF_PASS: u32 = 0;

/// It goes on changed: `jf_splice`s follow.
pub const JF_SPLICE: u32 = 1;

/// A result object follows: of a request, the server is not asked; of a result, it takes its place.
pub const JF_ANSWER: u32 = 2;

/// Of a tool's result: the gateway keeps it whole, and a link to it takes its place: a `jf_spill` follows, then
/// `count` splices, which hold where it cannot be kept. Since 1.1.
pub const JF_SPILL: u32 = 3;

abi! {
    /// The head of a verdict; what it announces follows in the same bytes. Frozen. Since 1.1.
    pub struct jf_verdict: 16 {
        /// JF_PASS, JF_SPLICE, JF_ANSWER, JF_SPILL.
        0 => decision: u32,
        /// JF_SPLICE, JF_SPILL: how many splices.
        4 => count: u32,
        /// Of a request: kept for `result` and `ended`; not 0: `ended` will come.
        8 => memory: u64,
    }
}

abi! {
    /// One change: this head, then `len` bytes that take the place of body\[start, end), then zeros
    /// up to a multiple of 8. In ascending order, none overlapping. What comes out must be the same
    /// kind of JSON value, else the call fails. Frozen. Since 1.1.
    pub struct jf_splice: 24 {
        /// Start.
        0 => start: u64,
        /// End.
        8 => end: u64,
        /// Len.
        16 => len: u64,
    }
}

abi! {
    /// A result that is to be kept: this head, then `len` bytes, then zeros up to a multiple of 8. The bytes are
    /// a result object with a `content`, whose last element the link becomes. The client reads what was kept
    /// with `resources/read`, whole and as often as it wants; nobody else can. Filters do not see that. Frozen.
    /// Since 1.1.
    pub struct jf_spill: 24 {
        /// How long it is kept, 1 to JF_STORE_TTL_MOST.
        0 => ttl_ms: u64,
        /// Bytes that the gateway may hold of all kept results; above, this one is not kept.
        8 => most: u64,
        /// Len.
        16 => len: u64,
    }
}

abi! {
    /// How a call ended whose request left a `memory`. Growable; borrowed. Since 1.1.
    pub struct jf_passed: 40 {
        /// Bytes of this structure as its maker knows it.
        0 => size: u32,
        /// JF_OK: answered; JF_E_DENIED: another filter refused it; else why there was no answer.
        4 => status: i32,
        /// As in its jf_passage.
        8 => call: u64,
        /// As in its verdict.
        16 => memory: u64,
        /// Since `request`.
        24 => latency_ns: u64,
        /// Of the result, 0 without.
        32 => bytes: u64,
    }
}

abi! {
    /// Facet table. Several filters see requests in configured order and results in the opposite
    /// one. What a cache answers goes through `result` as what a server answers. Where a filter's
    /// error refuses a call, the client is told: JF_E_DENIED 403, JF_E_INVALID invalid params,
    /// JF_E_BUSY 429 with `retry_ms`, each with the text of `why` if it is public; any other error
    /// is the filter's own failure, and whether the passage goes on then is the operator's
    /// `on_error`. Since 1.1.
    pub struct jf_filter_1: 56 {
        /// Bytes of this structure as its maker knows it.
        0 => size: u32,
        /// Flags; 0-15 may be ignored when unknown, 16-31 must be refused.
        4 => flags: u32,
        /// Begins to serve one configured filter. `config` is its options, JSON, valid against
        /// manifest.filter.config. \[control\].
        8 => attach: Option<unsafe extern "C" fn(
            *mut jf_self,
            jf_view,
            jf_view,
            *mut jf_ref,
            *mut jf_fault,
        ) -> i32>,
        /// Ends what `attach` began; no passage of it is under way. \[control\].
        16 => detach: Option<unsafe extern "C" fn(
            *mut jf_self,
            jf_ref,
        )>,
        /// A request. JF_OK: `*verdict` absent: it goes on as it is; else a jf_verdict and what
        /// follows. JF_PENDING: finish(op) brings the same. Optional. \[lane\].
        24 => request: Option<unsafe extern "C" fn(
            *mut jf_self,
            jf_ref,
            jf_ref,
            *const jf_passage,
            *mut jf_blob,
            *mut jf_fault,
        ) -> i32>,
        /// A result, never an error: the same. Optional. \[lane\].
        32 => result: Option<unsafe extern "C" fn(
            *mut jf_self,
            jf_ref,
            jf_ref,
            *const jf_passage,
            *mut jf_blob,
            *mut jf_fault,
        ) -> i32>,
        /// A call is over whose request left a `memory`; once for each, also where it was
        /// cancelled. Optional. \[lane\].
        40 => ended: Option<unsafe extern "C" fn(
            *mut jf_self,
            jf_ref,
            *const jf_passed,
        )>,
        /// Nobody waits for a pending operation any more; finish is still owed. Optional. \[any\].
        48 => cancel: Option<unsafe extern "C" fn(
            *mut jf_self,
            jf_ref,
        )>,
    }
}

/// Id of the table, with the NUL that C wants.
pub const JF_FILTER_1: &[u8] = b"jf.filter/1\0";
