// SPDX-License-Identifier: Apache-2.0
//! A store: entries, counters and limits in the memory of one instance. The SDK has checked bounds by the time
//! a method is called.
#![forbid(unsafe_code)]

mod limits;

use jackfield::json::Value;
use jackfield::store::{stale, Add, Ask, Condition, Entry, Get, List, Put, Remove, Store, StoreAnswer, Take};
use jackfield::{Answer, Error, Lane, Plugin};
use limits::Limits;
use std::cell::RefCell;
use std::collections::BTreeMap;

/// One instance: every event loop has its own, so that nothing needs a lock.
pub struct Shelf(RefCell<State>);

struct State {
    entries: BTreeMap<Vec<u8>, Kept>,
    limits: Limits,
    revision: u64,
}

struct Kept {
    entry: Entry,
    is_counter: bool,
}

type Answered = Result<Answer<StoreAnswer>, Error>;

fn now_ms(lane: &Lane) -> u64 {
    lane.unix_ns() / 1_000_000
}

impl Plugin for Shelf {
    fn create(lane: &Lane, _config: &Value) -> Result<Shelf, Error> {
        // Greater than those of an earlier run.
        let revision = lane.unix_ns() / 1000;
        Ok(Shelf(RefCell::new(State { entries: BTreeMap::new(), limits: Limits::default(), revision })))
    }
}

impl State {
    /// The entry of a key, unless it has ended; then it goes.
    fn find(&mut self, key: &[u8], now: u64) -> Option<&Kept> {
        let has_ended = |kept: &Kept| kept.entry.expires_ms.map_or(false, |at| at <= now);
        if self.entries.get(key).map_or(false, has_ended) {
            self.entries.remove(key);
        }
        self.entries.get(key)
    }

    fn keep(&mut self, key: &[u8], value: &[u8], expires_ms: Option<u64>, is_counter: bool) -> Entry {
        self.revision += 1;
        let entry = Entry { expires_ms, ..Entry::new(key, value, self.revision) };
        self.entries.insert(key.to_vec(), Kept { entry: entry.clone(), is_counter });
        entry
    }
}

fn without_value(entry: &Entry) -> Entry {
    let expires_ms = entry.expires_ms;
    Entry { expires_ms, ..Entry::new(&*entry.key, "", entry.revision) }
}

/// What takes longer takes `later()` of its question, and answers from a timer, a callback or a thread.
impl Store for Shelf {
    fn get(&self, lane: &Lane, get: &mut Ask<'_, Get<'_>>) -> Answered {
        let mut state = self.0.borrow_mut();
        let found = state.find(get.key, now_ms(lane));
        Ok(found.map_or(StoreAnswer::absent(), |kept| StoreAnswer::entry(kept.entry.clone())).into())
    }

    fn put(&self, lane: &Lane, put: &mut Ask<'_, Put<'_>>) -> Answered {
        let (mut state, now) = (self.0.borrow_mut(), now_ms(lane));
        let old = state.find(put.key, now).map(|kept| kept.entry.revision);
        match put.condition {
            Condition::Create if old.is_some() => return Err(stale()),
            Condition::Match(revision) if old != Some(revision) => return Err(stale()),
            _ => {}
        }
        let entry = state.keep(put.key, put.value, put.ttl_ms.map(|ttl| now + ttl), false);
        Ok(StoreAnswer::entry(without_value(&entry)).into())
    }

    fn remove(&self, lane: &Lane, remove: &mut Ask<'_, Remove<'_>>) -> Answered {
        let mut state = self.0.borrow_mut();
        match (state.find(remove.key, now_ms(lane)), remove.revision) {
            (None, _) => return Ok(StoreAnswer::absent().into()),
            (Some(kept), Some(revision)) if kept.entry.revision != revision => return Err(stale()),
            _ => {}
        }
        state.entries.remove(remove.key);
        Ok(StoreAnswer::done().into())
    }

    fn list(&self, lane: &Lane, list: &mut Ask<'_, List<'_>>) -> Answered {
        let (mut state, now) = (self.0.borrow_mut(), now_ms(lane));
        state.entries.retain(|_, kept| kept.entry.expires_ms.map_or(true, |at| at > now));
        let entries = state.entries.values().map(|kept| &kept.entry);
        let found = entries
            .filter(|entry| entry.key.starts_with(list.prefix) && entry.key.as_slice() > list.after)
            .take(list.most)
            .map(|entry| if list.keys_only { without_value(entry) } else { entry.clone() });
        Ok(StoreAnswer::entries(found.collect()).into())
    }

    fn add(&self, lane: &Lane, add: &mut Ask<'_, Add<'_>>) -> Answered {
        let (mut state, now) = (self.0.borrow_mut(), now_ms(lane));
        let (sum, expires_ms) = match state.find(add.key, now) {
            None if add.delta == 0 => return Ok(StoreAnswer::absent().into()),
            None => (0, add.ttl_ms.map(|ttl| now + ttl)),
            Some(kept) if !kept.is_counter => {
                return Err(Error::invalid("the key holds no counter").not_started())
            }
            Some(kept) if add.delta == 0 => return Ok(StoreAnswer::entry(kept.entry.clone()).into()),
            Some(kept) => (counter(&kept.entry), kept.entry.expires_ms),
        };
        let sum = sum.checked_add(add.delta);
        let sum = sum.ok_or_else(|| Error::invalid("the sum is too large").not_started())?;
        Ok(StoreAnswer::entry(state.keep(add.key, &sum.to_ne_bytes(), expires_ms, true)).into())
    }

    fn take(&self, lane: &Lane, take: &mut Ask<'_, Take<'_>>) -> Answered {
        let limits: Vec<_> = take.limits().collect();
        Ok(StoreAnswer::verdicts(self.0.borrow_mut().limits.take(&limits, now_ms(lane))).into())
    }
}

fn counter(entry: &Entry) -> i64 {
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&entry.value);
    i64::from_ne_bytes(bytes)
}

jackfield::plugin! {
    plugin: Shelf,
    facets: [store],
    manifest: include_str!("../manifest.json"),
}
