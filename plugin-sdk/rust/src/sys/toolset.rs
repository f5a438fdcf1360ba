// SPDX-License-Identifier: Apache-2.0
//! Facet jf.toolset/1: an MCP server in process. Threads: any. Shapes are those of MCP 2026-07-28 (see the
//! schema's ListToolsResult, CallToolResult, ...).

use super::{jf_blob, jf_fault, jf_ref, jf_self, jf_view};
use std::os::raw::c_void;

/// An array of Tool objects.
pub const JF_TOOLS: u32 = 0;
/// An array of Resource objects.
pub const JF_RESOURCES: u32 = 1;
/// An array of ResourceTemplate objects.
pub const JF_TEMPLATES: u32 = 2;
/// An array of Prompt objects.
pub const JF_PROMPTS: u32 = 3;

abi! {
    /// One request to a toolset. Growable. Views borrowed until the slot returns. Since 1.0.
    pub struct jf_request: 88 {
        /// Bytes of this structure as its maker knows it.
        0 => size: u32,
        /// None yet.
        4 => flags: u32,
        /// The host answers the client then; work may stop.
        8 => deadline_ns: u64,
        /// Which set (see `open`); the plugin's handle.
        16 => set: jf_ref,
        /// Tool or prompt name as the toolset spells it, resource URI, completion reference.
        24 => name: jf_view,
        /// JSON object: tool or prompt arguments; `{}` when the client sent none.
        40 => arguments: jf_view,
        /// The whole `params` object as the client sent it.
        56 => params: jf_view,
        /// Who asks; absent when not authenticated.
        72 => principal: jf_view,
    }
}

abi! {
    /// Host service jf.toolsets/1, for toolsets. \[any\]. Since 1.0.
    pub struct jf_toolsets_1: 24 {
        /// Bytes of this structure as its maker knows it.
        0 => size: u32,
        /// Flags; 0-15 may be ignored when unknown, 16-31 must be refused.
        4 => flags: u32,
        /// First argument of every slot.
        8 => context: *mut c_void,
        /// What `list` answers for `kind` has changed; the host lists again.
        16 => changed: Option<unsafe extern "C" fn(*mut c_void, jf_ref, u32)>,
    }
}

/// Id of the table, with the NUL that C wants.
pub const JF_TOOLSETS_1: &[u8] = b"jf.toolsets/1\0";

abi! {
    /// Facet table. Results are blobs: the host drops them. Slots that answer JF_PENDING finish through
    /// jf.ops/1 with the same JSON. A tool's own failure is JF_OK with `"isError": true`; JF_E_INVALID
    /// with public text is invalid params; any other error is an internal error, its text shown only if
    /// public. Since 1.0.
    pub struct jf_toolset_1: 72 {
        /// Bytes of this structure as its maker knows it.
        0 => size: u32,
        /// Flags; 0-15 may be ignored when unknown, 16-31 must be refused.
        4 => flags: u32,
        /// Opens one set: a configured server `name` with its entry as JSON (valid against
        /// manifest.toolset.config). `set` is the host's handle (for jf.toolsets/1), `*handle`
        /// receives the plugin's. \[control\].
        8 => open: Option<unsafe extern "C" fn(
            *mut jf_self,
            jf_ref,
            jf_view,
            jf_view,
            *mut jf_ref,
            *mut jf_fault,
        ) -> i32>,
        /// Closes a set; no request of it is open. \[control\].
        16 => close: Option<unsafe extern "C" fn(*mut jf_self, jf_ref)>,
        /// The JSON array of everything of `kind`; JF_ABSENT: this set has none. \[control\].
        24 => list: Option<unsafe extern "C" fn(
            *mut jf_self,
            jf_ref,
            u32,
            *mut jf_blob,
            *mut jf_fault,
        ) -> i32>,
        /// Tools/call: a CallToolResult object. \[lane\], or \[worker\] where the manifest says
        /// `threads: concurrent`.
        32 => call: Option<unsafe extern "C" fn(
            *mut jf_self,
            jf_ref,
            *const jf_request,
            *mut jf_blob,
            *mut jf_fault,
        ) -> i32>,
        /// Resources/read: a ReadResourceResult object. Optional. Same lane as `call`.
        40 => read: Option<unsafe extern "C" fn(
            *mut jf_self,
            jf_ref,
            *const jf_request,
            *mut jf_blob,
            *mut jf_fault,
        ) -> i32>,
        /// Prompts/get: a GetPromptResult object. Optional. Same lane as `call`.
        48 => prompt: Option<unsafe extern "C" fn(
            *mut jf_self,
            jf_ref,
            *const jf_request,
            *mut jf_blob,
            *mut jf_fault,
        ) -> i32>,
        /// Completion/complete: a CompleteResult object; `params` holds ref, argument, context.
        /// Optional.
        56 => complete: Option<unsafe extern "C" fn(
            *mut jf_self,
            jf_ref,
            *const jf_request,
            *mut jf_blob,
            *mut jf_fault,
        ) -> i32>,
        /// The caller of a pending operation is gone or out of time: stop when convenient, finish is
        /// still owed. \[any\] Optional.
        64 => cancel: Option<unsafe extern "C" fn(*mut jf_self, jf_ref)>,
    }
}

/// Id of the table, with the NUL that C wants.
pub const JF_TOOLSET_1: &[u8] = b"jf.toolset/1\0";
