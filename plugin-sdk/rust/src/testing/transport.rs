// SPDX-License-Identifier: Apache-2.0
// Driving listeners and connectors, and what they told the host.

use super::raw::*;
use super::{c_text, millis, rust_text, Mock, Refused, PATIENCE};
use crate::ffi::view;
use crate::sys::*;
use crate::transport::Usage;
use std::os::raw::c_char;

/// What an [`Event`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Happened {
    /// A listener's client connected; `text` is its address.
    ClientOpened,
    /// A client sent a message.
    ClientMessage,
    /// A client gave an exchange up.
    ClientGone,
    /// A client's reader caught up.
    ClientWritable,
    /// A client left.
    ClientClosed,
    /// A channel became ready; `flags` are JF_CHANNEL_*.
    ChannelReady,
    /// A server sent a message.
    ChannelMessage,
    /// A channel or one exchange of it failed; `text` is the reason.
    ChannelFailed,
    /// A channel accepts more.
    ChannelWritable,
    /// A channel was closed.
    ChannelClosed,
    /// A toolset's list changed; `flags` is which.
    ListChanged,
    /// A request was finished through `jf.ops/1`.
    Finished,
    /// A request's progress was reported.
    Progress,
    /// A watched key of a store changed; `text` is the key.
    StoreChanged,
    /// Identities are asked for anew; `text` is the credential, empty: all.
    IdentityForgotten,
    /// A policy decides otherwise; `peer` is its handle.
    PolicyChanged,
    /// A user agreed; `text` is the id, `status` what came of it.
    Connected,
    /// Credentials are not good any more; `text` is a principal's key, empty: all.
    SupplyForgotten,
}

const KINDS: [Happened; 18] = [
    Happened::ClientOpened,
    Happened::ClientMessage,
    Happened::ClientGone,
    Happened::ClientWritable,
    Happened::ClientClosed,
    Happened::ChannelReady,
    Happened::ChannelMessage,
    Happened::ChannelFailed,
    Happened::ChannelWritable,
    Happened::ChannelClosed,
    Happened::ListChanged,
    Happened::Finished,
    Happened::Progress,
    Happened::StoreChanged,
    Happened::IdentityForgotten,
    Happened::PolicyChanged,
    Happened::Connected,
    Happened::SupplyForgotten,
];

/// Something that the plugin told the host.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// What it is.
    pub what: Happened,
    /// The client, channel, set or request that it is about.
    pub peer: u64,
    /// The exchange; 0: none.
    pub exchange: u64,
    /// Messages: JF_STATUS_*; otherwise the ABI's status.
    pub status: i32,
    /// Messages: JF_MSG_*; see [`Happened`] for others.
    pub flags: u32,
    /// The body, or what [`Happened`] says.
    pub text: String,
}

impl Mock {
    /// All that the plugin told the host so far.
    pub fn events(&self) -> Vec<Event> {
        let count = unsafe { jf_mock_mark(self.raw) };
        (0..count)
            .map(|index| {
                // SAFETY: below the mark, and events live as long as the mock.
                let raw = unsafe { &*jf_mock_event_at(self.raw, index) };
                let said = &raw.fault.text[..(raw.fault.text_len as usize).min(raw.fault.text.len())];
                let text = match raw.text.is_null() {
                    true => String::from_utf8_lossy(said).into_owned(),
                    false => unsafe { rust_text(raw.text) },
                };
                Event {
                    what: KINDS[raw.kind as usize - 1],
                    peer: raw.peer,
                    exchange: raw.exchange,
                    status: raw.status,
                    flags: raw.flags,
                    text,
                }
            })
            .collect()
    }

    /// Runs the loop until there is such an event, the first of its kind about `peer` (0: any); panics after
    /// 20 seconds.
    pub fn wait_for(&mut self, what: Happened, peer: u64) -> Event {
        let found = |mock: &Mock| {
            mock.events().into_iter().find(|event| event.what == what && (peer == 0 || event.peer == peer))
        };
        self.run_until(|mock| found(mock).is_some());
        found(self).expect("it was there")
    }

    // ---- Listeners ----

    /// Opens a listener: the host's handle of it, and where it listens.
    pub fn listen(&mut self, address: Option<&str>, config: &str) -> Result<(u64, String), Refused> {
        let address = address.map(c_text);
        let address = address.as_ref().map_or(std::ptr::null(), |address| address.as_ptr());
        let mut bound: [c_char; 512] = [0; 512];
        let config = c_text(config);
        match unsafe { jf_mock_listen(self.raw, address, config.as_ptr(), bound.as_mut_ptr(), bound.len()) } {
            0 => Err(self.refused(JF_E_FAULT)),
            listener => Ok((listener, unsafe { rust_text(bound.as_ptr()) })),
        }
    }

    /// Answers a client, with a final message of one segment: the status that `reply` gave.
    pub fn reply(&mut self, client: u64, exchange: u64, json: Option<&str>) -> i32 {
        let json = json.map(c_text);
        let json = json.as_ref().map_or(std::ptr::null(), |json| json.as_ptr());
        unsafe { jf_mock_reply(self.raw, client, exchange, JF_MSG_FINAL, JF_STATUS_OK, json) }
    }

    /// The same with several segments, of which those in the bit mask may be retained.
    pub fn reply_retainable(
        &mut self,
        client: u64,
        exchange: u64,
        segments: &[&str],
        retainable: u64,
    ) -> i32 {
        let views: Vec<jf_view> = segments.iter().map(|segment| view(segment.as_bytes())).collect();
        let count = views.len() as u32;
        unsafe {
            jf_mock_reply_retainable(
                self.raw,
                client,
                exchange,
                JF_MSG_FINAL,
                views.as_ptr(),
                count,
                retainable,
            )
        }
    }

    // ---- Connectors ----

    /// Opens a channel: the host's handle of it.
    pub fn open_channel(&mut self, name: &str, config: &str) -> Result<u64, Refused> {
        match unsafe { jf_mock_open(self.raw, c_text(name).as_ptr(), c_text(config).as_ptr()) } {
            0 => Err(self.refused(JF_E_FAULT)),
            channel => Ok(channel),
        }
    }

    /// A new exchange.
    pub fn exchange(&mut self) -> u64 {
        unsafe { jf_mock_exchange(self.raw) }
    }

    /// Sends one message (`exchange` 0: one that expects no answer).
    pub fn send(&mut self, channel: u64, exchange: u64, json: &str) -> Result<(), Refused> {
        let status = unsafe { jf_mock_send(self.raw, channel, exchange, c_text(json).as_ptr()) };
        self.done(status)
    }

    /// Gives an exchange up.
    pub fn cancel_exchange(&mut self, channel: u64, exchange: u64) {
        unsafe { jf_mock_cancel(self.raw, channel, exchange) }
    }

    /// What the channel's processes use; `None`: nothing is known yet.
    pub fn usage(&mut self, channel: u64) -> Result<Option<Usage>, Refused> {
        let mut told = std::mem::MaybeUninit::<jf_usage>::zeroed();
        // SAFETY: the mock lives; it fills the structure in, and all zeros are a value of it too.
        let (status, told) = unsafe {
            let status = jf_mock_usage(self.raw, channel, told.as_mut_ptr());
            (status, told.assume_init())
        };
        match status {
            JF_OK => Ok(Some(Usage {
                measured_ns: told.measured_ns,
                memory: told.memory,
                cpu_ns: told.cpu_ns,
                since_ns: told.since_ns,
                processes: told.processes,
                threads: told.threads,
                descriptors: told.descriptors,
                spares: told.spares,
                started: told.started,
                failures: told.failures,
                replaced: told.replaced,
                waiting: told.waiting,
            })),
            JF_ABSENT => Ok(None),
            refused => Err(self.refused(refused)),
        }
    }

    /// Closes a channel and waits until it is; panics after 20 seconds.
    pub fn close_channel(&mut self, channel: u64) {
        assert!(unsafe { jf_mock_close(self.raw, channel, millis(PATIENCE)) }, "the channel is not closed");
    }
}
