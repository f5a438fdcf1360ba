// SPDX-License-Identifier: Apache-2.0
//! Facet jf.routing/1: picks one of a server's eligible endpoints. Threads: per-loop.

use super::{jf_blob, jf_fault, jf_ref, jf_self, jf_view};

abi! {
    /// One endpoint as a strategy sees it, on this loop. Growable: arrays hold pointers to it. Since 1.0.
    pub struct jf_endpoint: 48 {
        /// Bytes of this structure as its maker knows it.
        0 => size: u32,
        /// None yet.
        4 => flags: u32,
        /// Stable for the life of the endpoint, equal on all loops.
        8 => id: jf_ref,
        /// Configured, 1 by default.
        16 => weight: u32,
        /// Calls open on it, all loops together where known, else this loop's.
        20 => in_flight: u32,
        /// Moving average of answered calls, 0: none yet.
        24 => latency_ns: u64,
        /// The server's name, or its URL for a replica.
        32 => name: jf_view,
    }
}

abi! {
    /// The call to place. Growable. Since 1.0.
    pub struct jf_pick: 96 {
        /// Bytes of this structure as its maker knows it.
        0 => size: u32,
        /// 0 for the first try, then counting up.
        4 => attempt: u32,
        /// Of the call.
        8 => deadline_ns: u64,
        /// "tools/call".
        16 => method: jf_view,
        /// Tool, prompt or URI as the server spells it.
        32 => name: jf_view,
        /// The raw `params` object.
        48 => params: jf_view,
        /// Absent when not authenticated.
        64 => principal: jf_view,
        /// The client's session, absent when stateless.
        80 => session: jf_view,
    }
}

abi! {
    /// How a picked call ended. Growable. Since 1.0.
    pub struct jf_outcome: 24 {
        /// Bytes of this structure as its maker knows it.
        0 => size: u32,
        /// JF_OK, or the JF_E_* that ended it.
        4 => status: i32,
        /// jf_endpoint.id.
        8 => endpoint: jf_ref,
        /// From send to the last byte.
        16 => latency_ns: u64,
    }
}

abi! {
    /// Facet table. All slots \[lane\]; `pick` should stay under a microsecond. Since 1.0.
    pub struct jf_routing_1: 56 {
        /// Bytes of this structure as its maker knows it.
        0 => size: u32,
        /// Flags; 0-15 may be ignored when unknown, 16-31 must be refused.
        4 => flags: u32,
        /// Begins to serve one server's endpoints. `config` is the JSON of its `routing` options,
        /// valid against manifest.routing.config. `*handle` receives the plugin's handle for the
        /// calls below.
        8 => attach: Option<unsafe extern "C" fn(
            *mut jf_self,
            jf_view,
            jf_view,
            *mut jf_ref,
            *mut jf_fault,
        ) -> i32>,
        /// Ends what `attach` began.
        16 => detach: Option<unsafe extern "C" fn(*mut jf_self, jf_ref)>,
        /// Chooses: writes an index below `count` to *chosen and answers JF_OK; or JF_ABSENT to
        /// refuse them all. `eligible` holds only endpoints that may take the call, at least one, in
        /// configured order.
        24 => pick: Option<unsafe extern "C" fn(
            *mut jf_self,
            jf_ref,
            *const jf_pick,
            *const *const jf_endpoint,
            u64,
            *mut u32,
            *mut jf_fault,
        ) -> i32>,
        /// Tells how a picked call ended. Optional.
        32 => observe: Option<unsafe extern "C" fn(*mut jf_self, jf_ref, *const jf_outcome)>,
        /// Hands learnt state to a newer generation. Optional, both or neither. Bytes are the
        /// plugin's own, versioned.
        40 => export_state: Option<unsafe extern "C" fn(
            *mut jf_self,
            jf_ref,
            *mut jf_blob,
            *mut jf_fault,
        ) -> i32>,
        /// Takes what `export_state` of an older generation gave.
        48 => import_state: Option<unsafe extern "C" fn(*mut jf_self, jf_ref, jf_view, *mut jf_fault) -> i32>,
    }
}

/// Id of the table, with the NUL that C wants.
pub const JF_ROUTING_1: &[u8] = b"jf.routing/1\0";
