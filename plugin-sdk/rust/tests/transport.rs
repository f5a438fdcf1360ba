// SPDX-License-Identifier: Apache-2.0
//! The facets jf.listener/1 and jf.connector/1: a client that asks once, and a server that echoes.
#![forbid(unsafe_code)]

use jackfield::json::Value;
use jackfield::testing::{Event, Happened, Mock};
use jackfield::transport::*;
use jackfield::{Error, Lane, Level, Plugin, Status};
use std::cell::{Cell, RefCell};
use std::time::Duration;

#[derive(Default)]
struct Loopback {
    /// What `reply` kept of its last message.
    kept: RefCell<Option<Retained>>,
    /// Whether there is anything to be told of processes.
    used: Cell<bool>,
}

struct Channel(ChannelId);

impl Plugin for Loopback {
    fn create(_lane: &Lane, _config: &Value) -> Result<Loopback, Error> {
        Ok(Loopback::default())
    }
}

impl Listener for Loopback {
    type Socket = String;

    fn listen(
        &self,
        lane: &Lane,
        listener: ListenerId,
        address: Option<&str>,
        config: &Value,
    ) -> Result<(String, String), Error> {
        let place =
            address.or(config["place"].as_str()).ok_or_else(|| Error::invalid("no place to listen"))?;
        lane.post(move |lane| {
            let client = lane.client_opened(listener, "somewhere", ClientFlags::default()).unwrap();
            let message = Outgoing {
                body: Some(br#"{"id":1}"#),
                is_final: true,
                exchange: Some(ExchangeId(7)),
                session: Some("abc"),
                headers: &[("Mcp-Param-X", "y")],
                ..Outgoing::default()
            };
            lane.client_message(client, &message).unwrap();
        })?;
        Ok((place.to_owned(), format!("loop://{place}")))
    }

    fn unlisten(&self, lane: &Lane, socket: &String) {
        lane.log(Level::Info, &format!("left {socket}"));
    }

    fn reply(&self, lane: &Lane, client: ClientId, message: &Message<'_>) -> Result<Taken, Error> {
        let said = String::from_utf8(message.joined())?;
        let exchange = message.exchange().map_or(0, |exchange| exchange.0);
        let status = message.status().http();
        lane.log(Level::Info, &format!("reply {exchange} {status} {said} final={}", message.is_final()));
        if let Some(kept) = message.retain(lane) {
            lane.log(
                Level::Info,
                &format!("kept {:?} {:?}", kept.segment(0).map(<[u8]>::len), kept.segment(1)),
            );
            *self.kept.borrow_mut() = Some(kept);
            return Ok(Taken::Slow);
        }
        match &*said {
            "\"panic\"" => panic!("in reply"),
            "\"stale\"" => Err(Error::new(Status::Stale, "gone")),
            "\"bye\"" => {
                lane.client_gone(client, ExchangeId(7))?;
                lane.client_closed(client)?;
                Ok(Taken::Ready)
            }
            _ => Ok(Taken::Ready),
        }
    }

    fn close(&self, lane: &Lane, client: ClientId) {
        self.kept.borrow_mut().take();
        let _ = lane.client_closed(client);
    }
}

impl Connector for Loopback {
    type Channel = Channel;

    fn open(&self, lane: &Lane, id: ChannelId, server: Server<'_>) -> Result<Channel, Error> {
        if server.config["refuse"].as_bool() == Some(true) {
            return Err(Error::new(Status::Gone, format!("{} is not there", server.name)));
        }
        lane.post(move |lane| lane.channel_ready(id, ChannelFlags::default()).unwrap())?;
        Ok(Channel(id))
    }

    fn send(&self, lane: &Lane, channel: &Channel, message: &Message<'_>) -> Result<(), Error> {
        let body = message.joined();
        self.used.set(true);
        if body == b"\"full\"" {
            return Err(Error::busy("the queue is full").retry_after(Duration::from_millis(5)));
        }
        if body == b"\"fail\"" {
            let why = Error::new(Status::Gone, "reset").not_started();
            return lane.channel_failed(channel.0, message.exchange(), &why);
        }
        // Answered from inside: the gateway may come back before this returns.
        lane.channel_message(
            channel.0,
            &Outgoing {
                body: Some(&body),
                is_final: true,
                exchange: message.exchange(),
                ..Outgoing::default()
            },
        )
    }

    fn usage(&self, _lane: &Lane, channel: &Channel) -> Result<Option<Usage>, Error> {
        let waiting = channel.0 .0 as u32;
        let usage = Usage { processes: 3, memory: 1 << 40, waiting, ..Usage::default() };
        Ok(self.used.get().then_some(usage))
    }

    fn cancel(&self, lane: &Lane, _channel: &Channel, exchange: ExchangeId) {
        lane.log(Level::Info, &format!("canceled {}", exchange.0));
    }

    fn close(&self, lane: &Lane, channel: &Channel, _deadline_ns: u64) {
        let id = channel.0;
        lane.post(move |lane| lane.channel_closed(id).unwrap()).unwrap();
    }
}

jackfield::plugin! {
    plugin: Loopback,
    facets: [listener, connector],
    manifest: r#"{"id": "loopback", "version": "1.0.0", "abi": "1.0",
        "facets": ["jf.listener/1", "jf.connector/1"],
        "threads": "per-loop", "requires": ["jf.inbound/1", "jf.channels/1", "jf.loop/1", "jf.log/1"]}"#,
}

fn messages(mock: &Mock, what: Happened) -> Vec<Event> {
    mock.events().into_iter().filter(|event| event.what == what).collect()
}

#[test]
fn a_client_asks_and_is_answered() {
    let mut mock = Mock::up(jf_entry_1, "{}");
    let (_, bound) = mock.listen(None, r#"{"place": "here"}"#).unwrap();
    assert_eq!(bound, "loop://here");
    let client = mock.wait_for(Happened::ClientOpened, 0);
    assert_eq!(client.text, "somewhere");
    let asked = mock.wait_for(Happened::ClientMessage, client.peer);
    assert_eq!((&*asked.text, asked.exchange), (r#"{"id":1}"#, 7));
    assert_eq!(mock.reply(client.peer, 7, Some("{}")), 0);
    assert!(mock.logged(Level::Info, "reply 7 200 {} final=true"));
    assert_eq!(mock.reply(client.peer, 7, Some("\"stale\"")), Status::Stale.code());
    assert_eq!(mock.reply(client.peer, 7, Some("\"panic\"")), Status::Fault.code());
    assert!(mock.logged(Level::Error, "reply failed: panicked at tests/transport.rs:"));
    assert_eq!(mock.reply(client.peer, 7, Some("\"bye\"")), 0);
    assert_eq!(messages(&mock, Happened::ClientClosed).len(), 1);
}

#[test]
fn another_address_counts_and_none_is_refused() {
    let mut mock = Mock::up(jf_entry_1, "{}");
    assert_eq!(mock.listen(Some("there"), r#"{"place": "here"}"#).unwrap().1, "loop://there");
    assert_eq!(mock.listen(None, "{}").unwrap_err().text, "no place to listen");
    mock.settle();
}

#[test]
fn segments_are_kept_without_a_copy() {
    let mut mock = Mock::up(jf_entry_1, "{}");
    mock.listen(None, r#"{"place": "here"}"#).unwrap();
    let client = mock.wait_for(Happened::ClientOpened, 0).peer;
    assert_eq!(mock.reply_retainable(client, 7, &["[1,2,", "3]"], 1), Status::Busy.code());
    assert!(mock.logged(Level::Info, "kept Some(5) None"));
    mock.stop();
}

#[test]
fn a_server_echoes() {
    let mut mock = Mock::up(jf_entry_1, "{}");
    let channel = mock.open_channel("echo", "{}").unwrap();
    mock.wait_for(Happened::ChannelReady, channel);
    let exchange = mock.exchange();
    mock.send(channel, exchange, r#"{"id":1}"#).unwrap();
    let echoed = mock.wait_for(Happened::ChannelMessage, channel);
    assert_eq!((&*echoed.text, echoed.exchange), (r#"{"id":1}"#, exchange));
    assert_eq!(mock.send(channel, exchange, "\"full\"").unwrap_err().status, Status::Busy.code());
    let failing = mock.exchange();
    mock.send(channel, failing, "\"fail\"").unwrap();
    let failed = mock.wait_for(Happened::ChannelFailed, channel);
    assert_eq!((&*failed.text, failed.exchange), ("reset", failing));
    mock.cancel_exchange(channel, exchange);
    assert!(mock.logged(Level::Info, &format!("canceled {exchange}")));
    mock.close_channel(channel);
    assert_eq!(mock.open_channel("far", r#"{"refuse": true}"#).unwrap_err().text, "far is not there");
}

#[test]
fn what_processes_use_is_told() {
    let mut mock = Mock::up(jf_entry_1, "{}");
    let channel = mock.open_channel("one", "{}").unwrap();
    assert_eq!(mock.usage(channel).unwrap(), None);
    mock.send(channel, 0, "\"busy\"").unwrap();
    let told = mock.usage(channel).unwrap().unwrap();
    assert_eq!((told.processes, told.memory, told.waiting), (3, 1 << 40, channel as u32));
    mock.close_channel(channel);
    assert_eq!(mock.usage(channel).unwrap_err().status, Status::Stale.code());
}
