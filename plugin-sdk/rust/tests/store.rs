// SPDX-License-Identifier: Apache-2.0
//! A store under the mock host, whose answers are the smallest there are.

use jackfield::json::Value;
use jackfield::store::{
    stale, Add, Ask, Condition, Entry, Get, LimitKind, List, Put, Remove, Store, StoreAnswer, Take, Verdict,
};
use jackfield::testing::{Happened, Mock};
use jackfield::{Answer, Error, Lane, Pending, Plugin, Status};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

thread_local! {
    static HELD: RefCell<Option<Pending<StoreAnswer>>> = const { RefCell::new(None) };
}

#[derive(Default)]
struct Shelf {
    all: RefCell<BTreeMap<Vec<u8>, Entry>>,
    revision: Cell<u64>,
    watch: Cell<u64>,
}

impl Plugin for Shelf {
    fn create(_lane: &Lane, _config: &Value) -> Result<Shelf, Error> {
        Ok(Shelf::default())
    }
}

impl Store for Shelf {
    const WATCHES: bool = true;

    fn get(&self, _lane: &Lane, get: &mut Ask<'_, Get<'_>>) -> Result<Answer<StoreAnswer>, Error> {
        match get.key {
            b"later" => {
                let (pending, answer) = get.later()?;
                HELD.with(|held| *held.borrow_mut() = Some(pending));
                Ok(answer)
            }
            b"panic" => panic!("get"),
            key => Ok(self
                .all
                .borrow()
                .get(key)
                .cloned()
                .map_or(StoreAnswer::absent(), StoreAnswer::entry)
                .into()),
        }
    }

    fn put(&self, lane: &Lane, put: &mut Ask<'_, Put<'_>>) -> Result<Answer<StoreAnswer>, Error> {
        let old = self.all.borrow().get(put.key).map(|entry| entry.revision);
        match (put.condition, old) {
            (Condition::Create, Some(_)) => return Err(stale()),
            (Condition::Match(revision), old) if old != Some(revision) => return Err(stale()),
            _ => {}
        }
        self.revision.set(self.revision.get() + 1);
        let entry = Entry { expires_ms: put.ttl_ms, ..Entry::new(put.key, put.value, self.revision.get()) };
        self.all.borrow_mut().insert(put.key.to_vec(), entry.clone());
        if self.watch.get() != 0 {
            lane.store_changed(self.watch.get(), Some(put.key), entry.revision);
        }
        Ok(StoreAnswer::entry(Entry { value: Vec::new(), ..entry }).into())
    }

    fn remove(&self, _lane: &Lane, it: &mut Ask<'_, Remove<'_>>) -> Result<Answer<StoreAnswer>, Error> {
        let mut all = self.all.borrow_mut();
        match (all.get(it.key), it.revision) {
            (None, _) => return Ok(StoreAnswer::absent().into()),
            (Some(entry), Some(revision)) if entry.revision != revision => return Err(stale()),
            _ => {}
        }
        all.remove(it.key);
        Ok(StoreAnswer::done().into())
    }

    fn list(&self, _lane: &Lane, list: &mut Ask<'_, List<'_>>) -> Result<Answer<StoreAnswer>, Error> {
        let all = self.all.borrow();
        let fits = |entry: &&Entry| entry.key.starts_with(list.prefix) && entry.key.as_slice() > list.after;
        let bare = |entry: &Entry| match list.keys_only {
            true => Entry { value: Vec::new(), ..entry.clone() },
            false => entry.clone(),
        };
        Ok(StoreAnswer::entries(all.values().filter(fits).take(list.most).map(bare).collect()).into())
    }

    fn add(&self, _lane: &Lane, add: &mut Ask<'_, Add<'_>>) -> Result<Answer<StoreAnswer>, Error> {
        Ok(match add.delta {
            0 => StoreAnswer::absent(),
            delta => StoreAnswer::entry(Entry::counter(add.key, delta, 1)),
        }
        .into())
    }

    fn take(&self, _lane: &Lane, take: &mut Ask<'_, Take<'_>>) -> Result<Answer<StoreAnswer>, Error> {
        let verdict = |it: jackfield::store::Limit<'_>| {
            assert_eq!((it.kind, it.period_ms), (LimitKind::Bucket, 1000));
            Verdict { fits: it.cost <= it.burst, retry_ms: u32::MAX, left: it.burst }
        };
        Ok(StoreAnswer::verdicts(take.limits().map(verdict).collect()).into())
    }

    fn watch(&self, _lane: &Lane, watch: u64, prefix: &[u8]) -> Result<(), Error> {
        if prefix == b"no" {
            return Err(Error::unsupported("it cannot"));
        }
        self.watch.set(watch);
        Ok(())
    }

    fn unwatch(&self, _lane: &Lane, _watch: u64) {
        self.watch.set(0);
    }
}

jackfield::plugin! {
    plugin: Shelf,
    facets: [store],
    manifest: r#"{"id": "shelf", "version": "1.0.0", "abi": "1.1", "facets": ["jf.store/1"], "threads": "per-loop",
        "requires": ["jf.loop/1", "jf.ops/1"], "optional": ["jf.watches/1"], "store": {"kind": "shelf"}}"#,
}

#[test]
fn entries_are_kept() {
    let mut mock = Mock::up(jf_entry_1, "{}");
    let op = mock.store_put(b"a", b"one", Condition::None, 0);
    assert_eq!(mock.stored(op).entries, [Entry::new("a", "", 1)]);
    let op = mock.store_put(b"b", b"\0\xff", Condition::Create, 9);
    assert_eq!(mock.stored(op).entries, [Entry { expires_ms: Some(9), ..Entry::new("b", "", 2) }]);
    let op = mock.store_get(b"a");
    assert_eq!(mock.stored(op).entries, [Entry::new("a", "one", 1)]);
    let op = mock.store_get(b"c");
    assert_eq!(mock.stored(op).status, 2);
    for condition in [Condition::Create, Condition::Match(9)] {
        let op = mock.store_put(b"a", b"x", condition, 0);
        assert_eq!(mock.stored(op).status, Status::Stale.code());
    }
    let op = mock.store_put(b"a", b"", Condition::Match(1), 0);
    assert_eq!(mock.stored(op).status, 0);
    let op = mock.store_list(b"", b"", 10, false);
    assert_eq!(
        mock.stored(op).entries.iter().map(|it| it.value.as_slice()).collect::<Vec<_>>(),
        [&b""[..], b"\0\xff"]
    );
    let op = mock.store_list(b"", b"a", 10, true);
    assert_eq!(mock.stored(op).entries.iter().map(|it| &*it.key).collect::<Vec<_>>(), [b"b"]);
    let op = mock.store_list(b"", b"b", 10, true);
    assert_eq!(mock.stored(op).status, 2);
    let op = mock.store_remove(b"a", 1);
    assert_eq!(mock.stored(op).status, Status::Stale.code());
    let op = mock.store_remove(b"a", 0);
    assert_eq!((mock.stored(op).status, mock.stored(op).entries), (0, Vec::new()));
    let op = mock.store_get(b"panic");
    assert!(mock.stored(op).text.ends_with(": get"));
}

#[test]
fn counters_and_limits() {
    let mut mock = Mock::up(jf_entry_1, "{}");
    let op = mock.store_add(b"n", -7, 0);
    assert_eq!(mock.stored(op).entries, [Entry::counter("n", -7, 1)]);
    let op = mock.store_add(b"n", 0, 0);
    assert_eq!(mock.stored(op).status, 2);
    let op = mock.store_take(b"k", 2000, 1000, 1000, 1000);
    assert_eq!(mock.taken(op).verdicts, [Verdict { fits: true, retry_ms: 0, left: 2000 }]);
    let op = mock.store_take(b"k", 2000, 1000, 1000, 3000);
    assert_eq!(mock.taken(op).verdicts, [Verdict { fits: false, retry_ms: u32::MAX, left: 2000 }]);
}

#[test]
fn bounds_are_the_sdks() {
    let mut mock = Mock::up(jf_entry_1, "{}");
    let long = vec![b'k'; 1025];
    let ops = [
        mock.store_get(b""),
        mock.store_get(&long),
        mock.store_put(b"a", &vec![0; 1 << 21], Condition::None, 0),
        mock.store_put(b"a", b"", Condition::Match(0), 0),
        mock.store_put(b"a", b"", Condition::None, u64::MAX),
        mock.store_remove(b"", 0),
        mock.store_list(b"", b"", 0, false),
        mock.store_list(&long, b"", 1, false),
        mock.store_add(b"", 1, 0),
        mock.store_take(b"k", 1, 0, 1000, 1),
        mock.store_take(b"k", 1, 1, 0, 1),
        mock.store_take(b"k", u64::MAX, 1, 1000, 1),
    ];
    for (at, op) in ops.into_iter().enumerate() {
        let it = mock.stored(op);
        assert_eq!(
            (it.status, &*it.text),
            (Status::Invalid.code(), "a key, value or number is outside its bounds"),
            "{at}"
        );
    }
}

#[test]
fn answers_later_and_watches() {
    let mut mock = Mock::up(jf_entry_1, "{}");
    let op = mock.store_get(b"later");
    assert_eq!(mock.stored(op).status, 1);
    let held = || HELD.with(|held| held.borrow_mut().take()).expect("a question");
    held().finish(StoreAnswer::entry(Entry::new("later", "v", 4)));
    assert_eq!(mock.stored(op).entries, [Entry::new("later", "v", 4)]);
    let op = mock.store_get(b"later");
    drop(held());
    assert_eq!(mock.stored(op).status, Status::Fault.code());
    assert_eq!(mock.store_watch(b"no").unwrap_err().text, "it cannot");
    let watch = mock.store_watch(b"a").unwrap();
    mock.store_put(b"ab", b"", Condition::None, 0);
    assert_eq!(mock.wait_for(Happened::StoreChanged, watch).text, "ab");
    mock.store_unwatch(watch);
}
