// SPDX-License-Identifier: Apache-2.0
// Operations of jf.ops/1: requests that are answered now, or later and exactly once.

use super::core::lock;
use super::services::slot;
use super::{Core, Host, Lane};
use crate::error::empty_fault;
use crate::ffi::{blob, no_blob, optional_view, secret_blob};
use crate::sys::*;
use crate::Error;
use std::marker::PhantomData;
use std::mem::take;
use std::sync::{Arc, Mutex, Weak};

/// A result that a question can be answered with: [`ToolResult`](crate::toolset::ToolResult),
/// [`Identification`](crate::auth::Identification) and their like.
pub trait Outcome: Send + 'static + sealed::Sealed {
    /// As it goes to the host.
    #[doc(hidden)]
    fn encode(self) -> Encoded;
    /// How this kind of result says that the work failed; `None`: it cannot, so it is an error of the
    /// protocol.
    #[doc(hidden)]
    fn failure(_text: &str) -> Option<Self>
    where
        Self: Sized,
    {
        None
    }
}

pub(crate) mod sealed {
    pub trait Sealed {}
}

/// What the host gets for a result.
#[doc(hidden)]
#[derive(Debug)]
pub enum Encoded {
    /// JF_OK and these bytes.
    Bytes(Vec<u8>),
    /// The same; wiped in the end.
    Secret(Vec<u8>),
    /// JF_OK without any.
    Nothing,
    /// JF_ABSENT.
    Absent,
    /// An error after all.
    Failed(Error),
}

/// The answer to a question: a result (by `.into()`), or the promise that
/// [`later`](crate::host::Question::later) gave.
#[derive(Debug)]
pub struct Answer<T>(pub(crate) Option<T>);

impl<T: Outcome> From<T> for Answer<T> {
    fn from(result: T) -> Answer<T> {
        Answer(Some(result))
    }
}

/// How one request ended.
pub(crate) type Settled = Encoded;

impl Encoded {
    pub(crate) fn of<T: Outcome>(result: Result<T, Error>) -> Encoded {
        match result {
            Ok(result) => result.encode(),
            Err(error) => match T::failure(error.text()) {
                Some(result) if error.is_tool_failure() => result.encode(),
                _ => Encoded::Failed(error),
            },
        }
    }

    fn into_parts(self) -> (i32, jf_blob, jf_fault) {
        match self {
            Encoded::Bytes(bytes) => (JF_OK, blob(bytes), empty_fault()),
            Encoded::Secret(bytes) => (JF_OK, secret_blob(bytes), empty_fault()),
            Encoded::Nothing => (JF_OK, no_blob(), empty_fault()),
            Encoded::Absent => (JF_ABSENT, no_blob(), empty_fault()),
            Encoded::Failed(error) => (error.status().code(), no_blob(), error.to_fault()),
        }
    }

    /// As a slot answers it.
    ///
    /// # Safety
    ///
    /// The slot's own out-parameters.
    pub(crate) unsafe fn write(self, result: *mut jf_blob, why: *mut jf_fault) -> i32 {
        if let Encoded::Failed(error) = self {
            return error.write(why);
        }
        let (status, blob, _) = self.into_parts();
        *result = blob;
        status
    }
}

/// What a slot's method came to: `None` where it is answered later, or was already.
pub(crate) fn settle<T>(answered: Result<Answer<T>, Error>, op: Option<Arc<Op>>) -> Option<Result<T, Error>> {
    match (answered, op) {
        (Ok(Answer(None)), Some(op)) => op.leave_open().map(Err),
        (Ok(Answer(None)), None) => Some(Err(Error::fault("an answer for later belongs to another request"))),
        (Ok(Answer(Some(result))), None) => Some(Ok(result)),
        (Ok(Answer(Some(result))), Some(op)) => op.supersede(Ok(result)),
        (Err(error), None) => Some(Err(error)),
        (Err(error), Some(op)) => op.supersede(Err(error)),
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Phase {
    /// The slot has not returned.
    InSlot,
    /// The slot answered JF_PENDING.
    Open,
    /// Answered.
    Over,
}

struct State {
    phase: Phase,
    /// The author let go of it inside the slot, whose end decides.
    is_dropped: bool,
    on_cancel: Option<Hook>,
}

type Hook = Box<dyn FnOnce(&Lane) + Send>;

/// One open operation of the host's.
pub(crate) struct Op {
    handle: jf_ref,
    core: Arc<Core>,
    state: Mutex<State>,
}

impl Op {
    pub(crate) fn new(handle: jf_ref, core: &Arc<Core>) -> Arc<Op> {
        let state = State { phase: Phase::InSlot, is_dropped: false, on_cancel: None };
        let op = Arc::new(Op { handle, core: Arc::clone(core), state: Mutex::new(state) });
        core.open_op(&op);
        op
    }

    pub(crate) fn handle(&self) -> jf_ref {
        self.handle
    }

    /// Takes the right to answer, once; `None`: it is taken. With it comes the cancel hook, which the caller
    /// drops outside of every lock, since its closure is the author's.
    fn claim(&self) -> Option<Option<Hook>> {
        let mut state = lock(&self.state);
        if state.phase == Phase::Over {
            return None;
        }
        state.phase = Phase::Over;
        let hook = take(&mut state.on_cancel);
        drop(state);
        self.core.close_op(self.handle);
        Some(hook)
    }

    /// Answers through the host. False: it was answered already, or the plugin was stopped.
    pub(crate) fn finish(&self, outcome: Settled) -> bool {
        let mut hook = None;
        let finished = self.core.with_host(|services| {
            // `later` looked for the slot.
            let (context, finish) = slot!(services, ops, finish, "jf.ops/1").ok()?;
            // Inside `with_host`, so that `stop` either finds it claimed and finished, or claims it itself.
            hook = self.claim()?;
            let (status, mut result, why) = outcome.into_parts();
            // SAFETY: [any]; the result is the host's in every case.
            Some(unsafe { finish(context, self.handle, status, &mut result, &why) } == JF_OK)
        });
        drop(hook);
        finished.flatten().unwrap_or(false)
    }

    /// What the host says of it: JF_OK while somebody waits.
    fn host_state(&self) -> i32 {
        if lock(&self.state).phase == Phase::Over {
            return JF_E_STALE;
        }
        let state = self.core.call_host(|services| {
            let (context, state) = slot!(services, ops, state, "jf.ops/1")?;
            // SAFETY: [any].
            Ok(unsafe { state(context, self.handle) })
        });
        state.unwrap_or(JF_E_GONE)
    }

    /// Nobody will answer it any more.
    fn abandon(&self) {
        let mut state = lock(&self.state);
        match state.phase {
            Phase::Over => return,
            Phase::InSlot => {
                state.is_dropped = true;
                return;
            }
            Phase::Open => {}
        }
        drop(state);
        let why = match self.host_state() {
            status if status < 0 => Error::from_status(status, "nobody waits for the answer"),
            _ => dropped(),
        };
        self.finish(Settled::Failed(why));
    }

    /// The slot ends with an answer of its own. `None`: the operation was finished already, and that counts.
    pub(crate) fn supersede<R>(&self, outcome: R) -> Option<R> {
        self.claim().map(|_hook| outcome)
    }

    /// The slot ends with a promise. `Some`: it was broken before it was given.
    pub(crate) fn leave_open(&self) -> Option<Error> {
        let mut state = lock(&self.state);
        if state.phase == Phase::InSlot && !state.is_dropped {
            state.phase = Phase::Open;
            return None;
        }
        drop(state);
        self.supersede(dropped())
    }

    /// The caller left or ran out of time; on the lane.
    pub(crate) fn cancel(&self, lane: &Lane) {
        let hook = take(&mut lock(&self.state).on_cancel);
        if let Some(hook) = hook {
            hook(lane);
        }
    }
}

fn dropped() -> Error {
    Error::fault(match std::thread::panicking() {
        true => "the plugin panicked before it had answered the request",
        false => "the plugin dropped a request without an answer",
    })
}

/// The right and the duty to answer one request, once, from any thread.
///
/// Answering takes it. Should it be dropped without an answer, the request fails, so that no client waits for
/// ever. When the plugin is stopped, what is still open fails by itself, and answers do nothing.
#[must_use = "dropping it fails the request"]
pub struct Pending<T> {
    pub(crate) op: Arc<Op>,
    pub(crate) kind: PhantomData<fn() -> T>,
}

impl<T: Outcome> Pending<T> {
    /// Answers with a result. False: nobody could be told, since the plugin was stopped or the time was over.
    pub fn finish(self, result: T) -> bool {
        self.op.finish(Settled::of(Ok(result)))
    }

    /// Answers with an error, just as returning it from the facet's method would.
    pub fn fail(self, error: Error) -> bool {
        self.op.finish(Settled::of::<T>(Err(error)))
    }

    /// Answers with either.
    pub fn settle(self, result: Result<T, Error>) -> bool {
        self.op.finish(Settled::of(result))
    }
}

impl<T> Pending<T> {
    /// Whether somebody still waits: false when the caller left or ran out of time.
    pub fn is_wanted(&self) -> bool {
        self.op.host_state() == JF_OK
    }

    /// Reports progress to a caller that asked for it; dropped otherwise. `total` 0: unknown.
    pub fn progress(&self, done: f64, total: f64, text: Option<&str>) {
        self.op.core.with_host(|services| {
            if let Ok((context, progress)) = slot!(services, ops, progress, "jf.ops/1") {
                let text = optional_view(text.map(str::as_bytes));
                // SAFETY: [any]; the text is borrowed.
                unsafe { progress(context, self.op.handle, done, total, text) };
            }
        });
    }

    /// A handle to hear of the caller's leave, which does not keep the request open.
    pub fn cancel_hook(&self) -> CancelHook {
        CancelHook(Arc::downgrade(&self.op))
    }
}

impl<T> Drop for Pending<T> {
    fn drop(&mut self) {
        self.op.abandon();
    }
}

impl<T> std::fmt::Debug for Pending<T> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Pending({:#x})", self.op.handle)
    }
}

/// Hears when the caller of a [`Pending`] request leaves or runs out of time.
#[derive(Clone)]
pub struct CancelHook(Weak<Op>);

impl CancelHook {
    /// Runs `body` on the lane when nobody waits any more: stop the work, and drop or answer the [`Pending`].
    /// Replaces an earlier body. Dropped without being run when the request is answered. `jf.loop/1`.
    pub fn on_cancel(&self, body: impl FnOnce(&Lane) + Send + 'static) {
        let body: Hook = Box::new(body);
        let old = match self.0.upgrade() {
            Some(op) => {
                let mut state = lock(&op.state);
                if state.phase == Phase::Over {
                    Some(body)
                } else {
                    state.on_cancel.replace(body)
                }
            }
            None => Some(body),
        };
        drop(old);
    }
}

impl std::fmt::Debug for CancelHook {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("CancelHook")
    }
}

/// The slot `cancel` of a facet: brings the news to the lane. Any thread.
pub(crate) fn cancel(host: &Host, handle: jf_ref) {
    if let Some(op) = host.core.op(handle) {
        // Without jf.loop/1 nobody can be told; `is_wanted` still says so.
        let _ = host.post(move |lane| op.cancel(lane));
    }
}
