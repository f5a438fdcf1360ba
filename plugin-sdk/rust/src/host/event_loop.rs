// SPDX-License-Identifier: Apache-2.0
// Timers of jf.loop/1.

use super::core::{stopped, Stoppable};
use super::handle::Once;
use super::services::slot;
use super::{Core, Host, Lane};
use crate::sys::{jf_ref, JF_OK};
use crate::Error;
use std::os::raw::c_void;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

struct Node {
    core: Arc<Core>,
    body: Once<dyn FnOnce(&Lane) + Send>,
    timer: AtomicU64,
    number: AtomicU64,
    /// The host holds one reference, which `fire` or `stop` takes back. Changed on the lane only.
    is_armed: AtomicBool,
}

/// A timer that was set by [`Lane::after`]. Dropping it changes nothing: it fires all the same.
#[derive(Clone)]
pub struct Timer(Weak<Node>);

impl Lane {
    /// Runs `body` once after `delay` (resolution 1 ms, never early), unless the plugin is stopped before.
    /// `jf.loop/1`.
    pub fn after(&self, delay: Duration, body: impl FnOnce(&Lane) + Send + 'static) -> Result<Timer, Error> {
        if self.core.is_stopped() {
            return Err(stopped());
        }
        let (context, timer) = slot!(self.core.services, event_loop, timer, "jf.loop/1")?;
        let node = Arc::new(Node {
            core: Arc::clone(&self.core),
            body: Once::new(Box::new(body)),
            timer: AtomicU64::new(0),
            number: AtomicU64::new(0),
            is_armed: AtomicBool::new(true),
        });
        let mut handle: jf_ref = 0;
        let user = Arc::into_raw(Arc::clone(&node));
        let delay = u64::try_from(delay.as_nanos()).unwrap_or(u64::MAX);
        // SAFETY: [lane]; `user` is the reference that `fire` takes.
        let status = unsafe { timer(context, delay, Some(fire), user as *mut c_void, &mut handle) };
        if status != JF_OK {
            // SAFETY: refused, so that it is still ours.
            drop(unsafe { Arc::from_raw(user) });
            return Err(Error::from_status(status, "a timer could not be set"));
        }
        node.timer.store(handle, Ordering::Relaxed);
        node.number.store(self.core.add(Arc::clone(&node) as Arc<dyn Stoppable>), Ordering::Relaxed);
        Ok(Timer(Arc::downgrade(&node)))
    }
}

unsafe extern "C" fn fire(user: *mut c_void) {
    // SAFETY: the reference that `after` gave away; fired once, and not after a cancellation.
    let node = Arc::from_raw(user as *const Node);
    node.is_armed.store(false, Ordering::Relaxed);
    node.core.remove(node.number.load(Ordering::Relaxed));
    if let Some(body) = node.body.take() {
        node.core.run("a timer", body);
    }
}

impl Stoppable for Node {
    fn stop(&self) {
        if self.is_armed.swap(false, Ordering::Relaxed) {
            if let Ok((context, cancel)) = slot!(self.core.services, event_loop, cancel, "jf.loop/1") {
                // SAFETY: [lane]; canceled, it never fires, so that the host's reference is ours again.
                unsafe {
                    cancel(context, self.timer.load(Ordering::Relaxed));
                    Arc::decrement_strong_count(self as *const Node);
                }
            }
        }
        drop(self.body.take());
    }
}

impl Timer {
    /// Cancels it and drops its closure. From another thread than the lane: soon. Nothing happens where it
    /// has fired.
    pub fn cancel(&self) {
        if let Some(node) = self.0.upgrade() {
            let host = Host::new(Arc::clone(&node.core));
            host.on_lane_later(move |lane| {
                lane.core.remove(node.number.load(Ordering::Relaxed));
                node.stop();
            });
        }
    }
}

impl std::fmt::Debug for Timer {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Timer")
    }
}
