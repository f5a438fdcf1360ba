// SPDX-License-Identifier: Apache-2.0
//! The plugin under the mock host, which looks for leaks and broken rules as it goes.

use jackfield::testing::{built_library, Mock};
use jackfield::Status;
use PLUGIN_CRATE::jf_entry_1;

#[test]
fn makes_slugs() {
    let mut mock = Mock::up(jf_entry_1, "{}");
    let set = mock.open("titles", "{}").unwrap();
    let answer = mock.call(set, "slugify", r#"{"text": "Hello, World!"}"#);
    assert_eq!(answer.result["structuredContent"]["slug"].as_str(), Some("hello-world"));
    let answer = mock.call(set, "slugify", r#"{"text": " -- a  b", "max_length": 2}"#);
    assert_eq!(answer.result["content"][0]["text"].as_str(), Some("a"));
    let other = mock.open("others", r#"{"separator": "_"}"#).unwrap();
    let answer = mock.call(other, "slugify", r#"{"text": "Hello, World!"}"#);
    assert_eq!(answer.result["content"][0]["text"].as_str(), Some("hello_world"));
}

#[test]
fn tells_the_model_when_nothing_is_left() {
    let mut mock = Mock::up(jf_entry_1, "{}");
    let set = mock.open("titles", "{}").unwrap();
    let answer = mock.call(set, "slugify", r#"{"text": "?!"}"#);
    assert_eq!((answer.status, answer.result["isError"].as_bool()), (0, Some(true)));
}

#[test]
fn refuses_wrong_arguments() {
    let mut mock = Mock::up(jf_entry_1, "{}");
    let set = mock.open("titles", "{}").unwrap();
    for arguments in ["{}", r#"{"text": 7}"#, r#"{"text": "a", "max_length": 0}"#] {
        let answer = mock.call(set, "slugify", arguments);
        assert_eq!((answer.status, answer.is_public), (Status::Invalid.code(), true), "{arguments}");
    }
}

#[test]
fn the_library_agrees_with_its_manifest() {
    let mut mock = Mock::up_library(&built_library("PLUGIN_CRATE"), "{}");
    let set = mock.open("titles", "{}").unwrap();
    assert_eq!(mock.call(set, "slugify", r#"{"text": "x y"}"#).status, 0);
}
