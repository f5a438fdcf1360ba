// SPDX-License-Identifier: Apache-2.0
// State that outlasts a call: jf.state/1, the configured store with keys of the plugin's own.

use super::core::{lock, stopped, Stoppable};
use super::handle::Once;
use super::services::slot;
use super::{Core, Host, Lane};
use crate::error::empty_fault;
use crate::ffi::{bytes, view};
use crate::store::{stale, Condition, Entry};
use crate::sys::*;
use crate::Error;
use std::fmt;
use std::os::raw::c_void;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

type Done = dyn FnOnce(&Lane, Result<Option<Entry>, Error>) + Send;

struct Node {
    core: Arc<Core>,
    done: Once<Done>,
    operation: AtomicU64,
    number: AtomicU64,
    is_open: AtomicBool,
}

/// An operation of [`State`] that is under way. Dropping it changes nothing.
#[derive(Clone)]
pub struct OpenState(Weak<Node>);

/// The configured store, with keys of the plugin's own: [`Lane::state`]. `jackfield/store.h` says what each
/// operation promises.
///
/// The closure of an operation runs on the lane, once, never from inside the method that begins it; not at
/// all when the plugin is stopped or the operation given up before.
#[derive(Clone, Copy, Debug)]
pub struct State<'a>(&'a Lane);

impl Lane {
    /// The configured store; without one, it is in the gateway's memory. `jf.state/1`.
    pub fn state(&self) -> State<'_> {
        State(self)
    }
}

fn milliseconds(ttl: Option<Duration>) -> u64 {
    // Less than a millisecond is not for ever.
    ttl.map_or(0, |ttl| u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX).max(1))
}

impl State<'_> {
    /// The entry of a key; `None`: there is none.
    pub fn get(
        self,
        key: impl AsRef<[u8]>,
        done: impl FnOnce(&Lane, Result<Option<Entry>, Error>) + Send + 'static,
    ) -> Result<OpenState, Error> {
        self.begin(done, |user, operation| {
            let (context, get) = slot!(self.0.core.services, state, get, "jf.state/1")?;
            // SAFETY: [lane]; everything is borrowed, `user` is the reference that `ended` takes.
            Ok(unsafe { get(context, view(key.as_ref()), Some(ended), user, operation) })
        })
    }

    /// Keeps a value, for ever or for `ttl`: its new entry, without the value.
    /// [`Status::Stale`](crate::Status): the condition does not hold, nothing was changed.
    pub fn put(
        self,
        key: impl AsRef<[u8]>,
        value: impl AsRef<[u8]>,
        condition: Condition,
        ttl: Option<Duration>,
        done: impl FnOnce(&Lane, Result<Entry, Error>) + Send + 'static,
    ) -> Result<OpenState, Error> {
        let (flags, revision) = match condition {
            Condition::None => (0, 0),
            Condition::Create => (JF_STORE_CREATE, 0),
            Condition::Match(revision) => (JF_STORE_MATCH, revision),
        };
        let raw = jf_store_put {
            size: std::mem::size_of::<jf_store_put>() as u32,
            flags,
            revision,
            ttl_ms: milliseconds(ttl),
            key: view(key.as_ref()),
            value: view(value.as_ref()),
        };
        let none = || Error::fault("the store gave no entry for a value that it keeps");
        self.begin(
            move |lane, put| done(lane, put.and_then(|entry| entry.ok_or_else(none))),
            |user, operation| {
                let (context, put) = slot!(self.0.core.services, state, put, "jf.state/1")?;
                // SAFETY: as above.
                Ok(unsafe { put(context, &raw, Some(ended), user, operation) })
            },
        )
    }

    /// Forgets a key; `false`: there was none. With a `revision` only where it has that one, else
    /// [`Status::Stale`](crate::Status).
    pub fn remove(
        self,
        key: impl AsRef<[u8]>,
        revision: Option<u64>,
        done: impl FnOnce(&Lane, Result<bool, Error>) + Send + 'static,
    ) -> Result<OpenState, Error> {
        self.begin(
            move |lane, removed| done(lane, removed.map(|entry| entry.is_some())),
            |user, operation| {
                let (context, remove) = slot!(self.0.core.services, state, remove, "jf.state/1")?;
                // SAFETY: as above.
                Ok(unsafe {
                    remove(context, view(key.as_ref()), revision.unwrap_or(0), Some(ended), user, operation)
                })
            },
        )
    }

    /// Adds to a counter, which begins at 0 and lives for ever or for `ttl` from its first change on: the sum.
    /// `delta` 0 reads it.
    pub fn add(
        self,
        key: impl AsRef<[u8]>,
        delta: i64,
        ttl: Option<Duration>,
        done: impl FnOnce(&Lane, Result<i64, Error>) + Send + 'static,
    ) -> Result<OpenState, Error> {
        let raw = jf_store_add {
            size: std::mem::size_of::<jf_store_add>() as u32,
            flags: 0,
            delta,
            ttl_ms: milliseconds(ttl),
            key: view(key.as_ref()),
        };
        self.begin(
            move |lane, sum| done(lane, sum.map(|entry| entry.and_then(|it| it.sum()).unwrap_or(0))),
            |user, operation| {
                let (context, add) = slot!(self.0.core.services, state, add, "jf.state/1")?;
                // SAFETY: as above.
                Ok(unsafe { add(context, &raw, Some(ended), user, operation) })
            },
        )
    }

    /// Tells of changes of keys that begin with `prefix`, with their new revision: 0 is gone, or not known.
    /// `None`: any of them may have changed. [`Status::Unsupported`](crate::Status): this store cannot.
    pub fn watch(
        self,
        prefix: impl AsRef<[u8]>,
        changed: impl FnMut(&Lane, Option<&[u8]>, u64) + Send + 'static,
    ) -> Result<StateWatch, Error> {
        let core = &self.0.core;
        if core.is_stopped() {
            return Err(stopped());
        }
        let (context, watch) = slot!(core.services, state, watch, "jf.state/1")?;
        let node = Arc::new(WatchNode {
            core: Arc::clone(core),
            changed: Mutex::new(Some(Box::new(changed))),
            watch: AtomicU64::new(0),
            number: AtomicU64::new(0),
            is_armed: AtomicBool::new(true),
        });
        let mut handle = 0;
        let user = Arc::into_raw(Arc::clone(&node));
        // SAFETY: [lane]; `user` lives until `unwatch`.
        let status =
            unsafe { watch(context, view(prefix.as_ref()), Some(told), user as *mut c_void, &mut handle) };
        if status != JF_OK {
            // SAFETY: refused, so that it is still ours.
            drop(unsafe { Arc::from_raw(user) });
            return Err(Error::from_status(status, "the store does not watch these keys"));
        }
        node.watch.store(handle, Ordering::Relaxed);
        node.number.store(core.add(Arc::clone(&node) as Arc<dyn Stoppable>), Ordering::Relaxed);
        Ok(StateWatch(node))
    }

    fn begin(
        self,
        done: impl FnOnce(&Lane, Result<Option<Entry>, Error>) + Send + 'static,
        slot: impl FnOnce(*mut c_void, *mut jf_ref) -> Result<i32, Error>,
    ) -> Result<OpenState, Error> {
        let core = &self.0.core;
        if core.is_stopped() {
            return Err(stopped());
        }
        let node = Arc::new(Node {
            core: Arc::clone(core),
            done: Once::new(Box::new(done)),
            operation: AtomicU64::new(0),
            number: AtomicU64::new(0),
            is_open: AtomicBool::new(true),
        });
        let mut handle = 0;
        let user = Arc::into_raw(Arc::clone(&node));
        let begun = slot(user as *mut c_void, &mut handle);
        if !matches!(begun, Ok(JF_OK)) {
            // SAFETY: refused, so that it is still ours.
            drop(unsafe { Arc::from_raw(user) });
            return Err(Error::from_status(begun?, "the store takes no operation"));
        }
        node.operation.store(handle, Ordering::Relaxed);
        node.number.store(core.add(Arc::clone(&node) as Arc<dyn Stoppable>), Ordering::Relaxed);
        Ok(OpenState(Arc::downgrade(&node)))
    }
}

unsafe extern "C" fn ended(
    user: *mut c_void,
    _operation: jf_ref,
    status: i32,
    answer: jf_view,
    why: *const jf_fault,
) {
    // SAFETY: the reference that `begin` gave away, once.
    let node = Arc::from_raw(user as *const Node);
    node.is_open.store(false, Ordering::Relaxed);
    node.core.remove(node.number.load(Ordering::Relaxed));
    let done = match node.done.take() {
        Some(done) => done,
        None => return,
    };
    let outcome = match status {
        // What was removed has no entry any more.
        JF_OK => Ok(Some(
            bytes(answer).and_then(Entry::read).unwrap_or_else(|| Entry::new(Vec::new(), Vec::new(), 0)),
        )),
        JF_ABSENT => Ok(None),
        JF_E_STALE => Err(stale()),
        status => {
            let why = attach::<jf_fault>(why.cast()).unwrap_or_else(empty_fault);
            Err(Error::from_host(status, &why, "the store could not do it"))
        }
    };
    node.core.run("the end of a store's operation", |lane| done(lane, outcome));
}

impl Stoppable for Node {
    fn stop(&self) {
        if self.is_open.swap(false, Ordering::Relaxed) {
            if let Ok((context, abandon)) = slot!(self.core.services, state, abandon, "jf.state/1") {
                // SAFETY: [lane]; `ended` does not come, so that the host's reference is ours again.
                unsafe {
                    abandon(context, self.operation.load(Ordering::Relaxed));
                    Arc::decrement_strong_count(self as *const Node);
                }
            }
        }
        drop(self.done.take());
    }
}

impl OpenState {
    /// Gives the operation up; its closure is dropped without being run. What it changes may be changed.
    /// Nothing happens where it is over.
    pub fn abandon(&self) {
        if let Some(node) = self.0.upgrade() {
            Host::new(Arc::clone(&node.core)).on_lane_later(move |lane| {
                lane.core.remove(node.number.load(Ordering::Relaxed));
                node.stop();
            });
        }
    }
}

impl fmt::Debug for OpenState {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("OpenState")
    }
}

// ---- Watches ----

type Changed = Box<dyn FnMut(&Lane, Option<&[u8]>, u64) + Send>;

struct WatchNode {
    core: Arc<Core>,
    /// Empty while it runs, so that it may end its own watch.
    changed: Mutex<Option<Changed>>,
    watch: AtomicU64,
    number: AtomicU64,
    is_armed: AtomicBool,
}

/// Keys that [`State::watch`] watches; dropping it ends that.
pub struct StateWatch(Arc<WatchNode>);

unsafe extern "C" fn told(user: *mut c_void, _watch: jf_ref, key: jf_view, revision: u64) {
    let node = {
        // SAFETY: the host's reference; another one keeps it while the body may end the watch.
        Arc::increment_strong_count(user as *const WatchNode);
        Arc::from_raw(user as *const WatchNode)
    };
    let changed = lock(&node.changed).take();
    if let Some(mut changed) = changed {
        node.core.run("a watch of keys", |lane| changed(lane, bytes(key), revision));
        if node.is_armed.load(Ordering::Relaxed) {
            *lock(&node.changed) = Some(changed);
        }
    }
}

impl Stoppable for WatchNode {
    fn stop(&self) {
        if self.is_armed.swap(false, Ordering::Relaxed) {
            if let Ok((context, unwatch)) = slot!(self.core.services, state, unwatch, "jf.state/1") {
                // SAFETY: [lane]; nothing follows, so that the host's reference is ours again.
                unsafe {
                    unwatch(context, self.watch.load(Ordering::Relaxed));
                    Arc::decrement_strong_count(self as *const WatchNode);
                }
            }
        }
        let changed = lock(&self.changed).take();
        drop(changed);
    }
}

impl Drop for StateWatch {
    fn drop(&mut self) {
        if !self.0.is_armed.load(Ordering::Relaxed) {
            return;
        }
        let node = Arc::clone(&self.0);
        Host::new(Arc::clone(&node.core)).on_lane_later(move |lane| {
            lane.core.remove(node.number.load(Ordering::Relaxed));
            node.stop();
        });
    }
}

impl fmt::Debug for StateWatch {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("StateWatch")
    }
}
