// SPDX-License-Identifier: Apache-2.0
//! Facets `jf.listener/1` and `jf.connector/1`: carrying MCP messages to and from the gateway.
//!
//! A transport knows nothing of MCP but its envelope. All methods run on the lane. The gateway calls back
//! from inside [`Lane::client_message`] and [`Lane::channel_message`], so that methods are entered again
//! while they run: keep no `RefCell` borrowed across such a call.

mod channels;
mod inbound;
mod message;
mod slots;

pub use channels::ChannelFlags;
pub use inbound::ClientFlags;
pub use message::{Kind, Message, MessageStatus, Outgoing, Retained};
#[doc(hidden)]
pub use slots::{connector, listener};

use crate::json::Value;
use crate::{Error, Lane, Plugin};

macro_rules! handles {
    ($($(#[$meta:meta])* $name:ident,)*) => {
        $(
            $(#[$meta])*
            #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
            pub struct $name(pub u64);
        )*
    };
}

handles! {
    /// The gateway's handle of an open listener.
    ListenerId,
    /// The gateway's handle of a client, which [`Lane::client_opened`] gives.
    ClientId,
    /// The gateway's handle of a channel to a server.
    ChannelId,
    /// A request and its answers. A listener makes its own for what clients send (never 0); the gateway makes
    /// those of what it sends to servers.
    ExchangeId,
}

/// How the transport took a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// All is well.
    Ready,
    /// Taken, but the reader is slow: the gateway waits for [`Lane::client_writable`].
    Slow,
}

/// A plugin that accepts MCP clients. The manifest's `threads` is `per-loop`.
pub trait Listener: Plugin {
    /// What the plugin keeps for one open listener.
    type Socket: Send + 'static;

    /// Opens a listener. `address` overrides the one in `config` where it is given: another loop bound port 0
    /// first, share it with SO_REUSEPORT. With it comes where it listens, as text that a user can connect to
    /// ("http://127.0.0.1:8808").
    fn listen(
        &self,
        lane: &Lane,
        listener: ListenerId,
        address: Option<&str>,
        config: &Value,
    ) -> Result<(Self::Socket, String), Error>;

    /// Stops accepting; open clients stay. The value is dropped afterwards.
    fn unlisten(&self, _lane: &Lane, _socket: &Self::Socket) {}

    /// One message to a client. Without [`Message::is_final`] the exchange becomes a stream and stays open; a
    /// final one without a body ends it. [`Status::Stale`](crate::Status): client or exchange are gone.
    /// [`Status::Invalid`](crate::Status): [`Message::resume`] cannot be an event id; nothing was written.
    fn reply(&self, lane: &Lane, client: ClientId, message: &Message<'_>) -> Result<Taken, Error>;

    /// Closes a client's connection once written answers are out.
    fn close(&self, lane: &Lane, client: ClientId);
}

/// A server that a connector is to reach.
#[derive(Debug)]
pub struct Server<'a> {
    /// Its name in the gateway's configuration, for logs.
    pub name: &'a str,
    /// Its entry there, valid against `connector.config` of the manifest.
    pub config: &'a Value,
}

/// A plugin that opens channels to MCP servers. The manifest's `threads` is `per-loop`.
pub trait Connector: Plugin {
    /// What the plugin keeps for one channel.
    type Channel: Send + 'static;

    /// Opens a channel. Connecting may go on afterwards: [`Lane::channel_ready`] or [`Lane::channel_failed`]
    /// tell.
    fn open(&self, lane: &Lane, id: ChannelId, server: Server<'_>) -> Result<Self::Channel, Error>;

    /// Sends one message. An error means that nothing was sent and nothing follows;
    /// [`Status::Busy`](crate::Status): the channel's queue is full, [`Lane::channel_writable`] follows.
    fn send(&self, lane: &Lane, channel: &Self::Channel, message: &Message<'_>) -> Result<(), Error>;

    /// Gives an exchange up; nothing more is delivered for it.
    fn cancel(&self, _lane: &Lane, _channel: &Self::Channel, _exchange: ExchangeId) {}

    /// Closes the channel by `deadline_ns`; [`Lane::channel_closed`] must follow, now or later. The value is
    /// dropped when this returns: what goes on until then is kept elsewhere.
    fn close(&self, lane: &Lane, channel: &Self::Channel, deadline_ns: u64);

    /// What the channel's processes use. Must not block. `Ok(None)`: nothing is known yet, ask again;
    /// [`Status::Unsupported`](crate::Status), as it is without this method: the channel has no processes of
    /// its own.
    fn usage(&self, _lane: &Lane, _channel: &Self::Channel) -> Result<Option<Usage>, Error> {
        Err(Error::unsupported("a channel without processes"))
    }
}

/// What the processes of a channel's server use, and have used. 0 is "none" where that can be, else "not
/// known".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// When the processes were looked at, monotonic.
    pub measured_ns: u64,
    /// Resident bytes of all processes.
    pub memory: u64,
    /// Processor time since the channel opened, that of ended processes too.
    pub cpu_ns: u64,
    /// When the process that takes the calls began; 0: there is none now.
    pub since_ns: u64,
    /// Alive, all generations.
    pub processes: u32,
    /// Threads of all of them.
    pub threads: u32,
    /// Descriptors that are open in all of them.
    pub descriptors: u32,
    /// Started processes that stand by.
    pub spares: u32,
    /// Processes started since the channel opened.
    pub started: u32,
    /// How often one ended, or did not start, without being asked to.
    pub failures: u32,
    /// How often one made room for a successor without a failure.
    pub replaced: u32,
    /// Requests that wait for a place in a process.
    pub waiting: u32,
}
