// SPDX-License-Identifier: Apache-2.0
//! The store under the mock host, which looks for leaks and broken rules as it goes.

use jackfield::store::{Condition, Entry};
use jackfield::sys::JF_ABSENT;
use jackfield::testing::{built_library, Mock};
use jackfield::Status;
use PLUGIN_CRATE::jf_entry_1;
use std::time::Duration;

#[test]
fn keeps_entries() {
    let mut mock = Mock::up_library(&built_library("PLUGIN_CRATE"), "{}");
    let mut put = |key: &str, value: &str, condition, ttl_ms| {
        let question = mock.store_put(key.as_bytes(), value.as_bytes(), condition, ttl_ms);
        let it = mock.stored(question);
        (it.status, it.entries.first().map_or(0, |entry| entry.revision))
    };
    let (_, first) = put("a", "1", Condition::None, 0);
    assert!(first > 0 && put("b", "2", Condition::None, 1000).1 > first);
    assert_eq!(put("a", "3", Condition::Create, 0).0, Status::Stale.code());
    assert_eq!(put("a", "3", Condition::Match(first), 0).0, 0);
    assert_eq!(put("a", "4", Condition::Match(first), 0).0, Status::Stale.code());
    let mut values = |prefix: &str, after: &str| -> Vec<String> {
        let question = mock.store_list(prefix.as_bytes(), after.as_bytes(), 10, false);
        let entries = mock.stored(question).entries;
        entries.into_iter().map(|entry| String::from_utf8(entry.value).unwrap()).collect()
    };
    assert_eq!(
        (values("", ""), values("", "a"), values("b", "")),
        (vec!["3".into(), "2".into()], vec!["2".into()], vec!["2".into()])
    );
    mock.advance(Duration::from_millis(1001));
    let question = mock.store_get(b"b");
    assert_eq!(mock.stored(question).status, JF_ABSENT);
    let question = mock.store_remove(b"a", 0);
    assert_eq!(mock.stored(question).status, 0);
    let question = mock.store_get(b"a");
    assert_eq!(mock.stored(question).status, JF_ABSENT);
}

#[test]
fn counts() {
    let mut mock = Mock::up(jf_entry_1, "{}");
    let mut add = |delta| {
        let question = mock.store_add(b"n", delta, 0);
        mock.stored(question)
    };
    assert_eq!(add(0).status, JF_ABSENT);
    add(5);
    let sum = add(-7).entries.remove(0);
    assert_eq!(sum, Entry::counter("n", -2, sum.revision));
    assert_eq!(add(0).entries, [sum]);
    assert_eq!(add(i64::MIN).status, Status::Invalid.code());
    mock.store_put(b"n", b"text", Condition::None, 0);
    let question = mock.store_add(b"n", 1, 0);
    assert_eq!(mock.stored(question).status, Status::Invalid.code());
}

#[test]
fn limits() {
    let mut mock = Mock::up(jf_entry_1, "{}");
    let take = |mock: &mut Mock| {
        let question = mock.store_take(b"alice", 2000, 1000, 60_000, 1000);
        mock.taken(question).verdicts.remove(0)
    };
    let fits: Vec<_> = (0..3).map(|_| take(&mut mock).fits).collect();
    assert_eq!(fits, [true, true, false]);
    assert!((50_000..=60_001).contains(&take(&mut mock).retry_ms));
    mock.advance(Duration::from_millis(60_001));
    assert!(take(&mut mock).fits);
}
