// SPDX-License-Identifier: Apache-2.0
// Memory of jf.memory/1.

use super::services::slot;
use super::{Core, Host, Lane};
use crate::Error;
use std::ops::{Deref, DerefMut};
use std::os::raw::c_void;
use std::ptr::NonNull;
use std::sync::Arc;

/// Memory from [`Host::allocate`], given back when dropped. Do not keep it beyond the plugin's `stop`.
pub struct HostMemory {
    core: Arc<Core>,
    start: NonNull<u8>,
    size: usize,
}

// SAFETY: it is memory of our own; `release` is [any].
unsafe impl Send for HostMemory {}
// SAFETY: shared, it is only read.
unsafe impl Sync for HostMemory {}

impl HostMemory {
    pub(super) fn allocate(host: &Host, size: usize) -> Result<HostMemory, Error> {
        host.core.call_host(|services| {
            let (context, allocate) = slot!(services, memory, allocate, "jf.memory/1")?;
            slot!(services, memory, release, "jf.memory/1")?;
            // SAFETY: [any]. At least one byte, so that null means the limit.
            match NonNull::new(unsafe { allocate(context, size.max(1) as u64) }.cast::<u8>()) {
                Some(start) => Ok(HostMemory { core: Arc::clone(&host.core), start, size }),
                None => Err(Error::busy("the instance's memory limit is reached")),
            }
        })
    }
}

impl Deref for HostMemory {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        // SAFETY: zeroed memory of this size, ours until `release`.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr(), self.size) }
    }
}

impl DerefMut for HostMemory {
    fn deref_mut(&mut self) -> &mut [u8] {
        // SAFETY: as above, and `self` is the only way to it.
        unsafe { std::slice::from_raw_parts_mut(self.start.as_ptr(), self.size) }
    }
}

impl Drop for HostMemory {
    fn drop(&mut self) {
        self.core.with_host(|services| {
            if let Ok((context, release)) = slot!(services, memory, release, "jf.memory/1") {
                // SAFETY: [any]; once.
                unsafe { release(context, self.start.as_ptr().cast::<c_void>()) }
            }
        });
    }
}

impl std::fmt::Debug for HostMemory {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "HostMemory({} bytes)", self.size)
    }
}

/// A buffer borrowed from the loop's pool by [`Lane::borrow_buffer`], given back when dropped. It may travel:
/// dropped on another thread, it goes back by way of the lane.
pub struct Buffer {
    core: Arc<Core>,
    start: NonNull<u8>,
    capacity: usize,
}

// SAFETY: it is memory of our own; only giving it back is [lane], and `drop` sees to that.
unsafe impl Send for Buffer {}
// SAFETY: shared, it is only read.
unsafe impl Sync for Buffer {}

impl Lane {
    /// Borrows a buffer of at least `size` bytes from the loop's pool. `jf.memory/1`.
    pub fn borrow_buffer(&self, size: usize) -> Result<Buffer, Error> {
        self.core.call_host(|services| {
            let (context, borrow) = slot!(services, memory, borrow, "jf.memory/1")?;
            slot!(services, memory, give_back, "jf.memory/1")?;
            let mut capacity = 0;
            // SAFETY: [lane].
            let start = NonNull::new(unsafe { borrow(context, size as u64, &mut capacity) })
                .ok_or_else(|| Error::busy("the instance's memory limit is reached"))?;
            // Pooled buffers hold what was there before; Rust's slices may not be uninitialized.
            // SAFETY: `capacity` bytes are ours.
            unsafe { start.as_ptr().write_bytes(0, capacity as usize) };
            Ok(Buffer { core: Arc::clone(&self.core), start, capacity: capacity as usize })
        })
    }
}

impl Deref for Buffer {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        // SAFETY: initialized when it was borrowed, ours until it is given back.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr(), self.capacity) }
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [u8] {
        // SAFETY: as above, and `self` is the only way to it.
        unsafe { std::slice::from_raw_parts_mut(self.start.as_ptr(), self.capacity) }
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let start = self.start.as_ptr() as usize;
        Host::new(Arc::clone(&self.core)).on_lane_later(move |lane| {
            if let Ok((context, give_back)) = slot!(lane.core.services, memory, give_back, "jf.memory/1") {
                // SAFETY: [lane]; once.
                unsafe { give_back(context, start as *mut u8) }
            }
        });
    }
}

impl std::fmt::Debug for Buffer {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Buffer({} bytes)", self.capacity)
    }
}
