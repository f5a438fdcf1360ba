// SPDX-License-Identifier: Apache-2.0
// What a connector tells the gateway: jf.channels/1.

use super::{ChannelId, ExchangeId, Outgoing};
use crate::host::slot;
use crate::sys::*;
use crate::{Error, Lane};

/// What kind of channel it is: either shared, or one of exchanges.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ChannelFlags {
    /// Answers are matched by JSON-RPC id; messages carry no exchange (stdio). Otherwise every request is an
    /// exchange of its own (HTTP).
    pub is_shared: bool,
    /// One per process, not one per loop (a child process).
    pub is_local: bool,
}

impl Lane {
    /// The channel can carry messages; again after each restart. `jf.channels/1`.
    pub fn channel_ready(&self, channel: ChannelId, flags: ChannelFlags) -> Result<(), Error> {
        let kind = if flags.is_shared { JF_CHANNEL_SHARED } else { JF_CHANNEL_EXCHANGES };
        let local = if flags.is_local { JF_CHANNEL_LOCAL } else { 0 };
        self.core.call_host(|services| {
            let (context, ready) = slot!(services, channels, ready, "jf.channels/1")?;
            // SAFETY: [lane]; so in all methods below.
            unsafe { ready(context, channel.0, kind | local) };
            Ok(())
        })
    }

    /// One message of the server, exactly one JSON text. [`Outgoing::is_final`] ends the exchange.
    /// `jf.channels/1`.
    pub fn channel_message(&self, channel: ChannelId, message: &Outgoing<'_>) -> Result<(), Error> {
        self.core.call_host(|services| {
            let (context, deliver) = slot!(services, channels, deliver, "jf.channels/1")?;
            match message.with(|raw| unsafe { deliver(context, channel.0, raw) }) {
                JF_OK => Ok(()),
                status => Err(Error::from_status(status, "the server's message was refused")),
            }
        })
    }

    /// An exchange ended without its answer. Without one: the whole channel went down with everything open on
    /// it, and [`Error::retry_after`] says when the plugin itself tries again. `jf.channels/1`.
    pub fn channel_failed(
        &self,
        channel: ChannelId,
        exchange: Option<ExchangeId>,
        why: &Error,
    ) -> Result<(), Error> {
        self.core.call_host(|services| {
            let (context, failed) = slot!(services, channels, failed, "jf.channels/1")?;
            let why = why.to_fault();
            unsafe { failed(context, channel.0, exchange.map_or(0, |exchange| exchange.0), &why) };
            Ok(())
        })
    }

    /// The channel accepts more after `send` had answered [`Status::Busy`](crate::Status). `jf.channels/1`.
    pub fn channel_writable(&self, channel: ChannelId) -> Result<(), Error> {
        self.core.call_host(|services| {
            let (context, writable) = slot!(services, channels, writable, "jf.channels/1")?;
            unsafe { writable(context, channel.0) };
            Ok(())
        })
    }

    /// The channel is closed for good, after `close`; its handle is stale. `jf.channels/1`.
    pub fn channel_closed(&self, channel: ChannelId) -> Result<(), Error> {
        self.core.call_host(|services| {
            let (context, closed) = slot!(services, channels, closed, "jf.channels/1")?;
            unsafe { closed(context, channel.0) };
            Ok(())
        })
    }
}
