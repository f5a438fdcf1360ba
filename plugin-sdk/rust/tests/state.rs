// SPDX-License-Identifier: Apache-2.0
//! The configured store, as plugins use it: jf.state/1 under the mock host.

use jackfield::json::Value;
use jackfield::routing::{Endpoints, Pick, Routing, Server};
use jackfield::store::{Condition, Entry};
use jackfield::testing::Mock;
use jackfield::{Error, Lane, Plugin, Status};
use std::cell::RefCell;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What a test makes the plugin do, as a routing strategy whose `pick` is a script.
struct Script;

type Step = Box<dyn FnOnce(&Lane) + Send>;

thread_local!(static NEXT: RefCell<Option<Step>> = RefCell::new(None));

impl Plugin for Script {
    fn create(_lane: &Lane, _config: &Value) -> Result<Script, Error> {
        Ok(Script)
    }
}

impl Routing for Script {
    type Server = ();

    fn attach(&self, _lane: &Lane, _server: Server<'_>) -> Result<(), Error> {
        Ok(())
    }

    fn pick(&self, lane: &Lane, _: &mut (), _: &Pick<'_>, _: Endpoints<'_>) -> Result<Option<usize>, Error> {
        NEXT.with(|next| next.borrow_mut().take()).expect("a step")(lane);
        Ok(None)
    }
}

jackfield::plugin! {
    plugin: Script,
    facets: [routing],
    manifest: r#"{"id": "script", "version": "1.0.0", "abi": "1.1", "facets": ["jf.routing/1"],
        "threads": "per-loop", "requires": ["jf.loop/1"], "optional": ["jf.state/1"]}"#,
}

struct Stage {
    mock: Mock,
    server: u64,
}

/// What a closure of an operation is given, for the test.
struct Slot<T>(Arc<Mutex<Option<T>>>);

impl<T: Send + 'static> Slot<T> {
    fn done(self) -> impl FnOnce(&Lane, T) + Send + 'static {
        move |_, it| *self.0.lock().unwrap() = Some(it)
    }
}

impl Stage {
    fn new() -> Stage {
        let mut mock = Mock::up(jf_entry_1, "{}");
        let server = mock.attach_server("s", "{}").unwrap();
        Stage { mock, server }
    }

    /// Runs `step` inside the plugin, on its lane.
    fn run<R: Send + 'static>(&mut self, step: impl FnOnce(&Lane) -> R + Send + 'static) -> R {
        let slot = Arc::new(Mutex::new(None));
        let own = Arc::clone(&slot);
        NEXT.with(|next| {
            *next.borrow_mut() = Some(Box::new(move |lane| *own.lock().unwrap() = Some(step(lane))))
        });
        assert_eq!(self.mock.pick(self.server, "x", &[1]), Ok(None));
        let ran = slot.lock().unwrap().take();
        ran.expect("it ran")
    }

    /// Begins an operation and waits for its end.
    fn ask<T: Send + 'static>(&mut self, begin: impl FnOnce(&Lane, Slot<T>) + Send + 'static) -> T {
        let told = Arc::new(Mutex::new(None));
        let slot = Slot(Arc::clone(&told));
        self.run(move |lane| begin(lane, slot));
        assert!(told.lock().unwrap().is_none(), "it was told from inside");
        self.mock.settle();
        let it = told.lock().unwrap().take();
        it.expect("it was not told")
    }

    fn get(&mut self, key: &'static str) -> Option<Entry> {
        self.ask(move |lane, slot| drop(lane.state().get(key, slot.done()).unwrap())).unwrap()
    }

    fn put(&mut self, value: &'static [u8], condition: Condition, ttl_ms: u64) -> Result<Entry, Error> {
        let ttl = (ttl_ms > 0).then(|| Duration::from_millis(ttl_ms));
        self.ask(move |lane, slot| drop(lane.state().put("a", value, condition, ttl, slot.done()).unwrap()))
    }

    fn remove(&mut self, revision: Option<u64>) -> Result<bool, Error> {
        self.ask(move |lane, slot| drop(lane.state().remove("a", revision, slot.done()).unwrap()))
    }

    fn add(&mut self, key: &'static str, delta: i64) -> Result<i64, Error> {
        let ttl = Some(Duration::from_secs(1));
        self.ask(move |lane, slot| drop(lane.state().add(key, delta, ttl, slot.done()).unwrap()))
    }
}

fn is_stale<T>(it: Result<T, Error>) -> bool {
    it.err().map_or(false, |error| error.status() == Status::Stale)
}

#[test]
fn values_are_kept() {
    let mut stage = Stage::new();
    assert_eq!(stage.get("a"), None);
    let first = stage.put(b"one", Condition::None, 0).unwrap();
    assert_eq!((first.key.as_slice(), first.value.len(), first.expires_ms), (b"a".as_slice(), 0, None));
    assert_eq!(stage.get("a"), Some(Entry::new("a", "one", first.revision)));
    assert!(is_stale(stage.put(b"two", Condition::Create, 0)));
    assert!(is_stale(stage.put(b"two", Condition::Match(first.revision + 1), 0)));
    let second = stage.put(b"\0\xff", Condition::Match(first.revision), 1000).unwrap();
    assert!(second.revision > first.revision && second.expires_ms.is_some());
    assert_eq!(stage.get("a").unwrap().value, b"\0\xff");
    assert!(is_stale(stage.remove(Some(first.revision))));
    assert_eq!(stage.remove(Some(second.revision)), Ok(true));
    assert_eq!(stage.remove(None), Ok(false));
    stage.put(b"", Condition::Create, 1000).unwrap();
    assert_eq!(stage.mock.state("a").as_deref(), Some(""));
    stage.mock.advance(Duration::from_millis(1001));
    assert_eq!((stage.get("a"), stage.mock.state("a")), (None, None));
}

#[test]
fn counters_count() {
    let mut stage = Stage::new();
    assert_eq!(stage.add("n", 0), Ok(0));
    assert_eq!(stage.add("n", 5), Ok(5));
    stage.mock.advance(Duration::from_millis(500));
    assert_eq!(stage.add("n", -7), Ok(-2));
    assert_eq!(stage.get("n").unwrap().sum(), Some(-2));
    stage.mock.advance(Duration::from_millis(501));
    assert_eq!(stage.add("n", 1), Ok(1), "it ended a second after its first change");
    stage.put(b"text", Condition::None, 0).unwrap();
    assert_eq!(stage.add("a", 1).unwrap_err().status(), Status::Invalid);
    assert_eq!(stage.get("a").unwrap().sum(), None);
}

#[test]
fn watches_tell() {
    let mut stage = Stage::new();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let watch = Arc::new(Mutex::new(None));
    let (own, other) = (Arc::clone(&seen), Arc::clone(&watch));
    *watch.lock().unwrap() = Some(stage.run(move |lane| {
        let watched = lane.state().watch("a/", move |_, key, revision| {
            let key = String::from_utf8(key.unwrap_or_default().to_vec()).unwrap();
            if key == "a/end" {
                drop(other.lock().unwrap().take());
            }
            own.lock().unwrap().push((key, revision > 0));
        });
        watched.unwrap()
    }));
    stage.mock.set_state("a/1", Some("x"));
    stage.mock.set_state("b", Some("x"));
    stage.mock.set_state("a/1", None);
    stage.mock.settle();
    stage.mock.set_state("a/end", Some("x"));
    stage.mock.set_state("a/2", Some("x"));
    stage.mock.settle();
    let seen = seen.lock().unwrap().clone();
    assert_eq!(seen, [("a/1".into(), true), ("a/1".into(), false), ("a/end".to_owned(), true)]);
    assert!(watch.lock().unwrap().is_none());
    // One that is still there when the plugin stops ends by itself, and may be dropped afterwards.
    let kept = stage.run(|lane| lane.state().watch("", |_, _, _| {}).unwrap());
    drop(stage);
    drop(kept);
}

#[test]
fn stores_that_are_down() {
    let mut stage = Stage::new();
    stage.mock.fail_state(Some(Status::Gone));
    let error = stage.put(b"x", Condition::None, 0).unwrap_err();
    assert_eq!(error.status(), Status::Gone);
    assert_eq!(error.text(), "the store could not do it: the store of the mock fails, as the test asks for");
    stage.mock.fail_state(None);
    let error = stage.ask(|lane, slot| drop(lane.state().get("", slot.done()).unwrap())).unwrap_err();
    assert_eq!(error.status(), Status::Invalid);

    // What is given up, or under way when the plugin stops, is not told: its closure is dropped.
    let alive = Arc::new(());
    let (first, second) = (Arc::clone(&alive), Arc::clone(&alive));
    stage.run(move |lane| {
        let get = |what: Arc<()>| lane.state().get("a", move |_, _| panic!("{what:?}")).unwrap();
        get(first).abandon();
        drop(get(second));
    });
    assert_eq!(Arc::strong_count(&alive), 2);
    stage.mock.stop();
    assert_eq!(Arc::strong_count(&alive), 1);
}

#[test]
fn a_missing_store_is_named() {
    let mut mock = Mock::new();
    mock.hide("jf.state/1");
    mock.attach(jf_entry_1).and_then(|()| mock.create("{}")).and_then(|()| mock.start()).unwrap();
    let server = mock.attach_server("s", "{}").unwrap();
    let mut stage = Stage { mock, server };
    let text = stage.run(|lane| lane.state().get("a", |_, _| {}).unwrap_err().text().to_owned());
    assert!(text.contains("jf.state/1"), "{text}");
}
