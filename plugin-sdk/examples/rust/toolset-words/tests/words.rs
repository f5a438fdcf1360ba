// SPDX-License-Identifier: Apache-2.0
//! The plugin under the mock host, which looks for broken rules as it goes.

use jackfield::testing::{built_library, manifest, List, Mock, Slot};
use jackfield::Status;
use toolset_words::jf_entry_1;

fn with_words(server: &str) -> (Mock, u64) {
    let mut mock = Mock::up(jf_entry_1, "{}");
    let set = mock.open("words", server).unwrap();
    (mock, set)
}

#[test]
fn reverses() {
    let (mut mock, set) = with_words("{}");
    let answer = mock.call(set, "reverse_words", r#"{"text": "one  two\nthree"}"#);
    assert_eq!(answer.result["structuredContent"]["text"].as_str(), Some("three two one"));
    assert!(answer.is_inline);
    let answer = mock.call(set, "reverse_words", r#"{"text": " "}"#);
    assert_eq!((answer.status, answer.result["isError"].as_bool()), (0, Some(true)));
}

#[test]
fn finds_frequent_words() {
    let (mut mock, set) = with_words(r#"{"most": 2}"#);
    let answer = mock.call(set, "frequent_words", r#"{"text": "b a, B; c! Ä ä ä"}"#);
    assert_eq!(answer.result["structuredContent"].to_string(), r#"{"words":["ä","b"]}"#);
    let answer = mock.call(set, "frequent_words", r#"{"text": "a", "count": 3}"#);
    assert_eq!((answer.status, answer.is_public), (Status::Invalid.code(), true));
    assert_eq!(answer.text, "'count' must be from 1 to 2, not 3");
}

#[test]
fn counts_slice_by_slice() {
    let (mut mock, set) = with_words("{}");
    let text = "a bc ".repeat(100_000);
    let op = mock.begin(set, Slot::Call, "count_words", &format!("{{\"text\": \"{text}\"}}"));
    assert_eq!(mock.answer(op).status, 1);
    let answer = mock.wait(op);
    assert_eq!(answer.result["structuredContent"]["words"].as_u64(), Some(200_000));
    assert!(answer.progress > 1 && !answer.is_inline);
    assert_eq!(
        mock.call(set, "count_words", r#"{"text": ""}"#).result["structuredContent"]["words"].as_u64(),
        Some(0)
    );
}

#[test]
fn gives_up_when_nobody_waits_and_when_it_is_stopped() {
    let (mut mock, set) = with_words("{}");
    let text = format!("{{\"text\": \"{}\"}}", "a ".repeat(200_000));
    let left = mock.begin(set, Slot::Call, "count_words", &text);
    mock.cancel(left, Status::Gone);
    assert_eq!(mock.wait(left).status, Status::Gone.code());
    let open = mock.begin(set, Slot::Call, "count_words", &text);
    mock.stop();
    assert_eq!(mock.answer(open).status, Status::Gone.code());
}

#[test]
fn refuses_what_it_does_not_know() {
    let (mut mock, set) = with_words("{}");
    assert_eq!(mock.call(set, "spell", "{}").text, "there is no tool 'spell'");
    assert_eq!(
        mock.call(set, "reverse_words", r#"{"text": 7}"#).text,
        "'text' must be a string, not a number"
    );
    assert!(mock.list(set, List::Resources).is_null());
}

#[test]
fn the_library_agrees_with_its_manifest() {
    let library = built_library("toolset_words");
    let written: &str = include_str!("../manifest.json");
    assert_eq!(
        manifest(&library).unwrap().to_string(),
        jackfield::json::Value::parse(written).unwrap().to_string()
    );
    let mut mock = Mock::up_library(&library, "{}");
    let set = mock.open("words", "{}").unwrap();
    assert_eq!(mock.list(set, List::Tools).as_array().unwrap().len(), 3);
    assert_eq!(mock.call(set, "count_words", r#"{"text": "x y"}"#).status, 0);
}
