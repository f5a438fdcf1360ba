// SPDX-License-Identifier: Apache-2.0
//! Facet jf.policy/1: says who may do what. Threads: per-loop.

use super::{jf_blob, jf_fault, jf_pair, jf_principal, jf_ref, jf_self, jf_view};
use std::os::raw::c_void;

abi! {
    /// One thing that somebody wants to do with one item. Growable: arrays hold pointers to it;
    /// borrowed. Since 1.1.
    pub struct jf_access: 192 {
        /// Bytes of this structure as its maker knows it.
        0 => size: u32,
        /// JF_ACCESS_*
        4 => flags: u32,
        /// Never NULL; `id` 0: nobody is known.
        8 => principal: *const jf_principal,
        /// JF_TOOLS, JF_RESOURCES, JF_TEMPLATES, JF_PROMPTS (toolset.h).
        16 => kind: u32,
        /// Of a tool: JF_PICK_* (routing.h).
        20 => traits: u32,
        /// The MCP method: "tools/call", "resources/read", "resources/subscribe", "prompts/get",
        /// "completion/complete".
        24 => action: jf_view,
        /// The server's name in the configuration.
        40 => server: jf_view,
        /// The item as its server spells it: a tool's name, a URI.
        56 => name: jf_view,
        /// The item as this endpoint's clients know it.
        72 => shown: jf_view,
        /// The endpoint ("/mcp", "/mcp/bundles/NAME").
        88 => target: jf_view,
        /// What the server listed of it: a JSON object; absent: it is in no list.
        104 => definition: jf_view,
        /// A call's arguments, a JSON object; absent where the item is only listed.
        120 => arguments: jf_view,
        /// The client's address; absent where none is known.
        136 => address: jf_view,
        /// The gateway's own region; absent: not configured.
        152 => region: jf_view,
        /// Of the server: configured labels, and tags with an empty value.
        168 => labels: *const jf_pair,
        /// Label count.
        176 => label_count: u64,
        /// Milliseconds of Unix time.
        184 => now_ms: u64,
    }
}

/// jf_access.flags: it is only asked whether a list shows the item. Whoever may not use it does not
/// see it.
pub const JF_ACCESS_LISTING: u32 = 1;

/// jf_access.flags: nothing happens, somebody wants to know (`jackfield explain`). Not to be
/// counted.
pub const JF_ACCESS_EXPLAIN: u32 = 2;

/// jf_ruling.decision
pub const JF_ALLOW: u32 = 0;

/// Refused with 403 and the rule's text.
pub const JF_DENY: u32 = 1;

/// Refused as if there were no such item.
pub const JF_HIDE: u32 = 2;

abi! {
    /// A decision. The caller sets `size`; texts are the policy's and stay until its next call on
    /// this lane. Growable. Since 1.1.
    pub struct jf_ruling: 64 {
        /// Bytes of this structure as its maker knows it.
        0 => size: u32,
        /// JF_RULING_*
        4 => flags: u32,
        /// JF_ALLOW, JF_DENY, JF_HIDE.
        8 => decision: u32,
        /// 0
        12 => reserved: u32,
        /// Which rule decided, for audit and `explain`: "rules\[3\]", "role reader"; may be absent.
        16 => rule: jf_view,
        /// A denial: one sentence for the client; may be absent.
        32 => text: jf_view,
        /// A denial that more scopes would lift: all that are needed, joined by spaces. The client
        /// gets `insufficient_scope` (RFC 6750) and can step up.
        48 => scopes: jf_view,
    }
}

/// jf_ruling.flags: a dry run: it would be so, and is only recorded; the call goes on.
pub const JF_RULING_DRY: u32 = 1;

abi! {
    /// Host service jf.policies/1, for policies. \[any\]. Since 1.1.
    pub struct jf_policies_1: 24 {
        /// Bytes of this structure as its maker knows it.
        0 => size: u32,
        /// Flags; 0-15 may be ignored when unknown, 16-31 must be refused.
        4 => flags: u32,
        /// First argument of every slot.
        8 => context: *mut c_void,
        /// Decisions may be others from now on: lists are made anew, and clients hear that they
        /// changed. `handle` is the policy's own.
        16 => changed: Option<unsafe extern "C" fn(
            *mut c_void,
            jf_ref,
        )>,
    }
}

/// Id of the table, with the NUL that C wants.
pub const JF_POLICIES_1: &[u8] = b"jf.policies/1\0";

abi! {
    /// Facet table. Several policies are asked in configured order: what one refuses is refused,
    /// what none refuses is allowed. An error is not a decision: whether the call then is refused
    /// (the default) or goes on is the operator's `on_error`. Since 1.1.
    pub struct jf_policy_1: 56 {
        /// Bytes of this structure as its maker knows it.
        0 => size: u32,
        /// Flags; 0-15 may be ignored when unknown, 16-31 must be refused.
        4 => flags: u32,
        /// Begins to serve one configured policy. `config` is its options, JSON, valid against
        /// manifest.policy.config. \[control\].
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
        /// Decides about one access. JF_OK: *ruling is filled in. JF_PENDING: finish(op) brings a
        /// JSON object: "decision" ("allow", "deny", "hide"), "rule", "text", "scopes" \[texts\],
        /// "dry" (boolean). \[lane\].
        24 => decide: Option<unsafe extern "C" fn(
            *mut jf_self,
            jf_ref,
            jf_ref,
            *const jf_access,
            *mut jf_ruling,
            *mut jf_fault,
        ) -> i32>,
        /// Decides about many items of one list: `*decisions` is one byte for each, JF_ALLOW,
        /// JF_DENY or JF_HIDE (either of them leaves the item out; a dry run allows). JF_PENDING as
        /// above, with the same bytes. Optional: without it `decide` is asked for each. \[lane\].
        32 => review: Option<unsafe extern "C" fn(
            *mut jf_self,
            jf_ref,
            jf_ref,
            *const *const jf_access,
            u64,
            *mut jf_blob,
            *mut jf_fault,
        ) -> i32>,
        /// Names the class that a principal belongs to: bytes; those of one class get the same
        /// answers of `review` until `changed` is told. JF_ABSENT: this one is a class of its own.
        /// JF_E_UNSUPPORTED: answers depend on more than the principal (the time), they are never
        /// kept. Optional: every principal is a class of its own. \[lane\].
        40 => classify: Option<unsafe extern "C" fn(
            *mut jf_self,
            jf_ref,
            *const jf_principal,
            *mut jf_blob,
            *mut jf_fault,
        ) -> i32>,
        /// Nobody waits for a pending operation any more; finish is still owed. Optional. \[any\].
        48 => cancel: Option<unsafe extern "C" fn(
            *mut jf_self,
            jf_ref,
        )>,
    }
}

/// Id of the table, with the NUL that C wants.
pub const JF_POLICY_1: &[u8] = b"jf.policy/1\0";
