// SPDX-License-Identifier: Apache-2.0
//! The listener under the mock host, with clients on real sockets.

use jackfield::testing::{built_library, Happened, Mock};
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use PLUGIN_CRATE::jf_entry_1;

const ANY_PORT: &str = r#"{"address": "127.0.0.1:0", "max_message": 1024}"#;

/// Listens, and connects one client: its connection, and the gateway's handle.
fn connected(mock: &mut Mock) -> (TcpStream, u64) {
    let (_, bound) = mock.listen(None, ANY_PORT).unwrap();
    let stream = TcpStream::connect(bound.strip_prefix("tcp://").unwrap()).unwrap();
    stream.set_nonblocking(true).unwrap();
    let client = mock.wait_for(Happened::ClientOpened, 0).peer;
    (stream, client)
}

/// Reads until the end of a line, or of the connection, while the plugin goes on.
fn heard(mock: &mut Mock, stream: &mut TcpStream) -> String {
    let mut text = Vec::new();
    mock.run_until(|_| {
        let mut part = [0; 1000];
        match stream.read(&mut part) {
            Ok(count) => {
                text.extend_from_slice(&part[..count]);
                count == 0 || text.ends_with(b"\n")
            }
            Err(error) => error.kind() != ErrorKind::WouldBlock,
        }
    });
    String::from_utf8(text).unwrap()
}

#[test]
fn carries_lines_both_ways() {
    let mut mock = Mock::up_library(&built_library("PLUGIN_CRATE"), "{}");
    let (mut stream, client) = connected(&mut mock);
    stream.write_all(b"{\"id\":1}\r\n\n{\"id\"").unwrap();
    assert_eq!(mock.wait_for(Happened::ClientMessage, client).text, r#"{"id":1}"#);
    stream.write_all(b":2}\n").unwrap();
    let count = |mock: &Mock| mock.events().iter().filter(|it| it.what == Happened::ClientMessage).count();
    mock.run_until(|mock| count(mock) == 2);
    assert_eq!(mock.reply(client, 0, Some("{\"a\":\n1}")), 0);
    assert_eq!(heard(&mut mock, &mut stream), "{\"a\": 1}\n");
    drop(stream);
    mock.wait_for(Happened::ClientClosed, client);
}

#[test]
fn hangs_up_on_endless_lines() {
    let mut mock = Mock::up(jf_entry_1, "{}");
    let (mut stream, client) = connected(&mut mock);
    stream.write_all(&[b' '; 2000]).unwrap();
    mock.wait_for(Happened::ClientClosed, client);
}

#[test]
fn ends_with_clients_connected() {
    let mut mock = Mock::up(jf_entry_1, "{}");
    let (mut stream, _) = connected(&mut mock);
    stream.write_all(b"{\"half\":").unwrap();
    mock.settle();
    drop(mock);
    stream.set_nonblocking(false).unwrap();
    assert_eq!(stream.read(&mut [0]).unwrap_or(0), 0);
}

#[test]
fn stays_on_this_machine() {
    let mut mock = Mock::up(jf_entry_1, "{}");
    let refused = mock.listen(None, r#"{"address": "0.0.0.0:0"}"#).unwrap_err();
    assert!(refused.text.contains("loopback"), "{}", refused.text);
}
