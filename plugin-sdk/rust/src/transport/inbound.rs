// SPDX-License-Identifier: Apache-2.0
// What a listener tells the gateway: jf.inbound/1.

use super::{ClientId, ExchangeId, ListenerId, Outgoing};
use crate::ffi::view;
use crate::host::slot;
use crate::sys::*;
use crate::{Error, Lane};

/// What kind of client it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClientFlags {
    /// One shared, ordered channel (stdio, WebSocket): messages carry no exchange, no headers exist.
    pub is_shared: bool,
    /// The gateway was started for this one client and ends when it leaves (stdio).
    pub is_sole: bool,
}

impl Lane {
    /// A client connected. [`Status::Busy`](crate::Status): refuse the connection. `jf.inbound/1`.
    pub fn client_opened(
        &self,
        listener: ListenerId,
        address: &str,
        flags: ClientFlags,
    ) -> Result<ClientId, Error> {
        self.core.call_host(|services| {
            let (context, opened) = slot!(services, inbound, opened, "jf.inbound/1")?;
            let shared = if flags.is_shared { JF_CLIENT_SHARED } else { 0 };
            let sole = if flags.is_sole { JF_CLIENT_SOLE } else { 0 };
            let info = jf_client_info {
                size: std::mem::size_of::<jf_client_info>() as u32,
                flags: shared | sole,
                listener: listener.0,
                address: view(address.as_bytes()),
                ..jf_client_info::zeroed()
            };
            let mut client = 0;
            // SAFETY: [lane]; so in all methods below.
            match unsafe { opened(context, &info, &mut client) } {
                JF_OK => Ok(ClientId(client)),
                status => Err(Error::from_status(status, "the client was refused")),
            }
        })
    }

    /// One message of a client, exactly one JSON text. `reply` may come before this returns. On an error the
    /// client's handle is stale: close its connection. `jf.inbound/1`.
    pub fn client_message(&self, client: ClientId, message: &Outgoing<'_>) -> Result<(), Error> {
        self.core.call_host(|services| {
            let (context, deliver) = slot!(services, inbound, deliver, "jf.inbound/1")?;
            match message.with(|raw| unsafe { deliver(context, client.0, raw) }) {
                JF_OK => Ok(()),
                status => Err(Error::from_status(status, "the client's message was refused")),
            }
        })
    }

    /// The client stopped waiting for an exchange. `jf.inbound/1`.
    pub fn client_gone(&self, client: ClientId, exchange: ExchangeId) -> Result<(), Error> {
        self.core.call_host(|services| {
            let (context, gone) = slot!(services, inbound, gone, "jf.inbound/1")?;
            unsafe { gone(context, client.0, exchange.0) };
            Ok(())
        })
    }

    /// An exchange's reader caught up after `reply` had answered [`Taken::Slow`](super::Taken).
    /// `jf.inbound/1`.
    pub fn client_writable(&self, client: ClientId, exchange: Option<ExchangeId>) -> Result<(), Error> {
        self.core.call_host(|services| {
            let (context, writable) = slot!(services, inbound, writable, "jf.inbound/1")?;
            unsafe { writable(context, client.0, exchange.map_or(0, |exchange| exchange.0)) };
            Ok(())
        })
    }

    /// The client is gone altogether; its handle is stale afterwards. `jf.inbound/1`.
    pub fn client_closed(&self, client: ClientId) -> Result<(), Error> {
        self.core.call_host(|services| {
            let (context, closed) = slot!(services, inbound, closed, "jf.inbound/1")?;
            unsafe { closed(context, client.0) };
            Ok(())
        })
    }
}
