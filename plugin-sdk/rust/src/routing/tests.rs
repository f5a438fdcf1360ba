// SPDX-License-Identifier: Apache-2.0
// What a strategy is told by hosts of 1.0 and of 1.1.

use super::{Endpoints, Outcome, Pick};
use crate::ffi::view;
use crate::sys::*;
use std::time::Duration;

/// A copy that ends after `words` of eight bytes, as an older host has it: its size says so.
fn cut<T: Zeroed>(whole: &T, words: usize) -> Vec<u64> {
    assert!(words * 8 <= std::mem::size_of::<T>());
    // SAFETY: within `whole`, which is plain and aligned to eight bytes.
    let mut cut = unsafe { std::slice::from_raw_parts((whole as *const T).cast::<u64>(), words) }.to_vec();
    // Little-endian: the size is the lower half.
    cut[0] = (cut[0] >> 32 << 32) | (words as u64 * 8);
    cut
}

fn endpoint(labels: &[jf_pair]) -> jf_endpoint {
    jf_endpoint {
        size: 144,
        flags: JF_ENDPOINT_SAME_ZONE | JF_ENDPOINT_DEGRADED,
        id: 7,
        weight: 3,
        in_flight: 2,
        latency_ns: 1500,
        name: view(b"a"),
        ready: 250,
        priority: 1,
        recent_calls: 40,
        recent_failures: 4,
        cost: 9,
        version: view(b"2.1"),
        zone: view(b"z1"),
        labels: labels.as_ptr(),
        label_count: labels.len() as u64,
        revision: 5,
        ..jf_endpoint::zeroed()
    }
}

#[test]
fn endpoints_of_1_1_and_of_1_0() {
    let labels = [
        jf_pair { name: view(b"model"), value: view(b"large") },
        jf_pair { name: view(b"gpu"), value: view(b"") },
    ];
    let new = endpoint(&labels);
    let old = cut(&new, 6);
    let pointers = [&new as *const jf_endpoint, old.as_ptr().cast()];
    // SAFETY: two endpoints of the sizes that they say.
    let endpoints = unsafe { Endpoints::new(pointers.as_ptr(), 2) };
    for it in endpoints.iter() {
        assert_eq!((it.id, it.weight, it.in_flight, it.name()), (7, 3, 2, "a"));
        assert_eq!(it.latency, Some(Duration::from_nanos(1500)));
        assert_eq!(it.flags, 9);
    }
    let new = endpoints.get(0);
    assert_eq!((new.ready(), new.priority()), (Some(250), Some(1)));
    assert_eq!((new.recent_calls(), new.recent_failures()), (Some(40), Some(4)));
    assert_eq!((new.cost(), new.revision()), (Some(9), Some(5)));
    assert_eq!((new.version(), new.zone(), new.region()), (Some("2.1"), Some("z1"), None));
    assert_eq!(new.labels().collect::<Vec<_>>(), [("model", "large"), ("gpu", "")]);
    assert_eq!((new.label("gpu"), new.label("cpu")), (Some(""), None));
    let old = endpoints.get(1);
    assert_eq!((old.ready(), old.priority()), (None, None));
    assert_eq!((old.recent_calls(), old.recent_failures()), (None, None));
    assert_eq!((old.cost(), old.revision()), (None, None));
    assert_eq!((old.version(), old.zone(), old.region()), (None, None, None));
    assert_eq!((old.labels().count(), old.label("gpu")), (0, None));
}

#[test]
fn picks_of_1_1_and_of_1_0() {
    let headers = [jf_pair { name: view(b"x-tier"), value: view(b"gold") }];
    let one = endpoint(&[]);
    let all = [&one as *const jf_endpoint];
    let raw = jf_pick {
        size: 184,
        attempt: 2,
        deadline_ns: 99,
        method: view(b"tools/call"),
        name: view(b"add"),
        params: view(b"{}"),
        session: view(b"s"),
        traits: JF_PICK_READ_ONLY | JF_PICK_IDEMPOTENT,
        total: 1,
        arguments: view(b"{\"a\":1}"),
        client: view(b"cli"),
        headers: headers.as_ptr(),
        header_count: 1,
        all: all.as_ptr(),
        now_ns: 12,
        ..jf_pick::zeroed()
    };
    let old = cut(&raw, 12);
    // SAFETY: both are of the size that they say.
    let (new, old) = unsafe { (Pick::new(&raw), Pick::new(old.as_ptr().cast())) };
    for it in [&new, &old] {
        assert_eq!((it.attempt(), it.deadline_ns(), it.method()), (2, 99, "tools/call"));
        assert_eq!((it.name(), it.params()), (&b"add"[..], &b"{}"[..]));
        assert_eq!((it.principal(), it.session()), (None, Some("s")));
    }
    assert_eq!((new.traits(), new.total(), new.now_ns()), (Some(3), Some(1), Some(12)));
    assert_eq!((new.arguments(), new.client(), new.tenant()), (Some(&b"{\"a\":1}"[..]), Some("cli"), None));
    assert_eq!((new.header("x-tier"), new.header("x"), new.headers().count()), (Some("gold"), None, 1));
    assert_eq!(new.all().map(|all| (all.len(), all.get(0).ready())), Some((1, Some(250))));
    assert_eq!((old.traits(), old.total(), old.now_ns()), (None, None, None));
    assert_eq!((old.arguments(), old.client(), old.tenant()), (None, None, None));
    assert!(old.header("x-tier").is_none() && old.headers().count() == 0 && old.all().is_none());
}

#[test]
fn outcomes_of_1_1_and_of_1_0() {
    let raw = jf_outcome {
        size: 40,
        status: JF_OK,
        endpoint: 7,
        latency_ns: 3,
        flags: JF_OUTCOME_TOOL_ERROR,
        attempt: 1,
        now_ns: 8,
    };
    let new = Outcome::new(&raw);
    assert_eq!((new.flags, new.attempt, new.now_ns), (Some(JF_OUTCOME_TOOL_ERROR), Some(1), Some(8)));
    // SAFETY: as long as it says.
    let old: jf_outcome = unsafe { attach(cut(&raw, 3).as_ptr().cast()) }.unwrap();
    let old = Outcome::new(&old);
    assert_eq!((old.failure, old.endpoint, old.latency), (None, 7, Duration::from_nanos(3)));
    assert_eq!((old.flags, old.attempt, old.now_ns), (None, None, None));
}
