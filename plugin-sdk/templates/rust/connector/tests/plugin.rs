// SPDX-License-Identifier: Apache-2.0
//! The connector under the mock host, which looks for leaks and broken rules as it goes.

use jackfield::json::Value;
use jackfield::testing::{built_library, Happened, Mock};
use PLUGIN_CRATE::jf_entry_1;

fn open(mock: &mut Mock) -> u64 {
    let channel = mock.open_channel("test", r#"{"says": "You said: "}"#).unwrap();
    mock.wait_for(Happened::ChannelReady, channel);
    channel
}

fn ask(mock: &mut Mock, channel: u64, request: &str) -> Value {
    let exchange = mock.exchange();
    mock.send(channel, exchange, request).unwrap();
    let is_it = move |mock: &Mock| {
        mock.events().into_iter().find(|it| it.what == Happened::ChannelMessage && it.exchange == exchange)
    };
    mock.run_until(|mock| is_it(mock).is_some());
    Value::parse(&is_it(mock).unwrap().text).unwrap()
}

#[test]
fn serves() {
    let mut mock = Mock::up_library(&built_library("PLUGIN_CRATE"), "{}");
    let channel = open(&mut mock);
    let found = ask(&mut mock, channel, r#"{"jsonrpc":"2.0","id":1,"method":"server/discover"}"#);
    assert_eq!(found["result"]["supportedVersions"][0].as_str(), Some("2026-07-28"));
    let listed = ask(&mut mock, channel, r#"{"jsonrpc":"2.0","id":2,"method":"tools/list"}"#);
    assert_eq!(listed["result"]["tools"][0]["name"].as_str(), Some("echo"));
    let said = ask(
        &mut mock,
        channel,
        r#"{"jsonrpc":"2.0","id":"c","method":"tools/call",
            "params":{"name":"echo","arguments":{"text":"a \"b\""}}}"#,
    );
    assert_eq!(said["id"].as_str(), Some("c"));
    assert_eq!(said["result"]["content"][0]["text"].as_str(), Some("You said: a \"b\""));
    mock.close_channel(channel);
}

#[test]
fn refuses_what_it_does_not_know() {
    let mut mock = Mock::up(jf_entry_1, "{}");
    let channel = open(&mut mock);
    let answer = ask(&mut mock, channel, r#"{"jsonrpc":"2.0","id":1,"method":"initialize"}"#);
    assert_eq!(answer["error"]["code"].as_i64(), Some(-32601));
    mock.close_channel(channel);
}

#[test]
fn forgets_what_is_given_up() {
    let mut mock = Mock::up(jf_entry_1, "{}");
    let channel = open(&mut mock);
    let exchange = mock.exchange();
    mock.send(channel, exchange, r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#).unwrap();
    mock.cancel_exchange(channel, exchange);
    mock.settle();
    assert!(mock.events().iter().all(|event| event.what != Happened::ChannelMessage));
    let left = mock.exchange();
    mock.send(channel, left, r#"{"jsonrpc":"2.0","id":2,"method":"tools/list"}"#).unwrap();
}
