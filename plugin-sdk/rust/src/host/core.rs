// SPDX-License-Identifier: Apache-2.0 One instance's side of the host: who is on the lane, whether the host
// may still be called, what is under way.

use super::{Host, Lane, Op, Services};
use crate::panic::caught;
use crate::sys::{jf_host, jf_offer, jf_ref};
use crate::Error;
use std::cell::Cell;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, Weak};

/// Something that `stop` must end: a timer, a watch, a call.
pub(crate) trait Stoppable: Send + Sync {
    /// Ends it. On the lane.
    fn stop(&self);
}

pub(crate) struct Core {
    pub(crate) services: Services,
    pub(crate) host: *const jf_host,
    pub(crate) service:
        unsafe extern "C" fn(*const jf_host, *const std::os::raw::c_char) -> *const std::os::raw::c_void,
    /// Which thread runs on the lane now (see `thread_token`); 0: none.
    owner: AtomicUsize,
    /// Set by `stop`, on the lane; the lane itself looks here.
    is_stopped: AtomicBool,
    /// Whether other threads may call the host. They hold it for reading while they do, so that `stop` waits
    /// for them.
    is_open: RwLock<bool>,
    open_ops: Mutex<HashMap<jf_ref, Weak<Op>>>,
    under_way: Mutex<UnderWay>,
}

#[derive(Default)]
struct UnderWay {
    last: u64,
    items: HashMap<u64, Arc<dyn Stoppable>>,
}

// SAFETY: the pointers are the host's, valid until `destroy` returns. [any] slots are called while `is_open`
// is held or on the lane before `is_stopped`; [lane] slots take a `Lane`, which never leaves the lane.
unsafe impl Send for Core {}
// SAFETY: as above; everything mutable is atomic or behind a lock.
unsafe impl Sync for Core {}

/// An address that no other living thread has.
fn thread_token() -> usize {
    thread_local!(static TOKEN: Cell<u8> = const { Cell::new(0) });
    TOKEN.with(|token| token as *const Cell<u8> as usize)
}

/// Locks whatever a panic left behind: every critical section leaves its data whole.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Core {
    /// # Safety
    ///
    /// `offer` is the host's, inside `create`; its services live until `destroy` returns.
    pub(crate) unsafe fn new(offer: &jf_offer, services: Services) -> Result<Arc<Core>, Error> {
        Ok(Arc::new(Core {
            services,
            host: offer.host,
            service: offer.service.ok_or_else(|| Error::unsupported("the host looks no services up"))?,
            owner: AtomicUsize::new(0),
            is_stopped: AtomicBool::new(false),
            is_open: RwLock::new(true),
            open_ops: Mutex::default(),
            under_way: Mutex::default(),
        }))
    }

    /// Runs `body` as the lane. The host sees to it that one thread at a time is here; should it not, the
    /// second one is turned away, since authors' values rely on it.
    pub(crate) fn enter<R>(host: &Host, body: impl FnOnce(&Lane) -> Result<R, Error>) -> Result<R, Error> {
        struct Leave<'a>(&'a Core);
        impl Drop for Leave<'_> {
            fn drop(&mut self) {
                self.0.owner.store(0, Ordering::Release);
            }
        }
        let core = &*host.core;
        let me = thread_token();
        // Only this thread can have stored its own token.
        if core.owner.load(Ordering::Relaxed) == me {
            return body(Lane::of(host));
        }
        if core.owner.compare_exchange(0, me, Ordering::Acquire, Ordering::Relaxed).is_err() {
            return Err(Error::fault(
                "two threads called the instance's lane at once; is `threads` in the manifest right?",
            ));
        }
        let _leave = Leave(core);
        body(Lane::of(host))
    }

    /// Whether this thread is the lane now.
    pub(crate) fn is_on_lane(&self) -> bool {
        self.owner.load(Ordering::Relaxed) == thread_token()
    }

    /// Whether `stop` is over; on the lane.
    pub(crate) fn is_stopped(&self) -> bool {
        self.is_stopped.load(Ordering::Relaxed)
    }

    /// Calls an [any] slot, unless the instance was stopped.
    pub(crate) fn with_host<R>(&self, body: impl FnOnce(&Services) -> R) -> Option<R> {
        if self.is_on_lane() {
            return (!self.is_stopped()).then(|| body(&self.services));
        }
        let is_open = self.is_open.read().unwrap_or_else(PoisonError::into_inner);
        is_open.then(|| body(&self.services))
    }

    /// The same for slots that may be missing.
    pub(crate) fn call_host<R>(&self, body: impl FnOnce(&Services) -> Result<R, Error>) -> Result<R, Error> {
        self.with_host(body).unwrap_or_else(|| Err(stopped()))
    }

    /// Runs a callback of the author's as the lane: a panic or an error goes to the log. Nothing runs after
    /// `stop`.
    pub(crate) fn run(self: &Arc<Core>, what: &str, body: impl FnOnce(&Lane)) {
        let host = Host::new(Arc::clone(self));
        let outcome = caught(|| {
            Core::enter(&host, |lane| {
                if !self.is_stopped() {
                    body(lane);
                }
                Ok(())
            })
        });
        if let Err(error) = outcome {
            host.log(super::Level::Error, &format!("{what} failed: {error}"));
        }
    }

    // ---- What is under way ----

    pub(crate) fn add(&self, item: Arc<dyn Stoppable>) -> u64 {
        let mut under_way = lock(&self.under_way);
        under_way.last += 1;
        let number = under_way.last;
        under_way.items.insert(number, item);
        number
    }

    pub(crate) fn remove(&self, number: u64) {
        let item = lock(&self.under_way).items.remove(&number);
        drop(item);
    }

    pub(crate) fn open_op(&self, op: &Arc<Op>) {
        lock(&self.open_ops).insert(op.handle(), Arc::downgrade(op));
    }

    pub(crate) fn close_op(&self, handle: jf_ref) {
        lock(&self.open_ops).remove(&handle);
    }

    pub(crate) fn op(&self, handle: jf_ref) -> Option<Arc<Op>> {
        lock(&self.open_ops).get(&handle).and_then(Weak::upgrade)
    }

    /// Answers what is still open, so that nobody waits for a plugin that ends.
    pub(crate) fn fail_open_ops(&self) {
        let ops: Vec<_> = lock(&self.open_ops).values().filter_map(Weak::upgrade).collect();
        for op in ops {
            op.finish(super::Settled::Failed(Error::gone("the plugin was stopped before it had answered")));
        }
    }

    /// Ends everything; on the lane, inside `stop`. Afterwards the host is not called any more, by any
    /// thread.
    pub(crate) fn shut(&self) {
        loop {
            let items: Vec<_> = lock(&self.under_way).items.drain().collect();
            if items.is_empty() {
                break;
            }
            items.iter().for_each(|(_, item)| item.stop());
        }
        self.fail_open_ops();
        self.is_stopped.store(true, Ordering::Relaxed);
        *self.is_open.write().unwrap_or_else(PoisonError::into_inner) = false;
    }
}

pub(crate) fn stopped() -> Error {
    Error::gone("the plugin was stopped")
}
