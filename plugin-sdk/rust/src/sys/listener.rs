// SPDX-License-Identifier: Apache-2.0
//! Facet jf.listener/1: accepts MCP clients and carries their messages. Threads: per-loop.

use super::{jf_blob, jf_fault, jf_message, jf_ref, jf_self, jf_view};
use std::os::raw::c_void;

abi! {
    /// What a listener knows of a client when it connects. Growable. Since 1.0.
    pub struct jf_client_info: 64 {
        /// Bytes of this structure as its maker knows it.
        0 => size: u32,
        /// JF_CLIENT_*
        4 => flags: u32,
        /// The listener.
        8 => listener: jf_ref,
        /// "127.0.0.1:51234", "stdio".
        16 => address: jf_view,
        /// The client's certificate (X.509, DER), whose chain and dates were verified; absent: it showed
        /// none. Since 1.1; check `size` first.
        32 => certificate: jf_view,
        /// The name that the client asked for (TLS SNI, RFC 6066); absent without TLS. Since 1.1.
        48 => server_name: jf_view,
    }
}

/// One shared, ordered channel (stdio, WebSocket, HTTP+SSE): messages carry exchange 0, no headers exist.
pub const JF_CLIENT_SHARED: u32 = 1;
/// The gateway was started for this one client and ends when it leaves (stdio).
pub const JF_CLIENT_SOLE: u32 = 2;
/// The connection is encrypted by the listener itself (TLS). Since 1.1.
pub const JF_CLIENT_SECURE: u32 = 4;
/// jf_inbound_1.wants: jf_message.fields. Since 1.1.
pub const JF_WANTS_FIELDS: u32 = 1;

abi! {
    /// Host service jf.inbound/1, for listeners only. All slots \[lane\]. Since 1.0.
    pub struct jf_inbound_1: 64 {
        /// Bytes of this structure as its maker knows it.
        0 => size: u32,
        /// Flags; 0-15 may be ignored when unknown, 16-31 must be refused.
        4 => flags: u32,
        /// First argument of every slot.
        8 => context: *mut c_void,
        /// A client connected. Writes the host's handle for it to *client. JF_E_BUSY: refuse the
        /// connection.
        16 => opened: Option<unsafe extern "C" fn(*mut c_void, *const jf_client_info, *mut jf_ref) -> i32>,
        /// One message of the client, exactly one JSON text, not yet checked. `message->exchange` is
        /// the listener's own handle; the answer names it. `reply` may be called before `deliver`
        /// returns. Bytes borrowed until it returns. Any status but JF_OK: the client handle is
        /// stale; close the connection.
        24 => deliver: Option<unsafe extern "C" fn(*mut c_void, jf_ref, *const jf_message) -> i32>,
        /// The client stopped waiting for this exchange (its stream or connection closed). No `reply`
        /// may follow; the host decides by protocol era whether that cancels the call (2026-07-28) or
        /// not (before).
        32 => gone: Option<unsafe extern "C" fn(*mut c_void, jf_ref, jf_ref)>,
        /// The exchange's reader caught up after `reply` had answered JF_E_BUSY.
        40 => writable: Option<unsafe extern "C" fn(*mut c_void, jf_ref, jf_ref)>,
        /// The client is gone altogether; `gone` is implied for all its exchanges. The handle is
        /// stale afterwards.
        48 => closed: Option<unsafe extern "C" fn(*mut c_void, jf_ref)>,
        /// What the host looks at: JF_WANTS_*, which may change between two messages. Lives as long as the
        /// instance. Since 1.1; check `size` first.
        56 => wants: *const u32,
    }
}

/// Id of the table, with the NUL that C wants.
pub const JF_INBOUND_1: &[u8] = b"jf.inbound/1\0";

abi! {
    /// Facet table. Since 1.0.
    pub struct jf_listener_1: 40 {
        /// Bytes of this structure as its maker knows it.
        0 => size: u32,
        /// Flags; 0-15 may be ignored when unknown, 16-31 must be refused.
        4 => flags: u32,
        /// Opens the listener. `address` overrides the one in `config` when present (another loop
        /// bound port 0 first: share it with SO_REUSEPORT). `config` is JSON, valid against
        /// manifest.listener.config. `*bound` receives where it listens, as text that a user can
        /// connect to ("http://127.0.0.1:8808"). \[control\].
        8 => listen: Option<unsafe extern "C" fn(
            *mut jf_self,
            jf_ref,
            jf_view,
            jf_view,
            *mut jf_blob,
            *mut jf_fault,
        ) -> i32>,
        /// Stops accepting; open clients stay until they end or the instance stops. \[control\].
        16 => unlisten: Option<unsafe extern "C" fn(*mut jf_self, jf_ref)>,
        /// One message to a client. Without JF_MSG_FINAL the exchange becomes an event stream and
        /// stays open; a FINAL message with no body ends it. status ACCEPTED with FINAL and no body
        /// acknowledges a notification. Segments are written at once, copied, or retained where the
        /// message allows it. JF_E_BUSY: taken, but the reader is slow: wait for `writable` before
        /// more; the listener may close a stream that is sent more all the same. JF_E_INVALID:
        /// `resume` cannot be an event id; nothing was written. JF_E_STALE: the client or the
        /// exchange is gone. \[lane\].
        24 => reply: Option<unsafe extern "C" fn(*mut jf_self, jf_ref, *const jf_message) -> i32>,
        /// Closes a client's connection once written answers are out. \[lane\].
        32 => close: Option<unsafe extern "C" fn(*mut jf_self, jf_ref)>,
    }
}

/// Id of the table, with the NUL that C wants.
pub const JF_LISTENER_1: &[u8] = b"jf.listener/1\0";
