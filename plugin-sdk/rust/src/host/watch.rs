// SPDX-License-Identifier: Apache-2.0
// File descriptors on jf.loop/1.

use super::core::{lock, stopped, Stoppable};
use super::services::slot;
use super::{Core, Host, Lane};
use crate::sys::*;
use crate::Error;
use std::os::raw::c_void;
use std::os::unix::io::{AsFd, AsRawFd};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

/// What a descriptor is ready for, or what to wait for. Combined with `|`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Events(u32);

impl Events {
    /// There is something to read.
    pub const READABLE: Events = Events(JF_READABLE);
    /// There is room to write.
    pub const WRITABLE: Events = Events(JF_WRITABLE);
    /// The peer closed its writing side, or the descriptor failed. Always reported.
    pub const HANGUP: Events = Events(JF_HANGUP);
    /// An error condition. Always reported.
    pub const BROKEN: Events = Events(JF_BROKEN);

    /// Whether one of `other` is among these.
    pub fn contains(self, other: Events) -> bool {
        self.0 & other.0 != 0
    }
}

impl std::ops::BitOr for Events {
    type Output = Events;
    fn bitor(self, other: Events) -> Events {
        Events(self.0 | other.0)
    }
}

type Body<S> = Box<dyn FnMut(&Lane, &S, Events) + Send>;

struct Node<S: AsFd + Send + Sync + 'static> {
    core: Arc<Core>,
    source: Arc<S>,
    /// Empty while it runs, so that it may end its own watch.
    body: Mutex<Option<Body<S>>>,
    watch: AtomicU64,
    number: AtomicU64,
    is_armed: AtomicBool,
}

/// A descriptor that [`Lane::watch`] watches. Dropping it ends the watch and then drops the source, which
/// closes the descriptor if it owns it.
pub struct Watch<S: AsFd + Send + Sync + 'static>(Arc<Node<S>>);

impl Lane {
    /// Watches the descriptor of `source` for `events`. Edge-triggered: `body` reads or writes until
    /// `WouldBlock`; make the descriptor non-blocking. `jf.loop/1`.
    pub fn watch<S: AsFd + Send + Sync + 'static>(
        &self,
        source: S,
        events: Events,
        body: impl FnMut(&Lane, &S, Events) + Send + 'static,
    ) -> Result<Watch<S>, Error> {
        if self.core.is_stopped() {
            return Err(stopped());
        }
        let (context, watch) = slot!(self.core.services, event_loop, watch, "jf.loop/1")?;
        let fd = source.as_fd().as_raw_fd();
        let node = Arc::new(Node {
            core: Arc::clone(&self.core),
            source: Arc::new(source),
            body: Mutex::new(Some(Box::new(body))),
            watch: AtomicU64::new(0),
            number: AtomicU64::new(0),
            is_armed: AtomicBool::new(true),
        });
        let mut handle: jf_ref = 0;
        let user = Arc::into_raw(Arc::clone(&node));
        // SAFETY: [lane]; `user` lives until `unwatch`.
        let status =
            unsafe { watch(context, fd, events.0, Some(ready::<S>), user as *mut c_void, &mut handle) };
        if status != JF_OK {
            // SAFETY: refused, so that it is still ours.
            drop(unsafe { Arc::from_raw(user) });
            return Err(Error::from_status(status, "the descriptor cannot be watched"));
        }
        node.watch.store(handle, Ordering::Relaxed);
        node.number.store(self.core.add(Arc::clone(&node) as Arc<dyn Stoppable>), Ordering::Relaxed);
        Ok(Watch(node))
    }
}

unsafe extern "C" fn ready<S: AsFd + Send + Sync + 'static>(user: *mut c_void, events: u32) {
    let node = {
        // SAFETY: the host's reference; another one keeps it while the body may end the watch.
        Arc::increment_strong_count(user as *const Node<S>);
        Arc::from_raw(user as *const Node<S>)
    };
    let body = lock(&node.body).take();
    if let Some(mut body) = body {
        node.core.run("a watch", |lane| body(lane, &node.source, Events(events)));
        if node.is_armed.load(Ordering::Relaxed) {
            *lock(&node.body) = Some(body);
        }
    }
}

impl<S: AsFd + Send + Sync + 'static> Stoppable for Node<S> {
    fn stop(&self) {
        if self.is_armed.swap(false, Ordering::Relaxed) {
            if let Ok((context, unwatch)) = slot!(self.core.services, event_loop, unwatch, "jf.loop/1") {
                // SAFETY: [lane]; no callback follows, so that the host's reference is ours again.
                unsafe {
                    unwatch(context, self.watch.load(Ordering::Relaxed));
                    Arc::decrement_strong_count(self as *const Node<S>);
                }
            }
        }
        let body = lock(&self.body).take();
        drop(body);
    }
}

impl<S: AsFd + Send + Sync + 'static> Watch<S> {
    /// What is watched.
    pub fn source(&self) -> &S {
        &self.0.source
    }
}

impl<S: AsFd + Send + Sync + 'static> Drop for Watch<S> {
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

impl<S: AsFd + Send + Sync + 'static> std::fmt::Debug for Watch<S> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Watch")
    }
}
