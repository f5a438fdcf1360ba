// SPDX-License-Identifier: Apache-2.0
//! Facet jf.routing/1: picks one of a server's eligible endpoints. Threads: per-loop.

use super::{jf_blob, jf_fault, jf_pair, jf_ref, jf_self, jf_view};

/// jf_endpoint.flags: in the gateway's own zone (`runtime.zone`). Since 1.1.
pub const JF_ENDPOINT_SAME_ZONE: u32 = 1;
/// In the gateway's own region (`runtime.region`). Since 1.1.
pub const JF_ENDPOINT_SAME_REGION: u32 = 2;
/// An earlier attempt of this very call went there and failed. Since 1.1.
pub const JF_ENDPOINT_TRIED: u32 = 4;
/// Up, but suspected: its breaker is half open, or it is an outlier. Since 1.1.
pub const JF_ENDPOINT_DEGRADED: u32 = 8;

abi! {
    /// One endpoint as a strategy sees it, on this loop. Growable: arrays hold pointers to it. Since 1.0.
    ///
    /// What follows `name` is of 1.1: check `size` first.
    pub struct jf_endpoint: 144 {
        /// Bytes of this structure as its maker knows it.
        0 => size: u32,
        /// JF_ENDPOINT_*; 0 from a host of 1.0.
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
        /// Share of its weight that it can bear now, permille: below 1000 while it starts.
        48 => ready: u32,
        /// Configured tier: 0 is used first.
        52 => priority: u32,
        /// Ended in the last 10 s, all loops together.
        56 => recent_calls: u32,
        /// Of those, failed: not answered, or answered by the server's own failure.
        60 => recent_failures: u32,
        /// Configured cost of one call, in millionths of the operator's unit.
        64 => cost: u64,
        /// Configured or announced version, absent: unknown.
        72 => version: jf_view,
        /// Configured, absent: unknown.
        88 => zone: jf_view,
        /// Configured, absent: unknown.
        104 => region: jf_view,
        /// Configured `labels` and `tags` (a tag has an empty value).
        120 => labels: *const jf_pair,
        /// How many labels there are.
        128 => label_count: u64,
        /// Another one whenever name, version, zone, region or labels became others: what was
        /// derived from them is stale then.
        136 => revision: u64,
    }
}

/// jf_pick.traits: readOnlyHint. Absent bits are unknown or false. Since 1.1.
pub const JF_PICK_READ_ONLY: u32 = 1;
/// idempotentHint, or read-only. Since 1.1.
pub const JF_PICK_IDEMPOTENT: u32 = 2;
/// destructiveHint said true. Since 1.1.
pub const JF_PICK_DESTRUCTIVE: u32 = 4;
/// openWorldHint said true. Since 1.1.
pub const JF_PICK_OPEN_WORLD: u32 = 8;
/// A second try beside one that is still open: JF_ENDPOINT_TRIED marks that one. Since 1.1.
pub const JF_PICK_HEDGE: u32 = 16;

abi! {
    /// The call to place. Growable. Since 1.0.
    ///
    /// What follows `session` is of 1.1: check `size` first.
    pub struct jf_pick: 184 {
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
        /// JF_PICK_*
        96 => traits: u32,
        /// Endpoints of the server, eligible or not.
        100 => total: u32,
        /// The raw `params.arguments` object, absent without.
        104 => arguments: jf_view,
        /// The client's implementation name, absent when unknown.
        120 => client: jf_view,
        /// Absent without tenants.
        136 => tenant: jf_view,
        /// Of the client's request, lower-case names, as far as its listener delivers them.
        152 => headers: *const jf_pair,
        /// How many headers there are.
        160 => header_count: u64,
        /// The `total` endpoints in configured order, eligible or not; NULL: not told. Of those that
        /// are not eligible only what was configured is up to date.
        168 => all: *const *const jf_endpoint,
        /// The monotonic time, to save a call of jf.clock/1; 0: not told.
        176 => now_ns: u64,
    }
}

/// jf_outcome.flags: answered, with `isError`: the tool's failure, not the endpoint's. Since 1.1.
pub const JF_OUTCOME_TOOL_ERROR: u32 = 1;
/// Nobody waited any more: says nothing about the endpoint. Since 1.1.
pub const JF_OUTCOME_CANCELED: u32 = 2;
/// A health probe, not a call. Since 1.1.
pub const JF_OUTCOME_PROBE: u32 = 4;

abi! {
    /// How a picked call ended. Growable. Since 1.0.
    ///
    /// What follows `latency_ns` is of 1.1: check `size` first.
    pub struct jf_outcome: 40 {
        /// Bytes of this structure as its maker knows it.
        0 => size: u32,
        /// JF_OK, or the JF_E_* that ended it.
        4 => status: i32,
        /// jf_endpoint.id.
        8 => endpoint: jf_ref,
        /// From send to the last byte.
        16 => latency_ns: u64,
        /// JF_OUTCOME_*
        24 => flags: u32,
        /// As in its jf_pick.
        28 => attempt: u32,
        /// The monotonic time when it ended; 0: not told.
        32 => now_ns: u64,
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
