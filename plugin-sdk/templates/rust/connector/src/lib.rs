// SPDX-License-Identifier: Apache-2.0
//! A connector: channels to MCP servers. This one's server, in `server.rs`, is a few lines of its own, which
//! echo: put the reading and writing of your wire in its place.
#![forbid(unsafe_code)]

mod server;

use jackfield::json::Value;
use jackfield::transport::{ChannelFlags, ChannelId, Connector, ExchangeId, Message, Outgoing, Server};
use jackfield::{Error, Lane, Level, Plugin, Timer};
use server::EchoServer;
use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// One instance: the gateway makes one for each event loop.
pub struct Echo;

/// Answers on their way, by exchange: they arrive with the next turn of the event loop.
type Answers = Arc<Mutex<HashMap<ExchangeId, Timer>>>;

/// One open channel to one configured server.
pub struct Channel {
    id: ChannelId,
    server: EchoServer,
    opening: RefCell<Option<Timer>>,
    answers: Answers,
}

impl Plugin for Echo {
    fn create(_lane: &Lane, _config: &Value) -> Result<Echo, Error> {
        Ok(Echo)
    }
}

impl Connector for Echo {
    type Channel = Channel;

    fn open(&self, lane: &Lane, id: ChannelId, server: Server<'_>) -> Result<Channel, Error> {
        let prefix = server.config["says"].as_str().unwrap_or_default();
        let opening = lane.after(Duration::ZERO, move |lane| {
            told(lane, lane.channel_ready(id, ChannelFlags::default()));
        })?;
        Ok(Channel {
            id,
            server: EchoServer::new(prefix),
            opening: RefCell::new(Some(opening)),
            answers: Answers::default(),
        })
    }

    /// Messages without an exchange expect no answer.
    fn send(&self, lane: &Lane, channel: &Channel, message: &Message<'_>) -> Result<(), Error> {
        let exchange = match message.exchange() {
            Some(exchange) if message.has_body() => exchange,
            _ => return Ok(()),
        };
        let answer = channel.server.serve(&String::from_utf8(message.joined())?);
        let (id, answers) = (channel.id, Arc::clone(&channel.answers));
        let timer = lane.after(Duration::ZERO, move |lane| {
            // First: the gateway may call us back from inside of channel_message.
            locked(&answers, |answers| answers.remove(&exchange));
            let message = Outgoing {
                body: Some(answer.as_bytes()),
                is_final: true,
                exchange: Some(exchange),
                ..Outgoing::default()
            };
            told(lane, lane.channel_message(id, &message));
        })?;
        locked(&channel.answers, |answers| answers.insert(exchange, timer));
        Ok(())
    }

    fn cancel(&self, _lane: &Lane, channel: &Channel, exchange: ExchangeId) {
        if let Some(timer) = locked(&channel.answers, |answers| answers.remove(&exchange)) {
            timer.cancel();
        }
    }

    fn close(&self, lane: &Lane, channel: &Channel, _deadline_ns: u64) {
        let answers = locked(&channel.answers, std::mem::take);
        for timer in answers.into_values().chain(channel.opening.take()) {
            timer.cancel();
        }
        let id = channel.id;
        let closing = lane.after(Duration::ZERO, move |lane| told(lane, lane.channel_closed(id)));
        if closing.is_err() {
            told(lane, lane.channel_closed(id));
        }
    }
}

fn locked<R>(answers: &Answers, body: impl FnOnce(&mut HashMap<ExchangeId, Timer>) -> R) -> R {
    body(&mut answers.lock().unwrap_or_else(PoisonError::into_inner))
}

/// The gateway has closed the channel already: nothing to worry about.
fn told(lane: &Lane, outcome: Result<(), Error>) {
    if let Err(error) = outcome {
        lane.log(Level::Debug, error.text());
    }
}

jackfield::plugin! {
    plugin: Echo,
    facets: [connector],
    manifest: include_str!("../manifest.json"),
}
