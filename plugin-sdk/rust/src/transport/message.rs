// SPDX-License-Identifier: Apache-2.0
// jf_message in both directions.

use super::ExchangeId;
use crate::ffi::{bytes, optional_view, text, view};
use crate::host::Core;
use crate::sys::*;
use crate::{Host, Lane};
use std::marker::PhantomData;
use std::os::raw::c_void;
use std::sync::Arc;
use std::time::Duration;

/// What a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It carries a JSON-RPC message.
    Message,
    /// It opens a stream of its own for the server's messages (HTTP: GET), without a body.
    Stream,
    /// It ends the session that it names (HTTP: DELETE), without a body.
    End,
}

/// How an exchange went, in words that every transport can express.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MessageStatus(pub i32);

macro_rules! statuses {
    ($($name:ident = $code:ident, $http:literal;)*) => {
        impl MessageStatus {
            $(
                #[doc = concat!("HTTP ", stringify!($http))]
                pub const $name: MessageStatus = MessageStatus($code);
            )*

            /// The HTTP status code; 500 for what is not known here.
            pub fn http(self) -> u16 {
                match self.0 {
                    $($code => $http,)*
                    _ => 500,
                }
            }
        }
    };
}

statuses! {
    OK = JF_STATUS_OK, 200;
    ACCEPTED = JF_STATUS_ACCEPTED, 202;
    BAD_REQUEST = JF_STATUS_BAD_REQUEST, 400;
    UNAUTHORIZED = JF_STATUS_UNAUTHORIZED, 401;
    FORBIDDEN = JF_STATUS_FORBIDDEN, 403;
    NOT_FOUND = JF_STATUS_NOT_FOUND, 404;
    NOT_ALLOWED = JF_STATUS_NOT_ALLOWED, 405;
    NOT_ACCEPTABLE = JF_STATUS_NOT_ACCEPTABLE, 406;
    TOO_LARGE = JF_STATUS_TOO_LARGE, 413;
    OVERLOADED = JF_STATUS_OVERLOADED, 429;
    INTERNAL = JF_STATUS_INTERNAL, 500;
    UNAVAILABLE = JF_STATUS_UNAVAILABLE, 503;
    TIMEOUT = JF_STATUS_TIMEOUT, 504;
}

/// A message from the gateway, borrowed until the method returns.
pub struct Message<'a> {
    raw: jf_message,
    kept: PhantomData<&'a ()>,
}

impl<'a> Message<'a> {
    /// # Safety
    ///
    /// `raw` is the host's message, which holds for `'a`, on the lane.
    pub(super) unsafe fn new(raw: *const jf_message) -> Message<'a> {
        Message { raw: attach(raw.cast()).unwrap_or_else(jf_message::zeroed), kept: PhantomData }
    }

    /// What it is.
    pub fn kind(&self) -> Kind {
        match self.raw.kind {
            JF_KIND_STREAM => Kind::Stream,
            JF_KIND_END => Kind::End,
            _ => Kind::Message,
        }
    }

    /// Whether it is the last one of its exchange.
    pub fn is_final(&self) -> bool {
        self.raw.flags & JF_MSG_FINAL != 0
    }

    /// How the exchange went; for answers.
    pub fn status(&self) -> MessageStatus {
        MessageStatus(self.raw.status)
    }

    /// The exchange; `None` on a shared channel, and where no answer is expected.
    pub fn exchange(&self) -> Option<ExchangeId> {
        (self.raw.exchange != 0).then_some(ExchangeId(self.raw.exchange))
    }

    /// When the answer stops being of use; 0: never.
    pub fn deadline_ns(&self) -> u64 {
        self.raw.deadline_ns
    }

    /// When to try again (with OVERLOADED and UNAVAILABLE), or a stream's `retry` where it is not final.
    pub fn retry(&self) -> Option<Duration> {
        (self.raw.retry_ms != 0).then(|| Duration::from_millis(self.raw.retry_ms.into()))
    }

    fn views(&self) -> &'a [jf_view] {
        if self.raw.body.is_null() {
            return &[];
        }
        // SAFETY: borrowed until the slot returns.
        unsafe { std::slice::from_raw_parts(self.raw.body, self.raw.body_count as usize) }
    }

    /// Whether there is a body.
    pub fn has_body(&self) -> bool {
        !self.raw.body.is_null()
    }

    /// The segments that, joined, are one JSON text.
    pub fn body(&self) -> impl Iterator<Item = &'a [u8]> {
        // SAFETY: as above.
        self.views().iter().map(|view| unsafe { bytes(*view) }.unwrap_or_default())
    }

    /// The body as one piece, a copy.
    pub fn joined(&self) -> Vec<u8> {
        self.body().collect::<Vec<_>>().concat()
    }

    fn text_of(view: jf_view) -> Option<&'a str> {
        // SAFETY: as above. Empty counts as absent.
        unsafe { text(view) }.filter(|text| !text.is_empty())
    }

    /// The endpoint asked for.
    pub fn target(&self) -> Option<&'a str> {
        Message::text_of(self.raw.target)
    }

    /// MCP-Protocol-Version
    pub fn protocol(&self) -> Option<&'a str> {
        Message::text_of(self.raw.protocol)
    }

    /// Mcp-Method
    pub fn method(&self) -> Option<&'a str> {
        Message::text_of(self.raw.method)
    }

    /// Mcp-Name, decoded.
    pub fn name(&self) -> Option<&'a str> {
        Message::text_of(self.raw.name)
    }

    /// Mcp-Session-Id
    pub fn session(&self) -> Option<&'a str> {
        Message::text_of(self.raw.session)
    }

    /// The event id to write, of the gateway's making.
    pub fn resume(&self) -> Option<&'a str> {
        Message::text_of(self.raw.resume)
    }

    /// Further mirrored headers: names as spelled, values decoded.
    pub fn headers(&self) -> impl Iterator<Item = (&'a str, &'a str)> {
        let pairs: &'a [jf_pair] = match self.raw.headers.is_null() {
            true => &[],
            // SAFETY: as above.
            false => unsafe { std::slice::from_raw_parts(self.raw.headers, self.raw.header_count as usize) },
        };
        // SAFETY: as above.
        pairs.iter().filter_map(|pair| unsafe { Some((text(pair.name)?, text(pair.value)?)) })
    }

    /// Keeps the segments that the gateway lets go on without a copy, while a slow reader takes them. `None`:
    /// nothing may be kept, copy.
    pub fn retain(&self, lane: &Lane) -> Option<Retained> {
        let (retain, release) = match (self.raw.retain, self.raw.release) {
            (Some(retain), Some(release)) if self.raw.retainable != 0 => (retain, release),
            _ => return None,
        };
        // SAFETY: [lane], inside the call that brought the message.
        if unsafe { retain(self.raw.owner) } != JF_OK {
            return None;
        }
        let mask = self.raw.retainable;
        let segments = self.views().iter().enumerate().map(|(at, view)| {
            let is_kept = at < 64 && mask >> at & 1 == 1;
            is_kept.then_some(*view)
        });
        let segments = segments.collect();
        Some(Retained { core: Arc::clone(&lane.core), owner: self.raw.owner, release, segments })
    }
}

impl std::fmt::Debug for Message<'_> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Message({:?}, {} segments)", self.kind(), self.views().len())
    }
}

/// Segments of a [`Message`] that stay where they are until this is dropped. Do not keep it beyond the
/// plugin's `stop`.
pub struct Retained {
    core: Arc<Core>,
    owner: *mut c_void,
    release: unsafe extern "C" fn(*mut c_void),
    segments: Vec<Option<jf_view>>,
}

// SAFETY: the bytes do not change; `release` is [lane], and `drop` sees to that.
unsafe impl Send for Retained {}
// SAFETY: it is only read.
unsafe impl Sync for Retained {}

impl Retained {
    /// The segment of this number; `None`: it may not be kept, copy it.
    pub fn segment(&self, number: usize) -> Option<&[u8]> {
        // SAFETY: retained.
        self.segments.get(number).copied().flatten().and_then(|view| unsafe { bytes(view) })
    }
}

impl Drop for Retained {
    fn drop(&mut self) {
        let (owner, release) = (self.owner as usize, self.release);
        // SAFETY: [lane]; exactly once.
        Host::new(Arc::clone(&self.core)).on_lane_later(move |_| unsafe { release(owner as *mut c_void) });
    }
}

impl std::fmt::Debug for Retained {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Retained({} segments)", self.segments.iter().flatten().count())
    }
}

/// A message for the gateway; what is `None` or empty is absent. Start from `Outgoing::default()`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Outgoing<'a> {
    /// Not a message but the opening of a stream.
    pub is_stream: bool,
    /// Not a message but the end of the session named.
    pub is_end: bool,
    /// The last one of its exchange.
    pub is_final: bool,
    /// From a client: it accepts one JSON answer.
    pub accepts_json: bool,
    /// From a client: it accepts an event stream.
    pub accepts_stream: bool,
    /// From a client: a mirrored header is repeated or cannot be decoded.
    pub has_bad_headers: bool,
    /// From a server: how the exchange went; `None`: OK.
    pub status: Option<MessageStatus>,
    /// From a client: the listener's own. From a server: what `send` was given. `None` on a shared channel.
    pub exchange: Option<ExchangeId>,
    /// One JSON text.
    pub body: Option<&'a [u8]>,
    /// The endpoint asked for ("/mcp/servers/time").
    pub target: Option<&'a str>,
    /// MCP-Protocol-Version
    pub protocol: Option<&'a str>,
    /// Mcp-Method
    pub method: Option<&'a str>,
    /// Mcp-Name, decoded.
    pub name: Option<&'a str>,
    /// Mcp-Session-Id
    pub session: Option<&'a str>,
    /// Last-Event-ID
    pub resume: Option<&'a str>,
    /// Further mirrored headers.
    pub headers: &'a [(&'a str, &'a str)],
}

impl Outgoing<'_> {
    /// Calls `give` with the message as the ABI spells it.
    pub(super) fn with<R>(&self, give: impl FnOnce(*const jf_message) -> R) -> R {
        let flag = |is_set: bool, flag: u32| if is_set { flag } else { 0 };
        let text = |text: Option<&str>| optional_view(text.map(str::as_bytes));
        let body = optional_view(self.body);
        let pairs: Vec<jf_pair> = self
            .headers
            .iter()
            .map(|(name, value)| jf_pair { name: view(name.as_bytes()), value: view(value.as_bytes()) })
            .collect();
        let raw = jf_message {
            size: std::mem::size_of::<jf_message>() as u32,
            flags: flag(self.is_final, JF_MSG_FINAL)
                | flag(self.accepts_json, JF_MSG_ACCEPTS_JSON)
                | flag(self.accepts_stream, JF_MSG_ACCEPTS_STREAM)
                | flag(self.has_bad_headers, JF_MSG_BAD_HEADERS),
            kind: flag(self.is_stream, JF_KIND_STREAM) | flag(self.is_end, JF_KIND_END),
            status: self.status.unwrap_or(MessageStatus::OK).0,
            exchange: self.exchange.map_or(0, |exchange| exchange.0),
            body: if self.body.is_some() { &body } else { std::ptr::null() },
            body_count: u32::from(self.body.is_some()),
            target: text(self.target),
            protocol: text(self.protocol),
            method: text(self.method),
            name: text(self.name),
            session: text(self.session),
            resume: text(self.resume),
            headers: pairs.as_ptr(),
            header_count: pairs.len() as u64,
            ..jf_message::zeroed()
        };
        give(&raw)
    }
}
