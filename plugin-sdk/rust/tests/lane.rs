// SPDX-License-Identifier: Apache-2.0
//! Host and Lane: timers, posts, descriptors, memory, secrets, and the end of it all.

use jackfield::host::{Events, Watch};
use jackfield::json::Value;
use jackfield::routing::{Endpoints, Pick, Routing, Server};
use jackfield::testing::Mock;
use jackfield::{Error, Host, Lane, Level, Plugin, Status, Timer};
use std::cell::RefCell;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{channel, Receiver, Sender};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What a test makes the plugin do, as a routing strategy whose `pick` is a script.
#[derive(Default)]
struct Script {
    kept: RefCell<Vec<Box<dyn std::any::Any + Send>>>,
}

type Step = Box<dyn FnOnce(&Lane, &Script) -> Result<Option<usize>, Error> + Send>;

thread_local!(static NEXT: RefCell<Option<Step>> = RefCell::new(None));

impl Plugin for Script {
    fn create(_lane: &Lane, _config: &Value) -> Result<Script, Error> {
        Ok(Script::default())
    }

    fn stop(&self, lane: &Lane) {
        lane.log(Level::Info, "stopping");
    }
}

impl Routing for Script {
    type Server = ();

    fn attach(&self, _lane: &Lane, _server: Server<'_>) -> Result<(), Error> {
        Ok(())
    }

    fn pick(&self, lane: &Lane, _: &mut (), _: &Pick<'_>, _: Endpoints<'_>) -> Result<Option<usize>, Error> {
        let step = NEXT.with(|next| next.borrow_mut().take()).expect("a step");
        step(lane, self)
    }
}

jackfield::plugin! {
    plugin: Script,
    facets: [routing],
    manifest: r#"{"id": "script", "version": "1.0.0", "abi": "1.0", "facets": ["jf.routing/1"],
        "threads": "per-loop",
        "requires": ["jf.loop/1", "jf.log/1", "jf.memory/1", "jf.config/1", "jf.clock/1"]}"#,
}

struct Stage {
    mock: Mock,
    server: u64,
}

impl Stage {
    fn new(mut mock: Mock) -> Stage {
        mock.attach(jf_entry_1).and_then(|()| mock.create("{}")).and_then(|()| mock.start()).unwrap();
        let server = mock.attach_server("s", "{}").unwrap();
        Stage { mock, server }
    }

    /// Runs `step` inside the plugin, on its lane.
    fn run<R: Send + 'static>(&mut self, step: impl FnOnce(&Lane, &Script) -> R + Send + 'static) -> R {
        let (give, take): (Sender<R>, Receiver<R>) = channel();
        let step: Step = Box::new(move |lane, script| {
            give.send(step(lane, script)).unwrap();
            Ok(None)
        });
        NEXT.with(|next| *next.borrow_mut() = Some(step));
        assert_eq!(self.mock.pick(self.server, "x", &[1]), Ok(None));
        take.recv().unwrap()
    }
}

#[derive(Clone, Default)]
struct Notes(Arc<Mutex<Vec<String>>>);

impl Notes {
    fn add(&self, note: &str) {
        self.0.lock().unwrap().push(note.into());
    }

    fn all(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

/// Notes when it is dropped.
struct Dropped(Notes, &'static str);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.add(self.1);
    }
}

#[test]
fn timers_fire_once_or_are_canceled() {
    let mut stage = Stage::new(Mock::new());
    let notes = Notes::default();
    let (a, b) = (notes.clone(), Dropped(notes.clone(), "b dropped"));
    let canceled: Timer = stage.run(move |lane, _| {
        let again = a.clone();
        lane.after(Duration::from_secs(1), move |lane| {
            a.add("a");
            lane.after(Duration::from_secs(1), move |_| again.add("a again")).unwrap();
        })
        .unwrap();
        lane.after(Duration::from_secs(1), move |_| drop(b)).unwrap()
    });
    canceled.cancel();
    stage.mock.settle();
    assert_eq!(notes.all(), ["b dropped"]);
    stage.mock.advance(Duration::from_millis(1001));
    stage.mock.advance(Duration::from_millis(1001));
    stage.mock.advance(Duration::from_millis(1001));
    assert_eq!(notes.all(), ["b dropped", "a", "a again"]);
}

#[test]
fn a_callback_that_panics_is_logged() {
    let mut stage = Stage::new(Mock::new());
    stage.run(|lane, _| lane.after(Duration::ZERO, |_| panic!("in a timer")).map(drop)).unwrap();
    stage.mock.run_until(|mock| mock.logged(Level::Error, "a timer failed: panicked at tests/lane.rs:"));
    stage.run(|lane, _| lane.post(|_| panic!("in a task"))).unwrap();
    stage.mock.run_until(|mock| mock.logged(Level::Error, "in a task"));
}

#[test]
fn other_threads_come_back_by_posts() {
    let mut stage = Stage::new(Mock::new());
    let host: Host = stage.run(|lane, _| lane.host());
    let lane_thread = std::thread::current().id();
    let (give, take) = channel();
    std::thread::spawn(move || {
        host.log_with(Level::Info, "from a thread", &[("k", "v")]);
        host.post(move |_| give.send(std::thread::current().id()).unwrap()).unwrap();
    })
    .join()
    .unwrap();
    stage.mock.run_until(|_| take.try_recv() == Ok(lane_thread));
    assert!(stage.mock.logged(Level::Info, "from a thread k=v"));
}

#[test]
fn descriptors_are_watched_until_they_are_dropped() {
    let mut stage = Stage::new(Mock::new());
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    ours.set_nonblocking(true).unwrap();
    let notes = Notes::default();
    let seen = notes.clone();
    stage.run(move |lane, script| {
        let watch = lane.watch(ours, Events::READABLE, move |_, mut source: &UnixStream, events| {
            let mut bytes = [0; 16];
            while let Ok(count @ 1..=16) = source.read(&mut bytes) {
                seen.add(std::str::from_utf8(&bytes[..count]).unwrap());
            }
            if events.contains(Events::HANGUP) {
                seen.add("hangup");
            }
        });
        script.kept.borrow_mut().push(Box::new(watch.unwrap()));
    });
    theirs.write_all(b"one").unwrap();
    stage.mock.run_until(|_| notes.all() == ["one"]);
    theirs.write_all(b"two").unwrap();
    stage.mock.run_until(|_| notes.all() == ["one", "two"]);
    stage.run(|_, script| script.kept.borrow_mut().clear());
    // Unwatched and closed.
    assert!(theirs.write_all(b"three").is_err());
}

#[test]
fn a_watch_may_end_itself_and_travel() {
    let mut stage = Stage::new(Mock::new());
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    let (other, theirs_too) = UnixStream::pair().unwrap();
    let slot: Arc<Mutex<Option<Watch<UnixStream>>>> = Arc::default();
    let (own, filled) = (slot.clone(), slot.clone());
    let elsewhere: Watch<UnixStream> = stage.run(move |lane, _| {
        let watch =
            lane.watch(ours, Events::READABLE, move |_, _, _| drop(own.lock().unwrap().take())).unwrap();
        *filled.lock().unwrap() = Some(watch);
        lane.watch(other, Events::READABLE, |_, _, _| ()).unwrap()
    });
    theirs.write_all(b"x").unwrap();
    stage.mock.run_until(|_| slot.lock().unwrap().is_none());
    std::thread::spawn(move || drop(elsewhere)).join().unwrap();
    stage.mock.settle();
    assert_eq!((&theirs_too).write(b"x").unwrap_err().kind(), std::io::ErrorKind::BrokenPipe);
}

#[test]
fn memory_is_the_hosts() {
    let mut mock = Mock::new();
    mock.set_memory_limit(100_000);
    let mut stage = Stage::new(mock);
    let buffer = stage.run(|lane, script| {
        let mut memory = lane.allocate(1000).unwrap();
        assert!(memory.len() == 1000 && memory.iter().all(|byte| *byte == 0));
        memory[999] = 7;
        assert_eq!(lane.allocate(200_000).unwrap_err().status(), Status::Busy);
        script.kept.borrow_mut().push(Box::new(memory));
        let mut buffer = lane.borrow_buffer(5000).unwrap();
        buffer[4999] = 1;
        buffer
    });
    std::thread::spawn(move || drop(buffer)).join().unwrap();
    stage.mock.settle();
}

#[test]
fn secrets_clocks_and_loops() {
    let mut mock = Mock::new();
    mock.set_secret("token", "hush");
    mock.set_loop(1, 2);
    let mut stage = Stage::new(mock);
    stage.run(|lane, _| {
        let secret = lane.secret("token").unwrap().unwrap();
        assert_eq!((&*secret, &*format!("{secret:?}")), (&b"hush"[..], "Blob(4 bytes)"));
        assert!(lane.secret("other").unwrap().is_none());
        assert_eq!(lane.index().unwrap(), (1, 2));
        let batch = lane.now_ns();
        let now = lane.monotonic_ns();
        assert!(batch <= now && batch > 0 && lane.unix_ns() > 1_600_000_000_000_000_000);
        assert!(lane.until(now + 5_000_000_000) > Duration::from_secs(4) && lane.until(1) == Duration::ZERO);
        assert!(lane.seal(b"x", b"").unwrap_err().text().contains("jf.seal/1 is not there"));
        assert!(lane.mount("/x", |_, _| ()).unwrap_err().text().contains("jf.http/1"));
    });
}

#[test]
fn nothing_outlives_stop() {
    let mut stage = Stage::new(Mock::new());
    let notes = Notes::default();
    let guards = ["timer", "post", "kept"].map(|name| Dropped(notes.clone(), name));
    let (ours, _theirs) = UnixStream::pair().unwrap();
    let host = stage.run(move |lane, script| {
        let [timer, post, kept] = guards;
        lane.after(Duration::from_secs(1), move |_| timer.0.add("fired")).unwrap();
        lane.post(move |_| post.0.add("ran")).unwrap();
        script.kept.borrow_mut().push(Box::new(kept));
        let watch = lane.watch(ours, Events::READABLE, |_, _, _| ()).unwrap();
        script.kept.borrow_mut().push(Box::new((watch, lane.allocate(10).unwrap())));
        lane.host()
    });
    stage.mock.stop();
    let mut dropped = notes.all();
    dropped.sort();
    assert_eq!(dropped, ["kept", "post", "timer"]);
    assert!(stage.mock.logged(Level::Info, "stopping"));
    host.log(Level::Error, "after the end");
    assert_eq!(host.post(|_| ()).unwrap_err().status(), Status::Gone);
    assert!(host.secret("x").is_err() && host.monotonic_ns() > 0);
    assert!(!stage.mock.logged(Level::Error, "after the end"));
    stage.mock.destroy();
    drop(host);
}
