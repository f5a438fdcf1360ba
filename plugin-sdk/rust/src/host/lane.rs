// SPDX-License-Identifier: Apache-2.0
// Lane: what only the instance's own event loop may do.

use super::services::slot;
use super::Host;
use crate::Error;
use std::ffi::CStr;
use std::marker::PhantomData;
use std::ops::Deref;
use std::os::raw::c_void;

/// The proof of being on the instance's lane: its own event loop, which serves every other call as well.
/// Nothing on it may block; a millisecond is the budget.
///
/// Facet methods and callbacks receive it by reference and cannot keep it or take it to another thread. It is
/// a [`Host`] as well.
#[repr(transparent)]
pub struct Lane {
    host: Host,
    not_send: PhantomData<*const ()>,
}

impl Lane {
    /// The caller is on the lane.
    pub(super) fn of(host: &Host) -> &Lane {
        // SAFETY: `Lane` is transparent over `Host`.
        unsafe { &*(host as *const Host).cast::<Lane>() }
    }

    /// A handle for other threads and for later.
    pub fn host(&self) -> Host {
        self.host.clone()
    }

    /// The monotonic time at which the current batch of events began: cheaper than a clock. `jf.loop/1`.
    pub fn now_ns(&self) -> u64 {
        match slot!(self.core.services, event_loop, now, "jf.loop/1") {
            // SAFETY: [lane].
            Ok((context, now)) if !self.core.is_stopped() => unsafe { now(context) },
            _ => self.monotonic_ns(),
        }
    }

    /// This loop's number from 0, and how many there are. `jf.loop/1`.
    pub fn index(&self) -> Result<(u32, u32), Error> {
        self.core.call_host(|services| {
            let (context, index) = slot!(services, event_loop, index, "jf.loop/1")?;
            let mut count = 0;
            // SAFETY: [any].
            Ok((unsafe { index(context, &mut count) }, count))
        })
    }

    /// The table of any service, for those that this crate does not know; null where it is absent. Read it
    /// with [`sys::attach`](crate::sys::attach), call each slot on the lane that its header names, and none
    /// after `stop`.
    pub fn raw_service(&self, id: &CStr) -> *const c_void {
        if self.core.is_stopped() {
            return std::ptr::null();
        }
        // SAFETY: [control]; the host lives until `destroy` returns.
        unsafe { (self.core.service)(self.core.host, id.as_ptr()) }
    }
}

impl Deref for Lane {
    type Target = Host;
    fn deref(&self) -> &Host {
        &self.host
    }
}

impl std::fmt::Debug for Lane {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Lane")
    }
}
