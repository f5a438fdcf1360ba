// SPDX-License-Identifier: Apache-2.0
//! A listener: takes MCP clients on a TCP port of the loopback interface, one JSON text on each line.
#![deny(unsafe_code)]

mod client;
mod socket;

use client::{Client, Clients};
use jackfield::host::{Events, Watch};
use jackfield::json::Value;
use jackfield::transport::{ClientId, Listener, ListenerId, Message, Taken};
use jackfield::{Error, Lane, Level, Plugin, Status};
use std::net::{SocketAddrV4, TcpListener};
use std::sync::Arc;

/// One instance: the gateway makes one for each event loop.
pub struct Lines {
    clients: Arc<Clients>,
}

impl Plugin for Lines {
    fn create(_lane: &Lane, _config: &Value) -> Result<Lines, Error> {
        Ok(Lines { clients: Arc::default() })
    }
}

impl Listener for Lines {
    /// Dropped by `unlisten`, which closes the port.
    type Socket = Watch<TcpListener>;

    fn listen(
        &self,
        lane: &Lane,
        listener: ListenerId,
        address: Option<&str>,
        config: &Value,
    ) -> Result<(Watch<TcpListener>, String), Error> {
        let address = address.or_else(|| config["address"].as_str()).unwrap_or("127.0.0.1:8810");
        let most = config["max_message"].as_u64().unwrap_or(4_194_304) as usize;
        let place: SocketAddrV4 = address.parse().map_err(|_| {
            Error::new(Status::Invalid, format!("address {address} is not like 127.0.0.1:8810"))
        })?;
        if !place.ip().is_loopback() {
            return Err(Error::new(
                Status::Denied,
                format!("address {place} is not of the loopback interface: clients need no password"),
            ));
        }
        let socket = socket::listen(place)
            .map_err(|error| Error::fault(format!("cannot listen at {place}: {error}")))?;
        let bound = format!("tcp://{}", socket.local_addr()?);
        let clients = Arc::downgrade(&self.clients);
        let watch = lane.watch(socket, Events::READABLE, move |lane, socket, _| {
            while let (Ok((stream, from)), Some(clients)) = (socket.accept(), clients.upgrade()) {
                if let Err(error) = Client::begin(lane, stream, listener, &from.to_string(), most, &clients) {
                    lane.log(Level::Warning, error.text());
                }
            }
        })?;
        Ok((watch, bound))
    }

    fn reply(&self, lane: &Lane, client: ClientId, message: &Message<'_>) -> Result<Taken, Error> {
        match self.clients.get(client) {
            Some(client) => client.reply(lane, message),
            None => Err(Error::new(Status::Stale, "this client is gone")),
        }
    }

    fn close(&self, lane: &Lane, client: ClientId) {
        if let Some(client) = self.clients.get(client) {
            client.finish(lane);
        }
    }
}

jackfield::plugin! {
    plugin: Lines,
    facets: [listener],
    manifest: include_str!("../manifest.json"),
}
