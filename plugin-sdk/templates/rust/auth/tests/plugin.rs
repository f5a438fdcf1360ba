// SPDX-License-Identifier: Apache-2.0
//! The provider under the mock host, which looks for leaks and broken rules as it goes.

use jackfield::testing::{built_library, Answered, Mock};
use jackfield::Status;
use PLUGIN_CRATE::jf_entry_1;

const PEOPLE: &str = r#"{"people": [
    {"subject": "alice", "token": "token-of-alice-1", "roles": ["admin", "reader"]},
    {"subject": "b\u00f6b", "token": "token-of-bob-123"}]}"#;

fn identify(mock: &mut Mock, list: u64, value: &str) -> Answered {
    let question = mock.identify(list, &[("authorization", value)]);
    mock.wait(question)
}

#[test]
fn knows_people() {
    let mut mock = Mock::up_library(&built_library("PLUGIN_CRATE"), "{}");
    let list = mock.attach_provider("staff", PEOPLE).unwrap();
    let alice = identify(&mut mock, list, "Bearer token-of-alice-1").result;
    assert_eq!(alice.to_string(), r#"{"subject":"alice","roles":["admin","reader"]}"#);
    let bob = identify(&mut mock, list, "bearer  token-of-bob-123 ").result;
    assert_eq!(bob["subject"].as_str(), Some("böb"));
    mock.detach_provider(list);
}

#[test]
fn refuses_others() {
    let mut mock = Mock::up(jf_entry_1, "{}");
    let list = mock.attach_provider("staff", PEOPLE).unwrap();
    let nothing = mock.identify(list, &[]);
    assert_eq!(mock.wait(nothing).status, jackfield::sys::JF_ABSENT);
    assert_eq!(identify(&mut mock, list, "Basic YTpi").status, jackfield::sys::JF_ABSENT);
    for bad in ["Bearer ", "Bearer token-of-alice-", "Bearer token-of-eve"] {
        let refused = identify(&mut mock, list, bad);
        assert!(refused.status == Status::Denied.code() && refused.is_public, "{bad}: {refused:?}");
        assert!(!refused.text.contains("token-of"), "a secret in an error: {}", refused.text);
    }
    mock.detach_provider(list);
}

#[test]
fn needs_tokens() {
    let mut mock = Mock::up(jf_entry_1, "{}");
    let refused = mock.attach_provider("staff", r#"{"people": [{"subject": "eve", "token": "short"}]}"#);
    assert_eq!(refused.unwrap_err().text, "the token of eve is shorter than 16 bytes");
}
