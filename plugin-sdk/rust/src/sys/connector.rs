// SPDX-License-Identifier: Apache-2.0
//! Facet jf.connector/1: opens channels to MCP servers and moves messages. Threads: per-loop.

use super::{jf_fault, jf_message, jf_ref, jf_self, jf_view};
use std::os::raw::c_void;

/// Answers are matched by JSON-RPC id; messages carry exchange 0 (stdio).
pub const JF_CHANNEL_SHARED: u32 = 1;
/// Every request is an exchange of its own; answers carry its handle (HTTP).
pub const JF_CHANNEL_EXCHANGES: u32 = 2;
/// One per process, not one per loop (a child process): the host opens it on one loop.
pub const JF_CHANNEL_LOCAL: u32 = 4;

abi! {
    /// Host service jf.channels/1, for connectors only. All slots \[lane\]. Since 1.0.
    pub struct jf_channels_1: 56 {
        /// Bytes of this structure as its maker knows it.
        0 => size: u32,
        /// Flags; 0-15 may be ignored when unknown, 16-31 must be refused.
        4 => flags: u32,
        /// First argument of every slot.
        8 => context: *mut c_void,
        /// The channel can carry messages (child started, or a lazy channel at once). Called again
        /// after each restart: the host then starts over with its handshake. `flags` are JF_CHANNEL_*
        /// and may differ from the time before: a channel of exchanges becomes SHARED and LOCAL when
        /// the answer to a JF_KIND_STREAM shows a server of HTTP+SSE (MCP 2024-11-05), and may turn
        /// back. The exchange that found it out ends with an empty FINAL right after `ready`.
        16 => ready: Option<unsafe extern "C" fn(*mut c_void, jf_ref, u32)>,
        /// One message of the server: exactly one JSON text, not yet checked. `message->exchange` is
        /// the handle that `send` was given, 0 on a shared channel. JF_MSG_FINAL ends the exchange.
        /// An HTTP answer without a JSON-RPC body is delivered with its status, FINAL and no body.
        /// Where a legacy server's event stream breaks or is closed for polling, the connector
        /// resumes it (Last-Event-ID) within the same exchange, until its deadline; the host notices
        /// nothing. Bytes borrowed until it returns.
        24 => deliver: Option<unsafe extern "C" fn(*mut c_void, jf_ref, *const jf_message) -> i32>,
        /// An exchange ended without its answer (refused, reset, closed mid-message, not to be
        /// resumed, answer too large, no connection free in time); it is over. With exchange 0: the
        /// whole channel went down with everything open on it; `why->retry_ms` says when the plugin
        /// itself tries again (`ready` follows), 0: it gave up.
        32 => failed: Option<unsafe extern "C" fn(*mut c_void, jf_ref, jf_ref, *const jf_fault)>,
        /// The channel accepts more after `send` had answered JF_E_BUSY.
        40 => writable: Option<unsafe extern "C" fn(*mut c_void, jf_ref)>,
        /// The channel is closed for good after `close`; its handle is stale.
        48 => closed: Option<unsafe extern "C" fn(*mut c_void, jf_ref)>,
    }
}

/// Id of the table, with the NUL that C wants.
pub const JF_CHANNELS_1: &[u8] = b"jf.channels/1\0";

abi! {
    /// What the processes of a channel's server use, and have used. The caller sets `size`; nothing beyond
    /// it is written. 0 is "none" where that can be, else "not known". Growable. Since 1.1.
    pub struct jf_usage: 72 {
        /// Bytes of this structure as its maker knows it.
        0 => size: u32,
        /// 0.
        4 => flags: u32,
        /// When the processes were looked at: a second ago at most, from a cell some more.
        8 => measured_ns: u64,
        /// Resident bytes of all processes; pages that they share may count for each.
        16 => memory: u64,
        /// Processor time since the channel opened, that of ended processes too.
        24 => cpu_ns: u64,
        /// When the process that takes the calls began; 0: there is none now.
        32 => since_ns: u64,
        /// Alive, all generations.
        40 => processes: u32,
        /// Of all of them.
        44 => threads: u32,
        /// Open in all of them.
        48 => descriptors: u32,
        /// Started processes that stand by, told nothing.
        52 => spares: u32,
        /// Processes that the plugin started since the channel opened.
        56 => started: u32,
        /// How often one ended, or did not start, without being asked to.
        60 => failures: u32,
        /// How often one made room for a successor, or went to sleep, without a failure.
        64 => replaced: u32,
        /// Requests that wait for a place in a process.
        68 => waiting: u32,
    }
}

abi! {
    /// Facet table. Since 1.0.
    pub struct jf_connector_1: 48 {
        /// Bytes of this structure as its maker knows it.
        0 => size: u32,
        /// Flags; 0-15 may be ignored when unknown, 16-31 must be refused.
        4 => flags: u32,
        /// Opens a channel to a server. `name` is the server's configured name (for logs), `config`
        /// its entry as JSON, valid against manifest.connector.config. `channel` is the host's
        /// handle, used in every call back; `*handle` receives the plugin's, used in every call of
        /// the host. Connecting may go on after it returns; `ready` or `failed` tell. \[control\].
        8 => open: Option<unsafe extern "C" fn(
            *mut jf_self,
            jf_ref,
            jf_view,
            jf_view,
            *mut jf_ref,
            *mut jf_fault,
        ) -> i32>,
        /// Sends one message. `message->exchange` is the host's handle of the exchange; 0 for a
        /// message that expects no answer (on HTTP its own answer is dropped). Segments are written
        /// at once, copied, or retained where the message allows it. An error means that nothing was
        /// sent, nothing is retained and no `failed` follows. JF_E_BUSY: refused, the channel's queue
        /// is full. \[lane\].
        16 => send: Option<unsafe extern "C" fn(
            *mut jf_self,
            jf_ref,
            *const jf_message,
            *mut jf_fault,
        ) -> i32>,
        /// Gives an exchange up: closes its stream, or ends the wait to resume it; nothing more is
        /// delivered for it. No effect where it is unknown. \[lane\].
        24 => cancel: Option<unsafe extern "C" fn(*mut jf_self, jf_ref, jf_ref)>,
        /// Closes the channel: ends the process tree, closes connections, by `deadline_ns`; `closed`
        /// follows. Messages of exchange 0 sent before (a cancellation, an answer, the end of a
        /// session) should still go out, within about a second; nothing is delivered for open
        /// exchanges. \[control\].
        32 => close: Option<unsafe extern "C" fn(*mut jf_self, jf_ref, u64)>,
        /// Tells what the channel's processes use. Optional. Must not block: whoever asks often gets the
        /// last look again. `usage` is the caller's memory. JF_ABSENT: nothing is known yet, ask again.
        /// JF_E_UNSUPPORTED: this channel has no processes of its own. JF_E_STALE: no such channel. Since
        /// 1.1. \[control\].
        40 => usage: Option<unsafe extern "C" fn(*mut jf_self, jf_ref, *mut jf_usage) -> i32>,
    }
}

/// Id of the table, with the NUL that C wants.
pub const JF_CONNECTOR_1: &[u8] = b"jf.connector/1\0";
