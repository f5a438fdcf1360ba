// SPDX-License-Identifier: Apache-2.0
//! The strategy under the mock host, which looks for leaks and broken rules as it goes.

use jackfield::testing::{built_library, Mock};
use jackfield::Status;
use std::time::Duration;
use PLUGIN_CRATE::jf_entry_1;

const REPLICAS: [u64; 3] = [10, 11, 12];
const NOW: Duration = Duration::from_millis(1);

#[test]
fn stays_with_the_first() {
    let mut mock = Mock::up(jf_entry_1, "{}");
    let route = mock.attach_server("search", "{}").unwrap();
    for _ in 0..5 {
        assert_eq!(mock.pick(route, "find", &REPLICAS).unwrap(), Some(0));
        mock.observe(route, 10, 0, NOW);
    }
    mock.detach_server(route);
}

#[test]
fn passes_over_what_failed_and_comes_back() {
    let mut mock = Mock::up(jf_entry_1, "{}");
    let route = mock.attach_server("search", r#"{"skip": 2}"#).unwrap();
    mock.observe(route, 10, Status::Gone.code(), NOW);
    let picks: Vec<_> = (0..3).map(|_| mock.pick(route, "find", &REPLICAS).unwrap()).collect();
    assert_eq!(picks, [Some(1), Some(1), Some(0)]);
    mock.observe(route, 10, Status::Gone.code(), NOW);
    mock.observe(route, 10, 0, NOW);
    assert_eq!(mock.pick(route, "find", &REPLICAS).unwrap(), Some(0));
    mock.detach_server(route);
}

#[test]
fn chooses_the_first_when_all_fail() {
    let mut mock = Mock::up_library(&built_library("PLUGIN_CRATE"), "{}");
    let route = mock.attach_server("search", "{}").unwrap();
    for replica in REPLICAS {
        mock.observe(route, replica, Status::Timeout.code(), NOW);
    }
    assert_eq!(mock.pick(route, "find", &REPLICAS).unwrap(), Some(0));
    mock.detach_server(route);
}
