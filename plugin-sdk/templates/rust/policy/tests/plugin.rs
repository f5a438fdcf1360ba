// SPDX-License-Identifier: Apache-2.0
//! The policy under the mock host, which looks for leaks and broken rules as it goes.

use jackfield::testing::{built_library, Decided, Mock};
use PLUGIN_CRATE::jf_entry_1;

/// Calls a tool so many hours after Monday, 1970-01-05.
fn at(mock: &mut Mock, policy: u64, hours: u64, who: Option<&str>) -> Decided {
    let question = mock.decide(policy, who, "search", "{}", Some((4 * 24 + hours) * 3_600_000));
    mock.decided(question)
}

#[test]
fn keeps_office_hours() {
    let mut mock = Mock::up_library(&built_library("PLUGIN_CRATE"), "{}");
    let policy = mock.attach_policy("hours", r#"{"from": 9, "to": 17}"#).unwrap();
    for hours in 0..7 * 24 {
        let is_open = hours < 5 * 24 && (9..17).contains(&(hours % 24));
        let decision = at(&mut mock, policy, hours, None).decision;
        assert_eq!(decision, Some(if is_open { "allow" } else { "deny" }), "hour {hours}");
    }
    let closed = at(&mut mock, policy, 3, None);
    assert!(closed.rule == "closed" && closed.text.contains("from 9 to 17 h"), "{closed:?}");
    let ahead = mock.attach_policy("ahead", r#"{"from": 9, "to": 17, "zone_minutes": 120}"#).unwrap();
    assert_eq!(at(&mut mock, ahead, 7, None).decision, Some("allow"));
    mock.detach_policy(policy);
    mock.detach_policy(ahead);
}

#[test]
fn lets_those_on_call_pass() {
    let mut mock = Mock::up(jf_entry_1, "{}");
    let policy = mock.attach_policy("hours", r#"{"on_call": "sre"}"#).unwrap();
    let eve = at(&mut mock, policy, 2, Some(r#"{"subject": "eve", "roles": ["dev"]}"#));
    assert_eq!(eve.decision, Some("deny"));
    let ann = at(&mut mock, policy, 2, Some(r#"{"subject": "ann", "roles": ["dev", "sre"]}"#));
    assert_eq!((ann.decision, ann.rule.as_str()), (Some("allow"), "on_call"));
    let listed = mock.decide_listing(policy, None, "search");
    assert_eq!(mock.decided(listed).decision, Some("allow"));
    assert_eq!(mock.classify(policy, None), Ok("all".to_owned()));
    mock.detach_policy(policy);
}

#[test]
fn refuses_hours_that_are_none() {
    let mut mock = Mock::up(jf_entry_1, "{}");
    let refused = mock.attach_policy("hours", r#"{"from": 18, "to": 8}"#).unwrap_err();
    assert_eq!(refused.text, "from (18) must be before to (8)");
}
