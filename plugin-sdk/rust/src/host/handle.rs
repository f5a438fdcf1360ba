// SPDX-License-Identifier: Apache-2.0
// Host: what every thread may ask for.

use super::core::lock;
use super::services::slot;
use super::{Core, HostMemory, Lane};
use crate::ffi::{no_blob, view, Blob};
use crate::sys::*;
use crate::Error;
use std::os::raw::c_void;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// How urgent a log record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// For the author.
    Trace,
    /// For whoever looks for a fault.
    Debug,
    /// What happens in good order, rarely.
    Info,
    /// What an operator should know.
    Warning,
    /// What an operator should do something about.
    Error,
}

/// The gateway, as one instance of a plugin sees it. Cheap to clone, usable on every thread.
///
/// After the plugin was stopped every call fails with [`Status::Gone`](crate::Status) or does nothing, so
/// that threads which outlive the instance do no harm.
#[derive(Clone)]
pub struct Host {
    pub(crate) core: Arc<Core>,
}

impl Host {
    pub(crate) fn new(core: Arc<Core>) -> Host {
        Host { core }
    }

    // ---- Log, time ----

    /// Writes one record: a sentence. Never blocks. The gateway adds the time and the plugin's name.
    pub fn log(&self, level: Level, text: &str) {
        self.log_with(level, text, &[]);
    }

    /// The same with details as fields.
    pub fn log_with(&self, level: Level, text: &str, fields: &[(&str, &str)]) {
        let pairs: Vec<jf_pair> = fields
            .iter()
            .map(|(name, value)| jf_pair { name: view(name.as_bytes()), value: view(value.as_bytes()) })
            .collect();
        self.core.with_host(|services| {
            if let Some(jf_log_1 { context, write: Some(write), .. }) = services.log {
                // SAFETY: [any]; everything is borrowed until it returns.
                unsafe {
                    write(context, level as u32, view(text.as_bytes()), pairs.as_ptr(), pairs.len() as u64)
                }
            }
        });
    }

    /// Whether records of this level are written at all: ask before an expensive one.
    pub fn is_logging(&self, level: Level) -> bool {
        let answer = self.core.with_host(|services| match services.log {
            // SAFETY: [any].
            Some(jf_log_1 { context, enabled: Some(enabled), .. }) => unsafe {
                enabled(context, level as u32) != 0
            },
            _ => false,
        });
        answer.unwrap_or(false)
    }

    /// Nanoseconds of the monotonic clock: for measuring, and the base of all deadlines. The system's own
    /// where the service is not named in the manifest.
    pub fn monotonic_ns(&self) -> u64 {
        let told = self.core.with_host(|services| match services.clock {
            // SAFETY: [any].
            Some(jf_clock_1 { context, monotonic_ns: Some(now), .. }) => Some(unsafe { now(context) }),
            _ => None,
        });
        told.flatten().unwrap_or_else(crate::clock::monotonic_ns)
    }

    /// Nanoseconds since 1970-01-01 UTC: for showing and storing, never for measuring.
    pub fn unix_ns(&self) -> u64 {
        let told = self.core.with_host(|services| match services.clock {
            // SAFETY: [any].
            Some(jf_clock_1 { context, wall_ns: Some(now), .. }) => Some(unsafe { now(context) }),
            _ => None,
        });
        told.flatten().unwrap_or_else(crate::clock::unix_ns)
    }

    /// How long it is until a deadline of this ABI; zero when it has passed.
    pub fn until(&self, deadline_ns: u64) -> Duration {
        Duration::from_nanos(deadline_ns.saturating_sub(self.monotonic_ns()))
    }

    // ---- The lane ----

    /// Runs `body` on the lane soon, never from inside this call: the way back from other threads.
    /// `jf.loop/1`.
    pub fn post(&self, body: impl FnOnce(&Lane) + Send + 'static) -> Result<(), Error> {
        struct Task {
            core: Arc<Core>,
            body: Box<dyn FnOnce(&Lane) + Send>,
        }
        unsafe extern "C" fn run(user: *mut c_void) {
            // SAFETY: `post` made it for this one call.
            let task = Box::from_raw(user.cast::<Task>());
            let Task { core, body } = *task;
            core.run("a posted task", body);
        }
        let user = Box::into_raw(Box::new(Task { core: Arc::clone(&self.core), body: Box::new(body) }));
        let status = self.core.call_host(|services| {
            let (context, post) = slot!(services, event_loop, post, "jf.loop/1")?;
            // SAFETY: [any]; `user` is `run`'s.
            Ok(unsafe { post(context, Some(run), user.cast()) })
        });
        if let Ok(JF_OK) = status {
            return Ok(());
        }
        // SAFETY: refused, so that it is still ours.
        drop(unsafe { Box::from_raw(user) });
        status.and_then(|status| Err(Error::from_status(status, "a task could not be posted")))
    }

    // ---- Secrets ----

    /// The secret that a configuration names; `None` when there is none of that name. Its bytes are wiped
    /// when the value is dropped. `jf.config/1`.
    pub fn secret(&self, name: &str) -> Result<Option<Blob>, Error> {
        self.core.call_host(|services| {
            let (context, secret) = slot!(services, config, secret, "jf.config/1")?;
            let mut out = no_blob();
            // SAFETY: [any].
            match unsafe { secret(context, view(name.as_bytes()), &mut out) } {
                // SAFETY: given to us.
                JF_OK => Ok(Some(unsafe { Blob::take(out) })),
                JF_ABSENT => Ok(None),
                status => Err(Error::from_status(status, "the secret cannot be read")),
            }
        })
    }

    /// Seals `plain` (at most 64 KiB) for `bound`: text that a client keeps for us and that nobody else can
    /// read or make, base64url. `jf.seal/1`.
    pub fn seal(&self, plain: &[u8], bound: &[u8]) -> Result<String, Error> {
        self.core.call_host(|services| {
            let (context, seal) = slot!(services, seal, seal, "jf.seal/1")?;
            sealed(
                |out, why| unsafe { seal(context, view(plain), view(bound), out, why) },
                "it cannot be sealed",
            )
            .and_then(|text| Ok(std::str::from_utf8(&text)?.to_owned()))
        })
    }

    /// Opens what [`seal`](Host::seal) gave for the same `bound`. [`Status::Invalid`](crate::Status) for
    /// everything else. `jf.seal/1`.
    pub fn unseal(&self, sealed_text: &str, bound: &[u8]) -> Result<Blob, Error> {
        self.core.call_host(|services| {
            let (context, open) = slot!(services, seal, open, "jf.seal/1")?;
            let text = view(sealed_text.as_bytes());
            sealed(|out, why| unsafe { open(context, text, view(bound), out, why) }, "it cannot be opened")
        })
    }

    // ---- Memory ----

    /// Zeroed memory that counts towards the instance's limit; [`Status::Busy`](crate::Status) at the limit.
    /// `jf.memory/1`.
    pub fn allocate(&self, size: usize) -> Result<HostMemory, Error> {
        HostMemory::allocate(self, size)
    }

    /// Runs `body` on the lane: at once if this thread is on it.
    pub(crate) fn on_lane_later(&self, body: impl FnOnce(&Lane) + Send + 'static) {
        if self.core.is_on_lane() {
            self.core.run("the end of a handle", body);
        } else {
            // After `stop` there is nothing left to end.
            let _ = self.post(body);
        }
    }
}

fn sealed(call: impl FnOnce(*mut jf_blob, *mut jf_fault) -> i32, what: &str) -> Result<Blob, Error> {
    let (mut out, mut why) = (no_blob(), crate::error::empty_fault());
    match call(&mut out, &mut why) {
        // SAFETY: given to us.
        JF_OK => Ok(unsafe { Blob::take(out) }),
        status => Err(Error::from_host(status, &why, what)),
    }
}

impl std::fmt::Debug for Host {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Host")
    }
}

/// A closure that runs at most once, on the lane.
pub(crate) struct Once<F: ?Sized>(Mutex<Option<Box<F>>>);

impl<F: ?Sized> Once<F> {
    pub(crate) fn new(body: Box<F>) -> Once<F> {
        Once(Mutex::new(Some(body)))
    }

    /// The closure, if it was not taken yet. Whoever drops it does so outside the lock.
    pub(crate) fn take(&self) -> Option<Box<F>> {
        lock(&self.0).take()
    }
}
